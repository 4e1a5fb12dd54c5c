//! A run: what is asked first, the plan, reading and checking.
//!
//! Files import only from those above them in this list.

mod ladder;
mod progress;
mod queue;
mod seen;
mod tally;

mod state;

mod plan;

mod context;

mod explain;
mod lookup;
mod object;
mod outcome;
mod sent;

mod directory;
mod finder;
mod keys;
mod notes;

mod days;
mod records;

mod checkpoint;
mod fetch;

mod answer;

mod stream;

mod reports;

mod run;

mod check;

pub use check::check;
pub use context::Context;
pub use plan::{Cuts, Plan, Scope, plan};
pub use progress::Progress;
pub use records::RecordWriter;
pub use run::read;
pub use state::{LaneState, PartitionState, StreamState};
pub use tally::{Tally, Written};
