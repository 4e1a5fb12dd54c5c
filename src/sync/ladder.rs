//! The ladder: a day of a report is read again when its age, counted from its end, passes a rung. Pure.
//!
//! Late sales, deletions and clicks move a day that is over, and no list of changes tells of them. The rungs are dense where
//! that is likely, and they need no assumption about Awin.

use chrono::{Days, NaiveDate, TimeDelta};

use crate::streams::{Moment, midnight};

const HOUR: u32 = 1;
const DAY: u32 = 24;

/// Ages of a young day, in hours.
const YOUNG: &[u32] =
    &[0, HOUR, 6 * HOUR, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 10 * DAY, 14 * DAY, 18 * DAY, 23 * DAY, 28 * DAY];
/// Ages after those, beside the days that a change names.
const OLD: &[u32] = &[60 * DAY, 120 * DAY, 240 * DAY, 400 * DAY];
/// Ages after those where changes cannot be found out: all that a day is read again after the look-back. The others are among
/// them: a run that falls back moves the ladder on for both.
const OLD_ALONE: &[u32] = &[
    35 * DAY,
    47 * DAY,
    60 * DAY,
    72 * DAY,
    84 * DAY,
    96 * DAY,
    108 * DAY,
    120 * DAY,
    170 * DAY,
    240 * DAY,
    320 * DAY,
    400 * DAY,
];

/// The first moment after `day`.
pub(super) fn end_of(day: NaiveDate, now: Moment) -> Moment {
    midnight(now.timezone(), day.checked_add_days(Days::new(1)).unwrap_or(day))
}

/// The days from `first` to `last` of which a rung lies after `aged` and not after `now`, in order. `alone` if nothing but
/// their age says that days have changed.
pub(super) fn passed(first: NaiveDate, last: NaiveDate, aged: Moment, now: Moment, alone: bool) -> Vec<NaiveDate> {
    let old = if alone { OLD_ALONE } else { OLD };
    let mut days: Vec<NaiveDate> = Vec::new();
    for rung in YOUNG.iter().chain(old) {
        // The ends of the days that pass this rung lie in (aged - rung, now - rung].
        let reach = TimeDelta::hours(i64::from(*rung));
        let (after, until) = (aged - reach, now - reach);
        let mut day = after.date_naive().pred_opt().unwrap_or(first).max(first);
        while day <= last && day <= until.date_naive() {
            let end = end_of(day, now);
            if end > after && end <= until {
                days.push(day);
            }
            let Some(next) = day.succ_opt() else { break };
            day = next;
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use chrono_tz::Tz;
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn at(text: &str) -> Moment {
        Tz::UTC.from_utc_datetime(&text.parse().expect("a date-time"))
    }

    #[test]
    fn a_daily_sync_reads_a_day_of_each_rung() {
        let (aged, now) = (at("2026-09-19T05:00:00"), at("2026-09-20T05:00:00"));
        let days = passed(day("2025-01-01"), day("2026-09-20"), aged, now, false);
        let found: Vec<i64> = days.iter().rev().map(|day| (now.date_naive() - *day).num_days() - 1).collect();
        assert_eq!(found, [0, 1, 2, 3, 5, 7, 10, 14, 18, 23, 28, 60, 120, 240, 400]);
        let alone = passed(day("2025-01-01"), day("2026-09-20"), aged, now, true);
        assert_eq!(alone.len(), 23);
        assert!(days.iter().all(|day| alone.contains(day)), "no rung is lost in a run that falls back");
    }

    #[test]
    fn nothing_has_aged_since_the_last_look() {
        let now = at("2026-09-20T05:00:00");
        assert_eq!(passed(day("2025-01-01"), day("2026-09-20"), now, now, false), []);
    }

    #[test]
    fn a_day_ends_later_where_clocks_are_put_back() {
        let zone = Tz::Europe__Berlin;
        let now = zone.from_utc_datetime(&"2026-10-26T05:00:00".parse().expect("a date-time"));
        assert_eq!(end_of(day("2026-10-25"), now).to_rfc3339(), "2026-10-26T00:00:00+01:00");
    }

    proptest! {
        /// However a year is cut into syncs, a day is read by the one in which it passes a rung, and by no other.
        #[test]
        fn each_rung_of_each_day_is_passed_in_one_sync(hours in proptest::collection::vec(1i64..400, 1..40)) {
            let begin = at("2026-01-01T05:00:00");
            let (first, last) = (day("2025-06-01"), day("2026-12-31"));
            let mut aged = begin;
            for hours in hours {
                let now = aged + TimeDelta::hours(hours);
                let found = passed(first, last, aged, now, false);
                for day in first.iter_days().take_while(|day| *day <= last) {
                    let passes = YOUNG.iter().chain(OLD).any(|rung| {
                        let moment = end_of(day, now) + TimeDelta::hours(i64::from(*rung));
                        moment > aged && moment <= now
                    });
                    prop_assert_eq!(found.contains(&day), passes, "{}", day);
                }
                aged = now;
            }
        }
    }
}
