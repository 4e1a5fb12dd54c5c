//! The plan: what is read of each partition, in which order. Pure: state and configuration in, slices out.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Days, NaiveDate, TimeDelta};

use chrono_tz::Tz;

use super::state::PartitionState;
use crate::config::Config;
use crate::protocol::SyncMode;
use crate::streams::{
    AGAIN_LANE, CHANGES_OVERLAP_DAYS, Cut, Lane, MAIN_LANE, Moment, Partition, Role, Slice, Stream, Window, midnight,
    window_count, windows,
};

/// The range of a table and the moment at which it is read.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// First moment of the range.
    pub start: Moment,
    /// The moment after its last; `None` is open.
    pub end: Option<Moment>,
    /// When the run began, to the full second.
    pub now: Moment,
    /// Days before the point reached that are read again.
    pub lookback_days: u32,
    /// How the stream is read.
    pub mode: SyncMode,
}

impl Scope {
    /// The scope of `config` at `now`.
    pub fn new(config: &Config, now: Moment, mode: SyncMode) -> Self {
        let end = config.end_date.and_then(|day| day.succ_opt()).map(|day| midnight(config.timezone, day));
        let start = midnight(config.timezone, config.start_date);
        Self { start, end, now, lookback_days: config.lookback_days, mode }
    }

    /// Where the table ends at this moment.
    fn reach(&self) -> Moment {
        self.end.map_or(self.now, |end| end.min(self.now))
    }
}

/// What is to be read of a partition.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The partition.
    pub partition: Partition,
    /// What is covered before the first slice; `None` if the state says nothing of it, or if nothing of that lies in the range.
    pub known: Option<PartitionState>,
    /// What is read, in order.
    pub cuts: Vec<Cuts>,
    /// Zone of its days.
    pub zone: Tz,
}

/// Slices that follow one rule. They are made when it is their turn: a long history has millions of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Cuts {
    /// The windows of a stretch of time.
    Stretch {
        /// The lane.
        lane: &'static Lane,
        /// Where it starts.
        from: Moment,
        /// Where it ends.
        to: Moment,
        /// Days of a window.
        days: u32,
        /// Whether the last window comes first.
        newest_first: bool,
    },
    /// Whether the stretch that follows has any rows: if not, it is done.
    Any(Window),
    /// Of one window, the rows of certain days.
    Within {
        /// The lane.
        lane: &'static Lane,
        /// The window.
        window: Window,
        /// The days.
        days: Arc<BTreeSet<NaiveDate>>,
    },
    /// Days that were read before, one by one.
    Days(Vec<NaiveDate>),
    /// One answer per programme.
    Programmes(Vec<u64>),
    /// One answer.
    Whole,
}

impl Plan {
    fn window_of(&self, day: NaiveDate) -> Window {
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        Window { from: midnight(self.zone, day), to: midnight(self.zone, next) }
    }

    /// Its slices, in order.
    pub fn slices(&self) -> impl Iterator<Item = Slice> + '_ {
        self.cuts.iter().flat_map(move |cuts| -> Box<dyn Iterator<Item = Slice>> {
            let slice = |lane, cut| Slice { partition: self.partition.clone(), lane, cut };
            let main = MAIN_LANE;
            match cuts {
                Cuts::Stretch { lane, from, to, days, newest_first } => {
                    let windows = windows(*from, *to, *days).map(move |window| slice(lane, Cut::Window(window)));
                    if *newest_first { Box::new(windows.collect::<Vec<_>>().into_iter().rev()) } else { Box::new(windows) }
                }
                Cuts::Any(window) => Box::new(std::iter::once(slice(main, Cut::Any(*window)))),
                Cuts::Within { lane, window, days } => {
                    Box::new(std::iter::once(slice(lane, Cut::Days(*window, Arc::clone(days)))))
                }
                Cuts::Days(days) => Box::new(days.iter().map(move |day| slice(AGAIN_LANE, Cut::Window(self.window_of(*day))))),
                Cuts::Programmes(ids) => Box::new(ids.iter().map(move |id| slice(main, Cut::Programme(*id)))),
                Cuts::Whole => Box::new(std::iter::once(slice(main, Cut::Whole))),
            }
        })
    }

    /// Calls that it takes, if no answer has pages.
    pub fn calls(&self) -> u64 {
        let calls = |cuts: &Cuts| match cuts {
            Cuts::Stretch { from, to, days, .. } => window_count(*from, *to, *days),
            Cuts::Days(days) => days.len() as u64,
            Cuts::Programmes(ids) => ids.len() as u64,
            Cuts::Any(_) | Cuts::Within { .. } | Cuts::Whole => 1,
        };
        self.cuts.iter().map(calls).sum()
    }
}

