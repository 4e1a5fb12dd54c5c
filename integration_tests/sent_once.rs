//! Rows that did not change stay home, old sales are looked after, STATEs are few.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use awin_sandbox::{Chronicle, Decisions, Deleted, Demo, Event, Rules, Sale, Sandbox, Throttle, World, decimal, instant};
use chrono::TimeDelta;
use serde_json::{Value, json};
use source_awin::awin::{IN_FLIGHT, Request};

use crate::support::connection::Synced;
use crate::support::connector::catalog;
use crate::support::faulty::Wrong;
use crate::support::{Connection, Connector, Story, Tables};

const NOW: &str = "2026-06-20T15:30:00Z";

/// One advertiser with the sales of `sales`.
fn world(sales: Vec<Sale>) -> World {
    let mut demo = Demo::new(3, instant(NOW));
    demo.sales_per_day = 0;
    let mut world = demo.build();
    world.throttle = Throttle::off();
    for sale in sales {
        world.sales.push(sale);
    }
    world
}

fn sale(id: u64, days_ago: i64) -> Sale {
    let created = instant(NOW) - TimeDelta::days(days_ago) - TimeDelta::seconds(17);
    Sale::new(id, 90210, 500_321, created, decimal("90.00"), decimal("4.50"))
}

/// A connection of which the sales of one advertiser are synced day by day.
fn story(world: World) -> Story {
    Story::new(world, "2026-01-01", &["transactions"])
}

#[test]
fn a_row_is_sent_when_it_is_new_when_it_changes_and_when_it_leaves_the_look_back() {
    let mut changing = sale(2, 10);
    changing.happens(instant(NOW) + TimeDelta::hours(30), Event::Approve);
    let mut story = story(world(vec![sale(1, 10), changing]));
    let mut sent: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for day in 0..40 {
        for row in story.sync().records("transactions") {
            sent.entry(row["id"].as_u64().expect("an id")).or_default().push(day);
        }
        story.assert_in_sync();
        story.later(1);
    }
    // Ten days old at first; the look-back is left on the 19th day, that is 29 midnights after the sale.
    assert_eq!(sent[&1], [0, 19], "{sent:?}");
    assert_eq!(sent[&2], [0, 2, 19], "{sent:?}");
}

/// Only the last STATE of a run says what was sent: whoever goes on from another one gets the rows once more.
#[test]
fn a_run_that_goes_on_from_the_middle_sends_its_rows_again() {
    let mut story = story(world((1..200).map(|id| sale(id, i64::try_from(id % 25).expect("small"))).collect()));
    let first = story.sync();
    let states = first.states("transactions");
    for (index, state) in states.iter().enumerate() {
        let sent = state["stream"]["stream_state"]["accounts"][0]["sent"].as_str().unwrap_or_default();
        assert_eq!(!sent.is_empty(), index + 1 == states.len(), "state {index}: {sent:?}");
    }
    let from_the_middle = story.connector.read(&["transactions"], Some(&json!([states[0]]))).ok();
    assert_eq!(from_the_middle.records("transactions").len(), 199);
    assert_eq!(story.sync().records("transactions").len(), 0);
}

/// A destination that lost its last batch has it again four weeks later.
#[test]
fn a_batch_that_was_lost_comes_again_when_it_leaves_the_look_back() {
    let mut story = story(world(vec![sale(1, 1), sale(2, 0)]));
    story.sync();
    story.tables = Tables::default();
    for _ in 0..31 {
        story.later(1);
        story.sync();
    }
    story.assert_in_sync();
}

