//! The small world and the bad input that most protocol tests share.

use awin_sandbox::{Chronicle, Decisions, Demo, Event, Fault, FaultKind, Sandbox, Throttle, World, instant};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::Connector;

/// The streams that every kind of test can read.
pub const HEART: [&str; 3] = ["transactions", "stats_by_publisher", "stats_by_creative"];
/// First day of [`connector`].
pub const START: &str = "2026-11-16";

/// Three advertisers and two publishers, three weeks of sales, a payment to each, no throttle; rows come in the same order at each
/// call.
pub fn world() -> World {
    let mut demo = Demo::new(5, instant("2026-11-20T15:30:00Z"));
    demo.days_back = 20;
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world.rules.shuffle = false;
    for publisher_id in [500_321, 500_322] {
        let before = instant("2026-11-10T00:00:00Z");
        let id = world.sales.iter().find(|sale| sale.publisher_id == publisher_id && sale.created < before).map(|sale| sale.id);
        let sale = world.sales.get_mut(id.expect("a sale")).expect("the sale");
        sale.events.clear();
        sale.happens(instant("2026-11-12T08:00:00Z"), Event::Approve);
        sale.happens(instant("2026-11-17T10:00:00Z"), Event::Pay { payment_id: 7_000_000 + publisher_id });
    }
    world
}

pub fn sandbox() -> Sandbox {
    Sandbox::start(world())
}

/// A connector for the last five days of one market. Its minute is a real one, so that nothing depends on how fast the
/// machine is.
pub fn connector(sandbox: &Sandbox) -> Connector {
    let mut connector = Connector::new(sandbox, START).with("regions", json!(["DE"])).with("lookback_days", 2);
    connector.minute_ms = 60_000;
    connector
}

/// A sandbox that answers every call for transactions with `body`.
pub fn serving(body: &str) -> Sandbox {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("/transactions/", FaultKind::WrongShape(body.to_owned())));
    sandbox
}

/// A row of transactions with the least that a row has, and `more`.
pub fn row(id: u64, more: &str) -> String {
    format!(r#"{{"id":{id},"transactionDate":"2026-11-18T10:00:00","commissionStatus":"pending"{more}}}"#)
}

/// `config` with the keys of `changes`; a null takes a key out.
pub fn changed(config: &Value, changes: &Value) -> Value {
    let mut map: Map<String, Value> = config.as_object().expect("an object").clone();
    for (key, value) in changes.as_object().expect("an object") {
        map.insert(key.clone(), value.clone());
        if value.is_null() {
            map.shift_remove(key);
        }
    }
    Value::Object(map)
}

/// The properties of the configuration, from `spec.json` as it is in the repository.
pub fn properties() -> Map<String, Value> {
    let spec: Value = serde_json::from_str(include_str!("../../spec.json")).expect("JSON");
    spec["connectionSpecification"]["properties"].as_object().expect("an object").clone()
}

/// Changes that make a configuration bad, each with the key that the message must name.
pub fn bad_configs() -> Vec<(String, Value)> {
    let mut bad: Vec<(String, Value)> = Vec::new();
    // Every key with values of types that mean nothing there.
    for (key, property) in properties() {
        let wrong = match property["type"].as_str().expect("one type") {
            "string" => vec![json!({"a": 1}), json!(true)],
            "integer" => vec![json!({"a": 1}), json!("many"), json!([3]), json!(true), json!(2.5)],
            "boolean" => vec![json!({"a": 1}), json!("perhaps"), json!(7)],
            "array" => vec![json!({"a": 1}), json!(3), json!(true), json!([[]])],
            other => panic!("no wrong values for {other}"),
        };
        bad.extend(wrong.into_iter().map(|value| (key.clone(), json!({ (key.as_str()): value }))));
        if let Some(minimum) = property["minimum"].as_i64() {
            bad.push((key.clone(), json!({ (key.as_str()): minimum - 1 })));
        }
        if let Some(maximum) = property["maximum"].as_i64() {
            bad.push((key.clone(), json!({ (key.as_str()): maximum + 1 })));
        }
        if property["enum"].is_array() {
            bad.push((key.clone(), json!({ (key.as_str()): "nonsense" })));
        }
    }
    for (key, value) in [
        ("api_token", json!(null)),
        ("api_token", json!("")),
        ("api_token", json!("  ")),
        ("start_date", json!(null)),
        ("start_date", json!("2026-02-30")),
        ("start_date", json!("01/02/2026")),
        ("start_date", json!("yesterday")),
        ("start_date", json!("2026-11-16T07:30:00Z")),
        ("end_date", json!("2026-13-01")),
        ("end_date", json!("2026-11-15")),
        ("timezone", json!("Mars/Olympus")),
        ("regions", json!(["DE", "XX"])),
        ("advertiser_ids", json!("90210,x")),
        ("advertiser_ids", json!("-5")),
        ("publisher_ids", json!("99999999999999999999999999")),
        ("api_url", json!("http://api.awin.com")),
        ("api_url", json!("ftp://localhost")),
        ("api_url", json!("no address")),
    ] {
        bad.push((key.to_owned(), json!({ (key): value })));
    }
    bad
}

/// An advertiser with so many partners on 20 June 2026, half a year old and without a sale.
pub fn quiet_half_year(partners: u32) -> World {
    let begin = instant("2026-06-20T15:30:00Z");
    let first_day = (begin - TimeDelta::days(180)).date_naive();
    let chronicle = Chronicle { first_day, begin, sales_per_day: 0, partners, ..Chronicle::new(7, Decisions::Spread) };
    let mut world = chronicle.build();
    world.throttle = Throttle::off();
    world
}
