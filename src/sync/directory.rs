//! What a run must find out before it can plan: accounts, joined programmes, regions. Each question is asked once, when it is
//! needed; what is remembered of an answer does not grow with its size.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{Days, TimeDelta};

use super::context::Context;
use super::explain::{self, Standing};
use super::listing::{Accounts, Active, Listed, Programme, add_account, add_active, add_programme};
use super::lookup::{self, Found};
use super::payments::Payments;
use super::stretch;
use crate::awin::{Body, CallError, Client, FailedCall, Patience};
use crate::config::Config;
use crate::protocol::{Emitter, Failure, Level};
use crate::streams::{self, AccountId, AccountKind, Cut, Moment, Partition, Slice, Stream, Window};

/// Days over which an advertiser's regions are looked for.
const ACTIVITY_DAYS: u64 = 365;
/// Days of a stretch that Awin answers for even of a large account.
const MONTH: u32 = 30;
/// Bytes of one answer that is kept for a stream to read.
const MAX_KEPT: usize = 4 << 20;
/// Bytes of all answers that are kept.
const MAX_KEPT_IN_ALL: usize = 12 << 20;

/// An account that is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    /// Which one.
    pub id: AccountId,
    /// Whether it must answer: the configuration names it, or the state knows it. One that was merely found may be without
    /// access.
    pub required: bool,
}

/// Asks, and remembers the answers.
pub(super) struct Directory {
    client: Client,
    emitter: Emitter,
    /// The payments to publishers.
    pub(super) payments: Payments,
    /// Whether payments are read in this run: then they move the flags of sales.
    pub(super) follows_payments: bool,
    /// How much is tried to find out about an account.
    pub(super) patience: Patience,
    accounts: Option<Found<Accounts>>,
    /// Whether the accounts were asked for in vain to explain a refusal.
    is_silent: bool,
    programmes: BTreeMap<AccountId, Result<Found<Vec<Programme>>, FailedCall>>,
    regions: BTreeMap<AccountId, Result<Vec<String>, FailedCall>>,
    active: BTreeMap<AccountId, Result<Active, FailedCall>>,
    /// Whether the answers are kept that the stream `programmes` consists of.
    keeps_programmes: bool,
    kept: usize,
    /// Accounts of which a refusal was logged.
    logged: BTreeSet<AccountId>,
    /// Accounts that answered 401 while the token was alive.
    unauthorized: BTreeSet<AccountId>,
}

impl Directory {
    /// Nothing asked yet. `keeps_programmes` if the stream `programmes` is to be read, `follows_payments` if the stream `payments` is.
    pub(super) fn new(context: &Context, keeps_programmes: bool, follows_payments: bool) -> Self {
        let (client, emitter) = (context.client.clone(), context.emitter.clone());
        Self {
            payments: Payments::new(client.clone(), context.emitter.clone(), context.config.timezone),
            client,
            emitter,
            follows_payments,
            patience: Patience::Full,
            accounts: None,
            is_silent: false,
            programmes: BTreeMap::new(),
            regions: BTreeMap::new(),
            active: BTreeMap::new(),
            keeps_programmes,
            kept: 0,
            logged: BTreeSet::new(),
            unauthorized: BTreeSet::new(),
        }
    }

    /// All accounts that the token can see.
    pub(super) async fn listed(&mut self, patience: Patience) -> Result<&[Listed], CallError> {
        if self.accounts.is_none() {
            let found = lookup::rows(&self.client, streams::accounts(), "accounts", patience, MAX_KEPT, add_account).await;
            let found = found.map_err(|failed| failed.error)?;
            for (id, kind) in &found.what.unknown {
                let text = format!("Account {id} is of type {kind}, which this connector does not know; it is left out.");
                self.emitter.log(Level::Warn, text);
            }
            self.accounts = Some(found);
        }
        Ok(self.accounts.as_ref().map_or(&[], |accounts| &accounts.what.listed))
    }

    /// The accounts to read for `stream`: the named ones, or the found ones and those that the state knows.
    pub(super) async fn accounts(
        &mut self,
        stream: &Stream,
        config: &Config,
        known: &BTreeSet<AccountId>,
    ) -> Result<Vec<Account>, Failure> {
        let named = named(config);
        let has_stream = |id: &AccountId| stream.sides.contains(&id.kind);
        if !named.is_empty() {
            return Ok(named.into_iter().filter(has_stream).map(|id| Account { id, required: true }).collect());
        }
        let listed = self.listed(Patience::Full).await.map_err(|error| explain::accounts_failed(&error))?;
        let mut ids: Vec<AccountId> = listed.iter().map(|listed| listed.id).collect();
        ids.extend(known.iter().filter(|id| !listed.iter().any(|listed| listed.id == **id)));
        Ok(ids.into_iter().filter(has_stream).map(|id| Account { id, required: known.contains(&id) }).collect())
    }

