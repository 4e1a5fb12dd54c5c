//! Input state, in every form in which runners hand it over.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::Failure;

/// The state blob per stream, and what was odd about the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputState {
    /// Stream name to state blob. Streams without state have no entry.
    pub streams: BTreeMap<String, Value>,
    /// What was passed over, each a sentence for a WARN.
    pub warnings: Vec<String>,
}

impl InputState {
    /// Reads the state file's text: a list of states, one state, whole STATE messages one per line, a map of stream names,
    /// or nothing at all.
    pub fn parse(text: &[u8]) -> Result<Self, Failure> {
        let mut state = Self::default();
        for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
            let value = value.map_err(|e| {
                let (line, column) = (e.line(), e.column());
                Failure::config(format!(
                    "The state is not JSON (line {line}, column {column}). Give the state of the last sync, or none to start over."
                ))
            })?;
            match value {
                Value::Null => {}
                Value::Array(entries) => entries.into_iter().try_for_each(|entry| state.entry(entry))?,
                entry => state.entry(entry)?,
            }
        }
        Ok(state)
    }

    fn entry(&mut self, entry: Value) -> Result<(), Failure> {
        let Value::Object(mut map) = entry else {
            return Err(Failure::config(
                "The state is neither a list of states nor a map of streams. Give the state of the last sync, or none to start over.",
            ));
        };
        let kind = map.get("type").and_then(Value::as_str).map(str::to_owned);
        match kind.as_deref() {
            Some("STATE") => match map.remove("state") {
                Some(inner) => self.entry(inner)?,
                None => self.warnings.push("A STATE message without `state` was ignored.".into()),
            },
            Some("STREAM") => self.stream(map.remove("stream")),
            Some("GLOBAL") => self.global(map.remove("global")),
            Some("LEGACY") => self.legacy(map.remove("data")),
            _ if map.contains_key("stream") && !map.contains_key("data") => self.stream(map.remove("stream")),
            _ if map.get("data").is_some_and(Value::is_object) => self.legacy(map.remove("data")),
            _ => self.legacy(Some(Value::Object(map))),
        }
        Ok(())
    }

    fn stream(&mut self, stream: Option<Value>) {
        match stream.map(super::StreamState::deserialize) {
            Some(Ok(entry)) => match entry.stream_state {
                Some(blob @ Value::Object(_)) => {
                    self.streams.insert(entry.stream_descriptor.name, blob);
                }
                Some(other) if !other.is_null() => {
                    // Not ours whatever it is; the stream itself will say so.
                    self.streams.insert(entry.stream_descriptor.name, other);
                }
                _ => {
                    self.streams.remove(&entry.stream_descriptor.name);
                }
            },
            _ => self.warnings.push("A STREAM state without a `stream_descriptor` was ignored.".into()),
        }
    }

    fn global(&mut self, global: Option<Value>) {
        let Some(Value::Object(mut global)) = global else {
            self.warnings.push("A GLOBAL state without `global` was ignored.".into());
            return;
        };
        if global.get("shared_state").is_some_and(|shared| !is_empty(shared)) {
            self.warnings.push("The shared part of a GLOBAL state was ignored; the streams' parts are used.".into());
        }
        if let Some(Value::Array(streams)) = global.remove("stream_states") {
            for stream in streams {
                self.stream(Some(stream));
            }
        }
    }

    fn legacy(&mut self, data: Option<Value>) {
        match data {
            Some(Value::Object(streams)) => {
                self.streams.extend(streams.into_iter().filter(|(_, blob)| !is_empty(blob)));
            }
            _ => self.warnings.push("A LEGACY state without a map of streams was ignored.".into()),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn streams(text: &str) -> BTreeMap<String, Value> {
        InputState::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}")).streams
    }

    /// Checklist 50: every form of input state gives the same result.
    #[test]
    fn every_form_of_state_is_read_alike() {
        let forms = [
            r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"},"stream_state":{"v":1}}}]"#,
            r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders","namespace":null},"stream_state":{"v":1}},"global":null,"global_":null,"data":null,"sourceStats":{"recordCount":10.0,"rejectedRecordCount":null},"destinationStats":null,"id":3}]"#,
            r#"[{"type":"GLOBAL","global":{"stream_states":[{"stream_descriptor":{"name":"orders"},"stream_state":{"v":1}}]}}]"#,
            r#"[{"type":"GLOBAL","global":{"shared_state":{"lsn":1},"stream_states":[{"stream_descriptor":{"name":"orders"},"stream_state":{"v":1}}]}}]"#,
            r#"[{"type":"LEGACY","data":{"orders":{"v":1}}}]"#,
            r#"[{"data":{"orders":{"v":1}}}]"#,
            r#"{"orders":{"v":1}}"#,
            r#"{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"},"stream_state":{"v":1}}}"#,
            "{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"orders\"},\"stream_state\":{\"v\":0}}}}\n{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"orders\"},\"stream_state\":{\"v\":1}}}}\n",
            r#"[{"stream":{"stream_descriptor":{"name":"orders"},"stream_state":{"v":1}}}]"#,
        ];
        for form in forms {
            assert_eq!(streams(form), BTreeMap::from([("orders".to_owned(), json!({"v": 1}))]), "{form}");
        }
    }

    #[test]
    fn every_form_of_no_state_is_no_state() {
        let forms = [
            "",
            " \n",
            "null",
            "[]",
            "{}",
            r#"[{"type":"GLOBAL","global":{"stream_states":[]}}]"#,
            r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"},"stream_state":null}}]"#,
            r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"}}}]"#,
        ];
        for form in forms {
            assert_eq!(streams(form), BTreeMap::new(), "{form}");
        }
    }

    #[test]
    fn the_last_of_two_states_of_a_stream_wins() {
        let two = r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"v":1}}},
                      {"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},"stream_state":{"v":2}}}]"#;
        assert_eq!(streams(two)["a"], json!({"v": 2}));
    }

    #[test]
    fn what_is_not_a_state_is_a_config_error_that_quotes_nothing() {
        for text in ["{", "[1]", "\"secret\"", "7"] {
            let failure = InputState::parse(text.as_bytes()).expect_err(text);
            assert_eq!(failure.kind, super::super::FailureKind::Config, "{text}");
            assert!(!failure.message.contains("secret"));
        }
    }
}
