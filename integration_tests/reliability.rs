//! What goes wrong on the way must not show in the tables: failing calls, killed processes, a resume from any state.

use std::io::Read as _;
use std::process::Stdio;

use awin_sandbox::{Demo, Fault, FaultBody, FaultKind, Sandbox, Throttle, World, instant};
use serde_json::{Value, json};

use crate::support::connector::{catalog, state_after};
use crate::support::{Connector, Output, Tables, assert_in_sync};

const HEART: [&str; 3] = ["transactions", "stats_by_publisher", "stats_by_creative"];

fn demo(days_back: u32) -> World {
    let mut demo = Demo::new(11, instant("2026-11-20T15:30:00Z"));
    demo.days_back = days_back;
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world
}

/// A small connection that still has several windows per stream: two accounts, look-back over part of the range.
fn small(sandbox: &Sandbox) -> Connector {
    Connector::new(sandbox, "2026-10-15")
        .with("advertiser_ids", "90210,90211")
        .with("regions", json!(["DE"]))
        .with("lookback_days", 3)
}

fn tables_of(lines: &[Value]) -> Tables {
    let mut tables = Tables::default();
    tables.load(lines);
    tables
}

fn two_years_equal_the_truth(zone: &str, streams: &[&str]) {
    let sandbox = Sandbox::start(demo(730));
    let connector = Connector::new(&sandbox, "2024-11-21")
        .with("advertiser_ids", "90210,90211,90212")
        .with("regions", json!(["DE", "GB", "US"]))
        .with("timezone", zone);
    let output = connector.read(streams, None).ok();
    let tables = tables_of(&output.lines);
    assert_in_sync(&sandbox.world(), &connector.config, &tables, streams);
    for stream in streams {
        assert!(tables.table(stream).len() > 1000, "{stream}: {}", tables.table(stream).len());
    }
}

#[test]
fn two_years_of_three_accounts_equal_the_truth_in_utc() {
    two_years_equal_the_truth("UTC", &HEART);
}

#[test]
fn two_years_of_three_accounts_equal_the_truth_in_berlin() {
    two_years_equal_the_truth("Europe/Berlin", &HEART);
}

/// Awin takes Sao Paulo for reports only.
#[test]
fn two_years_of_three_accounts_equal_the_truth_in_sao_paulo() {
    two_years_equal_the_truth("America/Sao_Paulo", &HEART[1..]);
}

/// [c47]
#[test]
fn resuming_from_every_state_gives_the_same_tables() {
    let sandbox = Sandbox::start(demo(40));
    let connector = small(&sandbox);
    let first = connector.read(&HEART, None).ok();
    let positions: Vec<usize> = (0..first.lines.len()).filter(|i| first.lines[*i]["type"] == "STATE").collect();
    assert!(positions.len() > 70, "{}", positions.len());
    for position in positions {
        let before = &first.lines[..=position];
        let mut tables = tables_of(before);
        let resumed = connector.read(&HEART, Some(&state_after(before))).ok();
        tables.load(&resumed.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &HEART);
    }
}

#[test]
fn any_call_may_fail_once_in_any_way() {
    let sandbox = Sandbox::start(demo(40));
    let connector = small(&sandbox);
    connector.read(&HEART, None).ok();
    let calls = sandbox.calls().len();
    assert!(calls > 0);
    let kinds = [
        FaultKind::Status(500, FaultBody::Json),
        FaultKind::Status(502, FaultBody::Html),
        FaultKind::Status(503, FaultBody::Empty),
        FaultKind::Status(429, FaultBody::Json),
        FaultKind::CutBody { after_bytes: 2500, chunked: false },
        FaultKind::CutBody { after_bytes: 700, chunked: true },
        FaultKind::Truncated,
        FaultKind::NotJson,
        FaultKind::EmptyBody200,
        FaultKind::Reset,
    ];
    for call in 1..=calls {
        let kind = kinds[call % kinds.len()].clone();
        sandbox.world().faults = vec![Fault::everywhere(kind.clone()).nth(call as u64)];
        let output = connector.read(&HEART, None);
        assert_eq!(output.code, Some(0), "call {call}, {kind:?}: {:?}", output.errors());
        assert_in_sync(&sandbox.world(), &connector.config, &tables_of(&output.lines), &HEART);
    }
}

