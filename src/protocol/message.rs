//! Every message that a source may emit.
//!
//! RECORD lines of a running sync are written as bytes by [`crate::row`]; the [`Record`] type here is their plain form.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::FailureKind;

/// The envelope: one per line of stdout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Message {
    /// The answer to `spec`.
    Spec {
        /// What the configuration looks like.
        spec: Box<Spec>,
    },
    /// The answer to `check`.
    ConnectionStatus {
        /// Whether data can be read.
        #[serde(rename = "connectionStatus")]
        connection_status: ConnectionStatus,
    },
    /// The answer to `discover`.
    Catalog {
        /// The streams on offer.
        catalog: Catalog,
    },
    /// A row.
    Record {
        /// The row and its stream.
        record: Record,
    },
    /// A checkpoint.
    State {
        /// What has been read.
        state: State,
    },
    /// A line for the log.
    Log {
        /// Level and text.
        log: Log,
    },
    /// Errors, stream statuses, estimates, analytics.
    Trace {
        /// What is traced.
        trace: Trace,
    },
    /// A new configuration for the runner to keep.
    Control {
        /// The new configuration.
        control: Control,
    },
}

/// `SPEC`: the configuration that the source takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Where the user reads more.
    pub documentation_url: String,
    /// What changed between versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changelog_url: Option<String>,
    /// Protocol version that the source speaks.
    #[serde(rename = "protocol_version", skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// Whether any stream is incremental.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_incremental: Option<bool>,
    /// JSON schema (draft-07) of the configuration.
    pub connection_specification: Value,
}

/// `CONNECTION_STATUS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectionStatus {
    /// Data can be read.
    Succeeded {
        /// What the user should know all the same.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// Data cannot be read.
    Failed {
        /// Why, and what to do. Readers take its presence for granted.
        message: String,
    },
}

/// `CATALOG`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// The streams on offer, suggested ones first.
    pub streams: Vec<AirbyteStream>,
}

/// A stream on offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AirbyteStream {
    /// Its name, unique in the catalog.
    pub name: String,
    /// JSON schema of its records.
    pub json_schema: Value,
    /// At least one.
    pub supported_sync_modes: Vec<super::SyncMode>,
    /// Whether the source, not the user, chooses the cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_defined_cursor: Option<bool>,
    /// Path of the cursor field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_cursor_field: Option<Vec<String>>,
    /// Paths of the key's fields, most selective first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_defined_primary_key: Option<Vec<Vec<String>>>,
    /// Whether a run that died can go on where it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_resumable: Option<bool>,
}

/// `RECORD` in its plain form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the stream.
    pub stream: String,
    /// Only where the configured catalog has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The row; never empty.
    pub data: Map<String, Value>,
    /// Milliseconds since the epoch; an integer.
    pub emitted_at: u64,
    /// What was changed on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<RecordMeta>,
}

/// What was changed in a record on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordMeta {
    /// One per field.
    pub changes: Vec<Change>,
}

/// One changed field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Path of the field, dotted.
    pub field: String,
    /// What was done to it.
    pub change: ChangeKind,
    /// Why.
    pub reason: ChangeReason,
}

/// What was done to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeKind {
    /// It is null now.
    Nulled,
    /// It is shorter now.
    Truncated,
}

/// Why a field was changed. Of the protocol's list, those that this source uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeReason {
    /// Its value does not fit the schema.
    SourceSerializationError,
    /// It was too large.
    SourceFieldSizeLimitation,
    /// The record was too large.
    SourceRecordSizeLimitation,
}

/// Which stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Descriptor {
    /// Its name.
    pub name: String,
    /// Only where the configured catalog has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// `STATE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Always written: a state without it counts as LEGACY.
    #[serde(rename = "type")]
    pub kind: StateKind,
    /// Present in a STREAM state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamState>,
    /// Present in a GLOBAL state; this source only reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global: Option<GlobalState>,
    /// Records since the state before.
    #[serde(default, rename = "sourceStats", skip_serializing_if = "Option::is_none")]
    pub source_stats: Option<Stats>,
}

/// Kinds of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StateKind {
    /// Of one stream.
    Stream,
    /// Of all streams at once.
    Global,
    /// A map, from the time before per-stream states.
    Legacy,
}

