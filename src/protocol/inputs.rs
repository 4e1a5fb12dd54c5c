//! What the runner hands over: the configured catalog and the state, in every form in which runners write them.
//!
//! Both files may be large (foreign schemas, whole logs of STATE messages), so they are read as they stream by: what decides
//! nothing is passed over, never kept. A catalog is read as leniently as the runners differ: only `stream.name` and
//! `sync_mode` decide anything.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{Descriptor, Failure};

/// How a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Everything, each time.
    FullRefresh,
    /// What is new or may have changed since the state.
    Incremental,
}

/// What the runner wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredCatalog {
    /// In the order of the file.
    pub streams: Vec<ConfiguredStream>,
}

/// One stream of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredStream {
    /// The stream.
    pub stream: Descriptor,
    /// How to read it.
    pub sync_mode: SyncMode,
    /// Path of the cursor that the user chose; empty when the runner sends none.
    pub cursor_field: Vec<String>,
    /// Number of the job, from runners that can refresh: the same in all attempts of one job.
    pub sync_id: Option<i64>,
}

/// More than any catalog has, and few enough to be kept.
const MAX_STREAMS: usize = 1000;

const CATALOG_REMEDY: &str = "Give the configured catalog of the runner.";

impl ConfiguredCatalog {
    /// Reads the catalog file's text.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if text.trim().is_empty() {
            return Err(Failure::config(format!("The catalog is empty. {CATALOG_REMEDY}")));
        }
        match serde_json::from_str::<CatalogFile>(text) {
            Ok(CatalogFile { streams: Some(streams), .. }) => Ok(Self { streams: streams.0? }),
            Ok(CatalogFile { catalog: Some(streams), .. }) => Ok(Self { streams: streams.streams.0? }),
            Ok(CatalogFile { api_token: Some(_), .. }) => {
                Err(Failure::config("The catalog file holds a configuration. Give that with `--config`, and a catalog here."))
            }
            Err(error) if error.classify() != Category::Data => {
                Err(Failure::config(format!("The catalog is not JSON: {}. {CATALOG_REMEDY}", explain_json(&error))))
            }
            Ok(_) => Err(Failure::config("The catalog has no `streams`. Give the configured catalog of the runner.")),
            Err(_) if !text.trim_start().starts_with('{') => {
                Err(Failure::config(format!("The catalog is not a JSON object. {CATALOG_REMEDY}")))
            }
            Err(error) => Err(Failure::config(format!(
                "The catalog does not have the form of a configured catalog (line {}, column {}). Each entry of `streams` needs a `stream` with a `name`, and a `sync_mode`.",
                error.line(),
                error.column()
            ))),
        }
    }
}

/// What is wrong with a JSON text, and where, without quoting any of it.
pub(crate) fn explain_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = if error.is_data() { "a value of the wrong type" } else { text.strip_suffix(&place).unwrap_or(&text) };
    format!("{what} at line {}, column {}", error.line(), error.column())
}

#[derive(Deserialize)]
struct CatalogFile {
    streams: Option<CatalogStreams>,
    /// In the message of `discover`.
    catalog: Option<InnerCatalog>,
    api_token: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct InnerCatalog {
    streams: CatalogStreams,
}

struct CatalogStreams(Result<Vec<ConfiguredStream>, Failure>);

/// An entry of a configured catalog, or, with a name of its own, of `discover`.
#[derive(Deserialize)]
struct CatalogEntry<'t> {
    stream: Option<Descriptor>,
    name: Option<String>,
    #[serde(borrow)]
    sync_mode: Option<&'t RawValue>,
    supported_sync_modes: Option<Vec<SyncMode>>,
    cursor_field: Option<Vec<String>>,
    sync_id: Option<i64>,
}

