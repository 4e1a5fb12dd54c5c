//! `read`: what the states say, and what becomes of states that come in.

use std::collections::{BTreeMap, BTreeSet};

use awin_sandbox::{Sandbox, instant};
use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value, json};

use crate::read_protocol::whole_run;
use crate::support::connector::{catalog, state_after};
use crate::support::protocol::{assert_lives, assert_valid, event};
use crate::support::setup::{HEART, START, connector, sandbox, world};
use crate::support::{Connector, Output};

/// [c48]
#[test]
fn reading_again_sends_nothing_new_and_little_again() {
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("start_date", "2026-11-05");
    let first = connector.read(&HEART, None).ok();
    let again = connector.read(&HEART, Some(&first.state())).ok();
    let third = connector.read(&HEART, Some(&again.state())).ok();
    for stream in HEART {
        let known: BTreeSet<String> = first.records(stream).into_iter().map(|row| Value::Object(row).to_string()).collect();
        for output in [&again, &third] {
            assert!(!output.states(stream).is_empty());
            for row in output.records(stream) {
                assert!(known.contains(&Value::Object(row.clone()).to_string()), "{row:?} is new");
                if stream != "transactions" {
                    continue;
                }
                // The lane of validations reaches as far back as its rows are old.
                let is_recent = |field: &&str| row.get(*field).and_then(Value::as_str) >= Some("2026-11-18");
                let recent = ["validationDate", "transactionDate"].iter().any(is_recent);
                assert!(recent || row.get("amended") == Some(&json!(true)), "{row:?} is older than the look-back");
            }
        }
    }
    // What was sent and has not changed stays home; the first run had no lists of changes to remember.
    assert!(again.records("transactions").len() < first.records("transactions").len());
    assert_eq!(third.records("transactions").len(), 0);
    // What the lists name again, and the clock has not moved: the day that is not over is all that is read.
    for stream in &HEART[1..] {
        let days: BTreeSet<String> =
            third.records(stream).iter().filter_map(|row| row["date"].as_str().map(str::to_owned)).collect();
        assert!(days.iter().all(|day| day.as_str() >= "2026-11-18"), "{stream}: {days:?}");
    }
}

fn blob(accounts: &Value) -> Value {
    json!({"version": 1, "mode": "incremental", "syncId": 0, "timezone": "UTC", "dateType": "", "checkpoint": 3, "accounts": accounts})
}

fn state(stream: &str, blob: &Value) -> Value {
    json!([{"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": blob}}])
}

/// [c49]
#[test]
fn absurd_states_give_no_rows_or_a_clear_error_and_never_a_panic() {
    let sandbox = sandbox();
    let part = |from: &str, through: &str| {
        json!([{"accountId": 90210, "accountType": "advertiser", "from": from, "through": through,
            "lanes": [{"lane": "validation", "through": through, "over": false}, {"lane": "nonsense", "through": from}]}])
    };
    let (early, late) = ("-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59.999999999Z");
    let mut blobs = Vec::new();
    for (from, through) in [
        ("2026-11-16T00:00:00Z", "9999-12-31T23:59:59-23:59"),
        ("2026-11-16T00:00:00Z", late),
        (early, late),
        (early, early),
        (late, early),
        ("0000-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z"),
        ("2026-11-19T00:00:00Z", "2026-11-17T00:00:00Z"),
        ("2026-11-31T00:00:00Z", "yesterday"),
    ] {
        blobs.push(blob(&part(from, through)));
    }
    for accounts in [json!(null), json!({}), json!([7]), json!([{}]), json!("x"), json!([{"accountId": -1}])] {
        blobs.push(blob(&accounts));
    }
    blobs.extend([json!({"version": 0}), json!({"version": 999}), json!({"version": "1"}), json!({"cursor": "2026-01-01"})]);
    blobs.extend([json!([1, 2]), json!("2026-01-01"), json!(7), json!(true), json!({"version": 1})]);
    for zone in ["UTC", "US/Pacific", "Europe/Berlin"] {
        let connector = connector(&sandbox).with("advertiser_ids", "90210").with("timezone", zone);
        for mut blob in blobs.clone() {
            if blob.get("timezone").is_some() {
                blob["timezone"] = json!(zone);
            }
            let output = connector.read(&["transactions"], Some(&state("transactions", &blob)));
            assert_valid(&output);
            assert_lives(&output.lines);
            assert_eq!(output.stderr, "");
            assert!(output.logs("FATAL").is_empty(), "{blob}: {:?}", output.errors());
            if output.code == Some(0) {
                assert!(!output.states("transactions").is_empty(), "{blob}");
            } else {
                let errors = output.errors();
                assert_eq!((errors.len(), errors[0].1.as_str()), (1, "config_error"), "{blob}: {errors:?}");
                assert!(errors[0].2.contains("Refresh the stream `transactions`"), "{errors:?}");
            }
        }
    }
}

