//! Random histories in random worlds: after every finished incremental sync the table of transactions equals the truth.
//!
//! A case is eighteen months of sales that arrive late, are decided, amended, paid and deleted at any age, on both sides of
//! the network, read by syncs at random times, of which some die, with accounts added and removed and the range moved on the way.
//! `HISTORY_CASES=5000 cargo test --test integration history::the_table` tries more cases than usual.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::Stdio;

use awin_sandbox::{
    Amendment, AmendmentDate, Clock, Deleted, Demo, Empty, Ends, Event, Kind, Limit, Rules, Sale, Sandbox, Stamps, Throttle,
    Wrap, decimal, instant,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Value, json};
use source_awin::streams::midnight;

use crate::support::connector::{catalog, state_after};
use crate::support::tables::{Table, assert_same, truth};
use crate::support::{Connector, Output, Tables};

const BEGIN: &str = "2025-01-10T00:00:00Z";
const DAYS: i64 = 540;
const ADVERTISERS: [u64; 3] = [90210, 90211, 90212];
const PUBLISHERS: [u64; 2] = [500_321, 500_322];
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "Europe/London", "US/Pacific", "Canada/Eastern"];

#[derive(Debug, Clone)]
struct Case {
    rules: Rules,
    zone: &'static str,
    lookback_days: i64,
    sales: Vec<Life>,
    syncs: Vec<Sync>,
}

/// A sale; times in minutes.
#[derive(Debug, Clone)]
struct Life {
    advertiser: usize,
    publisher: usize,
    created: i64,
    /// Thousandths of the look-back by which it shows late.
    late: i32,
    decided: Option<(i64, bool)>,
    amended: Vec<i64>,
    paid: Option<i64>,
    deleted: Option<i64>,
}

#[derive(Debug, Clone)]
struct Sync {
    hours_later: i64,
    /// Bytes of output after which the run is killed.
    dies: Option<usize>,
    change: Option<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    AddAccount,
    /// The one that was added first; it may come back.
    RemoveAccount,
    MoveStartBack(i64),
    MoveStartForward(i64),
    /// The range ends so many days before the sync.
    EndBefore(i64),
    OpenEnd,
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<[bool; 9]>(), prop_oneof![Just(Deleted::Listed), Just(Deleted::OnlyByStatus)]).prop_map(|(on, deleted)| Rules {
        ends: if on[0] { Ends::Inclusive } else { Ends::Exclusive },
        limit: if on[1] { Limit::BySeconds } else { Limit::ByCalendar },
        deleted,
        amendment: if on[2] { Amendment::Offered } else { Amendment::Refused400 },
        amendment_date: if on[3] { AmendmentDate::Last } else { AmendmentDate::Any },
        wrap: if on[4] { Wrap::Bare } else { Wrap::Body },
        empty: if on[5] { Empty::List } else { Empty::NoContent204 },
        stamps: if on[6] { Stamps::Seconds } else { Stamps::Minutes },
        pretty: on[7],
        unknown_keys: on[8],
        ..Rules::default()
    })
}

fn life() -> impl Strategy<Value = Life> {
    let day = 24 * 60;
    (
        0..ADVERTISERS.len(),
        0..PUBLISHERS.len(),
        0..DAYS * day,
        prop_oneof![3 => Just(0), 1 => 0..=1000],
        proptest::option::of((0..400 * day, any::<bool>())),
        proptest::collection::vec(0..400 * day, 0..3),
        proptest::option::weighted(0.3, 0..400 * day),
        proptest::option::weighted(0.2, 0..400 * day),
    )
        .prop_map(|(advertiser, publisher, created, late, decided, amended, paid, deleted)| Life {
            advertiser,
            publisher,
            created,
            late,
            decided,
            amended,
            paid,
            deleted,
        })
}

