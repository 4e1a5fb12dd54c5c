//! How long anything may take, in one place. Tests scale all of it by one factor.

use std::time::Duration;

/// Every time-out and pause of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The minute of Awin's quota.
    pub minute: Duration,
    /// To connect.
    pub connect: Duration,
    /// Silence: until an answer begins, and between two pieces of it. Busy accounts take Awin 15 s, the biggest over 30 s.
    pub silence: Duration,
    /// Until an answer has come in whole, without what we wait for the reader of our output.
    pub answer: Duration,
    /// The longest `Retry-After` that is believed.
    pub retry_after: Duration,
    /// The pause after a 429 that does not say how long; without one, until the minute is surely over.
    pub after_429: Option<Duration>,
    /// The first pause before another try; each one after it is twice as long, up to the longest.
    pub first_pause: Duration,
    /// The longest such pause.
    pub longest_pause: Duration,
    /// How long calls that fail are repeated after the last answer that was committed, all streams and accounts together.
    pub patience: Duration,
    /// The longest time without a STATE. The Airbyte platform ends a sync that sends neither a RECORD nor a STATE for an hour.
    pub heartbeat: Duration,
    /// All of `check`: platforms wait for it with a person in front.
    pub check: Duration,
}

impl Timing {
    /// With a `minute` of that length, and everything else in proportion.
    pub fn scaled_to(minute: Duration) -> Self {
        let seconds = |seconds: u32| minute * seconds / 60;
        Self {
            minute,
            connect: seconds(20),
            silence: seconds(120),
            answer: seconds(10 * 60),
            retry_after: seconds(15 * 60),
            after_429: None,
            first_pause: seconds(1),
            longest_pause: seconds(120),
            patience: seconds(45 * 60),
            heartbeat: seconds(10 * 60),
            check: seconds(45),
        }
    }

    /// The same for a person who waits: Awin's minute is mostly over before a whole one has passed.
    #[must_use]
    pub fn with_a_user_waiting(self) -> Self {
        Self { after_429: Some(self.minute / 5), ..self }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::scaled_to(Duration::from_secs(60))
    }
}
