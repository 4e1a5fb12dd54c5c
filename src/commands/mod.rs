//! The commands, one file per verb, and the files that they are given.

pub mod check;
pub mod discover;
pub mod files;
pub mod read;
pub mod spec;

use std::sync::Arc;

use crate::awin::{Client, Http, Settings, Timing};
use crate::config::Config;
use crate::env::Environment;
use crate::protocol::{Emitter, Failure, Level, Secrets};
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
fn client(
    config: &Config,
    environment: Environment,
    timing: Timing,
    emitter: &Emitter,
) -> Result<(Client, Arc<Progress>), Failure> {
    let progress = Arc::new(Progress::new(emitter.clone(), config.requests_per_minute, environment.minute));
    let http = Http::new(&config.api_url, &config.api_token, timing).map_err(|why| {
        Failure::config(format!(
            "No connection can be made from this machine: {why}. Check its CA certificates (SSL_CERT_FILE) and proxy settings."
        ))
    })?;
    let mut secrets = Secrets::default();
    secrets.add(config.api_token.expose());
    let client = Client::new(Settings {
        transport: Arc::new(http),
        secrets,
        quota: config.requests_per_minute,
        timing,
        observer: Arc::<Progress>::clone(&progress),
    });
    Ok((client, progress))
}
