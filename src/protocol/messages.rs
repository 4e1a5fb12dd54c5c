//! Every message that this source emits. RECORD lines are written as bytes by [`crate::sync`]; here is what is in their `meta`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FailureKind;

/// The envelope: one per line of stdout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Message {
    /// The answer to `spec`.
    Spec {
        /// `spec.json`.
        spec: Value,
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
    /// An error or the status of a stream.
    Trace {
        /// What is traced.
        trace: Trace,
    },
}

/// `CONNECTION_STATUS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalog {
    /// The streams on offer, suggested ones first.
    pub streams: Vec<AirbyteStream>,
}

/// A stream on offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
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

/// One changed field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path of the field, dotted.
    pub field: String,
    /// What was done to it.
    pub change: ChangeKind,
    /// Why.
    pub reason: ChangeReason,
}

/// What was done to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeKind {
    /// It is null now.
    Nulled,
    /// It is shorter now.
    Truncated,
}

/// Why a field was changed. Of the protocol's list, those that this source uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// `STATE` of one stream. A state without its type would count as LEGACY.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "STREAM")]
pub struct State {
    /// The stream and what has been read of it.
    pub stream: StateOfStream,
    /// Records since the state before.
    #[serde(rename = "sourceStats")]
    pub source_stats: Stats,
}

/// The state of one stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateOfStream {
    /// Which stream.
    pub stream_descriptor: Descriptor,
    /// A black box to the runner.
    pub stream_state: Value,
}

/// Counts that come with a state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Records of the stream since its state before. Written without a fraction, which loaders of Meltano cannot write back.
    pub record_count: u64,
}

/// `LOG`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// The kinds of trace.
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
}

/// A failure as the protocol writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say all")]
pub enum Status {
    Started,
    Running,
    Complete,
    Incomplete,
}

/// Why a running stream waits: the API's quota is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "RATE_LIMITED")]
pub struct Reason {
    /// Until when.
    pub rate_limited: RateLimited,
}

