//! What holds for every line of every run, and what the order of a run's lines must be.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::Output;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(include_str!("../protocol_schema.json")).expect("JSON");
    jsonschema::draft7::new(&schema).expect("a JSON schema")
});

/// Asserts that each line is one JSON object, valid by the protocol, whole, without nulls and control characters.
#[track_caller]
pub fn assert_valid(output: &Output) {
    assert!(output.raw.is_empty() || output.raw.ends_with(b"\n"), "the last line is not whole");
    let text = std::str::from_utf8(&output.raw).expect("UTF-8");
    for (text, line) in text.lines().zip(&output.lines) {
        let shown: String = text.chars().take(400).collect();
        assert!(text.starts_with('{') && text.ends_with('}'), "no JSON object or not compact: {shown}");
        assert!(!text.chars().any(char::is_control), "a raw control character in {shown}");
        if let Err(error) = SCHEMA.validate(line) {
            panic!("{error} at {} in {shown}", error.instance_path());
        }
        assert_eq!(null_in(line), None, "a null in {shown}");
    }
    assert_eq!(text.lines().count(), output.lines.len());
}

/// The path of a null in the envelope; the data of a record may have them.
fn null_in(line: &Value) -> Option<String> {
    fn search(value: &Value, path: &str) -> Option<String> {
        match value {
            Value::Null => Some(path.to_owned()),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (format!("{path}/{key}"), value))
                .filter(|(path, _)| path != "/record/data")
                .find_map(|(path, value)| search(value, &path)),
            Value::Array(items) => items.iter().find_map(|item| search(item, &format!("{path}/-"))),
            _ => None,
        }
    }
    search(line, "")
}

/// What a line is about, if it is about a stream, and what it is.
pub fn event(line: &Value) -> Option<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match line["type"].as_str()? {
        "RECORD" => Some((text(&line["record"]["stream"]), "RECORD".to_owned())),
        "STATE" => Some((text(&line["state"]["stream"]["stream_descriptor"]["name"]), "STATE".to_owned())),
        "TRACE" if line["trace"]["type"] == "STREAM_STATUS" => {
            let status = &line["trace"]["stream_status"];
            let what = if status["reasons"].is_null() { text(&status["status"]) } else { "RATE_LIMITED".to_owned() };
            Some((text(&status["stream_descriptor"]["name"]), what))
        }
        _ => None,
    }
}

/// The events of each stream, in order.
pub fn events(lines: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (stream, what) in lines.iter().filter_map(event) {
        events.entry(stream).or_default().push(what);
    }
    events
}

/// Asserts the life of every stream of a run: STARTED, RUNNING, records and states, one end, nothing after it. A stream that
/// ends complete has a STATE behind its last RECORD.
#[track_caller]
pub fn assert_lives(lines: &[Value]) {
    for (stream, events) in events(lines) {
        let is_end = |what: &String| matches!(what.as_str(), "COMPLETE" | "INCOMPLETE");
        assert_eq!(events.iter().filter(|what| is_end(what)).count(), 1, "`{stream}` ends once: {events:?}");
        assert!(is_end(&events[events.len() - 1]), "`{stream}` says something after its end: {events:?}");
        let position = |what: &str| events.iter().position(|known| known == what);
        let started = events.iter().filter(|what| *what == "STARTED").count();
        assert!(started <= 1 && position("STARTED").unwrap_or(0) == 0, "`{stream}`: {events:?}");
        if let Some(record) = position("RECORD") {
            let running = position("RUNNING").unwrap_or_else(|| panic!("`{stream}` has records and never RUNNING"));
            assert!(position("STARTED") < Some(running) && running < record, "`{stream}`: {events:?}");
        }
        if events[events.len() - 1] == "COMPLETE" {
            let last = |what: &str| events.iter().rposition(|known| known == what);
            assert_eq!(position("STARTED"), Some(0), "`{stream}`: {events:?}");
            assert!(last("STATE").is_some() && last("STATE") > last("RECORD"), "`{stream}` has no last STATE: {events:?}");
        }
    }
}

/// Asserts that the counts on the STATEs of each stream are those of its RECORDs, written as a decimal fraction.
#[track_caller]
pub fn assert_counts(output: &Output) {
    let mut since: BTreeMap<String, u32> = BTreeMap::new();
    let text = String::from_utf8_lossy(&output.raw);
    for (line, text) in output.lines.iter().zip(text.lines()) {
        match event(line) {
            Some((stream, what)) if what == "RECORD" => *since.entry(stream).or_default() += 1,
            Some((stream, what)) if what == "STATE" => {
                let count = since.remove(&stream).unwrap_or_default();
                let wanted = format!("\"recordCount\":{count}}}");
                assert!(text.contains(&wanted), "`{stream}`: {count} records, but {text}");
            }
            _ => {}
        }
    }
    assert!(output.code != Some(0) || since.is_empty(), "records without a STATE behind them: {since:?}");
}

/// The lines without what differs from run to run and without DEBUG lines.
pub fn essence(output: &Output) -> Vec<Value> {
    let mut lines = output.lines.clone();
    lines.retain(|line| line["log"]["level"] != "DEBUG");
    for line in &mut lines {
        // What it took is the machine's.
        if let Some((said, _)) =
            line["log"]["message"].as_str().filter(|text| text.starts_with("Summary of ")).and_then(|text| text.rsplit_once("; "))
        {
            line["log"]["message"] = Value::from(said);
        }
        for body in ["record", "trace"] {
            if let Some(body) = line.get_mut(body).and_then(Value::as_object_mut) {
                body.remove("emitted_at");
            }
        }
    }
    lines
}
