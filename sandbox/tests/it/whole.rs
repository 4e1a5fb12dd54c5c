//! The whole: histories, the truth against windows, the control endpoints.

use std::collections::BTreeMap;

use awin_sandbox::{Clock, Kind, Sandbox, World, instant};
use chrono::TimeDelta;
use serde_json::Value;

use crate::support::{ADVERTISER, NOW, PUBLISHER, busy_world, get, parsed, send, sorted};

#[test]
fn the_same_seed_makes_the_same_world_and_another_another() {
    let rows = |seed: u64| {
        let world = World::demo(seed, instant(NOW));
        let (from, to) = (instant("2025-01-01T00:00:00Z").date_naive(), world.now().date_naive());
        world.truth_transactions(Kind::Advertiser, ADVERTISER, "UTC", from, to, true)
    };
    assert_eq!(rows(1), rows(1));
    assert_ne!(rows(1), rows(2));
}

#[test]
fn touching_windows_cover_the_truth() {
    let sandbox = Sandbox::start(busy_world());
    for (kind, id) in [(Kind::Advertiser, ADVERTISER), (Kind::Publisher, PUBLISHER)] {
        let mut copied: BTreeMap<u64, Value> = BTreeMap::new();
        let mut start = instant("2025-11-01T00:00:00Z").date_naive();
        let last = instant("2026-03-31T00:00:00Z").date_naive();
        while start < last {
            let end = (start + TimeDelta::days(30)).min(last);
            let query = format!("startDate={start}T00:00:00&endDate={end}T00:00:00&timezone=US/Central");
            let rows = get(&sandbox, &format!("/{}s/{id}/transactions/?{query}", kind.name())).rows();
            copied.extend(rows.into_iter().map(|row| (row["id"].as_u64().expect("an id"), row)));
            start = end;
        }
        let from = instant("2025-11-01T00:00:00Z").date_naive();
        let to = last.pred_opt().expect("a day");
        let truth = parsed(&sandbox.world().truth_transactions(kind, id, "US/Central", from, to, false));
        assert!(truth.len() > 100);
        assert_eq!(sorted(copied.into_values().collect()), sorted(truth));
    }
}

#[test]
fn a_history_has_sales_late_in_coming_to_light_and_long_undecided() {
    let world = busy_world();
    assert!(world.sales.len() > 1_000);
    assert!(world.sales.iter().any(|sale| sale.visible_from > sale.created + TimeDelta::days(5)));
    assert!(world.sales.iter().all(|sale| sale.visible_from < sale.created + TimeDelta::days(11)));
    assert!(world.sales.iter().any(|sale| { sale.events.iter().any(|(at, _)| *at > sale.created + TimeDelta::days(120)) }));
    assert!(world.sales.iter().any(|sale| sale.created.timestamp() % 86_400 == 0));
    let ids: std::collections::BTreeSet<u64> = world.sales.iter().map(|sale| sale.id).collect();
    assert_eq!(ids.len(), world.sales.len());
}

#[test]
fn a_change_on_demand_changes_four_sales() {
    let sandbox = Sandbox::start(busy_world());
    sandbox.world().clock = Clock::Fixed(instant("2026-03-10T12:00:00Z"));
    let response = ureq::post(format!("{}/sandbox/change", sandbox.url())).send_empty();
    let text = response.expect("an answer").body_mut().read_to_string().expect("a body");
    let changes: Vec<Value> = serde_json::from_str(&text).expect("a list");
    let whats: Vec<&str> = changes.iter().filter_map(|change| change["what"].as_str()).collect();
    assert_eq!(whats, ["declined", "approved", "amended", "added"]);
    for change in &changes {
        let path = format!("/advertisers/{}/transactions?ids={}", change["advertiserId"], change["transactionId"]);
        let row = get(&sandbox, &path).rows().remove(0);
        match change["what"].as_str() {
            Some("amended") => assert_eq!(row["amended"], true),
            Some("added") => assert_eq!(row["transactionDate"], "2026-03-10T11:59:00"),
            Some(status) => {
                assert_eq!((&row["commissionStatus"], &row["validationDate"]), (&status.into(), &"2026-03-10T12:00:00".into()));
            }
            None => panic!("{change}"),
        }
    }
}

