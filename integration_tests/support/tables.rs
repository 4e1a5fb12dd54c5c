//! Tables as a destination builds them (the last write of a key wins), and the tables that the sandbox's truth demands.

use std::collections::{BTreeMap, BTreeSet};

use awin_sandbox::{DateType, Kind, Report, World};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use serde_json::{Map, Value};
use source_awin::streams::{self, Source, Stream};

use super::{exact, money, plain};

pub type Row = Map<String, Value>;
/// Rows by key.
pub type Table = BTreeMap<String, Row>;

/// The tables of a destination. Of two versions of a row it keeps the one with the greater cursor, and of the same cursor the one
/// with the greater `emitted_at`, whatever the order of the lines.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Tables(pub BTreeMap<String, Table>, BTreeMap<(String, String), (String, u64)>);

impl Tables {
    /// Takes in the RECORDs of a run. A table that is read in full is replaced.
    pub fn load(&mut self, lines: &[Value]) {
        let started = lines.iter().filter(|line| line["trace"]["stream_status"]["status"] == "STARTED");
        for name in started.filter_map(|line| line["trace"]["stream_status"]["stream_descriptor"]["name"].as_str()) {
            if streams::find(name).is_some_and(|stream| !stream.is_incremental()) {
                self.0.remove(name);
                self.1.retain(|(stream, _), _| stream != name);
            }
        }
        for record in lines.iter().filter(|line| line["type"] == "RECORD").map(|line| &line["record"]) {
            let name = record["stream"].as_str().expect("a stream");
            let row = record["data"].as_object().expect("an object");
            let stream = streams::find(name).expect("a known stream");
            let key = key(stream, row);
            let cursor = stream.cursor.map_or_else(String::new, |cursor| row[cursor].to_string());
            let version = (cursor, record["emitted_at"].as_u64().expect("a stamp"));
            let known = self.1.entry((name.to_owned(), key.clone())).or_default();
            if version >= *known {
                *known = version;
                self.0.entry(name.to_owned()).or_default().insert(key, row.clone());
            }
        }
    }

    pub fn table(&self, stream: &str) -> Table {
        self.0.get(stream).cloned().unwrap_or_default()
    }
}

/// What tells a row of `stream` from others.
pub fn key(stream: &Stream, row: &Row) -> String {
    row[stream.primary_key()].to_string()
}

/// The range and the ways of a configuration, as the truth needs them.
#[derive(Clone, Copy)]
pub struct Asked<'c> {
    pub config: &'c Value,
    pub zone: Tz,
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl<'c> Asked<'c> {
    pub fn new(config: &'c Value, world: &World) -> Self {
        let zone: Tz = config["timezone"].as_str().unwrap_or("UTC").parse().expect("a zone");
        let date = |key: &str| config[key].as_str().map(|text| text.parse::<NaiveDate>().expect("a date"));
        let today = world.now().with_timezone(&zone).date_naive();
        Self {
            config,
            zone,
            from: date("start_date").expect("a start"),
            to: date("end_date").map_or(today, |end| end.min(today)),
        }
    }

    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let to = self.to;
        std::iter::successors(Some(self.from), |day| day.checked_add_days(Days::new(1))).take_while(move |day| *day <= to)
    }
}

/// The table that the truth demands, for accounts that can be read.
pub fn truth(world: &World, stream_name: &str, config: &Value) -> Table {
    if stream_name == "accounts" {
        return accounts(world);
    }
    let asked = Asked::new(config, world);
    let stream = streams::find(stream_name).expect("a known stream");
    let mut table = Table::new();
    for account in readable(world, stream, config) {
        for (key, row) in truth_of_account(world, stream, account, &asked) {
            assert!(table.insert(key, row).is_none(), "the truth has a key twice");
        }
    }
    table
}

