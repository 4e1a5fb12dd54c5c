//! The whole story on one screen: a sandbox that behaves as Awin does, and the connector against it, before and after a night in
//! which sales change.
//!
//! `cargo run --example demo` builds the connector and tells it. With `-- --record` it also writes the picture of the README,
//! `docs/demo.svg`.

mod svg;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use awin_sandbox::{Change, Clock, Demo, Sandbox};
use chrono::{TimeDelta, Utc};
use console::style;
use serde_json::{Value, json};

/// Length of the history: beyond the look-back, so that the second sync finds changes by other means.
const DAYS: u32 = 40;
/// Width of the screen.
const COLUMNS: u16 = 100;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// Rows by stream and key.
type Tables = BTreeMap<String, BTreeMap<String, Value>>;

fn main() -> Result<()> {
    let is_recorded = std::env::args().any(|argument| argument == "--record");
    if is_recorded {
        console::set_colors_enabled(true);
    }
    let connector = build()?;
    let folder = std::env::temp_dir().join(format!("source-awin-demo-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut story = Story { connector, folder, text: String::new() };
    let told = story.tell();
    fs::remove_dir_all(&story.folder)?;
    told?;
    if is_recorded {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/demo.svg");
        fs::write(path, svg::svg(&story.text, COLUMNS))?;
    }
    Ok(())
}

/// Builds the connector (together with this program, whose dependencies it shares) and gives the path of its binary.
fn build() -> Result<PathBuf> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--bin", "source-awin", "--example", "demo"])
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

/// What a sync has done of each stream: rows and calls.
type Sync = Vec<(String, String, String)>;

struct Story {
    connector: PathBuf,
    folder: PathBuf,
    /// What was said so far.
    text: String,
}

impl Story {
    fn tell(&mut self) -> Result<()> {
        let mut world = Demo { days_back: DAYS, days_ahead: 1, ..Demo::new(1, Utc::now()) }.build();
        world.clock = Clock::System;
        // Awin allows 20 calls a minute, and the connector keeps to it. A demo would take minutes; this one raises the limit.
        world.throttle.limit = 10_000;
        let token = world.token.clone();
        let sandbox = Sandbox::start(world);
        let start = (Utc::now() - TimeDelta::days(DAYS.into())).date_naive();
        let config = json!({
            "api_token": token, "start_date": start.to_string(), "api_url": sandbox.url(), "requests_per_minute": 1000
        });
        fs::write(self.folder.join("config.json"), serde_json::to_vec_pretty(&config)?)?;
        self.say(&style("A sandbox plays Awin: three advertisers, two publishers, 40 days of sales.").bold().to_string());

        let check = self.run("check --config config.json")?;
        let answer = text(&check.last().ok_or("no answer")?["connectionStatus"]["message"]);
        let cost = answer.find("The first sync").map_or(&answer[..], |found| &answer[found..]);
        for line in wrapped(&answer[..answer.len() - cost.len()]).into_iter().chain(wrapped(cost)) {
            self.say(&format!("  {}", style(line).green()));
        }

        let catalog = self.run("discover --config config.json > catalog.json")?;
        fs::write(self.folder.join("catalog.json"), catalog[0].to_string())?;

        let mut tables = Tables::new();
        let first = self.run("read --config config.json --catalog catalog.json")?;
        load(&first, &mut tables);
        fs::write(self.folder.join("state.json"), state(&first).to_string())?;
        let before = tables.clone();

        self.say(&style("\nOvernight a sale is declined, one approved, one amended, and a new one comes in.").bold().to_string());
        let changes = sandbox.world().change_something();
        let second = self.run("read --config config.json --catalog catalog.json --state state.json")?;
        load(&second, &mut tables);

        self.tell_syncs(&summary(&first), &summary(&second), &tables);
        self.tell_changes(&changes, &before, &tables);
        Ok(())
    }

    /// What each sync took.
    fn tell_syncs(&mut self, first: &Sync, second: &Sync, tables: &Tables) {
        let head = format!("\n{:<20} {:>20} {:>20} {:>14}", "", "first sync", "second sync", "rows in table");
        self.say(&style(head).dim().to_string());
        for ((stream, rows, calls), (_, rows_again, calls_again)) in first.iter().zip(second) {
            let count = tables.get(stream).map_or(0, BTreeMap::len);
            let took = |rows: &str, calls: &str| format!("{rows:>7} in {calls:>3} calls");
            let (first, second) = (took(rows, calls), took(rows_again, calls_again));
            self.say(&format!("{stream:<20} {first:>20} {second:>20} {:>14}", style(count).cyan()));
        }
    }

    /// The rows that changed, before and after.
    fn tell_changes(&mut self, changes: &[Change], before: &Tables, after: &Tables) {
        let head = format!("\n{:<34} {:<28}    {}", "table `transactions`", "after the first sync", "after the second");
        self.say(&style(head).dim().to_string());
        for change in changes {
            for (side, id) in [("advertiser", change.advertiser_id), ("publisher", change.publisher_id)] {
                let key = format!("{}|{id}", change.transaction_id);
                let show = |tables: &Tables| {
                    tables.get("transactions").and_then(|table| table.get(&key)).map_or("not there".to_owned(), |row| {
                        let sale = &row["saleAmount"];
                        format!("{} {} {}", text(&row["commissionStatus"]), sale["amount"], text(&sale["currency"]))
                    })
                };
                let (was, is) = (show(before), show(after));
                if was != is {
                    let sale = format!("sale {} of {side} {id}", change.transaction_id);
                    self.say(&format!("{sale:<34} {:<28} -> {}", style(was).red(), style(is).green()));
                }
            }
        }
    }

    /// Runs the connector; gives its messages, and fails as it fails.
    fn run(&mut self, command: &str) -> Result<Vec<Value>> {
        self.say(&format!("\n{} {}", style("$").dim(), style(format!("source-awin {command}")).yellow()));
        let arguments = command.split(" >").next().unwrap_or(command).split(' ');
        let output = Command::new(&self.connector).args(arguments).current_dir(&self.folder).output()?;
        let lines: Vec<Value> =
            String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?;
        if !output.status.success() {
            return Err(format!("it failed: {lines:#?}").into());
        }
        if let Some(sum) = lines
            .iter()
            .filter_map(|line| line["log"]["message"].as_str())
            .find_map(|text| text.strip_prefix("Summary of the sync: "))
        {
            self.say(&format!("  {}", style(sum).green()));
        }
        Ok(lines)
    }

    #[expect(clippy::print_stdout, reason = "a demo talks")]
    fn say(&mut self, text: &str) {
        println!("{text}");
        self.text.push_str(text);
        self.text.push('\n');
    }
}

/// Rows and calls of each stream, from the log's summary.
fn summary(lines: &[Value]) -> Sync {
    let logs = lines.iter().filter_map(|line| line["log"]["message"].as_str());
    let streams = logs.filter_map(|text| text.strip_prefix("Summary of `")?.split_once("`: "));
    let first_word = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    let parts = |(stream, rest): (&str, &str)| {
        let calls = rest.rsplit("; ").next().unwrap_or_default();
        (stream.to_owned(), first_word(rest), first_word(calls))
    };
    streams.map(parts).collect()
}

/// `text` in lines that fit on the screen.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.chars().count() + word.chars().count() + 3 < usize::from(COLUMNS)) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
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
