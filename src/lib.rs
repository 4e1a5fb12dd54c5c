//! An Airbyte-protocol source connector for the Awin affiliate network.
//!
//! Modules import in one direction only, each from those above it: [`env`], `failpoint`, [`terminal`], [`protocol`], [`config`],
//! [`json`], [`awin`], [`streams`], [`sync`], [`commands`], [`process`], [`cli`]. A run reads like its data flows: configuration,
//! state and catalog give a plan (pure); the plan is fetched, its rows are shaped and emitted, and each window ends with a
//! checkpoint.

#![warn(unreachable_pub)]

pub mod env;

mod failpoint;

pub mod terminal;

pub mod protocol;

pub mod config;

pub mod json;

pub mod awin;

pub mod streams;

pub mod sync;

pub mod commands;

pub mod process;

pub mod cli;
