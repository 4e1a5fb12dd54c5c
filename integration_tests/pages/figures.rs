//! Texts, names and figures that a page has from elsewhere: both places say the same.

use std::collections::BTreeSet;

use awin_sandbox::{Demo, Event, Sandbox, Throttle, instant};
use chrono::TimeDelta;
use serde_json::{Value, json};
use source_awin::streams::{STREAMS, json_schema};

use super::commands::walk;
use super::{code, read, root, rows};
use crate::support::Connector;
use crate::support::setup::properties;

/// A figure stands in two places; each row names both. A figure that changes makes its row fail, which names the page.
const FIGURES: &[(&str, &str, &str, &str)] = &[
    ("src/awin/timing.rs", "check: seconds(45)", "docs/setup.md", "It takes at most 45 seconds."),
    ("src/awin/timing.rs", "patience: seconds(45 * 60)", "docs/setup.md", "`Awin answered 429 for 45 minutes`"),
    ("src/awin/timing.rs", "patience: seconds(45 * 60)", "docs/awin-behaviour.md", "repeated for 45 minutes"),
    ("src/awin/timing.rs", "heartbeat: seconds(10 * 60)", "docs/schedule.md", "a STATE at least every ten minutes"),
    ("src/awin/timing.rs", "retry_after: seconds(15 * 60)", "docs/awin-behaviour.md", "up to 15 minutes"),
    ("spec.json", "\"default\": 20,", "README.md", "Awin allows 20 calls a minute."),
    ("integration_tests/hostile.rs", "MOST_MEMORY: u64 = 64 * MIB", "docs/setup.md", "at most 64 MiB of memory"),
    ("docs/performance.md", "| 0.73 s, peak 20.7 MiB |", "docs/schedule.md", "502 MB of transactions pass in 0.7 s"),
    ("docs/freshness.md", "| 66.0 / 65.0 (p95", "docs/compare.md", "| this connector | 100.0 % | 0 | 66.0 |"),
    ("docs/freshness.md", "| 29.5 / 28.5 (p95", "docs/compare.md", "| 37.3 % | 69.6 % | 29.5 |"),
    ("docs/freshness.md", "| 69.6 / 47.1 % | 37.3 % |", "docs/compare.md", "| 37.3 % | 69.6 % | 29.5 |"),
    ("docs/faults.md", "(1354 runs", "docs/compare.md", "each of 1,354 faults"),
    ("Cargo.toml", "rust-version = \"1.88\"", "README.md", "Rust (1.88 or newer)"),
];

#[test]
fn a_figure_is_the_same_where_it_comes_from() {
    for (source, there, page, here) in FIGURES {
        assert!(read(source).contains(there), "{source} no longer has {there:?}; {page} says {here:?}");
        assert!(read(page).contains(here), "{page} does not say {here:?}, which rests on {source}");
    }
    assert_eq!(STREAMS.len(), 18);
    assert!(read("README.md").contains("[eighteen tables]"));
}

#[test]
fn the_setup_guide_has_every_key_and_stream() {
    let page = read("docs/setup.md");
    let rows = rows(&page);
    let section = |from: &str| {
        let start = rows.iter().position(|row| row[0] == from).expect("a table");
        rows[start + 1..].iter().take_while(|row| row[0].starts_with('`')).collect::<Vec<_>>()
    };
    let mut keys = properties();
    keys.shift_remove("api_url");
    let listed: Vec<&str> = section("key").iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(listed.iter().collect::<BTreeSet<_>>(), keys.keys().map(String::as_str).collect::<Vec<_>>().iter().collect());
    for row in section("key") {
        let default = &keys[row[0].trim_matches('`')]["default"];
        let shown = match default {
            Value::String(text) if !text.is_empty() => format!("`{text}`"),
            Value::Number(_) | Value::Bool(_) => format!("`{default}`"),
            _ if ["`api_token`", "`start_date`"].contains(&row[0]) => "required".to_owned(),
            _ => "empty".to_owned(),
        };
        assert_eq!(row[1], shown, "{row:?}");
    }
    let streams: BTreeSet<&str> = section("stream").iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(streams, STREAMS.iter().map(|stream| stream.name).collect());
}

/// Who looks up an error must find it as it is.
#[test]
fn the_texts_of_the_setup_guide_are_those_of_the_connector() {
    let source = walk(&root().join("src"));
    let page = read("docs/setup.md");
    let (_, troubleshooting) = page.split_once("### Troubleshooting").expect("its section");
    let rows = rows(troubleshooting);
    let texts: Vec<&str> = rows.iter().filter_map(|row| row[0].strip_prefix('`')?.strip_suffix('`')).collect();
    let texts: Vec<&str> = texts.into_iter().filter(|text| text.contains(' ')).collect();
    assert!(texts.len() > 30, "{texts:?}");
    let unknown: Vec<&&str> = texts.iter().filter(|text| !source.contains(**text)).collect();
    assert!(unknown.is_empty(), "no such text: {unknown:?}");
}

