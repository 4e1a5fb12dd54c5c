//! The figures of docs/performance.md: `cargo bench` prints them as one table.
//!
//! Nothing here is asserted. Machines differ and are noisy, so what counts are the ratios, taken in one run.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::hint::black_box;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use awin_sandbox::{Bulk, Demo, Kind, Sandbox, Throttle, instant};
use chrono::{TimeDelta, Utc};
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use source_awin::awin::{IN_FLIGHT, Quota};
use source_awin::config::Config;
use source_awin::json::{Envelope, Splitter, Step};
use source_awin::protocol::Descriptor;
use source_awin::streams::{AccountId, AccountKind, Cut, Partition, Slice, Window, find, json_schema, midnight};
use source_awin::sync::{RecordWriter, Tally};

#[path = "../integration_tests/support/exact.rs"]
#[expect(dead_code, reason = "values are read without it here, as fast as can be")]
mod exact;
#[path = "../integration_tests/support/plain.rs"]
mod plain;

fn main() {
    // `cargo test --benches` passes this; there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    say("| what | figure | ratio |");
    say("|---|---|---|");
    row_path();
    end_to_end();
    limiter();
    start_up();
}

#[expect(clippy::print_stdout, reason = "the table is the purpose")]
fn say(line: &str) {
    println!("{line}");
}

/// Seconds of the best of several rounds of each run. The runs of a round follow each other, so that they meet the same machine.
fn best<const N: usize>(rounds: usize, mut runs: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (run, best) in runs.iter_mut().zip(&mut best) {
            let began = Instant::now();
            run();
            *best = best.min(began.elapsed().as_secs_f64());
        }
    }
    best
}

/// The line of a row, as serde writes it.
#[derive(Serialize)]
#[serde(tag = "type", rename = "RECORD")]
struct Line {
    record: Record,
}

#[derive(Serialize)]
struct Record {
    stream: &'static str,
    data: Map<String, Value>,
    emitted_at: u64,
}

fn row_path() {
    let world = Demo { days_back: 120, sales_per_day: 20, ..Demo::new(5, instant("2026-11-20T15:30:00Z")) }.build();
    let (from, to) = ("2026-07-25".parse().expect("a date"), "2026-11-20".parse().expect("a date"));
    let rows = world.truth_transactions(Kind::Advertiser, 90210, chrono_tz::Tz::UTC, from, to, false);
    let count = rows.len() as f64;
    let body = format!("[{}]", rows.join(",")).into_bytes();
    let megabytes = body.len() as f64 / 1e6;
    let line = |what: &str, seconds: f64, ratio: String| {
        say(&format!("| {what} | {:.0} MB/s, {:.0} thousand rows/s | {ratio} |", megabytes / seconds, count / seconds / 1e3));
    };

    let config = Config::parse(r#"{"api_token":"t","start_date":"2026-01-01"}"#).expect("valid");
    let stream = find("transactions").expect("the stream");
    let descriptor = Descriptor { name: "transactions".into(), namespace: None };
    let window = Window { from: midnight(config.timezone, from), to: midnight(config.timezone, to) };
    let partition = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 90210 });
    let slice = Slice { partition, lane: &stream.lanes()[0], cut: Cut::Window(window) };
    let mut lines = Vec::new();
    let mut fast = || {
        let mut writer = RecordWriter::new(stream, &descriptor, &[], &config, Tally::default());
        writer.begin(&slice);
        let mut splitter =
            Splitter::new(Envelope { rows: "body", wrapper: "body", members: &[], reason: "error", takes_null: true });
        for piece in body.chunks(64 * 1024) {
            splitter.feed(piece);
            while writer.next(&mut splitter, false, &mut lines).expect("rows") == Step::Row {
                if lines.len() > 64 * 1024 {
                    black_box(&lines);
                    lines.clear();
                }
            }
        }
    };
    let schema = json_schema(stream);
    let mut plain_lines = Vec::new();
    let mut plain = || {
        let rows: Vec<Map<String, Value>> = serde_json::from_slice(&body).expect("rows");
        for row in rows {
            let mut fitted = plain::fit(&schema, stream.added, stream.null_texts, config.timezone, &row);
            fitted.data.insert("accountId".into(), 90210.into());
            fitted.data.insert("accountType".into(), "advertiser".into());
            let record = Record { stream: "transactions", data: fitted.data, emitted_at: 1 };
            serde_json::to_writer(&mut plain_lines, &Line { record }).expect("messages serialize");
            plain_lines.push(b'\n');
            if plain_lines.len() > 64 * 1024 {
                black_box(&plain_lines);
                plain_lines.clear();
            }
        }
    };
    let mut skip = || {
        black_box(serde_json::from_slice::<IgnoredAny>(&body).expect("JSON"));
    };
    let [fast, plain, skip] = best(25, [&mut fast, &mut plain, &mut skip]);
    line("rows transcoded to RECORD lines", fast, "1".into());
    line("the same by way of `serde_json::Value`", plain, format!("transcoding is {:.1} times as fast", plain / fast));
    line("`serde_json` skipping the same bytes (`IgnoredAny`)", skip, format!("transcoding reaches {:.2} of it", skip / fast));
}