/// [c49] [c51]
#[test]
fn the_sample_state_is_read_and_the_abnormal_one_gives_no_rows() {
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("advertiser_ids", "90210").with("publisher_ids", "500321");
    let sample: Value = serde_json::from_str(include_str!("sample_state.json")).expect("JSON");
    let abnormal: Value = serde_json::from_str(include_str!("abnormal_state.json")).expect("JSON");
    let mut sampled = connector.config.clone();
    sampled["start_date"] = json!("2026-01-01");
    let sampled = Connector {
        config: sampled,
        folder: tempfile::tempdir().expect("a folder"),
        now: connector.now.clone(),
        minute_ms: 60_000,
    };
    for stream in &HEART[..2] {
        assert!(!sampled.read(&[stream], Some(&sample)).ok().records(stream).is_empty());
        let output = connector.read(&[stream], Some(&abnormal)).ok();
        assert_eq!(output.records(stream).len(), 0, "{stream}");
        assert!(!output.states(stream).is_empty());
    }
}

/// [c50]
#[test]
fn every_form_of_input_state_gives_the_same_result() {
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("start_date", "2026-11-05");
    let first = connector.read(&HEART[..2], None).ok();
    let state = first.state();
    let entries: Vec<Value> = state.as_array().expect("a list").iter().map(|entry| entry["stream"].clone()).collect();
    let mut nulls = state.clone();
    for entry in nulls.as_array_mut().expect("a list") {
        for key in ["global", "data", "destinationStats"] {
            entry[key] = Value::Null;
        }
        entry["stream"]["stream_descriptor"]["namespace"] = Value::Null;
        entry["unknown"] = json!({"a": 1});
    }
    let map: Map<String, Value> = entries
        .iter()
        .map(|entry| (entry["stream_descriptor"]["name"].as_str().expect("a name").to_owned(), entry["stream_state"].clone()))
        .collect();
    let lines: Vec<String> =
        state.as_array().expect("a list").iter().map(|state| json!({"type": "STATE", "state": state}).to_string()).collect();
    let mut twice = state.as_array().expect("a list").clone();
    twice.insert(0, first.states("transactions")[0].clone());
    let forms = [
        state.to_string(),
        nulls.to_string(),
        json!([{"type": "GLOBAL", "global": {"stream_states": entries}}]).to_string(),
        json!([{"type": "GLOBAL", "global": {"shared_state": {"lsn": 1}, "stream_states": entries}}]).to_string(),
        json!([{"type": "LEGACY", "data": map}]).to_string(),
        Value::Object(map).to_string(),
        lines.join("\n"),
        Value::Array(twice).to_string(),
    ];
    let read = |text: &str| {
        let file = connector.file("state in some form", text.as_bytes());
        let output = Output::of(connector.read_command(&catalog(&HEART[..2], "incremental"), None).arg("--state").arg(file)).ok();
        let rows: Vec<_> = HEART[..2].iter().map(|stream| output.records(stream)).collect();
        rows
    };
    let wanted = read(&forms[0]);
    assert!(wanted.iter().all(|rows| !rows.is_empty()));
    for form in &forms[1..] {
        assert_eq!(read(form), wanted, "{form}");
    }
    let nothing = read("[]");
    assert!(nothing.iter().zip(&wanted).all(|(all, some)| all.len() > some.len()));
    for form in
        ["", "{}", "null", r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"transactions"},"stream_state":null}}]"#]
    {
        assert_eq!(read(form), nothing, "{form}");
    }
}