/// The state of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamState {
    /// Which stream.
    pub stream_descriptor: Descriptor,
    /// A black box to the runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_state: Option<Value>,
}

/// The state of all streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GlobalState {
    /// Not used by this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_state: Option<Value>,
    /// One entry per stream.
    #[serde(default)]
    pub stream_states: Vec<StreamState>,
}

/// Counts that come with a state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Records of the stream since its state before; a whole number, written as `3.0`.
    pub record_count: f64,
}

/// `LOG`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// One of the six legal words.
    pub level: Level,
    /// The text.
    pub message: String,
    /// Where it came from, for a crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
}

/// Log levels. There is no `WARNING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say all")]
pub enum Level {
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// `TRACE`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// Milliseconds since the epoch; an integer.
    pub emitted_at: u64,
    /// What is traced.
    #[serde(flatten)]
    pub body: TraceBody,
}

/// The four kinds of trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TraceBody {
    /// A failure.
    Error {
        /// The failure.
        error: TraceError,
    },
    /// Where a stream stands.
    StreamStatus {
        /// The stream and its status.
        stream_status: StreamStatus,
    },
    /// How much is to come.
    Estimate {
        /// The estimate.
        estimate: Estimate,
    },
    /// Usage figures.
    Analytics {
        /// The figure.
        analytics: Analytics,
    },
}

/// A failure as the protocol writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceError {
    /// For the user.
    pub message: String,
    /// For an engineer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_message: Option<String>,
    /// For a crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
    /// Who has to act.
    pub failure_type: FailureKind,
    /// The stream that failed; absent if the run did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_descriptor: Option<Descriptor>,
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStatus {
    /// Which stream.
    pub stream_descriptor: Descriptor,
    /// Its status.
    pub status: Status,
    /// Why it waits, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<Reason>>,
}

/// Life of a stream in a sync: started, running, then one of the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say all")]
pub enum Status {
    Started,
    Running,
    Complete,
    Incomplete,
}

/// Why a running stream waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The kind of reason.
    #[serde(rename = "type")]
    pub kind: ReasonKind,
    /// Until when.
    pub rate_limited: RateLimited,
}

/// The only reason that the protocol knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReasonKind {
    /// The API's quota is used up.
    RateLimited,
}

/// When the quota is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimited {
    /// Milliseconds since the epoch.
    pub quota_reset: u64,
}

/// How much is to come. This source cannot know before it has asked, so it emits none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Of a stream or of the sync.
    #[serde(rename = "type")]
    pub kind: EstimateKind,
    /// Name of the stream.
    pub name: String,
    /// Rows to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_estimate: Option<u64>,
    /// Bytes to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_estimate: Option<u64>,
}

/// What an estimate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say all")]
pub enum EstimateKind {
    Stream,
    Sync,
}

/// Usage figures. This source sends none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analytics {
    /// Name of the figure.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// `CONTROL`. This source needs none: an Awin token does not rotate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Control {
    /// The only kind.
    #[serde(rename = "type")]
    pub kind: ControlKind,
    /// Milliseconds since the epoch; an integer.
    #[serde(rename = "emitted_at")]
    pub emitted_at: u64,
    /// The whole new configuration.
    pub connector_config: ConnectorConfig,
}

/// The only kind of control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ControlKind {
    /// A new configuration.
    ConnectorConfig,
}

/// A whole new configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectorConfig {
    /// Replaces the stored one.
    pub config: Value,
}

/// A tagged message is read by hand: serde's own way buffers it in a form that loses the exactness of numbers.
impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        Ok(match map.get("type").and_then(Value::as_str).unwrap_or_default() {
            "SPEC" => Self::Spec { spec: member(&mut map, "spec")? },
            "CONNECTION_STATUS" => Self::ConnectionStatus { connection_status: member(&mut map, "connectionStatus")? },
            "CATALOG" => Self::Catalog { catalog: member(&mut map, "catalog")? },
            "RECORD" => Self::Record { record: member(&mut map, "record")? },
            "STATE" => Self::State { state: member(&mut map, "state")? },
            "LOG" => Self::Log { log: member(&mut map, "log")? },
            "TRACE" => Self::Trace { trace: member(&mut map, "trace")? },
            "CONTROL" => Self::Control { control: member(&mut map, "control")? },
            other => return Err(D::Error::custom(format!("unknown message type `{other}`"))),
        })
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        let body = match map.get("type").and_then(Value::as_str).unwrap_or_default() {
            "ERROR" => TraceBody::Error { error: member(&mut map, "error")? },
            "STREAM_STATUS" => TraceBody::StreamStatus { stream_status: member(&mut map, "stream_status")? },
            "ESTIMATE" => TraceBody::Estimate { estimate: member(&mut map, "estimate")? },
            "ANALYTICS" => TraceBody::Analytics { analytics: member(&mut map, "analytics")? },
            other => return Err(D::Error::custom(format!("unknown trace type `{other}`"))),
        };
        Ok(Self { emitted_at: member(&mut map, "emitted_at")?, body })
    }
}