/// Wall time, bytes and peak memory of a command whose output is read from a pipe.
struct Measured {
    seconds: f64,
    megabytes: f64,
    peak_mib: f64,
}

fn measure(command: &mut Command) -> Measured {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the command starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let status = format!("/proc/{}/status", child.id());
    let peak = std::thread::spawn(move || {
        let mut peak = 0.0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let Some(line) = text.lines().find(|line| line.starts_with("VmHWM")) else { break };
            peak = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(5));
        }
        peak / 1024.0
    });
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match stdout.read(&mut buffer).expect("a readable pipe") {
            0 => break,
            read => bytes += read,
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    assert!(child.wait().expect("the command ends").success());
    Measured { seconds, megabytes: bytes as f64 / 1e6, peak_mib: peak.join().expect("the watcher ends") }
}

fn end_to_end() {
    for (windows, rows_per_window) in [(1, 32_000), (10, 32_000), (1, 320_000)] {
        let mut world = Demo { sales_per_day: 0, ..Demo::new(1, Utc::now()) }.build();
        world.throttle = Throttle::off();
        world.clock = awin_sandbox::Clock::System;
        world.bulk = Some(Bulk { rows_per_window });
        let token = world.token.clone();
        let sandbox = Sandbox::start(world);
        let today = Utc::now().date_naive();
        // Up to yesterday: a run up to now would first wait for the end of the second.
        let (start, end) = (today - TimeDelta::days(30 * windows - 1), today - TimeDelta::days(1));
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, content: &Value| {
            let path = folder.path().join(name);
            std::fs::write(&path, content.to_string()).expect("writable");
            path
        };
        let config = file(
            "config.json",
            &json!({"api_token": token, "start_date": start.to_string(), "end_date": end.to_string(), "advertiser_ids": "90210", "api_url": sandbox.url(), "requests_per_minute": 1000}),
        );
        let catalog =
            file("catalog.json", &json!({"streams": [{"stream": {"name": "transactions"}, "sync_mode": "full_refresh"}]}));
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-H", &format!("Authorization: Bearer {token}")]);
        for window in 0..windows {
            let from = start + TimeDelta::days(30 * window);
            let to = (from + TimeDelta::days(30)).min(today);
            let query = format!("startDate={from}T00:00:00&endDate={to}T00:00:00&timezone=UTC&dateType=transaction");
            curl.arg(format!("{}/advertisers/90210/transactions/?{query}", sandbox.url()));
        }
        let mut read = Command::new(env!("CARGO_BIN_EXE_source-awin"));
        read.args(["read", "--config"]).arg(config).arg("--catalog").arg(catalog);
        let (mut curls, mut reads) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            curls.push(measure(&mut curl));
            reads.push(measure(&mut read));
        }
        let fastest = |all: Vec<Measured>| all.into_iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("five runs");
        let peak_mib = reads.iter().map(|run| run.peak_mib).fold(0.0, f64::max);
        let (curl, ours) = (fastest(curls), fastest(reads));
        say(&format!(
            "| `read` of {:.0} MB, one body per window, {windows} of them ({:.0} MB of messages) | {:.2} s, peak {:.1} MiB | {:.2} times `curl`'s {:.2} s |",
            curl.megabytes,
            ours.megabytes,
            ours.seconds,
            peak_mib,
            ours.seconds / curl.seconds,
            curl.seconds
        ));
    }
}

/// 200 calls with answers of 0 to 15 s, made as a run makes them, on a virtual clock.
fn limiter() {
    let latency = |call: u64| Duration::from_millis(call * 7919 % 15_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let total = runtime.block_on(async {
        let began = tokio::time::Instant::now();
        let quota = Quota::new(20, Duration::from_secs(60));
        let call = async |call| {
            quota.acquire(|_| ()).await;
            tokio::time::sleep(latency(call)).await;
        };
        stream::iter(0..200).map(call).buffered(IN_FLIGHT).collect::<Vec<()>>().await;
        began.elapsed().as_secs_f64()
    });
    // Twenty at a time, a minute apart; the last batch is done with its slowest answer.
    let least = 9.0 * 60.0 + (180..200).map(latency).max().unwrap_or_default().as_secs_f64();
    say(&format!(
        "| 200 calls at 20 a minute, answers of 0 to 15 s (virtual clock) | {total:.1} s | {:.3} of the least possible {least:.1} s |",
        total / least
    ));
}

fn start_up() {
    let mut spec = || {
        measure(Command::new(env!("CARGO_BIN_EXE_source-awin")).arg("spec"));
    };
    let [seconds] = best(10, [&mut spec]);
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_source-awin")).expect("the binary").len() as f64 / 1e6;
    say(&format!("| `spec`, from start to exit | {:.1} ms | |", seconds * 1e3));
    say(&format!("| size of the binary | {size:.2} MB | |"));
}
