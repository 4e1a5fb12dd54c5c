//! The program.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::send;

/// Stopped when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, and the lines that it prints before the brace that ends the configuration.
fn serve(args: &[&str]) -> (Running, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_awin-sandbox"));
    command.args(["serve", "--port", "0"]).args(args);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().expect("a process"));
    let output = BufReader::new(running.0.stdout.take().expect("an output"));
    let lines = output.lines().map_while(Result::ok).take_while(|line| line != "}").collect();
    (running, lines)
}

/// The configuration among those lines.
fn config(lines: &[String]) -> Value {
    let lines = lines.iter().skip_while(|line| *line != "config:").skip(1).map(String::as_str);
    let text: Vec<&str> = lines.chain(["}"]).collect();
    serde_json::from_str(&text.join("\n")).expect("JSON")
}

fn day(now: DateTime<Utc>, days_back: i64) -> String {
    (now - TimeDelta::days(days_back)).format("%Y-%m-%d").to_string()
}

#[test]
fn serve_says_where_it_is_and_answers_there() {
    let (_running, lines) = serve(&["--days", "5", "--publishers", "1", "--token", "secret"]);
    let url = lines[0].strip_prefix("Awin sandbox at ").expect("an address");
    assert!(lines[1..4].iter().map(String::as_str).eq([
        "token:       secret",
        "advertisers: 90210, 90211, 90212",
        "publishers:  500321",
    ]));
    assert!(lines.contains(&format!("  \"api_url\": \"{url}\",")), "{lines:?}");
    let accounts = send(ureq::get(format!("{url}/accounts")).header("Authorization", "Bearer secret"));
    assert_eq!(accounts.expect("an answer").json()["accounts"].as_array().map(Vec::len), Some(4));
}

#[test]
fn the_printed_configuration_is_one_for_a_short_sync() {
    for (days, throttle, days_back, quota) in
        [("400", "20", 30, Value::Null), ("400", "0", 30, json!(1000)), ("5", "0", 5, json!(1000))]
    {
        let before = Utc::now();
        let args = ["--days", days, "--throttle-per-minute", throttle, "--sales-per-day", "1"];
        let (_running, lines) = serve(&args);
        let config = config(&lines);
        let start = config["start_date"].as_str().expect("a day");
        // Midnight may pass meanwhile.
        assert!([before, Utc::now()].iter().any(|now| day(*now, days_back) == start), "{config}");
        assert_eq!(config["requests_per_minute"], quota, "{args:?}");
        let line = |line: &String| line.trim_end_matches(',') == format!("  \"start_date\": \"{start}\"");
        assert!(lines.iter().any(line), "a line of its own: {lines:?}");
    }
}
