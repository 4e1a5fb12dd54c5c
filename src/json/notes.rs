//! What transcoding a row found out beside its text.

use std::borrow::Cow;
use std::ops::Range;

use super::{conversions, scanner};
use crate::protocol::Change;

/// Notes on one row. Reused from row to row, so that no row allocates.
#[derive(Debug, Default)]
pub struct RowNotes {
    /// Per slot: where the captured value stands in the row's bytes; `None` if the field was absent.
    pub(crate) captured: Vec<Option<Range<usize>>>,
    /// Fields that the schema does not know, as `"name":value,"name":value`.
    pub others: Vec<u8>,
    /// Names of those fields, still escaped.
    pub(crate) other_names: Vec<Range<usize>>,
    /// What was converted to null or cut.
    pub changes: Vec<Change>,
}

impl RowNotes {
    /// Forgets the row before; the next one has `slots` fields to be captured.
    pub(super) fn clear(&mut self, slots: usize) {
        self.captured.clear();
        self.captured.resize(slots, None);
        self.others.clear();
        self.other_names.clear();
        self.changes.clear();
    }

    /// The raw bytes of the value in `slot`: `None` if the field is absent or null.
    pub(crate) fn value<'b>(&self, row: &'b [u8], slot: usize) -> Option<&'b [u8]> {
        let raw = &row[self.captured.get(slot)?.clone()?];
        (raw != b"null").then_some(raw)
    }

    /// The integer in `slot`, as it stands in its column however the row writes it.
    pub fn integer<'b>(&self, row: &'b [u8], slot: usize) -> Option<Cow<'b, [u8]>> {
        let raw = self.value(row, slot)?;
        if raw.len() < 300 && raw.iter().all(u8::is_ascii_digit) {
            return Some(Cow::Borrowed(raw));
        }
        conversions::integer(scanner::text_of(raw)).map(|text| Cow::Owned(text.into_bytes()))
    }
}
