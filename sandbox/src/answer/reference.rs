//! Accounts, publishers, programmes, programme details and commission groups.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use crate::amount::Number;
use crate::answer::{Answer, Params, Reply, list, shuffled};
use crate::dice;
use crate::json;
use crate::market::{CommissionGroup, Programme, Rate, Standing};
use crate::rules::{Stamps, Variants};
use crate::world::{Kind, World};
use crate::zone::{self, Zone};

const STANDINGS: [Standing; 5] =
    [Standing::Joined, Standing::Pending, Standing::Suspended, Standing::Rejected, Standing::NotJoined];

pub(crate) fn answer_accounts(world: &World, params: &Params<'_>) -> Answer {
    params.expect_only(&["type"])?;
    let kind = params.choice("type", None, &[("advertiser", Some(Kind::Advertiser)), ("publisher", Some(Kind::Publisher))])?;
    Ok(Reply::json(format!(r#"{{"userId":{},"accounts":[{}]}}"#, world.user_id, accounts(world, kind).join(","))))
}

/// The rows of the accounts, of one kind or of both.
pub(crate) fn accounts(world: &World, kind: Option<Kind>) -> Vec<String> {
    world
        .accounts
        .iter()
        .filter(|account| account.listed && kind.is_none_or(|kind| account.kind == kind))
        .map(|account| {
            json::text(&json!({
                "accountId": account.id,
                "accountName": account.name,
                "accountType": account.kind.name(),
                "userRole": account.role,
            }))
        })
        .collect()
}

pub(crate) fn answer_publishers(world: &World, id: u64, params: &Params<'_>, turn: u64) -> Answer {
    params.expect_only(&[])?;
    Ok(list(world, &shuffled(world, publishers(world, id), turn)))
}

/// The rows of the publishers that take part in a programme.
pub(crate) fn publishers(world: &World, advertiser_id: u64) -> Vec<String> {
    world
        .publishers
        .iter()
        .filter(|publisher| world.standing(advertiser_id, publisher.id) == Standing::Joined)
        .map(|publisher| {
            let mut row = json!({
                "id": publisher.id,
                "name": publisher.name,
                "primaryRegion": publisher.region,
                "salesRegions": publisher.sales_regions,
                "primaryType": publisher.promotion_type,
            });
            if world.rules.unknown_keys {
                row["partnerSince"] = 2019.into();
            }
            json::text(&row)
        })
        .collect()
}

pub(crate) fn answer_programmes(world: &World, id: u64, params: &Params<'_>, turn: u64) -> Answer {
    params.expect_only(&["relationship", "countryCode", "includeHidden"])?;
    let standing = params.choice("relationship", None, &STANDINGS.map(|it| (it.name(), Some(it))))?;
    if standing.is_some() && params.get("includeHidden").is_some() {
        return Err(Reply::bad_request("includeHidden does not go with relationship"));
    }
    let hidden = params.flag("includeHidden")?;
    let country = params.get("countryCode");
    if country.is_some_and(|code| code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return Err(Reply::bad_request("Wrong data type for parameter 'countryCode'"));
    }
    let rows = programmes(world, id, |programme| {
        country.is_none_or(|code| programme.country() == code)
            && match standing {
                Some(standing) => world.standing(programme.id, id).name() == standing.name(),
                None => hidden || !programme.hidden,
            }
    });
    Ok(list(world, &shuffled(world, rows, turn)))
}

/// The rows of the programmes that `takes` takes.
pub(crate) fn programmes(world: &World, publisher_id: u64, takes: impl Fn(&Programme) -> bool) -> Vec<String> {
    world
        .programmes
        .iter()
        .filter(|programme| takes(programme) && !world.is_gone(Kind::Publisher, publisher_id, &programme.region))
        .map(|programme| json::text(&programme_row(world, programme, publisher_id)))
        .collect()
}

fn programme_row(world: &World, programme: &Programme, publisher_id: u64) -> Value {
    let id = programme.id;
    let country = programme.country();
    let region = json!({"name": country_name(country), "countryCode": country});
    let mut row = json!({
        "id": id,
        "name": programme.name,
        "displayUrl": format!("https://shop-{id}.example"),
        "clickThroughUrl": format!("https://track.example/c?m={id}&p={publisher_id}"),
        "logoUrl": format!("https://img.example/{id}.png"),
        "description": "Lamps & chairs\n\"of all kinds\"",
        "currencyCode": programme.currency,
        "primarySector": programme.sector,
        "primaryRegion": if programme.hides_region { Value::Null } else { region },
        "status": "Active",
    });
    if let Some(link_status) = &programme.link_status {
        row["linkStatus"] = link_status.as_str().into();
    }
    row["validDomains"] = json!([{"domain": format!("shop-{id}.example")}]);
    if world.rules.unknown_keys {
        row["labels"] = json!(["featured"]);
    }
    row
}

pub(crate) fn answer_programme_details(world: &World, id: u64, params: &Params<'_>) -> Answer {
    params.expect_only(&["advertiserId", "relationship"])?;
    let advertiser_id = params.required_id("advertiserId")?;
    let mut words = STANDINGS.map(|it| (it.name(), Some(it))).to_vec();
    words.push(("any", None));
    let wanted = params.choice("relationship", Some(Standing::Joined), &words)?;
    let fits = wanted.is_none_or(|wanted| world.standing(advertiser_id, id).name() == wanted.name());
    programme_details(world, id, advertiser_id).filter(|_| fits).map(Reply::json).ok_or_else(Reply::not_found)
}

/// The details of a programme, as a publisher sees them.
pub(crate) fn programme_details(world: &World, publisher_id: u64, advertiser_id: u64) -> Option<String> {
    let programme = world.programme(advertiser_id)?;
    let hash = dice::mix(world.seed, advertiser_id);
    let shape = if world.rules.variants == Variants::On { hash } else { 0 };
    let standing = world.standing(advertiser_id, publisher_id).name();
    let mut info = programme_row(world, programme, publisher_id);
    info["deeplinkEnabled"] = match shape % 3 {
        0 => true.into(),
        1 => "true".into(),
        _ => Value::Null,
    };
    info["membershipStatus"] = if (shape >> 8).is_multiple_of(2) { standing.into() } else { capitalised(standing).into() };
    let hundredths = |hash: u64, most: u32| Number(Decimal::new(small(hash, most), 2));
    let ranges = active_groups(world, advertiser_id, world.now()).into_iter().map(|group| match group.rate {
        Rate::Percentage(rate) => CommissionRange { min: Number(rate), max: Number(rate), r#type: "percentage" },
        Rate::Fix(amount) => CommissionRange { min: Number(amount), max: Number(amount), r#type: "amount" },
    });
    Some(json::text(&Details {
        programme_info: info,
        kpi: Kpi {
            average_payment_time: (30 + hash % 60).to_string(),
            approval_percentage: Number(Decimal::new(8_000 + small(hash, 1_999), 2)),
            epc: hundredths(hash >> 4, 90),
            conversion_rate: hundredths(hash >> 8, 600),
            validation_days: 20 + hash % 40,
            awin_index: Number(Decimal::new(small(hash >> 16, 1_000), 1)),
        },
        commission_range: ranges.collect(),
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    programme_info: Value,
    kpi: Kpi,
    commission_range: Vec<CommissionRange>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kpi {
    average_payment_time: String,
    approval_percentage: Number,
    epc: Number,
    conversion_rate: Number,
    validation_days: u64,
    awin_index: Number,
}

#[derive(Serialize)]
struct CommissionRange {
    min: Number,
    max: Number,
    r#type: &'static str,
}

pub(crate) fn answer_commission_groups(world: &World, id: u64, params: &Params<'_>) -> Answer {
    params.expect_only(&["advertiserId", "effectiveDate", "extraConditionsDetails"])?;
    let advertiser_id = params.required_id("advertiserId")?;
    let at = params.instant("effectiveDate")?.unwrap_or_else(|| world.now());
    let conditions = params.flag("extraConditionsDetails")?;
    if world.standing(advertiser_id, id) != Standing::Joined {
        return Err(Reply::not_found());
    }
    Ok(Reply::json(commission_groups(world, id, advertiser_id, at, conditions)))
}

/// The commission groups of a programme that are in force at `at`: those of a rate period, which `ratesStart` and `ratesEnd` (the
/// first instant after it) bound. `ratesEnd` is left out while no end is known.
pub(crate) fn commission_groups(
    world: &World,
    publisher_id: u64,
    advertiser_id: u64,
    at: DateTime<Utc>,
    conditions: bool,
) -> String {
    let currency = world.programme(advertiser_id).map_or("EUR", |programme| programme.currency.as_str());
    let groups = active_groups(world, advertiser_id, at);
    let stamp = |at: DateTime<Utc>| zone::stamp(Zone::utc(), at, Stamps::Seconds);
    let start = rates_start(world, advertiser_id, at).map(stamp);
    // Rates that have begun end those before them.
    let begun = world.groups.iter().filter(|it| it.advertiser_id == advertiser_id && at < it.from && it.from <= world.now());
    let ends = groups.iter().filter_map(|group| group.until).chain(begun.map(|group| group.from));
    let end = ends.min().filter(|_| !groups.is_empty()).map(stamp);
    let condition = json!([{"operator": "in", "type": "country", "values": ["DE", "AT"]}]);
    let rows = groups.iter().map(|group| {
        let (percentage, fix) = match group.rate {
            Rate::Percentage(rate) => (Some(Number(rate)), None),
            Rate::Fix(amount) => (None, Some(Number(amount))),
        };
        GroupRow {
            group_id: group.id,
            group_code: &group.code,
            group_name: &group.name,
            r#type: if fix.is_some() { "fix" } else { "percentage" },
            percentage,
            amount: fix,
            currency: fix.map(|_| currency),
            conditions: conditions.then_some(&condition),
        }
    });
    json::text(&Groups {
        advertiser: advertiser_id,
        publisher: publisher_id,
        rates_start: start,
        rates_end: end,
        commission_groups: rows.collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are Awin's")]
struct Groups<'a> {
    advertiser: u64,
    publisher: u64,
    rates_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rates_end: Option<String>,
    commission_groups: Vec<GroupRow<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupRow<'a> {
    group_id: u64,
    group_code: &'a str,
    group_name: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    percentage: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<&'a Value>,
}

/// When the rate period of `at` began; `None` if nothing was in force.
pub(crate) fn rates_start(world: &World, advertiser_id: u64, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let groups = world.groups.iter().filter(|group| group.advertiser_id == advertiser_id);
    let turns = groups.flat_map(|group| [Some(group.from), group.until]).flatten();
    let in_force = !active_groups(world, advertiser_id, at).is_empty();
    turns.filter(|turn| in_force && *turn <= at).max()
}

fn active_groups(world: &World, advertiser_id: u64, at: DateTime<Utc>) -> Vec<&CommissionGroup> {
    let in_force = |group: &&CommissionGroup| {
        group.advertiser_id == advertiser_id && group.from <= at && group.until.is_none_or(|until| at < until)
    };
    world.groups.iter().filter(in_force).collect()
}

/// A number from 0 to `most`.
fn small(hash: u64, most: u32) -> i64 {
    i64::try_from(hash % (u64::from(most) + 1)).unwrap_or_default()
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

pub(crate) fn country_name(code: &str) -> &str {
    match code {
        "DE" => "Germany",
        "GB" => "United Kingdom",
        "US" => "United States",
        "FR" => "France",
        "NL" => "Netherlands",
        "PL" => "Poland",
        "SE" => "Sweden",
        "BR" => "Brazil",
        other => other,
    }
}
