//! The whole story in one go: a sandbox that behaves as Awin does, and the connector against it.
//!
//! `cargo run --example demo` builds the connector, then runs `spec`, `check`, `discover`, a first `read`, changes a few
//! sales in the sandbox, and runs an incremental `read` that picks the changes up.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use awin_sandbox::{Clock, Demo, Sandbox};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

/// Length of the history: beyond the look-back, so that the second sync finds changes by other means.
const DAYS: u32 = 40;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// Rows by stream and key.
type Tables = BTreeMap<String, BTreeMap<String, Value>>;

fn main() -> Result<()> {
    let connector = build()?;
    let folder = std::env::temp_dir().join(format!("source-awin-demo-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let told = tell(&connector, &folder);
    fs::remove_dir_all(&folder)?;
    told
}

/// Builds the connector (together with this program, whose dependencies it shares) and gives the path of its binary.
fn build() -> Result<PathBuf> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--bin", "source-awin", "--example", "demo"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the connector does not build".into());
    }
    // This program is target/debug/examples/demo.
    let target = std::env::current_exe()?;
    let target = target.ancestors().nth(2).ok_or("no target folder")?;
    Ok(target.join("source-awin"))
}

fn tell(connector: &Path, folder: &Path) -> Result<()> {
    let mut world = Demo { days_back: DAYS, days_ahead: 1, ..Demo::new(1, Utc::now()) }.build();
    world.clock = Clock::System;
    // Awin allows 20 calls a minute, and the connector keeps to it. A demo would take minutes; this one raises the limit.
    world.throttle.limit = 10_000;
    let token = world.token.clone();
    let sandbox = Sandbox::start(world);
    let start = (Utc::now() - TimeDelta::days(DAYS.into())).date_naive();
    let config =
        json!({"api_token": token, "start_date": start.to_string(), "api_url": sandbox.url(), "requests_per_minute": 1000});
    fs::write(folder.join("config.json"), serde_json::to_vec_pretty(&config)?)?;
    say(&format!("A sandbox serves three advertisers and two publishers at {}; the table starts on {start}.", sandbox.url()));

    let spec = run(connector, folder, &["spec"])?;
    let properties = spec[0]["spec"]["connectionSpecification"]["properties"].as_object().ok_or("no spec")?;
    say(&format!("{} settings: {}", properties.len(), properties.keys().cloned().collect::<Vec<_>>().join(", ")));

    let check = run(connector, folder, &["check", "--config", "config.json"])?;
    say(&check.last().ok_or("no answer")?["connectionStatus"].to_string());

    let discover = run(connector, folder, &["discover", "--config", "config.json"])?;
    let streams = discover[0]["catalog"]["streams"].as_array().ok_or("no catalog")?;
    for stream in streams {
        let columns = stream["json_schema"]["properties"].as_object().map_or(0, serde_json::Map::len);
        say(&format!("{}: {columns} columns, key {}", text(&stream["name"]), stream["source_defined_primary_key"]));
    }
    let streams: Vec<Value> = streams
        .iter()
        .map(|stream| json!({"stream": stream, "sync_mode": stream["supported_sync_modes"][0], "destination_sync_mode": "append_dedup"}))
        .collect();
    fs::write(folder.join("catalog.json"), json!({"streams": streams}).to_string())?;

    let mut tables = Tables::new();
    let first = run(connector, folder, &["read", "--config", "config.json", "--catalog", "catalog.json"])?;
    load(&first, &mut tables);
    for (stream, table) in &tables {
        say(&format!("{stream}: {} rows", table.len()));
    }
    say(&format!("{} calls", sandbox.calls().len()));
    fs::write(folder.join("state.json"), state(&first).to_string())?;

    say("\nNow an old sale is declined, one is approved, one is amended, and a new one comes in.");
    let changes = sandbox.world().change_something();
    let before = tables.clone();
    sandbox.clear_calls();

    let second =
        run(connector, folder, &["read", "--config", "config.json", "--catalog", "catalog.json", "--state", "state.json"])?;
    load(&second, &mut tables);
    for change in changes {
        for key in ["advertiser", "publisher"] {
            let id = if key == "advertiser" { change.advertiser_id } else { change.publisher_id };
            let row = format!("{}|{id}", change.transaction_id);
            let show = |tables: &Tables| {
                tables.get("transactions").and_then(|table| table.get(&row)).map_or("not there".to_owned(), |row| {
                    format!(
                        "{} {} {}",
                        text(&row["commissionStatus"]),
                        row["saleAmount"]["amount"],
                        text(&row["saleAmount"]["currency"])
                    )
                })
            };
            let (was, is) = (show(&before), show(&tables));
            if was != is {
                say(&format!("{} (sale {}, {key} {id}): {was} -> {is}", change.what, change.transaction_id));
            }
        }
    }
    let by_stream = |stream: &str| second.iter().filter(|line| line["record"]["stream"] == stream).count();
    for stream in tables.keys() {
        say(&format!("{stream}: {} rows came again or anew, {} rows in the table", by_stream(stream), tables[stream].len()));
    }
    say(&format!("{} calls", sandbox.calls().len()));
    Ok(())
}

/// Runs the connector; gives its messages, and fails as it fails.
fn run(connector: &Path, folder: &Path, arguments: &[&str]) -> Result<Vec<Value>> {
    say(&format!("\n$ source-awin {}", arguments.join(" ")));
    let began = Instant::now();
    let output = Command::new(connector).args(arguments).current_dir(folder).output()?;
    let lines: Vec<Value> =
        String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
    for log in lines.iter().filter(|line| line["log"]["message"].as_str().is_some_and(|text| text.contains("calls planned"))) {
        say(&text(&log["log"]["message"]));
    }
    if !output.status.success() {
        return Err(format!("it failed: {lines:#?}").into());
    }
    say(&format!("done in {:.1} s", began.elapsed().as_secs_f64()));
    Ok(lines)
}

/// The last write of a key wins, as in a destination that deduplicates.
fn load(lines: &[Value], tables: &mut Tables) {
    for record in lines.iter().map(|line| &line["record"]).filter(|record| record.is_object()) {
        let (stream, data) = (text(&record["stream"]), &record["data"]);
        let key = source_awin::streams::find(&stream).map_or("", |stream| stream.primary_key());
        tables.entry(stream).or_default().insert(text(&data[key]), data.clone());
    }
}

/// The last state of each stream, as a runner hands it back.
fn state(lines: &[Value]) -> Value {
    let states = lines.iter().map(|line| &line["state"]).filter(|state| state.is_object());
    let last: BTreeMap<String, &Value> = states.map(|state| (text(&state["stream"]["stream_descriptor"]), state)).collect();
    last.into_values().cloned().collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[expect(clippy::print_stdout, reason = "a demo talks")]
fn say(text: &str) {
    println!("{text}");
}
