//! `discover`: the same catalog each time, with schemas that every runner understands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::protocol::assert_valid;
use crate::support::setup::{HEART, bad_configs, changed, connector, sandbox};

/// The streams that the binary offers.
pub fn streams() -> Vec<Value> {
    let sandbox = sandbox();
    let answers = connector(&sandbox).run("discover").ok().of_type("CATALOG");
    assert_eq!(answers.len(), 1);
    answers[0]["catalog"]["streams"].as_array().expect("streams").clone()
}

/// [c32]
#[test]
fn the_catalog_is_one_line_and_the_same_each_time_without_calls() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let first = connector.run("discover").ok();
    assert_eq!(first.of_type("CATALOG").len(), 1);
    assert_eq!(first.raw, connector.run("discover").ok().raw);
    assert_valid(&first);
    assert!(sandbox.calls().is_empty());
}

/// The types of a schema, and whether null is one of them.
fn types(schema: &Value) -> (Vec<&str>, bool) {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        other => panic!("no type: {other}"),
    };
    let nullable = types.contains(&"null");
    (types.into_iter().filter(|name| *name != "null").collect(), nullable)
}

/// Asserts the rules of a column and of what is in it.
fn assert_column(path: &str, schema: &Value, is_key: bool) {
    let (names, nullable) = types(schema);
    assert_eq!(names.len(), 1, "{path}: one type beside null");
    assert!(nullable || is_key, "{path} is not nullable");
    for word in ["$ref", "allOf", "anyOf", "not", "oneOf", "required", "definitions", "if"] {
        assert!(schema.get(word).is_none(), "`{word}` in {path}");
    }
    match names[0] {
        "object" => {
            assert_eq!(schema["additionalProperties"], true, "{path}");
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                assert_column(&format!("{path}.{name}"), field, false);
            }
        }
        "array" => assert_column(&format!("{path}[]"), &schema["items"], false),
        "string" => match schema["format"].as_str() {
            Some("date-time") => {
                let kinds = ["timestamp_with_timezone", "timestamp_without_timezone"];
                assert!(kinds.iter().any(|kind| schema["airbyte_type"] == *kind), "{path}");
            }
            Some("date") | None => assert!(schema.get("airbyte_type").is_none(), "{path}"),
            Some(other) => panic!("{path} has format {other}"),
        },
        "integer" | "number" | "boolean" => assert!(schema.get("format").is_none(), "{path}"),
        other => panic!("{path} is of type {other}"),
    }
}

/// [c33]
#[test]
fn schemas_are_objects_of_nullable_columns_without_clever_keywords() {
    let streams = streams();
    let names: BTreeSet<&str> = streams.iter().filter_map(|stream| stream["name"].as_str()).collect();
    assert_eq!(names.len(), streams.len(), "names are unique");
    for stream in &streams {
        let name = stream["name"].as_str().expect("a name");
        let schema = &stream["json_schema"];
        assert!(jsonschema::draft7::meta::is_valid(schema), "{name}");
        assert!(schema["$schema"].as_str().is_some_and(|draft| draft.contains("draft-07")), "{name}");
        assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(true)), "{name}");
        assert!(schema.get("required").is_none() && schema.get("$ref").is_none(), "{name}");
        let columns = schema["properties"].as_object().expect("properties");
        assert!(columns.len() > 3, "{name}");
        let keys: Vec<&str> = stream["source_defined_primary_key"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|path| path[0].as_str())
            .chain(stream["default_cursor_field"][0].as_str())
            .collect();
        for (column, schema) in columns {
            assert_column(&format!("{name}.{column}"), schema, keys.contains(&column.as_str()));
        }
    }
    for name in HEART {
        assert!(names.contains(name), "{name}");
    }
}