#[test]
fn nothing_happens_to_sales_in_a_world_that_stands_still() {
    let mut world = busy_world();
    world.clock = Clock::Fixed(instant("2026-03-10T12:00:00Z"));
    let (from, to) = (instant("2025-11-01T00:00:00Z").date_naive(), instant("2026-12-31T00:00:00Z").date_naive());
    let truth = |world: &World| world.truth_transactions(Kind::Advertiser, ADVERTISER, "UTC", from, to, false);
    let (before, mut left_alone) = (truth(&world), world.clone());
    world.stand_still();
    for world in [&mut world, &mut left_alone] {
        world.clock = Clock::Fixed(instant("2026-05-10T12:00:00Z"));
    }
    assert_eq!(truth(&world), before);
    assert_ne!(truth(&left_alone), before);
    assert_eq!(world.change_something().len(), 4);
}

#[test]
fn a_correction_on_demand_changes_two_approved_sales() {
    let sandbox = Sandbox::start(busy_world());
    sandbox.world().clock = Clock::Fixed(instant("2026-03-10T12:00:00Z"));
    let response = ureq::post(format!("{}/sandbox/correct", sandbox.url())).send_empty();
    let text = response.expect("an answer").body_mut().read_to_string().expect("a body");
    let changes: Vec<Value> = serde_json::from_str(&text).expect("a list");
    let rows: Vec<Value> = changes
        .iter()
        .map(|change| {
            get(&sandbox, &format!("/advertisers/{}/transactions?ids={}", change["advertiserId"], change["transactionId"]))
        })
        .map(|answer| answer.rows().remove(0))
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!((&changes[0]["what"], &rows[0]["commissionStatus"]), (&"amended".into(), &"approved".into()));
    assert_ne!(rows[0]["commissionAmount"], rows[0]["oldCommissionAmount"]);
    assert_eq!((&changes[1]["what"], &rows[1]["commissionStatus"]), (&"declined".into(), &"declined".into()));
    assert_eq!(rows[1]["validationDate"], "2026-03-10T12:00:00");
}

#[test]
fn the_truth_of_every_stream_can_be_asked_without_token() {
    let sandbox = Sandbox::start(busy_world());
    let truth = |stream: &str, query: &str| {
        send(ureq::get(format!("{}/sandbox/truth/{stream}?{query}", sandbox.url()))).expect("an answer")
    };
    for stream in [
        "transactions",
        "stats_by_publisher",
        "stats_by_creative",
        "stats_by_advertiser",
        "stats_by_campaign",
        "transaction_queries",
        "publishers",
        "programmes",
        "programme_details",
        "commission_groups",
        "payments",
        "payment_breakdowns",
        "partnerships",
        "billing_documents",
        "prepayment_changes",
        "offers",
        "commission_rates",
    ] {
        let rows = truth(stream, "from=2026-02-01&to=2026-02-07&timezone=Europe/Berlin").rows();
        assert!(!rows.is_empty(), "{stream}");
        assert!(rows.iter().all(|row| row["accountId"].is_u64()), "{stream}");
        if stream.starts_with("stats") {
            assert!(rows.iter().all(|row| row["date"].is_string()), "{stream}");
        }
    }
    assert!(truth("payment_breakdowns", "").rows().iter().all(|row| row["paymentId"].is_u64()));
    assert_eq!(truth("accounts", "").rows().len(), 5);
    let one = truth("transactions", &format!("from=2026-02-01&to=2026-02-07&accountId={PUBLISHER}")).rows();
    assert!(one.iter().all(|row| row["accountId"] == PUBLISHER && row["publisherId"] == PUBLISHER));
    assert_eq!(truth("transactions", "from=today").status, 400);
    assert_eq!(truth("nothing", "").status, 404);
    assert!(sandbox.calls().is_empty(), "asking for the truth is no call");
}

#[test]
fn the_calls_can_be_asked_for() {
    let sandbox = Sandbox::start(busy_world());
    get(&sandbox, "/accounts?type=publisher");
    let calls = send(ureq::get(format!("{}/sandbox/calls", sandbox.url()))).expect("an answer").rows();
    assert_eq!((&calls[0]["path"], &calls[0]["status"]), (&"/accounts".into(), &200.into()));
    assert_eq!(calls[0]["query"][0][1], "publisher");
}
