//! Which days of the reports are read, all streams and accounts together. Pure.
//!
//! Today, new days and days that passed a rung of the ladder are always read. Days that changed may take a fixed share per
//! partition, as many as a plain look-back would, and beyond that all of them together half an hour of the quota, by urgency.
//! What does not fit waits in the queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::finder::{Changes, Mark};
use super::ladder::{end_of, passed};
use super::plan::{Cuts, Plan, plan};
use super::queue::{Look, Urgency, minutes};
use super::scope::{Scope, days_before};
use super::state::{DaysState, PartitionState};
use crate::config::DateType;
use crate::streams::{
    AGAIN_LANE, CHANGES_OVERLAP_DAYS, DaySource, Moment, Partition, Source, Stream, Window, change_lanes, midnight,
};

/// Days that a partition may read again at least.
const LEAST_SHARE: u32 = 28;
/// Minutes of the quota that all partitions together may spend beyond their shares.
const ALLOWANCE_MINUTES: u32 = 30;
/// Changes are looked for so far back; a day that is older is left to the ladder.
const MAX_REACH_DAYS: u32 = 400;
/// Bytes that the queues of a stream may take in its state, and those of a day in it.
const MAX_QUEUES: usize = 1 << 20;
const BYTES_A_DAY: usize = 24;

/// From when on a list of changes is needed that was heard up to `through`.
pub(super) fn listed_from(through: Moment, now: Moment) -> Moment {
    days_before(through, CHANGES_OVERLAP_DAYS).max(days_before(now, MAX_REACH_DAYS))
}

/// What is known of a partition of a report before its days are planned.
pub(super) struct Reading {
    pub(super) partition: Partition,
    pub(super) known: Option<PartitionState>,
    /// Days that are read because of their age.
    aged: Vec<NaiveDate>,
    /// Days that changed.
    due: Vec<(NaiveDate, Urgency)>,
    /// Days of the range that may be stale, newest first.
    heal: Vec<NaiveDate>,
    /// What the fall-back reads: the days of the look-back, and older ones by their age.
    reserve: Vec<NaiveDate>,
    /// Whether what changed could not be found out: the plain look-back is read.
    falls_back: bool,
}

impl Reading {
    /// Takes in what changed, and moves the lanes, the ladder and the queue of the state on, all at once. `markets` are the
    /// regions of each partner.
    pub(super) fn new(
        stream: &Stream,
        plan: &Plan,
        scope: &Scope,
        changes: Option<&Changes>,
        date_type: DateType,
        markets: &BTreeMap<u64, Vec<String>>,
    ) -> Self {
        let mut reading = Self {
            partition: plan.partition.clone(),
            known: plan.known.clone(),
            aged: vec![],
            due: vec![],
            heal: vec![],
            reserve: vec![],
            falls_back: false,
        };
        let now = scope.now.fixed_offset();
        let Some(known) = reading.known.as_mut().filter(|known| known.through <= now) else { return reading };
        let mut days = known.days.take().unwrap_or_else(|| DaysState::of_old_state(known, scope));
        let aged = known.aged.unwrap_or(now).with_timezone(&scope.now.timezone());
        let zone = scope.now.timezone();
        let through = known.through.with_timezone(&zone);
        let (first, last) = (known.from.with_timezone(&zone).date_naive(), last_day(through, scope));
        let is_new = |day: NaiveDate| day >= through.date_naive();
        let mut knows_amendments = true;
        for lane in change_lanes() {
            let reached = known.heard(lane).unwrap_or(now);
            let wanted = listed_from(reached.with_timezone(&zone), scope.now);
            let is_heard = changes.is_some_and(|changes| changes.reaches(lane, wanted));
            known.hears(lane, is_heard, scope.now);
            reading.falls_back |= !is_heard && !lane.is_optional();
            knows_amendments &= is_heard || !lane.is_optional();
        }
        let day_of = |mark: &Mark| {
            let by_decision = date_type == DateType::Validation && stream.has_date_type();
            let day = if by_decision { mark.decided } else { Some(mark.sold) };
            let is_here = match (&plan.partition.region, markets.get(&mark.partner).map(Vec::as_slice)) {
                (Some(region), Some([market])) if !market.is_empty() => region == market,
                _ => true,
            };
            day.filter(|day| is_here && (first..=last).contains(day))
        };
        for (mark, (change, sales)) in changes.into_iter().flat_map(|changes| &changes.marks) {
            if let Some(day) = day_of(mark) {
                days.queue.mark(day, *change, *sales);
            }
        }
        let amended = changes.into_iter().flat_map(|changes| &changes.amended);
        let amended = amended.filter_map(|(hash, mark)| Some((*hash, day_of(mark)?)));
        days.hear_amendments(amended, knows_amendments, minutes(&scope.now));
        let passing = |alone| {
            let days = passed(first, last, aged, scope.now, alone).into_iter();
            days.filter(|day| !is_new(*day) && can_age(stream, *day, scope.now))
        };
        // Also those that the plain look-back reads: a run may end before it does.
        passing(reading.falls_back).for_each(|day| days.queue.age(day));
        if !reading.falls_back {
            let back = days_before(through, scope.lookback_days).date_naive().max(first);
            let lookback = back.iter_days().take_while(|day| !is_new(*day));
            reading.reserve = passing(true).filter(|day| *day < back).chain(lookback).collect();
        }
        known.aged = known.aged.max(Some(now));
        let named_from = minutes(&days_before(scope.now, CHANGES_OVERLAP_DAYS));
        days.queue.drop_done(named_from, first, last);
        days.heal = clipped(&days.heal, first, last);
        known.days = Some(days);
        reading
    }

