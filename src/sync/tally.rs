//! What a stream has written so far: counted by the one who writes, looked at by the one who keeps the state.

use std::cell::Cell;
use std::rc::Rc;

/// Records and their bytes. Cheap to clone; all clones count the same.
#[derive(Debug, Clone, Default)]
pub struct Tally(Rc<Cell<Written>>);

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// RECORDs.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows that were sent before as they are, and are not sent again.
    pub unchanged: u64,
}

impl Tally {
    /// So far.
    pub fn written(&self) -> Written {
        self.0.get()
    }

    /// One more record of so many bytes.
    pub(super) fn record(&self, bytes: usize) {
        let Written { records, bytes: before, unchanged } = self.0.get();
        self.0.set(Written { records: records + 1, bytes: before + bytes as u64, unchanged });
    }

    /// One more row that is not sent again.
    pub(super) fn unchanged(&self) {
        let written = self.0.get();
        self.0.set(Written { unchanged: written.unchanged + 1, ..written });
    }
}
