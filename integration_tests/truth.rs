//! The bench of truth: months of syncs against histories of known proportions, and how right the tables are after each.
//!
//! Two months of one account run with the other tests and are asserted. The nine months of docs/freshness.md are played and
//! printed by `TRUTH=all cargo test --test integration truth -- --nocapture` (or `TRUTH=spread`, one history alone; `TRUTH_DAYS=30` cuts it short). With
//! `TRUTH_CURVE=1` each third day prints a line of docs/freshness.tsv, too. The connector runs within the test, on a clock that jumps:
//! its quota of 20 calls a minute costs no time.

use awin_sandbox::{Chronicle, Decisions, Event, Sale, Throttle, decimal, instant};
use chrono::TimeDelta;
use serde_json::json;
use source_awin::awin::Request;

use crate::support::Connection;
use crate::support::connector::catalog;
use crate::support::faulty::Wrong;
use crate::support::mirror::{Look, Mirror};
use crate::support::setup::quiet_half_year;
use crate::support::tables::truth;

const REPORTS: [&str; 2] = ["stats_by_publisher", "stats_by_creative"];

/// What is played.
struct Play {
    name: &'static str,
    chronicle: Chronicle,
    days: i64,
    hours_between: i64,
    with_transactions: bool,
    /// Whether days are read again by their age alone: no look-back, and no list of changes that answers.
    by_age_alone: bool,
}

/// What came of it.
#[derive(Debug, Default)]
struct Figures {
    /// Calls of each report in each sync after the first.
    calls: [Vec<usize>; 2],
    /// The comparison after the last sync.
    last: [Look; 2],
    /// Rows in the truth, and those that differ, summed over all syncs.
    rows_seen: [usize; 2],
    stale_seen: [usize; 2],
    /// The longest time that a row was wrong.
    late: [TimeDelta; 2],
    /// In the state, of each report and of `transactions`.
    state_bytes: [usize; 3],
    transactions_sent: usize,
    /// Those of them that had not changed and were sent because their block of old sales was read again.
    transactions_aged: usize,
    transactions: usize,
    transactions_wrong: usize,
}

impl Play {
    fn new(name: &'static str, decisions: Decisions, days: i64) -> Self {
        Self {
            name,
            chronicle: Chronicle::new(7, decisions),
            days,
            hours_between: 24,
            with_transactions: true,
            by_age_alone: false,
        }
    }

    fn run(&self) -> Figures {
        let mut world = self.chronicle.build();
        world.throttle = Throttle::off();
        if let Some(id) = world.sales.iter().map(|sale| sale.id).next() {
            // One deleted sale shows that Awin lists them.
            let sale = world.sales.get_mut(id).expect("a sale");
            let at = sale.created + TimeDelta::hours(1);
            sale.events.clear();
            sale.happens(at, Event::Delete);
        }
        let start = self.chronicle.begin.date_naive();
        let syncs = self.days * 24 / self.hours_between;
        let lookback_days = if self.by_age_alone { 0 } else { 28 };
        let markets = &["DE", "GB", "FR", "US", "PL"][..self.chronicle.markets as usize];
        let config = json!({"start_date": start.to_string(), "requests_per_minute": 20, "lookback_days": lookback_days});
        let mut connection = Connection::new(world, config);
        let mut asked = connection.config.clone();
        asked["regions"] = json!(markets);
        let is_curve = std::env::var_os("TRUTH_CURVE").is_some();
        let mut streams: Vec<&str> = REPORTS.to_vec();
        if self.with_transactions {
            streams.push("transactions");
        }
        let mut figures = Figures::default();
        let mut reports = REPORTS.map(Mirror::new);
        let mut transactions = Mirror::new("transactions");
        for sync in 0..=syncs {
            connection.later(TimeDelta::hours(if sync == 0 { 0 } else { self.hours_between }));
            let is_deaf = self.by_age_alone;
            let synced = connection.read(&catalog(&streams, "incremental"), move |request: &Request, _| {
                (is_deaf && request.to_string().contains("dateType=validation")).then_some(Wrong::Status(400))
            });
            assert!(synced.is_complete, "{:#?}", synced.logs("ERROR"));
            connection.take_states(&synced.lines);
            let first_rung = first_rung(&connection);
            transactions.load(&synced.lines, |row, is_same| {
                let is_old = row["transactionDate"].as_str().is_some_and(|date| date < &*first_rung);
                figures.transactions_sent += 1;
                figures.transactions_aged += usize::from(is_same && is_old);
            });
            for (index, report) in reports.iter_mut().enumerate() {
                report.load(&synced.lines, |_, _| ());
                let look = report.look(&connection.world(), &asked);
                figures.rows_seen[index] += look.rows;
                figures.stale_seen[index] += look.stale;
                figures.late[index] = figures.late[index].max(look.late);
                figures.last[index] = look;
            }
            if sync > 0 {
                figures.calls[0].push(synced.calls_of("/reports/publisher?").len());
                figures.calls[1].push(synced.calls_of("/reports/creative?").len());
            }
            let day = sync * self.hours_between / 24;
            if is_curve && day % 3 == 0 {
                figures.print_look(self.name, day);
            }
        }
        for (index, stream) in REPORTS.iter().chain(&["transactions"]).enumerate() {
            figures.state_bytes[index] = connection.parts(stream).iter().map(|part| part.to_string().len()).sum();
        }
        if self.with_transactions {
            (figures.transactions, figures.transactions_wrong) = transactions.compare(&connection.world(), &asked);
        }
        figures
    }
}

