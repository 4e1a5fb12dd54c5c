//! Configured catalogs as the runners write them, each in its own way.

use serde_json::{Value, json};
use source_awin::commands::files;

use crate::discover::streams;
use crate::support::connector::catalog;
use crate::support::protocol::{assert_lives, assert_valid, essence};
use crate::support::setup::{HEART, connector, sandbox};
use crate::support::{Connector, Output};

fn read(connector: &Connector, catalog: &Value) -> Output {
    Output::of(&mut connector.read_command(catalog, None))
}

/// The catalog of the heart with `change` made to each stream.
fn with(change: impl Fn(&mut Value)) -> Value {
    let mut catalog = catalog(&HEART, "incremental");
    catalog["streams"].as_array_mut().expect("streams").iter_mut().for_each(change);
    catalog
}

/// [c56]
#[test]
fn a_stream_that_can_only_be_read_in_full_is_read_in_full_when_asked_otherwise() {
    let is_full = |stream: &Value| stream["supported_sync_modes"] == json!(["full_refresh"]);
    let offered: Vec<Value> = streams().into_iter().filter(is_full).collect();
    assert!(!offered.is_empty(), "no stream that can only be read in full is on offer");
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    for stream in offered {
        let name = stream["name"].as_str().expect("a name");
        let full = read(&connector, &catalog(&[name], "full_refresh")).ok();
        let mut incremental = catalog(&[name], "full_refresh");
        incremental["streams"][0]["sync_mode"] = json!("incremental");
        let asked = read(&connector, &incremental).ok();
        assert_eq!(asked.records(name), full.records(name), "{name}");
        assert!(!full.records(name).is_empty(), "{name}");
        assert!(asked.logs("WARN").iter().any(|text| text.contains(name)), "{name}: {:?}", asked.logs("WARN"));
        let again = connector.read(&[name], Some(&asked.state())).ok();
        assert_eq!(again.records(name), full.records(name), "{name} with its state");
        assert_lives(&again.lines);
    }
}

/// [c57]
#[test]
fn a_missing_null_or_empty_cursor_field_means_our_own() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let wanted = essence(&read(&connector, &catalog(&HEART, "incremental")).ok());
    for cursor in [json!(null), json!([])] {
        let catalog = with(|stream| stream["cursor_field"] = cursor.clone());
        assert_eq!(essence(&read(&connector, &catalog).ok()), wanted, "{cursor}");
    }
    let own = with(|stream| {
        let own = if stream["stream"]["name"] == "transactions" { "transactionDate" } else { "date" };
        stream["cursor_field"] = json!([own]);
    });
    assert_eq!(essence(&read(&connector, &own).ok()), wanted);
    assert!(wanted.iter().all(|line| line["log"]["level"] != "WARN"), "nothing to warn of");
}

/// [c58]
#[test]
fn a_cursor_field_that_cannot_be_used_is_warned_of_and_our_own_is_used() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let wanted = read(&connector, &catalog(&HEART, "incremental")).ok();
    for cursor in [json!(["nonsense"]), json!(["saleAmount", "amount"])] {
        let output = read(&connector, &with(|stream| stream["cursor_field"] = cursor.clone())).ok();
        for stream in HEART {
            assert_eq!(output.records(stream), wanted.records(stream), "{cursor}");
            let is_warned = |text: &String| text.contains(stream) && text.contains(cursor[0].as_str().unwrap_or_default());
            assert!(output.logs("WARN").iter().any(is_warned), "{stream}: {:?}", output.logs("WARN"));
        }
        assert_eq!(output.state(), wanted.state());
    }
}

/// [c59]
#[test]
fn extra_keys_nulls_and_foreign_schemas_are_accepted() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let wanted = essence(&read(&connector, &catalog(&HEART, "incremental")).ok());
    for schema in
        [json!({}), json!({"type": "object", "properties": {}}), json!({"type": "array", "x": [null]}), json!(null), json!(true)]
    {
        let catalog = with(|stream| stream["stream"]["json_schema"] = schema.clone());
        assert_eq!(essence(&read(&connector, &catalog).ok()), wanted, "{schema}");
    }
    let mut odd = with(|stream| {
        for key in [
            "primary_key",
            "generation_id",
            "minimum_generation_id",
            "sync_id",
            "destination_object_name",
            "include_files",
            "cursor_field",
        ] {
            stream[key] = Value::Null;
        }
        for key in ["namespace", "default_cursor_field", "source_defined_primary_key", "is_resumable", "is_file_based"] {
            stream["stream"][key] = Value::Null;
        }
        stream["estuary.dev/range"] = json!({"begin": "00000000"});
        stream["projections"] = json!([]);
        stream["stream"]["selected"] = json!(true);
    });
    odd["range"] = Value::Null;
    odd["tail"] = json!(false);
    assert_eq!(essence(&read(&connector, &odd).ok()), wanted);
    let bare = json!({"streams": HEART.map(|name| json!({"stream": {"name": name}, "sync_mode": "incremental"}))});
    assert_eq!(essence(&read(&connector, &bare).ok()), wanted);
}

