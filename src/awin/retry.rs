//! When to try again: a pure function.

use std::time::Duration;

use super::CallError;

/// Tries of one request, 429 apart.
pub const MAX_FAILURES: u32 = 6;
/// 429s of one request before it counts as failed: half an hour in which other tools leave no room.
const MAX_THROTTLED: u32 = 30;
/// Time-outs after which a request that can be halved is halved.
const MAX_TIMEOUTS: u32 = 2;
/// Longest pause, in units.
const MAX_PAUSE: u32 = 60;

/// How much is tried for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As much as a sync can afford.
    Full,
    /// As `Full`, but the request can be halved: give up on time-outs early.
    Halvable,
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

/// What to do after `error`, the `failures`-th failure of the request (429s not counted, they are `throttled`).
///
/// `unit` is the first pause (a second; less in tests), `jitter` a random number in 0..1. Pauses double up to a cap.
pub fn verdict(error: &CallError, failures: u32, throttled: u32, patience: Patience, unit: Duration, jitter: f64) -> Verdict {
    if !error.is_retryable() {
        return Verdict::GiveUp;
    }
    if let CallError::Throttled { .. } = error {
        // The quota itself is blocked until it is surely free; no further pause is needed.
        let tries = if patience == Patience::Little { 1 } else { MAX_THROTTLED };
        return if throttled >= tries { Verdict::GiveUp } else { Verdict::Again(Duration::ZERO) };
    }
    let tries = match (patience, error) {
        (Patience::Little, _) | (Patience::Halvable, CallError::TimedOut(_)) => MAX_TIMEOUTS,
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
        let pauses: Vec<Verdict> = (1..=6).map(|n| verdict(&server(), n, 0, Patience::Full, SECOND, 0.5)).collect();
        let seconds = |n: u64| Verdict::Again(Duration::from_secs(n));
        assert_eq!(pauses, [seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), Verdict::GiveUp]);
        assert_eq!(verdict(&server(), 1, 0, Patience::Full, SECOND, 0.0), Verdict::Again(SECOND * 3 / 4));
        assert_eq!(verdict(&server(), 1, 0, Patience::Full, SECOND, 1.0), Verdict::Again(SECOND * 5 / 4));
    }

    #[test]
    fn being_throttled_is_not_a_failure_of_the_request() {
        let throttled = CallError::Throttled { retry_after: None };
        assert_eq!(verdict(&throttled, 0, 29, Patience::Full, SECOND, 0.5), Verdict::Again(Duration::ZERO));
        assert_eq!(verdict(&throttled, 0, 30, Patience::Full, SECOND, 0.5), Verdict::GiveUp);
        assert_eq!(verdict(&throttled, 0, 1, Patience::Little, SECOND, 0.5), Verdict::GiveUp);
    }

    #[test]
    fn what_cannot_get_better_is_not_tried_again() {
        for error in [
            CallError::Refused { status: 403, text: String::new() },
            CallError::BadRequest { status: 400, text: String::new() },
            CallError::Shape(String::new()),
        ] {
            assert_eq!(verdict(&error, 1, 0, Patience::Full, SECOND, 0.5), Verdict::GiveUp, "{error}");
        }
    }

    #[test]
    fn a_window_that_times_out_twice_is_given_up_to_be_halved() {
        let timed_out = CallError::TimedOut(String::new());
        assert_eq!(verdict(&timed_out, 2, 0, Patience::Halvable, SECOND, 0.5), Verdict::GiveUp);
        assert_ne!(verdict(&timed_out, 2, 0, Patience::Full, SECOND, 0.5), Verdict::GiveUp);
        assert_ne!(verdict(&server(), 2, 0, Patience::Halvable, SECOND, 0.5), Verdict::GiveUp);
    }
}
