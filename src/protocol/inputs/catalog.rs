//! The configured catalog, read as leniently as the runners differ: only `stream.name` and `sync_mode` decide anything.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{Elements, SyncMode, explain_json};
use crate::protocol::{Descriptor, Failure};

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

const CATALOG_REMEDY: &str = "Give the configured catalog of the runner, or the output of `discover`.";

impl ConfiguredCatalog {
    /// Reads the catalog file's text.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if text.trim().is_empty() {
            return Err(Failure::config(format!("The catalog is empty. {CATALOG_REMEDY}")));
        }
        match serde_json::from_str::<CatalogFile>(text) {
            Ok(CatalogFile { streams: Some(streams), .. }) => Ok(Self { streams: streams.0? }),
            Ok(CatalogFile { catalog: Some(streams), .. }) => Ok(Self { streams: streams.streams.0? }),
            Ok(CatalogFile { api_token: Some(_), .. }) => Err(Failure::config(format!(
                "The catalog file holds a configuration: give that with `--config`. {CATALOG_REMEDY}"
            ))),
            Err(error) if error.classify() != Category::Data => {
                Err(Failure::config(format!("The catalog is not JSON: {}. {CATALOG_REMEDY}", explain_json(&error))))
            }
            Ok(_) => Err(Failure::config(format!("The catalog has no `streams`. {CATALOG_REMEDY}"))),
            Err(_) if text.trim_start().starts_with('[') => {
                Err(Failure::config("The catalog is a list. If it lists streams, put it into an object: `{\"streams\": [ … ]}`."))
            }
            Err(_) if !text.trim_start().starts_with('{') => {
                Err(Failure::config(format!("The catalog is not a JSON object. {CATALOG_REMEDY}")))
            }
            Err(error) => Err(Failure::config(format!(
                "The catalog does not have the form of a configured catalog (line {}, column {}). Each entry of `streams` needs a `stream` with a `name`, and a `sync_mode` (`full_refresh` or `incremental`).",
                error.line(),
                error.column()
            ))),
        }
    }
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
                let is_incremental = self.supported_sync_modes.is_none_or(|modes| modes.contains(&SyncMode::Incremental));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::FailureKind;

    /// Checklist 57, 59, 60: what Meltano, `PyAirbyte`, the acceptance tests and Estuary send.
    #[test]
    fn catalogs_of_all_runners_are_read() {
        for text in [
            r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"incremental","destination_sync_mode":"append"}]}"#,
            r#"{"streams":[{"stream":{"name":"a","namespace":null,"json_schema":{},"x":1},"sync_mode":"incremental","cursor_field":null,"primary_key":null,"generation_id":null,"sync_id":null,"destination_sync_mode":"overwrite_dedup"}]}"#,
            r#"{"streams":[{"stream":{"name":"a","json_schema":{"type":"array"}},"sync_mode":"incremental","cursor_field":[],"estuary.dev/range":{"begin":"0"},"projections":[]}],"range":null}"#,
            r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"incremental","destination_sync_mode":"soft_delete","sync_id":7}]}"#,
            r#"{"streams":[{"name":"a","json_schema":{},"supported_sync_modes":["incremental","full_refresh"]}]}"#,
            r#"{"streams":[{"name":"a"}]}"#,
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
            ("", "The catalog is empty. Give the configured catalog of the runner, or the output of `discover`."),
            (
                "{",
                "The catalog is not JSON: it ends in the middle of an object at line 1, column 1. Give the configured catalog of the runner, or the output of `discover`.",
            ),
            ("[]", "The catalog is a list. If it lists streams, put it into an object: `{\"streams\": [ … ]}`."),
            ("null", "The catalog is not a JSON object. Give the configured catalog of the runner, or the output of `discover`."),
            (
                "\"secret\"",
                "The catalog is not a JSON object. Give the configured catalog of the runner, or the output of `discover`.",
            ),
            ("{}", "The catalog has no `streams`. Give the configured catalog of the runner, or the output of `discover`."),
            (
                r#"{"streams":{}}"#,
                "The catalog does not have the form of a configured catalog (line 1, column 11). Each entry of `streams` needs a `stream` with a `name`, and a `sync_mode` (`full_refresh` or `incremental`).",
            ),
            (
                r#"{"streams":[{"stream":"secret"}]}"#,
                "The catalog does not have the form of a configured catalog (line 1, column 30). Each entry of `streams` needs a `stream` with a `name`, and a `sync_mode` (`full_refresh` or `incremental`).",
            ),
            (
                r#"{"streams":[{}]}"#,
                "A stream of the catalog has no `stream` with a `name`. Give the configured catalog of the runner, or the output of `discover`.",
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
                "The catalog file holds a configuration: give that with `--config`. Give the configured catalog of the runner, or the output of `discover`.",
            ),
            (
                &many,
                "The catalog has more than 1000 streams. Give the configured catalog of the runner, or the output of `discover`.",
            ),
        ] {
            let failure = ConfiguredCatalog::parse(text).expect_err(text);
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Config, wanted), "{text}");
        }
    }
}
