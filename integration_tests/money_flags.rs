//! Payments move the flags of sales of any age: right the day after, at next to no cost.

use std::sync::{Arc, Mutex};

use awin_sandbox::{Demo, Throttle, World, instant};
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use source_awin::awin::Request;

use crate::support::connector::state_after;
use crate::support::faulty::Faulty;
use crate::support::tables::{Materialized, stale_rows};
use crate::support::virtually::read_from;

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

/// A connection that is synced each day.
struct Daily {
    streams: &'static [&'static str],
    tables: Materialized,
    state: Value,
}

impl Daily {
    fn new(streams: &'static [&'static str]) -> Self {
        Self { streams, tables: Materialized::default(), state: json!([]) }
    }

    /// Syncs; returns the calls.
    fn sync(&mut self, world: &Arc<Mutex<World>>, config: &Value, is_killed: bool) -> Vec<String> {
        let now = world.lock().expect("no panic with the lock").now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let calls = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&calls);
        let listen = move |request: &Request, _| {
            log.lock().expect("no panic with the lock").push(request.to_string());
            None
        };
        let ran =
            read_from(Arc::new(Faulty::new(Arc::clone(world), Box::new(listen))), &now, self.streams, config, Some(&self.state));
        assert!(ran.is_complete);
        let mut lines: Vec<Value> = ran.lines.into_iter().map(|(_, line)| line).collect();
        if is_killed {
            lines.truncate(lines.len() / 2);
        }
        self.tables.load(&lines);
        let known = self.state.as_array_mut().expect("a list");
        for entry in state_after(&lines).as_array().expect("a list") {
            known.retain(|old| old["stream"]["stream_descriptor"] != entry["stream"]["stream_descriptor"]);
            known.push(entry.clone());
        }
        std::mem::take(&mut *calls.lock().expect("no panic with the lock"))
    }

    /// Sales whose flags are wrong.
    fn wrong_flags(&self, world: &Arc<Mutex<World>>, config: &Value) -> Vec<String> {
        let world = world.lock().expect("no panic with the lock");
        let stale = stale_rows(&world, config, &self.tables.tables(), "transactions");
        let is_wrong = stale.into_iter().filter(|(_, found, wanted)| match (found, wanted) {
            (Some(found), Some(wanted)) => FLAGS.iter().any(|flag| found.get(*flag) != wanted.get(*flag)),
            _ => false,
        });
        is_wrong.map(|(key, ..)| key).collect()
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures")]
fn flags_are_right_the_day_after_each_payment_for_two_calls_a_day() {
    let world = Arc::new(Mutex::new(world()));
    let config = json!({"start_date": "2025-02-01", "publisher_ids": "500321", "requests_per_minute": 1000});
    let mut with = Daily::new(&["transactions", "payments", "payment_breakdowns"]);
    let mut without = Daily::new(&["transactions"]);
    let (mut paydays, mut read_again, mut largest) = (0, 0, 0);
    let (mut known, mut was_killed) = (0, false);
    for day in 0..DAYS {
        let payments = world.lock().expect("no panic with the lock").payments(500_321).len();
        let is_paid = std::mem::replace(&mut known, payments) != payments && day > 0;
        // Now and then the first run that sees a payment dies, and the one after it makes up for it.
        let is_killed = is_paid && day % 4 == 0;
        let (calls, base) = (with.sync(&world, &config, is_killed), without.sync(&world, &config, false));
        if is_paid && !is_killed || was_killed {
            paydays += 1;
            read_again += calls.len() - base.len();
            let wrong = with.wrong_flags(&world, &config);
            assert!(wrong.is_empty(), "day {day}: {wrong:?}");
        } else if !is_paid && day > 0 {
            assert!(calls.len() <= base.len() + 2, "day {day}: {calls:#?}, without payments {base:#?}");
        }
        was_killed = is_killed;
        largest = largest.max(with.state.to_string().len());
        world.lock().expect("no panic with the lock").clock.advance(TimeDelta::days(1));
    }
    assert!(paydays > 34, "{paydays}");
    // Without payments in the sync, flags wait for the sales' age.
    assert!(!without.wrong_flags(&world, &config).is_empty());
    let per_payday = read_again / paydays;
    assert!((2..=15).contains(&per_payday), "{per_payday} calls on the day after a payment");
    println!("{paydays} paydays, {per_payday} calls more on the day after; the state has at most {largest} bytes");
}