    /// Chooses the days that may be read now. The queue keeps `most` days; what is older may be stale.
    pub(super) fn choose(&mut self, most: usize, scope: &Scope) {
        let Some(known) = self.known.as_mut().filter(|known| known.through <= scope.now.fixed_offset()) else { return };
        let through = known.through.with_timezone(&scope.now.timezone()).date_naive();
        let Some(days) = &mut known.days else { return };
        if let Some(range) = days.queue.overflow(most) {
            days.heal = joined(&days.heal, range);
        }
        for (day, look, urgency) in days.queue.due(minutes(&scope.now), |day| minutes(&end_of(day, scope.now))) {
            // What is read as new is not read again.
            if day >= through {
                continue;
            }
            if look == Look::Age { self.aged.push(day) } else { self.due.push((day, urgency)) }
        }
        self.due.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap_or(std::cmp::Ordering::Equal));
        if let [first, last] = days.heal[..] {
            let waiting: BTreeSet<NaiveDate> = self.aged.iter().chain(self.due.iter().map(|(day, _)| day)).copied().collect();
            let days = std::iter::successors(Some(last), NaiveDate::pred_opt).take_while(|day| *day >= first);
            self.heal = days.filter(|day| !waiting.contains(day) && *day < through).collect();
        }
    }

    /// Days that wait in its queue.
    fn queued(&self) -> usize {
        self.known.as_ref().and_then(|known| known.days.as_ref()).map_or(0, |days| days.queue.len())
    }

    /// Days of the range that may be stale that are read in any case, however many others changed: half of the share.
    fn least_heal(&self, share: usize) -> usize {
        self.heal.len().min(share / 2)
    }

    /// Days that changed and are to be read now.
    pub(super) fn due(&self) -> usize {
        self.due.len()
    }

    /// Days that have aged and are to be read now.
    pub(super) fn aged(&self) -> usize {
        self.aged.len()
    }
}

/// Chooses the days that may be read of all partitions of a stream. Their queues share the room in its state: the small ones keep
/// all they have, the large ones as much as is left for each.
pub(super) fn choose(readings: &mut [Reading], scope: &Scope) {
    let mut lengths: Vec<usize> = readings.iter().map(Reading::queued).collect();
    lengths.sort_unstable();
    let (mut left, mut most) = (MAX_QUEUES / BYTES_A_DAY, usize::MAX);
    for (index, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - index);
        if *length > share {
            most = share;
            break;
        }
        left -= length;
    }
    for reading in readings {
        reading.choose(most, scope);
    }
}

