//! The rows of the newer API, in its order.

use std::cmp::Reverse;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::amount::{Money, cents};
use crate::json;
use crate::market::relationship_at;
use crate::payments::Payment;
use crate::public::ProcessingDate;
use crate::world::{Kind, World};

/// The payments to a publisher: the newest first, of one date those with the highest id first.
pub(crate) fn payments(world: &World, publisher_id: u64) -> Vec<String> {
    let mut payments = world.payments(publisher_id);
    payments.sort_by_cached_key(|it| Reverse((processing_date(world, it.processed), it.id)));
    payments.iter().map(|payment| render_payment(world, payment)).collect()
}

fn render_payment(world: &World, payment: &Payment) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        payment_id: Value,
        processing_date: String,
        amount: Money<'a>,
        payment_method: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        bank_reference: Option<String>,
    }
    json::text(&Row {
        payment_id: id(world, payment.id),
        processing_date: processing_date(world, payment.processed),
        amount: Money::new(cents(payment.amount()), &payment.currency),
        payment_method: "BACS",
        bank_reference: world.rules.unknown_keys.then(|| format!("AW{}", payment.id)),
    })
}

/// What each advertiser paid of a payment: the most first, of one amount those with the lowest id first. `None` if the publisher
/// has no such payment.
pub(crate) fn breakdowns(world: &World, publisher_id: u64, payment_id: u64) -> Option<Vec<String>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        advertiser_id: Value,
        advertiser_name: Option<&'a str>,
        payment: Money<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        transactions: Option<u64>,
    }
    let payment = world.payments(publisher_id).into_iter().find(|it| it.id == payment_id)?;
    let mut parts: Vec<_> = payment.parts.iter().collect();
    parts.sort_by_key(|(advertiser_id, amount)| (Reverse(**amount), **advertiser_id));
    let rows = parts.into_iter().map(|(advertiser_id, amount)| {
        json::text(&Row {
            advertiser_id: id(world, *advertiser_id),
            advertiser_name: world.programme(*advertiser_id).map(|it| it.name.as_str()),
            payment: Money::new(cents(*amount), &payment.currency),
            transactions: world.rules.unknown_keys.then_some(1),
        })
    });
    Some(rows.collect())
}

/// The partnerships of an account, of all statuses: the one that changed last comes first, of one instant those with the lowest
/// id first. Those with closed advertisers are left out.
pub(crate) fn partnerships(world: &World, kind: Kind, account_id: u64) -> Vec<String> {
    let now = world.now();
    let others: Vec<(u64, &str)> = match kind {
        Kind::Advertiser => world.publishers.iter().map(|it| (it.id, it.name.as_str())).collect(),
        Kind::Publisher => world.programmes.iter().map(|it| (it.id, it.name.as_str())).collect(),
    };
    let is_open = |advertiser_id: u64| world.programme(advertiser_id).is_some_and(|it| it.closed.is_none_or(|at| now < at));
    let mut found: Vec<_> = others
        .into_iter()
        .filter_map(|(other, name)| {
            let (advertiser_id, publisher_id) = match kind {
                Kind::Advertiser => (account_id, other),
                Kind::Publisher => (other, account_id),
            };
            let relationship = relationship_at(&world.relationships, advertiser_id, publisher_id, now)?;
            is_open(advertiser_id).then_some((other, name, relationship))
        })
        .collect();
    found.sort_by_key(|(other, _, relationship)| (Reverse(relationship.since), *other));
    let (other_id, other_name) = match kind {
        Kind::Advertiser => ("publisherId", "publisherName"),
        Kind::Publisher => ("advertiserId", "advertiserName"),
    };
    let rows = found.into_iter().map(|(other, name, relationship)| {
        let mut row = json!({
            other_id: id(world, other),
            other_name: name,
            "partnership": {
                "status": relationship.standing.partnership_status(),
                "statusUpdatedAt": stamp(relationship.since),
            },
        });
        if world.rules.unknown_keys {
            row["labels"] = json!(["featured"]);
        }
        json::text(&row)
    });
    rows.collect()
}

/// The billing documents of an advertiser: the newest first, of one day those with the highest number first.
pub(crate) fn billing_documents(world: &World, advertiser_id: u64) -> Vec<String> {
    let now = world.now();
    let mut documents: Vec<_> =
        world.billing_documents.iter().filter(|it| it.advertiser_id == advertiser_id && it.issued <= now).collect();
    documents.sort_by_key(|it| Reverse((it.issued.date_naive(), &it.number)));
    let currency = currency_of(world, advertiser_id);
    let rows = documents.into_iter().map(|document| {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Row<'a> {
            document_number: &'a str,
            document_type: &'static str,
            document_date: String,
            amount: Money<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tax_rate: Option<u64>,
        }
        json::text(&Row {
            document_number: &document.number,
            document_type: document.kind.name(),
            document_date: document.issued.date_naive().to_string(),
            amount: Money::new(cents(document.amount), currency),
            tax_rate: world.rules.unknown_keys.then_some(19),
        })
    });
    rows.collect()
}

/// The changes of an advertiser's prepayment status: the newest first.
pub(crate) fn prepayment_changes(world: &World, advertiser_id: u64) -> Vec<String> {
    let now = world.now();
    let mut changes: Vec<_> =
        world.prepayment_changes.iter().filter(|it| it.advertiser_id == advertiser_id && it.at <= now).collect();
    changes.sort_by_key(|it| Reverse(it.at));
    let currency = currency_of(world, advertiser_id);
    let rows = changes.into_iter().map(|change| {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Row<'a> {
            status_changed_at: String,
            status: &'static str,
            balance: Money<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            changed_by: Option<&'static str>,
        }
        json::text(&Row {
            status_changed_at: stamp(change.at),
            status: if change.links_active { "ONLINE" } else { "OFFLINE" },
            balance: Money::new(cents(change.balance), currency),
            changed_by: world.rules.unknown_keys.then_some("SYSTEM"),
        })
    });
    rows.collect()
}

fn currency_of(world: &World, advertiser_id: u64) -> &str {
    world.programme(advertiser_id).map_or("EUR", |it| it.currency.as_str())
}

fn processing_date(world: &World, at: DateTime<Utc>) -> String {
    match world.public.processing_date {
        ProcessingDate::Instant => stamp(at),
        ProcessingDate::Day => at.date_naive().to_string(),
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn id(world: &World, id: u64) -> Value {
    if world.public.ids_as_text { id.to_string().into() } else { id.into() }
}
