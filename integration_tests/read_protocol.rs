//! `read`: the order of the messages, the records and the states.

use awin_sandbox::{Access, Account, Fault, FaultBody, FaultKind, Kind, Sandbox, Throttle, World, instant};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::{Value, json};

use crate::discover::streams;
use crate::support::connector::catalog;
use crate::support::protocol::{assert_counts, assert_lives, assert_valid, event, events};
use crate::support::setup::{HEART, connector, sandbox, serving, world};
use crate::support::{Connector, Output, exact};

/// A first sync of every stream on offer, with all that Awin may add.
pub fn whole_run() -> (Sandbox, Connector, Output) {
    let mut world = world();
    world.rules.unknown_keys = true;
    let sandbox = Sandbox::start(world);
    let connector = connector(&sandbox);
    let offered = streams();
    let names: Vec<&str> = offered.iter().filter_map(|stream| stream["name"].as_str()).collect();
    let output = connector.read(&names, None).ok();
    assert!(HEART.iter().all(|stream| output.records(stream).len() > 10));
    (sandbox, connector, output)
}

/// [c37] [c45] [c46]
#[test]
fn each_stream_starts_runs_and_ends_once_and_counts_its_records() {
    let (_sandbox, connector, first) = whole_run();
    let again = connector.read(&HEART, Some(&first.state())).ok();
    let full = Output::of(&mut connector.read_command(&catalog(&HEART, "full_refresh"), None)).ok();
    for output in [&first, &again, &full] {
        assert_valid(output);
        assert_lives(&output.lines);
        assert_counts(output);
        for stream in HEART {
            assert_eq!(output.statuses(stream), ["STARTED", "RUNNING", "COMPLETE"], "{stream}");
        }
    }
}

/// [c38]
#[test]
fn complete_comes_with_the_last_state_of_the_stream_and_not_at_the_end_of_the_run() {
    let (_sandbox, _connector, output) = whole_run();
    let events: Vec<(String, String)> = output.lines.iter().filter_map(event).collect();
    for stream in HEART {
        let state = events.iter().rposition(|event| *event == (stream.to_owned(), "STATE".to_owned()));
        let complete = events.iter().position(|event| *event == (stream.to_owned(), "COMPLETE".to_owned()));
        assert_eq!(state.map(|index| index + 1), complete, "{stream}: nothing between its last STATE and its end");
    }
}

/// [c39]
#[test]
fn exit_is_0_only_if_each_stream_is_complete() {
    for (path, failing) in [("/reports/publisher", "stats_by_publisher"), ("/transactions/", "transactions")] {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::on(path, FaultKind::Status(400, FaultBody::Json)));
        let output = connector(&sandbox).read(&HEART, None);
        assert_eq!(output.code, Some(1));
        assert_lives(&output.lines);
        for stream in HEART {
            let end = if stream == failing { "INCOMPLETE" } else { "COMPLETE" };
            assert_eq!(output.statuses(stream).last().map(String::as_str), Some(end), "{stream}");
        }
    }
}

/// [c40]
#[test]
fn only_streams_of_the_catalog_appear() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let state = connector.read(&HEART, None).ok().state();
    for stream in HEART {
        let output = connector.read(&[stream], Some(&state)).ok();
        let names: Vec<String> = events(&output.lines).into_keys().collect();
        assert_eq!(names, [stream]);
    }
}

/// [c41]
#[test]
fn no_record_is_empty_or_has_a_null_in_its_key() {
    let (_sandbox, _connector, output) = whole_run();
    for stream in streams() {
        let name = stream["name"].as_str().expect("a name");
        for row in output.records(name) {
            for path in stream["source_defined_primary_key"].as_array().expect("a key") {
                let value = row.get(path[0].as_str().expect("a name"));
                assert!(value.is_some_and(|value| value.is_string() || value.is_u64()), "{name}: {path} is {value:?}");
                assert_ne!(value, Some(&json!("")), "{name}: {path}");
            }
        }
    }
    for row in [r#"{"transactionDate":"2026-11-18T10:00:00"}"#, r#"{"id":null,"transactionDate":"2026-11-18T10:00:00"}"#, "{}"] {
        let output = connector(&serving(&format!("[{row}]"))).read(&["transactions"], None);
        assert_eq!((output.code, output.records("transactions").len()), (Some(1), 0), "{row}");
    }
}

