//! What the run is doing: for the log, for the streams' statuses, and for the person at a terminal, if there is one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use tokio::time::Instant;

use super::explain::UPDATE;
use super::summary::{self, Summary, counted, estimate, grouped, short};
use super::tally::Written;
use crate::awin::{CallError, Notice, Observer, Request};
use crate::env::now_millis;
use crate::protocol::{Descriptor, Emitter, Level, Status};
use crate::terminal::View;

/// So long a call that failed is shown as one that is tried again: longer than any pause before a try.
const TROUBLE: Duration = Duration::from_secs(150);

/// Counts calls, and knows which stream waits.
pub struct Progress {
    emitter: Emitter,
    quota: u32,
    minute: Duration,
    counts: Mutex<Counts>,
}

struct Counts {
    stream: Option<Descriptor>,
    /// The account whose answers are read.
    account: Option<String>,
    calls: u64,
    planned: u64,
    rows: u64,
    /// Until when the next call waits for the quota, in milliseconds since the epoch.
    waits_until: Option<u64>,
    /// The last call that failed and is tried again: when, and why.
    trouble: Option<(Instant, String)>,
    began: Instant,
    logged: Instant,
    /// Calls before the stream, and when it began.
    entered: (u64, Instant),
    summaries: Vec<Summary>,
    /// Whether the end of an address was announced: one warning is enough.
    is_announced: bool,
}

impl Progress {
    /// Nothing done yet.
    pub fn new(emitter: Emitter, quota: u32, minute: Duration) -> Self {
        let now = Instant::now();
        let counts = Counts {
            stream: None,
            account: None,
            calls: 0,
            planned: 0,
            rows: 0,
            waits_until: None,
            trouble: None,
            began: now,
            logged: now,
            entered: (0, now),
            summaries: Vec::new(),
            is_announced: false,
        };
        Self { emitter, quota, minute, counts: Mutex::new(counts) }
    }

    /// `calls` more calls are to come than was known.
    pub fn plan(&self, calls: u64) {
        self.counts().planned += calls;
    }

    /// `calls` calls that were planned are not needed.
    pub(super) fn spare(&self, calls: u64) {
        let mut counts = self.counts();
        counts.planned = counts.planned.saturating_sub(calls);
    }

    /// `rows` more rows were read.
    pub fn rows(&self, rows: u64) {
        self.counts().rows += rows;
    }

    /// The stream that is read from now on.
    pub fn enter(&self, stream: &Descriptor) {
        let mut counts = self.counts();
        counts.stream = Some(stream.clone());
        counts.entered = (counts.calls, Instant::now());
    }

    /// The account whose answers are read from now on.
    pub(super) fn reads(&self, account: Option<String>) {
        let mut counts = self.counts();
        (counts.account, counts.trouble) = (account, None);
    }

    /// The stream has ended.
    pub fn leave(&self) {
        let mut counts = self.counts();
        (counts.stream, counts.account) = (None, None);
    }

    /// What the stream that is read has done, when it ends.
    pub(super) fn sum_up(
        &self,
        written: Written,
        is_complete: bool,
        through: Vec<(String, Option<DateTime<FixedOffset>>)>,
        waiting: usize,
    ) {
        let mut counts = self.counts();
        let Some(stream) = counts.stream.as_ref().map(|stream| stream.name.clone()) else { return };
        let (calls, time) = (counts.calls - counts.entered.0, counts.entered.1.elapsed());
        counts.summaries.push(Summary {
            stream,
            rows: written.records,
            unchanged: written.unchanged,
            calls,
            time,
            is_complete,
            through,
            waiting,
        });
    }

    /// The run is over: what it has done, for the log and for the person at the terminal. Times are those of `zone`.
    pub(super) fn end(&self, zone: &str) {
        let counts = self.counts();
        let terminal = self.emitter.terminal();
        terminal.clear();
        if counts.summaries.is_empty() {
            return;
        }
        let time = counts.began.elapsed();
        for line in summary::lines(&counts.summaries, counts.calls, time) {
            self.emitter.log(Level::Info, line);
        }
        terminal.say(summary::table(&counts.summaries, counts.calls, time, zone));
    }

