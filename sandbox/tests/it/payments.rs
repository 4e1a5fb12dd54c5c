//! Payments and their breakdowns: they add up with the transactions that they pay.

use std::collections::BTreeMap;

use awin_sandbox::{Chronicle, Clock, Decimal, Decisions, Event, Kind, ProcessingDate, Sandbox, Throttle, World, instant};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{NOW, PUBLISHER, busy_world, get, parsed, sale, sandbox};

const PAYMENTS: &str = "/public/v1/publishers/500321/payments";

/// A number of an answer, with its digits.
fn exact(amount: &Value) -> Decimal {
    Decimal::from_str_exact(&amount["amount"].to_string()).unwrap_or_else(|error| panic!("{amount}: {error}"))
}

/// All rows of a list, page by page.
fn all(sandbox: &Sandbox, path: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    loop {
        let page = get(sandbox, &format!("{path}?limit=100&offset={}", rows.len())).results();
        let last = page.len() < 100;
        rows.extend(page);
        if last {
            return rows;
        }
    }
}

/// Commissions of the transactions by `paymentId`, as a publisher sees them.
fn paid_commissions(world: &World, publisher_id: u64) -> BTreeMap<u64, BTreeMap<u64, Decimal>> {
    let to = world.now().date_naive();
    let from = to - TimeDelta::days(700);
    let mut paid: BTreeMap<u64, BTreeMap<u64, Decimal>> = BTreeMap::new();
    for row in parsed(&world.truth_transactions(Kind::Publisher, publisher_id, "UTC", from, to, false)) {
        assert_eq!(row["paidToPublisher"] == true, row["paymentId"] != 0);
        if row["paidToPublisher"] == true {
            let payment = paid.entry(row["paymentId"].as_u64().expect("an id")).or_default();
            let advertiser = row["advertiserId"].as_u64().expect("an id");
            *payment.entry(advertiser).or_default() += exact(&row["commissionAmount"]);
        }
    }
    paid
}

/// Every payment is the sum of its breakdown, each part the sum of the transactions that name the payment; and no transaction
/// names another payment.
fn assert_adds_up(sandbox: &Sandbox, publisher_id: u64) -> usize {
    let path = format!("/public/v1/publishers/{publisher_id}/payments");
    let mut paid = paid_commissions(&sandbox.world(), publisher_id);
    let payments = all(sandbox, &path);
    for payment in &payments {
        let id = payment["paymentId"].as_u64().expect("an id");
        let parts = all(sandbox, &format!("{path}/{id}/breakdowns"));
        assert_eq!(parts, parsed(&sandbox.world().truth_payment_breakdowns(publisher_id, id)));
        assert_eq!(parts.iter().map(|part| exact(&part["payment"])).sum::<Decimal>(), exact(&payment["amount"]));
        let by_advertiser: BTreeMap<u64, Decimal> =
            parts.iter().map(|part| (part["advertiserId"].as_u64().expect("an id"), exact(&part["payment"]))).collect();
        assert_eq!(Some(by_advertiser), paid.remove(&id), "{payment}");
    }
    assert!(paid.is_empty(), "{paid:?}");
    assert_eq!(payments, parsed(&sandbox.world().truth_payments(publisher_id)));
    payments.len()
}

#[test]
fn a_payment_pays_the_commissions_of_that_time_by_advertiser() {
    let sandbox = sandbox(|world| {
        let pay = |payment_id| Event::Pay { payment_id };
        let at = instant("2026-03-01T10:00:00Z");
        let amended = Event::Amend { sale: 50.into(), commission: "2.505".parse().expect("a number"), reason: String::new() };
        world.sales.push(sale(1, "2026-01-05T00:00:00Z").then(instant("2026-02-01T00:00:00Z"), amended).then(at, pay(70)));
        let mut other = sale(2, "2026-01-06T00:00:00Z").then(at, pay(70));
        other.advertiser_id = 81_001;
        world.sales.push(other);
        world.sales.push(sale(3, "2026-01-07T00:00:00Z").then(instant("2026-03-11T10:00:00Z"), pay(71)));
        world.sales.push(sale(4, "2026-01-08T00:00:00Z"));
    });
    let old = json!({"paymentId": 70, "processingDate": "2026-03-01T10:00:00Z",
        "amount": {"amount": 7.505, "currency": "EUR"}, "paymentMethod": "BACS"});
    assert_eq!(get(&sandbox, PAYMENTS).results(), std::slice::from_ref(&old));
    let parts = get(&sandbox, &format!("{PAYMENTS}/70/breakdowns")).results();
    let part = |id: u64, name: &str, amount: f64| json!({"advertiserId": id, "advertiserName": name, "payment": {"amount": amount, "currency": "EUR"}});
    let shop = "Lampenladen \u{201e}Hell\u{201c} DE";
    assert_eq!(parts, [part(81_001, "Foreign Shop 81001", 5.0), part(90_210, shop, 2.505)], "the most first");

    assert_eq!(get(&sandbox, &format!("{PAYMENTS}/71/breakdowns")).status, 404, "not made yet");
    sandbox.world().clock = Clock::Fixed(instant("2026-03-11T10:00:00Z"));
    let rows = get(&sandbox, PAYMENTS).results();
    assert_eq!((&rows[0]["paymentId"], &rows[1]), (&71.into(), &old), "the newest first");
    let rows = parsed(&sandbox.world().truth_transactions(Kind::Publisher, PUBLISHER, "UTC", day(5), day(8), false));
    let flags: Vec<_> = rows.iter().map(|row| (row["paymentId"].as_u64(), row["paidToPublisher"] == true)).collect();
    assert_eq!(flags, [(Some(70), true), (Some(70), true), (Some(71), true), (Some(0), false)]);
}