/// [c60]
#[test]
fn every_destination_mode_is_accepted_and_an_illegal_sync_mode_is_a_config_error() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let wanted = essence(&read(&connector, &catalog(&HEART, "incremental")).ok());
    for mode in ["append", "overwrite", "append_dedup", "overwrite_dedup", "update", "soft_delete", "something_new"] {
        let catalog = with(|stream| stream["destination_sync_mode"] = json!(mode));
        assert_eq!(essence(&read(&connector, &catalog).ok()), wanted, "{mode}");
    }
    for mode in [json!("INVALID"), json!(""), json!(null), json!(7)] {
        let output = read(&connector, &with(|stream| stream["sync_mode"] = mode.clone()));
        assert_valid(&output);
        let errors = output.errors();
        assert_eq!((output.code, errors.len()), (Some(1), 1), "{mode}: {output:?}");
        assert_eq!(errors[0].1, "config_error");
        assert!(output.of_type("RECORD").is_empty());
    }
}

/// [c61]
#[test]
fn an_unknown_stream_is_an_error_and_the_others_are_read() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let wanted = connector.read(&HEART, None).ok();
    let bogus = "__AIRBYTE__stream_that_does_not_exist";
    for names in [["transactions", bogus, "stats_by_publisher", "stats_by_creative"], [bogus, HEART[0], HEART[1], HEART[2]]] {
        let output = connector.read(&names, None);
        assert_valid(&output);
        assert_lives(&output.lines);
        assert_eq!(output.code, Some(1));
        let errors = output.errors();
        assert_eq!((errors.len(), errors[0].0.as_str(), errors[0].1.as_str()), (1, bogus, "config_error"), "{errors:?}");
        assert_eq!(output.statuses(bogus).last().map(String::as_str), Some("INCOMPLETE"));
        for stream in HEART {
            assert_eq!(output.records(stream), wanted.records(stream));
            assert_eq!(output.statuses(stream).last().map(String::as_str), Some("COMPLETE"));
        }
    }
}

/// [c62]
#[test]
fn an_empty_catalog_is_read_without_a_call() {
    let sandbox = sandbox();
    let output = read(&connector(&sandbox), &json!({"streams": []})).ok();
    assert!(output.of_type("RECORD").is_empty() && output.of_type("STATE").is_empty() && output.of_type("TRACE").is_empty());
    assert!(sandbox.calls().is_empty());
}

/// Reading a file takes at most four times its size, whatever is in it.
#[test]
fn large_catalogs_and_states_take_little_memory() {
    const SIZE: usize = 4 << 20;
    let filled = |before: &str, piece: &str, after: &str| format!("{before}{}{after}", piece.repeat(SIZE / piece.len()));
    let stream = r#""stream":{"name":"transactions"},"sync_mode":"incremental""#;
    let part = r#"{"accountId":1,"accountType":"advertiser","from":"2026-01-01T00:00:00Z","through":"2026-01-01T00:00:00Z"},"#;
    let blob = filled(r#"{"version":1,"accounts":["#, part, r"{}]}");
    let state =
        format!(r#"{{"type":"STREAM","stream":{{"stream_descriptor":{{"name":"transactions"}},"stream_state":{blob}}}}}"#);
    let catalogs = [
        filled(&format!(r#"{{"streams":[{{{stream},"json_schema":["#), "{\"a\":0},", "0]}]}"),
        filled(r#"{"streams":["#, &format!("{{{stream}}},"), &format!("{{{stream}}}]}}")),
        filled("{", "\"a\":0,", "\"streams\":[]}"),
        filled("{\"streams\":[", "{},", "{}]}"),
        filled("[", "0,", "0]"),
    ];
    let states = [
        format!("[{state}]"),
        filled("{", "\"a\":0,", "\"b\":0}"),
        filled("[", "{},", "{}]"),
        filled("[", "0,", "0]"),
        filled("", "{\"type\":\"STATE\"}\n", ""),
    ];
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let assert_small = |text: &[u8], read: &dyn Fn(&std::path::Path)| {
        let file = connector.file("large", text);
        let most = allocation_counter::measure(|| read(&file)).bytes_max;
        let shown = String::from_utf8_lossy(&text[..80]).into_owned();
        assert!(most <= 4 * text.len() as u64, "{most} bytes for {} of {shown}", text.len());
    };
    for text in &catalogs {
        assert_small(text.as_bytes(), &|file| drop(files::catalog(file)));
    }
    for text in &states {
        assert_small(text.as_bytes(), &|file| drop(files::state(file)));
    }
    let utf16: Vec<u8> = catalogs[0].encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_small(&utf16, &|file| drop(files::catalog(file)));
    assert!(files::catalog(&connector.file("large", catalogs[0].as_bytes())).is_ok());
    assert_eq!(files::state(&connector.file("large", states[0].as_bytes())).expect("a state").streams.len(), 1);
}