fn sync() -> impl Strategy<Value = Sync> {
    let hours = prop_oneof![4 => 1..60i64, 2 => 60..24 * 20i64, 1 => 24 * 20..24 * 120i64];
    let change = prop_oneof![
        8 => Just(None),
        1 => Just(Some(Change::AddAccount)),
        1 => Just(Some(Change::RemoveAccount)),
        1 => (1..120i64).prop_map(|days| Some(Change::MoveStartBack(days))),
        1 => (1..120i64).prop_map(|days| Some(Change::MoveStartForward(days))),
        1 => (1..120i64).prop_map(|days| Some(Change::EndBefore(days))),
        1 => Just(Some(Change::OpenEnd)),
    ];
    (hours, proptest::option::weighted(0.25, 0..60_000usize), change).prop_map(|(hours_later, dies, change)| Sync {
        hours_later,
        dies,
        change,
    })
}

fn case() -> impl Strategy<Value = Case> {
    (
        rules(),
        proptest::sample::select(&ZONES[..]),
        prop_oneof![Just(28i64), Just(0), 0..60i64],
        proptest::collection::vec(life(), 1..60),
        proptest::collection::vec(sync(), 2..14),
    )
        .prop_map(|(rules, zone, lookback_days, sales, syncs)| Case { rules, zone, lookback_days, sales, syncs })
}

/// A sale with its timeline, and what happens to it that the look-back is too short for.
struct Told {
    sale: Sale,
    deleted: Option<DateTime<Utc>>,
    paid_late: Vec<DateTime<Utc>>,
    deleted_late: Vec<DateTime<Utc>>,
    amended_late: Vec<DateTime<Utc>>,
}

fn tell(index: usize, life: &Life, lookback_days: i64) -> Told {
    // Never on a full minute, so that no event falls on the very second of a sync.
    let created = instant(BEGIN) + TimeDelta::minutes(life.created) + TimeDelta::seconds(17);
    let lookback = TimeDelta::days(lookback_days);
    let mut sale = Sale::new(
        2_900_000_000 + index as u64,
        ADVERTISERS[life.advertiser],
        PUBLISHERS[life.publisher],
        created,
        decimal("90.00"),
        decimal("4.50"),
    );
    sale.visible_from = created + lookback / 1000 * life.late;
    let at = |minutes: i64| created + TimeDelta::minutes(minutes);
    let mut events: Vec<(DateTime<Utc>, Event)> = Vec::new();
    if let Some((minutes, approved)) = life.decided {
        let event = if approved { Event::Approve } else { Event::Decline { reason: "Returned".into() } };
        events.push((at(minutes), event));
    }
    for (n, minutes) in life.amended.iter().enumerate() {
        let amended = Event::Amend {
            sale: decimal(&format!("{}.10", 80 - n)),
            commission: decimal("4.00"),
            reason: "Part returned".into(),
        };
        events.push((at(*minutes), amended));
    }
    events.extend(life.paid.map(|minutes| (at(minutes), Event::Pay { payment_id: 77 })));
    let deleted = life.deleted.map(at);
    events.extend(deleted.map(|at| (at, Event::Delete)));
    events.sort_by_key(|(at, _)| *at);
    // What is deleted stays as it is.
    events.retain(|(at, _)| deleted.is_none_or(|deleted| *at <= deleted));
    let late = |wanted: fn(&Event) -> bool| {
        events.iter().filter(|(at, event)| wanted(event) && *at > created + lookback).map(|(at, _)| *at).collect()
    };
    let told = Told {
        paid_late: late(|event| matches!(event, Event::Pay { .. })),
        deleted_late: late(|event| matches!(event, Event::Delete)),
        amended_late: late(|event| matches!(event, Event::Amend { .. })),
        deleted,
        sale: sale.clone(),
    };
    for (at, event) in events {
        sale.happens(at, event);
    }
    Told { sale, ..told }
}

