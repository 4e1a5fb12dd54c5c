//! The key of a row. Its `rowId` says whose the row is and has the row's own ids; in a report, what the request asks for and what
//! tells the rows of one answer apart.

use xxhash_rust::xxh3::xxh3_64;

use super::seen::{Hashes, HashesOf};
use crate::json::{self, JsonError, RowNotes, text_of};
use crate::streams::{Days, Report, Slice, Source, Stream};

/// A part of a key of more bytes than this stands there as its hash.
const MAX_PART: usize = 1000;
/// Rows of one answer whose keys are compared; no day of a report has nearly as many.
const MOST: usize = 800_000;

/// Makes the keys of rows.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// What all rows of the slice share.
    prefix: String,
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
    /// A slice of `stream` begins.
    pub(super) fn begin(&mut self, stream: &Stream, slice: &Slice) {
        let day = slice.window().filter(|_| stream.has_date_type()).map(|window| window.first_day().to_string());
        let account = slice.partition.account.into_iter().flat_map(|account| [account.kind.to_string(), account.id.to_string()]);
        let parts: Vec<String> = day.into_iter().chain(account).chain(slice.partition.region.clone()).collect();
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
            Source::Events(_) | Source::Reference { .. } => self.of_ids(stream.row_key, row, notes),
        }
    }

    /// The key that was made last, as it stands within quotes.
    pub(super) fn row_id(&self) -> &[u8] {
        &self.row_id
    }

    /// A row that has ids of its own must have all of them.
    fn of_ids(&mut self, row_key: &[&str], row: &[u8], notes: &RowNotes) -> Result<(), JsonError> {
        self.row_id.extend_from_slice(self.prefix.as_bytes());
        for (slot, field) in row_key.iter().enumerate() {
            let id = notes.integer(row, slot).ok_or_else(|| JsonError::Shape(format!("a row has no `{field}`")))?;
            self.row_id.push(b'|');
            self.row_id.extend_from_slice(&id);
        }
        Ok(())
    }

    /// A row of a report has no id; of what it is told apart by, much may be absent.
    fn of_report(&mut self, report: &Report, row_key: &[&str], row: &[u8], notes: &RowNotes) -> Result<(), JsonError> {
        let mut slots = 0..;
        if matches!(report.days, Days::InRows(_)) {
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
            match text_of(value.unwrap_or_default()) {
                long if long.len() > MAX_PART => {
                    self.row_id.extend_from_slice(format!("#{:016x}", xxh3_64(long)).as_bytes());
                }
                part => self.row_id.extend_from_slice(part),
            }
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
    use chrono_tz::Tz;

    use super::*;
    use crate::json::{Schema, SchemaOptions};
    use crate::streams::{AccountId, AccountKind, Cut, Partition, find, json_schema};

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
        let mut keys = Keys::default();
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
        let row = r#"{"advertiserId":90210,"currency":"EUR"}"#;
        let key = key_of("stats_by_publisher", AccountKind::Advertiser, 90210, row);
        assert_eq!(key.as_deref(), Ok("advertiser|90210|90210|||EUR"));
    }
}
