//! The process dies at each point around what must not be done by half, each time that it gets there. Whoever goes on from the
//! last STATE that came out reaches the truth.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::connector::{catalog, state_after};
use crate::support::setup::{connector, sandbox};
use crate::support::tables::{Tables, assert_in_sync};
use crate::support::{Connector, Output};

/// Every point, in the order in which a window passes them.
const POINTS: [&str; 8] = [
    "commit.before",
    "commit.after",
    "state.before",
    "state.after",
    "hand_over.before",
    "hand_over.after",
    "write.before",
    "write.after",
];
const STREAMS: [&str; 4] = ["transactions", "stats_by_publisher", "programme_details", "accounts"];
/// SIGABRT.
const ABORTED: i32 = 6;

/// What a reader gets of a run that is to die at the `hit`th time of `point`; and whether it did.
fn read_until(connector: &Connector, state: Option<&Value>, point: &str, hit: u64) -> (Vec<Value>, bool) {
    let mut command = connector.read_command(&catalog(&STREAMS, "incremental"), state);
    command.env("SOURCE_AWIN_TEST_DIES_AT", format!("{point}:{hit}"));
    let ended = command.stdout(Stdio::piped()).output().expect("the connector starts");
    let died = ended.status.signal() == Some(ABORTED);
    assert!(died || ended.status.code() == Some(0), "{point}, hit {hit}: {:?}", ended.status);
    (Output::new(&ended.stdout, &[], None).lines, died)
}

/// The states of `known`, and of `lines` where there is a newer one.
fn after(known: &Value, lines: &[Value]) -> Value {
    let Value::Array(mut states) = known.clone() else { unreachable!("a list") };
    let Value::Array(new) = state_after(lines) else { unreachable!("a list") };
    states.retain(|old| new.iter().all(|new| new["stream"]["stream_descriptor"] != old["stream"]["stream_descriptor"]));
    states.extend(new);
    Value::Array(states)
}

#[test]
fn a_process_that_dies_at_any_point_loses_nothing() {
    let mut kills = 0;
    for point in POINTS {
        let sandbox = sandbox();
        let mut connector = connector(&sandbox).with("advertiser_ids", "90210").with("publisher_ids", "500321");
        connector.config["start_date"] = json!("2026-11-18");
        connector.config["lookback_days"] = json!(28);
        for hit in 1.. {
            let mut tables = Tables::default();
            let (lines, died) = read_until(&connector, None, point, hit);
            if !died {
                assert!(hit > 5, "{point} is reached only {} times", hit - 1);
                break;
            }
            tables.load(&lines);
            let mut state = after(&json!([]), &lines);
            // The next attempt is an hour later, and dies soon as well; the last one does not.
            for again in [2, u64::MAX] {
                sandbox.world().clock.advance(TimeDelta::hours(1));
                connector.sees_clock_of(&sandbox);
                let (lines, died) = read_until(&connector, Some(&state), point, again);
                kills += u64::from(died);
                tables.load(&lines);
                state = after(&state, &lines);
            }
            kills += 1;
            assert_in_sync(&sandbox.world(), &connector.config, &tables, &STREAMS);
        }
    }
    assert!(kills > 100, "{kills}");
}

/// The points of the program are those of this test.
#[test]
fn every_point_of_the_program_is_one_at_which_it_dies() {
    fn points_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("readable").map_while(Result::ok) {
            if entry.path().is_dir() {
                points_in(&entry.path(), found);
            } else {
                let text = std::fs::read_to_string(entry.path()).expect("UTF-8");
                found.extend(text.split("reach(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    let mut found = BTreeSet::new();
    points_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, POINTS.map(str::to_owned).into());
}
