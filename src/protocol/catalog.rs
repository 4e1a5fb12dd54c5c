//! The configured catalog: which streams the runner wants, and how.
//!
//! Read as leniently as the runners differ: keys that only destinations use, foreign schemas, nulls and unknown keys are
//! all passed over. Only `stream.name` and `sync_mode` decide anything.

use serde::{Deserialize, Deserializer, Serialize};

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
#[derive(Debug, Clone, Deserialize)]
pub struct ConfiguredCatalog {
    /// In the order of the file.
    pub streams: Vec<ConfiguredStream>,
}

/// One stream of it.
#[derive(Debug, Clone, Deserialize)]
pub struct ConfiguredStream {
    /// The stream.
    pub stream: Descriptor,
    /// How to read it.
    pub sync_mode: SyncMode,
    /// Path of the cursor that the user chose; empty when the runner sends none.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub cursor_field: Vec<String>,
    /// Number of the job, from runners that can refresh: the same in all attempts of one job.
    #[serde(default)]
    pub sync_id: Option<i64>,
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl ConfiguredCatalog {
    /// Reads the catalog file's text.
    pub fn parse(text: &[u8]) -> Result<Self, Failure> {
        let value: serde_json::Value = serde_json::from_slice(text).map_err(|e| {
            Failure::config(format!("The catalog is not JSON ({}). Give the configured catalog of the runner.", kind(&e)))
        })?;
        if !value.is_object() {
            return Err(Failure::config("The catalog is not a JSON object. Give the configured catalog of the runner."));
        }
        serde_json::from_value(value).map_err(|e| {
            Failure::config(format!(
                "The catalog is not a configured catalog: {e}. Give the output of `discover`, configured by the runner."
            ))
        })
    }
}

/// Where a JSON text breaks, without quoting any of it.
fn kind(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfiguredCatalog, Failure> {
        ConfiguredCatalog::parse(text.as_bytes())
    }

    /// Checklist 57, 59, 60: what Meltano, `PyAirbyte`, the acceptance tests and Estuary send.
    #[test]
    fn catalogs_of_all_runners_are_read() {
        for text in [
            r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"incremental","destination_sync_mode":"append"}]}"#,
            r#"{"streams":[{"stream":{"name":"a","namespace":null,"json_schema":{},"x":1},"sync_mode":"incremental","cursor_field":null,"primary_key":null,"generation_id":null,"sync_id":null,"destination_sync_mode":"overwrite_dedup"}]}"#,
            r#"{"streams":[{"stream":{"name":"a","json_schema":{"type":"array"}},"sync_mode":"incremental","cursor_field":[],"estuary.dev/range":{"begin":"0"},"projections":[]}],"range":null}"#,
            r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"incremental","destination_sync_mode":"soft_delete","sync_id":7}]}"#,
        ] {
            let catalog = parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(catalog.streams[0].stream, Descriptor { name: "a".into(), namespace: None });
            assert_eq!(catalog.streams[0].cursor_field, Vec::<String>::new());
        }
    }

    #[test]
    fn an_illegal_sync_mode_is_a_config_error_that_names_the_legal_ones() {
        let failure = parse(r#"{"streams":[{"stream":{"name":"a"},"sync_mode":"INVALID"}]}"#).expect_err("INVALID is no mode");
        assert_eq!(failure.kind, super::super::FailureKind::Config);
        assert!(failure.message.contains("full_refresh") && failure.message.contains("incremental"), "{failure}");
    }

    #[test]
    fn what_is_not_a_catalog_is_a_config_error() {
        for text in ["", "{", "[]", "null", "3", r#"{"streams":{}}"#, r#"{"streams":[{}]}"#] {
            assert_eq!(parse(text).expect_err(text).kind, super::super::FailureKind::Config, "{text}");
        }
    }
}
