//! What each stream is, and which request answers it: declarations and pure functions.
//!
//! A stream is declared once, in [`STREAMS`]. The declaration drives `discover`, the requests, the keys and the tests. To
//! add a stream of a known kind, add a declaration here and a schema in `catalog/`.

mod catalog;
pub mod joins;
pub mod requests;
mod window;

use std::fmt;

pub use catalog::{discover, json_schema};
use chrono::DateTime;
use chrono_tz::Tz;
pub use requests::request;
use serde::{Deserialize, Serialize};
pub use window::{Span, midnight, windows};

/// The two sides of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// Runs programmes.
    Advertiser,
    /// Promotes them.
    Publisher,
}

impl AccountKind {
    /// As Awin spells it in `accountType`, and, with an `s`, in paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advertiser => "advertiser",
            Self::Publisher => "publisher",
        }
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An account by what paths need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// Its side.
    pub kind: AccountKind,
    /// Its number.
    pub id: u64,
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// What is covered on its own: an account, or one market of it where Awin reports by market.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// The account.
    pub account: AccountId,
    /// The market, for reports that are asked by market.
    pub region: Option<String>,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Some(region) => write!(f, "{}, region {region}", self.account),
            None => write!(f, "{}", self.account),
        }
    }
}

/// A stream.
#[derive(Debug)]
pub struct Stream {
    /// Its name, also that of its schema in `catalog/`.
    pub name: &'static str,
    /// JSON schema of its records, as text.
    pub schema: &'static str,
    /// Accounts that have it; empty for the token's own list of accounts.
    pub sides: &'static [AccountKind],
    /// Fields of the key, most selective first.
    pub primary_key: &'static [&'static str],
    /// The cursor, for streams that can be read incrementally.
    pub cursor: Option<&'static str>,
    /// Properties of the schema that the connector adds to Awin's rows.
    pub added: &'static [&'static str],
    /// Fields in which Awin writes the text `null` for null.
    pub null_texts: &'static [&'static str],
    /// Where its rows come from.
    pub source: Source,
}

/// Where rows come from.
#[derive(Debug)]
pub enum Source {
    /// Rows that carry their own date and change later.
    Events(Events),
    /// Totals per day.
    Report(Report),
    /// Names and terms, read in full each time.
    Reference(Reference),
}

/// Rows that carry their own date and change later: asked by windows of time, in lanes.
#[derive(Debug)]
pub struct Events {
    /// Field with the date that places a row in the table's range.
    pub stamp: &'static str,
    /// Field with the status.
    pub status: &'static str,
    /// The first lane is the main one.
    pub lanes: &'static [Lane],
    /// Rows per page, where Awin pages.
    pub page_size: Option<u32>,
    /// Key of the rows in an answer that is an object.
    pub rows_key: &'static str,
}

/// Days of one window; Awin's limit is 31, and it is not known whether that means days or seconds.
pub const WINDOW_DAYS: u32 = 30;

/// One way to ask for events.
#[derive(Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name in the state and in messages.
    pub name: &'static str,
    /// Awin's `dateType`.
    pub date_type: &'static str,
    /// What it is for.
    pub role: Role,
}

/// What a lane is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Every row, by its own date, with the look-back.
    Main,
    /// Rows of any age that changed, by the date of the change.
    Changes {
        /// Awin may not offer it (400): then it is left out with a warning.
        optional: bool,
    },
    /// Rows of the look-back that were deleted, as long as it is not known whether the main lane lists them.
    Deleted,
}

/// Days that a lane of changes reaches back behind its own last point: stamps are cut to the minute and may show late.
pub const CHANGES_OVERLAP_DAYS: u32 = 2;

/// Totals per day.
#[derive(Debug)]
pub struct Report {
    /// Last part of the path.
    pub path: &'static str,
    /// Accounts for which Awin wants one market per call.
    pub by_region: &'static [AccountKind],
    /// The markets that it takes.
    pub regions: &'static [&'static str],
    /// Days that one call covers. More than one only where rows carry their `date`.
    pub days_per_call: u32,
    /// Whether the report counts by a choice of dates.
    pub has_date_type: bool,
    /// Fields that tell rows of one answer apart, beside those of the request. A free text comes last.
    pub row_key: &'static [&'static str],
    /// Key of the rows in an answer that is an object.
    pub rows_key: &'static str,
}

