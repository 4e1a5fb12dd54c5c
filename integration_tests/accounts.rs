//! Accounts that refuse, are found, are lost and come back; a token that dies. What they break, and what they leave alone.

use std::time::Duration;

use awin_sandbox::{Access, Clock, Demo, Fault, FaultBody, FaultKind, Markets, Refusal, Sandbox, Throttle, World, instant};
use chrono::{NaiveDate, TimeDelta};
use serde_json::json;

use crate::support::faulty::Wrong;
use crate::support::{Connection, Connector, Tables, assert_in_sync};

const NOW: &str = "2026-11-20T15:30:00Z";
const STREAMS: [&str; 2] = ["transactions", "stats_by_publisher"];

/// Five advertisers.
fn world() -> World {
    let demo =
        Demo { days_back: 30, days_ahead: 40, advertisers: 5, publishers: 0, sales_per_day: 2, ..Demo::new(5, instant(NOW)) };
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world
}

fn refuse(world: &mut World, id: u64, access: Access) {
    world.account_mut(id).expect("the account").access = access;
}

const REFUSALS: [Refusal; 3] = [Refusal::Unauthorized401, Refusal::Forbidden403, Refusal::NotFound404];

#[test]
fn a_named_account_that_refuses_fails_loudly_and_alone() {
    for refusal in REFUSALS {
        let mut world = world();
        world.rules.refusal = refusal;
        refuse(&mut world, 90212, Access::Refused);
        let sandbox = Sandbox::start(world);
        let connector = Connector::new(&sandbox, "2026-11-10").with("advertiser_ids", "90210,90211,90212,90213,90214");
        let output = connector.read(&STREAMS, None);
        assert_eq!(output.code, Some(1));
        let errors = output.errors();
        assert_eq!(errors.len(), 1, "told once, with the streams that met it: {errors:?}");
        for (stream, kind, message) in errors {
            assert!(STREAMS.contains(&stream.as_str()));
            assert_eq!(kind, "config_error");
            for part in ["advertiser 90212", "US", "plans", "`advertiser_ids`", "`transactions`", "`stats_by_publisher`"] {
                assert!(message.contains(part), "{part}: {message}");
            }
        }
        for stream in STREAMS {
            assert_eq!(output.statuses(stream), ["STARTED", "RUNNING", "INCOMPLETE"]);
        }
        // The four others are complete and committed.
        let mut tables = Tables::default();
        tables.load(&output.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &STREAMS);
        for stream in STREAMS {
            let state = output.states(stream).pop().expect("a state");
            let accounts = state["stream"]["stream_state"]["accounts"].as_array().expect("a list").clone();
            let mut ids: Vec<u64> = accounts.iter().map(|account| account["accountId"].as_u64().expect("an id")).collect();
            ids.sort_unstable();
            assert_eq!(ids, [90210, 90211, 90213, 90214]);
            assert!(accounts.iter().all(|account| account["through"] == "2026-11-20T15:30:00Z"), "{accounts:?}");
        }
        assert_eq!(output.logs("ERROR").pop().map(|text| STREAMS.iter().all(|stream| text.contains(stream))), Some(true));
        // A refused account costs a call per stream, not a call per window.
        let wasted = sandbox.calls().iter().filter(|call| call.path.contains("/90212/")).count();
        assert_eq!(wasted, 2);
    }
}

#[test]
fn a_found_account_that_never_answered_is_left_out_with_one_warning() {
    for refusal in REFUSALS {
        let mut world = world();
        world.rules.refusal = refusal;
        refuse(&mut world, 90212, Access::Refused);
        let sandbox = Sandbox::start(world);
        let connector = Connector::new(&sandbox, "2026-11-10");
        let output = connector.read(&STREAMS, None).ok();
        let warnings: Vec<String> = output.logs("WARN").into_iter().filter(|text| text.contains("90212")).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let mut tables = Tables::default();
        tables.load(&output.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &STREAMS);
    }
}

