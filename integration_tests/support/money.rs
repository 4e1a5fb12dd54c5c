//! The truth of the tables that come from Awin's newer API.

use awin_sandbox::{Kind, OfferStatus, World};
use serde_json::Value;
use source_awin::streams::{self, Stream};

use super::plain;
use super::tables::{Asked, Row, exact};

/// The rows of an account that lie in the configured range, each with what the connector adds beside the account.
pub fn rows(world: &World, stream: &Stream, (kind, id): (Kind, u64), asked: &Asked<'_>) -> Vec<(Row, Value)> {
    let plain = |texts: Vec<String>| texts.iter().map(|text| (Row::new(), exact(text))).collect::<Vec<_>>();
    let rows = match stream.name {
        "payments" => plain(world.truth_payments(id)),
        "payment_breakdowns" => breakdowns(world, id, asked),
        "billing_documents" => plain(world.truth_billing_documents(id)),
        "prepayment_changes" => plain(world.truth_prepayment_changes(id)),
        "partnerships" => return partnerships(world, kind, id, asked),
        "offers" => return offers(world, id),
        "commission_rates" => return commission_rates(world, id, asked),
        other => panic!("no truth for {other}"),
    };
    let cursor = stream.cursor.expect("a cursor");
    rows.into_iter().filter(|(extra, row)| is_asked(stream, cursor, extra, row, asked)).collect()
}

/// Whether the row lies in the configured range, by the date that its column holds.
fn is_asked(stream: &Stream, cursor: &str, extra: &Row, row: &Value, asked: &Asked<'_>) -> bool {
    let fitted = fit(stream, row, asked);
    let date = extra.get(cursor).or(fitted.get(cursor)).and_then(Value::as_str).expect("a date");
    let day = date[..10].to_owned();
    // The table ends with the configuration's end, not with today.
    let end = asked.config["end_date"].as_str().unwrap_or("9999-12-31").to_owned();
    (asked.from.to_string()..=end).contains(&day)
}

fn fit(stream: &Stream, row: &Value, asked: &Asked<'_>) -> Row {
    let schema = streams::json_schema(stream);
    plain::fit(&schema, stream.added, stream.null_texts, asked.zone, row.as_object().expect("an object")).data
}

fn breakdowns(world: &World, id: u64, asked: &Asked<'_>) -> Vec<(Row, Value)> {
    let payments = streams::find("payments").expect("the stream");
    let mut rows = Vec::new();
    for payment in world.truth_payments(id) {
        let payment = fit(payments, &exact(&payment), asked);
        let number = payment["paymentId"].as_u64().expect("an id");
        let added = ["paymentId", "processingDate"].map(|name| (name.to_owned(), payment[name].clone()));
        for row in world.truth_payment_breakdowns(id, number) {
            rows.push((Row::from_iter(added.clone()), exact(&row)));
        }
    }
    rows
}

/// Those of joined programmes that are valid or will be.
fn offers(world: &World, id: u64) -> Vec<(Row, Value)> {
    let listed = [OfferStatus::Active, OfferStatus::Upcoming].into_iter().flat_map(|status| world.truth_offers(id, status));
    let rows = listed.map(|row| (Row::new(), exact(&row)));
    rows.filter(|(_, row)| row["advertiser"]["joined"] == true).collect()
}

/// Those that held on the first day of the range or later.
fn commission_rates(world: &World, id: u64, asked: &Asked<'_>) -> Vec<(Row, Value)> {
    let start = format!("{}T00:00:00", asked.from);
    let mut rows = Vec::new();
    for period in world.truth_commission_rates(id, true).iter().map(|period| exact(period)) {
        if period["ratesEnd"].as_str().is_some_and(|end| end <= start.as_str()) {
            continue;
        }
        for group in period["commissionGroups"].as_array().expect("a list") {
            let mut group = group.clone();
            group["advertiserId"] = period["advertiser"].clone();
            for key in ["ratesStart", "ratesEnd"] {
                if let Some(value) = period.get(key) {
                    group[key] = value.clone();
                }
            }
            rows.push((Row::new(), group));
        }
    }
    rows
}

fn partnerships(world: &World, kind: Kind, id: u64, asked: &Asked<'_>) -> Vec<(Row, Value)> {
    let stream = streams::find("partnerships").expect("the stream");
    let rows = world.truth_partnerships(kind, id).into_iter().map(|row| {
        let row = exact(&row);
        let since = fit(stream, &row, asked)["partnership"]["statusUpdatedAt"].clone();
        (Row::from_iter([("statusUpdatedAt".to_owned(), since)]), row)
    });
    rows.collect()
}
