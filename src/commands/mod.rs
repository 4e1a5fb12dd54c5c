//! The commands, and the files that they are given.

pub mod files;
