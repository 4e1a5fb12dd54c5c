//! The row of a transaction: its fields, its shapes, its stamps, and what becomes of it.

use awin_sandbox::{Event, Kind, Stamps, Variants, World, decimal, instant};
use chrono::NaiveDate;
use serde_json::Value;

use crate::support::{ADVERTISER, PUBLISHER, busy_world, parsed, quiet_world, sale, sandbox, transactions};

const FIELDS: [&str; 42] = [
    "id",
    "url",
    "advertiserId",
    "publisherId",
    "commissionSharingPublisherId",
    "commissionSharingSelectedRatePublisherId",
    "campaign",
    "siteName",
    "commissionStatus",
    "commissionAmount",
    "saleAmount",
    "ipHash",
    "customerCountry",
    "clickRefs",
    "clickDate",
    "transactionDate",
    "validationDate",
    "type",
    "declineReason",
    "voucherCodeUsed",
    "voucherCode",
    "lapseTime",
    "amended",
    "amendReason",
    "oldSaleAmount",
    "oldCommissionAmount",
    "clickDevice",
    "transactionDevice",
    "customerAcquisition",
    "publisherUrl",
    "advertiserCountry",
    "orderRef",
    "customParameters",
    "transactionParts",
    "paidToPublisher",
    "paymentId",
    "transactionQueryId",
    "trackedCurrencyAmount",
    "originalSaleAmount",
    "advertiserCost",
    "basketProducts",
    "networkFee",
];

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// The rows of the whole history, as answered.
fn texts(world: &World, kind: Kind, id: u64, basket: bool) -> Vec<String> {
    world.truth_transactions(kind, id, "UTC", day("2025-01-01"), day("2026-12-31"), basket)
}

/// The amount of a sale, as written.
fn amount(row: &str) -> &str {
    let (_, rest) = row.split_once("\"saleAmount\":{\"amount\":").expect("an amount");
    rest.split_once(',').expect("a currency").0
}

/// The same, parsed.
fn rows(world: &World, kind: Kind, id: u64, basket: bool) -> Vec<Value> {
    parsed(&texts(world, kind, id, basket))
}

/// The one row of `world` now, as the advertiser sees it.
fn row(world: &World) -> Value {
    rows(world, Kind::Advertiser, ADVERTISER, false).remove(0)
}

#[test]
fn a_plain_row_has_all_the_documented_fields_in_their_order() {
    let mut world = quiet_world();
    world.rules.variants = Variants::Off;
    world.sales.push(sale(1, "2026-03-01T00:00:00Z"));
    let row = row(&world);
    let keys: Vec<&str> = row.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, FIELDS);
}

#[test]
fn amounts_come_out_as_they_are_written() {
    let mut world = quiet_world();
    for (id, text) in [(1, "1349.00"), (2, "90"), (3, "19.990"), (4, "-0.5")] {
        let mut sale = sale(id, "2026-03-01T00:00:00Z");
        sale.sale = decimal(text);
        world.sales.push(sale);
    }
    let rows = texts(&world, Kind::Advertiser, ADVERTISER, false);
    let amounts: Vec<&str> = rows.iter().map(|row| amount(row)).collect();
    assert_eq!(amounts, ["1349.00", "90", "19.990", "-0.5"]);
}

#[test]
fn every_shape_that_was_seen_occurs() {
    let world = busy_world();
    let advertiser: Vec<Value> =
        [90_210, 90_211, 90_212].into_iter().flat_map(|id| rows(&world, Kind::Advertiser, id, true)).collect();
    let publisher = rows(&world, Kind::Publisher, PUBLISHER, true);
    let some = |rows: &[Value], is: &dyn Fn(&Value) -> bool| rows.iter().any(is);
    let both: Vec<Value> = advertiser.iter().chain(&publisher).cloned().collect();

    assert!(some(&both, &|row| row["clickRefs"].is_null()));
    for keys in [1, 6] {
        assert!(some(&both, &|row| row["clickRefs"].as_object().is_some_and(|refs| refs.len() == keys)));
    }
    let nulls: Value = serde_json::json!({"amount": null, "currency": null});
    assert!(some(&both, &|row| row["advertiserCost"] == nulls));
    assert!(some(&both, &|row| row["customParameters"].is_null()));
    for filled in [true, false] {
        assert!(some(&both, &|row| row["customParameters"].as_array().is_some_and(|it| it.is_empty() != filled)));
        assert!(some(&both, &|row| row["basketProducts"].is_null() != filled));
        assert!(some(&both, &|row| row["commissionSharingPublisherId"].is_null() != filled));
        assert!(some(&both, &|row| row["orderRef"].is_null() != filled));
    }
    for key in ["oldSaleAmount", "oldCommissionAmount", "originalSaleAmount", "trackedCurrencyAmount", "validationDate"] {
        assert!(some(&both, &|row| row.get(key).is_some_and(Value::is_null)), "{key}");
        assert!(some(&both, &|row| row.get(key).is_some_and(|value| !value.is_null())), "{key}");
    }
    assert!(some(&both, &|row| row.get("trackedCurrencyAmount").is_none()));
    assert!(some(&both, &|row| row["ipHash"].is_null()));
    assert!(some(&both, &|row| row["ipHash"].as_str().is_some_and(|hash| hash.starts_with('-'))));
    assert!(some(&both, &|row| row["ipHash"].as_str().is_some_and(|hash| hash.trim_start_matches('-').len() == 19)));
    assert!(some(&both, &|row| row["ipHash"].is_number()));
    let texts = texts(&world, Kind::Advertiser, ADVERTISER, false);
    assert!(texts.iter().any(|row| amount(row).ends_with("00") && amount(row).contains('.')));
    assert!(texts.iter().any(|row| !amount(row).contains('.')));
    assert!(some(&advertiser, &|row| row.get("networkFee").is_none()));
    assert!(some(&advertiser, &|row| row.get("networkFee").is_some()));
    assert!(!some(&publisher, &|row| row.get("networkFee").is_some()));
    for status in ["pending", "approved", "declined", "deleted"] {
        assert!(some(&both, &|row| row["commissionStatus"] == status), "{status}");
    }
}

