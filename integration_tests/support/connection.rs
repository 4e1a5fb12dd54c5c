//! A connection that is synced again and again, in the test's own process and on a clock that jumps: what Awin is like, what the
//! runner keeps, and what the destination holds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use awin_sandbox::{Clock, World};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use source_awin::awin::Request;
use tokio::time::Instant;

use super::Tables;
use super::connector::state_after;
use super::faulty::{Faulty, Wrong};
use super::tables::assert_in_sync;
use super::virtually::read_catalog;

/// A connection.
pub struct Connection {
    world: Arc<Mutex<World>>,
    pub config: Value,
    pub state: Value,
    pub tables: Tables,
}

/// A sync.
pub struct Synced {
    pub lines: Vec<Value>,
    /// By which full minute of the run each line was out.
    pub written: Vec<Duration>,
    /// Every call, as path and query.
    pub calls: Vec<String>,
    /// When each was made, since the first one.
    pub moments: Vec<Duration>,
    pub is_complete: bool,
}

impl Connection {
    /// Nothing read yet.
    pub fn new(world: World, config: Value) -> Self {
        Self { world: Arc::new(Mutex::new(world)), config, state: json!([]), tables: Tables::default() }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.world().now()
    }

    /// Time goes by.
    pub fn later(&self, step: TimeDelta) {
        let now = self.now() + step;
        self.world().clock = Clock::Fixed(now);
    }

    /// Reads `catalog`, with what goes wrong. The lines are not handed on yet.
    pub fn read(&self, catalog: &Value, wrong: impl Fn(&Request, u64) -> Option<Wrong> + Send + Sync + 'static) -> Synced {
        let calls: Arc<Mutex<Vec<(Instant, String)>>> = Arc::default();
        let noted = Arc::clone(&calls);
        let strikes = move |request: &Request, number: u64| {
            noted.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), request.to_string()));
            wrong(request, number)
        };
        let transport = Arc::new(Faulty::new(Arc::clone(&self.world), Box::new(strikes)));
        let now = self.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let ran = read_catalog(transport, &now, catalog, &self.config, Some(&self.state));
        let (written, lines) = ran.lines.into_iter().unzip();
        let calls = std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner));
        let first = calls.first().map(|(at, _)| *at);
        let moments = calls.iter().filter_map(|(at, _)| first.map(|first| *at - first)).collect();
        Synced { lines, written, calls: calls.into_iter().map(|(_, call)| call).collect(), moments, is_complete: ran.is_complete }
    }

    /// The destination takes in the rows of `lines`, and the runner the states.
    pub fn take(&mut self, lines: &[Value]) {
        self.tables.load(lines);
        self.take_states(lines);
    }

    /// The runner takes in the states of `lines`; the rows go elsewhere.
    pub fn take_states(&mut self, lines: &[Value]) {
        let known = self.state.as_array_mut().expect("a list");
        for entry in state_after(lines).as_array().expect("a list") {
            known.retain(|old| old["stream"]["stream_descriptor"] != entry["stream"]["stream_descriptor"]);
            known.push(entry.clone());
        }
    }

    /// Reads `streams` incrementally, and nothing goes wrong.
    #[track_caller]
    pub fn sync(&mut self, streams: &[&str]) -> Synced {
        self.sync_with(streams, |_, _| None)
    }

    /// The same with what goes wrong; the sync ends well for all that.
    #[track_caller]
    pub fn sync_with(
        &mut self,
        streams: &[&str],
        wrong: impl Fn(&Request, u64) -> Option<Wrong> + Send + Sync + 'static,
    ) -> Synced {
        let synced = self.read(&super::connector::catalog(streams, "incremental"), wrong);
        assert!(synced.is_complete, "{:#?}", synced.logs("ERROR"));
        self.take(&synced.lines);
        synced
    }

    /// Syncs `streams` every 17 hours, `runs` times, after `happens` to the world. One call in `odds` fails, in every fourth run
    /// the process dies. After each sync that ends the tables are the truth.
    #[track_caller]
    pub fn through_faults_and_kills(&mut self, streams: &[&str], runs: u64, odds: u64, happens: impl Fn(&mut World, u64)) {
        const FAULTS: [Wrong; 8] = [
            Wrong::Status(500),
            Wrong::Status(429),
            Wrong::Html,
            Wrong::Empty,
            Wrong::Cut,
            Wrong::Half,
            Wrong::Reset,
            Wrong::Slow,
        ];
        let catalog = super::connector::catalog(streams, "incremental");
        let mut struck = 0;
        for run in 0..runs {
            self.later(TimeDelta::hours(17));
            happens(&mut self.world(), run);
            let strikes: Arc<AtomicU64> = Arc::default();
            let counted = Arc::clone(&strikes);
            let mut synced = self.read(&catalog, move |_, call| {
                let thrown = (run << 20 | call).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                let is_struck = thrown.is_multiple_of(odds);
                counted.fetch_add(u64::from(is_struck), Ordering::Relaxed);
                is_struck.then(|| FAULTS[usize::try_from(thrown / odds % 8).expect("few")])
            });
            struck += strikes.load(Ordering::Relaxed);
            if run % 4 == 1 {
                let written = synced.lines.len();
                synced.lines.truncate(usize::try_from(run).expect("small") * 37 % (written + 1));
                self.take(&synced.lines);
                continue;
            }
            self.take(&synced.lines);
            assert!(synced.is_complete, "run {run}: {:?}", synced.logs("ERROR"));
            assert_in_sync(&self.world(), &self.config, &self.tables, streams);
        }
        assert!(struck > runs, "{struck} faults");
    }

    /// The parts of a stream in the state.
    pub fn parts(&self, stream: &str) -> Vec<&Value> {
        let entries = self.state.as_array().expect("a list").iter();
        let of_stream = entries.filter(|entry| entry["stream"]["stream_descriptor"]["name"] == stream);
        of_stream.flat_map(|entry| entry["stream"]["stream_state"]["accounts"].as_array().into_iter().flatten()).collect()
    }
}

impl Synced {
    pub fn logs(&self, level: &str) -> Vec<&str> {
        let logs = self.lines.iter().filter(|line| line["type"] == "LOG" && line["log"]["level"] == level);
        logs.filter_map(|line| line["log"]["message"].as_str()).collect()
    }

    /// Calls that contain `text`.
    pub fn calls_of(&self, text: &str) -> Vec<&str> {
        self.calls.iter().map(String::as_str).filter(|call| call.contains(text)).collect()
    }

    /// Whether `stream` ended complete.
    pub fn has_completed(&self, stream: &str) -> bool {
        self.lines.iter().any(|line| {
            let status = &line["trace"]["stream_status"];
            status["status"] == "COMPLETE" && status["stream_descriptor"]["name"] == stream
        })
    }
}
