//! The commands, one file per verb, and the files that they are given.

pub mod check;
pub mod discover;
pub mod files;
pub mod read;
pub mod spec;

use std::sync::Arc;

use crate::awin::{Client, Settings};
use crate::config::Config;
use crate::env::Environment;
use crate::protocol::{Emitter, Failure, Level};
use crate::sync::Progress;

/// The environment of a command that calls Awin. Says so if it is one for tests.
fn environment(emitter: &Emitter) -> Result<Environment, Failure> {
    let environment = Environment::from_process().map_err(Failure::config)?;
    if let Some(warning) = environment.warning() {
        emitter.log(Level::Warn, warning);
    }
    Ok(environment)
}

/// A client for the calls of `config`, and what it reports to.
fn client(config: &Config, environment: Environment, emitter: &Emitter) -> Result<(Client, Arc<Progress>), Failure> {
    let progress = Arc::new(Progress::new(emitter.clone(), config.requests_per_minute, environment.minute));
    let settings = Settings {
        url: config.api_url.clone(),
        token: config.api_token.clone(),
        quota: config.requests_per_minute,
        minute: environment.minute,
        observer: Arc::<Progress>::clone(&progress),
    };
    let client = Client::new(settings).map_err(|why| {
        Failure::config(format!(
            "No connection can be made from this machine: {why}. Check its CA certificates (SSL_CERT_FILE) and proxy settings."
        ))
    })?;
    Ok((client, progress))
}
