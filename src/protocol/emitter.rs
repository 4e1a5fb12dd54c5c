//! The one writer of stdout.
//!
//! Lines are collected in a buffer and handed to a thread that owns the output, so that a slow reader blocks that thread and
//! not the network. The hand-over is bounded: a reader that is slower than Awin slows the sync down instead of filling the
//! memory. Only whole lines are handed over, in one write, so lines never interleave and never break.
//!
//! Several tasks may hand over at once, and any of them may be dropped while it waits. So a place in the queue is reserved
//! first; lines leave the buffer only under its lock, straight into that place. Nothing that has left the buffer can be
//! overtaken or lost.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    Descriptor, Failure, Level, Log, Message, RateLimited, Reason, Secrets, State, StateOfStream, Stats, Status, StreamStatus,
    Trace, TraceBody, TraceError,
};
use crate::env::now_millis;
use crate::failpoint::reach;
use crate::terminal::Terminal;

/// Bytes of lines that are handed over at once: large enough to make the hand-over cheap, small enough to keep memory flat.
const BATCH: usize = 256 * 1024;
/// Bytes of lines that are written at once, between which the output can be aborted.
const PIECE: usize = 64 * 1024;
/// Batches that wait while one is written: enough for both sides not to wait for each other.
const WAITING: usize = 4;
/// How long a line waits in the buffer at most.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// Where lines go: stdout, or a buffer in tests.
pub type Output = Box<dyn Write + Send>;

/// The reader of our output is gone; the sync ends quietly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Writes messages; cheap to clone, all clones write to the same output.
#[derive(Clone)]
pub struct Emitter {
    shared: Arc<Mutex<Shared>>,
    batches: mpsc::Sender<Vec<u8>>,
    aborted: Arc<AtomicBool>,
    /// Set by the writing thread once the output has taken everything.
    written: Arc<AtomicBool>,
    /// Shows warnings and errors to the person who is there, if one is.
    terminal: Terminal,
}

struct Shared {
    lines: Vec<u8>,
    secrets: Secrets,
    debug: bool,
}

