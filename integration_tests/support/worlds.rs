//! Random worlds for reports: half a year of sales of an advertiser and of a publisher, whatever is not known of Awin, and what
//! happens to the syncs.

use awin_sandbox::{
    Access, Account, Amendment, Booking, Chronicle, Clicks, Clock, Decisions, Deleted, Event, Gap, Kind, Markets, ReportLag,
    Rules, Sale, Stamps, Throttle, World, decimal, instant,
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::faulty::Wrong;

pub const BEGIN: &str = "2026-01-05T00:00:00Z";
/// Days in which sales happen.
const DAYS: i64 = 110;
pub const ADVERTISER: u64 = 90_210;
pub const PUBLISHERS: u64 = 600_001;
const REPORTS: [&str; 4] = ["stats_by_publisher", "stats_by_creative", "stats_by_advertiser", "stats_by_campaign"];
const ZONES: [&str; 6] = ["UTC", "Europe/Berlin", "US/Pacific", "America/Sao_Paulo", "Australia/Sydney", "Europe/Helsinki"];
const DAY: i64 = 24 * 60;

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Case {
    pub rules: Rules,
    pub zone: &'static str,
    pub by_validation: bool,
    pub markets: Markets,
    /// Whether the markets are named, not found.
    pub named: bool,
    /// Days after the first sync at which a market is gone, and for how long.
    pub gap: Option<(i64, i64)>,
    /// Whether the lists of transactions are refused.
    pub is_deaf: bool,
    pub sales_in: Option<SalesIn>,
    pub reports: Vec<&'static str>,
    pub lookback_days: i64,
    pub requests_per_minute: u32,
    /// Days that the first sync reads.
    pub range: i64,
    pub sales: Vec<Life>,
    pub syncs: Vec<Sync>,
    pub to_the_end: bool,
}

/// Where `transactions` stands in the catalog, if it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SalesIn {
    First,
    Last,
    FullRefresh,
}

/// A sale; times in minutes.
#[derive(Debug, Clone)]
pub struct Life {
    pub publisher: u64,
    pub created: i64,
    pub clicked: i64,
    pub late: i64,
    pub decided: Vec<(i64, bool)>,
    pub amended: Vec<i64>,
    pub deleted: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Sync {
    pub hours_later: i64,
    /// After so many thousandths of its lines the run is killed.
    pub dies: Option<usize>,
    pub trouble: Option<Trouble>,
    pub change: Option<Change>,
}

/// Calls to this path fail from the given one on.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub path: &'static str,
    pub region: Option<&'static str>,
    pub from_call: u64,
    pub wrong: Wrong,
}

#[derive(Debug, Clone)]
pub enum Change {
    MoveStart(i64),
    SetEnd(i64),
    RemoveEnd,
    /// Only these regions are read.
    Regions(&'static [&'static str]),
    /// The state of a version that kept no queue.
    OldState,
}

fn rules() -> impl Strategy<Value = Rules> {
    let lag = prop_oneof![
        3 => Just(ReportLag::None),
        1 => (1..=22u32).prop_map(ReportLag::Hours),
        1 => Just(ReportLag::Hours(24)),
        1 => Just(ReportLag::Nightly),
    ];
    (lag, proptest::bool::weighted(0.15), proptest::bool::weighted(0.3), any::<[bool; 3]>()).prop_map(
        |(report_lag, by_click, corrected, on)| Rules {
            report_lag,
            booking: if by_click { Booking::ClickDate } else { Booking::TransactionDate },
            clicks: if corrected { Clicks::Corrected } else { Clicks::Final },
            deleted: if on[0] { Deleted::Listed } else { Deleted::OnlyByStatus },
            amendment: if on[1] { Amendment::Offered } else { Amendment::Refused400 },
            stamps: if on[2] { Stamps::Seconds } else { Stamps::Minutes },
            ..Rules::default()
        },
    )
}

fn life() -> impl Strategy<Value = Life> {
    (
        0..3u64,
        0..DAYS * DAY,
        0..4 * DAY,
        prop_oneof![5 => Just(0), 1 => 1..10 * DAY],
        proptest::collection::vec((60..90 * DAY, any::<bool>()), 0..3),
        proptest::collection::vec(60..60 * DAY, 0..2),
        proptest::option::weighted(0.1, 60..90 * DAY),
    )
        .prop_map(|(publisher, created, clicked, late, decided, amended, deleted)| Life {
            publisher,
            created,
            clicked,
            late,
            decided,
            amended,
            deleted,
        })
}

fn sync() -> impl Strategy<Value = Sync> {
    let hours = prop_oneof![4 => 1..4i64, 12 => 20..28i64, 4 => 28..24 * 12i64, 1 => Just(24 * 60i64)];
    let change = prop_oneof![
        12 => Just(None),
        1 => (-20..20i64).prop_map(|days| Some(Change::MoveStart(days))),
        1 => (1..20i64).prop_map(|days| Some(Change::SetEnd(days))),
        1 => Just(Some(Change::RemoveEnd)),
        1 => Just(Some(Change::Regions(&["DE"]))),
        1 => Just(Some(Change::Regions(&["DE", "GB"]))),
        1 => Just(Some(Change::OldState)),
    ];
    let wrong = proptest::sample::select(vec![
        Wrong::Status(500),
        Wrong::Status(400),
        Wrong::Status(403),
        Wrong::Status(404),
        Wrong::Hang,
        Wrong::Html,
    ]);
    let path =
        proptest::sample::select(vec!["/transactions", "/transactions", "/reports/", "/reports/publisher", "/reports/creative"]);
    let region = prop_oneof![Just(None), Just(Some("GB"))];
    let trouble = (path, region, 0..6u64, wrong).prop_map(|(path, region, from_call, wrong)| Trouble {
        path,
        region: region.filter(|_| path != "/transactions"),
        from_call,
        wrong,
    });
    (hours, proptest::option::weighted(0.2, 0..1000usize), proptest::option::weighted(0.15, trouble), change)
        .prop_map(|(hours_later, dies, trouble, change)| Sync { hours_later, dies, trouble, change })
}

