//! The state, in every form that runners have for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{each_element, each_member, explain_json};
use crate::protocol::{Descriptor, Failure};

/// The state blob per stream, and what was odd about the file.
#[derive(Debug, Clone, Default)]
pub struct InputState {
    /// Stream name to state blob. Streams without state have no entry.
    pub streams: BTreeMap<String, Box<RawValue>>,
    /// What was passed over, each a sentence for a WARN.
    pub warnings: Vec<String>,
}

const STATE_REMEDY: &str = "Give the state of the last sync. To start over, leave out `--state` or give `[]`.";

/// Unknown streams that are named, at most.
const MAX_NAMED: usize = 10;

impl InputState {
    /// Reads the state file's text: a list of states, one state, whole STATE messages one per line, a map of stream names,
    /// or nothing at all. Streams of which `is_known` is false are passed over.
    pub fn parse(text: &str, is_known: impl Fn(&str) -> bool) -> Result<Self, Failure> {
        let mut reader = StateReader { state: Self::default(), is_known, unknown: BTreeSet::new(), more: 0 };
        let mut read = Ok(());
        for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
            let value = value
                .map_err(|error| Failure::config(format!("The state is not JSON: {}. {STATE_REMEDY}", explain_json(&error))))?;
            if value.get() == "null" {
                continue;
            }
            let mut take = |entry| {
                if read.is_ok() {
                    read = reader.entry(entry);
                }
            };
            if !each_element(value, &mut take) {
                take(value);
            }
        }
        read?;
        Ok(reader.end())
    }
}

struct StateReader<K> {
    state: InputState,
    is_known: K,
    /// Names of unknown streams, and how many more there are.
    unknown: BTreeSet<String>,
    more: usize,
}

/// The members of a state that decide something, whatever its form.
#[derive(Default)]
struct StateEntry<'t> {
    kind: Option<String>,
    state: Option<&'t RawValue>,
    stream: Option<&'t RawValue>,
    global: Option<&'t RawValue>,
    data: Option<&'t RawValue>,
    /// What only other files have, or what is within a state.
    version: Option<&'t RawValue>,
    accounts: Option<&'t RawValue>,
    api_token: Option<&'t RawValue>,
    streams: Option<&'t RawValue>,
    bookmarks: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct StreamEntry<'t> {
    stream_descriptor: Descriptor,
    #[serde(borrow)]
    stream_state: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct GlobalEntry<'t> {
    #[serde(borrow)]
    shared_state: Option<&'t RawValue>,
    #[serde(borrow)]
    stream_states: Option<&'t RawValue>,
}

impl<K: Fn(&str) -> bool> StateReader<K> {
    fn entry(&mut self, object: &RawValue) -> Result<(), Failure> {
        let mut entry = StateEntry::default();
        let is_object = each_member(object, |name, value| match &*name {
            "type" => entry.kind = serde_json::from_str(value.get()).ok(),
            "state" => entry.state = Some(value),
            "stream" => entry.stream = Some(value),
            "global" => entry.global = Some(value),
            "data" => entry.data = Some(value),
            "version" => entry.version = Some(value),
            "accounts" => entry.accounts = Some(value),
            "api_token" => entry.api_token = Some(value),
            "streams" => entry.streams = Some(value),
            "bookmarks" => entry.bookmarks = Some(value),
            _ => {}
        });
        if !is_object {
            return Err(Failure::config(format!(
                "The state is neither a list of states nor a map of streams. {STATE_REMEDY} A first sync begins at `start_date`."
            )));
        }
        match entry.kind.as_deref() {
            Some("STATE") => match entry.state {
                Some(inner) => self.entry(inner)?,
                None => self.warn("A STATE message without `state` was ignored."),
            },
            Some("STREAM") => self.stream(entry.stream),
            Some("GLOBAL") => self.global(entry.global),
            Some("LEGACY") => self.legacy(entry.data),
            _ if entry.stream.is_some() && entry.data.is_none() => self.stream(entry.stream),
            _ if entry.data.is_some_and(|data| data.get().starts_with('{')) => self.legacy(entry.data),
            _ if entry.version.is_some() && entry.accounts.is_some_and(|accounts| accounts.get().starts_with('[')) => {
                return Err(Failure::config(
                    "The state file holds the `stream_state` of one stream without the stream's name. Give it with the name: `[{\"type\": \"STREAM\", \"stream\": {\"stream_descriptor\": {\"name\": \"transactions\"}, \"stream_state\": …}}]`. If you do not know which stream it is from, start over: leave out `--state`.",
                ));
            }
            _ if entry.bookmarks.is_some() => {
                return Err(Failure::config(format!("The state file holds the state of a Singer tap. {STATE_REMEDY}")));
            }
            _ if entry.api_token.is_some() => {
                return Err(Failure::config(format!("The state file holds a configuration. {STATE_REMEDY}")));
            }
            _ if entry.streams.is_some_and(|streams| streams.get().starts_with('[')) => {
                return Err(Failure::config(format!("The state file holds a catalog. {STATE_REMEDY}")));
            }
            _ => self.legacy(Some(object)),
        }
        Ok(())
    }

