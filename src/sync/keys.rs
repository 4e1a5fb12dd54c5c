//! The key of a row. Its `rowId` says whose the row is and has the row's own ids; in a report, what the request asks for and what
//! tells the rows of one answer apart.

use std::borrow::Cow;

use chrono_tz::Tz;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::seen::{Hashes, HashesOf};
use crate::json::{self, JsonError, RowNotes, text_of};
use crate::streams::{Cut, DaySource, Report, Slice, Source, Stream};

/// A part of a key of more bytes than this stands there as its hash.
const MAX_PART: usize = 1000;
/// Rows of one answer whose keys are compared; no day of a report has nearly as many.
const MOST: usize = 800_000;

/// What a field of a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Integer,
    Text,
    Stamp,
}

/// Makes the keys of rows.
#[derive(Debug)]
pub(super) struct Keys {
    /// What the fields of the key hold, by the schema.
    parts: Vec<Part>,
    zone: Tz,
    /// What all rows of the slice share.
    prefix: String,
    /// Fields of the key that the request says and the rows do not: the first ones.
    given: usize,
    /// The last key.
    row_id: Vec<u8>,
    /// Keys of the answer so far.
    known: Hashes,
    /// Those that came more than once, and how often.
    repeated: HashesOf<u32>,
    /// Rows that share their key with another row of the same answer.
    pub(super) same_key: u64,
}

impl Keys {
    /// For rows of `stream`, whose schema is `schema`, with stamps in `zone`.
    pub(super) fn new(stream: &Stream, schema: &Value, zone: Tz) -> Self {
        let part = |field: &&str| {
            let column = &schema["properties"][field];
            let is_text =
                column["type"] == "string" || column["type"].as_array().is_some_and(|types| types.contains(&"string".into()));
            match column["format"].as_str() {
                Some("date-time") => Part::Stamp,
                _ if is_text => Part::Text,
                _ => Part::Integer,
            }
        };
        let parts = stream.row_key.iter().map(part).collect();
        let (known, repeated) = (Hashes::default(), HashesOf::default());
        Self { parts, zone, prefix: String::new(), given: 0, row_id: Vec::new(), known, repeated, same_key: 0 }
    }

    /// A slice of `stream` begins.
    pub(super) fn begin(&mut self, stream: &Stream, slice: &Slice) {
        let day = slice.window().filter(|_| stream.has_date_type()).map(|window| window.first_day().to_string());
        let account = slice.partition.account.into_iter().flat_map(|account| [account.kind.to_string(), account.id.to_string()]);
        let payment = if let Cut::Payment(payment) = &slice.cut { Some(payment.id.to_string()) } else { None };
        self.given = usize::from(payment.is_some());
        let parts: Vec<String> = day.into_iter().chain(account).chain(slice.partition.region.clone()).chain(payment).collect();
        self.prefix = parts.join("|");
    }

    /// An answer begins, perhaps not the first one for the slice.
    pub(super) fn begin_answer(&mut self) {
        self.known.clear();
        self.repeated.clear();
    }

    /// Makes the key of `row`. The captured fields begin with the `date`, in a report whose rows carry it, and the row key.
    pub(super) fn make(&mut self, stream: &Stream, row: &[u8], notes: &RowNotes) -> Result<(), JsonError> {
        self.row_id.clear();
        match &stream.source {
            Source::Report(report) => self.of_report(report, stream.row_key, row, notes),
            Source::Events(_) | Source::Payments | Source::Rates | Source::Lists(_) | Source::Reference { .. } => {
                self.of_ids(stream.row_key, false, row, notes)
            }
            // Which fields there are has not been seen; with one of them a row can be told apart.
            Source::Feed(_) => self.of_ids(stream.row_key, true, row, notes),
        }
    }

    /// The key that was made last, as it stands within quotes.
    pub(super) fn row_id(&self) -> &[u8] {
        &self.row_id
    }

