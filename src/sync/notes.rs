//! What was odd about the rows of a stream: logged once, at its end.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::seen::Hashes;
use super::summary::counted;
use crate::protocol::{Change, ChangeKind, ChangeReason, Emitter, Level};

/// Unknown fields that are named.
const MAX_NAMED: usize = 50;
/// Unknown fields that are told apart.
const MAX_TOLD_APART: usize = 400_000;
/// Letters of a name that are shown.
const SHOWN: usize = 100;
/// Rows passed over that are named.
const MAX_PASSED_OVER: usize = 20;

/// What one run notes about the rows of a stream.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Unknown fields and how often, as many as are named.
    new_fields: BTreeMap<String, u64>,
    /// The other unknown fields.
    more_fields: Hashes,
    /// Changed fields and how often.
    changes: BTreeMap<(String, &'static str), u64>,
    /// Rows outside of the configured range.
    pub(super) left_out: u64,
    /// Rows that cannot be read and are passed over: where, and why.
    passed_over: Vec<String>,
    passed_over_in_all: u64,
}

impl Notes {
    /// A field that the schema does not know; its name may be long.
    pub(super) fn new_field(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(&name[..name.len().min(4 * SHOWN)]);
        if let Some(count) = self.new_fields.get_mut(&*name) {
            *count += 1;
        } else if self.new_fields.len() < MAX_NAMED {
            self.new_fields.insert(name.into_owned(), 1);
        } else if self.more_fields.len() < MAX_TOLD_APART {
            self.more_fields.insert(xxh3_64(name.as_bytes()));
        }
    }

    /// A field that was converted to null or cut.
    pub(super) fn change(&mut self, change: &Change) {
        let what = match (&change.change, &change.reason) {
            (ChangeKind::Nulled, ChangeReason::SourceSerializationError) => "did not match its declared type and was set to null",
            (ChangeKind::Nulled, _) => "made its row too large and was set to null",
            (ChangeKind::Truncated, ChangeReason::SourceSerializationError) => "held half a character and was mended",
            (ChangeKind::Truncated, _) => "was too long and was cut",
        };
        *self.changes.entry((change.field.clone(), what)).or_default() += 1;
    }

    /// A row that cannot be read, known since an earlier run.
    pub(super) fn passed_over(&mut self, place: &str) {
        self.passed_over_in_all += 1;
        if self.passed_over.len() < MAX_PASSED_OVER && !self.passed_over.iter().any(|known| known == place) {
            self.passed_over.push(place.to_owned());
        }
    }

    /// Logs what was odd about the rows of `stream`, of which `same_key` share their key with another row of the same answer.
    pub(super) fn log(self, stream: &str, same_key: u64, emitter: &Emitter) {
        for (field, count) in &self.new_fields {
            let field: String = field.chars().take(SHOWN).collect();
            emitter.log(
                Level::Warn,
                format!(
                    "`{stream}` has a new field `{field}` that this version does not know ({}). It is kept in `otherFields`.",
                    counted(*count, "row")
                ),
            );
        }
        if !self.more_fields.is_empty() {
            let more = self.more_fields.len();
            let at_least = if more == MAX_TOLD_APART { "at least " } else { "" };
            emitter.log(Level::Warn, format!("`{stream}` has {at_least}{more} more new fields. They are kept in `otherFields`."));
        }
        for ((field, what), count) in &self.changes {
            emitter.log(
                Level::Warn,
                format!(
                    "{} of `{stream}`: `{field}` {what} (recorded in `meta.changes`; in Airbyte destinations `_airbyte_meta`).",
                    counted(*count, "row")
                ),
            );
        }
        if self.left_out > 0 {
            let rows = counted(self.left_out, "row");
            emitter.log(Level::Info, format!("Left out {rows} of `{stream}` outside the configured dates."));
        }
        if same_key > 0 {
            emitter.log(
                Level::Warn,
                format!(
                    "{} of `{stream}` with all key parts of another row of the same day: `rowId` ends in `#2` and so on.",
                    counted(same_key, "row")
                ),
            );
        }
        if self.passed_over_in_all > 0 {
            emitter.log(
                Level::Warn,
                format!(
                    "Left out {} of `{stream}` that cannot be read, as in the run before: {}. Please report a bug.",
                    counted(self.passed_over_in_all, "row"),
                    self.passed_over.join("; ")
                ),
            );
        }
    }
}
