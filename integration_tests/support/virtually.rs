//! Runs `read` within the test, on a clock that jumps from one moment at which something happens to the next: hours pass in
//! milliseconds, and no answer depends on the speed of the machine.

use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use awin_sandbox::instant;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use source_awin::awin::{Answer, CallError, Client, Request, Settings, Timing, Transport};
use source_awin::config::Config;
use source_awin::protocol::{ConfiguredCatalog, Emitter, InputState, Secrets};
use source_awin::sync::{self, Context, Progress};
use tokio::time::Instant;

/// What becomes of a request.
pub enum Reply {
    /// 200 and this JSON.
    Json(String),
    /// This status, with an empty object.
    Status(u16),
    /// No answer, ever.
    Hang,
    /// 200 and this much of a body, then nothing more.
    HangAfter(String),
}

/// Decides what becomes of each request.
pub type Server = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

struct Served(Server);

impl Transport for Served {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Answer, CallError>> {
        async move {
            // As long as Awin takes for a small answer.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let (status, body, hangs) = match (self.0)(request) {
                Reply::Json(text) => (200, text, false),
                Reply::Status(status) => (status, "{}".to_owned(), false),
                Reply::HangAfter(text) => (200, text, true),
                Reply::Hang => std::future::pending().await,
            };
            let pieces = stream::iter([Ok(Bytes::from(body))]);
            let body = if hangs { pieces.chain(stream::pending()).boxed() } else { pieces.boxed() };
            Ok(Answer { status, headers: HeaderMap::default(), body })
        }
        .boxed()
    }
}

/// How a run went.
pub struct Ran {
    /// Every line, with the minute in which it came out.
    pub lines: Vec<(Duration, Value)>,
    /// Whether every stream was complete.
    pub is_complete: bool,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// The longest stretch without a RECORD, a STATE or the end of the run.
    pub fn longest_silence(&self) -> Duration {
        let beats = self.lines.iter().filter(|(_, line)| line["type"] == "RECORD" || line["type"] == "STATE");
        let mut moments: Vec<Duration> = beats.map(|(at, _)| *at).collect();
        moments.push(self.took);
        let mut last = Duration::ZERO;
        let mut longest = Duration::ZERO;
        for at in moments {
            longest = longest.max(at.saturating_sub(last));
            last = at;
        }
        longest
    }
}

/// Hands each write on to the test.
struct Sink(mpsc::Sender<Vec<u8>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads `streams` from `server` with the keys of `config`, and the given state.
pub fn read(streams: &[&str], config: &Value, state: Option<&Value>, server: Server) -> Ran {
    read_from(Arc::new(Served(server)), "2026-11-20T15:30:00Z", streams, config, state)
}

/// The same from any transport, at the moment `now`.
pub fn read_from(transport: Arc<dyn Transport>, now: &str, streams: &[&str], config: &Value, state: Option<&Value>) -> Ran {
    read_catalog(transport, now, &super::connector::catalog(streams, "incremental"), config, state)
}

/// The same with any catalog.
pub fn read_catalog(transport: Arc<dyn Transport>, now: &str, catalog: &Value, config: &Value, state: Option<&Value>) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut full = json!({"api_token": "a-token", "start_date": "2026-11-16"});
        for (key, value) in config.as_object().expect("an object") {
            full[key] = value.clone();
        }
        let config = Config::parse(&full.to_string()).expect("valid");
        let catalog = ConfiguredCatalog::parse(&catalog.to_string()).expect("valid");
        let input =
            state.map_or_else(InputState::default, |state| InputState::parse(&state.to_string(), |_| true).expect("valid"));
        let (sender, receiver) = mpsc::channel();
        let emitter = Emitter::new(Box::new(Sink(sender)), false);
        let timing = Timing::default();
        let progress = Arc::new(Progress::new(emitter.clone(), config.requests_per_minute, timing.minute));
        let client = Client::new(Settings {
            transport,
            secrets: Secrets::default(),
            quota: config.requests_per_minute,
            timing,
            observer: Arc::<Progress>::clone(&progress),
        });
        let began = Instant::now();
        let context = Context {
            emitter: emitter.clone(),
            client,
            progress,
            now: instant(now).with_timezone(&config.timezone),
            config,
            // A run reads up to the next full second.
            reached: began + Duration::from_secs(1),
            unreachable: Mutex::default(),
        };
        let mut lines = Vec::new();
        let mut ticks = 0;
        let is_complete = {
            let mut reading = std::pin::pin!(sync::read(&context, catalog, &input));
            loop {
                tokio::select! {
                    biased;
                    read = &mut reading => break read.unwrap_or(false),
                    () = tokio::time::sleep(Duration::from_secs(60)) => {
                        ticks += 1;
                        take_lines(&emitter, &receiver, ticks, began.elapsed(), &mut lines).await;
                    }
                }
            }
        };
        take_lines(&emitter, &receiver, ticks + 1, began.elapsed(), &mut lines).await;
        Ran { lines, is_complete, took: began.elapsed() }
    })
}

/// Takes all lines that were written so far. Time stands still meanwhile.
async fn take_lines(
    emitter: &Emitter,
    receiver: &mpsc::Receiver<Vec<u8>>,
    tick: u32,
    at: Duration,
    lines: &mut Vec<(Duration, Value)>,
) {
    let marker = format!("\"tick {tick}\"");
    emitter.write_with(|out| out.extend_from_slice(format!("{marker}\n").as_bytes()));
    // The writing thread lives in real time: on a clock that jumps, a wait for it would let hours pass.
    tokio::time::resume();
    emitter.flush().await.expect("the sink is there");
    tokio::time::pause();
    loop {
        let bytes = receiver.recv().expect("the sink is there");
        let text = String::from_utf8(bytes).expect("UTF-8");
        for line in text.lines().filter(|line| *line != marker) {
            lines.push((at, super::exact::read(line).expect("JSON")));
        }
        if text.lines().any(|line| line == marker) {
            return;
        }
    }
}
