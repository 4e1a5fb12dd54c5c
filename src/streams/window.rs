//! Windows: a stretch of time cut at midnights.
//!
//! Windows touch: one ends at the second at which the next starts. Whether Awin takes `endDate` as inclusive or exclusive
//! is not known; so nothing is missed either way, and a row that both windows return is emitted once.

use std::fmt;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::Moment;

/// A stretch of time, `from` to `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where it starts.
    pub from: Moment,
    /// Where it ends, which is where the next one starts.
    pub to: Moment,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.first_day(), self.last_day());
        if first == last { write!(f, "{first}") } else { write!(f, "{first} to {last}") }
    }
}

impl Window {
    /// Its first day.
    pub fn first_day(&self) -> NaiveDate {
        self.from.date_naive()
    }

    /// The last day of which it holds any part.
    pub fn last_day(&self) -> NaiveDate {
        (self.to - TimeDelta::nanoseconds(1)).date_naive().max(self.first_day())
    }

    /// The days of which it holds any part, in order.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let last = self.last_day();
        self.first_day().iter_days().take_while(move |day| *day <= last)
    }

    /// Two halves, cut at a full hour; none if it is an hour or less.
    pub fn halves(&self) -> Option<[Self; 2]> {
        let hours = (self.to - self.from).num_hours();
        if hours < 2 && self.to - self.from <= TimeDelta::hours(1) {
            return None;
        }
        let middle = self.from + TimeDelta::hours((hours / 2).max(1));
        Some([Self { from: self.from, to: middle }, Self { from: middle, to: self.to }])
    }
}

/// The first moment of `day` in `zone`. Where clocks skip midnight, the day starts when the gap ends.
pub fn midnight(zone: Tz, day: NaiveDate) -> Moment {
    let start = day.and_time(NaiveTime::MIN);
    let mut candidates = (0..=48).map(|half_hours| start + TimeDelta::minutes(30 * half_hours));
    candidates.find_map(|local| zone.from_local_datetime(&local).earliest()).unwrap_or_else(|| zone.from_utc_datetime(&start))
}

/// Windows of at most `days` calendar days from `from` to `to`, oldest first, cut at midnights of their zone.
pub fn windows(from: Moment, to: Moment, days: u32) -> impl Iterator<Item = Window> {
    let zone = from.timezone();
    let mut start = from;
    std::iter::from_fn(move || {
        let from = start;
        start = from.date_naive().checked_add_days(Days::new(days.into())).map_or(to, |day| midnight(zone, day)).min(to);
        (from < to).then_some(Window { from, to: start })
    })
}

/// How many windows that makes.
pub fn window_count(from: Moment, to: Moment, days: u32) -> u64 {
    if from >= to {
        return 0;
    }
    let whole = Window { from, to };
    let between = (whole.last_day() - whole.first_day()).num_days();
    u64::try_from(between).unwrap_or_default() / u64::from(days.max(1)) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: Tz, text: &str) -> Moment {
        zone.from_local_datetime(&text.parse().expect("a date-time")).earliest().expect("exists")
    }

    /// Both clock changes of a year in zones on both sides of Greenwich, and one that changes at midnight.
    const ZONES: [Tz; 6] =
        [Tz::UTC, Tz::Europe__Berlin, Tz::Europe__London, Tz::US__Pacific, Tz::Australia__Sydney, Tz::America__Sao_Paulo];

    #[test]
    fn every_second_of_every_range_lies_in_a_window_and_seams_touch() {
        for zone in ZONES {
            for first in ["2018-02-01", "2018-10-15", "2026-03-01", "2026-03-29", "2026-10-01", "2026-10-25", "2026-12-31"] {
                let first: NaiveDate = first.parse().expect("a date");
                for length_hours in [1, 23, 24, 25, 24 * 7, 24 * 30, 24 * 30 + 1, 24 * 61, 24 * 95 + 7] {
                    for limit in [1, 2, 7, 30] {
                        let from = midnight(zone, first);
                        let to = from + TimeDelta::hours(length_hours) - TimeDelta::seconds(1);
                        let windows: Vec<Window> = windows(from, to, limit).collect();
                        assert_eq!(windows.len() as u64, window_count(from, to, limit));
                        assert_eq!(windows.first().map(|w| w.from), Some(from));
                        assert_eq!(windows.last().map(|w| w.to), Some(to));
                        for pair in windows.windows(2) {
                            assert_eq!(pair[0].to, pair[1].from, "windows touch");
                        }
                        for window in &windows {
                            assert!(window.from < window.to);
                            assert!(window.last_day() - window.first_day() < TimeDelta::days(limit.into()), "{window:?}");
                            // Awin's limit of 31 days, counted in seconds or by the calendar.
                            assert!(window.to - window.from < TimeDelta::days(31));
                            assert!(window.from == from || window.from == midnight(zone, window.first_day()));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_empty_stretch_has_no_windows() {
        let at = moment(Tz::UTC, "2026-01-01T00:00:00");
        for to in [at, at - TimeDelta::days(1)] {
            assert_eq!((windows(at, to, 30).count(), window_count(at, to, 30)), (0, 0));
        }
    }

    #[test]
    fn a_day_that_starts_late_starts_when_the_gap_ends() {
        // Clocks in Sao Paulo went from 23:59:59 to 01:00:00.
        let day = "2018-11-04".parse().expect("a date");
        assert_eq!(midnight(Tz::America__Sao_Paulo, day), moment(Tz::America__Sao_Paulo, "2018-11-04T01:00:00"));
    }

    #[test]
    fn halves_touch_and_end_at_an_hour() {
        let from = moment(Tz::UTC, "2026-01-01T00:00:00");
        let mut window = Window { from, to: from + TimeDelta::days(30) };
        let mut halvings = 0;
        while let Some([left, right]) = window.halves() {
            assert_eq!((left.from, left.to, right.to), (window.from, right.from, window.to));
            window = if halvings % 2 == 0 { left } else { right };
            halvings += 1;
        }
        assert!(window.to - window.from <= TimeDelta::hours(1), "{window:?}");
        assert!(halvings < 12);
        let odd = Window { from, to: from + TimeDelta::minutes(61) };
        assert_eq!(odd.halves().map(|[left, _]| left.to), Some(from + TimeDelta::hours(1)));
    }
}
