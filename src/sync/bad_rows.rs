//! Rows that cannot be read.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

/// Rows that are known since an earlier run: more are not a few odd rows but a change of Awin's.
const MAX_BAD_ROWS: usize = 1000;

/// Rows that cannot be read (no date, no key). Each fails the first run that meets it and is passed over, with a warning, from
/// the next one on: it must not hold up its account for ever.
pub(super) struct BadRows {
    /// Of earlier runs.
    known: BTreeSet<u64>,
    /// Those and the ones of this run.
    all: BTreeSet<u64>,
    /// Why the first new one of this answer cannot be read, and how many there are.
    new: Option<(String, u64)>,
}

impl BadRows {
    pub(super) fn new(known: &[String]) -> Self {
        let known: BTreeSet<u64> = known.iter().filter_map(|text| u64::from_str_radix(text, 16).ok()).collect();
        Self { all: known.clone(), known, new: None }
    }

    /// For the state: those known before, and those of this run.
    pub(super) fn texts(&self) -> Vec<String> {
        self.all.iter().map(|hash| format!("{hash:016x}")).collect()
    }

    pub(super) fn begin_answer(&mut self) {
        self.new = None;
    }

    /// Whether an earlier run met this row; if not, `why` is remembered.
    pub(super) fn is_known(&mut self, row: &[u8], why: String) -> bool {
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

    pub(super) fn end_answer(&mut self) -> Result<(), String> {
        match self.new.take() {
            None => Ok(()),
            Some((why, 1)) => Err(why),
            Some((why, count)) => Err(format!("{why} ({count} rows cannot be read)")),
        }
    }
}
