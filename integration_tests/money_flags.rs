//! Payments move the flags of sales of any age: right the day after, at next to no cost.

use awin_sandbox::{Demo, Event, Sale, Throttle, World, decimal, instant};
use chrono::TimeDelta;
use serde_json::json;
use source_awin::awin::Request;

use crate::support::Connection;
use crate::support::connector::catalog;
use crate::support::faulty::Wrong;
use crate::support::tables::stale_rows;

/// Eighteen months; sales before them are a part of the table from the first sync on.
const DAYS: i64 = 540;
const FLAGS: [&str; 2] = ["paidToPublisher", "paymentId"];

fn world() -> World {
    let mut demo = Demo::new(31, instant("2025-05-01T05:00:00Z"));
    (demo.days_back, demo.days_ahead, demo.sales_per_day) = (90, u32::try_from(DAYS + 2).expect("few"), 2);
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world.pay_twice_a_month();
    world
}

/// Syncs, and loses the second half of the output if the run is killed. Returns the calls.
fn sync(connection: &mut Connection, streams: &[&str], is_killed: bool) -> Vec<String> {
    let mut synced = connection.read(&catalog(streams, "incremental"), |_, _| None);
    assert!(synced.is_complete, "{:?}", synced.logs("ERROR"));
    if is_killed {
        synced.lines.truncate(synced.lines.len() / 2);
    }
    connection.take(&synced.lines);
    synced.calls
}

/// Sales whose flags are wrong.
fn wrong_flags(connection: &Connection) -> Vec<String> {
    let stale = stale_rows(&connection.world(), &connection.config, &connection.tables, "transactions");
    let is_wrong = stale.into_iter().filter(|(_, found, wanted)| match (found, wanted) {
        (Some(found), Some(wanted)) => FLAGS.iter().any(|flag| found.get(*flag) != wanted.get(*flag)),
        _ => false,
    });
    is_wrong.map(|(key, ..)| key).collect()
}

/// Two accounts in a row that cannot be reached end a run. Of those behind them nothing counts as read.
#[test]
fn accounts_behind_an_outage_are_not_taken_for_read() {
    const STREAMS: [&str; 3] = ["transactions", "payments", "payment_breakdowns"];
    let mut demo = Demo::new(31, instant("2026-05-10T05:00:00Z"));
    (demo.publishers, demo.days_back, demo.days_ahead, demo.sales_per_day) = (4, 90, 60, 2);
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world.pay_twice_a_month();
    let config = json!({
        "start_date": "2026-02-15", "publisher_ids": "500321,500322,500323,500324", "requests_per_minute": 1000
    });
    let mut connection = Connection::new(world, config);
    let paid = |connection: &Connection| connection.world().payments(500_324).len();
    let mut outages = 0;
    for _ in 0..50 {
        let before = paid(&connection);
        sync(&mut connection, &STREAMS, false);
        connection.later(TimeDelta::days(1));
        if paid(&connection) == before {
            continue;
        }
        outages += 1;
        let fails = |request: &Request, _| {
            let call = request.to_string();
            let is_theirs = call.contains("/500321/transactions") || call.contains("/500322/transactions");
            is_theirs.then_some(Wrong::Status(503))
        };
        let failed = connection.read(&catalog(&STREAMS, "incremental"), fails);
        assert!(!failed.is_complete && failed.logs("WARN").iter().any(|text| text.contains("not read any further")));
        connection.take(&failed.lines);
        connection.later(TimeDelta::hours(1));
        sync(&mut connection, &STREAMS, false);
        assert_eq!(wrong_flags(&connection), [""; 0], "after outage {outages}");
    }
    assert!(outages > 2, "{outages}");
}

/// Of a block that a rest of ten weeks cut in two, only the older part is read for its age: what the newer one holds stays marked.
#[test]
fn a_block_of_which_a_part_is_read_keeps_its_mark() {
    const STREAMS: [&str; 3] = ["transactions", "payments", "payment_breakdowns"];
    let mut demo = Demo::new(31, instant("2026-04-12T05:00:00Z"));
    (demo.days_back, demo.days_ahead, demo.sales_per_day) = (40, 120, 0);
    let mut world = demo.build();
    world.throttle = Throttle::off();
    // The block has the days from 7 April to 6 May.
    let mut sale = Sale::new(7, 90_210, 500_321, instant("2026-04-22T10:00:00Z"), decimal("90.00"), decimal("4.50"));
    sale.happens(instant("2026-04-30T10:00:00Z"), Event::Approve);
    sale.happens(instant("2026-06-27T10:00:00Z"), Event::Pay { payment_id: 77 });
    world.sales.push(sale);
    let config = json!({"start_date": "2026-03-10", "publisher_ids": "500321", "requests_per_minute": 1000});
    let mut connection = Connection::new(world, config);
    for days in [75, 2, 0] {
        sync(&mut connection, &STREAMS, false);
        connection.later(TimeDelta::days(days));
    }
    assert_eq!(connection.tables.table("transactions").len(), 1);
    assert_eq!(wrong_flags(&connection), [""; 0]);
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures")]
fn flags_are_right_the_day_after_each_payment_for_two_calls_a_day() {
    let config = json!({"start_date": "2025-02-01", "publisher_ids": "500321", "requests_per_minute": 1000});
    let mut with = Connection::new(world(), config.clone());
    let mut without = Connection::new(world(), config);
    let (mut paydays, mut read_again, mut largest) = (0, 0, 0);
    let (mut known, mut was_killed) = (0, false);
    for day in 0..DAYS {
        let payments = with.world().payments(500_321).len();
        let is_paid = std::mem::replace(&mut known, payments) != payments && day > 0;
        // Now and then the first run that sees a payment dies, and the one after it makes up for it.
        let is_killed = is_paid && day % 4 == 0;
        let calls = sync(&mut with, &["transactions", "payments", "payment_breakdowns"], is_killed);
        let base = sync(&mut without, &["transactions"], false);
        if is_paid && !is_killed || was_killed {
            paydays += 1;
            read_again += calls.len() - base.len();
            let wrong = wrong_flags(&with);
            assert!(wrong.is_empty(), "day {day}: {wrong:?}");
        } else if !is_paid && day > 0 {
            assert!(calls.len() <= base.len() + 2, "day {day}: {calls:#?}, without payments {base:#?}");
        }
        was_killed = is_killed;
        largest = largest.max(with.state.to_string().len());
        with.later(TimeDelta::days(1));
        without.later(TimeDelta::days(1));
    }
    assert!(paydays > 34, "{paydays}");
    // Without payments in the sync, flags wait for the sales' age.
    assert!(!wrong_flags(&without).is_empty());
    let per_payday = read_again / paydays;
    assert!((2..=15).contains(&per_payday), "{per_payday} calls on the day after a payment");
    println!("{paydays} paydays, {per_payday} calls more on the day after; the state has at most {largest} bytes");
}