    /// Whether the next call waits for the quota.
    pub(super) fn is_waiting(&self) -> bool {
        self.counts().waits_until.is_some()
    }

    /// How long `calls` calls take.
    pub fn estimate(&self, calls: u64) -> String {
        estimate(calls, self.quota)
    }

    /// Draws how far the run is, and says so in the log once a minute.
    pub fn tick(&self) {
        let mut counts = self.counts();
        if self.emitter.terminal().is_there() {
            self.emitter.terminal().show(self.view(&counts));
        }
        if counts.logged.elapsed() >= self.minute {
            counts.logged = Instant::now();
            let stream = counts.stream.as_ref().map_or(String::new(), |stream| format!(" Reading `{}`.", stream.name));
            let text = format!("{} of {} calls done, {} left.{stream}", counts.calls, counts.all(), self.left(&counts));
            self.emitter.log(Level::Info, text);
        }
    }

    fn left(&self, counts: &Counts) -> String {
        estimate(counts.all() - counts.calls, self.quota)
    }

    fn view(&self, counts: &Counts) -> View {
        let (calls, rows) = (counted(counts.all(), "call"), counted(counts.rows, "row"));
        let so_far = format!("{} of {calls} and {rows}", grouped(counts.calls));
        let waits = counts.waits_until.map(|until| until.saturating_sub(now_millis()).div_ceil(1000)).filter(|wait| *wait > 0);
        let trouble = counts.trouble.as_ref().filter(|(at, _)| at.elapsed() < TROUBLE).map(|(_, why)| why);
        let end = match (waits, trouble) {
            (Some(seconds), _) => format!("waiting for Awin's limit, {seconds} s"),
            (None, Some(why)) => format!("trying again: {why}"),
            (None, None) => format!("{} left", self.left(counts)),
        };
        let figures = format!("{}/{calls} · {rows} · {} · {end}", grouped(counts.calls), short(counts.began.elapsed()));
        let Some(stream) = &counts.stream else {
            return View {
                done: 0,
                all: 1,
                figures: [counted(counts.calls, "call"), short(counts.began.elapsed())]
                    .into_iter()
                    .chain(trouble.map(|why| format!("trying again: {why}")))
                    .collect::<Vec<_>>()
                    .join(" · "),
                place: "finding out what there is to read".into(),
                stopped: "Stopped before anything was read.".into(),
            };
        };
        let account = counts.account.as_ref();
        let place = account.map_or(stream.name.clone(), |account| format!("{} · {account}", stream.name));
        let of = account.map_or(String::new(), |account| format!(" of {account}"));
        let stopped =
            format!("Stopped at `{}`{of}, after {so_far}. The next sync goes on there, from the last STATE.", stream.name);
        View { done: counts.calls, all: counts.all(), figures, place, stopped }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Calls that were made or are to come.
    fn all(&self) -> u64 {
        self.planned.max(self.calls)
    }
}

impl Observer for Progress {
    fn calls(&self, request: &Request) {
        self.counts().calls += 1;
        self.emitter.log(Level::Debug, request.to_string());
    }

    fn waits(&self, until: u64) {
        let mut counts = self.counts();
        counts.waits_until = Some(until);
        if let Some(stream) = &counts.stream {
            self.emitter.rate_limited(stream, until);
        }
    }

    fn resumes(&self) {
        let mut counts = self.counts();
        counts.waits_until = None;
        if let Some(stream) = &counts.stream {
            self.emitter.status(stream, Status::Running);
        }
    }

    fn retries(&self, request: &Request, error: &CallError) {
        self.plan(1);
        self.counts().trouble = Some((Instant::now(), error.to_string()));
        self.emitter.log(Level::Info, format!("{request}: {error}; trying again."));
    }

    fn retires(&self, request: &Request, notice: Notice) {
        if std::mem::replace(&mut self.counts().is_announced, true) {
            return;
        }
        let deprecated = notice.deprecated.map_or("deprecated".to_owned(), |day| format!("deprecated from {day} on"));
        let end = notice.sunset.map_or("without a date for its end".to_owned(), |day| format!("gone after {day}"));
        let text = format!("Awin is retiring `GET {}`, which this connector calls: {deprecated}, {end}. {UPDATE}", request.path);
        self.emitter.log(Level::Warn, text);
    }
}
