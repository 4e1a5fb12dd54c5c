//! A market of which there is nothing to tell costs one call, not one a day.

use awin_sandbox::{Account, Kind, Sale, World, decimal};
use chrono::TimeDelta;
use serde_json::{Value, json};
use source_awin::awin::Request;

use crate::support::Connection;
use crate::support::connection::Synced;
use crate::support::faulty::Wrong;
use crate::support::setup::quiet_half_year;
use crate::support::tables::{assert_same, truth};

/// An advertiser that sells in Germany, and one of its publishers.
fn world() -> World {
    let mut world = quiet_half_year(2);
    world.accounts.push(Account { id: 600_001, kind: Kind::Publisher, ..world.accounts[0].clone() });
    world
}

fn connection() -> Connection {
    let config = json!({"start_date": "2026-02-01", "requests_per_minute": 1000, "regions": ["DE", "GB"]});
    Connection::new(world(), config)
}

#[track_caller]
fn assert_right(connection: &Connection, stream: &str) {
    assert_same(stream, &connection.tables.table(stream), &truth(&connection.world(), stream, &connection.config));
}

fn in_region<'s>(synced: &'s Synced, path: &str, region: &str) -> Vec<&'s str> {
    synced.calls_of(path).into_iter().filter(|call| call.contains(&format!("region={region}"))).collect()
}

fn range(call: &str) -> [&str; 2] {
    ["startDate=", "endDate="].map(|name| &call.split(name).nth(1).expect("a date")[..10])
}

#[test]
fn one_call_proves_a_long_stretch_empty() {
    let mut connection = connection();
    let first = connection.sync(&["stats_by_creative"]);
    for path in ["/advertisers/90210/reports/creative", "/publishers/600001/reports/creative"] {
        let britain = in_region(&first, path, "GB");
        assert_eq!(britain.len(), 1, "{britain:#?}");
        assert_eq!(range(britain[0]), ["2026-02-01", "2026-06-20"]);
        // Germany takes a call a day, and one to see that there is something.
        assert_eq!(in_region(&first, path, "DE").len(), 140 + 1);
    }
    assert!(first.has_completed("stats_by_creative"));
    assert_right(&connection, "stats_by_creative");
    // From the next sync on the market is read like any other.
    let mut sale = Sale::new(7, 90_210, 600_002, connection.now() + TimeDelta::hours(3), decimal("90.00"), decimal("4.50"));
    sale.creative_id = 902_101;
    connection.world().sales.push(sale);
    connection.world().markets.insert((90_210, 600_002), awin_sandbox::Markets::In(vec!["GB".into()]));
    connection.later(TimeDelta::days(1));
    let next = connection.sync(&["stats_by_creative"]);
    let calls = in_region(&next, "/advertisers/90210/reports/creative", "GB");
    assert!(calls.iter().all(|call| range(call)[0] == range(call)[1]), "{calls:#?}");
    let sold = connection
        .tables
        .table("stats_by_creative")
        .into_values()
        .filter(|row| row["region"] == "GB" && row["totalNo"] == 1)
        .count();
    assert_eq!(sold, 1);
}

/// Joined programmes are listed there with zeros, so that no answer is ever empty.
#[test]
fn a_report_that_lists_zeros_is_asked_day_by_day() {
    let mut connection = connection();
    let first = connection.sync(&["stats_by_advertiser"]);
    assert!(first.calls_of("/reports/advertiser?").iter().all(|call| range(call)[0] == range(call)[1]));
    assert_right(&connection, "stats_by_advertiser");
}

/// The answer for a long stretch is documented for no report; where it cannot be had, nothing is taken for granted.
#[test]
fn where_a_long_stretch_cannot_be_asked_for_it_is_read_day_by_day() {
    let wrongs =
        [Wrong::Status(400), Wrong::Status(500), Wrong::NoContent, Wrong::Html, Wrong::Half, Wrong::Hang, Wrong::Body("{}")];
    for wrong in wrongs {
        let mut connection = connection();
        connection.config["publisher_ids"] = "600001".into();
        let is_long = |request: &Request| {
            let value = |wanted: &str| request.query.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
            value("startDate") != value("endDate")
        };
        let first = connection.sync_with(&["stats_by_creative"], move |request, _| is_long(request).then_some(wrong));
        let days =
            in_region(&first, "/reports/creative", "GB").into_iter().filter(|call| range(call)[0] == range(call)[1]).count();
        assert_eq!(days, 140, "{wrong:?}");
        assert_eq!(first.logs("ERROR"), [""; 0], "{wrong:?}");
        assert_right(&connection, "stats_by_creative");
    }
}

/// A run that dies after the proof goes on behind it.
#[test]
fn a_proof_is_kept_like_a_day_that_was_read() {
    let mut connection = connection();
    connection.config["advertiser_ids"] = "90210".into();
    connection.config["regions"] = json!(["GB", "DE"]);
    let catalog = crate::support::connector::catalog(&["stats_by_creative"], "incremental");
    let first = connection.read(&catalog, |_, _| None);
    let proven = first.lines.iter().position(|line| line["type"] == "STATE").expect("a STATE");
    connection.take(&first.lines[..=proven]);
    let through = connection.parts("stats_by_creative").iter().map(|part| part["through"].clone()).collect::<Vec<Value>>();
    assert_eq!(through, [json!("2026-06-20T15:30:00Z")]);
    let second = connection.sync(&["stats_by_creative"]);
    let britain = in_region(&second, "/reports/creative", "GB");
    assert!(britain.len() <= 2, "{britain:#?}");
    assert_right(&connection, "stats_by_creative");
}
