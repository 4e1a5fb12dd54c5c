//! The plan: which windows are read, in which order. Pure: state and configuration in, list of windows out.

use chrono::{Days, NaiveDate};

use super::state::PartState;
use crate::config::Config;
use crate::protocol::SyncMode;
use crate::streams::{CHANGES_OVERLAP_DAYS, Lane, Moment, Part, Role, Source, Span, Stream, WINDOW_DAYS, midnight, windows};

/// The range of a table and the moment at which it is read.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// First moment of the range.
    pub start: Moment,
    /// The moment behind its last; `None` is open.
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

/// One window of one lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The lane.
    pub lane: &'static Lane,
    /// The window.
    pub span: Span,
}

/// What is to be read of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct PartPlan {
    /// What is covered before the first step.
    pub state: PartState,
    /// Whether that is nothing: the part is new, or its covered stretch lies outside of the range.
    pub is_new: bool,
    /// The windows, in order.
    pub steps: Vec<Step>,
}

/// Plans `part`, of which `known` is covered.
///
/// First what is new, with the look-back; then changes of rows of any age; then deletions; last the beginning that is
/// missing because the start was moved back, newest window first, so that what is covered stays one stretch.
pub fn plan(stream: &'static Stream, part: &Part, known: Option<&PartState>, scope: &Scope) -> PartPlan {
    let known = known.cloned().and_then(|mut state| state.clip(scope.start, scope.end).then_some(state));
    let lanes = stream.lanes();
    let days = match &stream.source {
        Source::Report(report) => report.days_per_call,
        Source::Events(_) | Source::Reference(_) => WINDOW_DAYS,
    };
    let zone = scope.now.timezone();
    let is_new = known.is_none();
    let mut state = known.unwrap_or_else(|| PartState::new(part, lanes, scope.start, scope.now));
    let from = state.from.with_timezone(&zone);
    let mut steps = Vec::new();
    for lane in lanes {
        let (reached, days_again, end) = match (lane.role, scope.mode) {
            (Role::Main, SyncMode::Incremental) => (state.through, scope.lookback_days, scope.reach()),
            (Role::Main, SyncMode::FullRefresh) => (state.through, 0, scope.reach()),
            // All that is read for the first time is in its newest form.
            (Role::Changes { .. }, _) if is_new => continue,
            (Role::Changes { .. }, SyncMode::Incremental) => (state.lane(lane).through, CHANGES_OVERLAP_DAYS, scope.now),
            (Role::Deleted, SyncMode::Incremental) if !state.lane(lane).over => {
                // The lane moves on to `now` behind a range that has ended; from there the look-back is that of its last days.
                let through = state.lane(lane).through;
                let reached = if through > scope.now { through } else { through.min(scope.reach().fixed_offset()) };
                (reached, scope.lookback_days, scope.reach())
            }
            (Role::Changes { .. } | Role::Deleted, _) => continue,
        };
        let mut start = days_before(reached.with_timezone(&zone), days_again);
        if !matches!(lane.role, Role::Changes { .. }) {
            start = start.max(from);
        }
        steps.extend(in_lane(lane, windows(start, end, days)));
    }
    steps.extend(in_lane(&lanes[0], windows(scope.start, from, days)).rev());
    PartPlan { state, is_new, steps }
}

fn in_lane(lane: &'static Lane, spans: Vec<Span>) -> impl DoubleEndedIterator<Item = Step> {
    spans.into_iter().map(move |span| Step { lane, span })
}

/// Midnight of the day that is `days` days before that of `moment`.
fn days_before(moment: Moment, days: u32) -> Moment {
    let day = moment.date_naive().checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN);
    midnight(moment.timezone(), day)
}
