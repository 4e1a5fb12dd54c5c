//! What reports fall back on when something is wrong about our picture of Awin, and what it costs: one test per cause. And that no
//! report loses what another one, or a run that died, has heard.

use std::time::Duration;

use awin_sandbox::{Amendment, Booking, Event, ReportLag, Sale, World, decimal};
use chrono::{NaiveDate, TimeDelta};
use serde_json::{Map, Value, json};
use source_awin::awin::Request;

use crate::support::Connection;
use crate::support::connection::Synced;
use crate::support::faulty::Wrong;
use crate::support::setup::quiet_half_year;
use crate::support::tables::truth;

const REPORT: &str = "stats_by_publisher";

/// An advertiser with a sale a day, half a year long, and nothing that happens to them yet.
fn world() -> World {
    let mut world = quiet_half_year(3);
    let begin = world.now();
    for number in 0..182u64 {
        let created = begin + TimeDelta::hours(7) - TimeDelta::days(i64::try_from(number).expect("small")) + TimeDelta::days(2);
        let mut sale = Sale::new(1000 + number, 90_210, 600_001 + number % 3, created, decimal("90.00"), decimal("4.50"));
        // Each second one follows a click of the day before.
        sale.clicked = Some(created - TimeDelta::days(i64::from(number % 2 == 0)));
        world.sales.push(sale);
    }
    world
}

/// The connection after its first sync of 120 days.
fn connection(world: World) -> Connection {
    let config = json!({"start_date": "2026-02-20", "requests_per_minute": 1000});
    let mut connection = Connection::new(world, config);
    connection.sync(&[REPORT, "transactions"]);
    connection
}

/// Something happens to the sale of so many days ago, a few hours from now; a day goes by.
fn happens(connection: &Connection, events: &[(i64, Event)]) {
    let at = connection.now() + TimeDelta::hours(5);
    for (days_ago, event) in events {
        let day = (connection.now() - TimeDelta::days(*days_ago)).date_naive();
        let mut world = connection.world();
        world.sales.iter_mut().find(|sale| sale.created.date_naive() == day).expect("a sale").happens(at, event.clone());
    }
    connection.later(TimeDelta::days(1));
}

/// Days of the report that are not as Awin would answer them now.
fn stale(connection: &Connection) -> Vec<NaiveDate> {
    let table = connection.tables.table(REPORT);
    let wanted = truth(&connection.world(), REPORT, &connection.config);
    let day = |row: &Map<String, Value>| row["date"].as_str().expect("a date")[..10].parse().expect("a date");
    let mut days: Vec<NaiveDate> =
        wanted.iter().filter(|(key, row)| table.get(*key) != Some(row)).map(|(_, row)| day(row)).collect();
    days.dedup();
    days
}

/// The days of the report that were asked for, each once.
fn days_of(synced: &Synced) -> Vec<NaiveDate> {
    let day = |call: &&str| call.split("startDate=").nth(1).and_then(|rest| rest[..10].parse().ok());
    let mut days: Vec<NaiveDate> = synced.calls_of("/reports/publisher?").iter().filter_map(day).collect();
    days.sort();
    let asked = days.len();
    days.dedup();
    assert_eq!(asked, days.len(), "a day is asked for twice");
    days
}

fn days_ago(connection: &Connection, days: i64) -> NaiveDate {
    (connection.now() - TimeDelta::days(days)).date_naive()
}

/// All days of the look-back, which is counted from the sync before.
fn look_back(connection: &Connection) -> Vec<NaiveDate> {
    (0..=29).rev().map(|days| days_ago(connection, days)).collect()
}