/// [c34]
#[test]
fn cursors_and_keys_are_scalar_columns_and_incremental_streams_are_resumable() {
    for stream in streams() {
        let columns = stream["json_schema"]["properties"].as_object().expect("properties");
        let scalar = |path: &Value| {
            let path = path.as_array().expect("a path");
            assert_eq!(path.len(), 1, "{path:?}");
            let column = columns.get(path[0].as_str().expect("a name")).unwrap_or_else(|| panic!("no column {path:?}"));
            assert!(["string", "integer"].contains(&types(column).0[0]), "{path:?}: {column}");
        };
        let keys = stream["source_defined_primary_key"].as_array().expect("every stream has a key");
        keys.iter().for_each(scalar);
        let modes: Vec<&str> =
            stream["supported_sync_modes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert!(modes.contains(&"full_refresh"), "{}", stream["name"]);
        let incremental = modes.contains(&"incremental");
        if incremental {
            assert_eq!(modes[0], "incremental", "the first mode is the default of some runners");
            assert_eq!(stream["is_resumable"], true, "{}", stream["name"]);
            scalar(&stream["default_cursor_field"]);
        }
        if stream["is_resumable"] == true {
            assert_eq!(stream["source_defined_cursor"], true, "{}", stream["name"]);
        }
        assert!(stream.get("namespace").is_none());
    }
}

/// [c35] Meltano's wrapper takes only the first column of a key: the destination that it loads must keep every row, also with
/// accounts on both sides of the same sales.
#[test]
fn the_first_column_of_each_key_keeps_all_rows_of_five_accounts_of_both_sides_apart() {
    let sandbox = sandbox();
    let offered = streams();
    let names: Vec<&str> = offered.iter().filter_map(|stream| stream["name"].as_str()).collect();
    let output = connector(&sandbox).read(&names, None).ok();
    let accounts: BTreeSet<String> = output.records("accounts").iter().map(|row| row["accountType"].to_string()).collect();
    assert_eq!((output.records("accounts").len(), accounts.len()), (5, 2));
    let distinct =
        |name: &str, column: &str| output.records(name).iter().map(|row| row[column].to_string()).collect::<BTreeSet<_>>().len();
    for stream in &offered {
        let name = stream["name"].as_str().expect("a name");
        let key = stream["source_defined_primary_key"].as_array().expect("a key");
        assert_eq!(key.len(), 1, "{name}: one column");
        let rows = output.records(name).len();
        assert!(rows > 0, "{name} is empty");
        assert_eq!(distinct(name, key[0][0].as_str().expect("a name")), rows, "{name}");
    }
    assert!(distinct("transactions", "id") < output.records("transactions").len(), "some sales are seen from both sides");
}

/// What of `new` takes something away from a table that `old` describes.
fn taken_away(old: &[Value], new: &[Value]) -> Vec<String> {
    let by_name = |streams: &[Value]| -> BTreeMap<String, Value> {
        streams.iter().map(|stream| (stream["name"].to_string(), stream.clone())).collect()
    };
    let new = by_name(new);
    let mut found = Vec::new();
    for (name, before) in by_name(old) {
        let Some(after) = new.get(&name) else {
            found.push(format!("stream {name}"));
            continue;
        };
        for key in ["source_defined_primary_key", "default_cursor_field"] {
            if before.get(key) != after.get(key) {
                found.push(format!("{key} of {name}"));
            }
        }
        for (column, was) in before["json_schema"]["properties"].as_object().into_iter().flatten() {
            match after["json_schema"]["properties"].get(column) {
                None => found.push(format!("{name}.{column}")),
                Some(is) if ["type", "format", "airbyte_type"].iter().any(|word| was.get(word) != is.get(word)) => {
                    found.push(format!("type of {name}.{column}"));
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// [c36] `integration_tests/released/catalog.json` is the CATALOG's `catalog` of the last release, once there is one.
#[test]
fn no_table_of_the_last_release_loses_anything() {
    let new = streams();
    assert_eq!(taken_away(&new, &new), Vec::<String>::new());
    let mut old = new.clone();
    old[0]["json_schema"]["properties"]["gone"] = json!({"type": ["null", "string"]});
    old[0]["json_schema"]["properties"]["id"]["type"] = json!("string");
    old[1]["default_cursor_field"] = json!(["day"]);
    old.push(json!({"name": "gone", "json_schema": {"properties": {}}}));
    assert_eq!(taken_away(&old, &new).len(), 4, "{:?}", taken_away(&old, &new));
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/released/catalog.json");
    if let Ok(text) = std::fs::read_to_string(file) {
        let released: Value = serde_json::from_str(&text).expect("JSON");
        let released = released["streams"].as_array().expect("streams").clone();
        assert_eq!(taken_away(&released, &new), Vec::<String>::new());
    }
}

/// [c4] [c66]
#[test]
fn every_bad_value_stops_discover_with_a_config_error_that_names_its_key() {
    let sandbox = sandbox();
    let mut connector = connector(&sandbox);
    let good = connector.config.clone();
    for (key, changes) in bad_configs() {
        connector.config = changed(&good, &changes);
        let output = connector.run("discover");
        let errors = output.errors();
        assert_eq!((output.code, errors.len(), output.stderr.as_str()), (Some(1), 1, ""), "{changes}: {output:?}");
        assert_eq!((errors[0].0.as_str(), errors[0].1.as_str()), ("", "config_error"), "{changes}");
        assert!(errors[0].2.contains(&format!("`{key}`")), "{changes}: {errors:?}");
        assert!(output.of_type("CATALOG").is_empty());
    }
}