/// Names and terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// The token's accounts.
    Accounts,
    /// An advertiser's publishers.
    Publishers,
    /// A publisher's joined programmes.
    Programmes,
    /// Details of each of them, one call per programme.
    ProgrammeDetails,
    /// Commission groups of each of them, one call per programme.
    CommissionGroups,
}

const BOTH: &[AccountKind] = &[AccountKind::Advertiser, AccountKind::Publisher];
const ADVERTISER: &[AccountKind] = &[AccountKind::Advertiser];
const PUBLISHER: &[AccountKind] = &[AccountKind::Publisher];

const ACCOUNT_FIELDS: &[&str] = &["accountId", "accountType", "otherFields"];
const DAY_FIELDS: &[&str] = &["accountId", "accountType", "otherFields", "date", "timezone", "dateType", "rowId"];
const DATED_FIELDS: &[&str] = &["accountId", "accountType", "otherFields", "timezone", "region", "rowId"];

/// All streams, the suggested ones first.
pub const STREAMS: &[Stream] = &[
    Stream {
        name: "transactions",
        schema: include_str!("../../catalog/transactions.json"),
        sides: BOTH,
        primary_key: &["id", "accountId"],
        cursor: Some("transactionDate"),
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        source: Source::Events(Events {
            stamp: "transactionDate",
            status: "commissionStatus",
            lanes: &[
                Lane { name: "transaction", date_type: "transaction", role: Role::Main },
                Lane { name: "validation", date_type: "validation", role: Role::Changes { optional: false } },
                Lane { name: "amendment", date_type: "amendment", role: Role::Changes { optional: true } },
                Lane { name: "deleted", date_type: "transaction", role: Role::Deleted },
            ],
            page_size: None,
            rows_key: "body",
        }),
    },
    Stream {
        name: "stats_by_publisher",
        schema: include_str!("../../catalog/stats_by_publisher.json"),
        sides: ADVERTISER,
        primary_key: &["rowId"],
        cursor: Some("date"),
        added: DAY_FIELDS,
        null_texts: &[],
        source: Source::Report(Report {
            path: "publisher",
            by_region: &[],
            regions: &[],
            days_per_call: 1,
            has_date_type: true,
            row_key: &["advertiserId", "publisherId", "region", "currency"],
            rows_key: "body",
        }),
    },
    Stream {
        name: "stats_by_creative",
        schema: include_str!("../../catalog/stats_by_creative.json"),
        sides: BOTH,
        primary_key: &["rowId"],
        cursor: Some("date"),
        added: DAY_FIELDS,
        null_texts: &[],
        source: Source::Report(Report {
            path: "creative",
            by_region: BOTH,
            regions: REGIONS,
            days_per_call: 1,
            has_date_type: true,
            row_key: &["advertiserId", "publisherId", "currency", "creativeId", "tagName"],
            rows_key: "body",
        }),
    },
    Stream {
        name: "stats_by_advertiser",
        schema: include_str!("../../catalog/stats_by_advertiser.json"),
        sides: PUBLISHER,
        primary_key: &["rowId"],
        cursor: Some("date"),
        added: DAY_FIELDS,
        null_texts: &[],
        source: Source::Report(Report {
            path: "advertiser",
            by_region: PUBLISHER,
            regions: REGIONS,
            days_per_call: 1,
            has_date_type: true,
            row_key: &["advertiserId", "publisherId", "currency"],
            rows_key: "body",
        }),
    },
    Stream {
        name: "stats_by_campaign",
        schema: include_str!("../../catalog/stats_by_campaign.json"),
        sides: BOTH,
        primary_key: &["rowId"],
        cursor: Some("date"),
        added: DATED_FIELDS,
        null_texts: &[],
        source: Source::Report(Report {
            path: "campaign",
            by_region: PUBLISHER,
            regions: CAMPAIGN_REGIONS,
            days_per_call: 400,
            has_date_type: false,
            row_key: &["advertiserId", "publisherId", "campaign"],
            rows_key: "result",
        }),
    },
    Stream {
        name: "transaction_queries",
        schema: include_str!("../../catalog/transaction_queries.json"),
        sides: PUBLISHER,
        primary_key: &["enquiryId", "accountId"],
        cursor: Some("enquiryDate"),
        added: ACCOUNT_FIELDS,
        null_texts: &["declineReason"],
        source: Source::Events(Events {
            stamp: "enquiryDate",
            status: "enquiryStatus",
            lanes: &[
                Lane { name: "enquiry", date_type: "enquiryDate", role: Role::Main },
                Lane { name: "validation", date_type: "validationDate", role: Role::Changes { optional: false } },
            ],
            page_size: Some(500),
            rows_key: "pageItems",
        }),
    },
    Stream {
        name: "accounts",
        schema: include_str!("../../catalog/accounts.json"),
        sides: &[],
        primary_key: &["accountId"],
        cursor: None,
        added: &["otherFields"],
        null_texts: &[],
        source: Source::Reference(Reference::Accounts),
    },
    Stream {
        name: "publishers",
        schema: include_str!("../../catalog/publishers.json"),
        sides: ADVERTISER,
        primary_key: &["id", "accountId"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        source: Source::Reference(Reference::Publishers),
    },
    Stream {
        name: "programmes",
        schema: include_str!("../../catalog/programmes.json"),
        sides: PUBLISHER,
        primary_key: &["id", "accountId"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        source: Source::Reference(Reference::Programmes),
    },
    Stream {
        name: "programme_details",
        schema: include_str!("../../catalog/programme_details.json"),
        sides: PUBLISHER,
        primary_key: &["advertiserId", "accountId"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        source: Source::Reference(Reference::ProgrammeDetails),
    },
    Stream {
        name: "commission_groups",
        schema: include_str!("../../catalog/commission_groups.json"),
        sides: PUBLISHER,
        primary_key: &["groupId", "accountId"],
        cursor: None,
        added: ACCOUNT_FIELDS,
        null_texts: &[],
        source: Source::Reference(Reference::CommissionGroups),
    },
];

/// The stream of that name.
pub fn find(name: &str) -> Option<&'static Stream> {
    STREAMS.iter().find(|stream| stream.name == name)
}

impl Stream {
    /// Whether the state of the stream covers a stretch of time.
    pub fn is_incremental(&self) -> bool {
        self.cursor.is_some()
    }

    /// Whether it is read one programme at a time.
    pub fn is_by_programme(&self) -> bool {
        matches!(self.source, Source::Reference(Reference::ProgrammeDetails | Reference::CommissionGroups))
    }

    /// Whether a run that died can go on where it stopped.
    pub fn is_resumable(&self) -> bool {
        self.is_incremental() || self.is_by_programme()
    }

    /// The markets that Awin takes for this stream, if `kind` of account is asked for it one market at a time.
    pub fn regions(&self, kind: AccountKind) -> Option<&'static [&'static str]> {
        match &self.source {
            Source::Report(report) if report.by_region.contains(&kind) => Some(report.regions),
            _ => None,
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
            Source::Report(_) | Source::Reference(_) => &[Lane { name: "main", date_type: "", role: Role::Main }],
        }
    }
}

/// Zones that Awin takes for reports but not for transactions and transaction queries.
pub const REPORTS_ONLY_ZONES: &[Tz] = &[Tz::America__Sao_Paulo, Tz::Australia__Sydney, Tz::Europe__Helsinki];

/// Markets of the reports by creative and by advertiser, and those that the configuration can name.
pub const REGIONS: &[&str] =
    &["AT", "AU", "BE", "BR", "BU", "CA", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "NO", "PL", "SE", "US"];

/// Markets of the campaign report of publishers: those of the others, and more.
pub const CAMPAIGN_REGIONS: &[&str] = &[
    "AE", "AR", "AT", "AU", "BE", "BG", "BR", "BU", "CA", "CH", "CL", "CN", "CO", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR",
    "HR", "HU", "IE", "IN", "IT", "JP", "LT", "LV", "MX", "NL", "NO", "NZ", "PE", "PL", "PT", "RO", "RU", "SE", "SG", "SI", "SK",
    "TR", "UA", "US", "ZA",
];

/// A moment in the zone of the configuration.
pub type Moment = DateTime<Tz>;
