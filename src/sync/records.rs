//! From a row of Awin to a RECORD line: fit it to the schema, decide whether it belongs, add what the connector adds.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone as _};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::blocks::block_of;
use super::booking::{Booked, FIGURES};
use super::envelope::{EmissionClock, Envelope};
use super::finder::{ChangedRow, Findings, Listening};
use super::keys::Keys;
use super::notes::Notes;
use super::object::member;
use super::pages::Shown;
use super::plan::Plan;
use super::scope::days_before;
use super::seen::Seen;
use super::sent::{Sent, SentBy};
use super::tally::Tally;
use crate::config::Config;
use crate::json::{self, JsonError, RawRow, RowNotes, Schema, SchemaOptions, Splitter, Step, text_of, value_end};
use crate::protocol::{Descriptor, Emitter};
use crate::streams::{AccountId, Cut, Days, Feed, Moment, Paging, Role, Slice, Source, Stream, json_schema, midnight};

/// Rows that cannot be read and are known since an earlier run: more are not a few odd rows but a change of Awin's.
const MAX_BAD_ROWS: usize = 1000;

/// Capture slots of events, in the order given to [`SchemaOptions::captured`]; their key is one field, in slot 0.
const STAMP: usize = 1;
const STATUS: usize = 2;
/// Those of the fields that say which days of reports a transaction changes.
const CHANGED: [&str; 3] = ["validationDate", "advertiserId", "publisherId"];
const DECIDED: usize = 3;
const ADVERTISER: usize = 4;
const PUBLISHER: usize = 5;
/// That of the field that says whether the publisher was paid.
const PAID: usize = 6;

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
    now: Moment,
    /// What the answer showed so far of where it stands among its pages.
    shown: Shown,
    /// In a list that begins with the newest row: the day before which all is known.
    known_before: String,
    /// The stamp of its last row, if it is to be added to the row.
    added_stamp: Option<String>,
    tally: Tally,
    /// Which rows the destination has, by account, and the first day whose rows the next run is shown again.
    sent: Option<(SentBy<AccountId>, String)>,
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
                [stream.row_key, &[events.stamp, events.status], &CHANGED[..], events.paid.as_slice()].concat()
            }
            Source::Report(report) => {
                let date = matches!(report.days, Days::InRows(_)).then_some("date");
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
        let last_day = config.end_date.map_or_else(|| "9999-12-31".to_owned(), |day| day.to_string());
        Self {
            stream,
            schema: Schema::new(&json_schema(stream), options),
            row: RowNotes::default(),
            envelope: Envelope::new(descriptor, stream, config),
            days: [config.start_date.to_string(), last_day],
            zone: config.timezone,
            place: String::new(),
            seams: Default::default(),
            keys: Keys::new(stream, config.timezone),
            seen: Seen::default(),
            notes: Notes::default(),
            clock: EmissionClock::default(),
            bad_rows: BadRows::new(bad_rows),
            booked: Booked::default(),
            listening: None,
            slice: None,
            now: chrono_tz::Tz::UTC.from_utc_datetime(&DateTime::UNIX_EPOCH.naive_utc()),
            shown: Shown::default(),
            known_before: String::new(),
            added_stamp: None,
            tally,
            sent: None,
            saw_deleted: false,
            unpaid: BTreeSet::new(),
        }
    }

    /// From here on rows that the destination has as they are stay home, as far as `plans` know of them: in a run up to `now`.
    pub(super) fn remember(&mut self, plans: &[Plan], now: Moment, config: &Config) {
        let reach = config.end_date.and_then(|day| day.succ_opt()).map_or(now, |day| midnight(now.timezone(), day).min(now));
        let shown_again = days_before(reach, config.lookback_days).date_naive().to_string();
        let of = |plan: &Plan| {
            let text = plan.known.as_ref().and_then(|known| known.sent.as_deref()).unwrap_or_default();
            plan.partition.account.map(|account| (account, Sent::of(text)))
        };
        self.sent = Some((plans.iter().filter_map(of).collect(), shown_again));
    }

    /// Which rows the destination has, as the state keeps it.
    pub(super) fn sent(&self) -> Vec<(AccountId, Option<String>)> {
        self.sent.iter().flat_map(|(sent, _)| sent).map(|(account, sent)| (*account, sent.text())).collect()
    }

    /// From here on changed sales are told to `listening`, in a run that reads up to `now`.
    pub(super) fn listen(&mut self, listening: Listening, now: Moment) {
        (self.listening, self.now) = (Some(listening), now);
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
        self.bad_rows.all.iter().map(|hash| format!("{hash:016x}")).collect()
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
            self.shown.digest = self.shown.digest.wrapping_add(xxh3_64(row));
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
        let _ = write!(lines, "{}", self.clock.now()); // Writing to a Vec cannot fail.
        if !self.row.changes.is_empty() {
            lines.extend_from_slice(b",\"meta\":{\"changes\":");
            lines.extend_from_slice(&serde_json::to_vec(&self.row.changes).unwrap_or_else(|_| b"[]".to_vec()));
            lines.push(b'}');
        }
        lines.extend_from_slice(b"}}\n");
        Ok(true)
    }

    /// False for a row of a report that carries its date, if the date is not among those that are to be read.
    fn is_of_an_asked_day(&self, row: &[u8]) -> bool {
        let Some(Cut::Days(_, days)) = self.slice.as_ref().map(|slice| &slice.cut) else { return true };
        let date = self.row.value(row, 0).map(text_of).and_then(|date| date.get(..10));
        let date = date.and_then(|date| std::str::from_utf8(date).ok()?.parse::<NaiveDate>().ok());
        date.is_none_or(|date| days.contains(&date))
    }

    /// Whether the row lies on a seam of its window; nothing if it lies outside of the table's range.
    fn place_in_table(&mut self, row: &[u8]) -> Result<Option<bool>, JsonError> {
        let events = match &self.stream.source {
            Source::Report(_) | Source::Payments | Source::Lists(_) | Source::Reference { .. } => return Ok(Some(false)),
            Source::Rates => {
                self.shown.start = self.period_start(row);
                return Ok(Some(false));
            }
            Source::Feed(feed) => return Ok(self.is_news(feed, row).then_some(false)),
            Source::Events(events) => events,
        };
        self.note_change(row);
        let stamp = self.row.value(row, STAMP).filter(|raw| raw.starts_with(b"\""));
        let stamp = stamp.and_then(|raw| json::stamp(text_of(raw), self.zone));
        let stamp = stamp.ok_or_else(|| JsonError::Shape(format!("a row has no `{}` that is a date", events.stamp)))?;
        let day = &stamp[..10];
        if day < self.days[0].as_bytes() || day > self.days[1].as_bytes() {
            self.notes.left_out += 1;
            return Ok(None);
        }
        let status = self.row.value(row, STATUS);
        self.saw_deleted |= status == Some(b"\"deleted\"");
        if events.paid.is_some() && status == Some(b"\"approved\"") {
            let is_paid = self.row.value(row, PAID).is_some_and(|paid| matches!(text_of(paid), b"true" | b"1"));
            let day = std::str::from_utf8(day).ok().and_then(|day| day.parse().ok());
            self.unpaid.extend(day.filter(|_| !is_paid).map(block_of));
        }
        Ok(Some(self.seams.iter().any(|seam| stamp.starts_with(seam.as_bytes()))))
    }

    /// When the rates of the row began: the last field of its key.
    fn period_start(&self, row: &[u8]) -> Option<NaiveDateTime> {
        let raw = self.row.value(row, self.stream.row_key.len() - 1)?;
        let stamp = json::stamp(text_of(raw), self.zone)?;
        std::str::from_utf8(&stamp).ok()?.parse().ok()
    }

    /// Whether the row of a list that begins with the newest is not so old that it is known, and within the table's range. One
    /// without a date is never known for sure.
    fn is_news(&mut self, feed: &Feed, row: &[u8]) -> bool {
        let held_by = feed.within.unwrap_or(feed.stamp);
        let slot = self.stream.row_key.iter().position(|field| *field == held_by).unwrap_or(self.stream.row_key.len());
        let raw = self.row.value(row, slot);
        let raw = match feed.within {
            None => raw,
            Some(_) => raw.and_then(|object| member_of(object, feed.stamp)),
        };
        let stamp = raw.filter(|raw| raw.starts_with(b"\"")).and_then(|raw| json::stamp(text_of(raw), self.zone));
        let stamp = stamp.map(|stamp| String::from_utf8_lossy(&stamp).into_owned());
        let day = stamp.as_ref().map(|stamp| stamp[..10].to_owned());
        self.added_stamp = stamp.filter(|_| feed.within.is_some());
        let Some(day) = day else { return true };
        self.shown.is_past = day < self.known_before;
        if feed.is_dated && day > self.days[1] {
            self.notes.left_out += 1;
            return false;
        }
        !self.shown.is_past
    }

    /// Whether the destination has the row as it is, and it is not the last time that anybody is shown it.
    fn is_sent(&mut self, row: &[u8], hash: u64) -> bool {
        let (Some((sent, shown_again)), Some(slice)) = (&mut self.sent, &self.slice) else { return false };
        let Some(sent) = slice.partition.account.and_then(|account| sent.get_mut(&account)) else { return false };
        let key = self.row.value(row, 0).map(xxh3_64).unwrap_or_default();
        match slice.lane.role {
            // An old sale that is looked after goes out as it is.
            Role::Again => false,
            Role::Changes { .. } => sent.has(key, hash),
            Role::Main | Role::Deleted => {
                let stamp = self.row.value(row, STAMP).and_then(|raw| json::stamp(text_of(raw), self.zone));
                if stamp.is_some_and(|stamp| &stamp[..10] >= shown_again.as_bytes()) {
                    return sent.has(key, hash);
                }
                // It leaves the look-back: once more, for a destination that has lost it.
                false
            }
        }
    }

    /// Tells those who listen which days of reports the row changes, whether it is part of the table or not.
    fn note_change(&mut self, row: &[u8]) {
        let (Some(listening), Some(slice)) = (&mut self.listening, &self.slice) else { return };
        let (Some(changes), Some(account)) = (listening.changes(slice), slice.partition.account) else { return };
        let value = |slot| self.row.value(row, slot).map(text_of);
        let number = |slot| value(slot).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let sale = ChangedRow {
            sold: value(STAMP),
            decided: value(DECIDED),
            advertiser: number(ADVERTISER),
            publisher: number(PUBLISHER),
        };
        sale.note(changes, slice.lane, account.kind, self.zone, self.zone, self.now);
    }

    /// Counts sales, of which a report has some on each day, and those of `transactions` if reports want to know.
    fn count(&mut self, row: &[u8]) {
        let value = |slot| self.row.value(row, slot).map(text_of);
        if self.stream.has_date_type() {
            let number = |slot| value(slot).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or_default();
            let first = self.stream.row_key.len();
            self.booked.add([number(first), number(first + 1), number(first + 2), number(first + 3)]);
        } else if let (Some(listening), Some(slice)) = (&mut self.listening, &self.slice) {
            let stamp = self.row.value(row, STAMP).and_then(|raw| json::stamp(text_of(raw), self.zone));
            let day = stamp.and_then(|stamp| std::str::from_utf8(&stamp[..10]).ok()?.parse().ok());
            if let Some(day) = day {
                listening.counts(slice, day, value(STATUS).unwrap_or_default());
            }
        }
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

/// A member of an object.
fn member_of<'t>(object: &'t [u8], name: &'static str) -> Option<&'t [u8]> {
    let object: &RawValue = serde_json::from_slice(object).ok()?;
    member(object, name).ok().flatten().map(|value| value.get().as_bytes())
}

/// Rows that cannot be read (no date, no key). Each fails the first run that meets it and is passed over, with a warning, from
/// the next one on: it must not hold up its account for ever.
struct BadRows {
    /// Of earlier runs.
    known: BTreeSet<u64>,
    /// Those and the ones of this run.
    all: BTreeSet<u64>,
    /// Why the first new one of this answer cannot be read, and how many there are.
    new: Option<(String, u64)>,
}

impl BadRows {
    fn new(known: &[String]) -> Self {
        let known: BTreeSet<u64> = known.iter().filter_map(|text| u64::from_str_radix(text, 16).ok()).collect();
        Self { all: known.clone(), known, new: None }
    }

    fn begin_answer(&mut self) {
        self.new = None;
    }

    /// Whether an earlier run met this row; if not, `why` is remembered.
    fn is_known(&mut self, row: &[u8], why: String) -> bool {
        let hash = xxh3_64(row);
        if self.known.contains(&hash) {
            return true;
        }
        if self.all.len() < MAX_BAD_ROWS {
            self.all.insert(hash);
        }
        self.new.get_or_insert((why, 0)).1 += 1;
        false
    }

    fn end_answer(&mut self) -> Result<(), String> {
        match self.new.take() {
            None => Ok(()),
            Some((why, 1)) => Err(why),
            Some((why, count)) => Err(format!("{why} ({count} rows cannot be read)")),
        }
    }
}
