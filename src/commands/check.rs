//! `check`: whether data can be read, and what there is. Whatever is wrong is the answer, not an error of the command.

use std::path::Path;
use std::sync::Mutex;

use super::{client, environment, files};
use crate::awin::Timing;
use crate::protocol::{ConnectionStatus, Emitter, Failure, Level, Message};
use crate::sync::{self, Checked, Context};

/// Emits the answer.
pub async fn check(config: &Path, emitter: &Emitter) {
    let connection_status = match status(config, emitter).await {
        Ok(Checked { report, warnings }) => {
            for warning in &warnings {
                emitter.log(Level::Warn, warning);
            }
            let report = emitter.redact(&report);
            emitter.terminal().say(&report);
            emitter.log(Level::Info, "Check succeeded");
            let message = warnings.iter().map(|warning| emitter.redact(warning)).chain([report]).collect::<Vec<_>>().join(" ");
            ConnectionStatus::Succeeded { message: Some(message) }
        }
        Err(message) => {
            let message = emitter.redact(&message);
            emitter.terminal().error(&message);
            emitter.log(Level::Info, "Check failed");
            ConnectionStatus::Failed { message }
        }
    };
    emitter.message(&Message::ConnectionStatus { connection_status });
}

async fn status(config: &Path, emitter: &Emitter) -> Result<Checked, String> {
    let text = |failure: Failure| failure.message;
    let (config, warnings) = files::config(config, emitter).map_err(text)?;
    let environment = environment(emitter).map_err(text)?;
    let timing = Timing::scaled_to(environment.minute).with_a_user_waiting();
    let (client, progress) = client(&config, environment, timing, emitter).map_err(text)?;
    let (moment, reached) = environment.run_moment();
    let now = moment.with_timezone(&config.timezone);
    let context = Context { emitter: emitter.clone(), client, progress, config, now, reached, unreachable: Mutex::default() };
    match sync::check(&context).await {
        Ok(checked) => Ok(Checked { warnings: warnings.into_iter().chain(checked.warnings).collect(), ..checked }),
        Err(message) => Err([message].into_iter().chain(warnings).collect::<Vec<_>>().join(" ")),
    }
}
