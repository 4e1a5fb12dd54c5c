//! The process: its event loop, signals, panics, and how it exits.

use std::cell::Cell;
use std::panic;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Does `work`, which is told by the future that it gets when a signal has come, and exits with its code, or as the signal
/// would have it.
pub fn run(work: impl AsyncFnOnce(Pin<Box<dyn Future<Output = ()> + '_>>) -> u8) -> ExitCode {
    keep_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("the system gives a process its event loop");
    let received = Cell::new(None);
    let stop = async { received.set(Some(signalled().await)) };
    let code = runtime.block_on(work(Box::pin(stop)));
    received.get().map_or(ExitCode::from(code), die_of)
}

/// Where and why the last panic happened.
pub fn last_panic() -> String {
    LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A panic is a bug. It must still reach the user as a protocol message, and leave stderr alone.
fn keep_panics() {
    panic::set_hook(Box::new(|info| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
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