/// The headings that Airbyte's checks look for, in their order, and the sentence that one of its sections begins with.
#[test]
fn the_setup_guide_follows_airbytes_template() {
    let page = read("docs/setup.md");
    let headings: Vec<&str> =
        page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim()).collect();
    let template = [
        "Awin",
        "Prerequisites",
        "Setup guide",
        "Set up Awin",
        "Set up the Awin connector in Airbyte",
        "For Airbyte Cloud:",
        "For Airbyte Open Source:",
        "Supported sync modes",
        "Supported Streams",
        "IP allow list",
        "Performance considerations",
        "Data type map",
        "Limitations & Troubleshooting",
        "Changelog",
    ];
    let found: Vec<&str> = headings.into_iter().filter(|heading| template.contains(heading)).collect();
    assert_eq!(found, template);
    let modes = "The Awin source connector supports the following \
                 [sync modes](https://docs.airbyte.com/cloud/core-concepts/#connection-sync-modes):";
    assert!(page.contains(modes));
    let (_, prerequisites) = page.split_once("## Prerequisites").expect("its section");
    let (prerequisites, _) = prerequisites.split_once("\n## ").expect("an end");
    for key in ["api_token", "start_date"] {
        let title = properties()[key]["title"].as_str().expect("a title").to_lowercase();
        assert!(prerequisites.to_lowercase().contains(&title), "{title}");
    }
    let changelog = read("CHANGELOG.md");
    for version in changelog.lines().filter_map(|line| line.strip_prefix("## [")?.split_once(']')?.0.into()) {
        assert!(version == "Unreleased" || page.contains(&format!("| {version} | ")), "no row for {version}");
    }
    assert!(!page.contains("http://"));
}

/// What takes the place of a key, table or column of another connector is one of ours.
#[test]
fn the_names_of_the_other_side_of_a_migration_exist() {
    fn add(schema: &Value, names: &mut BTreeSet<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            names.insert(name.clone());
            add(property, names);
            add(&property["items"], names);
        }
    }
    let mut known: BTreeSet<String> = properties().keys().cloned().collect();
    for stream in STREAMS {
        known.insert(stream.name.to_owned());
        add(&json_schema(stream), &mut known);
    }
    // Values, not names.
    known.extend(["advertiser", "Europe/London"].map(str::to_owned));
    let page = read("docs/migrate.md");
    let (_, tables) = page.split_once("## Airbyte").expect("the sections");
    let mut count = 0;
    for row in rows(tables).into_iter().filter(|row| row.len() == 2) {
        // A second pair of backticks in the same cell may name the other side's column.
        let (ours, _) = row[1].split_once(" in the place of ").unwrap_or((row[1], ""));
        for name in code(ours).into_iter().flat_map(|code| code.split('.')) {
            assert!(known.contains(name), "{name} in {row:?}");
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

/// How the page writes the time that so many calls take at 20 a minute.
fn time(calls: u64) -> String {
    let minutes = calls.div_ceil(20);
    let (hours, rest) = (minutes / 60, minutes % 60);
    match hours {
        0 => format!("{minutes} min"),
        1..24 if rest == 0 => format!("{hours} h"),
        1..24 => format!("{hours} h {rest} min"),
        _ => {
            let hours = (minutes + 30) / 60;
            format!("{} d {} h", hours / 24, hours % 24)
        }
    }
}

#[test]
fn the_arithmetic_of_the_schedules_is_right() {
    let page = read("docs/schedule.md");
    let rows: Vec<_> = rows(&page).into_iter().filter(|row| row.len() == 6).skip(1).collect();
    assert_eq!(rows.len(), 5, "{rows:?}");
    for row in &rows {
        let calls: u64 = row[2].parse().expect("calls");
        assert_eq!(row[3..], [10, 100, 1000].map(|accounts| time(calls * accounts)), "{row:?}");
    }
    let calls: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    assert_eq!(calls[..4], counted().map(|calls| calls.to_string()));
    // Transactions, and the report of the bench.
    assert_eq!(calls[4], (4 + 66).to_string());
}

/// Calls of an advertiser with one market: the first sync of a year without and with the report, and the syncs of a day on which
/// nothing changed.
fn counted() -> [usize; 4] {
    let streams: &[&[&str]] = &[&["transactions"], &["transactions", "stats_by_publisher"]];
    let sync = |streams: &[&str], start: &str, later: bool| {
        let now = instant("2026-11-20T05:00:00Z");
        // There are sales, and nothing has changed for long.
        let long_ago = now - TimeDelta::days(60);
        let demo =
            Demo { days_back: 400, days_ahead: 0, sales_per_day: 1, advertisers: 1, publishers: 1, ..Demo::new(3, long_ago) };
        let mut world = demo.build();
        world.throttle = Throttle::off();
        for sale in &mut world.sales {
            sale.events.retain(|(at, event)| *at < long_ago && *event != Event::Delete);
        }
        world.clock.advance(TimeDelta::days(60));
        let sandbox = Sandbox::start(world);
        let mut connector = Connector::new(&sandbox, start).with("advertiser_ids", "90210").with("regions", json!(["DE"]));
        let state = connector.read(streams, None).ok().state();
        if later {
            sandbox.world().clock.advance(TimeDelta::days(1));
            sandbox.clear_calls();
            connector.sees_clock_of(&sandbox);
            connector.read(streams, Some(&state)).ok();
        }
        sandbox.calls().len()
    };
    // A day is read again until it is 400 days old.
    let (a_year, for_long) = ("2025-11-21", "2025-10-01");
    [
        sync(streams[0], a_year, false),
        sync(streams[1], a_year, false),
        sync(streams[0], for_long, true),
        sync(streams[1], for_long, true),
    ]
}
