//! Payments move the flags of sales of any age: right the day after, at next to no cost.

use awin_sandbox::{Demo, Throttle, World, instant};
use chrono::TimeDelta;
use serde_json::json;

use crate::support::Connection;
use crate::support::connector::catalog;
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
