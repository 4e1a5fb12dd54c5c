//! The plan: what is read of each partition, in which order. Pure: state and configuration in, slices out.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Days, NaiveDate};

use chrono_tz::Tz;

use super::blocks;
use super::scope::{Scope, days_before};
use super::state::PartitionState;
use crate::protocol::SyncMode;
use crate::streams::{
    AGAIN_LANE, CHANGES_OVERLAP_DAYS, Cut, FEED_OVERLAP_DAYS, Lane, MAIN_LANE, Moment, Partition, Payment, Role, Slice, Stream,
    Window, midnight, window_count, windows,
};

/// What is to be read of a partition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The partition.
    pub partition: Partition,
    /// What is covered before the first slice; `None` if the state says nothing of it, or if nothing of that lies in the range and
    /// nothing else of it is to be remembered.
    pub known: Option<PartitionState>,
    /// What is read, in order.
    pub cuts: Vec<Cuts>,
    /// Zone of its days.
    pub zone: Tz,
    /// What is known of programmes or payments once all of them are read.
    pub(super) parts: Option<Parts>,
    /// The last payments to the account, if they move flags of its sales.
    pub(super) payments: Option<Vec<u64>>,
}

/// What is known once all parts of a partition are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    /// Those that the next run is shown again.
    pub(super) shown_again: Vec<u64>,
    /// The stretch that is covered.
    pub(super) covered: Window,
}

/// Slices that follow one rule. They are made when it is their turn: a long history has millions of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cuts {
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
    DaysOfWindow {
        /// The lane.
        lane: &'static Lane,
        /// The window.
        window: Window,
        /// The days.
        days: Arc<BTreeSet<NaiveDate>>,
    },
    /// Days that were read before, one by one.
    OneByOne(Vec<NaiveDate>),
    /// A list from its newest row down to the beginning of a window.
    Feed(Window),
    /// One answer per programme.
    Programmes(Vec<u64>),
    /// One answer per payment.
    Payments(Vec<Payment>),
    /// The periods of each programme's rates, back to a moment.
    Rates(Vec<(u64, Moment)>),
    /// One list per lane.
    Lists(&'static [Lane]),
    /// One answer.
    Whole,
}

impl Plan {
    /// Of `partition`, of which `known` is covered.
    pub(super) fn new(partition: Partition, known: Option<PartitionState>, cuts: Vec<Cuts>, zone: Tz) -> Self {
        Self { partition, known, cuts, zone, parts: None, payments: None }
    }

    fn window_of(&self, day: NaiveDate) -> Window {
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        Window { from: midnight(self.zone, day), to: midnight(self.zone, next) }
    }

    /// Its slices, in order.
    pub(super) fn slices(&self) -> impl Iterator<Item = Slice> + '_ {
        self.cuts.iter().flat_map(move |cuts| -> Box<dyn Iterator<Item = Slice>> {
            let slice = |lane, cut| Slice { partition: self.partition.clone(), lane, cut };
            let main = MAIN_LANE;
            match cuts {
                Cuts::Stretch { lane, from, to, days, newest_first } => {
                    let windows = windows(*from, *to, *days).map(move |window| slice(lane, Cut::Window(window)));
                    if *newest_first { Box::new(windows.collect::<Vec<_>>().into_iter().rev()) } else { Box::new(windows) }
                }
                Cuts::Any(window) => Box::new(std::iter::once(slice(main, Cut::Any(*window)))),
                Cuts::DaysOfWindow { lane, window, days } => {
                    Box::new(std::iter::once(slice(lane, Cut::Days(*window, Arc::clone(days)))))
                }
                Cuts::OneByOne(days) => {
                    Box::new(days.iter().map(move |day| slice(AGAIN_LANE, Cut::Window(self.window_of(*day)))))
                }
                Cuts::Feed(window) => Box::new(std::iter::once(slice(main, Cut::Window(*window)))),
                Cuts::Payments(payments) => {
                    Box::new(payments.iter().map(move |payment| slice(main, Cut::Payment(payment.clone()))))
                }
                Cuts::Programmes(ids) => Box::new(ids.iter().map(move |id| slice(main, Cut::Programme(*id)))),
                Cuts::Rates(programmes) => Box::new(programmes.iter().map(move |(id, from)| slice(main, Cut::Rates(*id, *from)))),
                Cuts::Lists(lanes) => Box::new(lanes.iter().map(move |lane| slice(lane, Cut::Whole))),
                Cuts::Whole => Box::new(std::iter::once(slice(main, Cut::Whole))),
            }
        })
    }

    /// Calls that it takes, if no answer has pages.
    pub(super) fn calls(&self) -> u64 {
        let calls = |cuts: &Cuts| match cuts {
            Cuts::Stretch { from, to, days, .. } => window_count(*from, *to, *days),
            Cuts::OneByOne(days) => days.len() as u64,
            Cuts::Programmes(ids) => ids.len() as u64,
            Cuts::Payments(payments) => payments.len() as u64,
            Cuts::Rates(programmes) => programmes.len() as u64,
            Cuts::Lists(lanes) => lanes.len() as u64,
            Cuts::Any(_) | Cuts::DaysOfWindow { .. } | Cuts::Feed(_) | Cuts::Whole => 1,
        };
        self.cuts.iter().map(calls).sum()
    }
}

