//! What the process gets from its surroundings: every variable that is read, and the clock.
//!
//! `LOG_LEVEL` is the platform's. `SOURCE_AWIN_TEST_NOW` and `_MINUTE_MS` are for tests alone, and said in a WARN while
//! they are in force; `_DIES_AT` is not read by release builds.
//! The HTTP client reads `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and `SSL_CERT_DIR` by itself.

use std::env::{self, VarError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use tokio::time::Instant;

/// An instant (RFC 3339) at which the clock stands still.
const NOW: &str = "SOURCE_AWIN_TEST_NOW";
/// Milliseconds of the quota's minute.
const MINUTE: &str = "SOURCE_AWIN_TEST_MINUTE_MS";

/// Where a crash test kills the process: a failpoint, and on which hit, as in `state.before:3`.
#[cfg(debug_assertions)]
const DIES_AT: &str = "SOURCE_AWIN_TEST_DIES_AT";

/// The clock, and the length of a minute.
#[derive(Debug, Clone, Copy)]
pub struct Environment {
    /// A clock that stands still.
    now: Option<DateTime<Utc>>,
    /// How long the quota's minute lasts; pauses and time-outs are in proportion to it.
    pub minute: Duration,
}

impl Environment {
    /// That of the process. An error is a sentence about a variable that makes no sense.
    pub fn from_process() -> Result<Self, String> {
        Self::from_variables(|name| env::var(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Result<String, VarError>) -> Result<Self, String> {
        let read = |name, wanted| match variable(name) {
            Ok(text) => Ok(Some(text)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(wrong(name, "not text", wanted)),
        };
        let (an_instant, a_number) = ("an instant such as 2026-11-20T15:30:00Z", "a positive number of milliseconds");
        let now = read(NOW, an_instant)?
            .map(|text| text.parse().map_err(|_| wrong(NOW, &format!("{text:?}"), an_instant)))
            .transpose()?;
        let minute = read(MINUTE, a_number)?
            .map(|text| match text.parse() {
                Ok(millis @ 1..) => Ok(Duration::from_millis(millis)),
                _ => Err(wrong(MINUTE, &format!("{text:?}"), a_number)),
            })
            .transpose()?;
        Ok(Self { now, minute: minute.unwrap_or(REAL_MINUTE) })
    }

    /// A sentence for a WARN if the clock or the minute is not the real one.
    pub fn warning(&self) -> Option<String> {
        let now = self.now.map(|now| format!("{NOW} (the clock stands at {})", now.to_rfc3339()));
        let minute = (self.minute != REAL_MINUTE).then(|| format!("{MINUTE} (a minute lasts {} ms)", self.minute.as_millis()));
        let set: Vec<String> = now.into_iter().chain(minute).collect();
        (!set.is_empty()).then(|| format!("For tests only: {}. Unset this in production.", set.join(" and ")))
    }

    /// The moment up to which a run reads, and when that is: the next full second. What happens before the run starts is
    /// before it, even where Awin takes the end of a window as exclusive.
    pub fn run_moment(&self) -> (DateTime<Utc>, Instant) {
        let now = Utc::now();
        let moment = self.now.unwrap_or_else(|| (now + TimeDelta::milliseconds(999)).trunc_subsecs(0));
        let ahead = if self.now.is_none() { moment - now } else { TimeDelta::zero() };
        (moment, Instant::now() + ahead.to_std().unwrap_or_default())
    }
}

const REAL_MINUTE: Duration = Duration::from_secs(60);

fn wrong(name: &str, value: &str, wanted: &str) -> String {
    format!("The environment variable {name} is {value}, not {wanted}. It is for tests only: unset it.")
}

/// Where a crash test kills the process: a failpoint, and on which hit.
#[cfg(debug_assertions)]
pub(crate) fn dies_at() -> Option<(String, u64)> {
    let text = env::var(DIES_AT).ok()?;
    let (point, hit) = text.split_once(':')?;
    Some((point.to_owned(), hit.parse().ok()?))
}

/// Whether the platform asks for DEBUG lines.
pub fn is_debug() -> bool {
    env::var("LOG_LEVEL").is_ok_and(|level| ["debug", "trace"].contains(&level.to_ascii_lowercase().as_str()))
}

/// Milliseconds since the epoch, as the protocol's `emitted_at` wants them.
pub fn now_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Environment, String> {
        Environment::from_variables(|name| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        })
    }

    #[test]
    fn without_variables_the_clock_and_the_minute_are_real_and_nothing_is_said() {
        let real = environment(&[]).expect("nothing to read");
        assert_eq!((real.now, real.minute, real.warning()), (None, Duration::from_secs(60), None));
        let (moment, reached) = real.run_moment();
        assert_eq!(moment, moment.trunc_subsecs(0));
        assert!(reached <= Instant::now() + Duration::from_secs(1));
    }

    #[test]
    fn a_test_variable_in_force_is_said() {
        let both = environment(&[(NOW, "2026-11-20T15:30:00Z"), (MINUTE, "200")]).expect("good values");
        assert_eq!(both.run_moment().0.to_rfc3339(), "2026-11-20T15:30:00+00:00");
        let wanted = "For tests only: SOURCE_AWIN_TEST_NOW (the clock stands at 2026-11-20T15:30:00+00:00) and SOURCE_AWIN_TEST_MINUTE_MS (a minute lasts 200 ms). Unset this in production.";
        assert_eq!(both.warning().as_deref(), Some(wanted));
        let minute = environment(&[(MINUTE, "200")]).expect("a good value");
        let wanted = "For tests only: SOURCE_AWIN_TEST_MINUTE_MS (a minute lasts 200 ms). Unset this in production.";
        assert_eq!(minute.warning().as_deref(), Some(wanted));
    }

    #[test]
    fn a_test_variable_that_makes_no_sense_is_an_error_that_names_it() {
        for (name, value, wanted) in [
            (NOW, "yesterday", "an instant such as 2026-11-20T15:30:00Z"),
            (NOW, "", "an instant such as 2026-11-20T15:30:00Z"),
            (MINUTE, "1s", "a positive number of milliseconds"),
            (MINUTE, "0", "a positive number of milliseconds"),
            (MINUTE, "-5", "a positive number of milliseconds"),
        ] {
            let error = environment(&[(name, value)]).expect_err(value);
            let wanted = format!("The environment variable {name} is {value:?}, not {wanted}. It is for tests only: unset it.");
            assert_eq!(error, wanted);
        }
    }
}
