//! The table reference as Markdown.

use std::fmt::Write as _;

use serde_json::Value;
use source_awin::protocol::{AirbyteStream, SyncMode};
use source_awin::streams::joins::{JOINS, Join};
use source_awin::streams::{AccountKind, Stream, discover, find};

use super::columns::{Column, columns};

const HEAD: &str = "\
# Tables

<!-- Written by `cargo run --example tables` from `catalog/` and `src/streams`. Do not edit: a test compares. -->

What `discover` offers, table by table. How the figures are used right, and why sums of different tables may differ, is on
[another page](numbers.md).

![All tables with their keys and joins](tables.svg)

Names are Awin's own. The connector adds `rowId`, `accountId`, `accountType` and `otherFields` to the rows of an account, and to
reports also `timezone` and what the request says but the answer does not (`date`, `dateType`, `region`). `rowId` is the key, one
readable text: `advertiser|90210|2900000017` is a transaction of the advertiser account 90210. Some destinations
change the letter case of columns. Types are Airbyte's; a column may be null unless its type says otherwise. A nested column is
written with dots; `[]` stands behind a list.
";

const JOINS_HEAD: &str = "
## Joins

Each join finds at most one partner for a row, so it never multiplies rows. Make it a left join: `publishers` and `programmes`
list the partners of today, so that a sale of one that has left finds no name.

| from | to | on | rows that can have a partner |
|---|---|---|---|
";

/// The whole page.
pub fn markdown() -> String {
    let catalog = discover();
    let mut page = HEAD.to_owned();
    page.push_str("\n| table | accounts | sync modes | key | cursor |\n|---|---|---|---|---|\n");
    for entry in &catalog.streams {
        let [sides, modes, key, cursor] = facts(entry);
        let name = &entry.name;
        line(&mut page, format_args!("| [`{name}`](#{name}) | {sides} | {modes} | {key} | {cursor} |"));
    }
    page.push_str(JOINS_HEAD);
    for join in JOINS {
        let Join { from, to, .. } = join;
        line(&mut page, format_args!("| `{from}` | `{to}` | {} | {} |", condition(join), partners(join)));
    }
    for join in JOINS {
        if let Some(reason) = join.inferred {
            let text = format!("The join of `{}` with `{}` is inferred: {reason}.", join.from, join.to);
            line(&mut page, format_args!("\n{text}"));
        }
    }
    for entry in &catalog.streams {
        section(&mut page, entry);
    }
    page
}

fn section(page: &mut String, entry: &AirbyteStream) {
    let schema = &entry.json_schema;
    let (text, endpoint) = description(schema);
    let [sides, modes, key, cursor] = facts(entry);
    line(page, format_args!("\n## {}\n\n{text}\n", entry.name));
    line(page, format_args!("- Accounts: {sides}"));
    line(page, format_args!("- Endpoint: {endpoint}"));
    line(page, format_args!("- Sync modes: {modes}"));
    line(page, format_args!("- Primary key: {key}"));
    line(page, format_args!("- Cursor: {cursor}"));
    let joins: Vec<String> =
        JOINS.iter().filter(|join| join.from == entry.name).map(|join| format!("[`{}`](#{})", join.to, join.to)).collect();
    if !joins.is_empty() {
        line(page, format_args!("- Joins with: {}", joins.join(", ")));
    }
    page.push_str("\n| column | type | description |\n|---|---|---|\n");
    for Column { path, kind, nullable, description } in columns(schema) {
        let never_null = if nullable { "" } else { ", never null" };
        let description = description.replace('|', "\\|");
        line(page, format_args!("| `{path}` | {kind}{never_null} | {description} |"));
    }
}

/// Accounts, sync modes, key and cursor in words.
fn facts(entry: &AirbyteStream) -> [String; 4] {
    let sides = match declared(entry).sides {
        [] => "the token's own list".to_owned(),
        sides => names(sides),
    };
    let modes = entry.supported_sync_modes.iter().map(|mode| match mode {
        SyncMode::FullRefresh => "full refresh",
        SyncMode::Incremental => "incremental",
    });
    let modes = modes.collect::<Vec<_>>().join(", ");
    let key = entry.source_defined_primary_key.iter().flatten().map(|path| code(&path.join("."))).collect::<Vec<_>>();
    let cursor = entry.default_cursor_field.as_ref().map_or_else(|| "none".to_owned(), |path| code(&path.join(".")));
    [sides, modes, key.join(", "), cursor]
}

fn declared(entry: &AirbyteStream) -> &'static Stream {
    find(&entry.name).expect("`discover` lists the streams that are declared")
}

/// The schema's description without what the list below it says, and the endpoint that it names.
fn description(schema: &Value) -> (String, String) {
    let text = schema["description"].as_str().unwrap_or_default().trim_end_matches('.');
    let (facts, sentences): (Vec<&str>, Vec<&str>) = text
        .split(". ")
        .partition(|sentence| ["Key: ", "Cursor: ", "From ", "Read in full"].iter().any(|start| sentence.starts_with(start)));
    let endpoint = facts.iter().find_map(|sentence| sentence.strip_prefix("From ")).unwrap_or_default();
    let mut words = Vec::new();
    let mut rest = endpoint.split(' ');
    while let Some(word) = rest.next() {
        if word == "GET" {
            let path = rest.next().unwrap_or_default();
            let bare = path.trim_end_matches(',');
            words.push(format!("`GET {bare}`{}", &path[bare.len()..]));
        } else {
            words.push(word.to_owned());
        }
    }
    (format!("{}.", sentences.join(". ")), words.join(" "))
}

fn condition(join: &Join) -> String {
    let pairs = join.on.iter().map(|(from, to)| format!("`{from}` = `{to}`"));
    pairs.collect::<Vec<_>>().join(", ")
}

fn partners(join: &Join) -> String {
    let all = find(join.from).is_some_and(|stream| stream.sides == join.sides());
    if all { "all".to_owned() } else { format!("those of {} accounts", names(&join.sides())) }
}

fn names(sides: &[AccountKind]) -> String {
    sides.iter().map(|side| side.as_str()).collect::<Vec<_>>().join(", ")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn line(page: &mut String, text: std::fmt::Arguments) {
    writeln!(page, "{text}").expect("a text takes all");
}
