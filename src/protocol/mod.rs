//! The Airbyte protocol: messages, catalogs, states, and the one writer of stdout.
//!
//! Nothing in here knows of Awin. Types follow protocol v0 (up to 0.18); absent keys are left out, never written as null,
//! because some readers stumble over an explicit null.

mod emitter;
mod failure;
mod inputs;
mod message;
mod secrets;

pub use emitter::{Closed, Emitter, Output};
pub use failure::{Failure, FailureKind};
pub(crate) use inputs::explain_json;
pub use inputs::{ConfiguredCatalog, ConfiguredStream, InputState, SyncMode};
pub use message::{
    AirbyteStream, Analytics, Catalog, Change, ChangeKind, ChangeReason, ConnectionStatus, ConnectorConfig, Control, ControlKind,
    Descriptor, Estimate, EstimateKind, GlobalState, Level, Log, Message, RateLimited, Reason, ReasonKind, Record, RecordMeta,
    Spec, State, StateKind, Stats, Status, StreamState, StreamStatus, Trace, TraceBody, TraceError, now_millis,
};
pub use secrets::Secrets;
