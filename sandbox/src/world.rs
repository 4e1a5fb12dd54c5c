//! A world: everything that the sandbox knows, as plain data. Tests change it between calls.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::books::{BillingDocument, PrepaymentChange};
use crate::clock::Clock;
use crate::dice;
use crate::enquiry::Query;
use crate::fault::Fault;
use crate::market::{self, CommissionGroup, Creative, Gap, Markets, Programme, Publisher, Relationship, Standing};
use crate::offers::Offer;
use crate::public::PublicApi;
use crate::rules::{Bulk, ReportLag, Rules, Throttle};
use crate::sale::Sales;

/// The two sides of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Sells, and pays the commission.
    Advertiser,
    /// Sends the customers.
    Publisher,
}

impl Kind {
    /// As Awin writes it in `accountType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Advertiser => "advertiser",
            Self::Publisher => "publisher",
        }
    }
}

/// May the user read an account's data?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Ok,
    /// No: data is refused with the status that `Rules::refusal` names.
    Refused,
    /// To all but transactions and transaction queries, which are refused so.
    NoTransactions,
}

/// An account of the token's user.
#[derive(Clone, Debug)]
pub struct Account {
    /// Advertiser or publisher id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Side.
    pub kind: Kind,
    /// `userRole`
    pub role: String,
    /// Right to its data.
    pub access: Access,
    /// Is it in the answer of `/accounts`?
    pub listed: bool,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    /// The one good token.
    pub token: String,
    /// The token dies after this many calls that bore it, counted since the start or the last `clear_calls`.
    pub token_dead_after: Option<u64>,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Time.
    pub clock: Clock,
    /// `userId`
    pub user_id: u64,
    /// Accounts of the user.
    pub accounts: Vec<Account>,
    /// All programmes.
    pub programmes: Vec<Programme>,
    /// All publishers.
    pub publishers: Vec<Publisher>,
    /// Who takes part where.
    pub relationships: Vec<Relationship>,
    /// Where a publisher sells for a programme, by advertiser and publisher, if not just in the programme's own region.
    pub markets: BTreeMap<(u64, u64), Markets>,
    /// Markets that are gone for a while.
    pub gaps: Vec<Gap>,
    /// Commission groups.
    pub groups: Vec<CommissionGroup>,
    /// Creatives.
    pub creatives: Vec<Creative>,
    /// Campaigns that clicks are made for.
    pub campaigns: Vec<String>,
    /// No clicks or impressions before this instant. They follow from the seed, per programme, publisher, creative and
    /// hour.
    pub traffic_from: DateTime<Utc>,
    /// Transactions.
    pub sales: Sales,
    /// Transaction queries.
    pub queries: Vec<Query>,
    /// Offers.
    pub offers: Vec<Offer>,
    /// Billing documents.
    pub billing_documents: Vec<BillingDocument>,
    /// Changes of prepayments.
    pub prepayment_changes: Vec<PrepaymentChange>,
    /// How Awin behaves.
    pub rules: Rules,
    /// How many calls it takes.
    pub throttle: Throttle,
    /// How the newer API behaves.
    pub public: PublicApi,
    /// Every answer waits for this long.
    pub latency: Duration,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Transactions in bulk.
    pub bulk: Option<Bulk>,
}

impl World {
    /// Nobody and nothing, at a standing clock; the token is `sandbox-token`.
    pub fn empty(now: DateTime<Utc>) -> Self {
        Self {
            token: "sandbox-token".to_owned(),
            token_dead_after: None,
            seed: 0,
            clock: Clock::Fixed(now),
            user_id: 70_011,
            accounts: Vec::new(),
            programmes: Vec::new(),
            publishers: Vec::new(),
            relationships: Vec::new(),
            markets: BTreeMap::new(),
            gaps: Vec::new(),
            groups: Vec::new(),
            creatives: Vec::new(),
            campaigns: Vec::new(),
            traffic_from: now,
            sales: Sales::default(),
            queries: Vec::new(),
            offers: Vec::new(),
            billing_documents: Vec::new(),
            prepayment_changes: Vec::new(),
            rules: Rules::default(),
            throttle: Throttle::default(),
            public: PublicApi::default(),
            latency: Duration::ZERO,
            faults: Vec::new(),
            bulk: None,
        }
    }

    /// The present instant of the world.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The instant up to which the reports know what has happened.
    pub(crate) fn reports_as_of(&self) -> DateTime<Utc> {
        let now = self.now();
        match self.rules.report_lag {
            ReportLag::None => now,
            ReportLag::Hours(hours) => now - TimeDelta::hours(hours.into()),
            ReportLag::Nightly => {
                let since_three = (now.timestamp() - 3 * 3600).rem_euclid(86_400);
                now - TimeDelta::seconds(since_three)
            }
        }
    }

    /// The region in which something happened between a publisher and a programme; `hash` is what happened.
    pub(crate) fn region_of(&self, advertiser_id: u64, publisher_id: u64, hash: u64) -> Option<&str> {
        match self.markets.get(&(advertiser_id, publisher_id)) {
            Some(Markets::In(regions)) if !regions.is_empty() => Some(dice::choose(hash, regions).as_str()),
            _ => self.programme(advertiser_id).map(|programme| programme.region.as_str()),
        }
    }

    /// Is this market of the account gone at present?
    pub(crate) fn is_gone(&self, kind: Kind, account_id: u64, region: &str) -> bool {
        let now = self.now();
        self.gaps.iter().any(|gap| {
            (gap.kind, gap.account_id, gap.region.as_str()) == (kind, account_id, region) && gap.from <= now && now < gap.until
        })
    }

    /// An account of the user.
    pub fn account(&self, kind: Kind, id: u64) -> Option<&Account> {
        self.accounts.iter().find(|account| account.kind == kind && account.id == id)
    }

    /// An account of the user, to be changed.
    pub fn account_mut(&mut self, id: u64) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.id == id)
    }

    /// A programme.
    pub fn programme(&self, id: u64) -> Option<&Programme> {
        self.programmes.iter().find(|programme| programme.id == id)
    }

    /// A publisher.
    pub fn publisher(&self, id: u64) -> Option<&Publisher> {
        self.publishers.iter().find(|publisher| publisher.id == id)
    }

    /// How a publisher stands to a programme now, if there was ever anything between them.
    pub fn relationship(&self, advertiser_id: u64, publisher_id: u64) -> Option<&Relationship> {
        market::relationship_at(&self.relationships, advertiser_id, publisher_id, self.now())
    }

    /// The standing of a publisher now.
    pub fn standing(&self, advertiser_id: u64, publisher_id: u64) -> Standing {
        self.relationship(advertiser_id, publisher_id).map_or(Standing::NotJoined, |it| it.standing)
    }

    /// The standing of a publisher becomes another at `since`.
    pub fn relate(&mut self, advertiser_id: u64, publisher_id: u64, standing: Standing, since: DateTime<Utc>) {
        let tags = self.relationship(advertiser_id, publisher_id).and_then(|it| it.tags.clone());
        self.relationships.push(Relationship { advertiser_id, publisher_id, standing, since, tags });
    }
}
