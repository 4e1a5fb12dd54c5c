//! The rules of the connector acceptance tests at high strictness that no other module holds. `docs/checklist.md` says which
//! test holds which rule.

use std::path::Path;

use awin_sandbox::{Sandbox, Throttle};
use serde_json::{Value, json};

use crate::support::connector::{catalog, state_after};
use crate::support::setup::{connector, sandbox, world};
use crate::support::{Connector, Output};

/// Names of the streams on offer, and of those of them that are incremental.
fn names() -> (Vec<&'static str>, Vec<&'static str>) {
    let all = source_awin::streams::STREAMS.iter();
    (
        all.clone().map(|stream| stream.name).collect(),
        all.filter(|stream| stream.is_incremental()).map(|stream| stream.name).collect(),
    )
}

/// The records of a run in a fixed order, and the first and last moment at which they were emitted.
fn sorted(output: &Output) -> (Vec<String>, [u64; 2]) {
    let records = output.of_type("RECORD");
    let moments = records.iter().filter_map(|line| line["record"]["emitted_at"].as_u64());
    let span = [moments.clone().min().unwrap_or_default(), moments.max().unwrap_or_default()];
    let mut data: Vec<String> =
        records.iter().map(|line| format!("{} {}", line["record"]["stream"], line["record"]["data"])).collect();
    data.sort_unstable();
    (data, span)
}

#[test]
fn two_full_refreshes_give_the_same_records_the_second_ones_later() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let (all, _) = names();
    let read = || Output::of(&mut connector.read_command(&catalog(&all, "full_refresh"), None)).ok();
    let ((first, first_span), (second, second_span)) = (sorted(&read()), sorted(&read()));
    assert!(first.len() > 100);
    assert_eq!(first, second);
    assert!(first_span[1] < second_span[0], "{first_span:?} {second_span:?}");
}

/// Counted by the states themselves.
#[test]
fn a_read_from_any_state_gives_at_least_what_came_after_it() {
    let sandbox = sandbox();
    let connector = connector(&sandbox);
    let (_, incremental) = names();
    for stream in incremental {
        let first = connector.read(&[stream], None).ok();
        let states = first.states(stream);
        let count = |state: &Value| state["sourceStats"]["recordCount"].as_f64().expect("a count");
        assert!(states.iter().map(count).sum::<f64>() > 0.0, "{stream}");
        for (index, state) in states.iter().enumerate() {
            let after: f64 = states[index + 1..].iter().map(count).sum();
            let again = connector.read(&[stream], Some(&json!([state]))).ok();
            #[expect(clippy::cast_precision_loss, reason = "a few hundred records")]
            let found = again.records(stream).len() as f64;
            assert!(found >= after, "{stream}, state {index}: {found} records instead of {after}");
        }
    }
}

/// A state in which everything is read up to the year 2999, of the accounts that the token finds; also where the configuration
/// ends in the past. Each stream's state has its cursor by name, which the older acceptance tests look for.
#[test]
fn a_state_of_the_future_gives_no_records_and_a_state_of_the_same_form() {
    let sandbox = Sandbox::start(world());
    sandbox.world().throttle = Throttle::off();
    let abnormal: Value = serde_json::from_str(include_str!("abnormal_state.json")).expect("JSON");
    let (_, incremental) = names();
    let of = |states: &Value, stream: &str| {
        let of_stream =
            states.as_array().into_iter().flatten().find(|state| state["stream"]["stream_descriptor"]["name"] == stream);
        of_stream.unwrap_or_else(|| panic!("no state of {stream}"))["stream"]["stream_state"].clone()
    };
    for end in ["", "2026-11-19", "2026-06-30"] {
        let connector = Connector::new(&sandbox, "2026-01-01").with("end_date", end);
        let output = connector.read(&incremental, Some(&abnormal)).ok();
        assert_eq!(output.of_type("RECORD"), Vec::<Value>::new(), "end_date {end:?}");
        let states = state_after(&output.lines);
        for stream in source_awin::streams::STREAMS.iter().filter(|stream| stream.is_incremental()) {
            let (given, got) = (of(&abnormal, stream.name), of(&states, stream.name));
            assert!(given[stream.cursor.expect("a cursor")].is_string(), "{}", stream.name);
            assert_eq!(got["accounts"], given["accounts"], "{}, end_date {end:?}", stream.name);
        }
    }
}

/// [c85]
#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    let has = |file: &str, text: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let content = std::fs::read_to_string(path).expect("readable");
        assert!(content.contains(text), "{file} has no {text:?}");
    };
    has("metadata.yaml", &format!("\n  dockerImageTag: {version}\n"));
    has("Dockerfile", &format!("io.airbyte.version=\"{version}\""));
    has("Dockerfile", &format!("org.opencontainers.image.version=\"{version}\""));
    has("CHANGELOG.md", &format!("\n## [{version}] - "));
    has("docs/runners.md", &format!("source-awin/source-awin:{version}"));
    has("docs/runners.md", &format!("tag `{version}`"));
    has("docs/schedule.md", &format!("source-awin/source-awin:{version}"));
    has("docs/schedule.md", &format!("awin-sync:{version}"));
    has("examples/compose.yml", &format!("source-awin/source-awin:{version}"));
    has("docs/setup.md", &format!("\n| {version} | "));
    has("docs/build-multi-arch.sh", &format!("source-awin:{version}"));
    has("sandbox/Cargo.toml", &format!("\nversion = \"{version}\""));
}

/// What the registry of connectors asks for beyond the models.
#[test]
fn the_metadata_suggest_streams_that_exist_and_name_the_hosts() {
    let metadata = include_str!("../metadata.yaml");
    let list = |key: &str| -> Vec<&str> {
        let (_, rest) = metadata.split_once(&format!("    {key}:\n")).unwrap_or_else(|| panic!("no {key}"));
        rest.lines().map_while(|line| line.trim().strip_prefix("- ")).collect()
    };
    assert_eq!(list("hosts"), ["api.awin.com"]);
    let (all, _) = names();
    assert_eq!(list("streams"), all[..3]);
}
