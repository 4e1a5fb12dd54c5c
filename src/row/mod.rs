//! Rows of JSON bodies, re-framed as RECORD data without being re-built.
//!
//! A body of any size passes through in pieces: [`Splitter`] finds its rows, [`Shape`] (compiled from a stream's JSON schema)
//! copies each row's values as they were written, so that `19.990` stays `19.990` and a 19-digit integer stays whole. Only
//! a value whose JSON type differs from the schema is converted, or nulled and reported. Nothing in here knows of Awin.

mod condense;
mod convert;
mod frame;
mod json;
mod shape;
mod split;

pub use condense::RawRow;
pub use convert::stamp;
pub use frame::Row;
pub use json::{Stop, mend_surrogates, text_of};
pub use shape::{Shape, ShapeOptions};
pub use split::{Envelope, Splitter, Step};
