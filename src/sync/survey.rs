//! What a run must find out before it can plan: accounts, and the markets of each. Each question is asked once, when needed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, TimeDelta};
use serde_json::Value;
use serde_json::value::RawValue;

use super::explain;
use crate::awin::{CallError, Client, FailedCall, Patience};
use crate::config::Config;
use crate::protocol::{Emitter, Failure, Level};
use crate::streams::{AccountId, AccountKind, CAMPAIGN_REGIONS, Moment, Stream, requests};

/// Days over which an advertiser's markets are looked for.
const ACTIVITY_DAYS: u64 = 365;

/// An account that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Which one.
    pub id: AccountId,
    /// Whether the configuration names it. A named account must answer; a found one may be without access.
    pub named: bool,
}

/// An account as `/accounts` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which one.
    pub id: AccountId,
    /// Its name, if Awin gives one.
    pub name: Option<String>,
}

/// Asks, and remembers the answers.
pub struct Survey {
    client: Client,
    emitter: Emitter,
    listed: Option<(Box<RawValue>, Vec<Listed>)>,
    programmes: BTreeMap<AccountId, Box<RawValue>>,
    regions: BTreeMap<AccountId, Result<Vec<String>, FailedCall>>,
    refused: BTreeSet<AccountId>,
}

impl Survey {
    /// Nothing asked yet.
    pub fn new(client: Client, emitter: Emitter) -> Self {
        Self { client, emitter, listed: None, programmes: BTreeMap::new(), regions: BTreeMap::new(), refused: BTreeSet::new() }
    }

    /// All accounts that the token can see.
    pub async fn listed(&mut self, patience: Patience) -> Result<&[Listed], CallError> {
        Ok(&self.accounts_answer(patience).await?.1)
    }

    /// The answer that lists the accounts, as Awin wrote it.
    pub async fn accounts_text(&mut self) -> Result<&RawValue, CallError> {
        Ok(&self.accounts_answer(Patience::Full).await?.0)
    }

    async fn accounts_answer(&mut self, patience: Patience) -> Result<&(Box<RawValue>, Vec<Listed>), CallError> {
        if self.listed.is_none() {
            let text = self.client.get(requests::accounts(), patience).await.map_err(|failed| failed.error)?;
            let listed = parse_accounts(&value_of(&text), &self.emitter)?;
            self.listed = Some((text, listed));
        }
        Ok(self.listed.as_ref().expect("listed just now"))
    }

    /// The answer that lists the programmes that a publisher has joined, as Awin wrote it.
    pub async fn programmes_text(&mut self, account: AccountId) -> Result<&RawValue, FailedCall> {
        if !self.programmes.contains_key(&account) {
            let text = self.client.get(requests::joined_programmes(account.id), Patience::Full).await?;
            self.programmes.insert(account, text);
        }
        Ok(&self.programmes[&account])
    }

