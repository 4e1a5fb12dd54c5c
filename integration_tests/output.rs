//! What comes out on stdout and stderr: whole lines, valid messages, digits as Awin wrote them, whoever reads.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use awin_sandbox::{Bulk, Fault, FaultBody, FaultKind, Sandbox, Throttle};
use serde_json::{Value, json};
use source_awin::protocol::Emitter;

use crate::support::connector::catalog;
use crate::support::protocol::assert_valid;
use crate::support::setup::{HEART, connector, row, sandbox, serving, world};
use crate::support::{Connector, Output};

/// Runs of all kinds: good ones, bad ones, each command, with and without DEBUG lines.
fn many_runs() -> Vec<Output> {
    let mut outputs = Vec::new();
    let sandbox = sandbox();
    let good = connector(&sandbox);
    for name in ["spec", "check", "discover"] {
        outputs.push(good.run(name));
        outputs.push(Output::of(good.command(name).arg("--debug")));
    }
    let first = good.read(&HEART, None);
    outputs.push(Output::of(good.read_command(&catalog(&HEART, "full_refresh"), None).arg("--debug")));
    outputs.push(good.read(&HEART, Some(&first.state())));
    outputs.push(good.read(&["nonsense", "transactions"], None));
    outputs.push(first);
    for (key, value) in [("api_token", "wrong"), ("start_date", "x"), ("advertiser_ids", "1"), ("timezone", "Europe/Helsinki")] {
        let bad = connector(&sandbox).with(key, value);
        outputs.extend([bad.run("check"), bad.run("discover"), bad.read(&HEART, None)]);
    }
    for kind in [
        FaultKind::Status(500, FaultBody::Html),
        FaultKind::NotJson,
        FaultKind::WrongShape("{\"error\":\"a\\u0001b\\n\u{2028}\"}".into()),
        FaultKind::WrongShape(format!("[{}]", row(1, r#","url":7,"amended":"perhaps","saleAmount":[],"new":{"a":null}"#))),
    ] {
        let sandbox = Sandbox::start(world());
        sandbox.world().faults.push(Fault::on("/transactions/", kind));
        let mut bad = connector(&sandbox);
        bad.minute_ms = 200;
        outputs.extend([bad.run("check"), bad.read(&HEART, None)]);
    }
    let slow = Sandbox::start(world());
    slow.world().throttle = Throttle { enabled: true, limit: 8, window: Duration::from_millis(300), ..Throttle::off() };
    let mut limited = connector(&slow).with("requests_per_minute", 10);
    limited.minute_ms = 300;
    outputs.push(limited.read(&HEART[..2], None));
    outputs
}

/// [c11] [c12] [c14]
#[test]
fn every_line_is_one_valid_message_without_nulls() {
    let outputs = many_runs();
    let mut kinds: Vec<String> = Vec::new();
    for output in &outputs {
        assert!(!output.raw.is_empty(), "{output:?}");
        assert_valid(output);
        for line in &output.lines {
            kinds.push(format!("{}{}", line["type"], line["trace"]["type"]));
            if line["log"]["level"].is_string() {
                kinds.push(line["log"]["level"].to_string());
            }
            if line["trace"]["stream_status"]["reasons"].is_array() {
                kinds.push("RATE_LIMITED".to_owned());
            }
        }
    }
    // The runs above must have been of all kinds, or they prove little.
    for kind in ["\"SPEC\"null", "\"CATALOG\"null", "\"CONNECTION_STATUS\"null", "\"RECORD\"null", "\"STATE\"null"] {
        assert!(kinds.iter().any(|known| known == kind), "no {kind}");
    }
    for kind in ["\"TRACE\"\"ERROR\"", "\"DEBUG\"", "\"INFO\"", "\"WARN\"", "\"ERROR\"", "RATE_LIMITED"] {
        assert!(kinds.iter().any(|known| known == kind), "no {kind}");
    }
}

/// [c13]
#[test]
fn emitted_at_is_in_whole_milliseconds_and_never_goes_back() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let millis = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let mut last = millis();
    for _ in 0..2 {
        let output = connector.read(&HEART, None).ok();
        let stamps = output.lines.iter().flat_map(|line| [&line["record"]["emitted_at"], &line["trace"]["emitted_at"]]);
        let stamps: Vec<u128> = stamps
            .filter(|stamp| !stamp.is_null())
            .map(|stamp| stamp.as_u64().unwrap_or_else(|| panic!("{stamp} is no integer")).into())
            .collect();
        assert!(stamps.len() > 20);
        for stamp in stamps {
            assert!(stamp >= last, "{stamp} after {last}");
            last = stamp;
        }
        assert!(last <= millis());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// [c15]
#[test]
fn stderr_stays_empty() {
    for output in many_runs() {
        assert_eq!(output.stderr, "", "{:?}", output.code);
    }
}

/// A buffer that several hold.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Less than asked for, as a pipe does.
        let bytes = &bytes[..bytes.len().min(60_000)];
        self.0.lock().expect("no panic with the lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// [c16]
#[test]
fn sixteen_writers_never_interleave_inside_a_line() {
    let output = Shared::default();
    let emitter = Emitter::new(Box::new(output.clone()), false);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::scope(|scope| {
        for writer in 0..16u8 {
            let emitter = emitter.clone();
            scope.spawn(move || {
                let line = format!("{{\"w\":{writer},\"t\":\"{}\"}}\n", char::from(b'a' + writer).to_string().repeat(1 << 20));
                for _ in 0..6 {
                    emitter.write_with(|lines| lines.extend_from_slice(line.as_bytes()));
                    runtime().block_on(emitter.flush_if_full()).expect("the output takes everything");
                }
            });
        }
    });
    runtime().block_on(emitter.close()).expect("the output takes everything");
    let text = output.0.lock().expect("no panic with the lock");
    let mut counts = [0; 16];
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let line: Value = serde_json::from_slice(line).expect("a whole line");
        let writer = line["w"].as_u64().and_then(|writer| usize::try_from(writer).ok()).expect("a number");
        let letter = line["t"].as_str().and_then(|text| text.chars().next()).expect("a text");
        assert!(line["t"].as_str().is_some_and(|text| text.len() == 1 << 20 && text.chars().all(|c| c == letter)));
        counts[writer] += 1;
    }
    assert_eq!(counts, [6; 16]);
}

/// The platform calls longer lines too large.
const LONGEST_LINE: usize = 20_000_000;

/// [c17]
#[test]
fn lines_stay_below_the_limit_and_what_was_cut_is_marked() {
    let long = "x".repeat(25_000_000);
    let many: Vec<String> = (0..2_000_000).map(|n| format!("{{\"key\":\"{n:08}\"}}")).collect();
    let creative = format!("[{{\"publisherId\":1,\"creativeId\":2,\"tagName\":\"{long}\"}}]");
    let several = ["url", "siteName", "campaign", "publisherUrl", "voucherCode", "orderRef"];
    let wide: Vec<String> = (0..25).map(|n| format!("\"new{n}\":\"{}\"", "y".repeat(1_000_000))).collect();
    let halves = several.map(|field| format!(",\"{field}\":\"{}\"", "é".repeat(2_500_000))).concat();
    for (name, more, marked, change, reason) in [
        ("a long text", format!(",\"url\":\"{long}\""), "url", "TRUNCATED", "SOURCE_FIELD_SIZE_LIMITATION"),
        ("long texts", halves, "orderRef", "TRUNCATED", "SOURCE_FIELD_SIZE_LIMITATION"),
        (
            "a long list",
            format!(",\"customParameters\":[{}]", many.join(",")),
            "customParameters",
            "NULLED",
            "SOURCE_RECORD_SIZE_LIMITATION",
        ),
        ("a long new field", format!(",\"brandNew\":\"{long}\""), "otherFields", "", ""),
        ("many new fields", format!(",{}", wide.join(",")), "otherFields", "", ""),
    ] {
        let sandbox = serving(&format!("[{}]", row(7, &more)));
        let output = connector(&sandbox).with("advertiser_ids", "90210").read(&["transactions"], None).ok();
        let longest = output.raw.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or_default();
        assert!(longest < LONGEST_LINE, "{name}: {longest} bytes");
        let records = output.of_type("RECORD");
        assert_eq!(records[0]["record"]["data"]["id"], 7, "{name}");
        let changes = records[0]["record"]["meta"]["changes"].as_array().cloned().unwrap_or_default();
        let is_marked = |entry: &Value| {
            entry["field"].as_str().is_some_and(|field| field.starts_with(marked))
                && (change.is_empty() || (entry["change"] == change && entry["reason"] == reason))
        };
        assert!(changes.iter().any(is_marked), "{name}: {changes:?}");
        if change == "TRUNCATED" {
            let kept = records[0]["record"]["data"][marked].as_str().unwrap_or_default();
            assert!(kept.len() > 1000 && kept.chars().all(|c| c == 'x' || c == 'é'), "{name}: the beginning stays");
        }
    }
    // A long text that is part of the key of a report.
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("/reports/creative", FaultKind::WrongShape(creative)));
    let short = connector(&sandbox).with("advertiser_ids", "90210").with("start_date", "2026-11-20");
    let output = short.read(&["stats_by_creative"], None).ok();
    assert!(output.raw.split(|byte| *byte == b'\n').all(|line| line.len() < LONGEST_LINE));
    assert!(output.of_type("RECORD").iter().all(|line| line["record"]["meta"]["changes"][0]["field"] == "tagName"));
    assert_eq!(output.records("stats_by_creative").len(), 1);
}

/// [c18]
#[test]
fn numbers_keep_every_digit() {
    for number in ["0.1", "1e-7", "1E+2", "19.990", "90.00", "-0.0", "12345678901234567890", "0.1234567890123456789012345"] {
        let body =
            format!("[{}]", row(3, &format!(",\"saleAmount\":{{\"amount\":{number},\"currency\":\"EUR\"}},\"new\":{number}")));
        let output = connector(&serving(&body)).with("advertiser_ids", "90210").read(&["transactions"], None).ok();
        let text = String::from_utf8_lossy(&output.raw);
        assert!(text.contains(&format!("\"amount\":{number},")), "{number}: {text}");
        assert!(text.contains(&format!("\"new\":{number}}}")), "{number}: {text}");
    }
    let id = "1234567890123456789";
    let body = format!("[{}]", row(3, &format!(",\"paymentId\":{id},\"lapseTime\":7.0")));
    let output = connector(&serving(&body)).with("advertiser_ids", "90210").read(&["transactions"], None).ok();
    let text = String::from_utf8_lossy(&output.raw);
    assert!(text.contains(&format!("\"paymentId\":{id},\"lapseTime\":7,\"rowId\"")), "an integer is written as one: {text}");
}

/// A sandbox with large windows, and a connector that reads `days` of them.
fn bulk(rows_per_window: u64, days: &str) -> (Sandbox, Connector) {
    let sandbox = sandbox();
    sandbox.world().bulk = Some(Bulk { rows_per_window });
    let connector = connector(&sandbox).with("advertiser_ids", "90210").with("start_date", days);
    (sandbox, connector)
}

/// [c19]
#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let (_sandbox, connector) = bulk(200_000, "2026-11-01");
    for lines in [0, 1, 30] {
        let mut command = connector.read_command(&catalog(&["transactions"], "incremental"), None);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
        for _ in 0..lines {
            assert!(reader.read_line(&mut String::new()).expect("UTF-8") > 0);
        }
        drop(reader);
        let before = Instant::now();
        let output = child.wait_with_output().expect("ends");
        assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(1), "{lines} lines: {:?}", output.status);
    }
}

/// The most memory that a process has had so far, in KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Reads all that a run says, pausing `pause` after each of the first hundred pieces; gives it and the peak memory.
fn read_slowly(connector: &Connector, pause: Duration) -> (Vec<u8>, u64) {
    let mut command = connector.read_command(&catalog(&["transactions"], "incremental"), None);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let (mut raw, mut piece, mut most, mut pieces) = (Vec::new(), vec![0; 64 * 1024], 0, 0);
    loop {
        let count = stdout.read(&mut piece).expect("readable");
        most = most.max(peak(child.id()));
        if count == 0 {
            break;
        }
        raw.extend_from_slice(&piece[..count]);
        pieces += 1;
        if pieces <= 100 {
            std::thread::sleep(pause);
        }
    }
    assert_eq!(child.wait().expect("ends").code(), Some(0));
    (raw, most)
}

/// [c20]
#[test]
fn a_slow_reader_gets_every_line_in_order_and_memory_stays_small() {
    let (_sandbox, connector) = bulk(30_000, "2026-11-01");
    let (raw, peak) = read_slowly(&connector, Duration::from_millis(8));
    let output = Output::new(&raw, &[], Some(0));
    let ids: Vec<u64> = output.records("transactions").iter().filter_map(|row| row["id"].as_u64()).collect();
    assert_eq!(ids.len(), 30_000);
    assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "lost or out of order");
    assert!(peak > 0 && peak < 64 * 1024, "{peak} KiB");
}

