//! What a row tells: whether it belongs to the table, whether the destination has it, and what else its fields say to whom.

use chrono::{NaiveDate, NaiveDateTime};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::RecordWriter;
use crate::json::{self, JsonError, text_of};
use crate::streams::{AccountKind, Cut, Feed, Role, Source};
use crate::sync::blocks::block_of;
use crate::sync::finder::ChangedRow;
use crate::sync::object::member;

/// Capture slots of events, in the order given to `SchemaOptions::captured`; their key is one field, in slot 0.
const STAMP: usize = 1;
const STATUS: usize = 2;
/// Those of the fields that say which days of reports a transaction changes.
pub(super) const CHANGED: [&str; 3] = ["validationDate", "advertiserId", "publisherId"];
const DECIDED: usize = 3;
const ADVERTISER: usize = 4;
const PUBLISHER: usize = 5;
/// That of the field that says whether the publisher was paid.
const PAID: usize = 6;

impl RecordWriter {
    /// False for a row of a report that carries its date, if the date is not among those that are to be read.
    pub(super) fn is_of_an_asked_day(&self, row: &[u8]) -> bool {
        let Some(Cut::Days(_, days)) = self.slice.as_ref().map(|slice| &slice.cut) else { return true };
        let date = self.row.value(row, 0).map(text_of).and_then(|date| date.get(..10));
        let date = date.and_then(|date| std::str::from_utf8(date).ok()?.parse::<NaiveDate>().ok());
        date.is_none_or(|date| days.contains(&date))
    }

    /// Whether the row lies on a seam of its window; nothing if it lies outside of the table's range.
    pub(super) fn place_in_table(&mut self, row: &[u8]) -> Result<Option<bool>, JsonError> {
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
        let account = self.slice.as_ref().and_then(|slice| slice.partition.account);
        let awaits_payment = account.is_some_and(|account| account.kind == AccountKind::Publisher)
            && status == Some(b"\"approved\"")
            && !self.row.value(row, PAID).is_some_and(|paid| matches!(text_of(paid), b"true" | b"1"));
        if events.paid.is_some() && awaits_payment {
            let day = std::str::from_utf8(day).ok().and_then(|day| day.parse().ok());
            self.unpaid.extend(day.map(block_of));
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
    /// without a date is never taken for known.
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
    pub(super) fn is_sent(&mut self, row: &[u8], hash: u64) -> bool {
        let (Some(remembered), Some(slice)) = (&mut self.sent, &self.slice) else { return false };
        let sent = slice.partition.account.and_then(|account| remembered.by_account.get_mut(&account));
        let (Some(sent), room) = (sent, &mut remembered.room) else { return false };
        let key = self.row.value(row, 0).map(xxh3_64).unwrap_or_default();
        match slice.lane.role {
            // An old sale that is looked after goes out as it is.
            Role::Again => false,
            Role::Changes { .. } => sent.has(key, hash, room),
            Role::Main | Role::Deleted => {
                let stamp = self.row.value(row, STAMP).and_then(|raw| json::stamp(text_of(raw), self.zone));
                if stamp.is_some_and(|stamp| &stamp[..10] >= remembered.shown_again.as_bytes()) {
                    return sent.has(key, hash, room);
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
            row,
            sold: value(STAMP),
            decided: value(DECIDED),
            advertiser: number(ADVERTISER),
            publisher: number(PUBLISHER),
        };
        sale.note(changes, slice.lane, account.kind, self.zone, self.zone);
    }

    /// Counts sales, of which a report has some on each day, and those of `transactions` if reports want to know.
    pub(super) fn count(&mut self, row: &[u8]) {
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
}

/// A member of an object.
fn member_of<'t>(object: &'t [u8], name: &'static str) -> Option<&'t [u8]> {
    let object: &RawValue = serde_json::from_slice(object).ok()?;
    member(object, name).ok().flatten().map(|value| value.get().as_bytes())
}
