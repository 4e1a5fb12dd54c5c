//! A run: what is asked first, the plan, reading and checking.
//!
//! Files import only from those above them in this list.

mod explain;
mod ladder;
mod queue;
mod seen;
mod summary;
mod tally;

mod progress;

mod state;

mod scope;

mod blocks;

mod plan;

mod booking;
mod context;

mod lookup;
mod object;
mod outcome;
mod pages;
mod sent;

mod payments;

mod directory;
mod planner;

mod finder;
mod keys;
mod notes;

mod days;
mod envelope;

mod records;
mod stretch;

mod checkpoint;
mod fetch;

mod answer;

mod stream;

mod reports;

mod second_api;

mod check;

mod run;

pub use check::{Checked, check};
pub use context::Context;
pub use plan::{Cuts, Plan, plan};
pub use progress::Progress;
pub use records::RecordWriter;
pub use run::read;
pub use scope::Scope;
pub use state::{LaneState, PartitionState, StreamState};
pub use tally::{Tally, Written};