    fn stream(&mut self, stream: Option<&RawValue>) {
        let Some(entry) = stream.and_then(|stream| serde_json::from_str::<StreamEntry>(stream.get()).ok()) else {
            return self.warn("A STREAM state without a `stream_descriptor` was ignored.");
        };
        self.blob(&entry.stream_descriptor.name, entry.stream_state);
    }

    fn global(&mut self, global: Option<&RawValue>) {
        let Some(global) = global.and_then(|global| serde_json::from_str::<GlobalEntry>(global.get()).ok()) else {
            return self.warn("A GLOBAL state without `global` was ignored.");
        };
        if global.shared_state.is_some_and(|shared| !is_empty(shared)) {
            self.warn("The shared part of a GLOBAL state was ignored; the streams' parts are used.");
        }
        if let Some(streams) = global.stream_states {
            each_element(streams, |stream| self.stream(Some(stream)));
        }
    }

    fn legacy(&mut self, data: Option<&RawValue>) {
        let is_map = data.is_some_and(|data| each_member(data, |name, blob| self.blob(&name, Some(blob))));
        if !is_map {
            self.warn("A LEGACY state without a map of streams was ignored.");
        }
    }

    /// A blob of whatever kind is kept: if it is not ours, its stream says so.
    fn blob(&mut self, name: &str, blob: Option<&RawValue>) {
        if !(self.is_known)(name) {
            if self.unknown.len() < MAX_NAMED {
                self.unknown.insert(name.chars().take(100).collect());
            } else {
                self.more += 1;
            }
        } else if let Some(blob) = blob.filter(|blob| !is_empty(blob)) {
            self.state.streams.insert(name.to_owned(), blob.to_owned());
        } else {
            self.state.streams.remove(name);
        }
    }

    fn warn(&mut self, text: &str) {
        if !self.state.warnings.iter().any(|known| known == text) {
            self.state.warnings.push(text.to_owned());
        }
    }

    fn end(mut self) -> InputState {
        if !self.unknown.is_empty() {
            let mut names: Vec<String> = self.unknown.iter().map(|name| format!("`{name}`")).collect();
            if self.more > 0 {
                names.push(format!("and {} more", self.more));
            }
            let text = format!("The saved state contains unknown streams ({}); their entries are ignored.", names.join(", "));
            self.state.warnings.push(text);
        }
        self.state
    }
}

/// Nothing, or what other connectors write to say that there is no cursor, or that all was read.
fn is_empty(blob: &RawValue) -> bool {
    let mut is_foreign = true;
    let is_object = each_member(blob, |name, _| is_foreign &= name.starts_with("__ab_"));
    blob.get() == "null" || (is_object && is_foreign)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::FailureKind;

    fn parse(text: &str) -> InputState {
        InputState::parse(text, |name| name != "gone").unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    fn streams(text: &str) -> BTreeMap<String, Value> {
        let blob = |blob: &RawValue| serde_json::from_str(blob.get()).expect("JSON");
        parse(text).streams.iter().map(|(name, raw)| (name.clone(), blob(raw))).collect()
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
            r#"{"ord\u0065rs":{"v":1},"paid":{ },"open":{"__ab_full_refresh":true}}"#,
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
            r#"[{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"},"stream_state":{"__ab_no_cursor_state_message":true}}}]"#,
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
    fn unknown_streams_are_named_once_and_ignored() {
        let state = parse(r#"[{"type":"LEGACY","data":{"gone":{"v":1},"a":{"v":1}}},{"type":"LEGACY","data":{"gone":{"v":2}}}]"#);
        assert_eq!(state.streams.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(state.warnings, ["The saved state contains unknown streams (`gone`); their entries are ignored."]);
        let many: Vec<String> = (10..40).map(|n| format!("\"s{n}\":1")).collect();
        let state = InputState::parse(&format!("{{{}}}", many.join(",")), |_| false).expect("a map");
        assert!(state.warnings[0].ends_with("`s18`, `s19`, and 20 more); their entries are ignored."), "{:?}", state.warnings);
    }

    #[test]
    fn what_is_not_a_state_is_a_config_error_that_quotes_nothing() {
        for (text, wanted) in [
            ("{", "The state is not JSON: it ends in the middle of an object at line 1, column 1. "),
            ("[1]", "The state is neither a list of states nor a map of streams. "),
            ("\"secret\"", "The state is neither a list of states nor a map of streams. "),
            ("7", "The state is neither a list of states nor a map of streams. "),
            (
                r#"{"version":1,"accounts":[]}"#,
                "The state file holds the `stream_state` of one stream without the stream's name. ",
            ),
            (r#"{"api_token":"secret"}"#, "The state file holds a configuration. "),
            (r#"{"streams":[]}"#, "The state file holds a catalog. "),
            (r#"{"bookmarks":{"transactions":{}}}"#, "The state file holds the state of a Singer tap. "),
        ] {
            let failure = InputState::parse(text, |_| true).expect_err(text);
            assert_eq!(failure.kind, FailureKind::Config, "{text}");
            assert!(failure.message.starts_with(wanted) && !failure.message.contains("secret"), "{text}: {failure}");
        }
    }
}
