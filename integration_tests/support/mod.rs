//! The harness: run the binary, look at its messages, build tables from them, compare them with the sandbox's truth.

pub mod connector;
pub mod echo;
pub mod exact;
pub mod person;
pub mod plain;
pub mod protocol;
pub mod setup;
pub mod tables;
pub mod virtually;

pub use connector::{Connector, Output};
pub use tables::{Tables, assert_in_sync};