/// When the block of thirty days that holds a sale last came to an age at which it is read again.
fn last_look(created: DateTime<Utc>, zone: Tz, lookback_days: i64, now: DateTime<Utc>) -> DateTime<Utc> {
    let (epoch, day) = (NaiveDate::default(), created.with_timezone(&zone).date_naive());
    let end = midnight(zone, epoch + TimeDelta::days(((day - epoch).num_days().div_euclid(30) + 1) * 30)).to_utc();
    let ages = [45, 90, 180, 400].into_iter().filter(|age| *age > lookback_days);
    ages.map(|age| end + TimeDelta::days(age)).filter(|at| *at <= now).max().unwrap_or(DateTime::UNIX_EPOCH)
}

/// When runs died and ended, and when one last covered what a change of the configuration left uncovered.
struct Runs {
    died: Vec<DateTime<Utc>>,
    ended: Vec<DateTime<Utc>>,
    covered_anew: DateTime<Utc>,
}

impl Runs {
    /// Whether the last run up to `at` died.
    fn last_died(&self, at: DateTime<Utc>) -> bool {
        let last = |runs: &[DateTime<Utc>]| runs.iter().copied().filter(|run| *run <= at).max();
        last(&self.died) > last(&self.ended)
    }
}

/// Makes equal what the documentation says is not caught before the block of the sale is next read, and nothing else.
fn forgive(table: &mut Table, truth: &mut Table, told: &[Told], case: &Case, now: DateTime<Utc>, runs: &Runs) {
    let zone = case.zone.parse().expect("a zone");
    for told in told {
        let end = format!("|{}\"", told.sale.id);
        let keys: BTreeSet<String> = table.keys().chain(truth.keys()).filter(|key| key.ends_with(&end)).cloned().collect();
        let looked = last_look(told.sale.created, zone, case.lookback_days, now);
        let is_missed = |late: &[DateTime<Utc>]| late.iter().any(|at| looked < *at && *at <= now);
        for key in keys {
            // Deleted before it was first read, or read by a run that died before its STATE and deleted before the next one, where
            // Awin lists deleted rows only on demand.
            let was_sent = |at| table.contains_key(&key) && !runs.last_died(at);
            let never_seen = case.rules.deleted == Deleted::OnlyByStatus
                && looked <= runs.covered_anew
                && told.deleted.is_some_and(|at| at <= runs.covered_anew && !was_sent(at));
            let amended = case.rules.amendment == Amendment::Refused400 && is_missed(&told.amended_late);
            if is_missed(&told.deleted_late) || never_seen || amended {
                table.remove(&key);
                truth.remove(&key);
            } else if is_missed(&told.paid_late)
                && let (Some(have), Some(want)) = (table.get_mut(&key), truth.get(&key))
            {
                for field in ["paidToPublisher", "paymentId"] {
                    have.insert(field.into(), want[field].clone());
                }
            }
        }
    }
}