impl CatalogEntry<'_> {
    fn configured(self) -> Result<ConfiguredStream, Failure> {
        let nameless = || Failure::config(format!("A stream of the catalog has no `stream` with a `name`. {CATALOG_REMEDY}"));
        let (stream, sync_mode) = match (self.stream, self.name) {
            (None, Some(name)) => {
                let is_incremental = self.supported_sync_modes.is_some_and(|modes| modes.contains(&SyncMode::Incremental));
                let mode = if is_incremental { SyncMode::Incremental } else { SyncMode::FullRefresh };
                (Descriptor { name, namespace: None }, mode)
            }
            (stream, _) => {
                let stream = stream.ok_or_else(nameless)?;
                let mode = self.sync_mode.and_then(|mode| serde_json::from_str(mode.get()).ok());
                let mode = mode.ok_or_else(|| {
                    let given = self.sync_mode.map_or("missing", RawValue::get);
                    let shown: String = given.chars().take(100).collect();
                    let name = &stream.name;
                    Failure::config(format!(
                        "`sync_mode` of stream `{name}` is {shown}. Set it to `full_refresh` or `incremental`."
                    ))
                })?;
                (stream, mode)
            }
        };
        Ok(ConfiguredStream { stream, sync_mode, cursor_field: self.cursor_field.unwrap_or_default(), sync_id: self.sync_id })
    }
}

impl<'de> Deserialize<'de> for CatalogStreams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut streams = Ok(Vec::new());
        deserializer.deserialize_seq(Elements::new(|entry: CatalogEntry<'de>| {
            let Ok(known) = &mut streams else { return };
            match entry.configured() {
                Ok(_) if known.len() == MAX_STREAMS => {
                    streams = Err(Failure::config(format!("The catalog has more than {MAX_STREAMS} streams. {CATALOG_REMEDY}")));
                }
                Ok(stream) => known.push(stream),
                Err(failure) => streams = Err(failure),
            }
        }))?;
        Ok(Self(streams))
    }
}

/// Hands the elements of an array on one by one.
struct Elements<T, F>(F, PhantomData<T>);

impl<T, F: FnMut(T)> Elements<T, F> {
    fn new(take: F) -> Self {
        Self(take, PhantomData)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Elements<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}

/// Hands the members of an object on one by one.
struct Members<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((Key(name), value)) = members.next_entry()? {
            (self.0)(name, value);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Key<'t>(#[serde(borrow)] Cow<'t, str>);

/// Calls `take` with each member of `object`. False if it is not an object.
fn each_member<'t>(object: &'t RawValue, take: impl FnMut(Cow<'t, str>, &'t RawValue)) -> bool {
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Members(take)).is_ok()
}

/// Calls `take` with each element of `array`. False if it is not an array.
fn each_element<'t>(array: &'t RawValue, take: impl FnMut(&'t RawValue)) -> bool {
    serde_json::Deserializer::from_str(array.get()).deserialize_seq(Elements::new(take)).is_ok()
}

/// The state blob per stream, and what was odd about the file.
#[derive(Debug, Clone, Default)]
pub struct InputState {
    /// Stream name to state blob. Streams without state have no entry.
    pub streams: BTreeMap<String, Box<RawValue>>,
    /// What was passed over, each a sentence for a WARN.
    pub warnings: Vec<String>,
}