/// Plans `partition` of a stream with windows, of which `known` is covered.
///
/// First what is new, with the look-back; then changes of rows of any age; then deletions; last the beginning that is
/// missing because the start was moved back, newest window first, so that what is covered stays one stretch.
pub fn plan(stream: &'static Stream, partition: &Partition, known: Option<&PartitionState>, scope: &Scope) -> Plan {
    let is_incremental = scope.mode == SyncMode::Incremental;
    if let Some(known) = known.filter(|known| known.is_of_the_future(scope.now)) {
        // Of a clock that was wrong, or of a test. What it says was read is not read again, whatever the range.
        return Plan { partition: partition.clone(), known: Some(known.clone()), cuts: vec![], zone: scope.now.timezone() };
    }
    let known = known.cloned().and_then(|mut state| state.clip(scope.start, scope.end).then_some(state));
    let known = known.map(|mut state| {
        if is_incremental {
            state.add_missing(stream.lanes());
        }
        state
    });
    let days = stream.window_days();
    let zone = scope.now.timezone();
    let (from, through) = known
        .as_ref()
        .map_or((scope.start, scope.start), |known| (known.from.with_timezone(&zone), known.through.with_timezone(&zone)));
    let mut cuts = Vec::new();
    let mut add = |lane, from, to, newest_first| {
        if from < to {
            if stream.proves_empty() && days_before(to, LONG_DAYS) >= from {
                cuts.push(Cuts::Any(Window { from, to }));
            }
            cuts.push(Cuts::Stretch { lane, from, to, days, newest_first });
        }
    };
    for lane in stream.lanes() {
        let reached = known.as_ref().and_then(|known| known.lane(lane));
        // All that is read for the first time is in its newest form: changes and deletions begin with what is known.
        match (lane.role, reached) {
            (Role::Main, _) => {
                let again = if is_incremental { scope.lookback_days } else { 0 };
                add(lane, days_before(through, again).max(from), scope.reach(), false);
            }
            (Role::Changes { .. }, Some(reached)) if is_incremental => {
                let reached = reached.through.with_timezone(&zone);
                add(lane, days_before(reached, CHANGES_OVERLAP_DAYS), scope.now, false);
            }
            (Role::Deleted, reached) if is_incremental && !reached.is_some_and(|reached| reached.retired) => {
                let reached = reached.map_or(scope.now, |reached| reached.through.with_timezone(&zone));
                // The lane moves on to `now` after a range that has ended; from there the look-back is that of its last days.
                let reached = if reached > scope.now { reached } else { reached.min(scope.reach()) };
                add(lane, days_before(reached, scope.lookback_days).max(from), scope.reach(), false);
            }
            (Role::Again, _) if is_incremental => {
                let Some(known) = &known else { continue };
                // Where deleted rows are listed anyway, they need not be asked for.
                if lane.status.is_some() && known.lanes.iter().any(|lane| lane.retired) {
                    continue;
                }
                let aged = known.aged.map_or(scope.now, |aged| aged.with_timezone(&zone));
                for (start, end) in old_blocks(from, through, aged, scope) {
                    add(lane, start, end, false);
                }
            }
            (Role::Changes { .. } | Role::Deleted | Role::Again, _) => {}
        }
    }
    add(&stream.lanes()[0], scope.start, from, true);
    Plan { partition: partition.clone(), known, cuts, zone }
}

