//! Which rows of a partition are out already: they come again if a window is asked again because its answer broke off, on the
//! seam of two windows, and in another lane.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use nohash_hasher::NoHashHasher;

/// A set of values that are hashes already.
pub(super) type Hashes = HashSet<u64, BuildHasherDefault<NoHashHasher<u64>>>;
/// A map from them.
pub(super) type HashesOf<V> = HashMap<u64, V, BuildHasherDefault<NoHashHasher<u64>>>;

/// Rows of a partition that are remembered beyond their window.
const REMEMBERED: usize = 100_000;
/// Rows that are remembered at all: what is beyond may go out twice, which costs a row and changes no table.
const MOST: usize = 400_000;

/// Hashes of rows.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rows: Hashes,
    /// Those on the seams of the window, kept when the others are forgotten.
    on_seam: Vec<u64>,
}

impl Seen {
    /// A window begins. `goes_on` if it belongs to the partition of the last one, whose rows may come again.
    pub(super) fn begin(&mut self, goes_on: bool, is_same_partition: bool) {
        if !is_same_partition {
            self.on_seam.clear();
        }
        let on_seam = std::mem::take(&mut self.on_seam);
        if !goes_on || self.rows.len() > REMEMBERED {
            self.rows.clear();
            self.rows.shrink_to(REMEMBERED);
            self.rows.extend(on_seam);
        }
    }

    /// Whether the row is new.
    pub(super) fn insert(&mut self, row: u64, on_seam: bool) -> bool {
        let is_new = if self.rows.len() < MOST { self.rows.insert(row) } else { !self.rows.contains(&row) };
        if is_new && on_seam && self.on_seam.len() < REMEMBERED {
            self.on_seam.push(row);
        }
        is_new
    }
}