/// Decisions cannot be listed, whatever the reason: the plain look-back is read in this run, a day for its age beyond it, and what
/// changed meanwhile is heard by the next run that can.
#[test]
fn without_the_list_of_decisions_a_run_reads_the_plain_look_back() {
    for wrong in [
        Wrong::Status(400),
        Wrong::Status(401),
        Wrong::Status(403),
        Wrong::Status(404),
        Wrong::Status(500),
        Wrong::Status(503),
        Wrong::Html,
        Wrong::Hang,
    ] {
        let mut connection = connection(world());
        happens(&connection, &[(10, Event::Approve), (55, Event::Approve)]);
        let strikes = move |request: &Request, _: u64| request.to_string().contains("dateType=validation").then_some(wrong);
        let deaf = connection.sync_with(&[REPORT], strikes);
        let warnings = deaf.logs("WARN");
        let plain = warnings.iter().filter(|text| text.contains("by the plain look-back")).count();
        assert_eq!((plain, warnings.len()), (1, 1), "{wrong:?}: {warnings:?}");
        let days = days_of(&deaf);
        assert_eq!(days[days.len() - 30..], look_back(&connection), "{wrong:?}");
        // Ages that are left to the finder when there is one.
        for age in [35, 47, 60, 72, 84, 96] {
            assert!(days.contains(&days_ago(&connection, age + 1)), "{wrong:?}: {age} days");
        }
        assert!(days.len() <= 40, "{wrong:?}: {} days", days.len());
        let begun = deaf.calls.iter().position(|call| call.contains("/reports/publisher")).expect("a call");
        // Two minutes; the rest is for what the harness does in real time.
        assert!(deaf.moments[begun] <= Duration::from_secs(180), "{wrong:?}: {:?}", deaf.moments[begun]);
        assert_eq!(stale(&connection), [days_ago(&connection, 56)], "{wrong:?}");
        connection.later(TimeDelta::days(1));
        let hears = connection.sync(&[REPORT]);
        assert_eq!(stale(&connection), [], "{wrong:?}");
        assert!(days_of(&hears).len() <= 20, "{wrong:?}");
    }
}

/// The same where `transactions` is read in the run and fails on the way: the finder asks once more, in vain.
#[test]
fn where_transactions_fail_reports_fall_back_and_lose_nothing() {
    let mut connection = connection(world());
    happens(&connection, &[(10, Event::Approve), (55, Event::Approve)]);
    let catalog = crate::support::connector::catalog(&[REPORT, "transactions"], "incremental");
    let failed =
        connection.read(&catalog, |request, _| request.to_string().contains("dateType=validation").then_some(Wrong::Status(403)));
    assert!(failed.has_completed(REPORT) && !failed.is_complete);
    connection.take(&failed.lines);
    assert_eq!(stale(&connection), [days_ago(&connection, 56)]);
    connection.later(TimeDelta::days(1));
    connection.sync(&[REPORT, "transactions"]);
    assert_eq!(stale(&connection), []);
}

/// Amendments cannot be listed: one WARN, decisions are found as ever, and an amendment shows when its day is next read.
#[test]
fn without_the_list_of_amendments_decisions_are_still_found() {
    let amended = Event::Amend { sale: decimal("50.00"), commission: decimal("2.50"), reason: "Part returned".into() };
    for wrong in [None, Some(Wrong::Status(403)), Some(Wrong::Status(500)), Some(Wrong::Hang)] {
        let mut world = world();
        if wrong.is_none() {
            world.rules.amendment = Amendment::Refused400;
        }
        let mut connection = connection(world);
        happens(&connection, &[(12, amended.clone()), (50, Event::Approve), (54, amended.clone())]);
        let strikes = move |request: &Request, _: u64| wrong.filter(|_| request.to_string().contains("dateType=amendment"));
        let synced = connection.sync_with(&[REPORT], strikes);
        let warnings = synced.logs("WARN");
        assert_eq!(warnings.iter().filter(|text| text.contains("by amendment date")).count(), 1, "{wrong:?}: {warnings:?}");
        assert!(days_of(&synced).len() <= 20, "{wrong:?}: no fall-back");
        let wanted = [days_ago(&connection, 55), days_ago(&connection, 13)];
        assert_eq!(stale(&connection), wanted, "{wrong:?}: the decision is right, the amendments wait");
        connection.later(TimeDelta::days(1));
        connection.sync(&[REPORT]);
        if wrong.is_some() {
            assert_eq!(stale(&connection), [], "heard when the list is there again");
        } else {
            // 60 days after it ended, the older day is read for its age, too.
            (0..6).for_each(|_| {
                connection.later(TimeDelta::days(1));
                connection.sync(&[REPORT]);
            });
            assert_eq!(stale(&connection), []);
        }
    }
}