/// A body that breaks in the middle is asked for again; its rows that are out already do not come again.
#[test]
fn rows_of_a_body_that_broke_are_emitted_once() {
    let sandbox = Sandbox::start(demo(40));
    let connector = Connector::new(&sandbox, "2026-10-15").with("advertiser_ids", "90210");
    for after_bytes in [1, 2_000, 50_000, 100_000] {
        sandbox.world().faults = vec![Fault::on("/transactions/", FaultKind::CutBody { after_bytes, chunked: true }).nth(1)];
        let output = connector.read(&["transactions"], None).ok();
        let records = output.records("transactions");
        assert_eq!(records.len(), tables_of(&output.lines).table("transactions").len(), "cut after {after_bytes} bytes");
        assert_in_sync(&sandbox.world(), &connector.config, &tables_of(&output.lines), &["transactions"]);
    }
}

/// As long as each try brings rows that are new, it is worth another one: a destination that pauses for long may cost a
/// connection each time.
#[test]
fn a_body_may_break_often_if_it_gets_further_each_time() {
    let sandbox = Sandbox::start(demo(40));
    let mut connector = Connector::new(&sandbox, "2026-10-25").with("advertiser_ids", "90210");
    let cut = |nth: u64| FaultKind::CutBody { after_bytes: 8_000 * usize::try_from(nth).expect("small"), chunked: true };
    sandbox.world().faults = (1..=9).map(|nth| Fault::on("/transactions/", cut(nth)).nth(nth)).collect();
    let output = connector.read(&["transactions"], None).ok();
    assert_in_sync(&sandbox.world(), &connector.config, &tables_of(&output.lines), &["transactions"]);
    // Where it gets no further, the run's patience ends.
    sandbox.world().faults = vec![Fault::on("/transactions/", cut(1))];
    connector.minute_ms = 60;
    assert_eq!(connector.read(&["transactions"], None).errors()[0].1, "transient_error");
}

/// A window that times out twice is asked for in halves, and a half that times out in halves again.
#[test]
fn a_window_that_times_out_is_read_in_halves() {
    let sandbox = Sandbox::start(demo(40));
    let mut connector = Connector::new(&sandbox, "2026-10-25").with("advertiser_ids", "90210");
    connector.minute_ms = 100;
    for end in ["2026-11-20T15", "2026-11-07T07"] {
        let stretch = format!("startDate=2026-10-25T00%3A00%3A00&endDate={end}");
        sandbox.world().faults.push(Fault::on(&stretch, FaultKind::Hang));
    }
    let output = connector.read(&["transactions"], None).ok();
    assert_in_sync(&sandbox.world(), &connector.config, &tables_of(&output.lines), &["transactions"]);
    let ends: Vec<String> = sandbox
        .calls()
        .iter()
        .filter(|call| call.query.iter().all(|(key, _)| key != "status"))
        .filter_map(|call| Some(call.query.iter().find(|(key, _)| key == "endDate")?.1.clone()))
        .collect();
    let (whole, half) = ("2026-11-20T15:30:00", "2026-11-07T07:00:00");
    assert_eq!(ends, [whole, whole, half, "2026-10-31T15:00:00", half, whole]);
    assert_eq!(output.logs("INFO").iter().filter(|log| log.contains("in halves")).count(), 2);
}

/// [c55] The first run is killed again and again, each time after a little more output; what the reader got is enough.
#[test]
fn a_run_killed_at_any_moment_resumes_without_loss() {
    let sandbox = Sandbox::start(demo(40));
    let connector = small(&sandbox);
    let whole = connector.read(&HEART, None).ok().raw.len();
    for eighth in 0..8 {
        let mut tables = Tables::default();
        let mut state = json!([]);
        for part in [eighth * whole / 8 + 17, whole / 5, whole / 3] {
            let lines = killed_after(&connector, &state, part);
            tables.load(&lines);
            let Value::Array(new) = state_after(&lines) else { unreachable!("states are a list") };
            merge(&mut state, new);
        }
        let last = connector.read(&HEART, Some(&state)).ok();
        tables.load(&last.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &HEART);
    }
}

fn merge(state: &mut Value, new: Vec<Value>) {
    let known = state.as_array_mut().expect("a list");
    for entry in new {
        known.retain(|other| other["stream"]["stream_descriptor"] != entry["stream"]["stream_descriptor"]);
        known.push(entry);
    }
}

/// What a reader got of a run that was killed with SIGKILL after about `bytes` bytes: whole lines only.
fn killed_after(connector: &Connector, state: &Value, bytes: usize) -> Vec<Value> {
    let mut command = connector.read_command(&catalog(&HEART, "incremental"), Some(state));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the connector starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut got = vec![0; bytes];
    let mut length = 0;
    while length < bytes {
        match stdout.read(&mut got[length..]).expect("a readable pipe") {
            0 => break,
            read => length += read,
        }
    }
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    got.truncate(length);
    Output::new(&got, b"", None).lines
}
