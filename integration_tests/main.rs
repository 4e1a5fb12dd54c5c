//! The connector from the outside: the compiled binary against the sandbox.
//!
//! One program of many modules, because linking costs more than running. `support` holds the harness; each other module
//! says in its first line what belongs there. Numbers in brackets, as in `[c37]`, are lines of the protocol checklist in
//! `docs/checklist.md`.

mod support;

mod acceptance;
mod accounts;
mod all_streams;
mod calls;
mod catalogs;
mod check;
mod checklist;
mod command_line;
mod config_changes;
mod discover;
mod docs;
mod empty_markets;
mod errors;
mod failpoints;
mod fall_back;
mod fault_table;
mod fuzzed;
mod history;
mod hostile;
mod in_sync;
mod layers;
mod limits;
mod mistakes;
mod money;
mod money_flags;
mod money_history;
mod network;
mod odd_answers;
mod output;
mod pages;
mod process;
mod read_protocol;
mod read_state;
mod refusals;
mod reliability;
mod report_history;
mod row_differential;
mod row_limits;
mod row_path;
mod secrets;
mod sent_once;
mod silence;
mod soak;
mod spec;
mod terminal;
mod terms;
mod truth;
