//! Parses the command line, runs, exits.

use std::cell::Cell;
use std::process::ExitCode;

use clap::Parser as _;
use source_awin::{cli, panics};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    panics::keep();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("the system gives a process its event loop");
    let received = Cell::new(None);
    let stop = async { received.set(Some(signalled().await)) };
    let code = runtime.block_on(cli::run(cli, cli::Environment::from_process(), Box::new(std::io::stdout()), stop));
    match received.get() {
        None => ExitCode::from(code),
        Some(signal) => die_of(signal),
    }
}

/// Waits for SIGTERM or SIGINT. As process 1 of a container, only a process with handlers gets them.
async fn signalled() -> i32 {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
    }
}

/// Ends as the signal would have ended the process, so that whoever sent it sees that.
fn die_of(signal: i32) -> ExitCode {
    // The kernel shields process 1 from the default action of signals.
    if std::process::id() != 1 {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(1))
}
