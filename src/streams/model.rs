//! Whose rows, and by which date they are asked for: accounts, partitions, lanes.

use std::fmt;

use chrono::DateTime;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A moment in the zone of the configuration.
pub type Moment = DateTime<Tz>;

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

    /// The side of the partners.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Advertiser => Self::Publisher,
            Self::Publisher => Self::Advertiser,
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

/// What is covered on its own: an account, or one region of it where Awin reports by region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The account; none for what belongs to the token itself, its list of accounts.
    pub account: Option<AccountId>,
    /// The region, for reports that are asked by region.
    pub region: Option<String>,
}

impl Partition {
    /// The whole of an account.
    pub fn of(account: AccountId) -> Self {
        Self { account: Some(account), region: None }
    }

    /// One region of an account.
    pub fn of_region(account: AccountId, region: String) -> Self {
        Self { account: Some(account), region: Some(region) }
    }

    /// What belongs to the token itself.
    pub const TOKEN: Self = Self { account: None, region: None };
}

/// One way to ask for events.
#[derive(Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name in the state and in messages.
    pub name: &'static str,
    /// Awin's `dateType`.
    pub date_type: &'static str,
    /// The status that it asks for; every status if none.
    pub status: Option<&'static str>,
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
    /// What was read before and may have changed: days of a report, old events.
    Again,
}

/// Days that a lane of changes reaches back before its own last point: stamps are cut to the minute and may show late.
pub const CHANGES_OVERLAP_DAYS: u32 = 2;

/// Days before the point reached down to which a list that begins with the newest is read again: what shows late, or has moved
/// while its pages were read, is there.
pub const FEED_OVERLAP_DAYS: u32 = 7;

impl Lane {
    /// Whether the state says how far it has come.
    pub fn has_state(&self) -> bool {
        matches!(self.role, Role::Changes { .. } | Role::Deleted)
    }

    /// Whether Awin may not offer it.
    pub fn is_optional(&self) -> bool {
        self.role == Role::Changes { optional: true }
    }
}

/// The lane in which days of a report are read again. It covers nothing new.
pub const AGAIN_LANE: &Lane = &Lane { name: "again", date_type: "", status: None, role: Role::Again };

/// The one lane of streams that have no others.
pub const MAIN_LANE: &Lane = &Lane { name: "main", date_type: "", status: None, role: Role::Main };
