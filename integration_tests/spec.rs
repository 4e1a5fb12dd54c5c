//! `spec`: the form that runners show, and the rules that they check it by.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::support::setup::{bad_configs, changed, connector, properties, sandbox};
use crate::support::{Connector, Output};

/// The SPEC, by the binary.
fn spec() -> Value {
    let sandbox = sandbox();
    let answer = connector(&sandbox).run("spec").ok().of_type("SPEC");
    assert_eq!(answer.len(), 1);
    answer[0]["spec"].clone()
}

fn schema() -> Value {
    spec()["connectionSpecification"].clone()
}

/// Every schema in a schema, itself included: the properties, items and branches.
fn schemas(schema: &Value) -> Vec<&Value> {
    let mut found = vec![schema];
    let children = schema["properties"].as_object().into_iter().flat_map(Map::values);
    let branches = schema["oneOf"].as_array().into_iter().flatten();
    for child in children.chain(branches).chain(schema.get("items")) {
        found.extend(schemas(child));
    }
    found
}

/// [c21]
#[test]
fn the_first_line_is_the_spec_within_a_second_and_without_calls() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let before = Instant::now();
    let output = connector.run("spec").ok();
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    assert_eq!(output.lines[0]["type"], "SPEC");
    assert_eq!(output.of_type("SPEC").len(), 1);
    assert!(sandbox.calls().is_empty());
    let on_file: Value = serde_json::from_str(include_str!("../spec.json")).expect("JSON");
    assert_eq!(output.lines[0]["spec"], on_file);
}

/// [c22]
#[test]
fn the_spec_keeps_to_what_the_forms_of_all_runners_know() {
    let spec = spec();
    assert!(spec["documentationUrl"].as_str().is_some_and(|url| url.starts_with("https://")));
    let schema = &spec["connectionSpecification"];
    assert!(schema["$schema"].as_str().is_some_and(|draft| draft.contains("draft-07")));
    assert!(jsonschema::draft7::meta::is_valid(schema));
    assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(true)));
    assert!(
        schema["required"]
            .as_array()
            .is_some_and(|keys| keys.iter().all(|key| properties().contains_key(key.as_str().unwrap_or_default())))
    );
    for schema in schemas(schema) {
        for word in [
            "$ref",
            "not",
            "anyOf",
            "allOf",
            "patternProperties",
            "prefixItems",
            "if",
            "then",
            "else",
            "dependentSchemas",
            "dependentRequired",
            "definitions",
        ] {
            assert!(schema.get(word).is_none(), "`{word}` in {schema}");
        }
        assert_ne!(schema["additionalProperties"], false, "{schema}");
        match schema["type"].as_str().unwrap_or_else(|| panic!("not one type: {schema}")) {
            "object" => {
                assert!(schema["properties"].as_object().is_some_and(|map| !map.is_empty()) || schema["oneOf"].is_array());
            }
            "array" => assert!(["string", "number", "integer", "object"].iter().any(|name| schema["items"]["type"] == *name)),
            "string" | "integer" | "number" | "boolean" => {}
            other => panic!("type {other}"),
        }
        if let Some(values) = schema["enum"].as_array() {
            let distinct: BTreeSet<String> = values.iter().map(Value::to_string).collect();
            assert!(!values.is_empty() && distinct.len() == values.len(), "{schema}");
        }
        let valid = jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(schema).expect("a schema");
        let samples = schema["examples"].as_array().into_iter().flatten().chain(schema.get("default"));
        for sample in samples {
            assert!(valid.is_valid(sample), "{sample} is no {schema}");
        }
    }
}

/// [c23]
#[test]
fn every_credential_is_marked_as_a_secret() {
    let exact = [
        "access_token",
        "api_token",
        "certificate",
        "client_secret",
        "client_token",
        "credentials",
        "jwt",
        "key",
        "password",
        "refresh_token",
        "secret",
        "service_account",
        "service_account_info",
        "token",
    ];
    let ends = ["_token", "_secret", "password", "api_key", "apikey", "secret_key", "private_key", "access_key"];
    let mut secrets = Vec::new();
    for (key, property) in properties() {
        let sounds_secret = exact.contains(&key.as_str()) || ends.iter().any(|end| key.ends_with(end));
        if sounds_secret {
            assert_eq!(property["airbyte_secret"], true, "{key}");
            secrets.push(key);
        } else {
            assert!(property.get("airbyte_secret").is_none(), "{key}");
        }
    }
    assert_eq!(secrets, ["api_token"]);
    assert_eq!(schema()["properties"], Value::Object(properties()));
}