#[test]
fn a_found_account_that_has_state_is_treated_as_named_whether_it_is_still_listed_or_not() {
    for listed in [true, false] {
        let sandbox = Sandbox::start(world());
        let mut connector = Connector::new(&sandbox, "2026-11-10");
        let mut tables = Tables::default();
        let first = connector.read(&STREAMS, None).ok();
        tables.load(&first.lines);
        {
            let mut world = sandbox.world();
            refuse(&mut world, 90213, Access::Refused);
            world.account_mut(90213).expect("the account").listed = listed;
            world.clock.advance(TimeDelta::days(3));
        }
        connector.sees_clock_of(&sandbox);
        let second = connector.read(&STREAMS, Some(&first.state()));
        assert_eq!(second.code, Some(1));
        assert!(
            second.errors().iter().all(|(_, kind, message)| kind == "config_error" && message.contains("90213")),
            "{:?}",
            second.errors()
        );
        tables.load(&second.lines);

        // Weeks later it is back, and nothing is missing.
        {
            let mut world = sandbox.world();
            refuse(&mut world, 90213, Access::Ok);
            world.account_mut(90213).expect("the account").listed = true;
            world.clock = Clock::Fixed(instant(NOW) + TimeDelta::days(25));
        }
        connector.sees_clock_of(&sandbox);
        let third = connector.read(&STREAMS, Some(&second.state())).ok();
        tables.load(&third.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &["transactions"]);
    }
}

#[test]
fn a_token_that_dies_in_the_middle_is_told_at_once_and_keeps_what_was_read() {
    for calls in [0, 1, 3, 20] {
        let mut world = world();
        world.token_dead_after = Some(calls);
        let sandbox = Sandbox::start(world);
        let connector = Connector::new(&sandbox, "2026-11-10");
        let output = connector.read(&STREAMS, None);
        assert_eq!(output.code, Some(1));
        let errors = output.errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].1, "config_error");
        assert!(errors[0].2.contains("ui.awin.com/awin-api") && errors[0].2.contains("`api_token`"), "{errors:?}");

        sandbox.world().token_dead_after = None;
        let mut tables = Tables::default();
        tables.load(&output.lines);
        let resumed = connector.read(&STREAMS, Some(&output.state())).ok();
        tables.load(&resumed.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &STREAMS);
    }
}

#[test]
fn a_token_without_accounts_reads_nothing_and_says_so_per_stream() {
    let mut world = world();
    world.accounts.clear();
    let sandbox = Sandbox::start(world);
    let connector = Connector::new(&sandbox, "2026-11-10");
    let output = connector.read(&STREAMS, None).ok();
    let wanted = [
        "`transactions` exists only for advertiser and publisher accounts, and the token sees no account: 0 rows.",
        "`stats_by_publisher` exists only for advertiser accounts, and the token sees no account: 0 rows.",
    ];
    assert_eq!(output.logs("WARN"), wanted);
}

#[test]
fn regions_are_found_per_account_and_named() {
    let sandbox = Sandbox::start(world());
    let connector = Connector::new(&sandbox, "2026-11-17");
    let output = connector.read(&["stats_by_creative"], None).ok();
    for (account, name, region) in [
        (90210, "Lampenladen „Hell“ DE", "DE"),
        (90211, "Example Shop GB", "GB"),
        (90212, "Example Shop US", "US"),
        (90213, "Café & Thé FR", "FR"),
        (90214, "Sklep PL", "PL"),
    ] {
        assert!(
            output.logs("INFO").contains(&format!("Regions found for advertiser {account} ({name}): {region}.")),
            "{:?}",
            output.logs("INFO")
        );
    }
    let mut tables = Tables::default();
    tables.load(&output.lines);
    assert_in_sync(&sandbox.world(), &connector.config, &tables, &["stats_by_creative"]);
    let calls = sandbox.calls();
    assert_eq!(
        calls.iter().filter(|call| call.path.ends_with("/reports/publisher")).count(),
        5,
        "one call per account to find its regions"
    );
    assert_eq!(calls.len(), 1 + 5 + 5 * 4);
}

