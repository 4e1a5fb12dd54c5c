//! Accounts, publishers, programmes, programme details and commission groups.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::answer::{Answer, Params, Reply, list, shuffled};
use crate::decimal::Decimal;
use crate::dice;
use crate::json::{self, Object};
use crate::market::{CommissionGroup, Programme, Rate, Standing};
use crate::rules::{Stamps, Variants};
use crate::world::{Kind, World};
use crate::zone;

const STANDINGS: [Standing; 5] =
    [Standing::Joined, Standing::Pending, Standing::Suspended, Standing::Rejected, Standing::NotJoined];

pub(crate) fn answer_accounts(world: &World, params: &Params<'_>) -> Answer {
    params.expect_only(&["type"])?;
    let kind = params.choice("type", None, &[("advertiser", Some(Kind::Advertiser)), ("publisher", Some(Kind::Publisher))])?;
    Ok(Reply::json(json::object(|answer| {
        answer.raw("userId", world.user_id);
        answer.raw("accounts", format_args!("[{}]", accounts(world, kind).join(",")));
    })))
}

/// The rows of the accounts, of one kind or of both.
pub(crate) fn accounts(world: &World, kind: Option<Kind>) -> Vec<String> {
    world
        .accounts
        .iter()
        .filter(|account| account.listed && kind.is_none_or(|kind| account.kind == kind))
        .map(|account| {
            json::object(|row| {
                row.raw("accountId", account.id);
                row.text("accountName", &account.name);
                row.text("accountType", account.kind.name());
                row.text("userRole", &account.role);
            })
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
            json::object(|row| {
                row.raw("id", publisher.id);
                row.text("name", &publisher.name);
                row.maybe_text("primaryRegion", publisher.region.as_deref());
                row.texts("salesRegions", &publisher.sales_regions);
                row.maybe_text("primaryType", publisher.promotion_type.as_deref());
                if world.rules.unknown_keys {
                    row.raw("partnerSince", 2019);
                }
            })
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
                Some(standing) => world.standing(programme.id, id) == standing,
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
        .filter(|programme| takes(programme))
        .map(|programme| json::object(|row| write_programme(world, row, programme, publisher_id)))
        .collect()
}

fn write_programme(world: &World, row: &mut Object<'_>, programme: &Programme, publisher_id: u64) {
    let id = programme.id;
    row.raw("id", id);
    row.text("name", &programme.name);
    row.text("displayUrl", &format!("https://shop-{id}.example"));
    row.text("clickThroughUrl", &format!("https://track.example/c?m={id}&p={publisher_id}"));
    row.text("logoUrl", &format!("https://img.example/{id}.png"));
    row.text("description", "Lamps & chairs\n\"of all kinds\"");
    row.text("currencyCode", &programme.currency);
    row.text("primarySector", &programme.sector);
    if programme.hides_region {
        row.null("primaryRegion");
    } else {
        row.object("primaryRegion", |region| {
            region.text("name", country_name(programme.country()));
            region.text("countryCode", programme.country());
        });
    }
    row.text("status", "Active");
    if let Some(link_status) = &programme.link_status {
        row.text("linkStatus", link_status);
    }
    row.objects("validDomains", [format!("shop-{id}.example")], |object, domain| object.text("domain", &domain));
    if world.rules.unknown_keys {
        row.texts("labels", &["featured"]);
    }
}

pub(crate) fn answer_programme_details(world: &World, id: u64, params: &Params<'_>) -> Answer {
    params.expect_only(&["advertiserId", "relationship"])?;
    let advertiser_id = params.required_id("advertiserId")?;
    let mut words = STANDINGS.map(|it| (it.name(), Some(it))).to_vec();
    words.push(("any", None));
    let wanted = params.choice("relationship", Some(Standing::Joined), &words)?;
    let fits = wanted.is_none_or(|wanted| world.standing(advertiser_id, id) == wanted);
    programme_details(world, id, advertiser_id).filter(|_| fits).map(Reply::json).ok_or_else(Reply::not_found)
}

/// The details of a programme, as a publisher sees them.
pub(crate) fn programme_details(world: &World, publisher_id: u64, advertiser_id: u64) -> Option<String> {
    let programme = world.programme(advertiser_id)?;
    let hash = dice::mix(world.seed, advertiser_id);
    let shape = if world.rules.variants == Variants::On { hash } else { 0 };
    let standing = world.standing(advertiser_id, publisher_id).name();
    Some(json::object(|details| {
        details.object("programmeInfo", |info| {
            write_programme(world, info, programme, publisher_id);
            match shape % 3 {
                0 => info.raw("deeplinkEnabled", true),
                1 => info.text("deeplinkEnabled", "true"),
                _ => info.null("deeplinkEnabled"),
            }
            match (shape >> 8) % 2 {
                0 => info.text("membershipStatus", standing),
                _ => info.text("membershipStatus", &capitalised(standing)),
            }
        });
        details.object("kpi", |kpi| {
            kpi.text("averagePaymentTime", &(30 + hash % 60).to_string());
            kpi.raw("approvalPercentage", Decimal::new(8_000 + small(hash, 1_999), 2));
            kpi.raw("epc", Decimal::new(small(hash >> 4, 90), 2));
            kpi.raw("conversionRate", Decimal::new(small(hash >> 8, 600), 2));
            kpi.raw("validationDays", 20 + hash % 40);
            kpi.raw("awinIndex", Decimal::new(small(hash >> 16, 1_000), 1));
        });
        let groups = active_groups(world, advertiser_id, world.now());
        let rates: Vec<(&str, Decimal)> = groups
            .iter()
            .map(|group| match group.rate {
                Rate::Percentage(rate) => ("percentage", rate),
                Rate::Fix(amount) => ("amount", amount),
            })
            .collect();
        details.objects("commissionRange", rates, |range, (kind, rate)| {
            range.raw("min", rate);
            range.raw("max", rate);
            range.text("type", kind);
        });
    }))
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

/// The commission groups of a programme that are in force at `at`. `ratesEnd` is left out while no end is known.
pub(crate) fn commission_groups(
    world: &World,
    publisher_id: u64,
    advertiser_id: u64,
    at: DateTime<Utc>,
    conditions: bool,
) -> String {
    let currency = world.programme(advertiser_id).map_or("EUR", |programme| &programme.currency);
    let groups = active_groups(world, advertiser_id, at);
    let stamp = |at: DateTime<Utc>| zone::stamp(Tz::UTC, at, Stamps::Seconds);
    let start = groups.iter().map(|group| group.from).max().map(stamp);
    let end = groups.iter().filter_map(|group| group.until).min().map(stamp);
    json::object(|answer| {
        answer.raw("advertiser", advertiser_id);
        answer.raw("publisher", publisher_id);
        answer.maybe_text("ratesStart", start.as_deref());
        if let Some(end) = end {
            answer.text("ratesEnd", &end);
        }
        answer.objects("commissionGroups", groups, |row, group| {
            row.raw("groupId", group.id);
            row.text("groupCode", &group.code);
            row.text("groupName", &group.name);
            match group.rate {
                Rate::Percentage(rate) => {
                    row.text("type", "percentage");
                    row.raw("percentage", rate);
                }
                Rate::Fix(amount) => {
                    row.text("type", "fix");
                    row.raw("amount", amount);
                    row.text("currency", currency);
                }
            }
            if conditions {
                row.objects("conditions", [()], |condition, ()| {
                    condition.text("operator", "in");
                    condition.text("type", "country");
                    condition.texts("values", &["DE", "AT"]);
                });
            }
        });
    })
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

fn country_name(code: &str) -> &str {
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
