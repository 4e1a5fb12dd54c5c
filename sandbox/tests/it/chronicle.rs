//! Histories of nine months: their proportions, and that they can be played.

use std::collections::{BTreeMap, BTreeSet};

use awin_sandbox::{Chronicle, DateType, Decisions, Event, Kind, Report, Sale, Sandbox, Throttle, instant};
use chrono::{DateTime, Datelike, TimeDelta, Utc};

use crate::support::{get, parsed};

const ALL: [Decisions; 3] = [Decisions::Spread, Decisions::Batch, Decisions::Auto45];

fn decided(sale: &Sale) -> (DateTime<Utc>, bool) {
    let decision = |(at, event): &(DateTime<Utc>, Event)| match event {
        Event::Approve => Some((*at, true)),
        Event::Decline { .. } => Some((*at, false)),
        _ => None,
    };
    sale.events.iter().find_map(decision).expect("a decision")
}

#[test]
fn every_history_has_its_share_of_declined_amended_and_late_sales() {
    for decisions in ALL {
        let world = Chronicle::new(1, decisions).build();
        let sales = world.sales.len();
        assert_eq!(sales, (92 + 273 + 1) * 60);
        let percent = |is: &dyn Fn(&Sale) -> bool| {
            let count = world.sales.iter().filter(|sale| is(sale)).count();
            u32::try_from(count * 1000 / sales).expect("a share")
        };
        assert!((45..=55).contains(&percent(&|sale| !decided(sale).1)));
        assert!((25..=35).contains(&percent(&|sale| sale.events.iter().any(|it| matches!(it.1, Event::Amend { .. })))));
        assert!((16..=24).contains(&percent(&|sale| sale.visible_from > sale.created)));
        assert!(world.sales.iter().all(|sale| sale.visible_from <= sale.created + TimeDelta::days(10)));
        for sale in &world.sales {
            let last = decided(sale).0;
            assert!(sale.events.iter().all(|(at, _)| *at > sale.visible_from && *at <= last));
        }
    }
}

#[test]
fn decisions_are_spread_or_come_in_a_batch_or_after_45_days() {
    let spread = Chronicle::new(2, Decisions::Spread).build();
    let ages = spread.sales.iter().map(|sale| (decided(sale).0 - sale.created).num_days());
    let (young, old): (Vec<i64>, Vec<i64>) = ages.partition(|days| *days < 30);
    let share = young.len() * 100 / (young.len() + old.len());
    assert!((30..=36).contains(&share), "{share}");
    assert!(old.iter().all(|days| *days <= 120) && old.contains(&119));

    let batch = Chronicle::new(2, Decisions::Batch).build();
    for sale in &batch.sales {
        let (at, _) = decided(sale);
        let months = at.year() * 12 + at.month().cast_signed() - sale.created.year() * 12 - sale.created.month().cast_signed();
        let is_late = sale.visible_from > sale.created;
        assert!((months == 1 && at.day() == 5) || is_late, "{} {at}", sale.created);
    }

    let auto = Chronicle::new(2, Decisions::Auto45).build();
    assert!(auto.sales.iter().all(|sale| decided(sale).0 - sale.created == TimeDelta::days(45)));
}

#[test]
fn a_history_follows_from_its_seed() {
    let ids = |seed: u64| {
        let world = Chronicle { days: 5, ..Chronicle::new(seed, Decisions::Spread) }.build();
        world.sales.iter().map(|sale| (sale.id, sale.created, sale.events.clone())).collect::<Vec<_>>()
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}

#[test]
fn forty_accounts_sell_in_five_markets() {
    let chronicle = Chronicle { accounts: 40, markets: 5, days: 3, sales_per_day: 5, ..Chronicle::new(3, Decisions::Spread) };
    let world = chronicle.build();
    assert_eq!((world.accounts.len(), world.sales.len()), (40, 40 * (92 + 3 + 1) * 5));
    let ids: BTreeSet<u64> = world.sales.iter().map(|sale| sale.id).collect();
    assert_eq!(ids.len(), world.sales.len());
    let of = |account: u64| world.sales.iter().filter(|sale| sale.advertiser_id == account).count();
    assert!((90_210..90_250).all(|account| of(account) == 96 * 5));
    let sandbox = Sandbox::start(world);
    sandbox.world().throttle = Throttle::off();
    let regions = |account: u64| -> BTreeSet<String> {
        let path = format!("/advertisers/{account}/reports/publisher?startDate=2025-10-01&endDate=2025-12-31");
        get(&sandbox, &path).rows().iter().map(|row| row["region"].as_str().expect("a region").to_owned()).collect()
    };
    for account in [90_210, 90_249] {
        assert_eq!(regions(account), ["DE", "FR", "GB", "PL", "US"].map(str::to_owned).into());
    }
}

#[test]
fn sales_can_be_deleted_at_any_age() {
    let world = Chronicle { deleted_percent: 10, ..Chronicle::new(4, Decisions::Auto45) }.build();
    let ages: Vec<i64> = world
        .sales
        .iter()
        .filter_map(|sale| sale.events.last().filter(|it| it.1 == Event::Delete).map(|it| (it.0 - sale.created).num_days()))
        .collect();
    assert!((9..=11).contains(&(ages.len() * 100 / world.sales.len())));
    assert!(ages.iter().any(|days| *days < 10) && ages.iter().any(|days| *days > 390));
}

/// What a daily client with change lanes reads adds up to what the reports say in the end.
#[test]
fn nine_months_can_be_played_a_day_at_a_time() {
    let sandbox = Sandbox::start(Chronicle { sales_per_day: 5, ..Chronicle::new(5, Decisions::Spread) }.build());
    sandbox.world().throttle = Throttle::off();
    let mut approved: BTreeMap<u64, bool> = BTreeMap::new();
    for _ in 0..273 {
        sandbox.world().clock.advance(TimeDelta::days(1));
        let now = sandbox.world().now();
        let stamp = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S").to_string();
        let window = format!("startDate={}&endDate={}", stamp(now - TimeDelta::days(2)), stamp(now));
        for row in get(&sandbox, &format!("/advertisers/90210/transactions/?{window}&dateType=validation")).rows() {
            let is_approved = row["commissionStatus"] == "approved";
            approved.insert(row["id"].as_u64().expect("an id"), is_approved);
        }
    }
    let world = sandbox.world();
    assert_eq!(world.now(), instant("2026-10-01T05:00:00Z"));
    let day = instant("2026-03-01T00:00:00Z").date_naive();
    let rows = parsed(&world.truth_report(Report::Publisher, Kind::Advertiser, 90_210, None, day, DateType::Transaction, "UTC"));
    let confirmed: u64 = rows.iter().map(|row| row["confirmedNo"].as_u64().expect("a count")).sum();
    let ids = world.sales.iter().filter(|sale| sale.created.date_naive() == day).map(|sale| sale.id);
    assert_eq!(confirmed, ids.filter(|id| approved[id]).count() as u64);
}