fn day(day: u32) -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2026, 1, day).expect("a day")
}

#[test]
fn payments_come_newest_first_and_those_of_one_date_by_id() {
    let sandbox = sandbox(|world| {
        let times = ["2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T10:00:00Z", "2026-03-02T01:00:00Z"];
        for (id, at) in (10_u64..).zip(times) {
            world.sales.push(sale(id, "2026-01-05T00:00:00Z").then(instant(at), Event::Pay { payment_id: id }));
        }
        world.sales.push(sale(20, "2026-01-05T00:00:00Z").then(instant("2026-03-02T00:30:00Z"), Event::Pay { payment_id: 30 }));
    });
    let ids = || -> Vec<Value> {
        let rows = get(&sandbox, PAYMENTS).results();
        rows.iter().map(|row| row["paymentId"].clone()).collect()
    };
    assert_eq!(ids(), [13, 30, 11, 12, 10]);
    sandbox.world().public.processing_date = ProcessingDate::Day;
    assert_eq!(ids(), [30, 13, 12, 11, 10]);
    assert_eq!(get(&sandbox, PAYMENTS).results()[0]["processingDate"], "2026-03-02");
    sandbox.world().public.ids_as_text = true;
    assert_eq!(ids(), ["30", "13", "12", "11", "10"]);
}

#[test]
fn a_breakdown_of_equal_parts_goes_by_advertiser() {
    let sandbox = sandbox(|world| {
        for (id, advertiser) in [(1, 90_210), (2, 81_002), (3, 81_001)] {
            let mut sale = sale(id, "2026-01-05T00:00:00Z").then(instant(NOW), Event::Pay { payment_id: 7 });
            sale.advertiser_id = advertiser;
            world.sales.push(sale);
        }
    });
    let parts = get(&sandbox, &format!("{PAYMENTS}/7/breakdowns")).results();
    let ids: Vec<&Value> = parts.iter().map(|part| &part["advertiserId"]).collect();
    assert_eq!(ids, [81_001, 81_002, 90_210]);
}

#[test]
fn payments_of_the_demo_add_up_with_its_transactions() {
    let sandbox = Sandbox::start(busy_world());
    assert!(assert_adds_up(&sandbox, PUBLISHER) > 50, "each sale is paid by itself");
    sandbox.world().pay_twice_a_month();
    let payments = assert_adds_up(&sandbox, PUBLISHER);
    assert!((8..=24).contains(&payments), "up to eight paydays, three currencies: {payments}");
    sandbox.world().clock.advance(TimeDelta::days(45));
    let more = assert_adds_up(&sandbox, PUBLISHER) - payments;
    assert!((4..=9).contains(&more), "three paydays, three currencies: {more}");
}

#[test]
fn a_chronicle_can_be_paid_twice_a_month() {
    let chronicle = Chronicle {
        publisher_accounts: 2,
        partners: 4,
        sales_per_day: 6,
        deleted_percent: 5,
        ..Chronicle::new(3, Decisions::Spread)
    };
    let mut world = chronicle.build();
    world.throttle = Throttle::off();
    assert!(world.payments(600_001).is_empty());
    world.pay_twice_a_month();
    let sandbox = Sandbox::start(world);
    let mut counts = Vec::new();
    for _ in 0..3 {
        sandbox.world().clock.advance(TimeDelta::days(90));
        for publisher in [600_001, 600_002] {
            counts.push(assert_adds_up(&sandbox, publisher));
        }
    }
    assert_eq!(counts[4..], [23, 23], "since the 15th of October or so");
    let world = sandbox.world();
    for sale in &world.sales {
        let paid = sale.events.iter().filter(|(_, event)| matches!(event, Event::Pay { .. })).count();
        let approved = sale.events.iter().any(|(_, event)| *event == Event::Approve);
        assert!(paid <= 1 && (paid == 0 || approved));
        let end = world.now() + TimeDelta::days(400);
        assert!(paid == 1 || sale.state(end).status != awin_sandbox::Status::Approved, "{sale:?}");
    }
    let paid = |age: TimeDelta| {
        let paid_within = |it: &&awin_sandbox::Sale| it.state(it.created + age).payment_id.is_some();
        world.sales.iter().filter(paid_within).count() * 100 / world.sales.len()
    };
    assert!(paid(TimeDelta::days(60)) > 20 && paid(TimeDelta::days(120)) < 90, "at all ages");
}
