//! When to try again: a pure function.

use std::time::Duration;

use super::{CallError, Timing};

/// Tries of a request whose answers are not JSON: a page of something between us and Awin, as likely as not.
const MAX_NOT_JSON: u32 = 6;
/// Tries of a request that fails when the run's patience is over already: it may be the first one after an outage.
const LEAST_TRIES: u32 = 3;

/// How much is tried for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As much as a sync can afford.
    Full,
    /// As `Full`, but the request can be halved: give up after two time-outs.
    Halvable,
    /// As `Full`, but the request is a half already and can be halved again: give up after one time-out.
    Half,
    /// As `Full`, but the request can be made in parts: give up after two failures that may be due to its length.
    Divisible,
    /// As `Full`, but the run's patience with this account is over.
    Short,
    /// Somebody waits, or it is not worth much: a second try at most, none after a 429 or a time-out.
    Little,
    /// As `Little`, but whoever waits has a deadline of his own: a 429 is waited out.
    Deadline,
}

/// What to do after a failed try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It will not get better.
    GiveUp,
    /// Try again after the pause (the quota may add to it).
    Again(Duration),
}

/// What to do after `error`, the `failures`-th failure of the request, when the run has not got on for `idle`.
///
/// What may pass is tried again as long as the run's patience lasts, whatever the number of tries. `jitter` is a random number
/// in 0..1.
pub(super) fn verdict(
    error: &CallError,
    failures: u32,
    idle: Duration,
    patience: Patience,
    timing: &Timing,
    jitter: f64,
) -> Verdict {
    if !error.is_retryable() {
        return Verdict::GiveUp;
    }
    let is_over = idle >= timing.patience;
    let is_short = is_over || patience == Patience::Short;
    let gives_up = match (patience, error) {
        (Patience::Little, CallError::Throttled) | (Patience::Little | Patience::Half, CallError::TimedOut(_)) => true,
        (Patience::Deadline, CallError::Throttled) => false,
        (Patience::Little | Patience::Deadline, _) | (Patience::Halvable, CallError::TimedOut(_)) => failures >= 2,
        (Patience::Divisible, error) if error.may_be_of_length() => failures >= 2,
        (_, CallError::NotJson(_)) => failures >= MAX_NOT_JSON,
        (_, CallError::Throttled) => is_over,
        (_, CallError::TimedOut(_)) => is_short,
        _ => is_short && failures >= LEAST_TRIES,
    };
    if gives_up {
        return Verdict::GiveUp;
    }
    if let CallError::Throttled = error {
        // The quota itself is blocked until it is surely free; no further pause is needed.
        return Verdict::Again(Duration::ZERO);
    }
    let doubled = 2u32.saturating_pow(failures.saturating_sub(1));
    let pause = timing.first_pause.saturating_mul(doubled).min(timing.longest_pause);
    Verdict::Again(pause.mul_f64(0.75 + jitter / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn after(error: &CallError, failures: u32, idle: Duration, patience: Patience) -> Verdict {
        verdict(error, failures, idle, patience, &Timing::default(), 0.5)
    }

    fn server() -> CallError {
        CallError::Server { status: 503, text: String::new() }
    }

    #[test]
    fn pauses_double_with_jitter_up_to_the_longest() {
        let pauses: Vec<Verdict> = (1..=10).map(|n| after(&server(), n, Duration::ZERO, Patience::Full)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120].map(|n| Verdict::Again(Duration::from_secs(n))));
        let jittered = |jitter| verdict(&server(), 1, Duration::ZERO, Patience::Full, &Timing::default(), jitter);
        assert_eq!(jittered(0.0), Verdict::Again(Duration::from_millis(750)));
        assert_eq!(jittered(1.0), Verdict::Again(Duration::from_millis(1250)));
        assert_eq!(after(&server(), u32::MAX, Duration::ZERO, Patience::Full), Verdict::Again(MINUTE * 2));
    }

    #[test]
    fn what_may_pass_is_tried_for_45_minutes_without_getting_on() {
        for error in [server(), CallError::Network(String::new()), CallError::Broken(String::new())] {
            assert_ne!(after(&error, 99, MINUTE * 44, Patience::Full), Verdict::GiveUp, "{error}");
            assert_eq!(after(&error, 3, MINUTE * 45, Patience::Full), Verdict::GiveUp, "{error}");
            assert_ne!(after(&error, 2, MINUTE * 45, Patience::Full), Verdict::GiveUp, "{error}: the run may just go on again");
            assert_ne!(after(&error, 1, Duration::ZERO, Patience::Little), Verdict::GiveUp, "{error}");
            assert_eq!(after(&error, 2, Duration::ZERO, Patience::Little), Verdict::GiveUp, "{error}");
        }
    }

    #[test]
    fn being_throttled_needs_no_pause_of_its_own() {
        let throttled = CallError::Throttled;
        assert_eq!(after(&throttled, 99, MINUTE * 44, Patience::Full), Verdict::Again(Duration::ZERO));
        assert_eq!(after(&throttled, 1, MINUTE * 45, Patience::Full), Verdict::GiveUp);
        assert_eq!(after(&throttled, 1, Duration::ZERO, Patience::Little), Verdict::GiveUp);
        assert_eq!(after(&throttled, 1, MINUTE * 45, Patience::Deadline), Verdict::Again(Duration::ZERO));
        assert_eq!(after(&server(), 2, Duration::ZERO, Patience::Deadline), Verdict::GiveUp);
    }

    #[test]
    fn what_can_be_asked_for_in_parts_is_given_up_after_two_failures_that_its_length_may_explain() {
        for error in [server(), CallError::TimedOut(String::new()), CallError::Broken(String::new())] {
            assert_ne!(after(&error, 1, Duration::ZERO, Patience::Divisible), Verdict::GiveUp, "{error}");
            assert_eq!(after(&error, 2, Duration::ZERO, Patience::Divisible), Verdict::GiveUp, "{error}");
        }
        for error in [CallError::Throttled, CallError::Network(String::new())] {
            assert_ne!(after(&error, 2, MINUTE * 44, Patience::Divisible), Verdict::GiveUp, "{error}");
            assert_eq!(after(&error, 3, MINUTE * 45, Patience::Divisible), Verdict::GiveUp, "{error}");
        }
    }

    #[test]
    fn what_cannot_get_better_is_not_tried_again() {
        for error in [
            CallError::Refused { status: 403, text: String::new() },
            CallError::BadRequest { status: 400, text: String::new() },
            CallError::Shape(String::new()),
        ] {
            assert_eq!(after(&error, 1, Duration::ZERO, Patience::Full), Verdict::GiveUp, "{error}");
        }
    }

    #[test]
    fn an_answer_that_is_not_json_is_tried_six_times() {
        let page = CallError::NotJson(String::new());
        assert_ne!(after(&page, 5, MINUTE * 50, Patience::Full), Verdict::GiveUp);
        assert_eq!(after(&page, 6, Duration::ZERO, Patience::Full), Verdict::GiveUp);
    }

    #[test]
    fn a_window_that_times_out_twice_is_given_up_to_be_halved_and_its_halves_at_once() {
        let timed_out = CallError::TimedOut(String::new());
        for (patience, failures, gives_up) in
            [(Patience::Halvable, 1, false), (Patience::Halvable, 2, true), (Patience::Half, 1, true), (Patience::Full, 9, false)]
        {
            let verdict = after(&timed_out, failures, Duration::ZERO, patience);
            assert_eq!(verdict == Verdict::GiveUp, gives_up, "{patience:?} after {failures}");
        }
        assert_eq!(after(&timed_out, 1, MINUTE * 45, Patience::Full), Verdict::GiveUp);
        assert_ne!(after(&server(), 2, Duration::ZERO, Patience::Halvable), Verdict::GiveUp);
    }
}
