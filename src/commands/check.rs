//! `check`: whether data can be read. Whatever is wrong is the answer, not an error of the command.

use std::path::Path;

use super::{client, environment, files};
use crate::protocol::{ConnectionStatus, Emitter, Failure, Level, Message};
use crate::sync;

/// Emits the answer.
pub async fn check(config: &Path, emitter: &Emitter) {
    let connection_status = match status(config, emitter).await {
        Ok(ConnectionStatus::Succeeded { message }) => {
            let message = message.map(|message| emitter.redact(&message));
            if let Some(message) = &message {
                emitter.log(Level::Warn, message);
            }
            emitter.log(Level::Info, "Check succeeded");
            ConnectionStatus::Succeeded { message }
        }
        Ok(ConnectionStatus::Failed { message }) | Err(Failure { message, .. }) => {
            let message = emitter.redact(&message);
            emitter.terminal().error(&message);
            emitter.log(Level::Info, "Check failed");
            ConnectionStatus::Failed { message }
        }
    };
    emitter.message(&Message::ConnectionStatus { connection_status });
}

async fn status(config: &Path, emitter: &Emitter) -> Result<ConnectionStatus, Failure> {
    let (config, warnings) = files::config(config, emitter)?;
    let environment = environment(emitter)?;
    let (client, _) = client(&config, environment, emitter)?;
    let status = sync::check(client, emitter.clone(), &config).await;
    let with_warnings = |message: Option<String>| message.into_iter().chain(warnings).collect::<Vec<_>>().join(" ");
    Ok(match status {
        ConnectionStatus::Succeeded { message } => {
            let message = Some(with_warnings(message)).filter(|message| !message.is_empty());
            ConnectionStatus::Succeeded { message }
        }
        ConnectionStatus::Failed { message } => ConnectionStatus::Failed { message: with_warnings(Some(message)) },
    })
}
