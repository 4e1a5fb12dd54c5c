//! The `rowId` of a report's row: what the request asks for, and what tells the rows of one answer apart.

use xxhash_rust::xxh3::xxh3_64;

use super::seen::{Hashes, HashesOf};
use crate::json::{self, JsonError, RowNotes, text_of};
use crate::streams::{Days, Report, Slice};

/// A part of a key of more bytes than this stands there as its hash.
const MAX_PART: usize = 1000;
/// Rows of one answer whose keys are compared; no day of a report has nearly as many.
const MOST: usize = 800_000;

/// Makes the keys of a report's rows.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// What all rows of the slice share.
    prefix: String,
    row_id: Vec<u8>,
    /// Keys of the answer so far.
    known: Hashes,
    /// Those that came more than once, and how often.
    repeated: HashesOf<u32>,
    /// Rows that share their key with another row of the same answer.
    pub(super) same_key: u64,
}

impl Keys {
    /// A slice begins.
    pub(super) fn begin(&mut self, report: &Report, slice: &Slice) {
        let mut parts: Vec<String> = Vec::new();
        if let (Days::Asked, Some(window)) = (report.days, slice.window()) {
            parts.push(window.first_day().to_string());
        }
        if let Some(account) = slice.partition.account {
            parts.extend([account.kind.to_string(), account.id.to_string()]);
        }
        parts.extend(slice.partition.region.clone());
        self.prefix = parts.join("|");
    }

    /// An answer begins, perhaps not the first one for the slice.
    pub(super) fn begin_answer(&mut self) {
        self.known.clear();
        self.repeated.clear();
    }

    /// The key of `row`, as it stands within quotes. Its captured fields are the `date`, if rows carry it, and the row key.
    pub(super) fn row_id(&mut self, report: &Report, row: &[u8], notes: &RowNotes) -> Result<&[u8], JsonError> {
        self.row_id.clear();
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
        for (slot, _) in slots.zip(report.row_key) {
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
        Ok(&self.row_id)
    }
}