const STATE_REMEDY: &str = "Give the state of the last sync, or none to start over.";

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
            _ => {}
        });
        if !is_object {
            return Err(Failure::config(format!("The state is neither a list of states nor a map of streams. {STATE_REMEDY}")));
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
                    "The state file holds the `stream_state` of one stream without the stream's name. Give the whole state: `[{\"type\": \"STREAM\", \"stream\": {\"stream_descriptor\": {\"name\": …}, \"stream_state\": …}}]`.",
                ));
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

    use super::super::FailureKind;
    use super::*;

    /// Checklist 57, 59, 60: what Meltano, `PyAirbyte`, the acceptance tests and Estuary send.
    #[test]
    fn catalogs_of_all_runners_are_read() {
        for text in [
            r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"incremental","destination_sync_mode":"append"}]}"#,
            r#"{"streams":[{"stream":{"name":"a","namespace":null,"json_schema":{},"x":1},"sync_mode":"incremental","cursor_field":null,"primary_key":null,"generation_id":null,"sync_id":null,"destination_sync_mode":"overwrite_dedup"}]}"#,
            r#"{"streams":[{"stream":{"name":"a","json_schema":{"type":"array"}},"sync_mode":"incremental","cursor_field":[],"estuary.dev/range":{"begin":"0"},"projections":[]}],"range":null}"#,
            r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"incremental","destination_sync_mode":"soft_delete","sync_id":7}]}"#,
            r#"{"streams":[{"name":"a","json_schema":{},"supported_sync_modes":["incremental","full_refresh"]}]}"#,
            r#"{"type":"CATALOG","catalog":{"streams":[{"name":"a","supported_sync_modes":["incremental","full_refresh"]}]}}"#,
        ] {
            let catalog = ConfiguredCatalog::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
            let stream = &catalog.streams[0];
            assert_eq!(stream.stream, Descriptor { name: "a".into(), namespace: None });
            assert_eq!((stream.sync_mode, &stream.cursor_field), (SyncMode::Incremental, &vec![]), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_catalog_is_a_config_error_that_says_what_is_wrong() {
        let many = format!(
            r#"{{"streams":[{}{{"stream":{{"name":"a"}},"sync_mode":"incremental"}}]}}"#,
            r#"{"stream":{"name":"a"},"sync_mode":"incremental"},"#.repeat(MAX_STREAMS)
        );
        for (text, wanted) in [
            ("", "The catalog is empty. Give the configured catalog of the runner."),
            (
                "{",
                "The catalog is not JSON: EOF while parsing an object at line 1, column 1. Give the configured catalog of the runner.",
            ),
            ("[]", "The catalog is not a JSON object. Give the configured catalog of the runner."),
            ("null", "The catalog is not a JSON object. Give the configured catalog of the runner."),
            ("\"secret\"", "The catalog is not a JSON object. Give the configured catalog of the runner."),
            ("{}", "The catalog has no `streams`. Give the configured catalog of the runner."),
            (
                r#"{"streams":{}}"#,
                "The catalog does not have the form of a configured catalog (line 1, column 11). Each entry of `streams` needs a `stream` with a `name`, and a `sync_mode`.",
            ),
            (
                r#"{"streams":[{"stream":"secret"}]}"#,
                "The catalog does not have the form of a configured catalog (line 1, column 30). Each entry of `streams` needs a `stream` with a `name`, and a `sync_mode`.",
            ),
            (
                r#"{"streams":[{}]}"#,
                "A stream of the catalog has no `stream` with a `name`. Give the configured catalog of the runner.",
            ),
            (
                r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"INVALID"},{}]}"#,
                "`sync_mode` of stream `a` is \"INVALID\". Set it to `full_refresh` or `incremental`.",
            ),
            (
                r#"{"streams":[{"stream":{"name":"a"}}]}"#,
                "`sync_mode` of stream `a` is missing. Set it to `full_refresh` or `incremental`.",
            ),
            (
                r#"{"api_token":"secret","start_date":"2026-01-01"}"#,
                "The catalog file holds a configuration. Give that with `--config`, and a catalog here.",
            ),
            (&many, "The catalog has more than 1000 streams. Give the configured catalog of the runner."),
        ] {
            let failure = ConfiguredCatalog::parse(text).expect_err(text);
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Config, wanted), "{text}");
        }
    }

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
            ("{", "The state is not JSON: EOF while parsing an object at line 1, column 1. "),
            ("[1]", "The state is neither a list of states nor a map of streams. "),
            ("\"secret\"", "The state is neither a list of states nor a map of streams. "),
            ("7", "The state is neither a list of states nor a map of streams. "),
            (
                r#"{"version":1,"accounts":[]}"#,
                "The state file holds the `stream_state` of one stream without the stream's name. ",
            ),
            (r#"{"api_token":"secret"}"#, "The state file holds a configuration. "),
            (r#"{"streams":[]}"#, "The state file holds a catalog. "),
        ] {
            let failure = InputState::parse(text, |_| true).expect_err(text);
            assert_eq!(failure.kind, FailureKind::Config, "{text}");
            assert!(failure.message.starts_with(wanted) && !failure.message.contains("secret"), "{text}: {failure}");
        }
    }
}