fn run(case: &Case) {
    let mut demo = Demo::new(3, instant(BEGIN));
    demo.sales_per_day = 0;
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world.rules = case.rules.clone();
    let told: Vec<Told> = case.sales.iter().enumerate().map(|(index, life)| tell(index, life, case.lookback_days)).collect();
    for told in &told {
        world.sales.push(told.sale.clone());
    }
    let mut now = instant(BEGIN) + TimeDelta::days(100);
    world.clock = Clock::Fixed(now);
    let sandbox = Sandbox::start(world);
    let mut accounts = vec![(Kind::Advertiser, ADVERTISERS[0]), (Kind::Publisher, PUBLISHERS[0])];
    let mut start = (instant(BEGIN) + TimeDelta::days(60)).date_naive();
    let mut end = None;
    let mut connector =
        Connector::new(&sandbox, &start.to_string()).with("timezone", case.zone).with("lookback_days", case.lookback_days);
    let mut tables = Tables::default();
    let mut state = json!([]);
    let (mut runs, mut is_covered_anew) = (Runs { died: Vec::new(), ended: Vec::new(), covered_anew: now }, true);
    for (number, sync) in case.syncs.iter().enumerate() {
        now += TimeDelta::hours(sync.hours_later);
        sandbox.world().clock = Clock::Fixed(now);
        connector.sees_clock_of(&sandbox);
        // What a run that died had begun to cover, the next one that ends covers for sure.
        is_covered_anew |= number == 0 || sync.change.is_some();
        match &sync.change {
            Some(Change::AddAccount) => {
                let spare = ADVERTISERS
                    .iter()
                    .map(|id| (Kind::Advertiser, *id))
                    .chain(PUBLISHERS.iter().map(|id| (Kind::Publisher, *id)));
                accounts.extend(spare.filter(|account| !accounts.contains(account)).take(1).collect::<Vec<_>>());
            }
            Some(Change::RemoveAccount) if accounts.len() > 1 => {
                accounts.remove(0);
            }
            Some(Change::MoveStartBack(days)) => {
                start -= TimeDelta::days(*days);
            }
            Some(Change::MoveStartForward(days)) => {
                start = (start + TimeDelta::days(*days)).min(now.date_naive());
                end = end.filter(|end| *end >= start);
            }
            Some(Change::EndBefore(days)) => {
                end = Some((now - TimeDelta::days(*days)).date_naive().max(start));
            }
            Some(Change::OpenEnd) => end = None,
            Some(Change::RemoveAccount) | None => {}
        }
        let ids = |kind: Kind| {
            accounts.iter().filter(|account| account.0 == kind).map(|account| account.1.to_string()).collect::<Vec<_>>().join(",")
        };
        connector.config["advertiser_ids"] = ids(Kind::Advertiser).into();
        connector.config["publisher_ids"] = ids(Kind::Publisher).into();
        connector.config["start_date"] = start.to_string().into();
        connector.config["end_date"] = end.map_or(Value::Null, |end| end.to_string().into());
        let lines = match sync.dies {
            Some(bytes) => killed_after(&connector, &state, bytes),
            None => connector.read(&["transactions"], Some(&state)).ok().lines,
        };
        tables.load(&lines);
        if is_covered_anew {
            runs.covered_anew = now;
            is_covered_anew = sync.dies.is_some();
        }
        if let Value::Array(states) = state_after(&lines)
            && !states.is_empty()
        {
            state = Value::Array(states);
        }
        if sync.dies.is_some() {
            runs.died.push(now);
        } else {
            runs.ended.push(now);
            let world = sandbox.world();
            let mut wanted = truth(&world, "transactions", &connector.config);
            let mut table = tables.table("transactions");
            // Rows outside of a range that was narrowed, and of accounts that were removed, stay in the destination, but are not
            // part of the table any more.
            let range = start.to_string()..=end.map_or("9999".to_owned(), |end| end.to_string());
            let read: BTreeSet<Option<u64>> = accounts.iter().map(|account| Some(account.1)).collect();
            table.retain(|_, row| {
                let date = row["transactionDate"].as_str().unwrap_or_default();
                range.contains(&date[..10].to_owned()) && read.contains(&row["accountId"].as_u64())
            });
            forgive(&mut table, &mut wanted, &told, case, now, &runs);
            assert_same("transactions", &table, &wanted);
        }
    }
}

fn killed_after(connector: &Connector, state: &Value, bytes: usize) -> Vec<Value> {
    let mut command = connector.read_command(&catalog(&["transactions"], "incremental"), Some(state));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the connector starts");
    let mut got = Vec::new();
    child.stdout.take().expect("a pipe").take(bytes as u64).read_to_end(&mut got).expect("a readable pipe");
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    Output::new(&got, b"", None).lines
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("HISTORY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300),
        max_shrink_iters: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_table_equals_the_truth_after_every_sync_of_any_history(case in case()) {
        run(&case);
    }
}
