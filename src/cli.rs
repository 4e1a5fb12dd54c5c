//! The command line: its grammar, and the rules of the protocol for errors and exit codes.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use futures_util::FutureExt as _;

use crate::protocol::{Abort, Closed, Emitter, Failure, Level, Output};
use crate::terminal::Terminal;
use crate::{commands, env, process};

/// Airbyte source connector for the Awin affiliate network.
///
/// Messages of the protocol go to stdout, one JSON object a line. A terminal at stderr shows how far a run is; anything else there
/// stays empty.
#[derive(Debug, Parser)]
#[command(name = "source-awin", version = VERSION, about, after_help = MORE)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (Airbyte protocol 0.2.0)");

const MORE: &str = "\
Examples:
  echo '{\"api_token\": \"...\", \"start_date\": \"2026-01-01\"}' > config.json
  source-awin check    --config config.json
  source-awin discover --config config.json > catalog.json
  source-awin read     --config config.json --catalog catalog.json > output.jsonl
  source-awin read     --config config.json --catalog catalog.json --state state.json >> output.jsonl

Exit codes:
  0  done (of `check`: the answer says whether data can be read)
  1  something could not be read; the errors say what
  2  wrong usage

Environment:
  LOG_LEVEL                    `debug` logs every call, as --debug does
  HTTPS_PROXY, NO_PROXY        the proxy, and hosts reached without it
  SSL_CERT_FILE, SSL_CERT_DIR  CA certificates in place of the system's
  NO_COLOR                     no colours at a terminal

Links:
  API token      https://ui.awin.com/awin-api
  Documentation  https://github.com/source-awin/source-awin#readme
  Issues         https://github.com/source-awin/source-awin/issues";

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the connector specification.
    Spec(Common),
    /// Check the configuration and the credentials.
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
        /// Which streams to read, and how: a configured catalog, or the output of `discover`.
        #[arg(long)]
        catalog: PathBuf,
        /// Where the last sync ended: a list of the last STATE of each stream. Without it, everything is read.
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

impl Command {
    fn is_debug(&self) -> bool {
        let (Self::Spec(common) | Self::Check { common, .. } | Self::Discover { common, .. } | Self::Read { common, .. }) = self;
        common.debug
    }
}

/// Time for a reader to take the last lines after a signal.
const LAST_LINES: Duration = Duration::from_millis(1500);

/// Runs the command until it is done or `stop` is, and returns the exit code: 0 if all went well, else 1 (2 is wrong usage).
/// Either way the output ends with a whole line.
pub async fn run(cli: Cli, output: Output, terminal: Terminal, stop: impl Future<Output = ()>) -> u8 {
    let emitter = Emitter::new(output, cli.command.is_debug() || env::is_debug()).seen_at(terminal.clone());
    let work = AssertUnwindSafe(run_command(cli.command, &emitter)).catch_unwind();
    let ended = tokio::select! {
        ended = emitter.flush_while(work) => ended,
        () = stop => {
            terminal.stopped();
            give_up(emitter).await;
            return 1;
        }
    };
    let code = match ended {
        Ok(Ok(Ok(is_good))) => u8::from(!is_good),
        Err(Closed) | Ok(Ok(Err(Abort::OutputClosed))) => 1,
        Ok(Ok(Err(Abort::Fatal(failure)))) => {
            emitter.failure(&failure, None, None);
            1
        }
        Ok(Err(_panic)) => {
            let place = process::last_panic();
            emitter.log_with_trace(Level::Fatal, INTERNAL_ERROR, Some(&place));
            emitter.failure(&Failure::system(INTERNAL_ERROR).with_detail(place.clone()), None, Some(&place));
            1
        }
    };
    match emitter.close().await {
        Ok(()) => code,
        Err(Closed) => code.max(1),
    }
}

const INTERNAL_ERROR: &str = concat!(
    "Internal error in source-awin ",
    env!("CARGO_PKG_VERSION"),
    ". Please report it with this log: https://github.com/source-awin/source-awin/issues."
);

/// Ends the output soon: a reader that takes little or nothing more must not keep the process alive.
async fn give_up(emitter: Emitter) {
    let mut closed = std::pin::pin!(emitter.clone().close());
    if tokio::time::timeout(LAST_LINES, &mut closed).await.is_err() {
        emitter.abort();
        let _ = tokio::time::timeout(LAST_LINES / 2, closed).await;
    }
}

/// True if all went well.
async fn run_command(command: Command, emitter: &Emitter) -> Result<bool, Abort> {
    match command {
        Command::Spec(_) => commands::spec::spec(emitter),
        Command::Check { config, .. } => commands::check::check(&config.config, emitter).await,
        Command::Discover { config, .. } => commands::discover::discover(&config.config, emitter)?,
        Command::Read { config, catalog, state, .. } => {
            return commands::read::read(&config.config, &catalog, state.as_deref(), emitter).await;
        }
    }
    Ok(true)
}
