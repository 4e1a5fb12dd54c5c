//! A run: what is asked first, the plan, reading and checking.

mod check;
mod explain;
mod gate;
mod plan;
mod progress;
mod read;
mod reader;
mod reference;
mod rows;
mod state;
mod survey;

pub use check::check;
use gate::{Gate, Passed};
pub use plan::{PartPlan, Scope, plan};
pub use progress::Progress;
pub use read::Run;
pub use rows::RowWriter;
pub use state::{LaneState, PartState, StreamState};