/// The part of it that one account has.
pub fn truth_of_account(world: &World, stream: &Stream, account: (Kind, u64), asked: &Asked<'_>) -> Table {
    let schema = streams::json_schema(stream);
    let mut table = Table::new();
    for (extra, row) in rows(world, stream, account, asked) {
        let fitted = plain::fit(&schema, stream.added, stream.null_texts, asked.zone, row.as_object().expect("an object"));
        let mut record = fitted.data;
        record.insert("accountId".into(), account.1.into());
        record.insert("accountType".into(), if account.0 == Kind::Advertiser { "advertiser" } else { "publisher" }.into());
        record.extend(extra);
        if !fitted.others.is_empty() {
            record.insert("otherFields".into(), Value::Object(fitted.others));
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let asked = record.remove("askedRegion");
        let date = matches!(stream.source, Source::Report(_)).then(|| record["date"].clone());
        let head = date.into_iter().chain([record["accountType"].clone(), account.1.into()]).chain(asked);
        let own = stream.row_key.iter().map(|field| record.get(*field).cloned().unwrap_or_default());
        let parts: Vec<String> = head.chain(own).map(|part| if part.is_null() { String::new() } else { text(&part) }).collect();
        record.insert("rowId".into(), parts.join("|").into());
        assert!(table.insert(key(stream, &record), record).is_none(), "the truth has a key twice");
    }
    table
}

/// The accounts that `stream` is read of.
pub fn readable(world: &World, stream: &Stream, config: &Value) -> Vec<(Kind, u64)> {
    let ids = |key: &str| -> Vec<u64> {
        config[key].as_str().unwrap_or_default().split(',').filter_map(|id| id.trim().parse().ok()).collect()
    };
    let (advertisers, publishers) = (ids("advertiser_ids"), ids("publisher_ids"));
    let all = advertisers.is_empty() && publishers.is_empty();
    let has = |kind: Kind, id: u64| {
        let named = if kind == Kind::Advertiser { &advertisers } else { &publishers };
        let side = if kind == Kind::Advertiser { streams::AccountKind::Advertiser } else { streams::AccountKind::Publisher };
        (all || named.contains(&id)) && stream.sides.contains(&side)
    };
    world
        .accounts
        .iter()
        .filter(|account| account.access == awin_sandbox::Access::Ok && has(account.kind, account.id))
        .map(|account| (account.kind, account.id))
        .collect()
}

/// The rows of an account as Awin writes them, each with what the connector adds beside the account.
fn rows(world: &World, stream: &Stream, (kind, id): (Kind, u64), asked: &Asked<'_>) -> Vec<(Row, Value)> {
    let plain = |rows: Vec<String>| rows.iter().map(|row| (Row::new(), exact(row))).collect();
    match stream.name {
        "transactions" => plain(world.truth_transactions(
            kind,
            id,
            asked.zone,
            asked.from,
            asked.to,
            asked.config["include_basket_products"] == true,
        )),
        "stats_by_publisher" => by_day(world, Report::Publisher, (kind, id), &[None], asked),
        "stats_by_creative" => by_day(world, Report::Creative, (kind, id), &regions(asked, streams::REGIONS), asked),
        "stats_by_advertiser" => by_day(world, Report::Advertiser, (kind, id), &regions(asked, streams::REGIONS), asked),
        "stats_by_campaign" => campaigns(world, (kind, id), asked),
        "transaction_queries" => plain(world.truth_queries(id, asked.zone, asked.from, asked.to)),
        "publishers" => plain(world.truth_publishers(id)),
        "programmes" => plain(world.truth_programmes(id)),
        "programme_details" => {
            let details = world.truth_programme_details(id).into_iter().map(|row| exact(&row));
            details.map(|row| (Row::from_iter([("advertiserId".to_owned(), row["programmeInfo"]["id"].clone())]), row)).collect()
        }
        "commission_groups" => commission_groups(world, id),
        _ => money::rows(world, stream, (kind, id), asked),
    }
}

/// The token's own list of accounts.
fn accounts(world: &World) -> Table {
    let rows = world.truth_accounts().into_iter().map(|row| {
        let mut row = exact(&row).as_object().expect("an object").clone();
        row.insert("userId".into(), world.user_id.into());
        (row["accountId"].to_string(), row)
    });
    rows.collect()
}

fn campaigns(world: &World, (kind, id): (Kind, u64), asked: &Asked<'_>) -> Vec<(Row, Value)> {
    let regions = if kind == Kind::Publisher { regions(asked, streams::CAMPAIGN_REGIONS) } else { vec![None] };
    let mut rows = Vec::new();
    for region in regions {
        for row in world.truth_campaign(kind, id, region, asked.from, asked.to, asked.zone) {
            let mut extra = Row::from_iter([("timezone".to_owned(), asked.zone.name().into())]);
            if let Some(region) = region {
                extra.insert("region".into(), region.into());
                extra.insert("askedRegion".into(), region.into());
            }
            rows.push((extra, exact(&row)));
        }
    }
    rows
}

fn commission_groups(world: &World, id: u64) -> Vec<(Row, Value)> {
    let mut rows = Vec::new();
    for answer in world.truth_commission_groups(id, true).iter().map(|answer| exact(answer)) {
        for group in answer["commissionGroups"].as_array().expect("a list") {
            let mut group = group.clone();
            group["advertiserId"] = answer["advertiser"].clone();
            for key in ["ratesStart", "ratesEnd"] {
                if let Some(value) = answer.get(key) {
                    group[key] = value.clone();
                }
            }
            rows.push((Row::new(), group));
        }
    }
    rows
}

/// The regions that are asked for one by one.
pub fn regions<'a>(asked: &'a Asked<'_>, all: &[&'a str]) -> Vec<Option<&'a str>> {
    match asked.config["regions"].as_array() {
        Some(regions) => regions.iter().map(Value::as_str).collect(),
        None => all.iter().map(|region| Some(*region)).collect(),
    }
}