    /// What to say where there is no account to read.
    pub(super) fn lack_of_accounts(&self) -> &'static str {
        let sees_none = self.accounts.as_ref().is_some_and(|accounts| accounts.what.listed.is_empty());
        if sees_none { "the token sees no account" } else { "this connection has none" }
    }

    /// An account with its name, if the accounts were listed.
    pub(super) fn name(&self, id: AccountId) -> String {
        let listed = self.accounts.iter().flat_map(|accounts| &accounts.what.listed).find(|listed| listed.id == id);
        explain::account(id, listed.and_then(|listed| listed.name.as_deref()))
    }

    /// The name of an account, as far as it is known without asking.
    pub(super) fn known(&self, id: AccountId) -> Standing {
        let listed = self.accounts.iter().flat_map(|accounts| &accounts.what.listed).find(|listed| listed.id == id);
        listed.map_or(Standing::Unknown, |listed| Standing::Listed(listed.name.clone()))
    }

    /// What the list of accounts says of one that refuses. It is asked for once, without insisting.
    pub(super) async fn standing(&mut self, id: AccountId) -> Standing {
        if self.is_silent {
            return Standing::Unknown;
        }
        let Ok(listed) = self.listed(Patience::Little).await else {
            self.is_silent = true;
            return Standing::Unknown;
        };
        match listed.iter().find(|listed| listed.id.id == id.id) {
            Some(found) if listed.iter().any(|listed| listed.id == id) => {
                let same = listed.iter().find(|listed| listed.id == id).unwrap_or(found);
                Standing::Listed(same.name.clone())
            }
            Some(_) => Standing::OtherSide(id.id),
            None => Standing::Unlisted(names(listed)),
        }
    }

    /// The ids of the programmes that a publisher has joined, in order.
    pub(super) async fn programmes(&mut self, account: AccountId) -> Result<Vec<u64>, FailedCall> {
        let mut ids: Vec<u64> = self.joined(account).await?.iter().map(|programme| programme.id).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    async fn joined(&mut self, account: AccountId) -> Result<&[Programme], FailedCall> {
        if !self.programmes.contains_key(&account) {
            let room = if self.keeps_programmes { MAX_KEPT.min(MAX_KEPT_IN_ALL - self.kept) } else { 0 };
            let request = streams::joined_programmes(account);
            let found = lookup::rows(&self.client, request, "body", self.patience, room, add_programme).await;
            self.kept += found.as_ref().ok().and_then(|found| found.text.as_ref()).map_or(0, Bytes::len);
            self.programmes.insert(account, found);
        }
        self.programmes[&account].as_ref().map(|found| &found.what[..]).map_err(Clone::clone)
    }

    /// The answer to `slice`, if it is here already.
    pub(super) fn kept(&self, stream: &Stream, slice: &Slice) -> Option<Body> {
        let text = match (stream.name, slice.partition.account) {
            ("accounts", None) => self.accounts.as_ref()?.text.as_ref(),
            ("programmes", Some(account)) => self.programmes.get(&account)?.as_ref().ok()?.text.as_ref(),
            _ => None,
        };
        text.map(|text| Body::kept(text.clone()))
    }

    /// The regions in which `account` is to be read in reports that want one: those of the configuration, else those found.
    pub(super) async fn regions(&mut self, account: AccountId, config: &Config, now: Moment) -> Result<Vec<String>, FailedCall> {
        if !config.regions.is_empty() {
            return Ok(config.regions.clone());
        }
        if let Some(known) = self.regions.get(&account) {
            return known.clone();
        }
        let found = match account.kind {
            AccountKind::Advertiser => self.active_regions(account, config, now).await,
            AccountKind::Publisher => self.joined_regions(account).await,
        };
        if let Ok(regions) = &found {
            let names = if regions.is_empty() { "none".to_owned() } else { regions.join(", ") };
            self.emitter.log(Level::Info, format!("Regions found for {}: {names}.", self.name(account)));
        }
        self.regions.insert(account, found.clone());
        found
    }

    /// The regions of an advertiser's partners. Where Awin does not say them of all, each other region is asked for its rows.
    async fn active_regions(&mut self, account: AccountId, config: &Config, now: Moment) -> Result<Vec<String>, FailedCall> {
        let name = self.name(account);
        let active = self.active(account, config, now, self.patience).await?;
        let mut regions = active.regions.clone();
        if !active.unknown.is_empty() {
            let codes: Vec<&str> = active.unknown.iter().map(|code| if code.is_empty() { "none" } else { code }).collect();
            let text = format!(
                "Some partners of {name} have no region that this version knows ({}); each region is asked for their rows. To spare these calls, set `regions`.",
                codes.join(", ")
            );
            self.emitter.log(Level::Warn, text);
            let (stream, stretch) = (streams::find("stats_by_creative").expect("a stream of the table"), past_year(config, now));
            for region in streams::REGIONS {
                if !regions.contains(region)
                    && !stretch::is_empty(&self.client, config, stream, &in_region(stream, account, region, stretch)).await
                {
                    regions.insert(region);
                }
            }
        }
        Ok(regions.into_iter().map(str::to_owned).collect())
    }

    async fn active(
        &mut self,
        account: AccountId,
        config: &Config,
        now: Moment,
        patience: Patience,
    ) -> Result<&Active, FailedCall> {
        if !self.active.contains_key(&account) {
            let found = self.activity(account, past_year(config, now), patience).await;
            self.active.insert(account, found);
        }
        self.active[&account].as_ref().map_err(Clone::clone)
    }

    /// Where `account` was active. Of a large account Awin may not answer for so long a stretch: then it is asked for in months.
    async fn activity(&self, account: AccountId, stretch: Window, patience: Patience) -> Result<Active, FailedCall> {
        let ask = async |window: Window, patience| {
            let request = streams::activity(account, window.from, window.to);
            lookup::rows(&self.client, request, "body", patience, 0, add_active).await.map(|found: Found<Active>| found.what)
        };
        if patience != Patience::Full {
            return ask(stretch, patience).await;
        }
        let failed = match ask(stretch, Patience::Divisible).await {
            Err(failed) if failed.error.may_be_of_length() => failed,
            found => return found,
        };
        let (name, error) = (self.name(account), failed.error);
        self.emitter
            .log(Level::Info, format!("Awin does not answer for a year of {name} at once ({error}); asking for its months."));
        let mut active = Active::default();
        for window in streams::windows(stretch.from, stretch.to, MONTH) {
            active.extend(ask(window, patience).await?);
        }
        Ok(active)
    }

    /// The regions of the programmes that a publisher has joined.
    async fn joined_regions(&mut self, account: AccountId) -> Result<Vec<String>, FailedCall> {
        let name = self.name(account);
        let programmes = self.joined(account).await?;
        let hidden = programmes.iter().filter(|programme| !programme.has_country).count();
        let regions: BTreeSet<&str> =
            programmes.iter().flat_map(|programme| [programme.country, programme.region()]).flatten().collect();
        if hidden > 0 {
            let text = format!(
                "{hidden} joined programmes of {name} have no region. If they are missing from regional reports, add their regions to `regions`."
            );
            self.emitter.log(Level::Warn, text);
        }
        Ok(regions.into_iter().map(str::to_owned).collect())
    }

    /// The regions of each partner of `account`; nothing of those of whom it is not known. It only saves calls: nothing waits
    /// long for it.
    pub(super) async fn partner_regions(
        &mut self,
        account: AccountId,
        config: &Config,
        now: Moment,
    ) -> BTreeMap<u64, Vec<String>> {
        let mut regions: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        match account.kind {
            AccountKind::Advertiser => {
                let Ok(active) = self.active(account, config, now, Patience::Little).await else { return regions };
                for (partner, region) in &active.partners {
                    regions.entry(*partner).or_default().push((*region).to_owned());
                }
            }
            AccountKind::Publisher => {
                for programme in self.joined(account).await.unwrap_or_default() {
                    if let Some(region) = programme.region() {
                        regions.entry(programme.id).or_default().push(region.to_owned());
                    }
                }
            }
        }
        regions
    }

    /// Whether this is the first time in the run that `account` gives no data: one warning is enough.
    pub(super) fn is_first_refusal(&mut self, account: AccountId) -> bool {
        self.logged.insert(account)
    }

    /// Whether `/accounts` refuses the token, too: only then is a 401 of `account` the token's death. Asked once per account.
    pub(super) async fn is_token_dead(&mut self, account: Option<AccountId>) -> bool {
        if account.is_some_and(|account| self.unauthorized.contains(&account)) {
            return false;
        }
        self.accounts = None;
        self.is_silent = false;
        let is_dead = matches!(self.listed(Patience::Full).await, Err(CallError::Refused { status: 401, .. }));
        self.unauthorized.extend(account.filter(|_| !is_dead));
        is_dead
    }
}

