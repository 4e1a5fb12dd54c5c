//! The Airbyte protocol: messages, catalogs, states, and the one writer of stdout.
//!
//! Nothing in here knows of Awin. Types follow protocol v0 (up to 0.18); absent keys are left out, never written as null,
//! because some readers stumble over an explicit null.

mod emitter;
mod failure;
mod inputs;
mod messages;
mod secrets;

pub use emitter::{Closed, Emitter, Output};
pub use failure::{Abort, Failure, FailureKind};
pub(crate) use inputs::explain_json;
pub use inputs::{ConfiguredCatalog, ConfiguredStream, InputState, SyncMode};
pub use messages::{
    AirbyteStream, Catalog, Change, ChangeKind, ChangeReason, ConnectionStatus, Descriptor, Level, Log, Message, RateLimited,
    Reason, State, StateOfStream, Stats, Status, StreamStatus, Trace, TraceBody, TraceError,
};
pub use secrets::Secrets;