    /// A row that has ids of its own must have all of them; at least one, if `any` will do.
    fn of_ids(&mut self, row_key: &[&str], any: bool, row: &[u8], notes: &RowNotes) -> Result<(), JsonError> {
        self.row_id.extend_from_slice(self.prefix.as_bytes());
        let mut has_any = false;
        for (slot, field) in row_key.iter().enumerate().skip(self.given) {
            let text = || notes.value(row, slot).filter(|raw| raw.starts_with(b"\"")).map(text_of);
            let part = match self.parts.get(slot) {
                Some(Part::Text) => text().map(Cow::Borrowed),
                Some(Part::Stamp) => text().and_then(|text| json::stamp(text, self.zone)),
                Some(Part::Integer) | None => notes.integer(row, slot),
            };
            if part.is_none() && !any {
                return Err(JsonError::Shape(format!("a row has no `{field}`")));
            }
            has_any |= part.is_some();
            self.row_id.push(b'|');
            self.add(&part.unwrap_or_default());
        }
        if !has_any {
            return Err(JsonError::Shape(format!("a row has no `{}`", row_key.join("` and no `"))));
        }
        if self.parts.contains(&Part::Text) {
            json::mend_surrogates(&mut self.row_id);
        }
        Ok(())
    }

    fn add(&mut self, part: &[u8]) {
        if part.len() > MAX_PART {
            self.row_id.extend_from_slice(format!("#{:016x}", xxh3_64(part)).as_bytes());
        } else {
            self.row_id.extend_from_slice(part);
        }
    }

