//! What the run is doing: for the log, for the streams' statuses, and, where a person sits at stderr, as a bar there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::awin::{CallError, Observer, Request};
use crate::protocol::{Descriptor, Emitter, Level, Status};

/// Counts calls, and tells which stream waits.
pub struct Progress {
    emitter: Emitter,
    quota: u32,
    minute: Duration,
    counts: Mutex<Counts>,
    bar: ProgressBar,
}

struct Counts {
    stream: Option<Descriptor>,
    calls: u64,
    planned: u64,
    rows: u64,
    told: Instant,
}

impl Progress {
    /// Nothing done yet.
    pub fn new(emitter: Emitter, quota: u32, minute: Duration) -> Self {
        let counts = Counts { stream: None, calls: 0, planned: 0, rows: 0, told: Instant::now() };
        Self { emitter, quota, minute, counts: Mutex::new(counts), bar: ProgressBar::hidden() }
    }

    /// A run begins to read: `calls` calls are to come. Shows the bar, if stderr is a terminal.
    pub fn begin(&self, calls: u64) {
        let style = ProgressStyle::with_template("{bar:30} {msg}").expect("the template is tested");
        self.bar.set_style(style);
        self.counts().planned += calls;
        self.bar.set_message(self.line());
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
    }

    /// `calls` more calls are to come than was known.
    pub fn plan(&self, calls: u64) {
        self.counts().planned += calls;
        self.draw();
    }

    /// `rows` more rows were read.
    pub fn rows(&self, rows: u64) {
        self.counts().rows += rows;
        self.draw();
    }

    /// The run is over: takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn draw(&self) {
        if self.bar.is_hidden() {
            return;
        }
        let (calls, all) = {
            let counts = self.counts();
            (counts.calls, counts.planned.max(counts.calls))
        };
        self.bar.update(|state| {
            state.set_len(all);
            state.set_pos(calls);
        });
        self.bar.set_message(self.line());
    }

    /// What stands behind the bar.
    fn line(&self) -> String {
        let counts = self.counts();
        let (calls, planned, rows) = (counts.calls, counts.planned.max(counts.calls), counts.rows);
        format!("{calls}/{planned} calls, {rows} rows, about {} min left", self.minutes(planned - calls))
    }

    /// The stream that is read from now on.
    pub fn enter(&self, stream: Option<&Descriptor>) {
        self.counts().stream = stream.cloned();
    }

    /// Minutes that `calls` calls take at the quota, beyond the first burst.
    pub fn minutes(&self, calls: u64) -> u64 {
        calls.saturating_sub(1) / u64::from(self.quota.max(1))
    }

    /// Says how far the run is, once a minute.
    pub fn tell(&self) {
        let text = {
            let mut counts = self.counts();
            if counts.told.elapsed() < self.minute {
                return;
            }
            counts.told = Instant::now();
            let left = counts.planned.saturating_sub(counts.calls);
            let stream = counts.stream.as_ref().map_or(String::new(), |stream| format!(" Reading `{}`.", stream.name));
            format!(
                "{} of {} calls done, about {} min left.{stream}",
                counts.calls,
                counts.planned.max(counts.calls),
                self.minutes(left)
            )
        };
        self.emitter.log(Level::Info, text);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Progress {
    fn calls(&self, request: &Request) {
        self.counts().calls += 1;
        self.draw();
        self.emitter.log(Level::Debug, request.to_string());
    }

    fn waits(&self, until: u64) {
        if let Some(stream) = &self.counts().stream {
            self.emitter.rate_limited(stream, until);
        }
    }

    fn resumes(&self) {
        if let Some(stream) = &self.counts().stream {
            self.emitter.status(stream, Status::Running);
        }
    }

    fn retries(&self, request: &Request, error: &CallError) {
        self.plan(1);
        self.emitter.log(Level::Info, format!("{request}: {error}; trying again."));
    }
}
