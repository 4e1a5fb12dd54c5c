//! Limits of rate and time: Awin's quota, and answers that do not come.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use awin_sandbox::{Fault, FaultKind, RetryAfter, Sandbox, Throttle};
use serde_json::json;

use crate::support::Connector;
use crate::support::connector::catalog;
use crate::support::echo::{Echo, accounts, answer};
use crate::support::protocol::{assert_lives, assert_valid, event};
use crate::support::setup::{HEART, changed, connector, sandbox, world};

/// [c70]
#[test]
fn retry_after_is_kept_to_in_seconds_and_as_a_date() {
    for as_date in [false, true] {
        let server = Echo::start(move |asked, count| match count {
            _ if asked.target.starts_with("/accounts") => accounts(),
            1 if as_date => {
                let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_millis(2100));
                answer(429, &format!("retry-after: {date}\r\n"), "{}")
            }
            1 => answer(429, "retry-after: 1\r\n", "{}"),
            _ => answer(200, "", "[]"),
        });
        let sandbox = sandbox();
        let mut connector = connector(&sandbox).with("api_url", server.url()).with("start_date", "2026-11-20");
        // A short minute: without the header the next call would come much sooner.
        connector.minute_ms = 100;
        connector.read(&["transactions"], None).ok();
        let asked = server.asked();
        assert!(asked.len() >= 3, "{asked:?}");
        let pause = asked[2].at - asked[1].at;
        assert!(pause >= Duration::from_millis(990) && pause < Duration::from_secs(4), "{as_date}: {pause:?}");
    }
}

/// An Awin whose minute is a little shorter than the connector's, because a busy machine delays calls by more than a
/// shortened minute makes up for.
fn throttled(limit: u32, retry_after: RetryAfter) -> Sandbox {
    let mut world = world();
    world.throttle = Throttle { enabled: true, limit, window: Duration::from_millis(400), retry_after, ..Throttle::off() };
    Sandbox::start(world)
}

/// [c70]
#[test]
fn pacing_never_provokes_a_429() {
    let sandbox = throttled(20, RetryAfter::None);
    let mut connector = connector(&sandbox).with("requests_per_minute", 20).with("start_date", "2026-11-01");
    connector.minute_ms = 500;
    connector.read(&HEART[..2], None).ok();
    let calls = sandbox.calls();
    assert!(calls.len() > 40 && calls.iter().all(|call| !call.throttled), "{}", calls.len());
}

/// [c71]
#[test]
fn each_wait_for_the_quota_is_one_rate_limited_status_and_then_running() {
    let sandbox = throttled(20, RetryAfter::None);
    let mut connector = connector(&sandbox).with("requests_per_minute", 20).with("start_date", "2026-11-01");
    connector.minute_ms = 500;
    let output = connector.read(&HEART[..2], None).ok();
    assert_valid(&output);
    assert_lives(&output.lines);
    let mut waiting = None;
    let mut waits = 0;
    for line in &output.lines {
        let Some((stream, what)) = event(line) else { continue };
        let trace = &line["trace"];
        match what.as_str() {
            "RATE_LIMITED" => {
                assert_eq!(waiting, None, "told twice");
                let until = trace["stream_status"]["reasons"][0]["rate_limited"]["quota_reset"].as_u64();
                assert!(until > trace["emitted_at"].as_u64(), "{line}");
                waiting = Some(stream);
                waits += 1;
            }
            "RUNNING" | "COMPLETE" if waiting.as_ref() == Some(&stream) => {
                assert_eq!(what, "RUNNING", "`{stream}` ends while it waits");
                waiting = None;
            }
            _ => {}
        }
    }
    assert_eq!(waiting, None);
    assert!(waits >= 2, "{waits}");
}

/// [c73] Nothing answers; a minute is a tenth of a second.
#[test]
fn no_wait_is_unbounded() {
    for (path, stream) in [("/reports/publisher", "stats_by_publisher"), ("/accounts", ""), ("/transactions/", "transactions")] {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::on(path, FaultKind::Hang));
        let mut connector: Connector = connector(&sandbox);
        connector.config = changed(&connector.config, &json!({"start_date": "2026-11-20"}));
        connector.minute_ms = 60;
        let before = Instant::now();
        let output = connector.read(&HEART, None);
        assert!(before.elapsed() < Duration::from_secs(30), "{path}: {:?}", before.elapsed());
        assert_eq!(output.code, Some(1), "{path}");
        assert!(
            output.errors().iter().all(|(name, kind, _)| name.contains(stream) && kind == "transient_error"),
            "{:?}",
            output.errors()
        );
    }
}

/// [c72] The Airbyte platform ends a sync that gives neither a RECORD nor a STATE for an hour. The slowest way to find out that
/// nothing answers is to halve a window again and again; a minute is 60 ms here.
#[test]
fn a_run_is_never_silent_for_an_hour() {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("/transactions/", FaultKind::Hang));
    let mut connector = connector(&sandbox).with("start_date", "2026-10-25").with("advertiser_ids", "90210,90211");
    connector.minute_ms = 60;
    let hour = Duration::from_millis(60 * 60);
    let mut child =
        connector.read_command(&catalog(&["transactions"], "incremental"), None).stdout(Stdio::piped()).spawn().expect("starts");
    let (mut beat, mut longest) = (Instant::now(), Duration::ZERO);
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("readable");
        if line.starts_with("{\"type\":\"RECORD\"") || line.starts_with("{\"type\":\"STATE\"") {
            longest = longest.max(beat.elapsed());
            beat = Instant::now();
        }
    }
    longest = longest.max(beat.elapsed());
    assert_eq!(child.wait().expect("ends").code(), Some(1));
    assert!(longest < hour, "{longest:?}");
}