/// [c74]
#[test]
fn memory_does_not_grow_with_the_data() {
    let of = |days: &str| {
        let (_sandbox, connector) = bulk(10_000, days);
        let (raw, peak) = read_slowly(&connector, Duration::ZERO);
        (raw.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"type\":\"RECORD\"")).count(), peak)
    };
    let (few, small) = of("2026-11-01");
    let (many, large) = of("2026-02-01");
    assert!(few == 10_000 && many >= 9 * few, "{few} {many}");
    assert!(large < small + 8 * 1024, "{few} rows: {small} KiB, {many} rows: {large} KiB");
}

/// [c74] Rows as large as a line can be, and larger ones, while the reader takes its time.
#[test]
fn memory_stays_small_under_the_largest_rows() {
    let texts = ["url", "siteName", "campaign", "publisherUrl", "voucherCode", "orderRef", "type"];
    let fields = |length: usize| texts.map(|field| format!(",\"{field}\":\"{}\"", "x".repeat(length))).concat();
    let (large, huge) = (fields(250_000), fields(3_000_000));
    let rows: Vec<String> = (1..30).map(|id| row(id, if id % 10 == 0 { &huge } else { &large })).collect();
    let sandbox = serving(&format!("[{}]", rows.join(",")));
    let (raw, peak) = read_slowly(&connector(&sandbox).with("advertiser_ids", "90210"), Duration::from_millis(8));
    assert_eq!(Output::new(&raw, &[], Some(0)).records("transactions").len(), 29);
    assert!(peak > 0 && peak < 64 * 1024, "{peak} KiB");
}

/// [c15] What a test can break in the connector from outside is its clock: a moment at the edge of time.
#[test]
fn a_panic_becomes_a_fatal_line_and_a_system_error() {
    let sandbox = sandbox();
    let mut connector = connector(&sandbox).with("timezone", "Europe/Berlin").with("start_date", "9999-12-01");
    connector.now = "+262142-12-31T23:59:59Z".to_owned();
    let output = connector.read(&HEART, None);
    assert_valid(&output);
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), ""));
    assert_eq!(output.logs("FATAL").len(), 1, "{output:?}");
    let errors = output.errors();
    assert_eq!((errors.len(), errors[0].1.as_str()), (1, "system_error"), "{errors:?}");
    assert_ne!(output.of_type("TRACE")[0]["trace"]["error"]["stack_trace"], json!(null));
}
