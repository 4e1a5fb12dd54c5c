//! The time that the sandbox believes in.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Everything that an answer shows is computed as of [`Clock::now`]. (The throttle alone runs on real time.)
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Stands still until moved.
    Fixed(DateTime<Utc>),
    /// The computer's clock, cut to the second.
    System,
}

impl Clock {
    /// The present instant.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Fixed(at) => *at,
            Self::System => Utc::now().trunc_subsecs(0),
        }
    }

    /// Moves on by `step`; a system clock becomes fixed by it.
    pub fn advance(&mut self, step: TimeDelta) {
        *self = Self::Fixed(self.now() + step);
    }
}

/// The instant written as `text`, such as `2026-03-10T12:00:00Z`; for literals in tests.
///
/// # Panics
/// If `text` is not an RFC 3339 instant.
pub fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|error| panic!("`{text}` is not an instant: {error}"))
}