/// Days of a report that are worth asking at first whether there is anything at all: one call more, or so many fewer.
const LONG_DAYS: u32 = 60;

/// Days of a block of old events.
const BLOCK_DAYS: i64 = 30;
/// Ages of a block, from its end, at which it is read again: flags of payments, deletions and whatever no list of changes tells.
const BLOCK_RUNGS: [u32; 4] = [45, 90, 180, 400];

/// The blocks between `from` and `through` whose age passes a rung after `aged` and not after now. Blocks are counted from a fixed
/// day, so that each is the same whenever it is looked at. What the look-back reads is not old.
fn old_blocks(from: Moment, through: Moment, aged: Moment, scope: &Scope) -> Vec<(Moment, Moment)> {
    let zone = scope.now.timezone();
    let day = |number: i64| NaiveDate::default().checked_add_signed(TimeDelta::days(number)).unwrap_or(NaiveDate::MAX);
    let number = |moment: Moment| (moment.date_naive() - NaiveDate::default()).num_days().div_euclid(BLOCK_DAYS);
    let rungs = BLOCK_RUNGS.iter().filter(|rung| **rung > scope.lookback_days);
    let mut blocks = Vec::new();
    for rung in rungs {
        let reach = TimeDelta::days(i64::from(*rung));
        // The ends of the blocks that pass this rung lie in (aged - rung, now - rung].
        for block in number(aged - reach) - 1..=number(scope.now - reach) {
            let (start, end) = (midnight(zone, day(block * BLOCK_DAYS)), midnight(zone, day((block + 1) * BLOCK_DAYS)));
            if end > aged - reach && end <= scope.now - reach && end > from && start < through {
                blocks.push((start.max(from), end.min(through)));
            }
        }
    }
    blocks
}