/// What is `known` of a partition, cut to the range of `scope`. What was read outside of it is remembered as long as rows that
/// are deleted there do not show by themselves: they are asked for when it is read anew.
fn within(stream: &'static Stream, partition: &Partition, known: &PartitionState, scope: &Scope) -> Option<PartitionState> {
    let [first, last] = known.ever();
    let mut cut = known.clone();
    let is_left = cut.clip(scope.start, scope.end);
    cut.once = None;
    let mut lanes = stream.lanes().iter().filter(|lane| lane.role == Role::Deleted);
    let asks = lanes.any(|lane| !known.lane(lane).is_some_and(|lane| lane.retired));
    if !asks || scope.mode != SyncMode::Incremental {
        return is_left.then_some(cut);
    }
    if !is_left {
        // The range may still be to come: nothing is covered up to a moment of the future.
        cut = PartitionState::new(partition.account?, None, stream.lanes(), scope.start.min(scope.now), scope.now);
    }
    cut.once = (first < cut.from || cut.through < last).then_some([first, last]);
    Some(cut)
}

/// Plans `partition` of a stream with windows, of which `known` is covered.
///
/// First what was deleted in what is to be read for another time; then what is new, with the look-back; then changes of rows of any age; then deletions; last the beginning that is
/// missing because the start was moved back, newest window first, so that what is covered stays one stretch.
///
/// `payments` are the last ones to the account, where it is to be known whether there was another.
pub(super) fn plan(
    stream: &'static Stream,
    partition: &Partition,
    known: Option<&PartitionState>,
    payments: Option<Vec<u64>>,
    scope: &Scope,
) -> Plan {
    let is_incremental = scope.mode == SyncMode::Incremental;
    if let Some(known) = known.filter(|known| known.is_of_the_future(scope.now)) {
        // Of a clock that was wrong, or of a test. What it says was read is not read again, whatever the range.
        return Plan::new(partition.clone(), Some(known.clone()), vec![], scope.now.timezone());
    }
    let known = known.and_then(|known| within(stream, partition, known, scope));
    let known = known.map(|mut state| {
        if is_incremental {
            state.add_missing(stream.lanes());
        }
        state
    });
    let days = stream.window_days();
    let zone = scope.now.timezone();
    let payments = payments.filter(|_| is_incremental);
    let known = known.map(|mut state| {
        if payments.is_some() && state.unpaid.is_none() {
            // Which of them hold unpaid sales was never looked at.
            state.unpaid = Some(blocks::all(&state, zone));
        }
        state
    });
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
    let mut asks_for_deleted = stream.lanes().iter().filter(|lane| lane.role == Role::Again && lane.status.is_some());
    if let (Some(lane), Some(once)) = (asks_for_deleted.next(), known.as_ref().and_then(|known| known.once)) {
        let [first, last] = once.map(|moment| moment.with_timezone(&zone));
        // Before the rows themselves: if the run dies between the two, what is not covered is asked for again.
        add(lane, first.max(scope.start), last.min(from), false);
        add(lane, first.max(through), last.min(scope.reach()), false);
    }
    for lane in stream.lanes() {
        let reached = known.as_ref().and_then(|known| known.lane(lane));
        // All that is read for the first time is in its newest form: changes and deletions begin with what is known.
        match (lane.role, reached) {
            (Role::Main, _) => {
                let again = if is_incremental { scope.lookback_days } else { 0 };
                add(lane, days_before(through, again).max(from), scope.reach(), false);
            }
            (Role::Changes { .. }, Some(reached)) if is_incremental && from < through => {
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
                let mut old = blocks::aged(from, through, aged, scope);
                if let Some(payments) = payments.as_ref().filter(|_| lane.status.is_none()) {
                    old.extend(blocks::paid(known, payments, scope));
                }
                for block in old {
                    let Window { from: start, to: end } = blocks::stretch(block, zone);
                    add(lane, start.max(from), end.min(through), false);
                }
            }
            (Role::Changes { .. } | Role::Deleted | Role::Again, _) => {}
        }
    }
    add(&stream.lanes()[0], scope.start, from, true);
    Plan { payments, ..Plan::new(partition.clone(), known, cuts, zone) }
}

/// From so many days on, one call that asks whether there are any rows pays for itself.
const LONG_DAYS: u32 = 60;

/// Plans `partition` of a stream that is read down to what is known. A list that has no dates of the table's range is read to its
/// end at first.
pub(super) fn plan_feed(is_dated: bool, partition: &Partition, known: Option<&PartitionState>, scope: &Scope) -> Plan {
    let is_of_the_future = known.is_some_and(|known| known.is_of_the_future(scope.now));
    let known = if is_dated && !is_of_the_future { in_range(known, scope) } else { known.cloned() };
    let from = known_until(is_dated, known.as_ref(), scope);
    // What comes after the end of the range is left out, and is not known.
    let to = if is_dated { scope.reach() } else { scope.now };
    let cuts = (from < to && !is_of_the_future).then_some(Cuts::Feed(Window { from, to }));
    Plan::new(partition.clone(), known, cuts.into_iter().collect(), scope.now.timezone())
}

/// What is `known` of a list or of its parts, cut to the range. Nothing outside of it is kept up with, so that is read again if the
/// range grows.
pub(super) fn in_range(known: Option<&PartitionState>, scope: &Scope) -> Option<PartitionState> {
    let mut known = known?.clone();
    known.clip(scope.start, scope.end).then_some(known)
}

/// The moment before which all of a list is known that is read from its newest row.
pub(super) fn known_until(is_dated: bool, known: Option<&PartitionState>, scope: &Scope) -> Moment {
    let zone = scope.now.timezone();
    let start = if is_dated { scope.start } else { midnight(zone, NaiveDate::default()) };
    let reaches_back = |known: &&PartitionState| known.from <= start.fixed_offset();
    known
        .filter(reaches_back)
        .map_or(start, |known| days_before(known.through.with_timezone(&zone), FEED_OVERLAP_DAYS).max(start))
}

#[cfg(test)]
mod tests;