pub fn case() -> impl Strategy<Value = Case> {
    let markets = |regions: &[&str]| Just(Markets::In(regions.iter().map(|region| (*region).to_owned()).collect()));
    let markets = prop_oneof![markets(&["DE"]), markets(&["DE", "GB"]), Just(Markets::Unknown)];
    let sales_in = prop_oneof![
        4 => Just(Some(SalesIn::First)),
        2 => Just(Some(SalesIn::Last)),
        1 => Just(Some(SalesIn::FullRefresh)),
        3 => Just(None),
    ];
    let world = (
        rules(),
        proptest::sample::select(&ZONES[..]),
        proptest::bool::weighted(0.3),
        markets,
        any::<bool>(),
        proptest::option::weighted(0.2, (0..20i64, 5..40i64)),
        proptest::bool::weighted(0.1),
    );
    let run = (
        sales_in,
        proptest::sample::subsequence(&REPORTS[..], 1..=2),
        prop_oneof![Just(28i64), Just(0), 0..40i64],
        prop_oneof![4 => Just(20u32), 1 => Just(1)],
        3..45i64,
        proptest::collection::vec(life(), 1..50),
        proptest::collection::vec(sync(), 2..10),
        proptest::bool::weighted(0.2),
    );
    (world, run).prop_map(
        |(
            (rules, zone, by_validation, markets, named, gap, is_deaf),
            (sales_in, reports, lookback_days, requests_per_minute, range, sales, syncs, to_the_end),
        )| Case {
            rules,
            zone,
            by_validation,
            markets,
            named,
            gap,
            is_deaf,
            // Three of the zones are known to reports only.
            sales_in: sales_in.filter(|_| !zone.starts_with('A') && !zone.ends_with("Helsinki")),
            reports,
            lookback_days,
            requests_per_minute,
            range,
            sales,
            syncs,
            to_the_end,
        },
    )
}

pub fn first_sync() -> DateTime<Utc> {
    instant(BEGIN) + TimeDelta::days(45) + TimeDelta::minutes(317)
}

fn sale(number: u64, life: &Life) -> Sale {
    // Never on a full minute, so that no event falls on the very second of a sync.
    let created = instant(BEGIN) + TimeDelta::minutes(life.created) + TimeDelta::seconds(17);
    let at = |minutes: i64| created + TimeDelta::minutes(minutes);
    let id = 3_000_000_000 + number;
    let mut sale = Sale::new(id, ADVERTISER, PUBLISHERS + life.publisher, created, decimal("90.00"), decimal("4.50"));
    sale.clicked = Some(at(-life.clicked));
    sale.visible_from = at(life.late);
    sale.creative_id = ADVERTISER * 10 + 1 + number % 3;
    let is_there = |minutes: &i64| life.deleted.is_none_or(|deleted| *minutes < deleted);
    for (minutes, approved) in life.decided.iter().filter(|(minutes, _)| is_there(minutes)) {
        let event = if *approved { Event::Approve } else { Event::Decline { reason: "Returned".into() } };
        sale.happens(at(*minutes), event);
    }
    for minutes in life.amended.iter().filter(|minutes| is_there(minutes)) {
        let (sold, commission) = (decimal("70.10"), decimal("3.50"));
        sale.happens(at(*minutes), Event::Amend { sale: sold, commission, reason: "Part returned".into() });
    }
    if let Some(minutes) = life.deleted {
        sale.happens(at(minutes), Event::Delete);
    }
    sale
}

impl Case {
    pub fn world(&self) -> World {
        let begin = instant(BEGIN);
        let chronicle = Chronicle {
            first_day: begin.date_naive(),
            begin,
            days: 0,
            sales_per_day: 0,
            partners: 3,
            markets: 2,
            ..Chronicle::new(7, Decisions::Spread)
        };
        let mut world = chronicle.build();
        world.throttle = Throttle::off();
        world.rules = self.rules.clone();
        world.markets.insert((ADVERTISER, PUBLISHERS + 2), self.markets.clone());
        world.accounts.push(Account { id: PUBLISHERS, kind: Kind::Publisher, ..world.accounts[0].clone() });
        if self.is_deaf {
            world.accounts.iter_mut().for_each(|account| account.access = Access::NoTransactions);
        }
        for (number, life) in self.sales.iter().enumerate() {
            world.sales.push(sale(number as u64, life));
        }
        if let Some((after, days)) = self.gap {
            let from = first_sync() + TimeDelta::days(after);
            let until = from + TimeDelta::days(days);
            world.gaps.push(Gap { kind: Kind::Advertiser, account_id: ADVERTISER, region: "GB".into(), from, until });
        }
        world.clock = Clock::Fixed(first_sync());
        world
    }

    pub fn catalog(&self) -> Value {
        let stream = |name: &str, sync_mode: &str| json!({"stream": {"name": name, "json_schema": {}}, "sync_mode": sync_mode, "destination_sync_mode": "append_dedup"});
        let mut streams: Vec<Value> = self.reports.iter().map(|name| stream(name, "incremental")).collect();
        match self.sales_in {
            Some(SalesIn::First) => streams.insert(0, stream("transactions", "incremental")),
            Some(SalesIn::Last) => streams.push(stream("transactions", "incremental")),
            Some(SalesIn::FullRefresh) => streams.push(stream("transactions", "full_refresh")),
            None => {}
        }
        json!({ "streams": streams })
    }
}
