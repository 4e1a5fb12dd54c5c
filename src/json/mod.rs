//! Rows of JSON bodies, transcoded to RECORD data without being rebuilt.
//!
//! A body of any size passes through in pieces: [`Splitter`] finds its rows, [`Schema`] (compiled from a stream's JSON schema)
//! copies each row's values as they were written, so that `19.990` stays `19.990` and a 19-digit integer stays whole. Only
//! a value whose JSON type differs from the schema is converted, or nulled and reported. Nothing in here knows Awin: callers
//! hand in the names.

mod condenser;
mod conversions;
mod name;
mod notes;
mod repairs;
mod scanner;
mod schema;
mod splitter;
mod transcoder;

pub use condenser::RawRow;
pub(crate) use conversions::stamp;
pub use notes::RowNotes;
pub(crate) use repairs::mend_surrogates;
pub use scanner::JsonError;
pub(crate) use scanner::{text_of, value_end};
pub use schema::{Schema, SchemaOptions};
pub use splitter::{Envelope, Splitter, Step};
