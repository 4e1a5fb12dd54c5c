//! Random histories of what is not a sale: after every sync that ends complete, no row of payments, papers, partnerships, offers,
//! rates and queries is missing or old, and no sale without its payment, whatever the configuration was before.
//!
//! A case is some weeks in which syncs at random times fail and die, the range moves, and accounts go and come back.
//! `MONEY_CASES=1000 cargo test --test integration money_history` tries more cases than usual.

use awin_sandbox::Standing;
use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::money::world;
use crate::support::Connection;
use crate::support::connector::catalog;
use crate::support::faulty::Wrong;
use crate::support::tables::{Row, stale_rows};
use crate::terms::rates_change;

const STREAMS: [&str; 9] = [
    "transactions",
    "payments",
    "payment_breakdowns",
    "billing_documents",
    "prepayment_changes",
    "partnerships",
    "offers",
    "commission_rates",
    "transaction_queries",
];
const FAULTS: [Wrong; 6] = [Wrong::Status(500), Wrong::Status(429), Wrong::Html, Wrong::Cut, Wrong::Half, Wrong::Reset];
const ACCOUNTS: [(&str, &str); 4] =
    [("advertiser_ids", "90210"), ("publisher_ids", "500321"), ("advertiser_ids", "90211"), ("publisher_ids", "500322")];

#[derive(Debug, Clone)]
struct Sync {
    hours_later: i64,
    /// Of its lines, the thousandths after which it is killed.
    dies: Option<usize>,
    /// One call in so many fails.
    odds: Option<u64>,
    change: Option<Change>,
    event: Option<Happening>,
}

#[derive(Debug, Clone)]
enum Change {
    /// The range starts so many days before the sync, or on its last day.
    StartBefore(u64),
    EndBefore(u64),
    OpenEnd,
    /// So many of the accounts are read, beginning with that one.
    Read(usize, usize),
}

#[derive(Debug, Clone)]
enum Happening {
    Relates(u64, u64, Standing),
    Rates(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => prop_oneof![0..12u64, 12..120u64].prop_map(Change::StartBefore),
        1 => (0..60u64).prop_map(Change::EndBefore),
        1 => Just(Change::OpenEnd),
        1 => (1..=4usize, 0..4usize).prop_map(|(many, first)| Change::Read(many, first)),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let standings = prop_oneof![Just(Standing::Joined), Just(Standing::Suspended), Just(Standing::Pending)];
    prop_oneof![
        (0..3u64, 0..2u64, standings).prop_map(|(programme, partner, standing)| Happening::Relates(programme, partner, standing)),
        (0..3u64).prop_map(Happening::Rates),
    ]
}

fn sync() -> impl Strategy<Value = Sync> {
    (
        prop_oneof![1..40i64, 40..500i64],
        proptest::option::weighted(0.25, 0..1000usize),
        proptest::option::weighted(0.5, 5..20u64),
        proptest::option::weighted(0.5, change()),
        proptest::option::of(happening()),
    )
        .prop_map(|(hours_later, dies, odds, change, event)| Sync { hours_later, dies, odds, change, event })
}

fn run(zone: &str, syncs: &[Sync]) {
    let config = json!({"start_date": "2026-10-01", "timezone": zone, "requests_per_minute": 1000});
    let mut connection = Connection::new(world(), config);
    let catalog = catalog(&STREAMS, "incremental");
    let (mut first, mut many) = (0, 4);
    for (number, sync) in syncs.iter().enumerate() {
        connection.later(TimeDelta::hours(sync.hours_later));
        let now = connection.now();
        let today = now.with_timezone(&zone.parse::<Tz>().expect("a zone")).date_naive();
        let date = |value: &Value| value.as_str().and_then(|text| text.parse::<NaiveDate>().ok());
        let start = date(&connection.config["start_date"]).expect("a date");
        match sync.change {
            Some(Change::StartBefore(days)) => {
                let end = date(&connection.config["end_date"]).unwrap_or(today);
                connection.config["start_date"] = (today - Days::new(days)).min(end).to_string().into();
            }
            Some(Change::EndBefore(days)) => {
                let end = (today - Days::new(days)).max(start);
                connection.config["end_date"] = end.to_string().into();
            }
            Some(Change::OpenEnd) => connection.config["end_date"] = Value::Null,
            Some(Change::Read(wanted, from)) => (first, many) = (from, wanted),
            None => {}
        }
        for side in ["advertiser_ids", "publisher_ids"] {
            let read = ACCOUNTS.iter().cycle().skip(first).take(many).filter(|account| account.0 == side);
            connection.config[side] = read.map(|account| account.1).collect::<Vec<_>>().join(",").into();
        }
        match sync.event {
            Some(Happening::Relates(programme, partner, standing)) => {
                connection.world().relate(90_210 + programme, 500_321 + partner, standing, now - TimeDelta::minutes(30));
            }
            Some(Happening::Rates(programme)) => {
                rates_change(&mut connection.world(), 90_210 + programme, now - TimeDelta::minutes(30), &format!("{number}.25"));
            }
            None => {}
        }
        let (odds, seed) = (sync.odds, (number as u64) << 20);
        let mut synced = connection.read(&catalog, move |_, call| {
            let thrown = (seed | call).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let odds = odds.filter(|odds| thrown.is_multiple_of(*odds))?;
            Some(FAULTS[usize::try_from(thrown / odds % 6).expect("few")])
        });
        if let Some(thousandths) = sync.dies {
            synced.lines.truncate(synced.lines.len() * thousandths / 1000);
        }
        connection.take(&synced.lines);
        let are_followed = !synced.logs("WARN").iter().any(|warning| warning.contains("could not be listed"));
        for stream in STREAMS.iter().filter(|stream| synced.has_completed(stream)) {
            // Rows of a range, of accounts and of offers that are over stay in a destination.
            let stale = stale_rows(&connection.world(), &connection.config, &connection.tables, stream);
            let is_missing = |found: &Option<Row>, wanted: &Option<Row>| match (found, wanted) {
                // Of sales it is about the flags that payments move; their own histories are those of `history`.
                (Some(found), Some(wanted)) if *stream == "transactions" => {
                    are_followed && wanted["accountType"] == "publisher" && found["paymentId"] != wanted["paymentId"]
                }
                (_, None) => false,
                _ => *stream != "transactions",
            };
            let missing: Vec<_> = stale.into_iter().filter(|(_, found, wanted)| is_missing(found, wanted)).collect();
            assert!(missing.is_empty(), "sync {number}, `{stream}`: {} rows, first {:#?}", missing.len(), missing[0]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("MONEY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(20),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_missing_or_old_after_any_sync_that_ends(
        zone in proptest::sample::select(&["UTC", "Europe/Berlin", "US/Pacific"][..]),
        syncs in proptest::collection::vec(sync(), 3..12),
    ) {
        run(zone, &syncs);
    }
}
