//! A configuration that is changed later: accounts added, the start moved, an end set, another zone.

use std::collections::BTreeSet;

use awin_sandbox::{Demo, Event, Sandbox, Standing, Throttle, World, instant};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Connector, Story};

const NOW: &str = "2026-11-20T15:30:00Z";
const HEART: [&str; 3] = ["transactions", "stats_by_publisher", "stats_by_creative"];

fn world() -> World {
    let demo = Demo { days_back: 120, days_ahead: 60, sales_per_day: 2, ..Demo::new(5, instant(NOW)) };
    let mut world = demo.build();
    world.throttle = Throttle::off();
    // Sales go on coming in, but nothing changes by itself that a look-back is not made to catch.
    for sale in &mut world.sales {
        sale.events.retain(|(at, _)| *at <= instant(NOW));
    }
    world
}

/// A connection of two markets of one advertiser.
fn story(start_date: &str) -> Story {
    let mut story = Story::new(world(), start_date, &HEART);
    story.connector.config["regions"] = json!(["DE", "GB"]);
    story
}

/// The start dates asked for of transactions by their own date, in the order of the calls.
fn windows_of(story: &Story) -> Vec<String> {
    let calls = story.sandbox.calls();
    let main = calls.iter().filter(|call| {
        call.path.ends_with("/transactions/") && call.param("dateType") == Some("transaction") && call.param("status").is_none()
    });
    main.map(|call| call.param("startDate").unwrap_or_default()[..10].to_owned()).collect()
}

#[test]
fn an_account_added_gets_its_own_history() {
    let mut story = story("2026-10-01");
    story.sync();
    story.later(1);
    story.connector.config["advertiser_ids"] = "90210,90211".into();
    story.sync();
    story.assert_in_sync();
}

#[test]
fn a_start_moved_back_reads_the_missing_beginning_newest_window_first() {
    let mut story = story("2026-11-01");
    story.sync();
    story.later(1);
    story.connector.config["start_date"] = "2026-08-10".into();
    let output = story.sync();
    // Calls under way at once may arrive in any order; what is committed, and in which order, the states say.
    let mut windows = windows_of(&story);
    windows.sort();
    assert_eq!(windows, ["2026-08-10", "2026-09-09", "2026-10-09", "2026-11-01"]);
    let states = output.states("transactions");
    let starts = states.iter().map(|state| state["stream"]["stream_state"]["accounts"][0]["from"].as_str().unwrap_or_default());
    let mut starts: Vec<&str> = starts.map(|start| &start[..10]).collect();
    starts.dedup();
    assert_eq!(starts, ["2026-11-01", "2026-10-09", "2026-09-09", "2026-08-10"]);
    story.assert_in_sync();
    story.later(1);
    story.sync();
    assert_eq!(windows_of(&story), ["2026-10-24"], "the gap is closed for good");
    story.assert_in_sync();
}

#[test]
fn a_start_moved_forward_reads_nothing_again_and_back_again_is_right() {
    let mut story = story("2026-09-01");
    story.sync();
    story.later(1);
    story.connector.config["start_date"] = "2026-11-01".into();
    story.sync();
    assert_eq!(windows_of(&story), ["2026-11-01"]);
    story.assert_in_sync();
    // A sale of the part that is not kept up with changes.
    {
        let mut world = story.sandbox.world();
        let now = world.now();
        let old = world
            .sales
            .iter()
            .find(|sale| sale.advertiser_id == 90210 && sale.created > instant("2026-09-05T00:00:00Z"))
            .map(|sale| sale.id);
        let sale = world.sales.get_mut(old.expect("a sale")).expect("the sale");
        sale.events.clear();
        sale.happens(now + TimeDelta::hours(1), Event::Decline { reason: "Returned".into() });
    }
    story.later(1);
    story.sync();
    story.assert_in_sync();
    story.later(10);
    story.sync();
    story.connector.config["start_date"] = "2026-09-01".into();
    story.sync();
    // A row that vanishes from a report stays in the table: that is documented.
    story.assert_these_in_sync(&["transactions"]);
}

