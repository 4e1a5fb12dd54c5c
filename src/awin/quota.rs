//! The quota: Awin allows a number of calls per minute for a whole user, and every attempt counts.
//!
//! [`SlidingWindow`] is the rule, pure, on any clock: at most `limit` starts in any stretch of `span`, as a burst if there is room.
//! [`Quota`] waits by it, first come first served.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Requests under way at once: as many as the quota lets start at once. With fewer, a burst of slow answers (Awin's take up
/// to 15 s) would delay its last calls, and with them every call a minute later.
pub const IN_FLIGHT: usize = 20;

/// Starts within the last span. Times are durations since any fixed moment.
#[derive(Debug, Clone)]
struct SlidingWindow {
    limit: usize,
    /// Starts that are allowed at once by what answers say, at the same pace.
    burst: Option<usize>,
    span: Duration,
    starts: VecDeque<Duration>,
    blocked_until: Duration,
}

impl SlidingWindow {
    /// At most `limit` starts in any `minute`. A little is added to the minute: requests that start a minute apart may arrive
    /// less than a minute apart.
    fn new(limit: u32, minute: Duration) -> Self {
        Self {
            limit: limit as usize,
            burst: None,
            span: minute + minute / 120,
            starts: VecDeque::new(),
            blocked_until: Duration::ZERO,
        }
    }

    /// The first moment at or after `now` at which a request may start.
    fn next_start(&self, now: Duration) -> Duration {
        let free = |limit: usize, span: Duration| match self.starts.len().checked_sub(limit) {
            Some(index) => self.starts[index] + span,
            None => Duration::ZERO,
        };
        let in_burst =
            self.burst.map_or(Duration::ZERO, |burst| free(burst, self.pace() * u32::try_from(burst).unwrap_or(u32::MAX)));
        free(self.limit, self.span).max(in_burst).max(self.blocked_until).max(now)
    }

    /// Counts a start at `at`.
    fn record(&mut self, at: Duration) {
        self.starts.push_back(at);
        while self.starts.len() > self.limit {
            self.starts.pop_front();
        }
    }

    /// The time of a call where as many are made in a minute as are allowed.
    fn pace(&self) -> Duration {
        self.span / u32::try_from(self.limit.max(1)).unwrap_or(u32::MAX)
    }

    /// Awin says that so many calls can be made at once: not faster than the quota, and not more at once than that.
    fn limit_burst(&mut self, burst: u32) {
        self.burst = Some(burst as usize).filter(|burst| *burst < self.limit);
    }

    /// Awin says that the quota is used up: no start before `until`.
    fn block(&mut self, until: Duration) {
        self.blocked_until = self.blocked_until.max(until);
    }
}

/// The quota of a run, shared by all its requests.
#[derive(Debug)]
pub struct Quota {
    window: Mutex<SlidingWindow>,
    /// Held by the one who waits for the next start; the others queue here in order.
    turn: tokio::sync::Mutex<()>,
    epoch: Instant,
    minute: Duration,
}

impl Quota {
    /// At most `limit` calls in any `minute`.
    pub fn new(limit: u32, minute: Duration) -> Self {
        Self {
            window: Mutex::new(SlidingWindow::new(limit, minute)),
            turn: tokio::sync::Mutex::new(()),
            epoch: Instant::now(),
            minute,
        }
    }

    /// Waits until a request may start, and counts it. `waits` is told once how long it takes, if it is worth telling.
    pub async fn acquire(&self, mut waits: impl FnMut(Duration)) {
        let _turn = self.turn.lock().await;
        let mut told = false;
        loop {
            let now = self.epoch.elapsed();
            let start = {
                let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
                let start = window.next_start(now);
                if start <= now {
                    window.record(now);
                    return;
                }
                start
            };
            let pause = start.saturating_sub(now);
            if !told && pause > self.minute / 60 {
                waits(pause);
                told = true;
            }
            tokio::time::sleep_until(self.epoch + start).await;
        }
    }

