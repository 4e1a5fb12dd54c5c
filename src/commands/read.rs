//! `read`: the streams of a configured catalog, on from a state.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::{client, environment, files};
use crate::awin::Timing;
use crate::protocol::{Abort, Emitter, Level};
use crate::sync::{self, Context, Progress};

/// Reads. True if every stream ended complete.
pub async fn read(config: &Path, catalog: &Path, state: Option<&Path>, emitter: &Emitter) -> Result<bool, Abort> {
    let (config, warnings) = files::config(config, emitter)?;
    for warning in warnings {
        emitter.log(Level::Warn, warning);
    }
    let catalog = files::catalog(catalog)?;
    let state = state.map(files::state).transpose()?.unwrap_or_default();
    let environment = environment(emitter)?;
    let (client, progress) = client(&config, environment, Timing::scaled_to(environment.minute), emitter)?;
    let (moment, reached) = environment.run_moment();
    let now = moment.with_timezone(&config.timezone);
    let (emitter, unreachable) = (emitter.clone(), Mutex::default());
    let context = Context { emitter, client, progress, config, now, reached, unreachable };
    let is_complete = tokio::select! {
        is_complete = sync::read(&context, catalog, &state) => is_complete?,
        never = tick(&context.progress, environment.minute) => match never {},
    };
    Ok(is_complete)
}

/// Lets `progress` speak once a second.
async fn tick(progress: &Progress, minute: Duration) -> std::convert::Infallible {
    loop {
        progress.tick();
        tokio::time::sleep(minute / 60).await;
    }
}
