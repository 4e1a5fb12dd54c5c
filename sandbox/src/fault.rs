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

/// Where a redirect points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTo {
    /// To the very address that was asked for.
    Itself,
    /// There; `{token}` stands for the good token.
    Elsewhere(String),
}

/// What an endless body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filler {
    /// The true answer's rows, over and over (spaces, if it has none). Rows of [`crate::Bulk`] never repeat: ask for
    /// `u64::MAX` of them.
    Rows,
    /// Spaces within the array.
    Blanks,
}

/// Which of several calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first.
    First,
    /// The one in the middle; of an even number, the first of the second half.
    Middle,
    /// The last.
    Last,
}

/// What goes wrong. (204, 410, or 200 with the envelope of errors are a [`FaultKind::Status`]; `null` is a
/// [`FaultKind::WrongShape`].)
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
    /// This status, and where to go.
    Redirect(u16, RedirectTo),
    /// The true answer with these headers too, names in lower case; in values `{token}` stands for the good token.
    Headers(Vec<(String, String)>),
    /// This status; the good token stands in headers and in the envelope of errors, which is sent in two chunks with the
    /// cut in the middle of the token.
    EchoToken(u16),
    /// The true answer in chunks of so many bytes, with a pause after each. (Bulk answers come as ever.)
    Drip {
        /// Bytes of a chunk.
        bytes: usize,
        /// Length of the pause.
        pause: Duration,
    },
    /// The true answer with a body without an end.
    Endless(Filler),
    /// 200 and an empty array, which a thousandth of its bytes bring: compressed whether the client takes it or not.
    GzipBomb {
        /// Size of the unpacked body.
        mebibytes: u64,
    },
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

    /// Strikes only there among `calls` matching calls, as a run without faults has counted them.
    #[must_use]
    pub fn at(self, place: Place, calls: u64) -> Self {
        self.nth(match place {
            Place::First => 1,
            Place::Middle => calls / 2 + 1,
            Place::Last => calls,
        })
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
        for (place, wanted) in [
            (Place::First, [true, false, false, false]),
            (Place::Middle, [false, false, true, false]),
            (Place::Last, [false, false, false, true]),
        ] {
            assert_eq!(struck(Fault::everywhere(FaultKind::Hang).at(place, 4), &calls), wanted);
        }
    }
}