fn by_day(
    world: &World,
    report: Report,
    (kind, id): (Kind, u64),
    regions: &[Option<&str>],
    asked: &Asked<'_>,
) -> Vec<(Row, Value)> {
    let date_type = if asked.config["stats_date_type"] == "validation" { DateType::Validation } else { DateType::Transaction };
    let mut rows = Vec::new();
    for day in asked.days() {
        for region in regions {
            for row in world.truth_report(report, kind, id, *region, day, date_type, asked.zone) {
                let mut extra = Row::new();
                extra.insert("date".into(), day.to_string().into());
                extra.insert("timezone".into(), asked.zone.name().into());
                extra.insert(
                    "dateType".into(),
                    if date_type == DateType::Validation { "validation" } else { "transaction" }.into(),
                );
                if let Some(region) = region {
                    extra.insert("askedRegion".into(), (*region).into());
                }
                rows.push((extra, exact(&row)));
            }
        }
    }
    rows
}

/// A row of the truth.
pub fn exact(row: &str) -> Value {
    exact::read(row).unwrap_or_else(|error| panic!("{error}: {row}"))
}

/// Asserts that the tables of `streams` are what the sandbox's truth demands, and says where they are not.
#[track_caller]
pub fn assert_in_sync(world: &World, config: &Value, tables: &Tables, streams: &[&str]) {
    for name in streams {
        assert_same(name, &tables.table(name), &truth(world, name, config));
    }
}

/// Whether the table of `stream` is what the sandbox's truth demands.
pub fn is_in_sync(world: &World, config: &Value, tables: &Tables, stream: &str) -> bool {
    tables.table(stream) == truth(world, stream, config)
}

/// Rows that are not what the truth demands, missing and superfluous ones too: the key, what there is, what must be.
pub fn stale_rows(world: &World, config: &Value, tables: &Tables, stream: &str) -> Vec<(String, Option<Row>, Option<Row>)> {
    let (table, truth) = (tables.table(stream), truth(world, stream, config));
    let keys: BTreeSet<&String> = table.keys().chain(truth.keys()).collect();
    let stale = keys.into_iter().filter(|key| table.get(*key) != truth.get(*key));
    stale.map(|key| (key.clone(), table.get(key).cloned(), truth.get(key).cloned())).collect()
}

#[track_caller]
pub fn assert_same(name: &str, table: &Table, truth: &Table) {
    let missing: Vec<&String> = truth.keys().filter(|key| !table.contains_key(*key)).collect();
    let extra: Vec<&String> = table.keys().filter(|key| !truth.contains_key(*key)).collect();
    let stale: Vec<String> = truth
        .iter()
        .filter_map(|(key, row)| table.get(key).filter(|have| *have != row).map(|have| difference(key, have, row)))
        .collect();
    assert!(
        missing.is_empty() && extra.is_empty() && stale.is_empty(),
        "`{name}` is not in sync ({} rows, {} in truth): missing {:?}, extra {:?}, {} stale {:#?}",
        table.len(),
        truth.len(),
        &missing[..missing.len().min(5)],
        &extra[..extra.len().min(5)],
        stale.len(),
        &stale[..stale.len().min(5)],
    );
}

fn difference(key: &str, have: &Row, want: &Row) -> String {
    let mut names: Vec<&String> = have.keys().chain(want.keys()).collect();
    names.sort();
    names.dedup();
    let fields: Vec<String> = names
        .into_iter()
        .filter(|name| have.get(*name) != want.get(*name))
        .map(|name| {
            format!(
                "{name}: {:?} instead of {:?}",
                have.get(name).map(ToString::to_string),
                want.get(name).map(ToString::to_string)
            )
        })
        .collect();
    format!("{key}: {}", fields.join(", "))
}