    /// An answer states that `limit` calls can be made at once, and, if they are used up, when they are there again: within a
    /// minute, whatever it says. In which unit that is written is not known.
    pub fn heed(&self, limit: u32, pause: Option<Duration>) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.limit_burst(limit);
        if let Some(pause) = pause {
            let pause = pause.max(window.pace()).min(window.span);
            window.block(self.epoch.elapsed() + pause);
        }
    }

    /// After a 429: nobody starts before `pause` is over; without a `pause`, before the window is surely free.
    pub fn block(&self, pause: Option<Duration>) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = pause.unwrap_or(window.span);
        window.block(self.epoch.elapsed() + pause);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::{self, StreamExt as _};
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_burst_starts_at_once_and_the_next_call_waits_a_minute() {
        let mut window = SlidingWindow::new(20, MINUTE);
        for _ in 0..20 {
            assert_eq!(window.next_start(Duration::from_secs(5)), Duration::from_secs(5));
            window.record(Duration::from_secs(5));
        }
        assert_eq!(window.next_start(Duration::from_secs(6)), Duration::from_millis(65_500));
    }

    #[test]
    fn a_block_holds_everyone_back() {
        let mut window = SlidingWindow::new(20, MINUTE);
        window.block(Duration::from_secs(90));
        window.block(Duration::from_secs(30));
        assert_eq!(window.next_start(Duration::from_secs(1)), Duration::from_secs(90));
    }

    #[test]
    fn a_smaller_burst_keeps_the_pace_of_the_quota_and_a_larger_one_changes_nothing() {
        let mut window = SlidingWindow::new(20, MINUTE);
        window.limit_burst(5);
        let mut starts = Vec::new();
        for _ in 0..25 {
            let start = window.next_start(starts.last().copied().unwrap_or_default());
            window.record(start);
            starts.push(start);
        }
        assert_eq!(starts[4], Duration::ZERO);
        assert_eq!(starts[5], (MINUTE + MINUTE / 120) / 4, "the sixth of 20 a minute, after a quarter of it");
        assert!(starts.windows(21).all(|starts| starts[20] >= starts[0] + MINUTE), "{starts:?}");
        window.limit_burst(20);
        assert_eq!(window.burst, None);
    }

    #[test]
    fn a_used_up_burst_waits_until_it_is_there_again() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let quota = Quota::new(20, MINUTE);
            for (pause, least) in [(7, 7.0), (0, 3.0), (3600, 60.5), (1_795_500_000, 60.5)] {
                let began = Instant::now();
                quota.heed(20, Some(Duration::from_secs(pause)));
                quota.acquire(|_| ()).await;
                let took = began.elapsed().as_secs_f64();
                assert!((least..least + 0.1).contains(&took), "{took}");
            }
        });
    }

    /// Makes calls as a run does, up to [`IN_FLIGHT`] at once and their answers in order, on a virtual clock. Gives their
    /// arrivals at the server, `jitters` after their starts, and the time of the last answer.
    fn simulate(latencies: &[Duration], jitters: &[Duration]) -> (Vec<Duration>, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let began = Instant::now();
            let quota = Quota::new(20, MINUTE);
            let call = async |(latency, jitter): (&Duration, &Duration)| {
                quota.acquire(|_| ()).await;
                let arrival = began.elapsed() + *jitter;
                tokio::time::sleep(*jitter + *latency).await;
                arrival
            };
            let calls = stream::iter(latencies.iter().zip(jitters)).map(call).buffered(IN_FLIGHT);
            let mut arrivals: Vec<Duration> = calls.collect().await;
            arrivals.sort();
            (arrivals, began.elapsed())
        })
    }

    #[test]
    fn twenty_calls_start_at_once() {
        let (arrivals, _) = simulate(&[MINUTE / 4; 21], &[Duration::ZERO; 21]);
        assert_eq!(arrivals[19], Duration::ZERO);
        assert!(arrivals[20] > MINUTE);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// At most 3 % above the least time that a strict server permits, without ever being refused.
        #[test]
        fn the_quota_is_used_up_and_never_exceeded(
            calls in proptest::collection::vec((0u64..15_000, 0u64..50), 200),
        ) {
            let (latencies, jitters): (Vec<_>, Vec<_>) =
                calls.into_iter().map(|(latency, jitter)| (Duration::from_millis(latency), Duration::from_millis(jitter))).unzip();
            let (arrivals, total) = simulate(&latencies, &jitters);
            prop_assert!(arrivals.windows(21).all(|starts| starts[20] >= starts[0] + MINUTE), "refused: {arrivals:?}");
            // Twenty at a time, a minute apart, each batch as fast as its answers.
            let least = latencies.chunks(20).zip(0..).map(|(batch, minutes)| MINUTE * minutes + batch.iter().max().copied().unwrap_or_default());
            let least = least.max().unwrap_or_default();
            prop_assert!(total <= least.mul_f64(1.03), "{total:?} for {least:?}");
        }
    }
}