/// A day that waits, and whose it is.
struct Waiting {
    urgency: Urgency,
    reading: usize,
}

/// The plans of `readings` of `stream`s, within the budget of the run.
pub(super) fn divide(readings: &[(&'static Stream, Reading)], scope: &Scope, requests_per_minute: u32) -> Vec<Plan> {
    let share = (scope.lookback_days.max(LEAST_SHARE) + 2) as usize;
    let share_of_due = |reading: &Reading| share - reading.least_heal(share);
    let mut granted: Vec<usize> = readings.iter().map(|(_, reading)| reading.due.len().min(share_of_due(reading))).collect();
    let mut waiting: Vec<Waiting> = Vec::new();
    for (index, (stream, reading)) in readings.iter().enumerate() {
        if window_of_many_days(stream).is_some() {
            // One call for all of them.
            granted[index] = reading.due.len();
        } else {
            let beyond = reading.due.iter().skip(share_of_due(reading));
            waiting.extend(beyond.map(|(_, urgency)| Waiting { urgency: *urgency, reading: index }));
        }
    }
    waiting.sort_by(|a, b| b.urgency.partial_cmp(&a.urgency).unwrap_or(std::cmp::Ordering::Equal));
    // Within a partition the days are ordered by urgency already.
    let allowance = (requests_per_minute * ALLOWANCE_MINUTES) as usize;
    waiting.iter().take(allowance).for_each(|waiting| granted[waiting.reading] += 1);
    readings.iter().zip(granted).map(|((stream, reading), due)| cuts(stream, reading, due, share, scope)).collect()
}

fn cuts(stream: &'static Stream, reading: &Reading, due: usize, share: usize, scope: &Scope) -> Plan {
    let lookback_days = if reading.falls_back { scope.lookback_days } else { 0 };
    let mut plan = plan(stream, &reading.partition, reading.known.as_ref(), None, &Scope { lookback_days, ..*scope });
    let now = scope.now.fixed_offset();
    let Some(known) = reading.known.as_ref().filter(|known| known.through <= now) else { return plan };
    let by_change: Vec<NaiveDate> = reading.due.iter().take(due).map(|(day, _)| *day).collect();
    let heal = reading.heal.iter().take(share.saturating_sub(due).max(reading.least_heal(share))).copied();
    let through = known.through.with_timezone(&scope.now.timezone());
    let reread = days_before(through, lookback_days).date_naive();
    let is_read = |day: &NaiveDate| lookback_days > 0 && *day >= reread;
    if let Some(many) = window_of_many_days(stream) {
        let days: BTreeSet<NaiveDate> = reading
            .aged
            .iter()
            .copied()
            .chain(by_change)
            .chain(reading.heal.iter().copied())
            .filter(|day| !is_read(day))
            .collect();
        widen(&mut plan, &days, many, scope);
        return plan;
    }
    let mut seen = BTreeSet::new();
    let days = reading.aged.iter().copied().chain(by_change).chain(heal);
    let days: Vec<NaiveDate> = days.filter(|day| !is_read(day) && seen.insert(*day)).collect();
    // New days come first, the missing beginning last.
    let is_new = |cuts: &Cuts| matches!(cuts, Cuts::Stretch { newest_first: false, .. });
    let at = plan.cuts.iter().rposition(is_new).map_or(0, |at| at + 1);
    if !days.is_empty() {
        plan.cuts.insert(at, Cuts::OneByOne(days));
    }
    plan
}

/// What is read of `readings` if their reports turn out to count sales on other days: the plain look-back, and what has aged.
pub(super) fn fall_backs(readings: &[(&'static Stream, Reading)], scope: &Scope) -> Vec<Plan> {
    let fall_back = |(stream, reading): &(&'static Stream, Reading)| {
        let (partition, known, zone) = (reading.partition.clone(), reading.known.clone(), scope.now.timezone());
        let mut plan = Plan::new(partition, known, vec![], zone);
        match window_of_many_days(stream) {
            Some(many) => widen(&mut plan, &reading.reserve.iter().copied().collect(), many, scope),
            None => plan.cuts.push(Cuts::OneByOne(reading.reserve.clone())),
        }
        plan
    };
    readings.iter().map(fall_back).collect()
}

/// Lets one call read `days`, too, and of what it returns only them and the new ones; older ones take calls of their own.
fn widen(plan: &mut Plan, days: &BTreeSet<NaiveDate>, many: u32, scope: &Scope) {
    let zone = scope.now.timezone();
    let newest = plan.cuts.iter().position(|cuts| matches!(cuts, Cuts::Stretch { newest_first: false, .. }));
    let mut left = days.clone();
    if let Some(at) = newest
        && let Cuts::Stretch { lane, from, to, .. } = plan.cuts[at].clone()
    {
        let back = days_before(to, many - 1);
        let here: BTreeSet<NaiveDate> = left.iter().copied().filter(|day| *day >= back.date_naive()).collect();
        if let Some(first) = here.first().copied()
            && from >= back
        {
            left.retain(|day| !here.contains(day));
            let window = Window { from: midnight(zone, first).min(from), to };
            let new = from.date_naive().iter_days().take_while(|day| *day <= window.last_day());
            let wanted = Arc::new(here.into_iter().chain(new).collect());
            plan.cuts[at] = Cuts::DaysOfWindow { lane, window, days: wanted };
        }
    }
    while let Some(last) = left.last().copied() {
        let back = last - chrono::Days::new(u64::from(many - 1));
        let here: BTreeSet<NaiveDate> = left.iter().copied().filter(|day| *day >= back).collect();
        left.retain(|day| !here.contains(day));
        let first = here.first().copied().unwrap_or(last);
        let window = Window { from: midnight(zone, first), to: end_of(last, scope.now).min(scope.now) };
        plan.cuts.push(Cuts::DaysOfWindow { lane: AGAIN_LANE, window, days: Arc::new(here) });
    }
}

/// Days that one call of the stream covers, if it is more than one.
fn window_of_many_days(stream: &Stream) -> Option<u32> {
    match &stream.source {
        Source::Report(report) => match report.days {
            DaySource::InRows(days) => Some(days),
            DaySource::Asked => None,
        },
        _ => None,
    }
}

/// Whether a day that only its age names is worth a call: of many days a call covers, one beyond them is not.
fn can_age(stream: &Stream, day: NaiveDate, now: Moment) -> bool {
    window_of_many_days(stream).is_none_or(|many| (now.date_naive() - day).num_days() < i64::from(many))
}

/// The last day of which anything was read.
fn last_day(through: Moment, scope: &Scope) -> NaiveDate {
    Window { from: scope.start.min(through), to: through }.last_day()
}

impl DaysState {
    /// Of a partition whose state says nothing of its days: all of them may be stale.
    fn of_old_state(known: &mut PartitionState, scope: &Scope) -> Self {
        known.lanes.clear();
        let zone = scope.now.timezone();
        let (from, through) = (known.from.with_timezone(&zone), known.through.with_timezone(&zone));
        Self { heal: vec![from.date_naive(), last_day(through, scope)], ..Self::default() }
    }
}

fn joined(range: &[NaiveDate], more: [NaiveDate; 2]) -> Vec<NaiveDate> {
    match range {
        [first, last] => vec![(*first).min(more[0]), (*last).max(more[1])],
        _ => more.to_vec(),
    }
}

fn clipped(range: &[NaiveDate], first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
    match range {
        [from, to] if *from.max(&first) <= *to.min(&last) => vec![(*from).max(first), (*to).min(last)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