/// Awin may leave a partner's region empty: its rows are in the report of some region all the same.
#[test]
fn partners_without_a_region_are_looked_for_in_each() {
    let mut world = world();
    world.markets.retain(|(advertiser, _), _| *advertiser != 90_211);
    for publisher in world.publishers.iter().map(|publisher| publisher.id) {
        world.markets.insert((90_211, publisher), Markets::Unknown);
    }
    let sandbox = Sandbox::start(world);
    let connector = Connector::new(&sandbox, "2026-11-10").with("advertiser_ids", "90211");
    let output = connector.read(&["stats_by_creative"], None).ok();
    assert!(!output.records("stats_by_creative").is_empty());
    let warnings = output.logs("WARN");
    assert!(warnings.len() == 1 && warnings[0].contains("(none); each region is asked"), "{warnings:?}");
    let found = "Regions found for advertiser 90211: GB.".to_owned();
    assert!(output.logs("INFO").contains(&found), "{:?}", output.logs("INFO"));
    let mut tables = Tables::default();
    tables.load(&output.lines);
    assert_in_sync(&sandbox.world(), &connector.config, &tables, &["stats_by_creative"]);
}

/// A large account's year may be more than Awin answers for.
#[test]
fn regions_are_found_month_by_month_where_a_year_is_too_long() {
    for wrong in [Wrong::Status(504), Wrong::Status(400), Wrong::Cut, Wrong::Hang] {
        let config = json!({"start_date": "2026-11-10", "advertiser_ids": "90210,90211", "requests_per_minute": 1000});
        let mut connection = Connection::new(world(), config);
        let synced = connection.sync_with(&["stats_by_creative"], move |request, _| {
            let date = |name| {
                let (_, text) = request.query.iter().find(|(known, _)| *known == name)?;
                text.parse::<NaiveDate>().ok()
            };
            let days = (date("endDate")? - date("startDate")?).num_days();
            (request.path.ends_with("/reports/publisher") && days > 31).then_some(wrong)
        });
        assert_in_sync(&connection.world(), &connection.config, &connection.tables, &["stats_by_creative"]);
        let took = *synced.moments.last().expect("calls");
        assert!(took < Duration::from_secs(10 * 60), "{wrong:?}: {took:?}");
        let told = synced.logs("INFO").into_iter().filter(|text| text.contains("asking for its months")).count();
        assert_eq!((told, synced.calls_of("/reports/publisher?").len() >= 2 * 13), (2, true), "{wrong:?}");
    }
}

#[test]
fn an_account_without_any_activity_is_no_error() {
    let mut world = world();
    world.sales = std::iter::empty().collect();
    world.traffic_from = instant("2030-01-01T00:00:00Z");
    let sandbox = Sandbox::start(world);
    let connector = Connector::new(&sandbox, "2026-11-10").with("advertiser_ids", "90210");
    let output = connector.read(&["transactions", "stats_by_publisher", "stats_by_creative"], None).ok();
    assert_eq!(output.lines.iter().filter(|line| line["type"] == "RECORD").count(), 0);
    for stream in ["transactions", "stats_by_publisher", "stats_by_creative"] {
        assert!(!output.states(stream).is_empty(), "{stream}");
    }
}

#[test]
fn check_names_the_ids_that_the_token_does_not_see_and_those_that_it_does() {
    let sandbox = Sandbox::start(world());
    let connector = Connector::new(&sandbox, "2026-11-10").with("advertiser_ids", "90210,77").with("publisher_ids", "88");
    let status = connector.check();
    assert_eq!(status["status"], "FAILED");
    let message = status["message"].as_str().expect("a message");
    for part in ["advertiser 77", "publisher 88", "advertiser 90214", "`advertiser_ids`"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(connector.with("advertiser_ids", "90210").with("publisher_ids", json!(null)).check()["status"], "SUCCEEDED");
}

/// Nothing can be read; every stream says so, and the one that does not exist keeps its own error.
#[test]
fn a_run_that_cannot_list_the_accounts_ends_every_stream() {
    let mut world = world();
    world.faults = vec![Fault::on("/accounts", FaultKind::Status(500, FaultBody::Json))];
    let sandbox = Sandbox::start(world);
    let mut connector = Connector::new(&sandbox, "2026-11-10");
    connector.minute_ms = 60;
    let output = connector.read(&["transactions", "no_such_stream", "stats_by_publisher"], None);
    assert_eq!(output.code, Some(1));
    let kinds: Vec<(String, String)> = output.errors().into_iter().map(|(stream, kind, _)| (stream, kind)).collect();
    let text = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(kinds, [text("", "transient_error"), text("no_such_stream", "config_error")]);
    for stream in STREAMS.into_iter().chain(["no_such_stream"]) {
        assert_eq!(output.statuses(stream), ["STARTED", "INCOMPLETE"], "{stream}");
    }
}
