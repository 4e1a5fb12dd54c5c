//! The paths. Mind the singular `publisher` of the transaction queries and the offers.

use crate::answer::reports::Report;
use crate::world::Kind;

/// An endpoint, and the account that it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Accounts,
    Transactions(Kind, u64),
    Report(Report, Kind, u64),
    Campaign(Kind, u64),
    Queries(u64),
    Publishers(u64),
    Programmes(u64),
    ProgrammeDetails(u64),
    CommissionGroups(u64),
    Offers(u64),
}

impl Route {
    /// The endpoint at `path`.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let (segments, slash) = match segments.as_slice() {
            [most @ .., ""] => (most, true),
            all => (all, false),
        };
        let route = match segments {
            ["accounts"] => Self::Accounts,
            ["advertisers", id, rest @ ..] => Self::of_advertiser(number(id)?, rest)?,
            ["publishers", id, rest @ ..] => Self::of_publisher(number(id)?, rest)?,
            ["publisher", id, "transactionqueries"] => Self::Queries(number(id)?),
            ["publisher", id, "promotions"] => Self::Offers(number(id)?),
            _ => return None,
        };
        let slash_is_known = matches!(route, Self::Transactions(..) | Self::Publishers(_));
        (slash_is_known || !slash).then_some(route)
    }

    fn of_advertiser(id: u64, rest: &[&str]) -> Option<Self> {
        Some(match rest {
            ["transactions"] => Self::Transactions(Kind::Advertiser, id),
            ["reports", "publisher"] => Self::Report(Report::Publisher, Kind::Advertiser, id),
            ["reports", "creative"] => Self::Report(Report::Creative, Kind::Advertiser, id),
            ["reports", "campaign"] => Self::Campaign(Kind::Advertiser, id),
            ["publishers"] => Self::Publishers(id),
            _ => return None,
        })
    }

    fn of_publisher(id: u64, rest: &[&str]) -> Option<Self> {
        Some(match rest {
            ["transactions"] => Self::Transactions(Kind::Publisher, id),
            ["reports", "advertiser"] => Self::Report(Report::Advertiser, Kind::Publisher, id),
            ["reports", "creative"] => Self::Report(Report::Creative, Kind::Publisher, id),
            ["reports", "campaign"] => Self::Campaign(Kind::Publisher, id),
            ["programmes"] => Self::Programmes(id),
            ["programmedetails"] => Self::ProgrammeDetails(id),
            ["commissiongroups"] => Self::CommissionGroups(id),
            _ => return None,
        })
    }

    /// The one method that it takes.
    pub(crate) fn method(self) -> &'static str {
        if matches!(self, Self::Offers(_)) { "POST" } else { "GET" }
    }

    /// The account in the path.
    pub(crate) fn account(self) -> Option<(Kind, u64)> {
        match self {
            Self::Accounts => None,
            Self::Transactions(kind, id) | Self::Report(_, kind, id) | Self::Campaign(kind, id) => Some((kind, id)),
            Self::Publishers(id) => Some((Kind::Advertiser, id)),
            Self::Queries(id)
            | Self::Programmes(id)
            | Self::ProgrammeDetails(id)
            | Self::CommissionGroups(id)
            | Self::Offers(id) => Some((Kind::Publisher, id)),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