/// The time over which activity is looked for: a year, or a long look-back.
fn past_year(config: &Config, now: Moment) -> Window {
    let days = ACTIVITY_DAYS.max(u64::from(config.lookback_days) + 31);
    Window { from: now.checked_sub_days(Days::new(days)).unwrap_or(now - TimeDelta::days(365)), to: now }
}

/// What `account` did in `region`.
fn in_region(stream: &'static Stream, account: AccountId, region: &str, window: Window) -> Slice {
    let partition = Partition::of_region(account, region.to_owned());
    Slice { partition, lane: &stream.lanes()[0], cut: Cut::Window(window) }
}

/// The accounts that the configuration names.
pub(super) fn named(config: &Config) -> Vec<AccountId> {
    let of_kind = |kind, ids: &[u64]| ids.iter().map(|&id| AccountId { kind, id }).collect::<Vec<_>>();
    let mut named = of_kind(AccountKind::Advertiser, &config.advertiser_ids);
    named.extend(of_kind(AccountKind::Publisher, &config.publisher_ids));
    named
}

/// The accounts in words, as many as a sentence bears.
pub(super) fn names(listed: &[Listed]) -> String {
    let names = explain::some_of(listed.iter().map(|listed| explain::account(listed.id, listed.name.as_deref())));
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
