//! The range of a table, and the moment at which it is read.

use chrono::{Days, NaiveDate};

use crate::config::Config;
use crate::protocol::SyncMode;
use crate::streams::{Moment, midnight};

/// The range of a table and the moment at which it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
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
    pub(super) fn new(config: &Config, now: Moment, mode: SyncMode) -> Self {
        let end = config.end_date.and_then(|day| day.succ_opt()).map(|day| midnight(config.timezone, day));
        let start = midnight(config.timezone, config.start_date);
        Self { start, end, now, lookback_days: config.lookback_days, mode }
    }

    /// Where the table ends at this moment.
    pub(super) fn reach(&self) -> Moment {
        self.end.map_or(self.now, |end| end.min(self.now))
    }
}

/// Midnight of the day that is `days` days before that of `moment`.
pub(super) fn days_before(moment: Moment, days: u32) -> Moment {
    let day = moment.date_naive().checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN);
    midnight(moment.timezone(), day)
}