#[test]
fn the_parts_add_up_to_the_whole() {
    let world = busy_world();
    for row in rows(&world, Kind::Advertiser, ADVERTISER, false) {
        let parts = row["transactionParts"].as_array().expect("parts");
        let sum = parts.iter().map(|part| decimal(&part["amount"].to_string())).sum::<awin_sandbox::Decimal>();
        assert_eq!(sum, decimal(&row["saleAmount"]["amount"].to_string()), "{row}");
    }
}

#[test]
fn publishers_see_details_only_if_they_are_shared() {
    let mut world = busy_world();
    let hides = |row: &Value| row["orderRef"].is_null() && row["customParameters"].is_null() && row["basketProducts"].is_null();
    for shared in [true, false] {
        for programme in &mut world.programmes {
            programme.shares_details = shared;
        }
        assert_eq!(rows(&world, Kind::Publisher, PUBLISHER, true).iter().all(hides), !shared);
        assert!(!rows(&world, Kind::Advertiser, ADVERTISER, true).iter().all(hides));
    }
    assert!(rows(&world, Kind::Advertiser, ADVERTISER, false).iter().all(|row| row["basketProducts"].is_null()));
}

#[test]
fn unknown_keys_come_only_if_the_rules_say_so() {
    let mut world = quiet_world();
    world.sales.push(sale(1, "2026-03-01T00:00:00Z"));
    assert!(row(&world).get("loyalty").is_none());
    world.rules.unknown_keys = true;
    let row = row(&world);
    assert!(row["loyalty"]["club"].is_string() && row["amendDate"].is_null() && row.get("amendDate").is_some());
}

#[test]
fn a_sale_goes_its_way_from_pending_to_paid() {
    let amend = Event::Amend { sale: decimal("60.50"), commission: decimal("3"), reason: "returned".to_owned() };
    let mut world = quiet_world();
    world.sales.push(
        sale(1, "2026-01-01T00:00:00Z")
            .then(instant("2026-01-20T10:00:07Z"), Event::Approve)
            .then(instant("2026-01-10T00:00:00Z"), amend)
            .then(instant("2026-02-15T00:00:00Z"), Event::Pay { payment_id: 77 })
            .then(instant("2026-02-20T00:00:00Z"), Event::Delete),
    );
    let mut at = |now: &str| {
        world.clock = awin_sandbox::Clock::Fixed(instant(now));
        row(&world)
    };
    let new = at("2026-01-02T00:00:00Z");
    assert_eq!((&new["commissionStatus"], &new["amended"], &new["paymentId"]), (&"pending".into(), &false.into(), &0.into()));
    assert!(new["validationDate"].is_null() && new["oldSaleAmount"].is_null());

    let amended = at("2026-01-10T00:00:00Z");
    assert_eq!((&amended["commissionStatus"], &amended["amendReason"]), (&"pending".into(), &"returned".into()));
    assert_eq!(amended["saleAmount"]["amount"], 60.5);
    assert_eq!(amended["commissionAmount"]["amount"].to_string(), "3");
    assert_eq!(amended["oldSaleAmount"]["amount"], 100.0);
    assert_eq!(amended["oldCommissionAmount"]["amount"], 5.0);
    assert_eq!(amended["transactionParts"][0]["trackedParts"][0]["amount"], 100.0);

    let approved = at("2026-01-20T10:00:07Z");
    assert_eq!((&approved["commissionStatus"], &approved["paidToPublisher"]), (&"approved".into(), &false.into()));
    assert_eq!(approved["validationDate"], "2026-01-20T10:00:07");

    let paid = at("2026-02-15T00:00:00Z");
    assert_eq!((&paid["paidToPublisher"], &paid["paymentId"]), (&true.into(), &77.into()));
    assert_eq!(paid["validationDate"], approved["validationDate"]);

    let deleted = at("2026-02-20T00:00:00Z");
    assert_eq!((&deleted["commissionStatus"], &deleted["validationDate"]), (&"deleted".into(), &paid["validationDate"]));
}

#[test]
fn a_declined_sale_says_why() {
    let mut world = quiet_world();
    let reason = "\"late\" / \u{fc}ber\\\n".to_owned();
    let event = Event::Decline { reason: reason.clone() };
    world.sales.push(sale(1, "2026-01-01T00:00:00Z").then(instant("2026-02-01T00:00:00Z"), event));
    let row = row(&world);
    assert_eq!((&row["commissionStatus"], &row["declineReason"]), (&"declined".into(), &reason.into()));
    assert_eq!(row["validationDate"], "2026-02-01T00:00:00");
}

#[test]
fn stamps_are_local_and_can_be_cut_to_the_minute() {
    let sandbox = sandbox(|world| world.sales.push(sale(1, "2026-02-01T23:30:59Z")));
    let date = |zone: &str| {
        let more = format!("&timezone={zone}");
        let rows = transactions(&sandbox, "2026-02-01T12:00:00", "2026-02-03T00:00:00", &more).rows();
        rows[0]["transactionDate"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(date("UTC"), "2026-02-01T23:30:59");
    assert_eq!(date("Europe/Berlin"), "2026-02-02T00:30:59");
    assert_eq!(date("US/Pacific"), "2026-02-01T15:30:59");
    sandbox.world().rules.stamps = Stamps::Minutes;
    assert_eq!(date("Europe/Berlin"), "2026-02-02T00:30:00");
}
