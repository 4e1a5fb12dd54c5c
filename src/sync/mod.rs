//! A run: what is asked first, the plan, reading and checking.
//!
//! Files import only from those above them in this list. To follow a run, begin at its end, with `run`.

// Words for people, and what is counted for them.
mod explain;
mod summary;
mod tally;

mod progress;

// What is known between runs, and what it means for the next one: pure.
mod ladder;
mod queue;

mod state;

mod scope;

mod blocks;

mod plan;

mod booking;

// What a run shares, asks for itself and remembers.
mod context;

mod lookup;
mod outcome;
mod pages;
mod seen;

mod sent;

mod listing;
mod payments;
mod stretch;

mod directory;

mod planner;
mod refusals;

// Which days of the reports changed, and which are read.
mod finder;

mod days;

// From a row to a RECORD.
mod bad_rows;
mod envelope;
mod keys;
mod object;

mod notes;

mod records;

// From slices to answers to STATEs: one stream.
mod checkpoint;
mod fetch;

mod answer;

mod stream;

mod reports;

// The two verbs.
mod newer_api;

mod check;

mod started;

mod prepare;

mod run;

pub use check::{Checked, check};
pub use context::Context;
pub use progress::Progress;
pub use records::RecordWriter;
pub use run::read;
pub use state::StreamState;
pub use tally::{Tally, Written};