/// Reports count a sale on the day of its click: the days that changed sales name are the wrong ones.
#[test]
fn where_reports_count_sales_on_other_days_the_plain_look_back_is_read() {
    for (booking, lag, falls_back) in [
        (Booking::ClickDate, ReportLag::None, true),
        (Booking::ClickDate, ReportLag::Nightly, true),
        (Booking::TransactionDate, ReportLag::None, false),
        (Booking::TransactionDate, ReportLag::Hours(24), false),
        (Booking::TransactionDate, ReportLag::Nightly, false),
    ] {
        let mut world = world();
        (world.rules.booking, world.rules.report_lag) = (booking, lag);
        let mut connection = connection(world);
        connection.later(TimeDelta::days(1));
        connection.sync(&[REPORT, "transactions"]);
        happens(&connection, &[(9, Event::Approve), (10, Event::Approve)]);
        // What lags is not the question here.
        let lagged = connection.world().rules.report_lag;
        connection.world().rules.report_lag = ReportLag::None;
        let synced = connection.sync(&[REPORT, "transactions", "stats_by_campaign"]);
        let warnings = synced.logs("WARN");
        let said = warnings.iter().filter(|text| text.contains("counts sales on other days than `transactions`")).count();
        assert_eq!(said, usize::from(falls_back), "{booking:?}, {lagged:?}: {warnings:?}");
        let days = days_of(&synced);
        if falls_back {
            assert_eq!(days[days.len() - 30..], look_back(&connection));
            assert!(days.len() <= 40, "{} days", days.len());
            assert!(synced.calls_of("/reports/campaign?").len() <= 2, "{:?}", synced.calls_of("/reports/campaign?"));
        } else {
            assert!(days.len() <= 16, "{booking:?}, {lagged:?}: {} days", days.len());
        }
        assert_eq!(stale(&connection), [], "{booking:?}, {lagged:?}");
    }
}

/// A report that was left out for days hears of all that changed since it was read itself, whatever others have heard meanwhile.
#[test]
fn each_report_hears_of_changes_from_where_it_stopped_itself() {
    let mut connection = connection(world());
    connection.sync(&[REPORT, "stats_by_creative"]);
    happens(&connection, &[(40, Event::Approve)]);
    for _ in 0..5 {
        connection.sync(&["stats_by_creative"]);
        connection.later(TimeDelta::days(1));
    }
    assert!(stale(&connection).contains(&days_ago(&connection, 46)));
    connection.sync(&[REPORT, "stats_by_creative"]);
    assert_eq!(stale(&connection), []);
}

/// What a run has heard is in a STATE before it reads any day of it: a run that dies right then has lost nothing.
#[test]
fn what_waits_is_in_a_state_before_any_of_it_is_read() {
    let mut connection = connection(world());
    happens(&connection, &[(40, Event::Approve), (50, Event::Approve)]);
    let run = connection.read(&crate::support::connector::catalog(&[REPORT], "incremental"), |_, _| None);
    let position = |kind: &str| run.lines.iter().position(|line| line["type"] == kind).expect("there is one");
    assert!(position("STATE") < position("RECORD"));
    connection.take(&run.lines[..=position("STATE")]);
    for days in [41, 51] {
        assert!(stale(&connection).contains(&days_ago(&connection, days)));
    }
    let queue = connection.parts(REPORT)[0]["queue"].as_str().expect("a queue");
    let changed = queue.split(' ').filter(|entry| entry.split('.').nth(1).is_some_and(|change| !change.is_empty())).count();
    assert_eq!(changed, 2, "{queue}");
    connection.later(TimeDelta::days(1));
    connection.sync(&[REPORT]);
    assert_eq!(stale(&connection), []);
}
