//! When to try again: a pure function.

use std::time::Duration;

use super::CallError;

/// Tries of one request, 429 apart.
pub const MAX_FAILURES: u32 = 6;
/// How long a request is refused with 429 before it counts as failed, in units: 40 minutes in which other tools leave no room.
/// With the longest pause behind it, that stays below the hour of silence after which the Airbyte platform ends a sync.
const MAX_THROTTLED: u32 = 40 * 60;
/// Longest pause, in units.
const MAX_PAUSE: u32 = 60;

/// How much is tried for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As much as a sync can afford.
    Full,
    /// As `Full`, but the request can be halved: give up after two time-outs.
    Halvable,
    /// As `Full`, but the request is a half already and can be halved again: give up after one time-out.
    Half,
    /// A user is waiting: a second try at most, none after a 429.
    Little,
}

/// What to do after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It will not get better.
    GiveUp,
    /// Try again after the pause (the quota may add to it).
    Again(Duration),
}

/// What to do after `error`, the `failures`-th failure of the request (429s not counted), which has been `throttled` for that
/// long.
///
/// `unit` is the first pause (a second; less in tests), `jitter` a random number in 0..1. Pauses double up to a cap.
pub fn verdict(
    error: &CallError,
    failures: u32,
    throttled: Duration,
    patience: Patience,
    unit: Duration,
    jitter: f64,
) -> Verdict {
    if !error.is_retryable() {
        return Verdict::GiveUp;
    }
    if let CallError::Throttled { .. } = error {
        // The quota itself is blocked until it is surely free; no further pause is needed.
        let is_over = patience == Patience::Little || throttled >= unit * MAX_THROTTLED;
        return if is_over { Verdict::GiveUp } else { Verdict::Again(Duration::ZERO) };
    }
    let tries = match (patience, error) {
        (Patience::Half, CallError::TimedOut(_)) => 1,
        (Patience::Little, _) | (Patience::Halvable, CallError::TimedOut(_)) => 2,
        _ => MAX_FAILURES,
    };
    if failures >= tries {
        return Verdict::GiveUp;
    }
    let doubled = 2u32.saturating_pow(failures.saturating_sub(1)).min(MAX_PAUSE);
    Verdict::Again((unit * doubled).mul_f64(0.75 + jitter / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn server() -> CallError {
        CallError::Server { status: 503, text: String::new() }
    }

    #[test]
    fn pauses_double_with_jitter_and_end_after_six_tries() {
        let pauses: Vec<Verdict> = (1..=6).map(|n| verdict(&server(), n, Duration::ZERO, Patience::Full, SECOND, 0.5)).collect();
        let seconds = |n: u64| Verdict::Again(Duration::from_secs(n));
        assert_eq!(pauses, [seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), Verdict::GiveUp]);
        assert_eq!(verdict(&server(), 1, Duration::ZERO, Patience::Full, SECOND, 0.0), Verdict::Again(SECOND * 3 / 4));
        assert_eq!(verdict(&server(), 1, Duration::ZERO, Patience::Full, SECOND, 1.0), Verdict::Again(SECOND * 5 / 4));
    }

    #[test]
    fn being_throttled_is_not_a_failure_of_the_request() {
        let throttled = CallError::Throttled { retry_after: None };
        let after = |minutes, patience| verdict(&throttled, 0, SECOND * 60 * minutes, patience, SECOND, 0.5);
        assert_eq!(after(39, Patience::Full), Verdict::Again(Duration::ZERO));
        assert_eq!(after(40, Patience::Full), Verdict::GiveUp);
        assert_eq!(after(0, Patience::Little), Verdict::GiveUp);
    }

    #[test]
    fn what_cannot_get_better_is_not_tried_again() {
        for error in [
            CallError::Refused { status: 403, text: String::new() },
            CallError::BadRequest { status: 400, text: String::new() },
            CallError::Shape(String::new()),
        ] {
            assert_eq!(verdict(&error, 1, Duration::ZERO, Patience::Full, SECOND, 0.5), Verdict::GiveUp, "{error}");
        }
    }

    #[test]
    fn a_window_that_times_out_twice_is_given_up_to_be_halved_and_its_halves_at_once() {
        let timed_out = CallError::TimedOut(String::new());
        assert_ne!(verdict(&timed_out, 1, Duration::ZERO, Patience::Halvable, SECOND, 0.5), Verdict::GiveUp);
        assert_eq!(verdict(&timed_out, 1, Duration::ZERO, Patience::Half, SECOND, 0.5), Verdict::GiveUp);
        assert_eq!(verdict(&timed_out, 2, Duration::ZERO, Patience::Halvable, SECOND, 0.5), Verdict::GiveUp);
        assert_ne!(verdict(&timed_out, 2, Duration::ZERO, Patience::Full, SECOND, 0.5), Verdict::GiveUp);
        assert_ne!(verdict(&server(), 2, Duration::ZERO, Patience::Halvable, SECOND, 0.5), Verdict::GiveUp);
    }
}