fn member<T: DeserializeOwned, E: Error>(map: &mut Map<String, Value>, key: &'static str) -> Result<T, E> {
    let value = map.remove(key).ok_or_else(|| E::missing_field(key))?;
    T::deserialize(value).map_err(E::custom)
}

/// Milliseconds since the epoch, as the protocol's `emitted_at` wants them.
pub fn now_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text is written by hand from the protocol definition; reading and writing it must give it back.
    #[test]
    fn every_message_reads_and_writes_as_the_protocol_spells_it() {
        let lines = [
            r#"{"type":"SPEC","spec":{"documentationUrl":"https://x.example","protocol_version":"0.2.0","connectionSpecification":{}}}"#,
            r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}"#,
            r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"no"}}"#,
            r#"{"type":"CATALOG","catalog":{"streams":[{"name":"orders","json_schema":{},"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"default_cursor_field":["at"],"source_defined_primary_key":[["id"],["a"]],"is_resumable":true}]}}"#,
            r#"{"type":"RECORD","record":{"stream":"orders","namespace":"public","data":{"id":1},"emitted_at":1756000000123,"meta":{"changes":[{"field":"note","change":"TRUNCATED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}]}}}"#,
            r#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders","namespace":"public"},"stream_state":{"at":"2026-01-01"}},"sourceStats":{"recordCount":3.0}}}"#,
            r#"{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{"a":1},"stream_states":[{"stream_descriptor":{"name":"orders"},"stream_state":{}}]}}}"#,
            r#"{"type":"LOG","log":{"level":"WARN","message":"m","stack_trace":"s"}}"#,
            r#"{"type":"TRACE","trace":{"emitted_at":1756000000123,"type":"ERROR","error":{"message":"m","internal_message":"i","stack_trace":"s","failure_type":"config_error","stream_descriptor":{"name":"orders"}}}}"#,
            r#"{"type":"TRACE","trace":{"emitted_at":1,"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"orders"},"status":"RUNNING","reasons":[{"type":"RATE_LIMITED","rate_limited":{"quota_reset":1756000060000}}]}}}"#,
            r#"{"type":"TRACE","trace":{"emitted_at":1,"type":"ESTIMATE","estimate":{"type":"STREAM","name":"orders","row_estimate":1000,"byte_estimate":500000}}}"#,
            r#"{"type":"TRACE","trace":{"emitted_at":1,"type":"ANALYTICS","analytics":{"type":"event","value":"2"}}}"#,
            r#"{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1756000000123,"connectorConfig":{"config":{"a":"b"}}}}"#,
        ];
        for line in lines {
            let message: Message = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert_eq!(serde_json::to_string(&message).expect("messages serialize"), line);
        }
    }

    #[test]
    fn absent_keys_are_left_out_and_never_written_as_null() {
        let message = Message::State {
            state: State {
                kind: StateKind::Stream,
                stream: Some(StreamState {
                    stream_descriptor: Descriptor { name: "orders".into(), namespace: None },
                    stream_state: None,
                }),
                global: None,
                source_stats: None,
            },
        };
        let line = serde_json::to_string(&message).expect("messages serialize");
        assert_eq!(line, r#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"}}}}"#);
    }

    #[test]
    fn only_the_six_legal_levels_are_read() {
        for level in ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"] {
            assert!(serde_json::from_value::<Level>(level.into()).is_ok(), "{level}");
        }
        assert!(serde_json::from_value::<Level>("WARNING".into()).is_err());
    }
}
