//! Repairs of a transcoded row: it is made to fit into a line, and its texts into Unicode.

use std::ops::Range;

use super::scanner::{string, value};
use super::splitter::MAX_ROW;
use crate::protocol::{Change, ChangeKind, ChangeReason};

/// Nulls the largest fields of the transcoded row `out[start..]` until it fits.
pub(super) fn shrink(out: &mut Vec<u8>, start: usize, changes: &mut Vec<Change>) {
    let mut fields = fields_of(out, start);
    fields.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    let mut excess = out.len() - start - MAX_ROW;
    let needed = fields.iter().take_while(|(_, value)| {
        let is_needed = excess > 0;
        excess = excess.saturating_sub(value.len().saturating_sub("null".len()));
        is_needed
    });
    let needed = needed.count();
    fields.truncate(needed);
    fields.sort_by_key(|(_, value)| value.start);
    // What is kept moves forward, over the gaps.
    let (mut from, mut to) = (start, start);
    for (name, value) in fields {
        let field = String::from_utf8_lossy(&out[name]).into_owned();
        changes.push(Change { field, change: ChangeKind::Nulled, reason: ChangeReason::SourceRecordSizeLimitation });
        out.copy_within(from..value.start, to);
        to += value.start - from;
        out[to..to + 4].copy_from_slice(b"null");
        (from, to) = (value.end, to + 4);
    }
    out.copy_within(from.., to);
    out.truncate(out.len() - (from - to));
    out.shrink_to(2 * MAX_ROW);
}

/// Puts the replacement character in the place of halves of surrogate pairs, which no Unicode text can hold: texts that were cut
/// in the middle of an emoji have them, and strict readers refuse the whole line.
pub(super) fn mend_row(out: &mut [u8], start: usize, changes: &mut Vec<Change>) {
    if lone_surrogate(&out[start..], 0).is_none() {
        return;
    }
    for (name, value) in fields_of(out, start) {
        if mend_surrogates(&mut out[value]) {
            changes.push(mended(&String::from_utf8_lossy(&out[name])));
        }
    }
}

pub(super) fn mended(field: &str) -> Change {
    Change { field: field.to_owned(), change: ChangeKind::Truncated, reason: ChangeReason::SourceSerializationError }
}

/// Where names and values stand in the transcoded row `out[start..]`, `,"name":value` each.
fn fields_of(out: &[u8], start: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let mut fields = Vec::new();
    let mut i = start;
    while i < out.len() {
        // Transcoded text is valid by construction; only a number at its very end cannot be told from one that goes on.
        let Ok(name_end) = string(out, i + 1) else { break };
        let end = value(out, name_end + 1).map_or(out.len(), |(end, _)| end);
        fields.push((i + 2..name_end - 1, name_end + 1..end));
        i = end;
    }
    fields
}

/// Position of the next escape, at or after `i`, that is half of a surrogate pair without its other half. `i` must not stand
/// within an escape.
fn lone_surrogate(text: &[u8], mut i: usize) -> Option<usize> {
    let code = |i: usize| -> Option<u32> {
        let digits = text.get(i..i + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    while let Some(offset) = memchr::memchr(b'\\', text.get(i..)?) {
        i += offset;
        i += match code(i) {
            None => 2,
            Some(0xd800..=0xdbff) if matches!(code(i + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => return Some(i),
            Some(_) => 6,
        };
    }
    None
}

/// Overwrites such escapes with that of the replacement character. True if there were any.
pub(crate) fn mend_surrogates(text: &mut [u8]) -> bool {
    let mut i = 0;
    while let Some(lone) = lone_surrogate(text, i) {
        i = lone + 6;
        text[lone..i].copy_from_slice(b"\\ufffd");
    }
    i > 0
}