/// [c51]
#[test]
fn states_of_unknown_streams_are_ignored() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let mut state = connector.read(&HEART, None).ok().state();
    let wanted = connector.read(&HEART, Some(&state)).ok();
    let odd = json!({"type": "STREAM", "stream": {"stream_descriptor": {"name": "gone"}, "stream_state": [1, "x"]}});
    state.as_array_mut().expect("a list").push(odd);
    let output = connector.read(&HEART, Some(&state)).ok();
    for stream in HEART {
        assert_eq!(output.records(stream), wanted.records(stream));
    }
    assert_eq!(state_after(&output.lines), state_after(&wanted.lines));
}

/// The keys of an object and of what is in it; entries of arrays all count as one.
fn keys(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| keys(&format!("{path}/{key}"), value, found)),
        Value::Array(items) => drop(found.insert(format!("{path} ({})", usize::from(items.is_empty()).min(1)))),
        _ => drop(found.insert(path.to_owned())),
    }
}

/// [c52] [c53]
#[test]
fn states_have_a_fixed_set_of_keys_and_differ_whenever_rows_lie_between() {
    let (_sandbox, connector, first) = whole_run();
    let again = connector.read(&HEART, Some(&first.state())).ok();
    let lines: Vec<Value> = first.lines.iter().chain(&again.lines).cloned().collect();
    let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    let mut rows: BTreeMap<String, u32> = BTreeMap::new();
    for line in &lines {
        match event(line) {
            Some((stream, what)) if what == "RECORD" => *rows.entry(stream).or_default() += 1,
            Some((stream, what)) if what == "STATE" => {
                let blob = &line["state"]["stream"]["stream_state"];
                assert!(!blob.to_string().contains("null"), "{blob}");
                let mut shape = BTreeSet::new();
                keys("", blob, &mut shape);
                // Whether an array is empty may change; which keys there are may not.
                let shape: BTreeSet<String> =
                    shape.iter().map(|key| key.split(" (").next().unwrap_or_default().to_owned()).collect();
                assert_eq!(*shapes.entry(stream.clone()).or_insert_with(|| shape.clone()), shape, "{stream}");
                let before = last.insert(stream.clone(), blob.clone());
                if rows.remove(&stream).is_some() {
                    assert_ne!(before.as_ref(), Some(blob), "{stream}");
                }
            }
            _ => {}
        }
    }
    assert!(shapes.len() >= 3 && shapes["transactions"].len() > 4, "{shapes:?}");
}

/// [c54]
#[test]
fn the_point_reached_never_moves_back_nor_past_now_and_late_rows_are_still_found() {
    let mut world = world();
    let mut late = world.sales.iter().find(|sale| sale.advertiser_id == 90_210).expect("a sale").clone();
    late.id = 77_777;
    late.created = instant("2026-11-19T10:00:00Z");
    late.visible_from = instant("2026-11-20T20:00:00Z");
    late.events.clear();
    world.sales.push(late);
    let sandbox = Sandbox::start(world);
    let mut connector = connector(&sandbox).with("advertiser_ids", "90210");
    let first = connector.read(&["transactions"], None).ok();
    let has_late = |output: &Output| output.records("transactions").iter().any(|row| row["id"] == 77_777);
    assert!(!has_late(&first));
    sandbox.world().clock.advance(chrono::TimeDelta::hours(6));
    connector.sees_clock_of(&sandbox);
    let second = connector.read(&["transactions"], Some(&first.state())).ok();
    assert!(has_late(&second), "a row that showed after its moment had been read");
    let mut reached: Option<DateTime<FixedOffset>> = None;
    for (output, now) in [(&first, "2026-11-20T15:30:00Z"), (&second, "2026-11-20T21:30:00Z")] {
        for state in output.states("transactions") {
            let through = state["stream"]["stream_state"]["accounts"][0]["through"].as_str().map(str::to_owned);
            let Some(through) = through else { continue };
            let through = DateTime::parse_from_rfc3339(&through).expect("a stamp");
            assert!(through <= instant(now) && reached <= Some(through), "{through} after {reached:?}");
            reached = Some(through);
        }
    }
    assert!(reached > Some(instant(&format!("{START}T00:00:00Z")).into()));
}