/// Midnight of the day that is `days` days before that of `moment`.
pub(super) fn days_before(moment: Moment, days: u32) -> Moment {
    let day = moment.date_naive().checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN);
    midnight(moment.timezone(), day)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;
    use crate::streams::{AccountId, AccountKind, find};

    const ACCOUNT: AccountId = AccountId { kind: AccountKind::Advertiser, id: 90210 };

    fn at(day: &str, hour: u32) -> Moment {
        let day: NaiveDate = day.parse().expect("a date");
        Tz::UTC.from_utc_datetime(&day.and_hms_opt(hour, 30, 0).expect("a time"))
    }

    fn first(day: &str) -> Moment {
        midnight(Tz::UTC, day.parse().expect("a date"))
    }

    fn scope(start: &str, end: Option<&str>, mode: SyncMode) -> Scope {
        Scope { start: first(start), end: end.map(first), now: at("2026-11-20", 15), lookback_days: 28, mode }
    }

    /// A partition that was read from `from` to yesterday, or to another `through`.
    fn known(from: &str, through: Moment) -> PartitionState {
        let lanes = find("transactions").expect("the stream").lanes();
        let mut known = PartitionState::new(ACCOUNT, None, lanes, first(from), through);
        known.through = through.fixed_offset();
        known
    }

    /// The slices in words.
    fn slices(known: Option<&PartitionState>, scope: &Scope) -> Vec<String> {
        let plan = plan(find("transactions").expect("the stream"), &Partition::of(ACCOUNT), known, scope);
        let slices: Vec<String> = plan.slices().map(|slice| format!("{} {}", slice.lane.name, slice.cut)).collect();
        assert_eq!(plan.calls(), slices.len() as u64);
        slices
    }

    const INCREMENTAL: SyncMode = SyncMode::Incremental;

    #[test]
    fn a_first_sync_reads_the_range_and_looks_for_deletions_in_the_look_back() {
        let wanted = [
            "transaction 2026-09-10 to 2026-10-09",
            "transaction 2026-10-10 to 2026-11-08",
            "transaction 2026-11-09 to 2026-11-20",
            "deleted 2026-10-23 to 2026-11-20",
        ];
        assert_eq!(slices(None, &scope("2026-09-10", None, INCREMENTAL)), wanted);
        assert_eq!(slices(None, &scope("2026-09-10", None, SyncMode::FullRefresh)), wanted[..3]);
        assert_eq!(slices(None, &scope("2026-11-21", None, INCREMENTAL)), [""; 0], "the range has not begun");
    }

    #[test]
    fn a_daily_sync_is_a_call_per_lane() {
        let mut known = known("2026-01-01", at("2026-11-19", 15));
        let scope = scope("2026-01-01", None, INCREMENTAL);
        let wanted = [
            "transaction 2026-10-22 to 2026-11-20",
            "validation 2026-11-17 to 2026-11-20",
            "amendment 2026-11-17 to 2026-11-20",
            "deleted 2026-10-22 to 2026-11-20",
        ];
        assert_eq!(slices(Some(&known), &scope), wanted);
        known.retire_deleted(find("transactions").expect("the stream").lanes());
        assert_eq!(slices(Some(&known), &scope), wanted[..3], "deletions are listed anyway");
    }

    #[test]
    fn the_look_back_is_counted_from_the_point_reached_and_stays_within_what_is_covered() {
        let scope = scope("2026-11-01", None, INCREMENTAL);
        let late = slices(Some(&known("2026-11-01", at("2026-11-10", 0))), &scope);
        assert_eq!(late[0], "transaction 2026-11-01 to 2026-11-20");
        let none = Scope { lookback_days: 0, ..scope };
        assert_eq!(slices(Some(&known("2026-11-01", at("2026-11-10", 0))), &none)[0], "transaction 2026-11-10 to 2026-11-20");
    }

    #[test]
    fn a_start_moved_back_reads_the_missing_beginning_last_and_its_newest_window_first() {
        let slices = slices(Some(&known("2026-11-01", at("2026-11-19", 15))), &scope("2026-09-10", None, INCREMENTAL));
        let wanted = [
            "transaction 2026-11-01 to 2026-11-20",
            "validation 2026-11-17 to 2026-11-20",
            "amendment 2026-11-17 to 2026-11-20",
            "deleted 2026-11-01 to 2026-11-20",
            "transaction 2026-10-10 to 2026-10-31",
            "transaction 2026-09-10 to 2026-10-09",
        ];
        assert_eq!(slices, wanted);
    }

    #[test]
    fn an_end_date_limits_the_rows_but_not_the_changes_of_them() {
        let known = known("2026-01-01", at("2026-11-19", 15));
        let wanted = [
            "transaction 2026-10-04 to 2026-10-31",
            "validation 2026-11-17 to 2026-11-20",
            "amendment 2026-11-17 to 2026-11-20",
            "deleted 2026-10-04 to 2026-10-31",
        ];
        assert_eq!(slices(Some(&known), &scope("2026-01-01", Some("2026-11-01"), INCREMENTAL)), wanted);
    }

    #[test]
    fn a_full_refresh_goes_on_where_it_stopped_and_reads_nothing_twice() {
        let known = known("2026-01-01", at("2026-11-19", 15));
        let scope = scope("2026-01-01", None, SyncMode::FullRefresh);
        assert_eq!(slices(Some(&known), &scope), ["transaction 2026-11-19 to 2026-11-20"]);
    }

    #[test]
    fn a_state_of_the_future_is_left_as_it_is_and_nothing_is_read() {
        let known = known("2026-01-01", at("2027-03-01", 0));
        for scope in [scope("2026-01-01", None, INCREMENTAL), scope("2025-01-01", Some("2026-06-01"), INCREMENTAL)] {
            assert_eq!(slices(Some(&known), &scope), [""; 0]);
            let plan = plan(find("transactions").expect("the stream"), &Partition::of(ACCOUNT), Some(&known), &scope);
            assert_eq!(plan.known.as_ref(), Some(&known));
        }
    }

    #[test]
    fn a_state_outside_of_the_range_counts_as_none() {
        let known = known("2026-01-01", at("2026-03-01", 0));
        let scope = scope("2026-11-01", None, INCREMENTAL);
        assert_eq!(slices(Some(&known), &scope), slices(None, &scope));
    }
}
