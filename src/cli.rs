//! The command line: one arm per command, and the rules of the protocol for answers and exit codes.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use clap::{Args, Parser, Subcommand};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::awin::{Client, Settings};
use crate::commands::files;
use crate::config::{self, Config};
use crate::protocol::{Closed, ConnectionStatus, Emitter, Failure, Level, Message, Output};
use crate::streams;
use crate::sync::{Progress, Run, RunEnd, check};

/// Airbyte source connector for the Awin affiliate network.
#[derive(Debug, Parser)]
#[command(name = "source-awin", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what the configuration looks like.
    Spec(Common),
    /// Say whether data can be read with a configuration.
    Check {
        #[command(flatten)]
        config: ConfigArg,
        #[command(flatten)]
        common: Common,
    },
    /// Print the streams and their schemas.
    Discover {
        #[command(flatten)]
        config: ConfigArg,
        #[command(flatten)]
        common: Common,
    },
    /// Read the streams of a configured catalog.
    Read {
        #[command(flatten)]
        config: ConfigArg,
        /// The configured catalog: which streams to read, and how.
        #[arg(long)]
        catalog: PathBuf,
        /// The state of the last sync.
        #[arg(long)]
        state: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct ConfigArg {
    /// The configuration, a JSON file.
    #[arg(long)]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct Common {
    /// Log every call.
    #[arg(long)]
    debug: bool,
}

/// What the machine gives: the clock and the length of a minute. Tests set both by environment variables.
#[derive(Debug, Clone, Copy)]
pub struct Environment {
    /// A clock that stands still.
    pub now: Option<DateTime<Utc>>,
    /// How long the quota's minute lasts; pauses and time-outs are in proportion to it.
    pub minute: Duration,
}

impl Environment {
    /// That of the process: `SOURCE_AWIN_TEST_NOW` (RFC 3339) and `SOURCE_AWIN_TEST_MINUTE_MS`, for tests only.
    pub fn from_process() -> Self {
        let now = std::env::var("SOURCE_AWIN_TEST_NOW").ok().and_then(|text| text.parse().ok());
        let minute = std::env::var("SOURCE_AWIN_TEST_MINUTE_MS").ok().and_then(|text| text.parse().ok());
        Self { now, minute: minute.map_or(Duration::from_secs(60), Duration::from_millis) }
    }

    /// The moment up to which a run reads, and when that is: the next full second. What happens before the run starts is
    /// before it, even where Awin takes the end of a window as exclusive.
    fn run_moment(&self) -> (DateTime<Utc>, Instant) {
        let now = Utc::now();
        let moment = self.now.unwrap_or_else(|| (now + TimeDelta::milliseconds(999)).trunc_subsecs(0));
        let ahead = if self.now.is_none() { moment - now } else { TimeDelta::zero() };
        (moment, Instant::now() + ahead.to_std().unwrap_or_default())
    }
}

/// Time for a reader to take the last lines after a signal.
const LAST_LINES: Duration = Duration::from_millis(1500);

/// Runs the command until it is done or `stop` is; gives the exit code. Either way the output ends with a whole line.
pub async fn run(cli: Cli, environment: Environment, output: Output, stop: impl Future<Output = ()>) -> u8 {
    let (Command::Spec(common) | Command::Check { common, .. } | Command::Discover { common, .. } | Command::Read { common, .. }) =
        &cli.command;
    let debug = common.debug
        || std::env::var("LOG_LEVEL").is_ok_and(|level| matches!(level.to_ascii_lowercase().as_str(), "debug" | "trace"));
    let emitter = Emitter::new(output, debug);
    let work = AssertUnwindSafe(command(cli.command, environment, emitter.clone())).catch_unwind();
    let ended = tokio::select! {
        ended = emitter.flush_while(work) => ended.map_or(Err(Stopped::Closed), |ended| ended.unwrap_or(Err(Stopped::Panicked))),
        () = stop => Err(Stopped::Signalled),
    };
    let code = match ended {
        Ok(code) => code,
        Err(Stopped::Closed) => 1,
        Err(Stopped::Signalled) => {
            // A reader that takes little or nothing more must not keep the process alive.
            let mut finished = std::pin::pin!(emitter.clone().close());
            if tokio::time::timeout(LAST_LINES, &mut finished).await.is_err() {
                emitter.abort();
                let _ = tokio::time::timeout(LAST_LINES / 2, finished).await;
            }
            return 1;
        }
        Err(Stopped::Failed(failure)) => {
            emitter.failure(&failure, None, None);
            1
        }
        Err(Stopped::Panicked) => {
            let place = crate::panics::last();
            emitter.log_with_trace(Level::Fatal, "Something went wrong in the connector.", Some(&place));
            let failure = Failure::system("Something went wrong in the connector. Report this as a bug, with the log.")
                .with_detail(place.clone());
            emitter.failure(&failure, None, Some(&place));
            1
        }
    };
    match emitter.close().await {
        Ok(()) => code,
        Err(Closed) => code.max(1),
    }
}

enum Stopped {
    Closed,
    Signalled,
    Failed(Failure),
    Panicked,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<RunEnd> for Stopped {
    fn from(end: RunEnd) -> Self {
        match end {
            RunEnd::Closed => Self::Closed,
            RunEnd::Failed(failure) => Self::Failed(failure),
        }
    }
}

async fn command(command: Command, environment: Environment, emitter: Emitter) -> Result<u8, Stopped> {
    match command {
        Command::Spec(_) => {
            emitter.message(&Message::Spec { spec: config::spec() });
            Ok(0)
        }
        Command::Check { config, .. } => {
            let connection_status = check_connection(&config.config, environment, &emitter).await;
            let level =
                if matches!(connection_status, ConnectionStatus::Succeeded { .. }) { "Check succeeded" } else { "Check failed" };
            emitter.log(Level::Info, level);
            emitter.message(&Message::ConnectionStatus { connection_status });
            Ok(0)
        }
        Command::Discover { config, .. } => {
            files::config(&config.config, &emitter)?;
            emitter.message(&Message::Catalog { catalog: streams::discover() });
            Ok(0)
        }
        Command::Read { config, catalog, state, .. } => {
            let config = files::config(&config.config, &emitter)?;
            let catalog = files::catalog(&catalog)?;
            let input = state.map(|state| files::state(&state)).transpose()?.unwrap_or_default();
            let (moment, reached) = environment.run_moment();
            let progress = Arc::new(Progress::new(emitter.clone(), config.requests_per_minute, environment.minute));
            let client = client(&config, environment, &progress)?;
            let now = moment.with_timezone(&config.timezone);
            let run = Run { emitter, client, progress: Arc::clone(&progress), config, now, reached };
            let complete = tokio::select! {
                complete = run.read(catalog, input) => complete?,
                () = tell_regularly(&progress, environment.minute) => false,
            };
            progress.end();
            Ok(u8::from(!complete))
        }
    }
}

/// Never ends.
async fn tell_regularly(progress: &Progress, minute: Duration) {
    loop {
        tokio::time::sleep(minute).await;
        progress.tell();
    }
}

async fn check_connection(path: &Path, environment: Environment, emitter: &Emitter) -> ConnectionStatus {
    let status = match files::config(path, emitter) {
        Ok(config) => {
            let progress = Arc::new(Progress::new(emitter.clone(), config.requests_per_minute, environment.minute));
            match client(&config, environment, &progress) {
                Ok(client) => check(client, emitter.clone(), &config, environment.minute).await,
                Err(failure) => ConnectionStatus::Failed { message: failure.message },
            }
        }
        Err(failure) => ConnectionStatus::Failed { message: failure.message },
    };
    match status {
        ConnectionStatus::Failed { message } => ConnectionStatus::Failed { message: emitter.redact(&message) },
        ConnectionStatus::Succeeded { message } => {
            if let Some(message) = &message {
                emitter.log(Level::Warn, message);
            }
            ConnectionStatus::Succeeded { message }
        }
    }
}

fn client(config: &Config, environment: Environment, progress: &Arc<Progress>) -> Result<Client, Failure> {
    let settings = Settings {
        url: config.api_url.clone(),
        token: config.api_token.clone(),
        quota: config.requests_per_minute,
        minute: environment.minute,
        observer: Arc::<Progress>::clone(progress),
    };
    Client::new(settings).map_err(|why| {
        Failure::config(format!(
            "No connection can be made from this machine: {why}. Check its CA certificates (SSL_CERT_FILE) and proxy settings."
        ))
    })
}