/// Writes `lines` to `output`, however long it takes. Whoever shares the pipe may have made it one that does not block.
fn put(output: &mut Output, mut lines: &[u8]) -> io::Result<()> {
    loop {
        let put = if lines.is_empty() { output.flush().map(|()| None) } else { output.write(lines).map(Some) };
        match put {
            Ok(None) => return Ok(()),
            Ok(Some(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(Some(taken)) => lines = &lines[taken..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(5)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Emitter {
    /// Starts the writing thread. `debug` lets DEBUG lines through.
    pub fn new(mut output: Output, debug: bool) -> Self {
        let (batches, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING);
        let aborted = Arc::new(AtomicBool::new(false));
        let is_aborted = Arc::clone(&aborted);
        let written = Arc::new(AtomicBool::new(false));
        let is_written = Arc::clone(&written);
        thread::spawn(move || {
            while let Some(batch) = receiver.blocking_recv().filter(|batch| !batch.is_empty()) {
                for lines in whole_lines(&batch) {
                    if is_aborted.load(Ordering::Relaxed) {
                        return;
                    }
                    reach("write.before");
                    if let Err(error) = put(&mut output, lines) {
                        if error.kind() != io::ErrorKind::BrokenPipe {
                            report(&error);
                        }
                        return; // Dropping the receiver tells the other side.
                    }
                    reach("write.after");
                }
            }
            is_written.store(true, Ordering::Release);
        });
        let shared = Shared { lines: Vec::with_capacity(2 * BATCH), secrets: Secrets::default(), debug };
        Self { shared: Arc::new(Mutex::new(shared)), batches, aborted, written, terminal: Terminal::default() }
    }

    /// The same, with a person at `terminal`.
    #[must_use]
    pub fn seen_at(self, terminal: Terminal) -> Self {
        Self { terminal, ..self }
    }

    /// Where the person is.
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// Ends the output after the lines that are being written; what waits is given up.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
    }

    /// Takes `secret` out of all later texts, however it is written there. Rows are not searched: Awin never sends the token
    /// back.
    pub fn hide(&self, secret: &str) {
        self.shared().secrets.add(secret);
    }

    /// `text` without secrets.
    pub fn redact(&self, text: &str) -> String {
        self.shared().redact(text)
    }

    /// The first `chars` characters of `text`, without secrets.
    pub fn redacted_excerpt(&self, text: &str, chars: usize) -> String {
        self.shared().secrets.redacted_excerpt(text.as_bytes(), chars)
    }

    /// A line for the log.
    pub fn log(&self, level: Level, text: impl AsRef<str>) {
        self.log_with_trace(level, text.as_ref(), None);
    }

    /// A line for the log with the place of a crash.
    pub fn log_with_trace(&self, level: Level, text: &str, stack_trace: Option<&str>) {
        let mut shared = self.shared();
        if matches!(level, Level::Debug | Level::Trace) && !shared.debug {
            return;
        }
        let (message, stack_trace) = (shared.redact(text), stack_trace.map(|trace| shared.redact(trace)));
        match level {
            Level::Error => self.terminal.error(&message),
            Level::Warn => self.terminal.warning(&message),
            Level::Fatal | Level::Info | Level::Debug | Level::Trace => {}
        }
        shared.line(&Message::Log { log: Log { level, message, stack_trace } });
    }

    /// Where `stream` stands.
    pub fn status(&self, stream: &Descriptor, status: Status) {
        self.stream_status(stream, status, None);
    }

    /// `stream` waits for the quota until `quota_reset` (milliseconds since the epoch).
    pub fn rate_limited(&self, stream: &Descriptor, quota_reset: u64) {
        let reason = Reason { rate_limited: RateLimited { quota_reset } };
        self.stream_status(stream, Status::Running, Some(vec![reason]));
    }

    fn stream_status(&self, stream: &Descriptor, status: Status, reasons: Option<Vec<Reason>>) {
        let stream_status = StreamStatus { stream_descriptor: stream.clone(), status, reasons };
        self.trace(TraceBody::StreamStatus { stream_status });
    }

    /// A failure, of `stream` or of the run.
    pub fn failure(&self, failure: &Failure, stream: Option<&Descriptor>, stack_trace: Option<&str>) {
        let error = {
            let shared = self.shared();
            TraceError {
                message: shared.redact(&failure.message),
                internal_message: failure.detail.as_deref().map(|detail| shared.redact(detail)),
                stack_trace: stack_trace.map(|trace| shared.redact(trace)),
                failure_type: failure.kind,
                stream_descriptor: stream.cloned(),
            }
        };
        self.terminal.error(&error.message);
        self.trace(TraceBody::Error { error });
    }

    fn trace(&self, body: TraceBody) {
        self.message(&Message::Trace { trace: Trace { emitted_at: now_millis(), body } });
    }

    /// A checkpoint: `records` is the number of RECORDs of `stream` since its last one. Returns the bytes of its line.
    pub fn state(&self, stream: &Descriptor, blob: Value, records: u64) -> usize {
        let stream = StateOfStream { stream_descriptor: stream.clone(), stream_state: blob };
        let source_stats = Stats { record_count: records };
        let message = Message::State { state: State { stream, source_stats } };
        let mut shared = self.shared();
        let before = shared.lines.len();
        shared.line(&message);
        shared.lines.len() - before
    }

    /// Any message. Texts in it must have been redacted.
    pub fn message(&self, message: &Message) {
        self.shared().line(message);
    }

    /// Appends whole lines, written by `write`, and returns what it returns.
    pub fn write_with<T>(&self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        write(&mut self.shared().lines)
    }

    /// Whether the lines that wait are worth a write.
    pub fn is_full(&self) -> bool {
        self.shared().lines.len() >= BATCH
    }

    /// Hands the lines over if they are worth a write. Waits while the reader is slow.
    pub async fn flush_if_full(&self) -> Result<(), Closed> {
        if self.is_full() { self.flush().await } else { Ok(()) }
    }

    /// Hands all lines over. Waits while the reader is slow. May be dropped while it waits: nothing has been taken yet.
    pub async fn flush(&self) -> Result<(), Closed> {
        if self.shared().lines.is_empty() {
            return Ok(());
        }
        let place = self.batches.reserve().await.map_err(|_| Closed)?;
        reach("hand_over.before");
        let mut shared = self.shared();
        if !shared.lines.is_empty() {
            place.send(std::mem::replace(&mut shared.lines, Vec::with_capacity(2 * BATCH)));
        }
        drop(shared);
        reach("hand_over.after");
        Ok(())
    }

    /// Does `work`, and hands over the lines that wait at a steady pace meanwhile. An error is a reader that is gone.
    pub async fn flush_while<T>(&self, work: impl Future<Output = T>) -> Result<T, Closed> {
        let flush_regularly = async {
            loop {
                tokio::time::sleep(FLUSH_INTERVAL).await;
                if let Err(closed) = self.flush().await {
                    return closed;
                }
            }
        };
        tokio::select! {
            done = work => Ok(done),
            closed = flush_regularly => Err(closed),
        }
    }

    /// Writes out all lines and waits until the output has them.
    pub async fn close(self) -> Result<(), Closed> {
        let _ = self.flush().await;
        // An empty batch is the end. The thread drops its side when all is out, or when the reader is gone.
        let _ = self.batches.send(Vec::new()).await;
        self.batches.closed().await;
        if self.written.load(Ordering::Acquire) { Ok(()) } else { Err(Closed) }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(|poisoned| {
            // Whoever wrote panicked within a line. The lines before it, and the report of the crash, must get out.
            self.shared.clear_poison();
            let mut shared = poisoned.into_inner();
            let whole = shared.lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            shared.lines.truncate(whole);
            shared
        })
    }
}

impl Shared {
    fn line(&mut self, message: &Message) {
        let start = self.lines.len();
        if serde_json::to_writer(&mut self.lines, message).is_ok() {
            self.lines.push(b'\n');
        } else {
            self.lines.truncate(start);
        }
    }

    fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }
}

/// Pieces of whole lines, as much as a pipe holds at a time or one long line.
fn whole_lines(batch: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = batch;
    std::iter::from_fn(move || {
        let head = &rest[..rest.len().min(PIECE)];
        let last = memchr::memrchr(b'\n', head).or_else(|| memchr::memchr(b'\n', rest));
        let (lines, left) = rest.split_at(last.map_or(rest.len(), |end| end + 1));
        rest = left;
        (!lines.is_empty()).then_some(lines)
    })
}

#[expect(clippy::print_stderr, reason = "stdout is broken: stderr is all that is left")]
fn report(error: &io::Error) {
    eprintln!("source-awin: cannot write to stdout: {error}");
}

#[cfg(test)]
mod tests;