/// Flags of payments and deletions show in no list of changes.
#[test]
fn old_sales_that_are_paid_or_deleted_are_right_after_the_next_rung() {
    for deleted in [Deleted::Listed, Deleted::OnlyByStatus] {
        let mut sales: Vec<Sale> = (0..20).map(|n| sale(n + 1, i64::try_from(n * 9).expect("small"))).collect();
        for (index, sale) in sales.iter_mut().enumerate() {
            let at = sale.created + TimeDelta::days(35 + 4 * i64::try_from(index).expect("small"));
            sale.happens(at, if index % 2 == 0 { Event::Pay { payment_id: 77 } } else { Event::Delete });
        }
        let mut world = world(sales);
        world.rules = Rules { deleted, ..Rules::default() };
        let mut story = story(world);
        story.connector = Connector::new(&story.sandbox, "2026-06-01").with("advertiser_ids", "90210");
        let mut calls = 0;
        for _ in 0..150 {
            story.sandbox.clear_calls();
            story.sync();
            // Those for what the look-back of 28 days and a pause of three does not reach.
            let old = (story.sandbox.world().now() - TimeDelta::days(40)).date_naive().to_string();
            let is_old = |call: &&awin_sandbox::Call| call.param("endDate").is_some_and(|end| end[..10] < *old);
            calls += story.sandbox.calls().iter().filter(is_old).count();
            story.later(3);
        }
        // More than 400 days after all that happened.
        story.assert_in_sync();
        // Four rungs of a block of thirty days each, twice where deleted sales must be asked for.
        let most = if deleted == Deleted::Listed { 90 } else { 150 };
        assert!((40..=most).contains(&calls), "{calls} calls");
    }
}

/// Where Awin lists deleted sales on demand only, they are not among those that are read for another time.
#[test]
fn sales_that_are_deleted_while_the_range_is_narrow_are_right_once_it_is_wide_again() {
    // The last two begin in the future; the very last one is still to come when it is given up.
    let narrow =
        [("2026-02-15", ""), ("2026-01-01", "2026-01-15"), ("2026-02-15", "2026-02-28"), ("2026-08-01", ""), ("2027-03-01", "")];
    for (start, end) in narrow {
        let mut sales = vec![sale(1, 150), sale(2, 100), sale(3, 20)];
        // Of those within the narrow range nothing is promised beyond the look-back.
        let is_outside = |sale: &&mut Sale| {
            let day = sale.created.date_naive().to_string();
            day[..] < *start || (!end.is_empty() && day[..] > *end)
        };
        for sale in sales.iter_mut().filter(is_outside) {
            sale.happens(instant(NOW) + TimeDelta::days(2), Event::Delete);
        }
        let mut world = world(sales);
        world.rules.deleted = Deleted::OnlyByStatus;
        let mut story = story(world);
        story.sync();
        for (days, [start, end]) in [(1, [start, end]), (60, [start, end]), (1, ["2026-01-01", ""])] {
            story.later(days);
            story.connector.config["start_date"] = start.into();
            story.connector.config["end_date"] = if end.is_empty() { Value::Null } else { end.into() };
            story.sync();
        }
        story.assert_in_sync();
        story.later(1);
        story.sync();
        story.assert_in_sync();
    }
}

/// Large states are emitted when they are worth it, small ones after each window.
#[test]
fn states_are_few_where_they_are_large() {
    let mut demo = Demo::new(5, instant("2026-11-20T15:30:00Z"));
    demo.days_back = 60;
    let mut world = demo.build();
    world.throttle = Throttle::off();
    let sandbox = Sandbox::start(world);
    let regions = json!(["DE", "GB", "US", "FR", "PL", "ES", "IT", "NL"]);
    let large = Connector::new(&sandbox, "2026-10-20").with("regions", regions).read(&["stats_by_creative"], None).ok();
    let (states, records) = (large.states("stats_by_creative"), large.of_type("RECORD"));
    let bytes = |lines: &[Value]| lines.iter().map(|line| line.to_string().len()).sum::<usize>();
    assert!(bytes(&states) * 4 < bytes(&records).max(400_000), "{} of STATEs, {} of records", bytes(&states), bytes(&records));
    let small = Connector::new(&sandbox, "2026-10-20").with("advertiser_ids", "90210").with("regions", json!(["DE"]));
    assert!(small.read(&["stats_by_creative"], None).ok().states("stats_by_creative").len() >= 32);
}

/// So many advertisers with three markets each, and a first sync of 32 days before them.
fn agency(accounts: u32) -> Connection {
    let begin = instant(NOW);
    let first_day = (begin - TimeDelta::days(31)).date_naive();
    let size = Chronicle { accounts, partners: 6, markets: 3, sales_per_day: 6, ..Chronicle::new(7, Decisions::Spread) };
    let mut world = Chronicle { first_day, begin, days: 1, ..size }.build();
    world.throttle = Throttle::off();
    Connection::new(world, json!({"start_date": first_day.to_string(), "requests_per_minute": 20}))
}

