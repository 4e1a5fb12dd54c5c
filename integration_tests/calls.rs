//! What a steady daily sync costs, in calls and in rows, and what it gets right for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use awin_sandbox::{Clock, Decimal, Demo, Event, Sale, Sandbox, Throttle, World, decimal, instant};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use source_awin::awin::Request;
use tokio::time::Instant;

use crate::support::connector::state_after;
use crate::support::tables::{assert_same, truth};
use crate::support::virtually::{Reply, read};
use crate::support::{Connector, Tables};

const NOW: &str = "2026-11-20T05:00:00Z";

fn world(sales_per_day: u32) -> World {
    let demo = Demo { days_back: 90, days_ahead: 5, sales_per_day, ..Demo::new(9, instant(NOW)) };
    let mut world = demo.build();
    world.throttle = Throttle::off();
    for sale in &mut world.sales {
        sale.events.retain(|(_, event)| *event != Event::Delete);
    }
    world
}

/// The paths called, without their numbers, and how often.
fn counts(sandbox: &Sandbox) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for call in sandbox.calls() {
        let path = call.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        match counts.iter_mut().find(|(known, _)| *known == path) {
            Some((_, count)) => *count += 1,
            None => counts.push((path, 1)),
        }
    }
    counts.sort();
    counts
}

fn second_sync(config: &[(&str, Value)], streams: &[&str], later: TimeDelta) -> Vec<(String, usize)> {
    let mut world = world(4);
    // Awin is seen to list deleted sales, which ends the lane that looks for them.
    let id = world
        .sales
        .iter()
        .find(|sale| {
            (sale.advertiser_id, sale.publisher_id) == (90210, 500_321) && sale.created > instant("2026-11-10T00:00:00Z")
        })
        .map(|sale| sale.id);
    world.sales.get_mut(id.expect("a sale")).expect("the sale").happens(instant("2026-11-18T00:00:00Z"), Event::Delete);
    let sandbox = Sandbox::start(world);
    let mut connector = Connector::new(&sandbox, "2026-09-01");
    for (key, value) in config {
        connector.config[*key] = value.clone();
    }
    let state = connector.read(streams, None).ok().state();
    sandbox.world().clock.advance(later);
    sandbox.clear_calls();
    connector.sees_clock_of(&sandbox);
    connector.read(streams, Some(&state)).ok();
    counts(&sandbox)
}

#[test]
fn a_daily_sync_of_an_account_is_three_calls_for_transactions() {
    let day = TimeDelta::days(1);
    let one = [("advertiser_ids", json!("90210"))];
    assert_eq!(second_sync(&one, &["transactions"], day), [("transactions".into(), 3)]);
    assert_eq!(second_sync(&one, &["transactions"], TimeDelta::hours(3)), [("transactions".into(), 3)]);
}

#[test]
fn as_long_as_no_deleted_sale_was_seen_it_is_four() {
    let one = [("advertiser_ids", json!("90211"))];
    assert_eq!(second_sync(&one, &["transactions"], TimeDelta::days(1)), [("transactions".into(), 4)]);
}

#[test]
fn found_accounts_cost_one_call_more_for_all_of_them() {
    let calls = second_sync(&[], &["transactions"], TimeDelta::days(1));
    assert_eq!(calls[0], ("accounts".into(), 1));
    // Three advertisers and two publishers; the account with the deleted sale, and its publisher, no longer ask for them.
    assert_eq!(calls[1], ("transactions".into(), 5 * 4 - 2));
}

#[test]
fn a_report_costs_a_call_per_region_and_day_that_is_new_aged_or_changed() {
    let one = [("advertiser_ids", json!("90210")), ("regions", json!(["DE", "AT"]))];
    let streams = ["stats_by_publisher", "stats_by_creative", "stats_by_campaign"];
    let calls = second_sync(&one, &streams, TimeDelta::days(1));
    let count = |name: &str| calls.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
    // Two lists say which days changed; the regions of the partners are one call.
    assert_eq!((count("campaign"), count("transactions")), (1, 2), "{calls:?}");
    // Today, yesterday, a day of each rung, and at most as many again as the look-back.
    assert!((14..=16 + 30).contains(&(count("publisher") - 1)), "{calls:?}");
    assert!((28..=2 * (16 + 30)).contains(&count("creative")), "{calls:?}");
}

