//! Pages in `docs/` that a program writes: they must be what it would write now.

#[path = "../examples/tables/columns.rs"]
mod columns;
#[path = "../examples/tables/diagram.rs"]
mod diagram;
#[path = "../examples/freshness.rs"]
#[expect(dead_code, reason = "its main writes the picture")]
mod freshness;
#[path = "../examples/tables/reference.rs"]
mod reference;

use std::path::Path;

use source_awin::config::Config;
use source_awin::streams::{AccountId, Cut, Page, Partition, STREAMS, Slice, Window, json_schema, midnight};

fn assert_written(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == text,
        "docs/{file} is not what its program writes: run `cargo run --example {}` and commit the result",
        if file.starts_with("tables") { "tables" } else { "freshness" }
    );
}

#[test]
fn the_table_reference_is_what_discover_says() {
    assert_written("tables.md", &reference::markdown());
}

#[test]
fn the_picture_of_the_tables_is_what_discover_says() {
    assert_written("tables.svg", &diagram::svg());
}

#[test]
fn the_picture_of_freshness_is_what_its_data_say() {
    let data = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/freshness.tsv")).expect("the data");
    assert_written("freshness.svg", &freshness::svg(&data));
}

/// The reference takes the endpoints from the schemas' descriptions.
#[test]
fn the_endpoints_of_the_reference_are_those_that_are_asked() {
    let config = Config::parse(r#"{"api_token":"t","start_date":"2026-01-01"}"#).expect("a plain configuration");
    let from = midnight(config.timezone, config.start_date);
    let window = Window { from, to: from + chrono::TimeDelta::days(1) };
    for stream in STREAMS {
        for kind in stream.sides {
            let region = stream.regions(*kind).map(|regions| regions[0].to_owned());
            let partition = Partition { account: Some(AccountId { kind: *kind, id: 7 }), region };
            let slice = Slice { partition, lane: &stream.lanes()[0], cut: Cut::Window(window) };
            let path = stream.endpoint.request(&slice, &Page::FIRST, &config).path.replace("/7/", "/{id}/");
            let schema = json_schema(stream);
            let description = schema["description"].as_str().unwrap_or_default();
            let words: Vec<_> = description.split([' ', ',', '?']).map(|word| word.trim_end_matches('.')).collect();
            assert!(words.contains(&path.as_str()), "{}: {description} does not name {path}", stream.name);
        }
    }
}

/// The files are what the runner check runs: a page must not show anything else.
#[test]
fn the_sql_of_the_pages_is_that_of_the_files_and_every_file_is_linked() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let files = |folder: &str| {
        let entries = std::fs::read_dir(docs.join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    let text = |path: &Path| std::fs::read_to_string(path).expect("UTF-8");
    let queries: Vec<_> = ["sql", "sql/load", "sql/views"].into_iter().flat_map(files).collect();
    let pages: String =
        files(".").iter().filter(|path| path.extension().is_some_and(|it| it == "md")).map(|page| text(page)).collect();
    let shown: Vec<&str> = pages.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(shown.len() > 3 && queries.len() > 8, "{shown:?} {queries:?}");
    for block in shown {
        assert!(queries.iter().any(|file| text(file) == block), "no file in docs/sql is\n{block}");
    }
    for file in &queries {
        let path = file.strip_prefix(&docs).expect("below docs").display();
        assert!(pages.contains(&format!("]({path})")), "no page links to {path}");
    }
}
