//! The switches of a world. Where it is not known how Awin behaves, each possible answer is a value here; the default
//! is the likeliest one, or else the strictest.

use std::time::Duration;

/// Is a row at the very second of `endDate` in the answer?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Yes.
    Inclusive,
    /// No.
    Exclusive,
}

/// How the 31 days of a window are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// 31 times 86,400 seconds of real time: an hour less than 31 days across an autumn clock change.
    BySeconds,
    /// The same local time 31 days later.
    ByCalendar,
}

/// Are deleted transactions in an answer to a call without `status`?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Yes.
    Listed,
    /// No, only with `status=deleted`.
    OnlyByStatus,
}

/// What `dateType=amendment` gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amendment {
    /// An answer.
    Offered,
    /// A 400.
    Refused400,
}

/// Which amendment of a transaction `dateType=amendment` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmendmentDate {
    /// The last one.
    Last,
    /// Any of them.
    Any,
}

/// The outermost layer of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// The array.
    Bare,
    /// `{"body": [...], "statusCode": "OK", "statusCodeValue": 200}`
    Body,
}

/// How an array without elements is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// 200 and `[]`.
    List,
    /// 204 and nothing.
    NoContent204,
}

/// The shape of a page of transaction queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueriesShape {
    /// An array of rows.
    Array,
    /// An object with the rows in `pageItems`, and the totals.
    Paged,
}

/// The status for an account that the user has no right to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401, although the token is good.
    Unauthorized401,
    /// 403.
    Forbidden403,
    /// 404, as if the account did not exist.
    NotFound404,
}

/// How exact the stamps in answers are. (Filters always look at the exact instant.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamps {
    /// To the second.
    Seconds,
    /// Cut to the minute.
    Minutes,
}

/// What an `endDate` in the future gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FutureEnd {
    /// An answer.
    Accept,
    /// A 400.
    Refuse400,
}

/// How far the reports are behind the transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportLag {
    /// Not at all.
    None,
    /// They know of nothing that happened in the last hours.
    Hours(u32),
    /// They are made anew each night at 03:00 UTC.
    Nightly,
}

/// The day on which a report by `dateType=transaction` counts a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booking {
    /// That of the sale.
    TransactionDate,
    /// That of the click; of the sale, if the click is not known.
    ClickDate,
}

/// Do the clicks and impressions of a day move later?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clicks {
    /// No.
    Final,
    /// A third of them does, 3 to 60 days later, once: half are struck out, or some are added.
    Corrected,
}

/// Do rows differ in shape (nulls, missing keys, integers for decimals), chosen per row by the seed?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variants {
    /// Every row has its fullest form.
    Off,
    /// All the shapes that were seen in real answers.
    On,
}

/// The switches.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each with a yes and a no")]
pub struct Rules {
    /// Ends of windows of transactions and transaction queries.
    pub ends: Ends,
    /// Measure of the 31 days.
    pub limit: Limit,
    /// Deleted transactions without `status`.
    pub deleted: Deleted,
    /// Is `dateType=amendment` offered?
    pub amendment: Amendment,
    /// The date that it goes by.
    pub amendment_date: AmendmentDate,
    /// Layer around arrays.
    pub wrap: Wrap,
    /// Answer when there are no rows.
    pub empty: Empty,
    /// Shape of transaction queries.
    pub queries_shape: QueriesShape,
    /// Status for an account without right.
    pub refusal: Refusal,
    /// Exactness of stamps.
    pub stamps: Stamps,
    /// Ends in the future.
    pub future_end: FutureEnd,
    /// How far the reports are behind.
    pub report_lag: ReportLag,
    /// Where the reports count a sale.
    pub booking: Booking,
    /// Do clicks move later?
    pub clicks: Clicks,
    /// Shapes of rows.
    pub variants: Variants,
    /// Rows carry fields that no page describes.
    pub unknown_keys: bool,
    /// An unknown parameter name gets a 400 (Awin is said to ignore it, which hides typing errors).
    pub strict_parameter_names: bool,
    /// A token in the query (`accessToken`) gets a 400, since it would end in somebody's logs.
    pub refuse_token_in_query: bool,
    /// Answers are compressed for clients that take gzip.
    pub gzip: bool,
    /// Rows come in another order each time.
    pub shuffle: bool,
    /// Bodies are indented.
    pub pretty: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ends: Ends::Inclusive,
            limit: Limit::BySeconds,
            deleted: Deleted::Listed,
            amendment: Amendment::Offered,
            amendment_date: AmendmentDate::Last,
            wrap: Wrap::Bare,
            empty: Empty::List,
            queries_shape: QueriesShape::Array,
            refusal: Refusal::Forbidden403,
            stamps: Stamps::Seconds,
            future_end: FutureEnd::Accept,
            report_lag: ReportLag::None,
            booking: Booking::TransactionDate,
            clicks: Clicks::Final,
            variants: Variants::On,
            unknown_keys: false,
            strict_parameter_names: true,
            refuse_token_in_query: true,
            gzip: false,
            shuffle: true,
            pretty: false,
        }
    }
}

/// What a 429 says about when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Nothing.
    None,
    /// `Retry-After` in seconds.
    Seconds,
    /// `Retry-After` as an HTTP date.
    Date,
}

/// The kind of window that calls are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleKind {
    /// The last `window` before each call.
    Sliding,
    /// One `window` after another, the first beginning with the first call.
    Fixed,
}

/// How many calls the token may make, over all accounts and paths. Runs on real time.
#[derive(Clone, Debug)]
pub struct Throttle {
    /// Off: calls are not counted.
    pub enabled: bool,
    /// Calls allowed in a window.
    pub limit: u32,
    /// Length of the window.
    pub window: Duration,
    /// Kind of window.
    pub kind: ThrottleKind,
    /// Does a refused call count as well?
    pub count_refused: bool,
    /// The header of a refusal.
    pub retry_after: RetryAfter,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            enabled: true,
            limit: 20,
            window: Duration::from_secs(60),
            kind: ThrottleKind::Sliding,
            count_refused: true,
            retry_after: RetryAfter::None,
        }
    }
}

impl Throttle {
    /// No throttle.
    pub fn off() -> Self {
        Self { enabled: false, ..Self::default() }
    }
}

/// Transactions in bulk: every window of a transactions list answers this many synthetic rows of some 1.6 kB, streamed
/// without being held in memory.
///
/// A row's id is `days since 1970 of the window's first day * 100,000,000 + row number`; its `transactionDate` lies in
/// the window. Calls with `status` or another `dateType` get the world's own sales.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// Rows per window.
    pub rows_per_window: u64,
}