/// Nine months of sales, read by daily syncs from the 45th day on; with `--nocapture` the figures of docs/freshness.md are printed.
///
/// 60 sales a day, a third decided within 30 days, the others within 120, one in 20 declined, 3 % amended within 90 days,
/// 2 % shown up to 10 days late.
#[test]
#[expect(clippy::print_stdout, reason = "the figures are for the documentation")]
fn nine_months_of_daily_syncs_miss_nothing_and_are_stale_in_nothing() {
    const DAYS: i64 = 270;
    const FIRST: i64 = 45;
    let begin = instant("2026-01-01T00:00:00Z");
    let mut world = Demo { sales_per_day: 0, advertisers: 1, publishers: 1, ..Demo::new(3, begin) }.build();
    world.throttle = Throttle::off();
    for sale in nine_months(begin, DAYS) {
        world.sales.push(sale);
    }
    let sandbox = Sandbox::start(world);
    let mut connector = Connector::new(&sandbox, "2026-01-01").with("advertiser_ids", "90210");
    let mut tables = Tables::default();
    let mut state = json!([]);
    let (mut sent, mut calls, mut bytes) = (0, 0, 0);
    for day in FIRST..=DAYS {
        sandbox.world().clock = Clock::Fixed(begin + TimeDelta::days(day) + TimeDelta::hours(5));
        sandbox.clear_calls();
        connector.sees_clock_of(&sandbox);
        let output = connector.read(&["transactions"], Some(&state)).ok();
        sent += output.records("transactions").len();
        bytes += output.raw.len();
        calls = calls.max(if day > FIRST { sandbox.calls().len() } else { 0 });
        tables.load(&output.lines);
        state = output.state();
        if day % 30 == 0 {
            let world = sandbox.world();
            assert_same("transactions", &tables.table("transactions"), &truth(&world, "transactions", &connector.config));
        }
    }
    let rows = tables.table("transactions").len();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let per_row = sent as f64 / rows as f64;
    println!(
        "{rows} rows in the table, 0 missing, 0 stale, at most {calls} calls a day, {per_row:.1} rows sent per row, {} MB in all",
        bytes / 1_000_000
    );
    // The look-back, decisions, amendments; and now and then a block of old sales.
    assert!(calls <= 5, "{calls}");
    assert!(per_row <= 7.0, "{per_row}");
}

fn nine_months(begin: DateTime<Utc>, days: i64) -> Vec<Sale> {
    // A fixed mixture: every share is hit exactly over each hundred sales.
    let mut sales = Vec::new();
    for number in 0..days * 60 {
        let created = begin + TimeDelta::minutes(24 * number) + TimeDelta::seconds(11);
        let mixed = number.wrapping_mul(7919) % 1000;
        let mut sale = Sale::new(
            3_000_000_000 + u64::try_from(number).expect("positive"),
            90210,
            500_321,
            created,
            amount(mixed),
            decimal("4.20"),
        );
        if mixed % 50 == 7 {
            sale.visible_from = created + TimeDelta::hours(mixed % 240);
        }
        let decided_after =
            if mixed % 3 == 0 { TimeDelta::hours(mixed * 13 % 720) } else { TimeDelta::hours(720 + mixed * 29 % 2160) };
        if number == 0 {
            // One deleted sale shows that Awin lists them.
            sale.happens(created + TimeDelta::hours(1), Event::Delete);
        } else {
            let declined = mixed % 20 == 3;
            sale.happens(
                created + decided_after,
                if declined { Event::Decline { reason: "Returned".into() } } else { Event::Approve },
            );
            if mixed % 100 < 3 {
                let amended =
                    Event::Amend { sale: amount(mixed / 2), commission: decimal("2.10"), reason: "Part returned".into() };
                sale.happens(created + TimeDelta::hours(mixed * 17 % 2160), amended);
            }
        }
        sales.push(sale);
    }
    sales
}

fn amount(mixed: i64) -> Decimal {
    decimal(&format!("{}.{:02}", 20 + mixed, mixed % 100))
}

/// A run reads up to the full second that follows its start. Awin may refuse a window that ends in the future.
#[test]
fn no_window_is_asked_for_before_it_has_ended() {
    let asked: Arc<Mutex<Vec<(Instant, Request)>>> = Arc::default();
    let (log, config) = (Arc::clone(&asked), json!({"regions": ["DE"], "lookback_days": 2}));
    let accounts = json!({"accounts": [{"accountId": 1, "accountName": "Shop", "accountType": "advertiser"}]}).to_string();
    let answer = Arc::new(move |request: &Request| {
        log.lock().expect("no panic with the lock").push((Instant::now(), request.clone()));
        Reply::Json(if request.path == "/accounts" { accounts.clone() } else { "[]".to_owned() })
    });
    for streams in [&["stats_by_publisher"][..], &["transactions"]] {
        let first = read(streams, &config, None, Arc::clone(&answer) as _);
        let lines: Vec<Value> = first.lines.into_iter().map(|(_, line)| line).collect();
        asked.lock().expect("no panic with the lock").clear();
        assert!(read(streams, &config, Some(&state_after(&lines)), Arc::clone(&answer) as _).is_complete);
        let asked = asked.lock().expect("no panic with the lock");
        let began = asked[0].0;
        assert_eq!(asked[0].1.path, "/accounts");
        let ends_now =
            |request: &Request| request.query.iter().any(|(key, value)| *key == "endDate" && value == "2026-11-20T15:30:00");
        let lists: Vec<Duration> = asked.iter().filter(|(_, request)| ends_now(request)).map(|(at, _)| *at - began).collect();
        assert!(lists.len() >= 2, "{asked:?}");
        assert!(lists.iter().all(|after| *after >= Duration::from_secs(1)), "{lists:?}");
    }
}
