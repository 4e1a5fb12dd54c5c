//! The switches of the newer API, `/public/v1`.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::rules::{RetryAfter, Throttle};

/// An endpoint of the newer API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `publishers/{id}/payments`
    Payments,
    /// `publishers/{id}/payments/{paymentId}/breakdowns`
    Breakdowns,
    /// `publishers/{id}/advertisers`
    Advertisers,
    /// `advertisers/{id}/publishers`
    Publishers,
    /// `advertisers/{id}/billing-documents`
    BillingDocuments,
    /// `advertisers/{id}/prepayments/link-status-changes`
    PrepaymentChanges,
}

/// The user's right to an account, from the least to the most. The order is inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Viewer,
    FullAccess,
    Admin,
    Owner,
}

impl Role {
    /// The role that `userRole` names; an unknown one counts least.
    pub(crate) fn named(user_role: &str) -> Self {
        match user_role {
            "userFullAccess" => Self::FullAccess,
            "userAdmin" => Self::Admin,
            "userOwner" => Self::Owner,
            _ => Self::Viewer,
        }
    }
}

impl Endpoint {
    /// The least role that it asks for. (Inferred for payments and for an advertiser's publishers.)
    pub(crate) fn least_role(self) -> Role {
        match self {
            Self::Payments | Self::Breakdowns => Role::FullAccess,
            Self::BillingDocuments => Role::Admin,
            Self::Advertisers | Self::Publishers | Self::PrepaymentChanges => Role::Viewer,
        }
    }
}

/// What the calls of the newer API are counted against.
#[derive(Clone, Debug)]
pub enum Quota {
    /// The limit of the legacy API: the two share it.
    Shared,
    /// A limit of its own.
    Own(Throttle),
}

/// How a list pages. (Documented are both ways; which list has which is known of few.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// By `offset`.
    ByOffset,
    /// By `pageToken`, which is the `nextPageToken` of the answer before.
    ByToken,
}

/// How exact `processingDate` is. (Two payments of a day have no order in time, if it is a day.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessingDate {
    /// `2026-03-01T10:00:00Z`
    Instant,
    /// `2026-03-01`
    Day,
}

/// The switches.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each with a yes and a no")]
pub struct PublicApi {
    /// Is the token of the legacy API good here? Otherwise every call gets a 401.
    pub takes_token: bool,
    /// What its calls are counted against.
    pub quota: Quota,
    /// Do answers bear `RateLimit-Limit` and `RateLimit-Remaining`? (Never while calls are not counted.)
    pub rate_limit_headers: bool,
    /// The header of a 429.
    pub retry_after: RetryAfter,
    /// Does an account's `userRole` decide which endpoints may be asked about it? Otherwise all may be.
    pub roles_count: bool,
    /// For these accounts the user lacks the role that the endpoint asks for: 403.
    pub role_missing: BTreeSet<(Endpoint, u64)>,
    /// These accounts do not have the endpoint: 404.
    pub absent: BTreeSet<(Endpoint, u64)>,
    /// The clock moves on by this after each page of a list (also of offers, of the legacy API), so that what is to happen in
    /// the meantime happens between two pages.
    pub time_per_page: TimeDelta,
    /// How its lists page.
    pub pages: Pages,
    /// A page holds no more rows than these, whatever `limit` asks for.
    pub most_rows: u64,
    /// Exactness of `processingDate`.
    pub processing_date: ProcessingDate,
    /// Ids in answers are texts, as they are said to be in paths.
    pub ids_as_text: bool,
}

impl Default for PublicApi {
    fn default() -> Self {
        Self {
            takes_token: true,
            quota: Quota::Shared,
            rate_limit_headers: true,
            retry_after: RetryAfter::Seconds,
            roles_count: false,
            role_missing: BTreeSet::new(),
            absent: BTreeSet::new(),
            time_per_page: TimeDelta::zero(),
            pages: Pages::ByOffset,
            most_rows: u64::MAX,
            processing_date: ProcessingDate::Instant,
            ids_as_text: false,
        }
    }
}
