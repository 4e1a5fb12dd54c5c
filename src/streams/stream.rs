//! What a declaration says of a stream.

use chrono_tz::Tz;

use super::{AccountKind, Endpoint, Lane, MAIN_LANE};

/// The column that is the key of every stream with accounts. One column, because some runners take no more than the first.
pub const ROW_ID: &str = "rowId";

/// A stream.
#[derive(Debug)]
pub struct Stream {
    /// Its name, also that of its schema in `catalog/`.
    pub name: &'static str,
    /// JSON schema of its records, as text.
    pub schema: &'static str,
    /// Accounts that have it; empty for the token's own list of accounts.
    pub sides: &'static [AccountKind],
    /// Fields that tell the rows of an account apart; in a report, those of one answer. A free text comes last.
    pub row_key: &'static [&'static str],
    /// The cursor, for streams that can be read incrementally.
    pub cursor: Option<&'static str>,
    /// Properties of the schema that the connector adds to Awin's rows.
    pub added: &'static [&'static str],
    /// Fields in which Awin writes the text `null` for null.
    pub null_texts: &'static [&'static str],
    /// The requests that answer it.
    pub endpoint: Endpoint,
    /// How it is cut into slices, and what its rows are.
    pub source: Source,
}

/// How a stream is cut into slices, and what its rows are.
#[derive(Debug)]
pub enum Source {
    /// Rows that carry their own date and change later: asked by windows of time, in lanes.
    Events(Events),
    /// Totals per day.
    Report(Report),
    /// A list that begins with what changed last, read down to what is known.
    Feed(Feed),
    /// What each payment to a publisher consists of, read once per payment.
    Payments,
    /// The rates of each programme that a publisher has joined, one answer per period, walked back by the start of each.
    Rates,
    /// Rows that are read in full each time, one list per lane.
    Lists(&'static [Lane]),
    /// Names and terms, read in full each time: one answer an account, or one a programme that a publisher has joined.
    Reference {
        /// One call per joined programme.
        by_programme: bool,
    },
}

/// Rows that carry their own date and change later.
#[derive(Debug)]
pub struct Events {
    /// Field with the date that places a row in the table's range.
    pub stamp: &'static str,
    /// Field with the status.
    pub status: &'static str,
    /// Field that says whether the publisher was paid, where payments move it.
    pub paid: Option<&'static str>,
    /// The first lane is the main one.
    pub lanes: &'static [Lane],
}

/// A list that begins with what changed last.
#[derive(Debug)]
pub struct Feed {
    /// Field with the date that the list is ordered by.
    pub stamp: &'static str,
    /// The object in Awin's row that holds it; none if the row itself does.
    pub within: Option<&'static str>,
    /// Whether a row belongs to the day of that date, so that those outside of the configured range are left out.
    pub is_dated: bool,
}

/// Days of one window; Awin's limit is 31, and it is not known whether that means days or seconds.
pub(super) const WINDOW_DAYS: u32 = 30;

/// Totals per day.
#[derive(Debug)]
pub struct Report {
    /// Accounts for which Awin wants one region per call.
    pub by_region: &'static [AccountKind],
    /// The regions that it takes.
    pub regions: &'static [&'static str],
    /// Whether it lists partners of which there is nothing to tell, so that it is never empty.
    pub lists_idle: bool,
    /// Where the day of a row comes from.
    pub days: DaySource,
}

/// Where the day of a report's row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaySource {
    /// Rows are totals of what was asked, without a date: one day per call. The report counts by a choice of dates.
    Asked,
    /// Rows carry their `date`: so many days per call.
    InRows(u32),
}

impl Stream {
    /// Whether its rows have a `rowId`: side, account and row key in one text.
    pub fn has_row_id(&self) -> bool {
        self.added.contains(&ROW_ID)
    }

    /// The one column of the key.
    pub fn primary_key(&self) -> &'static str {
        if self.has_row_id() { ROW_ID } else { self.row_key[0] }
    }

    /// Whether the state of the stream covers a stretch of time.
    pub fn is_incremental(&self) -> bool {
        self.cursor.is_some()
    }

    /// Whether it is read one programme at a time.
    pub fn is_by_programme(&self) -> bool {
        matches!(self.source, Source::Reference { by_programme: true })
    }

    /// Whether a run that died can go on where it stopped.
    pub fn is_resumable(&self) -> bool {
        self.is_incremental() || self.is_by_programme()
    }

    /// The regions that Awin takes for this stream, if `kind` of account is asked for it one region at a time.
    pub fn regions(&self, kind: AccountKind) -> Option<&'static [&'static str]> {
        match &self.source {
            Source::Report(report) if report.by_region.contains(&kind) => Some(report.regions),
            _ => None,
        }
    }

    /// Whether the stream counts by a choice of dates.
    pub fn has_date_type(&self) -> bool {
        matches!(&self.source, Source::Report(Report { days: DaySource::Asked, .. }))
    }

    /// Whether an answer without rows proves that each day of its window is empty.
    pub fn proves_empty(&self) -> bool {
        matches!(&self.source, Source::Report(Report { days: DaySource::Asked, lists_idle: false, .. }))
    }

    /// Days of one window.
    pub fn window_days(&self) -> u32 {
        match &self.source {
            Source::Report(Report { days: DaySource::Asked, .. }) => 1,
            Source::Report(Report { days: DaySource::InRows(days), .. }) => *days,
            Source::Events(_)
            | Source::Feed(_)
            | Source::Payments
            | Source::Rates
            | Source::Lists(_)
            | Source::Reference { .. } => WINDOW_DAYS,
        }
    }

    /// Whether Awin takes `zone` for this stream. Its transactions and queries know 13 of the 16 zones of its reports.
    pub fn takes_zone(&self, zone: Tz) -> bool {
        !matches!(self.source, Source::Events(_)) || !REPORTS_ONLY_ZONES.contains(&zone)
    }

    /// The lanes in which the stream is read.
    pub fn lanes(&self) -> &'static [Lane] {
        match &self.source {
            Source::Events(events) => events.lanes,
            Source::Lists(lanes) => lanes,
            Source::Report(_) | Source::Feed(_) | Source::Payments | Source::Rates | Source::Reference { .. } => {
                std::slice::from_ref(MAIN_LANE)
            }
        }
    }
}

/// Zones that Awin takes for reports but not for transactions and transaction queries.
pub const REPORTS_ONLY_ZONES: &[Tz] = &[Tz::America__Sao_Paulo, Tz::Australia__Sydney, Tz::Europe__Helsinki];
