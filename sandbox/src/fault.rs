//! Faults: what goes wrong, and at which calls.

use std::time::Duration;

/// The body of an error answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultBody {
    /// Awin's envelope.
    Json,
    /// A page as a proxy or CDN writes it.
    Html,
    /// Nothing.
    Empty,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// This status instead of the answer.
    Status(u16, FaultBody),
    /// The true answer, but the connection drops in the middle of the body.
    CutBody {
        /// Bytes of the body that arrive (at least one is always missing when the length is announced).
        after_bytes: usize,
        /// Sent in chunks, as bulk answers always are; otherwise with its full `content-length`.
        chunked: bool,
    },
    /// 200 and complete as HTTP, but the JSON ends half-way. (Bulk answers come in full.)
    Truncated,
    /// 200 and a page of HTML.
    NotJson,
    /// 200 and nothing.
    EmptyBody200,
    /// The true answer, after a wait.
    SlowFirstByte(Duration),
    /// No answer, ever.
    Hang,
    /// The connection is closed without an answer.
    Reset,
    /// 200 and this body.
    WrongShape(String),
}

/// A fault at some of the calls. Throttled and unauthorised calls count like all others, and a fault goes before them.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Calls with this text in `path?query` (as received) match; an empty text matches all.
    pub path_contains: String,
    /// The matching call, counted from 1, at which it begins; `None`: the first.
    pub nth: Option<u64>,
    /// For how many matching calls in a row it lasts.
    pub times: u64,
    /// What happens.
    pub kind: FaultKind,
    /// Matching calls so far. Starts at 0 and is counted by the sandbox.
    pub seen: u64,
}

impl Fault {
    /// `kind` at every call whose `path?query` contains `path_contains`.
    pub fn on(path_contains: &str, kind: FaultKind) -> Self {
        Self { path_contains: path_contains.to_owned(), nth: None, times: u64::MAX, kind, seen: 0 }
    }

    /// `kind` at every call.
    pub fn everywhere(kind: FaultKind) -> Self {
        Self::on("", kind)
    }

    /// Begins at the `nth` matching call (from 1) and lasts for that one alone, unless [`Fault::times`] says more.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { nth: Some(nth), times: 1, ..self }
    }

    /// Lasts for `times` matching calls.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Counts a call; true if the fault strikes it.
    pub(crate) fn strikes(&mut self, path_and_query: &str) -> bool {
        if !path_and_query.contains(&self.path_contains) {
            return false;
        }
        self.seen += 1;
        let first = self.nth.unwrap_or(1);
        self.seen >= first && self.seen - first < self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(mut fault: Fault, calls: &[&str]) -> Vec<bool> {
        calls.iter().map(|call| fault.strikes(call)).collect()
    }

    #[test]
    fn a_fault_strikes_the_calls_it_names() {
        let calls = ["/a", "/b", "/a", "/a"];
        assert_eq!(struck(Fault::on("/a", FaultKind::Hang), &calls), [true, false, true, true]);
        assert_eq!(struck(Fault::on("/a", FaultKind::Hang).times(2), &calls), [true, false, true, false]);
        assert_eq!(struck(Fault::on("/a", FaultKind::Hang).nth(2), &calls), [false, false, true, false]);
        assert_eq!(struck(Fault::everywhere(FaultKind::Hang).nth(2).times(2), &calls), [false, true, true, false]);
    }
}