/// When the quota is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RateLimited {
    /// Milliseconds since the epoch.
    pub quota_reset: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{FailureKind, SyncMode};
    use super::*;

    fn descriptor(namespace: Option<&str>) -> Descriptor {
        Descriptor { name: "orders".into(), namespace: namespace.map(str::to_owned) }
    }

    fn trace(body: TraceBody) -> Message {
        Message::Trace { trace: Trace { emitted_at: 1_756_000_000_123, body } }
    }

    fn error(detail: Option<&str>, stream: Option<Descriptor>) -> Message {
        trace(TraceBody::Error {
            error: TraceError {
                message: "m".into(),
                internal_message: detail.map(str::to_owned),
                stack_trace: detail.map(str::to_owned),
                failure_type: FailureKind::Config,
                stream_descriptor: stream,
            },
        })
    }

    fn status(reasons: Option<Vec<Reason>>) -> Message {
        let stream_status = StreamStatus { stream_descriptor: descriptor(None), status: Status::Running, reasons };
        trace(TraceBody::StreamStatus { stream_status })
    }

    fn state(namespace: Option<&str>) -> Message {
        let stream = StateOfStream { stream_descriptor: descriptor(namespace), stream_state: json!({"at": "2026-01-01"}) };
        Message::State { state: State { stream, source_stats: Stats { record_count: 3 } } }
    }

    fn log(level: Level, stack_trace: Option<&str>) -> Message {
        Message::Log { log: Log { level, message: "m".into(), stack_trace: stack_trace.map(str::to_owned) } }
    }

    /// Each line is written by hand from the protocol's definition. What is absent is left out, never written as null.
    #[test]
    fn every_message_is_written_as_the_protocol_spells_it() {
        let stream = AirbyteStream {
            name: "orders".into(),
            json_schema: json!({}),
            supported_sync_modes: vec![SyncMode::FullRefresh, SyncMode::Incremental],
            source_defined_cursor: Some(true),
            default_cursor_field: Some(vec!["at".into()]),
            source_defined_primary_key: Some(vec![vec!["id".into()]]),
            is_resumable: Some(true),
        };
        let bare = AirbyteStream {
            source_defined_cursor: None,
            default_cursor_field: None,
            source_defined_primary_key: None,
            is_resumable: None,
            ..stream.clone()
        };
        for (message, line) in [
            (
                Message::Spec { spec: json!({"connectionSpecification": {}}) },
                r#"{"type":"SPEC","spec":{"connectionSpecification":{}}}"#,
            ),
            (
                Message::ConnectionStatus { connection_status: ConnectionStatus::Succeeded { message: None } },
                r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}"#,
            ),
            (
                Message::ConnectionStatus { connection_status: ConnectionStatus::Failed { message: "no".into() } },
                r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"no"}}"#,
            ),
            (
                Message::Catalog { catalog: Catalog { streams: vec![stream] } },
                r#"{"type":"CATALOG","catalog":{"streams":[{"name":"orders","json_schema":{},"supported_sync_modes":["full_refresh","incremental"],"source_defined_cursor":true,"default_cursor_field":["at"],"source_defined_primary_key":[["id"]],"is_resumable":true}]}}"#,
            ),
            (
                Message::Catalog { catalog: Catalog { streams: vec![bare] } },
                r#"{"type":"CATALOG","catalog":{"streams":[{"name":"orders","json_schema":{},"supported_sync_modes":["full_refresh","incremental"]}]}}"#,
            ),
            (
                state(Some("public")),
                r#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders","namespace":"public"},"stream_state":{"at":"2026-01-01"}},"sourceStats":{"recordCount":3}}}"#,
            ),
            (
                state(None),
                r#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"},"stream_state":{"at":"2026-01-01"}},"sourceStats":{"recordCount":3}}}"#,
            ),
            (log(Level::Fatal, Some("s")), r#"{"type":"LOG","log":{"level":"FATAL","message":"m","stack_trace":"s"}}"#),
            (log(Level::Error, None), r#"{"type":"LOG","log":{"level":"ERROR","message":"m"}}"#),
            (log(Level::Warn, None), r#"{"type":"LOG","log":{"level":"WARN","message":"m"}}"#),
            (log(Level::Info, None), r#"{"type":"LOG","log":{"level":"INFO","message":"m"}}"#),
            (log(Level::Debug, None), r#"{"type":"LOG","log":{"level":"DEBUG","message":"m"}}"#),
            (
                error(Some("i"), Some(descriptor(None))),
                r#"{"type":"TRACE","trace":{"emitted_at":1756000000123,"type":"ERROR","error":{"message":"m","internal_message":"i","stack_trace":"i","failure_type":"config_error","stream_descriptor":{"name":"orders"}}}}"#,
            ),
            (
                error(None, None),
                r#"{"type":"TRACE","trace":{"emitted_at":1756000000123,"type":"ERROR","error":{"message":"m","failure_type":"config_error"}}}"#,
            ),
            (
                status(Some(vec![Reason { rate_limited: RateLimited { quota_reset: 1_756_000_060_000 } }])),
                r#"{"type":"TRACE","trace":{"emitted_at":1756000000123,"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"orders"},"status":"RUNNING","reasons":[{"type":"RATE_LIMITED","rate_limited":{"quota_reset":1756000060000}}]}}}"#,
            ),
            (
                status(None),
                r#"{"type":"TRACE","trace":{"emitted_at":1756000000123,"type":"STREAM_STATUS","stream_status":{"stream_descriptor":{"name":"orders"},"status":"RUNNING"}}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&message).expect("messages serialize"), line);
        }
    }

    #[test]
    fn a_changed_field_is_written_as_the_protocol_spells_it() {
        let change =
            Change { field: "note".into(), change: ChangeKind::Truncated, reason: ChangeReason::SourceFieldSizeLimitation };
        let line = r#"{"field":"note","change":"TRUNCATED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}"#;
        assert_eq!(serde_json::to_string(&change).expect("changes serialize"), line);
    }
}
