//! A month of hourly syncs of five accounts on a virtual clock: calls fail, runs are killed, the world changes. The state does
//! not grow, and after each sync that ends complete the tables are the truth.
//!
//! `SOAK_DAYS=540` makes it eighteen months.

use awin_sandbox::{Demo, Throttle, World, instant};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use crate::support::Connection;
use crate::support::connector::catalog;
use crate::support::faulty::Wrong;
use crate::support::tables::{assert_in_sync, stale_rows};

const REFERENCE: [&str; 3] = ["publishers", "programmes", "commission_groups"];
const REPORTS: [&str; 1] = ["stats_by_publisher"];
/// Awin shows sales up to ten days late.
const LOOKBACK_DAYS: i64 = 11;

const FAULTS: [Wrong; 10] = [
    Wrong::Status(500),
    Wrong::Status(502),
    Wrong::Status(429),
    Wrong::Status(408),
    Wrong::Html,
    Wrong::Empty,
    Wrong::Cut,
    Wrong::Half,
    Wrong::Reset,
    Wrong::Slow,
];

fn days() -> i64 {
    std::env::var("SOAK_DAYS").map_or(30, |text| text.parse().expect("SOAK_DAYS is a number"))
}

/// Three advertisers and two publishers, with sales up to the end of the soak.
fn world(days: i64) -> World {
    let mut demo = Demo::new(23, instant("2026-01-10T00:20:00Z"));
    demo.days_back = 20;
    demo.days_ahead = u32::try_from(days + 2).expect("few");
    demo.sales_per_day = 1;
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world
}

/// A number without pattern, the same in each run of this test.
fn dice(seed: u64) -> u64 {
    let mixed = (seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20
}

/// Asserts that a table is right but for what the docs say (`docs/freshness.md`): beyond the look-back, reports stay as they were,
/// and so do payments and deletions of sales.
#[track_caller]
fn assert_right(connection: &Connection, stream: &str, hour: u64) {
    let first = (connection.now() - TimeDelta::days(LOOKBACK_DAYS)).date_naive().to_string();
    for (key, found, wanted) in stale_rows(&connection.world(), &connection.config, &connection.tables, stream) {
        let date = |row: &Option<Map<String, Value>>| {
            let row = row.as_ref()?;
            Some(row.get("date").or(row.get("transactionDate"))?.as_str()?.to_owned())
        };
        let is_old = date(&wanted).or(date(&found)).is_some_and(|date| date < first);
        let differing: Vec<&str> = match (&found, &wanted) {
            (Some(found), Some(wanted)) => {
                wanted.keys().map(String::as_str).filter(|name| found.get(*name) != wanted.get(*name)).collect()
            }
            _ => Vec::new(),
        };
        let is_payment = !differing.is_empty() && differing.iter().all(|name| ["paidToPublisher", "paymentId"].contains(name));
        let is_deleted = wanted.as_ref().is_some_and(|row| row.get("commissionStatus").is_some_and(|status| status == "deleted"));
        let excused = is_old && (stream != "transactions" || is_payment || (is_deleted && found.is_some()));
        assert!(excused, "hour {hour}, `{stream}` {key}: {differing:?} in {found:?} instead of {wanted:?}");
    }
}

#[test]
fn a_month_of_hourly_syncs_keeps_the_tables_right_and_the_state_small() {
    let days = days();
    let config = json!({
        "start_date": "2026-01-05", "regions": ["DE"], "lookback_days": LOOKBACK_DAYS, "requests_per_minute": 1000
    });
    let streams: Vec<&str> = ["transactions"].iter().chain(&REFERENCE).chain(&REPORTS).copied().collect();
    let catalog = catalog(&streams, "incremental");
    let mut connection = Connection::new(world(days), config);
    let (mut kills, mut ended, mut sizes) = (0, 0, Vec::new());
    for hour in 0..u64::try_from(days * 24).expect("days to come") {
        connection.later(TimeDelta::hours(1));
        let strikes = move |_: &_, call: u64| {
            let thrown = dice(hour << 20 | call);
            thrown.is_multiple_of(50).then(|| FAULTS[usize::try_from(thrown / 50 % 10).expect("few")])
        };
        let mut synced = connection.read(&catalog, strikes);
        let is_killed = dice(!hour).is_multiple_of(10);
        if is_killed {
            kills += 1;
            let written = synced.lines.len();
            synced.lines.truncate(usize::try_from(dice(hour ^ 0xabcd)).expect("small") % (written + 1));
        }
        connection.take(&synced.lines);
        if is_killed {
            continue;
        }
        assert!(synced.is_complete, "hour {hour}: {:?}", synced.logs("ERROR"));
        ended += 1;
        sizes.push(connection.state.to_string().len());
        if hour % 3 == 0 {
            assert_right(&connection, "transactions", hour);
        }
        if hour % 12 == 0 {
            // Reports are read along; a late sale shows there at the next rung of the ladder (see `truth.rs`).
            assert_in_sync(&connection.world(), &connection.config, &connection.tables, &REFERENCE);
        }
    }
    assert!(kills > days && ended > days * 20, "{kills} kills, {ended} syncs");
    // The look-back fills it with what was sent; from then on it stays as large.
    let largest = |sizes: &[usize]| sizes.iter().copied().max().unwrap_or_default();
    let (filled, last) = (largest(&sizes[sizes.len() / 3..sizes.len() * 2 / 3]), largest(&sizes[sizes.len() * 2 / 3..]));
    assert!(last <= filled + filled / 2, "{filled} bytes once it is filled, {last} at the end");
}