/// A run that dies at any minute: the next one repeats no call that was answered more than a minute before, but for those in
/// flight.
#[test]
fn a_run_that_dies_repeats_at_most_the_calls_of_a_minute() {
    let catalog = catalog(&["stats_by_creative"], "incremental");
    let mut whole = agency(10);
    let first = whole.sync(&["stats_by_creative"]);
    let data = |synced: &Synced| -> Vec<(Duration, String)> {
        let calls = std::iter::zip(&synced.moments, &synced.calls).filter(|(_, call)| call.contains("/reports/creative?"));
        calls.map(|(at, call)| (*at, call.clone())).collect()
    };
    let made = data(&first);
    assert_eq!(made.len(), 10 * 3 * 32);
    let minute = Duration::from_secs(60);
    // Young days are read again by the next run in any case.
    let young: BTreeSet<String> = data(&whole.read(&catalog, |_, _| None)).into_iter().map(|(_, call)| call).collect();
    let moments: BTreeSet<Duration> = first.written.iter().copied().collect();
    assert!(moments.len() > 40, "{}", moments.len());
    for dies in moments.into_iter().step_by(5) {
        let mut resumed = agency(10);
        resumed.take(&first.lines[..first.written.partition_point(|at| *at <= dies)]);
        let again: BTreeSet<String> = data(&resumed.read(&catalog, |_, _| None)).into_iter().map(|(_, call)| call).collect();
        let before: Vec<_> = made.iter().filter(|(at, _)| *at <= dies).collect();
        let repeated = before.iter().filter(|(_, call)| again.contains(call) && !young.contains(call)).count();
        let recent = before.iter().filter(|(at, _)| *at > dies.saturating_sub(minute)).count();
        assert!(repeated <= recent + IN_FLIGHT, "{repeated} of {} calls repeated after {dies:?}", before.len());
        assert!(made.iter().all(|(at, call)| *at <= dies || again.contains(call)), "calls are missing after {dies:?}");
    }
}

/// A first sync of a hundred accounts with three markets each, 32 days of a report: `STATE_VOLUME=1` runs it.
#[test]
#[expect(clippy::print_stdout, reason = "the figure is the purpose")]
fn a_hundred_accounts_write_fewer_states_than_records() {
    if std::env::var_os("STATE_VOLUME").is_none() {
        return;
    }
    let mut connection = agency(100);
    let synced = connection.sync(&["stats_by_creative"]);
    let bytes = |kind: &str| -> usize {
        synced.lines.iter().filter(|line| line["type"] == kind).map(|line| line.to_string().len()).sum()
    };
    let states = synced.lines.iter().filter(|line| line["type"] == "STATE").count();
    let parts = connection.parts("stats_by_creative").len();
    println!("{parts} parts, {states} STATEs of {} bytes, RECORDs of {} bytes", bytes("STATE"), bytes("RECORD"));
    assert_eq!(parts, 300);
    assert!(bytes("STATE") <= 20_000_000);
}

/// Sales are complete up to where both lists were read, by the day of the sale and by that of the decision.
#[test]
fn sales_whose_decisions_could_not_be_listed_are_not_complete_through_now() {
    let mut connection = Connection::new(world(vec![sale(1, 1)]), json!({"start_date": "2026-06-01", "advertiser_ids": "90210"}));
    let catalog = catalog(&["transactions"], "incremental");
    let through = |synced: &Synced| {
        let summary = synced.logs("INFO").into_iter().find(|text| text.contains("complete through")).expect("a summary");
        summary.split_once("complete through ").expect("a moment").1[..16].to_owned()
    };
    assert_eq!(through(&connection.sync(&["transactions"])), "2026-06-20 15:30");
    connection.later(TimeDelta::days(1));
    let refused = |request: &Request, _| request.to_string().contains("dateType=validation").then_some(Wrong::Status(400));
    let failed = connection.read(&catalog, refused);
    assert!(!failed.is_complete);
    assert_eq!(through(&failed), "2026-06-20 15:30");
    connection.take(&failed.lines);
    assert_eq!(through(&connection.sync(&["transactions"])), "2026-06-21 15:30");
}