/// Asserts that `value` is what `schema` says, strictly: an integer has no fraction, a stamp has the declared form.
fn assert_fits(path: &str, value: &Value, schema: &Value) {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        many => many.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    let is = |name: &str| types.contains(&name);
    let fits = match value {
        Value::Null => is("null"),
        Value::Bool(_) => is("boolean"),
        Value::Number(number) => is("number") || (is("integer") && (number.is_i64() || number.is_u64())),
        Value::String(text) => {
            let form = match (schema["format"].as_str(), schema["airbyte_type"].as_str()) {
                (Some("date"), _) => text.len() == 10 && text.parse::<NaiveDate>().is_ok(),
                (Some("date-time"), Some("timestamp_without_timezone")) => {
                    text.as_bytes().get(10) == Some(&b'T') && text.parse::<NaiveDateTime>().is_ok()
                }
                (Some("date-time"), _) => DateTime::parse_from_rfc3339(text).is_ok(),
                (format, _) => format.is_none(),
            };
            is("string") && form
        }
        Value::Array(items) => {
            for item in items {
                assert_fits(&format!("{path}[]"), item, &schema["items"]);
            }
            is("array")
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                match schema["properties"].get(name) {
                    Some(schema) => assert_fits(&format!("{path}.{name}"), value, schema),
                    None => assert!(path.contains('.'), "{path}.{name} is not declared"),
                }
            }
            is("object")
        }
    };
    assert!(fits, "{path} is {value}, but {schema}");
}

/// [c42]
#[test]
fn records_match_the_schema_of_discover_strictly() {
    let (_sandbox, _connector, output) = whole_run();
    for stream in streams() {
        let name = stream["name"].as_str().expect("a name");
        for row in output.records(name) {
            assert_fits(name, &exact::plain(&Value::Object(row)), &stream["json_schema"]);
        }
    }
}

/// [c43]
#[test]
fn the_namespace_is_that_of_the_catalog() {
    let sandbox = sandbox();
    let connector = connector(&sandbox).with("advertiser_ids", "90210");
    let (mut with, mut null) = (catalog(&HEART[..2], "incremental"), catalog(&HEART[..2], "incremental"));
    for index in 0..2 {
        with["streams"][index]["stream"]["namespace"] = json!("shop \"ü\"");
        null["streams"][index]["stream"]["namespace"] = Value::Null;
    }
    for (catalog, namespace) in [(catalog(&HEART[..2], "incremental"), None), (null, None), (with, Some(json!("shop \"ü\"")))] {
        let output = Output::of(&mut connector.read_command(&catalog, None)).ok();
        assert_valid(&output);
        let mut seen = 0;
        for line in &output.lines {
            let places = [
                &line["record"],
                &line["state"]["stream"]["stream_descriptor"],
                &line["trace"]["stream_status"]["stream_descriptor"],
            ];
            for place in places.into_iter().filter(|place| place.is_object()) {
                assert_eq!(place.get("namespace"), namespace.as_ref(), "{line}");
                seen += 1;
            }
        }
        assert!(seen > 20);
    }
}

/// [c44]
#[test]
fn every_stream_has_a_state_also_without_rows_and_in_full_refresh() {
    let mut empty = World::empty(instant("2026-11-20T15:30:00Z"));
    let publisher = Account {
        id: 500_321,
        name: "Blog".into(),
        kind: Kind::Publisher,
        role: "userViewer".into(),
        access: Access::Ok,
        listed: true,
    };
    empty.throttle = Throttle::off();
    empty.accounts.push(publisher);
    let offered = streams();
    let names: Vec<&str> = offered.iter().filter_map(|stream| stream["name"].as_str()).collect();
    for (world, rows) in [(empty, false), (world(), true)] {
        let sandbox = Sandbox::start(world);
        for mode in ["incremental", "full_refresh"] {
            let output = Output::of(&mut connector(&sandbox).read_command(&catalog(&names, mode), None)).ok();
            assert_valid(&output);
            for stream in HEART {
                assert_eq!(!output.records(stream).is_empty(), rows, "{stream}");
            }
            for stream in &names {
                let states = output.states(stream);
                assert!(!states.is_empty(), "{stream} in {mode}");
                assert!(
                    states.iter().all(|state| state["stream"]["stream_state"].as_object().is_some_and(|blob| !blob.is_empty()))
                );
            }
        }
    }
}
