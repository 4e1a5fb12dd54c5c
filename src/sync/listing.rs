//! What is remembered of the rows of accounts, joined programmes and active partners: little, however many there are.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lookup::{number, text};
use crate::streams::{AccountId, AccountKind, CAMPAIGN_REGIONS};

/// Programmes of one publisher: more are not Awin's.
const MAX_PROGRAMMES: usize = 100_000;
/// Texts that are no region: a few show what is wrong.
const MAX_UNKNOWN: usize = 5;
/// Accounts of one token: with more, a run would not end in a day. Their names are kept.
const MAX_ACCOUNTS: usize = 20_000;

/// An account as `/accounts` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Which one.
    pub(super) id: AccountId,
    /// Its name, if Awin gives one.
    pub(super) name: Option<String>,
}

/// The accounts of a token.
#[derive(Default)]
pub(super) struct Accounts {
    pub(super) listed: Vec<Listed>,
    known: BTreeSet<AccountId>,
    /// Ids of accounts of another kind than the two that there are, with that kind.
    pub(super) unknown: Vec<(u64, String)>,
}

/// A programme that a publisher has joined.
pub(super) struct Programme {
    pub(super) id: u64,
    /// Whether Awin says the country of its sales.
    pub(super) has_country: bool,
    /// The country, if it is one of the reports' regions.
    pub(super) country: Option<&'static str>,
    /// Whether it pays in dollars.
    pub(super) is_in_dollars: bool,
}

impl Programme {
    /// The region that its sales are reported in: Brazil in dollars is one of its own.
    pub(super) fn region(&self) -> Option<&'static str> {
        if self.country == Some("BR") && self.is_in_dollars { Some("BU") } else { self.country }
    }
}

/// Where an advertiser's partners were active.
#[derive(Default)]
pub(super) struct Active {
    pub(super) regions: BTreeSet<&'static str>,
    /// Partners and their regions, as many as there are; an empty one where Awin does not say.
    pub(super) partners: BTreeSet<(u64, &'static str)>,
    /// What stands for a region and is none, a few of it; empty for null.
    pub(super) unknown: BTreeSet<String>,
}

impl Active {
    /// Adds what another stretch of time shows.
    pub(super) fn extend(&mut self, other: Self) {
        self.regions.extend(other.regions);
        self.partners.extend(other.partners);
        self.unknown.extend(other.unknown);
    }
}

/// A row of `/accounts`.
#[derive(Deserialize)]
struct AccountRow<'a> {
    #[serde(borrow, rename = "accountId")]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "accountName")]
    name: Option<&'a RawValue>,
    #[serde(borrow, rename = "accountType")]
    kind: Option<&'a RawValue>,
}

/// A row of the programmes that a publisher has joined.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProgrammeRow<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    primary_region: Option<&'a RawValue>,
    #[serde(borrow)]
    currency_code: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegionRow<'a> {
    #[serde(borrow)]
    country_code: Option<&'a RawValue>,
}

/// A row of an advertiser's report by publisher.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActiveRow<'a> {
    #[serde(borrow)]
    publisher_id: Option<&'a RawValue>,
    #[serde(borrow)]
    region: Option<&'a RawValue>,
}

pub(super) fn add_active(active: &mut Active, row: &[u8]) -> Result<(), String> {
    let row: ActiveRow<'_> = serde_json::from_slice(row).map_err(|_| "a row is not an object".to_owned())?;
    let code = text(row.region).unwrap_or_default();
    let region = known_region(&code);
    match region {
        Some(region) => drop(active.regions.insert(region)),
        None if active.unknown.len() < MAX_UNKNOWN => drop(active.unknown.insert(code.chars().take(40).collect())),
        None => {}
    }
    // A partner that is not remembered counts as unknown: its days are read in every region.
    if let Some(partner) = number(row.publisher_id).filter(|_| active.partners.len() < MAX_PROGRAMMES) {
        active.partners.insert((partner, region.unwrap_or_default()));
    }
    Ok(())
}

pub(super) fn add_account(accounts: &mut Accounts, row: &[u8]) -> Result<(), String> {
    let row: AccountRow<'_> = serde_json::from_slice(row).map_err(|_| "an account is not an object".to_owned())?;
    let id = number(row.id).ok_or("an account has no `accountId`")?;
    let kind = text(row.kind);
    let kind = match kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("advertiser") => AccountKind::Advertiser,
        Some("publisher") => AccountKind::Publisher,
        _ => {
            if accounts.unknown.len() < 10 {
                accounts.unknown.push((id, kind.map_or("none".to_owned(), |kind| kind.chars().take(40).collect())));
            }
            return Ok(());
        }
    };
    let id = AccountId { kind, id };
    if accounts.known.insert(id) {
        let name = text(row.name).map(|name| name.chars().take(100).collect());
        accounts.listed.push(Listed { id, name });
    }
    if accounts.listed.len() > MAX_ACCOUNTS { Err(format!("it lists more than {MAX_ACCOUNTS} accounts")) } else { Ok(()) }
}

pub(super) fn add_programme(programmes: &mut Vec<Programme>, row: &[u8]) -> Result<(), String> {
    let row: ProgrammeRow<'_> = serde_json::from_slice(row).map_err(|_| "a programme is not an object".to_owned())?;
    let id = number(row.id).ok_or("a programme has no `id`")?;
    let country = row.primary_region.and_then(|region| serde_json::from_str::<RegionRow<'_>>(region.get()).ok());
    let country = country.and_then(|region| text(region.country_code));
    programmes.push(Programme {
        id,
        has_country: country.is_some(),
        country: country.as_deref().and_then(known_region),
        is_in_dollars: text(row.currency_code).as_deref() == Some("USD"),
    });
    if programmes.len() > MAX_PROGRAMMES { Err(format!("it lists more than {MAX_PROGRAMMES} programmes")) } else { Ok(()) }
}

fn known_region(code: &str) -> Option<&'static str> {
    CAMPAIGN_REGIONS.iter().find(|known| known.eq_ignore_ascii_case(code)).copied()
}
