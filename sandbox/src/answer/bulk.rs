//! Transactions in bulk: blocks of rendered rows are copied and patched as the client reads, so that a body of any size
//! costs a block of memory.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::amount::decimal;
use crate::answer::RowView;
use crate::rules::Bulk;
use crate::sale::Sale;
use crate::world::Kind;
use crate::zone;

const ROWS_PER_BLOCK: u64 = 128;
/// Holds the place of a row's id: as long as the ids that take its place.
const ID_MARK: u64 = 9_999_987_654_321;
const ID_LENGTH: usize = 13;
const STAMP_KEY: &str = "\"transactionDate\":\"";
const STAMP_LENGTH: usize = 19;

/// The blocks of one answer.
pub(crate) struct BulkRows {
    block: Vec<u8>,
    rows: Vec<Marks>,
    view: StampView,
    next: u64,
    count: u64,
    first_id: u64,
    state: Progress,
}

/// Where a row stands in the block.
#[derive(Clone, Copy)]
struct Marks {
    id: usize,
    stamp: usize,
    end: usize,
}

/// What stamps are computed from.
struct StampView {
    start: DateTime<Utc>,
    length: TimeDelta,
    zone: zone::Zone,
    stamps: crate::rules::Stamps,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Opening,
    Rows,
    Done,
}

impl BulkRows {
    /// The rows of a window. (Its end may be in the future; rows lie before the present instant all the same.)
    pub(crate) fn new(bulk: Bulk, start: DateTime<Utc>, end: DateTime<Utc>, view: &RowView<'_>, account_id: u64) -> Self {
        let (block, rows) = render_block(view, start, account_id);
        let day = start.timestamp().div_euclid(86_400).unsigned_abs();
        Self {
            block,
            rows,
            view: StampView {
                start,
                length: (end.min(view.now) - start).max(TimeDelta::zero()),
                zone: view.zone,
                stamps: view.world.rules.stamps,
            },
            next: 0,
            count: bulk.rows_per_window,
            first_id: day * 100_000_000,
            state: Progress::Opening,
        }
    }

    /// The next rows with their ids and stamps, a stamp being shared by the rows of a block.
    fn next_block(&mut self) -> Bytes {
        let rows = usize::try_from((self.count - self.next).min(ROWS_PER_BLOCK)).unwrap_or_default();
        let marks = &self.rows[..rows];
        let mut block = self.block[..marks.last().map_or(0, |last| last.end)].to_vec();
        let stamp = self.view.at(self.next, self.count);
        for (mark, id) in marks.iter().zip(self.first_id + self.next..) {
            write_digits(&mut block[mark.id..mark.id + ID_LENGTH], id);
            block[mark.stamp..mark.stamp + STAMP_LENGTH].copy_from_slice(stamp.as_bytes());
        }
        self.next += rows as u64;
        if self.next == self.count {
            // In place of the comma after the last row.
            block.pop();
            block.push(b']');
            self.state = Progress::Done;
        }
        block.into()
    }
}

impl Iterator for BulkRows {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match self.state {
            Progress::Opening if self.count == 0 => {
                self.state = Progress::Done;
                Some(Bytes::from_static(b"[]"))
            }
            Progress::Opening => {
                self.state = Progress::Rows;
                Some(Bytes::from_static(b"["))
            }
            Progress::Rows => Some(self.next_block()),
            Progress::Done => None,
        }
    }
}

impl StampView {
    /// The stamp of row `row` of `count`, spread evenly over the window.
    fn at(&self, row: u64, count: u64) -> String {
        let share = i128::from(self.length.num_seconds()) * i128::from(row) / i128::from(count.max(1));
        let at = self.start + TimeDelta::seconds(i64::try_from(share).unwrap_or_default());
        zone::stamp(self.zone, at, self.stamps)
    }
}

/// Rows of all shapes, each followed by a comma, with marks where ids and stamps go.
fn render_block(view: &RowView<'_>, at: DateTime<Utc>, account_id: u64) -> (Vec<u8>, Vec<Marks>) {
    let mut block = Vec::new();
    let mut rows = Vec::new();
    for number in 0..ROWS_PER_BLOCK {
        let sale = sample(view, at, account_id, number);
        // The number decides the shape of the row; the mark takes its place.
        let own_id = format!("{{\"id\":{},", sale.id);
        let row = view.render(&sale).replacen(&own_id, &format!("{{\"id\":{ID_MARK},"), 1);
        let start = block.len();
        let stamp = row.find(STAMP_KEY).map_or(0, |found| found + STAMP_KEY.len());
        block.extend_from_slice(row.as_bytes());
        block.push(b',');
        rows.push(Marks { id: start + "{\"id\":".len(), stamp: start + stamp, end: block.len() });
    }
    (block, rows)
}

fn sample(view: &RowView<'_>, at: DateTime<Utc>, account_id: u64, number: u64) -> Sale {
    let (advertiser_id, publisher_id) = match view.side {
        Kind::Advertiser => (account_id, view.world.publishers.first().map_or(1, |publisher| publisher.id)),
        Kind::Publisher => (view.world.programmes.first().map_or(1, |programme| programme.id), account_id),
    };
    let mut sale = Sale::new(number, advertiser_id, publisher_id, at, decimal("1349.00"), decimal("67.45"));
    sale.clicked = Some(at - TimeDelta::minutes(18));
    sale.campaign = view.world.campaigns.first().cloned();
    sale.order_ref = Some(format!("ORD-{number}"));
    sale
}

/// Writes `number` over all of `place`, with leading zeros if need be.
fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}