/// Sales before this are in blocks that have passed a rung, at 45 days.
fn first_rung(connection: &Connection) -> String {
    (connection.now() - TimeDelta::days(45)).format("%Y-%m-%dT%H:%M:%S").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Figures {
    fn per_cent(&self, index: usize) -> f64 {
        100.0 * self.last[index].stale as f64 / self.last[index].rows.max(1) as f64
    }

    fn seen_per_cent(&self, index: usize) -> f64 {
        100.0 * self.stale_seen[index] as f64 / self.rows_seen[index].max(1) as f64
    }

    /// Approved commission in `stats_by_publisher`, of that in the truth, in per cent.
    fn commission(&self) -> f64 {
        let (held, wanted) = self.last[0].commission;
        100.0 * held / wanted.max(0.01)
    }

    /// In days.
    fn late(&self, index: usize) -> f64 {
        self.late[index].as_seconds_f64() / 86_400.0
    }

    fn mean(&self, index: usize) -> f64 {
        self.calls[index].iter().sum::<usize>() as f64 / self.calls[index].len().max(1) as f64
    }

    fn most(&self, index: usize) -> usize {
        self.calls[index].iter().copied().max().unwrap_or_default()
    }

    fn p95(&self, index: usize) -> usize {
        let mut calls = self.calls[index].clone();
        calls.sort_unstable();
        calls.get(calls.len() * 95 / 100).copied().unwrap_or_default()
    }

    #[expect(clippy::print_stdout, reason = "the curve is the purpose")]
    fn print_look(&self, name: &str, day: i64) {
        println!("{name}\t{day}\t{:.2}\t{:.2}\t{:.2}", self.per_cent(0), self.per_cent(1), self.commission());
    }

    #[expect(clippy::print_stdout, reason = "the table is the purpose")]
    fn print(&self, name: &str) {
        println!(
            "| {name} | {:.1} / {:.1} (p95 {} / {}, most {} / {}) | {:.2} / {:.2} % (end {:.2} / {:.2} %) | {:.1} % | {:.1} / {:.1} days | {} / {} B, {} B of transactions | {:.1} sent a row ({:.1} without old sales), {} wrong |",
            self.mean(0),
            self.mean(1),
            self.p95(0),
            self.p95(1),
            self.most(0),
            self.most(1),
            self.seen_per_cent(0),
            self.seen_per_cent(1),
            self.per_cent(0),
            self.per_cent(1),
            self.commission(),
            self.late(0),
            self.late(1),
            self.state_bytes[0],
            self.state_bytes[1],
            self.state_bytes[2],
            self.transactions_sent as f64 / self.transactions.max(1) as f64,
            (self.transactions_sent - self.transactions_aged) as f64 / self.transactions.max(1) as f64,
            self.transactions_wrong,
        );
    }
}

/// Decisions spread over 120 days, one account: two months of it with the other tests.
#[test]
fn reports_of_one_account_are_right_after_every_sync() {
    let wanted = std::env::var("TRUTH").unwrap_or_default();
    if !wanted.is_empty() {
        return;
    }
    let figures = Play::new("spread, 60 days", Decisions::Spread, 60).run();
    figures.print("spread, 60 days");
    assert!(figures.per_cent(0) <= 0.5 && figures.per_cent(1) <= 0.3, "{figures:?}");
    assert!(figures.commission() > 99.9, "{figures:?}");
    assert_eq!(figures.transactions_wrong, 0);
    assert!(figures.state_bytes[2] <= 16_000, "{figures:?}");
    assert!(figures.most(0) <= 105 && figures.most(1) <= 106, "{figures:?}");
}

/// The state of a version that read the plain look-back says nothing of its days: however many sales are decided each day, the year
/// before it is right a month later.
#[test]
fn a_year_of_the_last_version_heals_within_thirty_syncs() {
    let begin = instant("2026-06-01T05:00:00Z");
    let size = Chronicle { days: 60, sales_per_day: 20, ..Chronicle::new(7, Decisions::Spread) };
    let chronicle = Chronicle { first_day: (begin - TimeDelta::days(365)).date_naive(), begin, ..size };
    let mut world = chronicle.build();
    world.throttle = Throttle::off();
    let config = json!({"start_date": chronicle.first_day.to_string(), "requests_per_minute": 20});
    let mut connection = Connection::new(world, config);
    connection.sync(&["stats_by_publisher"]);
    connection.later(TimeDelta::days(25));
    for entry in connection.state.as_array_mut().expect("a list") {
        for part in entry["stream"]["stream_state"]["accounts"].as_array_mut().expect("accounts") {
            let part = part.as_object_mut().expect("an object");
            part.retain(|member, _| !["lanes", "aged", "queue", "heal"].contains(&member.as_str()));
        }
    }
    for _ in 0..30 {
        let synced = connection.sync(&["stats_by_publisher", "transactions"]);
        let calls = synced.calls_of("/reports/publisher?").len();
        // New days and rungs, the share, and half an hour of the quota.
        assert!(calls <= 30 + 16 + 30 + 600, "{calls} calls");
        connection.later(TimeDelta::days(1));
    }
    connection.sync(&["stats_by_publisher", "transactions"]);
    let wanted = truth(&connection.world(), "stats_by_publisher", &connection.config);
    let table = connection.tables.table("stats_by_publisher");
    let different = wanted.iter().filter(|(key, row)| table.get(*key) != Some(row)).count();
    assert_eq!(connection.parts("stats_by_publisher")[0].get("heal"), None);
    assert!(different * 1000 <= wanted.len(), "{different} of {} rows", wanted.len());
}

/// A day that changed since it was read, hours ago, waits; the log says so, and no longer once its market is not read any more.
#[test]
fn a_day_that_waits_is_told_as_long_as_it_is_read_at_all() {
    let mut world = quiet_half_year(2);
    let sold = world.now() - TimeDelta::days(50);
    let mut sale = Sale::new(7, 90_210, 600_001, sold, decimal("90.00"), decimal("4.50"));
    sale.happens(world.now() + TimeDelta::minutes(30), Event::Approve);
    sale.happens(world.now() + TimeDelta::minutes(90), Event::Decline { reason: "Returned".into() });
    world.sales.push(sale);
    let config = json!({"start_date": "2026-03-01", "advertiser_ids": "90210", "regions": ["DE"], "requests_per_minute": 1000});
    let mut connection = Connection::new(world, config);
    let mut behind = |hours, regions: [&str; 1]| {
        connection.config["regions"] = json!(regions);
        let synced = connection.sync(&["stats_by_creative"]);
        connection.later(TimeDelta::hours(hours));
        let told = synced.logs("INFO").into_iter().filter(|text| text.contains("is behind on"));
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!([behind(1, ["DE"]), behind(1, ["DE"])], [[""; 0]; 2]);
    let text = "`stats_by_creative` is behind on 1 day of advertiser 90210 (oldest change seen 2026-06-20); the next syncs will read them. A changed day is read at most once every 20 hours.";
    assert_eq!(behind(1, ["DE"]), [text]);
    assert_eq!(behind(24, ["GB"]), [""; 0]);
    assert_eq!(behind(1, ["DE"]), [""; 0], "it was read");
}

/// What is decided in the minute in which its day was read counts as not read.
#[test]
fn a_decision_in_the_minute_of_a_reading_is_read_by_the_next_sync() {
    let mut world = quiet_half_year(2);
    let now = world.now();
    for (id, days, seconds) in [(7, 1, 4), (8, 50, 4), (9, 1, 24), (10, 50, 24)] {
        let sold = now - TimeDelta::days(days);
        let mut sale = Sale::new(id, 90_210, 600_001, sold, decimal("90.00"), decimal("4.50"));
        sale.happens(now + TimeDelta::seconds(seconds), Event::Approve);
        world.sales.push(sale);
    }
    let config = json!({"start_date": "2026-03-01", "advertiser_ids": "90210", "requests_per_minute": 1000});
    let mut connection = Connection::new(world, config);
    let stale = |connection: &Connection| {
        let wanted = truth(&connection.world(), "stats_by_publisher", &connection.config);
        let table = connection.tables.table("stats_by_publisher");
        wanted.iter().filter(|(key, row)| table.get(*key) != Some(row)).count()
    };
    for stale_rows in [0, 0, 1] {
        let synced = connection.sync(&["transactions", "stats_by_publisher"]);
        assert_eq!(stale(&connection), stale_rows);
        let is_told = synced.logs("INFO").iter().any(|text| text.contains("is behind on"));
        assert!(is_told || stale_rows == 0, "{:#?}", synced.logs("INFO"));
        connection.later(TimeDelta::seconds(20));
    }
    connection.later(TimeDelta::hours(20));
    connection.sync(&["transactions", "stats_by_publisher"]);
    assert_eq!(stale(&connection), 0);
}

/// Calls for a report a day, by hourly syncs of an account that has three months behind it.
fn hourly_calls(sales_per_day: u32) -> usize {
    let chronicle = Chronicle { sales_per_day, ..Chronicle::new(7, Decisions::Spread) };
    let mut world = chronicle.build();
    world.throttle = Throttle::off();
    let mut connection =
        Connection::new(world, json!({"start_date": chronicle.first_day.to_string(), "requests_per_minute": 1000}));
    let mut by_day = [0; 3];
    for hour in 0..72 {
        let synced = connection.sync(&["transactions", REPORTS[0]]);
        by_day[hour / 24] += synced.calls_of("/reports/publisher?").len();
        connection.later(TimeDelta::hours(1));
    }
    // On the first day there is the first sync, on the second what it leaves.
    by_day[2]
}

#[test]
fn hourly_syncs_do_not_cost_twenty_four_times_as_much() {
    let (quiet, busy) = (hourly_calls(0), hourly_calls(60));
    assert!(quiet <= 60, "{quiet} calls a day when nothing changes");
    assert!(busy <= 190, "{busy} calls a day with 60 sales");
}

#[test]
fn nine_months_of_every_history_on_demand() {
    let wanted = std::env::var("TRUTH").unwrap_or_default();
    let mut plays = vec![
        Play::new("spread", Decisions::Spread, 273),
        Play::new("auto45", Decisions::Auto45, 273),
        Play::new("batch", Decisions::Batch, 273),
    ];
    plays.push(Play {
        chronicle: Chronicle { sales_per_day: 5, ..Chronicle::new(7, Decisions::Spread) },
        ..Play::new("spread, 5 a day", Decisions::Spread, 273)
    });
    plays.push(Play { with_transactions: false, ..Play::new("spread, reports alone", Decisions::Spread, 273) });
    plays.push(Play {
        with_transactions: false,
        by_age_alone: true,
        ..Play::new("spread, by age alone", Decisions::Spread, 273)
    });
    plays.push(Play { hours_between: 1, ..Play::new("spread, hourly", Decisions::Spread, 273) });
    plays.push(Play {
        chronicle: Chronicle { sales_per_day: 0, ..Chronicle::new(7, Decisions::Spread) },
        ..Play::new("nothing changes", Decisions::Spread, 90)
    });
    plays.push(Play {
        chronicle: Chronicle { markets: 5, ..Chronicle::new(7, Decisions::Spread) },
        ..Play::new("spread, five markets", Decisions::Spread, 150)
    });
    plays.push(Play {
        chronicle: Chronicle { accounts: 40, ..Chronicle::new(7, Decisions::Spread) },
        ..Play::new("spread, forty accounts", Decisions::Spread, 273)
    });
    let most = std::env::var("TRUTH_DAYS").ok().and_then(|days| days.parse().ok()).unwrap_or(i64::MAX);
    for play in plays.iter_mut().filter(|play| wanted == "all" || wanted == play.name) {
        play.days = play.days.min(most);
        play.run().print(&format!("{}, {} days", play.name, play.days));
    }
}
