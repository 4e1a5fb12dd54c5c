//! From a row of Awin to a RECORD line: fit it to the schema, decide whether it belongs, add what the connector adds.

use std::collections::BTreeSet;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::bad_rows::BadRows;
use super::booking::{Booked, FIGURES};
use super::envelope::{EmissionClock, Envelope};
use super::finder::{Findings, Listening};
use super::keys::Keys;
use super::notes::Notes;
use super::pages::Shown;
use super::plan::Plan;
use super::scope::days_before;
use super::seen::Seen;
use super::sent::{MOST_OF_ALL, Sent, SentBy};
use super::tally::Tally;
use crate::config::Config;
use crate::json::{JsonError, RawRow, RowNotes, Schema, SchemaOptions, Splitter, Step, value_end};
use crate::protocol::{Descriptor, Emitter};
use crate::streams::{AccountId, DaySource, Moment, Paging, Slice, Source, Stream, json_schema, midnight};

mod place;

/// Which rows the destination has.
struct Remembered {
    by_account: SentBy<AccountId>,
    /// The first day whose rows the next run is shown again.
    shown_again: String,
    /// How many rows more can be remembered.
    room: usize,
}

/// Writes the RECORD lines of a stream.
pub struct RecordWriter {
    stream: &'static Stream,
    schema: Schema,
    row: RowNotes,
    envelope: Envelope,
    /// First and last day of the table.
    days: [String; 2],
    zone: chrono_tz::Tz,
    /// The slice in words, for a row that cannot be read.
    place: String,
    seams: [String; 2],
    keys: Keys,
    seen: Seen,
    notes: Notes,
    clock: EmissionClock,
    bad_rows: BadRows,
    /// What a report that is asked day by day counts.
    booked: Booked,
    /// Is told which sales changed, if reports want to know.
    listening: Option<Listening>,
    /// The slice.
    slice: Option<Slice>,
    /// What the answer showed so far of where it stands among its pages.
    shown: Shown,
    /// In a list that begins with the newest row: the day before which all is known.
    known_before: String,
    /// The stamp of its last row, if it is to be added to the row.
    added_stamp: Option<String>,
    tally: Tally,
    /// Which rows the destination has, where that is remembered.
    sent: Option<Remembered>,
    /// Whether the slice held a row with status `deleted`.
    pub saw_deleted: bool,
    /// Blocks in which the slice held sales that are approved and unpaid.
    pub(super) unpaid: BTreeSet<i64>,
}

impl RecordWriter {
    /// A writer for `stream` as `descriptor` names it. `bad_rows` are those of the state.
    pub fn new(stream: &'static Stream, descriptor: &Descriptor, bad_rows: &[String], config: &Config, tally: Tally) -> Self {
        let captured = match &stream.source {
            Source::Events(events) => {
                debug_assert_eq!(stream.row_key.len(), 1, "the slots of `place` count on it");
                [stream.row_key, &[events.stamp, events.status], &place::CHANGED[..], events.paid.as_slice()].concat()
            }
            Source::Report(report) => {
                let date = matches!(report.days, DaySource::InRows(_)).then_some("date");
                date.into_iter().chain(stream.row_key.iter().copied()).chain(FIGURES).collect()
            }
            Source::Feed(feed) => [stream.row_key, &[feed.within.unwrap_or(feed.stamp)]].concat(),
            Source::Payments | Source::Rates | Source::Lists(_) | Source::Reference { .. } => stream.row_key.to_vec(),
        };
        let options = SchemaOptions {
            added: stream.added,
            captured: &captured,
            null_texts: stream.null_texts,
            others: "otherFields",
            money: ["amount", "currency"],
            zone: config.timezone,
        };
        let schema = json_schema(stream);
        let last_day = config.end_date.map_or_else(|| "9999-12-31".to_owned(), |day| day.to_string());
        Self {
            stream,
            schema: Schema::new(&schema, options),
            row: RowNotes::default(),
            envelope: Envelope::new(descriptor, stream, config),
            days: [config.start_date.to_string(), last_day],
            zone: config.timezone,
            place: String::new(),
            seams: Default::default(),
            keys: Keys::new(stream, &schema, config.timezone),
            seen: Seen::default(),
            notes: Notes::default(),
            clock: EmissionClock::default(),
            bad_rows: BadRows::new(bad_rows),
            booked: Booked::default(),
            listening: None,
            slice: None,
            shown: Shown::default(),
            known_before: String::new(),
            added_stamp: None,
            tally,
            sent: None,
            saw_deleted: false,
            unpaid: BTreeSet::new(),
        }
    }