    /// The ids of those programmes, in order.
    pub async fn programmes(&mut self, account: AccountId) -> Result<Vec<u64>, FailedCall> {
        let rows = value_of(self.programmes_text(account).await?);
        let failed = |error| FailedCall { request: requests::joined_programmes(account.id), error };
        let mut ids = Vec::new();
        for row in array(&rows).map_err(failed)? {
            let id = number(row.get("id"));
            ids.push(id.ok_or_else(|| failed(CallError::Shape("a programme has no `id`".into())))?);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The name of an account, if the accounts were listed.
    pub fn name(&self, id: AccountId) -> Option<&str> {
        self.listed.as_ref()?.1.iter().find(|listed| listed.id == id)?.name.as_deref()
    }

    /// The accounts to read: those that the configuration names, else all that the token can see.
    pub async fn accounts(&mut self, config: &Config) -> Result<Vec<Account>, Failure> {
        let named = named(config);
        if !named.is_empty() {
            return Ok(named.into_iter().map(|id| Account { id, named: true }).collect());
        }
        let listed = self.listed(Patience::Full).await.map_err(|error| explain::accounts_failed(&error))?;
        Ok(listed.iter().map(|listed| Account { id: listed.id, named: false }).collect())
    }

    /// The markets in which `account` is to be read in reports that want one: those of the configuration, else those found.
    pub async fn regions(&mut self, account: AccountId, config: &Config, now: Moment) -> Result<Vec<String>, FailedCall> {
        if !config.regions.is_empty() {
            return Ok(config.regions.clone());
        }
        if let Some(known) = self.regions.get(&account) {
            return known.clone();
        }
        let found = self.find_regions(account, config, now).await;
        if let Ok(regions) = &found {
            let names = if regions.is_empty() { "none".to_owned() } else { regions.join(", ") };
            self.emitter.log(Level::Info, format!("Regions found for {account}: {names}."));
        }
        self.regions.insert(account, found.clone());
        found
    }

    async fn find_regions(&mut self, account: AccountId, config: &Config, now: Moment) -> Result<Vec<String>, FailedCall> {
        let days = ACTIVITY_DAYS.max(u64::from(config.lookback_days) + 31);
        let from = now.checked_sub_days(Days::new(days)).unwrap_or(now - TimeDelta::days(365));
        let (request, rows) = match account.kind {
            AccountKind::Advertiser => {
                let request = requests::advertiser_regions(account.id, from, now);
                let text = self.client.get(request.clone(), Patience::Full).await?;
                (request, value_of(&text))
            }
            AccountKind::Publisher => (requests::joined_programmes(account.id), value_of(self.programmes_text(account).await?)),
        };
        let rows = array(&rows).map_err(|error| FailedCall { request, error })?;
        let mut regions = match account.kind {
            AccountKind::Advertiser => texts(rows, |row| row.get("region")),
            AccountKind::Publisher => {
                let mut countries = texts(rows, |row| row.get("primaryRegion")?.get("countryCode"));
                let hidden = rows.len() - countries.len();
                if hidden > 0 {
                    let text = format!(
                        "{hidden} joined programmes of {account} do not say their region; if reports by region lack them, name their regions in `regions`."
                    );
                    self.emitter.log(Level::Warn, text);
                }
                // Brazil in dollars is a market of its own.
                if rows.iter().any(|row| row["primaryRegion"]["countryCode"] == "BR" && row["currencyCode"] == "USD") {
                    countries.push("BU".to_owned());
                }
                countries
            }
        };
        regions.retain(|region| CAMPAIGN_REGIONS.contains(&region.as_str()));
        regions.sort();
        regions.dedup();
        Ok(regions)
    }

    /// Whether this is the first time in the run that `account` gives no data: one warning is enough.
    pub fn is_first_refusal(&mut self, account: AccountId) -> bool {
        self.refused.insert(account)
    }

    /// Whether `/accounts` refuses the token, too: only then is a 401 on data the token's death.
    pub async fn is_token_dead(&mut self, error: &CallError) -> bool {
        if !matches!(error, CallError::Refused { status: 401, .. }) {
            return false;
        }
        self.listed = None;
        matches!(self.listed(Patience::Full).await, Err(CallError::Refused { status: 401, .. }))
    }
}

/// The accounts that the configuration names.
pub fn named(config: &Config) -> Vec<AccountId> {
    let of_kind = |kind, ids: &[u64]| ids.iter().map(|&id| AccountId { kind, id }).collect::<Vec<_>>();
    let mut named = of_kind(AccountKind::Advertiser, &config.advertiser_ids);
    named.extend(of_kind(AccountKind::Publisher, &config.publisher_ids));
    named
}

/// Those of `accounts` that have `stream`.
pub fn with_stream(accounts: &[Account], stream: &Stream) -> Vec<Account> {
    accounts.iter().filter(|account| stream.sides.contains(&account.id.kind)).cloned().collect()
}

fn parse_accounts(answer: &Value, emitter: &Emitter) -> Result<Vec<Listed>, CallError> {
    let unwrapped = answer.get("body").filter(|body| body.is_object()).unwrap_or(answer);
    let list = unwrapped.get("accounts").and_then(Value::as_array);
    let list = list.ok_or_else(|| CallError::Shape("the list of accounts has no `accounts`".into()))?;
    let mut listed: Vec<Listed> = Vec::new();
    for entry in list {
        let id = number(entry.get("accountId")).ok_or_else(|| CallError::Shape("an account has no `accountId`".into()))?;
        let name = entry.get("accountName").and_then(Value::as_str).map(str::to_owned);
        let kind = match entry.get("accountType").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
            Some("advertiser") => AccountKind::Advertiser,
            Some("publisher") => AccountKind::Publisher,
            other => {
                let other = other.unwrap_or("none").to_owned();
                emitter.log(
                    Level::Warn,
                    format!("Account {id} is of type {other}, which this connector does not know; it is left out."),
                );
                continue;
            }
        };
        let id = AccountId { kind, id };
        if !listed.iter().any(|known| known.id == id) {
            listed.push(Listed { id, name });
        }
    }
    Ok(listed)
}

/// The JSON text as a value; it was found to be JSON when it came in.
fn value_of(text: &RawValue) -> Value {
    serde_json::from_str(text.get()).unwrap_or_default()
}

/// A number, also where it is written as text.
fn number(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn array(rows: &Value) -> Result<&[Value], CallError> {
    if rows.is_null() {
        return Ok(&[]);
    }
    let rows = rows.get("body").unwrap_or(rows);
    rows.as_array().map(Vec::as_slice).ok_or_else(|| CallError::Shape("the answer is no list of rows".into()))
}

fn texts<'v>(rows: &'v [Value], get: impl Fn(&'v Value) -> Option<&'v Value>) -> Vec<String> {
    rows.iter().filter_map(|row| get(row)?.as_str()).map(str::to_owned).collect()
}
