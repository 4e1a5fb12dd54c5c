//! Programmes, publishers and what lies between them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::world::Kind;

/// An advertiser's programme; the advertiser's own account, where there is one, has the same id.
#[derive(Clone, Debug)]
pub struct Programme {
    /// Advertiser id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Region code of the reports. (`BU` is Brazil in US dollars.)
    pub region: String,
    /// Currency of all its money.
    pub currency: String,
    /// `primarySector`
    pub sector: String,
    /// `linkStatus`; the key is left out if there is none.
    pub link_status: Option<String>,
    /// Is `primaryRegion` null in the programme lists?
    pub hides_region: bool,
    /// Only listed to those who ask with `includeHidden=true`.
    pub hidden: bool,
    /// Do publishers see order references, custom parameters and basket products?
    pub shares_details: bool,
    /// Closed from then on: its partnerships are no longer listed. (The legacy API goes on as before.)
    pub closed: Option<DateTime<Utc>>,
}

impl Programme {
    /// The alpha-2 code of its country.
    pub fn country(&self) -> &str {
        if self.region == "BU" { "BR" } else { &self.region }
    }
}

/// A publisher; its own account, where there is one, has the same id.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// Publisher id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Web address.
    pub url: String,
    /// `primaryRegion`, alpha-2.
    pub region: Option<String>,
    /// `salesRegions`
    pub sales_regions: Vec<String>,
    /// `primaryType`
    pub promotion_type: Option<String>,
}

/// How a publisher stands to a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Takes part.
    Joined,
    /// Has applied.
    Pending,
    /// Is put off for the time being.
    Suspended,
    /// Was turned down.
    Rejected,
    /// None. As an entry: the publisher has left.
    NotJoined,
    /// Was invited by the advertiser, and has not answered.
    Invited,
    /// Has turned the invitation down.
    InviteRejected,
}

impl Standing {
    /// As the `relationship` parameter has it, which knows nothing of invitations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Pending => "pending",
            Self::Suspended => "suspended",
            Self::Rejected => "rejected",
            Self::NotJoined | Self::Invited | Self::InviteRejected => "notjoined",
        }
    }

    /// As the newer API has it.
    pub fn partnership_status(self) -> &'static str {
        match self {
            Self::Joined => "ACTIVE",
            Self::Pending => "APPLICATION_PENDING",
            Self::Suspended => "ADVERTISER_SUSPENDED",
            Self::Rejected => "APPLICATION_REJECTED",
            Self::NotJoined => "PUBLISHER_LEFT",
            Self::Invited => "INVITE_PENDING",
            Self::InviteRejected => "INVITE_REJECTED",
        }
    }
}

/// The standing of a publisher from some instant on. The latest that has begun counts.
#[derive(Clone, Debug)]
pub struct Relationship {
    /// Programme.
    pub advertiser_id: u64,
    /// Publisher.
    pub publisher_id: u64,
    /// Standing.
    pub standing: Standing,
    /// Begin.
    pub since: DateTime<Utc>,
    /// The advertiser's tags of the publisher (`tags` in the publisher report).
    pub tags: Option<Vec<String>>,
}

/// How a publisher stood to a programme at `at`. (Of a relationship begun twice at an instant, the later entry counts.)
pub(crate) fn relationship_at<'a>(
    all: impl IntoIterator<Item = &'a Relationship>,
    advertiser_id: u64,
    publisher_id: u64,
    at: DateTime<Utc>,
) -> Option<&'a Relationship> {
    all.into_iter()
        .filter(|it| it.advertiser_id == advertiser_id && it.publisher_id == publisher_id && it.since <= at)
        .max_by_key(|it| it.since)
}

/// Did a publisher take part in a programme at `at`?
pub(crate) fn was_joined<'a>(
    all: impl IntoIterator<Item = &'a Relationship>,
    advertiser_id: u64,
    publisher_id: u64,
    at: DateTime<Utc>,
) -> bool {
    relationship_at(all, advertiser_id, publisher_id, at).is_some_and(|it| it.standing == Standing::Joined)
}

/// The markets in which a publisher sells for a programme. What it sells is spread over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Markets {
    /// These regions.
    In(Vec<String>),
    /// The programme's own, but the publisher report does not say so: its `region` is null.
    Unknown,
}

/// A market of an account that is gone for a while: its reports know nothing of the region, and a publisher's list of
/// programmes lacks those of the region. Transactions go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Side of the account.
    pub kind: Kind,
    /// Account.
    pub account_id: u64,
    /// Region.
    pub region: String,
    /// Begin.
    pub from: DateTime<Utc>,
    /// Back again.
    pub until: DateTime<Utc>,
}

/// What a commission group pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Per cent of the sale.
    Percentage(Decimal),
    /// A fixed amount in the programme's currency.
    Fix(Decimal),
}

/// A commission group of a programme, valid for all its publishers.
#[derive(Clone, Debug)]
pub struct CommissionGroup {
    /// `groupId`
    pub id: u64,
    /// Programme.
    pub advertiser_id: u64,
    /// `groupCode`
    pub code: String,
    /// `groupName`
    pub name: String,
    /// What it pays.
    pub rate: Rate,
    /// In force from.
    pub from: DateTime<Utc>,
    /// In force until, if it ends (`ratesEnd`).
    pub until: Option<DateTime<Utc>>,
}

/// A banner or link.
#[derive(Clone, Debug)]
pub struct Creative {
    /// `creativeId`
    pub id: u64,
    /// Programme.
    pub advertiser_id: u64,
    /// `creativeName`
    pub name: Option<String>,
    /// `tagName`
    pub tag: Option<String>,
}