    /// A row of a report has no id; of what it is told apart by, much may be absent.
    fn of_report(&mut self, report: &Report, row_key: &[&str], row: &[u8], notes: &RowNotes) -> Result<(), JsonError> {
        let mut slots = 0..;
        if matches!(report.days, DaySource::InRows(_)) {
            let is_sound = !notes.changes.iter().any(|change| change.field == "date");
            let date = notes.value(row, 0).filter(|_| is_sound).map(text_of).and_then(|date| date.get(..10));
            let date = date.ok_or_else(|| JsonError::Shape("a row has no `date` that is one".into()))?;
            self.row_id.extend_from_slice(date);
            self.row_id.push(b'|');
            slots = 1..;
        }
        self.row_id.extend_from_slice(self.prefix.as_bytes());
        for (slot, _) in slots.zip(row_key) {
            self.row_id.push(b'|');
            // What is not a scalar is null in its column.
            let value = notes.value(row, slot).filter(|raw| !raw.starts_with(b"{") && !raw.starts_with(b"["));
            self.add(text_of(value.unwrap_or_default()));
        }
        json::mend_surrogates(&mut self.row_id);
        let hash = xxh3_64(&self.row_id);
        if self.known.len() < MOST && !self.known.insert(hash) {
            // Not known to happen. Were it to, a shared key would lose numbers silently.
            let count = self.repeated.entry(hash).or_insert(1);
            *count += 1;
            self.row_id.extend_from_slice(format!("#{count}").as_bytes());
            self.same_key += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Schema, SchemaOptions};
    use crate::streams::{AccountId, AccountKind, Partition, find, json_schema};

    fn key_of(stream_name: &str, kind: AccountKind, id: u64, row: &str) -> Result<String, String> {
        let stream = find(stream_name).expect("a stream");
        let options = SchemaOptions {
            added: stream.added,
            captured: stream.row_key,
            null_texts: stream.null_texts,
            others: "otherFields",
            money: ["amount", "currency"],
            zone: Tz::UTC,
        };
        let (mut out, mut notes) = (Vec::new(), RowNotes::default());
        let text = format!("{row} ");
        Schema::new(&json_schema(stream), options).transcode(text.as_bytes().into(), &mut out, &mut notes).expect("a row");
        let partition = Partition { account: Some(AccountId { kind, id }), region: None };
        let mut keys = Keys::new(stream, &json_schema(stream), Tz::UTC);
        keys.begin(stream, &Slice { partition, lane: &stream.lanes()[0], cut: Cut::Whole });
        match keys.make(stream, text.as_bytes(), &notes) {
            Ok(()) => Ok(String::from_utf8(keys.row_id().to_vec()).expect("UTF-8")),
            Err(JsonError::Shape(why)) => Err(why),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn the_key_of_a_row_with_ids_is_side_account_and_ids_as_they_stand_in_their_columns() {
        use AccountKind::{Advertiser, Publisher};
        for (stream, kind, id, row, key) in [
            ("transactions", Advertiser, 90210, r#"{"id":2900000017}"#, "advertiser|90210|2900000017"),
            ("transactions", Publisher, 500_321, r#"{"id":2900000017}"#, "publisher|500321|2900000017"),
            ("transactions", Publisher, 500_321, r#"{"id":"007"}"#, "publisher|500321|7"),
            ("transactions", Publisher, 500_321, r#"{"id":2.9e3}"#, "publisher|500321|2900"),
            ("transaction_queries", Publisher, 500_321, r#"{"enquiryId":5.0}"#, "publisher|500321|5"),
            ("publishers", Advertiser, 90210, r#"{"name":"a|b","id":500321}"#, "advertiser|90210|500321"),
            ("programmes", Publisher, 500_321, r#"{"id":90210}"#, "publisher|500321|90210"),
            ("programme_details", Publisher, 500_321, r#"{"advertiserId":90210}"#, "publisher|500321|90210"),
            (
                "commission_groups",
                Publisher,
                500_321,
                r#"{"groupId":330011,"advertiserId":90210}"#,
                "publisher|500321|90210|330011",
            ),
            ("payments", Publisher, 500_321, r#"{"paymentId":"77"}"#, "publisher|500321|77"),
            ("partnerships", Publisher, 500_321, r#"{"advertiserId":90210}"#, "publisher|500321|90210|"),
            ("partnerships", Advertiser, 90210, r#"{"publisherId":500321}"#, "advertiser|90210||500321"),
            ("billing_documents", Advertiser, 90210, r#"{"documentNumber":"A-7"}"#, "advertiser|90210|A-7"),
            (
                "prepayment_changes",
                Advertiser,
                90210,
                r#"{"status":"OFFLINE","statusChangedAt":"2026-03-01T08:00:00Z"}"#,
                "advertiser|90210|2026-03-01T08:00:00|OFFLINE",
            ),
        ] {
            assert_eq!(key_of(stream, kind, id, row).as_deref(), Ok(key), "{stream} {row}");
        }
    }

    #[test]
    fn a_row_without_one_of_its_ids_has_no_key_but_a_row_of_a_report_has() {
        for (stream, row, field) in [
            ("transactions", "{}", "id"),
            ("transactions", r#"{"id":null}"#, "id"),
            ("transactions", r#"{"id":"x"}"#, "id"),
            ("transactions", r#"{"id":1.5}"#, "id"),
            ("accounts", r#"{"accountName":"x"}"#, "accountId"),
            ("commission_groups", r#"{"groupId":7}"#, "advertiserId"),
            ("commission_groups", r#"{"advertiserId":7}"#, "groupId"),
        ] {
            let why = format!("a row has no `{field}`");
            assert_eq!(key_of(stream, AccountKind::Publisher, 1, row), Err(why), "{stream} {row}");
        }
        let why = "a row has no `advertiserId` and no `publisherId`".to_owned();
        assert_eq!(key_of("partnerships", AccountKind::Publisher, 1, "{}"), Err(why));
        let row = r#"{"advertiserId":90210,"currency":"EUR"}"#;
        let key = key_of("stats_by_publisher", AccountKind::Advertiser, 90210, row);
        assert_eq!(key.as_deref(), Ok("advertiser|90210|90210|||EUR"));
    }
}