    /// From here on skips rows that the destination already has, as far as `plans` knew of them: in a run up to `now`.
    pub(super) fn remember(&mut self, plans: &mut [Plan], now: Moment, config: &Config) {
        let reach = config.end_date.and_then(|day| day.succ_opt()).map_or(now, |day| midnight(now.timezone(), day).min(now));
        let shown_again = days_before(reach, config.lookback_days).date_naive().to_string();
        let of = |plan: &mut Plan| {
            let known = plan.known.as_mut().filter(|known| !known.is_of_the_future(now));
            let text = known.and_then(|known| known.sent.take()).unwrap_or_default();
            plan.partition.account.map(|account| (account, Sent::of(&text)))
        };
        self.sent = Some(Remembered { by_account: plans.iter_mut().filter_map(of).collect(), shown_again, room: MOST_OF_ALL });
    }

    /// Which rows the destination has, as the state keeps it.
    pub(super) fn sent(&self) -> Vec<(AccountId, Option<String>)> {
        let sent = self.sent.iter().flat_map(|sent| &sent.by_account);
        sent.map(|(account, sent)| (*account, sent.text())).collect()
    }

    /// From here on changed sales are told to `listening`.
    pub(super) fn listen(&mut self, listening: Listening) {
        self.listening = Some(listening);
    }

    /// What was found out about changed sales.
    pub(super) fn findings(&mut self) -> Option<Findings> {
        self.listening.take().map(Listening::end)
    }

    /// What a report that is asked day by day counted.
    pub(super) fn booked(&self) -> &Booked {
        &self.booked
    }

    /// The slice was read to its end.
    pub(super) fn succeeded(&mut self) {
        if let Some(slice) = self.slice.as_ref().filter(|_| self.stream.has_date_type()) {
            self.booked.end(slice);
        }
        if let (Some(listening), Some(slice)) = (&mut self.listening, &self.slice) {
            listening.succeeded(slice);
        }
    }

    /// A new slice begins.
    pub fn begin(&mut self, slice: &Slice) {
        let is_same_partition = self.slice.as_ref().is_some_and(|last| last.partition == slice.partition);
        self.slice = Some(slice.clone());
        self.seen.begin(is_same_partition && self.stream.lanes().len() > 1, is_same_partition);
        self.envelope.begin(slice);
        self.keys.begin(self.stream, slice);
        let text = |moment: Moment| moment.naive_local().format("%Y-%m-%dT%H:%M:%S").to_string();
        self.known_before = slice.window().map_or(String::new(), |window| window.first_day().to_string());
        self.seams = slice.window().map_or_else(Default::default, |window| [text(window.from), text(window.to)]);
        let account = slice.partition.account.map_or("the token".to_owned(), |account| account.to_string());
        self.place = format!("{account}, {}", slice.cut);
        self.saw_deleted = false;
        self.unpaid.clear();
    }

