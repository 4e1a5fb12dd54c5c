//! Counting calls. The time is handed in, so that this can be tested without waiting.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rules::{Throttle, ThrottleKind};

/// The calls counted so far.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    counted: VecDeque<Instant>,
    window_start: Option<Instant>,
}

impl Meter {
    /// Counts a call at `now`. `Err` if it is one too many, with the time until the window has room again.
    pub(crate) fn admit(&mut self, throttle: &Throttle, now: Instant) -> Result<(), Duration> {
        if !throttle.enabled {
            return Ok(());
        }
        self.forget(throttle, now);
        let limit = usize::try_from(throttle.limit).unwrap_or(usize::MAX);
        let room = self.counted.len() < limit;
        if room || throttle.count_refused {
            self.counted.push_back(now);
        }
        if room { Ok(()) } else { Err(self.time_to_room(throttle, now, limit)) }
    }

    /// Calls for which there is room at the last call that was counted.
    pub(crate) fn remaining(&self, throttle: &Throttle) -> u64 {
        u64::from(throttle.limit).saturating_sub(self.counted.len() as u64)
    }

    /// Drops what no longer counts.
    fn forget(&mut self, throttle: &Throttle, now: Instant) {
        match throttle.kind {
            ThrottleKind::Sliding => {
                while self.counted.front().is_some_and(|at| now.duration_since(*at) >= throttle.window) {
                    self.counted.pop_front();
                }
            }
            ThrottleKind::Fixed => {
                let start = *self.window_start.get_or_insert(now);
                if now.duration_since(start) >= throttle.window {
                    self.window_start = Some(now);
                    self.counted.clear();
                }
            }
        }
    }

    fn time_to_room(&self, throttle: &Throttle, now: Instant, limit: usize) -> Duration {
        let blocking = match throttle.kind {
            ThrottleKind::Fixed => self.window_start,
            ThrottleKind::Sliding => self.counted.len().checked_sub(limit).and_then(|at| self.counted.get(at)).copied(),
        };
        let since = blocking.map_or(Duration::ZERO, |at| now.duration_since(at));
        throttle.window.saturating_sub(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the calls at these seconds are let through, two in ten seconds being allowed.
    fn admitted(kind: ThrottleKind, count_refused: bool, seconds: &[u64]) -> Vec<bool> {
        let throttle = Throttle { limit: 2, window: Duration::from_secs(10), kind, count_refused, ..Throttle::default() };
        let start = Instant::now();
        let mut meter = Meter::default();
        seconds.iter().map(|second| meter.admit(&throttle, start + Duration::from_secs(*second)).is_ok()).collect()
    }

    #[test]
    fn a_sliding_window_looks_back_from_each_call() {
        assert_eq!(admitted(ThrottleKind::Sliding, false, &[0, 6, 9, 10, 12, 16]), [true, true, false, true, false, true]);
    }

    #[test]
    fn a_fixed_window_starts_afresh() {
        assert_eq!(admitted(ThrottleKind::Fixed, false, &[0, 6, 9, 10, 12, 16]), [true, true, false, true, true, false]);
    }

    #[test]
    fn refused_calls_that_count_keep_the_window_full() {
        let seconds = [0, 1, 5, 10, 12, 20];
        assert_eq!(admitted(ThrottleKind::Sliding, true, &seconds), [true, true, false, false, false, true]);
        assert_eq!(admitted(ThrottleKind::Sliding, false, &seconds), [true, true, false, true, true, true]);
    }

    #[test]
    fn a_refusal_says_when_there_is_room() {
        let throttle = Throttle { limit: 1, count_refused: false, ..Throttle::default() };
        let start = Instant::now();
        let mut meter = Meter::default();
        assert_eq!(meter.admit(&throttle, start), Ok(()));
        assert_eq!(meter.admit(&throttle, start + Duration::from_secs(15)), Err(Duration::from_secs(45)));
    }
}
