//! Offers, in pages: the one call that is a POST. Observed with public clients: `data`, `pagination` and the fields of a row;
//! documented: the filters. Inferred: the default of `pageSize`.

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::reference::country_name;
use crate::answer::{Answer, Reply};
use crate::dice;
use crate::json;
use crate::market::Standing;
use crate::offers::{Offer, OfferStatus};
use crate::rules::Stamps;
use crate::world::World;
use crate::zone::{self, Zone};

const FILTERS: [&str; 7] = ["advertiserIds", "exclusiveOnly", "membership", "regionCodes", "status", "type", "updatedSince"];
const PAGE_SIZES: std::ops::RangeInclusive<u64> = 10..=200;
const PAGE_SIZE: u64 = 100;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    filters: Filters,
    pagination: Pagination,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Filters {
    advertiser_ids: Vec<u64>,
    exclusive_only: bool,
    membership: Option<String>,
    region_codes: Vec<String>,
    status: Option<String>,
    r#type: Option<String>,
    updated_since: Option<String>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pagination {
    page: u64,
    page_size: u64,
}

impl Default for Pagination {
    fn default() -> Self {
        Self { page: 1, page_size: PAGE_SIZE }
    }
}

/// What is asked for, with the words understood.
struct Asked {
    advertiser_ids: Vec<u64>,
    exclusive_only: bool,
    joined: Option<bool>,
    region_codes: Vec<String>,
    status: OfferStatus,
    voucher: Option<bool>,
    updated_since: Option<NaiveDate>,
}

pub(crate) fn answer(world: &World, publisher_id: u64, body: &str) -> Answer {
    let Body { filters, pagination } = read(world, body)?;
    if pagination.page == 0 {
        return Err(Reply::bad_request("page must be 1 or more"));
    }
    if !PAGE_SIZES.contains(&pagination.page_size) {
        return Err(Reply::bad_request("pageSize must lie between 10 and 200"));
    }
    let asked = filters.understood()?;
    let mut found: Vec<&Offer> = world.offers.iter().filter(|offer| asked.takes(world, publisher_id, offer)).collect();
    if world.rules.shuffle {
        // No promised order, but the same on every page.
        found.sort_by_key(|offer| dice::mix(world.seed, offer.id));
    }
    let first = usize::try_from((pagination.page - 1).saturating_mul(pagination.page_size)).unwrap_or(usize::MAX);
    let length = usize::try_from(pagination.page_size).unwrap_or(usize::MAX);
    let rows: Vec<String> = found.iter().skip(first).take(length).map(|offer| render(world, publisher_id, offer)).collect();
    Ok(page(&rows, &pagination, found.len()))
}

/// What a call gets whose token stands in the address: 200, and nothing.
pub(crate) fn answer_without_token() -> Reply {
    page(&[], &Pagination::default(), 0)
}

fn page(rows: &[String], pagination: &Pagination, total: usize) -> Reply {
    let Pagination { page, page_size } = pagination;
    let rows = rows.join(",");
    Reply::json(format!(r#"{{"data":[{rows}],"pagination":{{"page":{page},"pageSize":{page_size},"total":{total}}}}}"#))
}

/// Reads the body, which may be empty.
fn read(world: &World, body: &str) -> Result<Body, Reply> {
    if body.is_empty() {
        return Ok(Body::default());
    }
    let malformed = |error: serde_json::Error| Reply::bad_request(&format!("The body is not understood: {error}"));
    let value: Value = serde_json::from_str(body).map_err(malformed)?;
    if world.rules.strict_parameter_names {
        expect_only(&value, &["filters", "pagination"])?;
        expect_only(&value["filters"], &FILTERS)?;
        expect_only(&value["pagination"], &["page", "pageSize"])?;
    }
    serde_json::from_value(value).map_err(malformed)
}

fn expect_only(value: &Value, known: &[&str]) -> Result<(), Reply> {
    if !(value.is_object() || value.is_null()) {
        return Err(Reply::bad_request("The body is not understood: an object is missing"));
    }
    match value.as_object().into_iter().flatten().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(Reply::bad_request(&format!("Unknown member '{}'", name.escape_debug()))),
        None => Ok(()),
    }
}

impl Filters {
    fn understood(self) -> Result<Asked, Reply> {
        let joined =
            word("membership", self.membership.as_deref(), &[("all", None), ("joined", Some(true)), ("notJoined", Some(false))])?;
        let statuses =
            [("active", OfferStatus::Active), ("expiringSoon", OfferStatus::ExpiringSoon), ("upcoming", OfferStatus::Upcoming)];
        let status = word("status", self.status.as_deref(), &statuses)?;
        let voucher =
            word("type", self.r#type.as_deref(), &[("all", None), ("promotion", Some(false)), ("voucher", Some(true))])?;
        let updated_since =
            self.updated_since.map(|text| zone::parse_day(&text).ok_or_else(|| wrong("updatedSince"))).transpose()?;
        let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if !self.region_codes.iter().all(is_code) {
            return Err(wrong("regionCodes"));
        }
        let Self { advertiser_ids, exclusive_only, region_codes, .. } = self;
        Ok(Asked { advertiser_ids, exclusive_only, joined, region_codes, status, voucher, updated_since })
    }
}

/// One of a few words; the first of them is the default.
fn word<T: Copy>(name: &str, value: Option<&str>, words: &[(&str, T)]) -> Result<T, Reply> {
    let meaning = match value {
        None => words.first(),
        Some(value) => words.iter().find(|(word, _)| *word == value),
    };
    meaning.map(|(_, meaning)| *meaning).ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> Reply {
    Reply::bad_request(&format!("Wrong value for '{name}'"))
}

impl Asked {
    fn takes(&self, world: &World, publisher_id: u64, offer: &Offer) -> bool {
        let now = world.now();
        let is_for = |codes: &Vec<String>| self.region_codes.iter().any(|code| codes.contains(code));
        offer.is_listed(self.status, now)
            && (self.advertiser_ids.is_empty() || self.advertiser_ids.contains(&offer.advertiser_id))
            && (!self.exclusive_only || offer.voucher.as_ref().is_some_and(|voucher| voucher.exclusive))
            && self.joined.is_none_or(|joined| joined == has_joined(world, publisher_id, offer))
            && (self.region_codes.is_empty() || offer.regions.as_ref().is_none_or(is_for))
            && self.voucher.is_none_or(|voucher| voucher == offer.voucher.is_some())
            && self.updated_since.is_none_or(|since| since <= offer.updated(now).date_naive())
    }
}

fn has_joined(world: &World, publisher_id: u64, offer: &Offer) -> bool {
    world.standing(offer.advertiser_id, publisher_id) == Standing::Joined
}

/// The row of an offer, as a publisher sees it.
pub(crate) fn render(world: &World, publisher_id: u64, offer: &Offer) -> String {
    let stamp = |at| zone::stamp(Zone::utc(), at, Stamps::Seconds);
    let id = offer.advertiser_id;
    let joined = has_joined(world, publisher_id, offer);
    let regions = offer.regions.iter().flatten().map(|code| json!({"name": country_name(code), "countryCode": code}));
    let mut row = json!({
        "promotionId": offer.id,
        "type": if offer.voucher.is_some() { "voucher" } else { "promotion" },
        "advertiser": {"id": id, "name": world.programme(id).map(|it| it.name.as_str()), "joined": joined},
        "title": offer.title(world.now()),
        "description": "All lamps\n\"and chairs\"",
        "terms": "Once per customer",
        "startDate": stamp(offer.starts),
        "endDate": stamp(offer.ends),
        "url": format!("https://shop-{id}.example/sale"),
        "urlTracking": format!("https://track.example/c?m={id}&a={publisher_id}"),
        "dateAdded": stamp(offer.added),
        "campaign": offer.campaign,
        "regions": {"all": offer.regions.is_none(), "list": regions.collect::<Vec<_>>()},
    });
    if let Some(voucher) = &offer.voucher {
        row["voucher"] = json!({
            "code": joined.then_some(&voucher.code),
            "exclusive": voucher.exclusive,
            "attributable": voucher.attributable,
        });
    }
    if world.rules.unknown_keys {
        row["priority"] = 3.into();
    }
    json::text(&row)
}