/// [c24]
#[test]
fn every_field_of_the_form_is_explained_and_has_its_place() {
    let schema = schema();
    let groups: Vec<&str> = schema["groups"].as_array().into_iter().flatten().filter_map(|group| group["id"].as_str()).collect();
    let mut orders = BTreeSet::new();
    for (key, property) in properties() {
        for text in ["title", "description"] {
            assert!(property[text].as_str().is_some_and(|text| text.len() > 3), "{key} has no {text}");
        }
        assert!(property["order"].as_u64().is_some_and(|order| orders.insert(order)), "{key}: {}", property["order"]);
        if let Some(group) = property.get("group") {
            assert!(group.as_str().is_some_and(|group| groups.contains(&group)), "{key}: {group}");
        }
        if property["pattern"].is_string() {
            assert!(property["pattern_descriptor"].is_string(), "{key}");
        }
        if key.ends_with("_date") {
            assert_eq!(property["format"], "date", "{key}");
            assert_eq!(property["pattern"], "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "{key}");
            assert_eq!(property["pattern_descriptor"], "YYYY-MM-DD", "{key}");
        }
        for inner in schemas(&property).into_iter().skip(1) {
            assert!(inner.get("group").is_none(), "a group within {key}");
        }
        if property["oneOf"].is_array() {
            let branches = property["oneOf"].as_array().expect("branches");
            let consts = |branch: &Value| -> Vec<String> {
                let fields = branch["properties"].as_object().expect("properties");
                fields.iter().filter(|(_, field)| field.get("const").is_some()).map(|(name, _)| name.clone()).collect()
            };
            let names: BTreeSet<Vec<String>> = branches.iter().map(consts).collect();
            assert!(names.len() == 1 && names.iter().all(|names| names.len() == 1), "{key}: {names:?}");
        } else {
            assert!(property.get("display_type").is_none(), "{key}");
        }
    }
    assert_eq!(orders, (0..orders.len() as u64).collect());
}

/// [c25]
#[test]
fn sample_configurations_validate_and_invalid_ones_fail_by_the_schema_alone() {
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .should_validate_formats(true)
        .build(&schema())
        .expect("a schema");
    let sample: Value = serde_json::from_str(include_str!("sample_config.json")).expect("JSON");
    let invalid: Value = serde_json::from_str(include_str!("invalid_config.json")).expect("JSON");
    let least = json!({"api_token": "x", "start_date": "2026-01-01"});
    for config in [&sample, &least] {
        assert!(
            validator.is_valid(config),
            "{:?}",
            validator.iter_errors(config).map(|error| error.to_string()).collect::<Vec<_>>()
        );
    }
    assert!(!validator.is_valid(&invalid));
    // What a form refuses, the connector refuses too, and the other way round; but for what no schema can say.
    let beyond =
        [json!({"end_date": "2026-11-15"}), json!({"publisher_ids": "99999999999999999999999999"}), json!({"api_token": "  "})];
    for (key, changes) in bad_configs() {
        if !beyond.contains(&changes) {
            let bad = changed(&json!({"api_token": "x", "start_date": "2026-11-16"}), &changes);
            assert!(!validator.is_valid(&bad), "{key}: {bad}");
        }
    }
    let sandbox = sandbox();
    let mut connector: Connector = connector(&sandbox);
    connector.config = invalid;
    assert_eq!(connector.check()["status"], "FAILED");
    connector.config =
        changed(&sample, &json!({"api_url": sandbox.url(), "api_token": "sandbox-token", "publisher_ids": "500321, 500322"}));
    assert_eq!(connector.check()["status"], "SUCCEEDED");
}

/// What of `new` would break a configuration that `old` allows.
fn breaking(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let names = |schema: &Value| -> BTreeSet<String> {
        schema["required"].as_array().into_iter().flatten().map(ToString::to_string).collect()
    };
    found.extend(names(new).difference(&names(old)).map(|key| format!("{key} is required now")));
    for (key, before) in old["properties"].as_object().into_iter().flatten() {
        let Some(after) = new["properties"].get(key) else {
            found.push(format!("{key} is gone"));
            continue;
        };
        for word in ["type", "format", "pattern", "default", "airbyte_secret"] {
            if before.get(word) != after.get(word) {
                found.push(format!("{word} of {key} changed"));
            }
        }
        for (before, after) in [(before, after), (&before["items"], &after["items"])] {
            let values = |schema: &Value| -> Option<BTreeSet<String>> {
                Some(schema["enum"].as_array()?.iter().map(ToString::to_string).collect())
            };
            match (values(before), values(after)) {
                (Some(before), Some(after)) if !before.is_subset(&after) => found.push(format!("values of {key} are gone")),
                (None, Some(_)) => found.push(format!("{key} has become a choice")),
                _ => {}
            }
        }
        let (minimum, maximum) = (|schema: &Value| schema["minimum"].as_i64(), |schema: &Value| schema["maximum"].as_i64());
        if minimum(after) > minimum(before)
            || maximum(before).is_none_or(|before| maximum(after).is_some_and(|after| after < before)) && maximum(after).is_some()
        {
            found.push(format!("the range of {key} is narrower"));
        }
    }
    found
}

/// [c26] `integration_tests/released/spec.json` is the `spec.json` of the last release, once there is one.
#[test]
fn no_configuration_of_the_last_release_breaks() {
    let new = schema();
    assert_eq!(breaking(&new, &new), Vec::<String>::new());
    let mut old = new.clone();
    old["required"] = json!(["api_token"]);
    old["properties"]["gone"] = json!({"type": "string"});
    old["properties"]["lookback_days"]["maximum"] = json!(500);
    old["properties"]["start_date"]["type"] = json!("integer");
    old["properties"]["regions"]["items"]["enum"] = json!(["AT", "XX"]);
    old["properties"]["stats_date_type"]["enum"] = json!(["transaction", "amendment"]);
    assert_eq!(breaking(&old, &new).len(), 6, "{:?}", breaking(&old, &new));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/released");
    if let Ok(text) = std::fs::read_to_string(folder.join("spec.json")) {
        let released: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(breaking(&released["connectionSpecification"], &new), Vec::<String>::new());
    }
}

/// [c21]
#[test]
fn the_spec_is_the_same_each_time() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let outputs: Vec<Output> = (0..2).map(|_| connector.run("spec").ok()).collect();
    assert_eq!(outputs[0].raw, outputs[1].raw);
}