    /// Waits until the machine's clock is past the last record, so that none is ever stamped with a moment to come.
    pub async fn settle(&self) {
        while self.clock.is_ahead() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// An answer begins, perhaps not the first one for the slice.
    pub fn begin_answer(&mut self) {
        self.clock.begin();
        self.keys.begin_answer();
        self.bad_rows.begin_answer();
        self.shown = Shown::default();
        self.booked.begin();
    }

    /// An answer has ended. An error is a row of it that cannot be read, seen for the first time.
    pub fn end_answer(&mut self) -> Result<(), String> {
        self.bad_rows.end_answer()
    }

    /// Rows that cannot be read, for the state: those known before, and those of this run.
    pub fn bad_rows(&self) -> Vec<String> {
        self.bad_rows.texts()
    }

    /// What the answer showed of where it stands among its pages, whatever became of its rows.
    pub(super) fn shown(&mut self) -> Shown {
        std::mem::take(&mut self.shown)
    }

    /// Logs what was odd about the rows, each thing once.
    pub fn log_notes(&mut self, emitter: &Emitter) {
        std::mem::take(&mut self.notes).log(self.stream.name, self.keys.same_key, emitter);
    }

    /// Takes the next row out of the splitter and writes its line, if the row belongs to the table.
    pub fn next(&mut self, splitter: &mut Splitter, ended: bool, lines: &mut Vec<u8>) -> Result<Step, JsonError> {
        splitter.next(ended, |row| self.write(row, lines).map_err(Box::new))
    }

    /// Writes the line of `row`, if it belongs to the table, and returns the row's length.
    pub fn write(&mut self, row: RawRow<'_>, lines: &mut Vec<u8>) -> Result<usize, JsonError> {
        let start = lines.len();
        lines.extend_from_slice(self.envelope.prefix());
        let body = lines.len();
        let fitted = self.schema.transcode(row, lines, &mut self.row).map_err(|error| *error);
        let written = fitted.and_then(|length| Ok((length, self.complete(&row.text[..length], lines, body)?)));
        if let (Paging::Offset(_), Ok(_)) = (self.stream.endpoint.paging, &written) {
            self.shown.keys.push(xxh3_64(self.keys.row_id()));
        }
        match written {
            Ok((length, true)) => {
                self.tally.record(lines.len() - start);
                Ok(length)
            }
            Ok((length, false)) => {
                lines.truncate(start);
                Ok(length)
            }
            Err(JsonError::Shape(why)) => {
                lines.truncate(start);
                // It is one row that cannot be read: the others can.
                let length = value_end(row.text).map_err(|error| *error)?;
                if matches!(self.stream.endpoint.paging, Paging::Offset(_)) {
                    self.shown.keys.push(xxh3_64(&row.text[..length]));
                }
                if self.bad_rows.is_known(&row.text[..length], why) {
                    self.notes.passed_over(&self.place);
                }
                Ok(length)
            }
            Err(error) => {
                lines.truncate(start);
                Err(error)
            }
        }
    }

    /// Completes the line of a row that was fitted to the schema. False if the row is not to be emitted.
    fn complete(&mut self, row: &[u8], lines: &mut Vec<u8>, body: usize) -> Result<bool, JsonError> {
        if matches!(self.stream.endpoint.paging, Paging::Numbered(_)) {
            let hash = xxh3_64(row);
            self.shown.digest = self.shown.digest.wrapping_add(hash);
            self.shown.keys.push(hash);
        }
        if !self.is_of_an_asked_day(row) {
            return Ok(false);
        }
        self.keys.make(self.stream, row, &self.row)?;
        let Some(on_seam) = self.place_in_table(row)? else { return Ok(false) };
        if self.stream.has_row_id() {
            lines.extend_from_slice(b",\"rowId\":\"");
            lines.extend_from_slice(self.keys.row_id());
            lines.push(b'"');
        }
        if let (Some(stamp), Source::Feed(feed)) = (&self.added_stamp, &self.stream.source) {
            lines.extend_from_slice(format!(",\"{}\":\"{stamp}\"", feed.stamp).as_bytes());
        }
        if !self.row.others.is_empty() {
            lines.extend_from_slice(b",\"otherFields\":{");
            lines.extend_from_slice(&self.row.others);
            lines.push(b'}');
        }
        if lines[body - 1] == b'{' {
            lines.remove(body); // The comma before the first field, where nothing stands before it.
        }
        let hash = xxh3_64(&lines[body..]);
        if !self.seen.insert(hash, on_seam) {
            return Ok(false);
        }
        self.count(row);
        if self.is_sent(row, hash) {
            self.tally.unchanged();
            return Ok(false);
        }
        self.note(row);
        lines.extend_from_slice(b"},\"emitted_at\":");
        lines.extend_from_slice(self.clock.now().as_bytes());
        if !self.row.changes.is_empty() {
            lines.extend_from_slice(b",\"meta\":{\"changes\":");
            lines.extend_from_slice(&serde_json::to_vec(&self.row.changes).unwrap_or_else(|_| b"[]".to_vec()));
            lines.push(b'}');
        }
        lines.extend_from_slice(b"}}\n");
        Ok(true)
    }

    fn note(&mut self, row: &[u8]) {
        for name in &self.row.other_names {
            self.notes.new_field(&row[name.clone()]);
        }
        for change in &self.row.changes {
            self.notes.change(change);
        }
    }
}