#[test]
fn an_end_limits_the_rows_and_not_their_freshness() {
    let mut story = story("2026-09-01");
    story.connector.config["end_date"] = "2026-10-15".into();
    story.sync();
    story.assert_in_sync();
    story.later(40);
    story.sync();
    story.assert_in_sync();
    // Unset: what lies behind it is read.
    story.connector.config["end_date"] = Value::Null;
    story.sync();
    story.assert_in_sync();
    // Set again, then unset after changes that were not kept up with.
    story.connector.config["end_date"] = "2026-11-20".into();
    story.sync();
    story.later(15);
    story.sync();
    story.connector.config["end_date"] = Value::Null;
    story.sync();
    story.assert_in_sync();
}

#[test]
fn a_longer_look_back_reads_further_back() {
    let mut story = story("2026-09-01");
    story.sync();
    story.connector.config["lookback_days"] = 50.into();
    story.later(1);
    story.sync();
    assert_eq!(windows_of(&story), ["2026-10-01", "2026-10-31"]);
    story.connector.config["lookback_days"] = 0.into();
    story.later(1);
    story.sync();
    // The day that was read in part is always read again.
    assert_eq!(windows_of(&story), ["2026-11-21"]);
}

#[test]
fn another_zone_or_date_type_is_refused_and_says_what_to_do() {
    for (key, value, streams) in [("timezone", "Europe/Berlin", &HEART[..]), ("stats_date_type", "validation", &HEART[1..])] {
        let mut story = story("2026-11-10");
        story.sync();
        story.connector.config[key] = value.into();
        let output = story.connector.read(&HEART, Some(&story.state));
        assert_eq!(output.code, Some(1));
        let errors = output.errors();
        assert_eq!(errors.len(), streams.len(), "{errors:?}");
        for (stream, kind, message) in errors {
            assert!(streams.contains(&stream.as_str()), "{stream}");
            assert_eq!(kind, "config_error");
            assert!(message.contains(&format!("`{key}`")) && message.contains("Refresh the stream"), "{message}");
        }
    }
}

#[test]
fn a_region_added_gets_its_own_history() {
    let mut story = story("2026-11-01");
    story.connector.config["advertiser_ids"] = "90210,90211".into();
    story.connector.config["regions"] = json!(["DE"]);
    story.sync();
    story.later(1);
    story.connector.config["regions"] = json!(["DE", "GB"]);
    story.sync();
    story.assert_in_sync();
}

/// The figures of its last days go on changing when the last programme of a market was left.
#[test]
fn a_market_that_is_not_found_any_more_is_still_read_and_told() {
    let sandbox = Sandbox::start(world());
    let mut connector = Connector::new(&sandbox, "2026-11-01").with("publisher_ids", "500321").with("lookback_days", 2);
    let first = connector.read(&["stats_by_advertiser"], None).ok();
    assert!(first.records("stats_by_advertiser").iter().any(|row| row["region"] == "DE"));
    let left = instant(NOW) + TimeDelta::hours(1);
    sandbox.world().relate(90_210, 500_321, Standing::NotJoined, left);
    sandbox.world().clock.advance(TimeDelta::days(1));
    connector.sees_clock_of(&sandbox);
    sandbox.clear_calls();
    let second = connector.read(&["stats_by_advertiser"], Some(&first.state())).ok();
    let calls = sandbox.calls();
    let asked = calls.iter().filter(|call| call.path.ends_with("/reports/advertiser") && call.param("region") == Some("DE"));
    let days: BTreeSet<&str> = asked.filter_map(|call| call.param("startDate")).collect();
    assert!(["2026-11-20", "2026-11-21"].iter().all(|day| days.contains(day)), "the last day and today: {days:?}");
    // A day, two, three, five, seven, ten, fourteen and eighteen days after their ends.
    for day in ["2026-11-19", "2026-11-18", "2026-11-17", "2026-11-15", "2026-11-13", "2026-11-10", "2026-11-06", "2026-11-02"] {
        assert!(days.contains(day), "{day}: {days:?}");
    }
    let warnings = second.logs("WARN");
    assert!(warnings.iter().any(|text| text.contains("DE") && text.contains("`regions`")), "{warnings:?}");
    // Named, it is the user's choice alone.
    sandbox.clear_calls();
    let connector = connector.with("regions", json!(["GB"]));
    connector.read(&["stats_by_advertiser"], Some(&second.state())).ok();
    assert!(sandbox.calls().iter().all(|call| call.param("region") != Some("DE")));
}
