//! Offers, and the rates of programmes by period.

use awin_sandbox::{CommissionGroup, Rate, Sandbox, World, decimal};
use chrono::{DateTime, Days, TimeDelta, Utc};
use serde_json::json;

use crate::money::{connector, world};
use crate::support::connector::catalog;
use crate::support::faulty::Wrong;
use crate::support::tables::{assert_in_sync, is_in_sync};
use crate::support::{Connection, Tables};

/// The rate of a group of a programme is another one from `at` on.
pub fn rates_change(world: &mut World, programme: u64, at: DateTime<Utc>, percent: &str) {
    let group = world.groups.iter_mut().find(|group| group.advertiser_id == programme && group.until.is_none());
    let old = group.expect("a group");
    let new = CommissionGroup { from: at, rate: Rate::Percentage(decimal(percent)), ..old.clone() };
    old.until = Some(at);
    world.groups.push(new);
}

#[test]
fn offers_of_joined_programmes_are_read_in_pages_and_in_full() {
    let mut world = world();
    let pattern = world.offers[0].clone();
    let now = world.now();
    for number in 0..450 {
        let starts = now + TimeDelta::hours(number - 300);
        let mut offer = awin_sandbox::Offer { id: 500_000 + u64::try_from(number).expect("positive"), starts, ..pattern.clone() };
        (offer.advertiser_id, offer.added, offer.ends) = (90_210, now - TimeDelta::days(30), now + TimeDelta::days(60));
        world.offers.push(offer);
    }
    let sandbox = Sandbox::start(world);
    let mut connector = connector(&sandbox).with("publisher_ids", "500321,500322");
    let mut tables = Tables::default();
    for _ in 0..2 {
        sandbox.clear_calls();
        tables.load(&connector.read(&["offers"], None).ok().lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &["offers"]);
        let calls = sandbox.calls();
        assert!(calls.iter().filter(|call| call.path == "/publisher/500321/promotions").count() >= 3, "pages of 200");
        sandbox.world().clock.advance(TimeDelta::days(3));
        connector.sees_clock_of(&sandbox);
    }
    assert!(tables.table("offers").len() > 500);
}

#[test]
fn rates_are_walked_back_once_and_cost_a_call_a_programme_afterwards() {
    let mut world = world();
    world.rules.shuffle = true;
    let begin = world.traffic_from;
    let sandbox = Sandbox::start(world);
    let start = (begin - Days::new(100)).date_naive().to_string();
    let mut connector = connector(&sandbox).with("publisher_ids", "500321").with("start_date", start);
    let asked = |sandbox: &Sandbox| sandbox.calls().iter().filter(|call| call.path.ends_with("/commissiongroups")).count();
    let first = connector.read(&["commission_rates"], None).ok();
    let mut tables = Tables::default();
    tables.load(&first.lines);
    assert_in_sync(&sandbox.world(), &connector.config, &tables, &["commission_rates"]);
    let programmes = sandbox.world().truth_programmes(500_321).len();
    assert_eq!(asked(&sandbox), 3 * programmes, "today's period and the two before it");
    let mut state = first.state();
    for day in 0..4 {
        sandbox.clear_calls();
        {
            let mut world = sandbox.world();
            world.clock.advance(TimeDelta::days(1));
            let now = world.now();
            if day == 1 {
                rates_change(&mut world, 90_211, now - TimeDelta::hours(2), "9.9");
            }
        }
        connector.sees_clock_of(&sandbox);
        let output = connector.read(&["commission_rates"], Some(&state)).ok();
        tables.load(&output.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &["commission_rates"]);
        state = output.state();
        // Rates that have just changed show the period before them once more, for two days.
        let more = usize::from(day > 0 && day < 4);
        assert!((programmes..=programmes + more).contains(&asked(&sandbox)), "day {day}: {} calls", asked(&sandbox));
    }
}

/// A right that is lost and given back: of what happened meanwhile nothing is missing.
#[test]
fn rates_that_were_refused_for_a_week_are_walked_back_again() {
    for (refused, is_complete) in [("commissiongroups", false), ("advertiserId=90211", true)] {
        let config = json!({"publisher_ids": "500321", "start_date": "2026-10-01", "requests_per_minute": 1000});
        let mut connection = Connection::new(world(), config);
        connection.sync(&["commission_rates"]);
        let catalog = catalog(&["commission_rates"], "incremental");
        for day in 0..7 {
            connection.later(TimeDelta::days(1));
            // A period of three days begins and ends.
            if day % 3 == 1 {
                let mut world = connection.world();
                let now = world.now();
                rates_change(&mut world, 90_211, now - TimeDelta::hours(2), if day == 1 { "9.9" } else { "8.8" });
            }
            let synced = connection.read(&catalog, move |request: &source_awin::awin::Request, _| {
                request.to_string().contains(refused).then_some(Wrong::Status(403))
            });
            assert_eq!(synced.is_complete, is_complete, "{refused}: {:?} {:?}", synced.logs("ERROR"), synced.logs("WARN"));
            let level = if is_complete { "WARN" } else { "ERROR" };
            assert!(!synced.logs(level).is_empty(), "{refused}");
            connection.take(&synced.lines);
        }
        connection.later(TimeDelta::days(1));
        connection.sync(&["commission_rates"]);
        assert_in_sync(&connection.world(), &connection.config, &connection.tables, &["commission_rates"]);
    }
}

/// Forty syncs while offers come and go and rates change: calls fail, runs are killed. After each sync that ends complete the tables are
/// the truth.
#[test]
fn through_faults_and_kills_offers_and_rates_stay_the_truth() {
    let mut connection = Connection::new(world(), json!({"start_date": "2026-02-01", "requests_per_minute": 1000}));
    connection.through_faults_and_kills(&["offers", "commission_rates"], 40, 7, |world, run| {
        let now = world.now();
        let mut offer = world.offers[usize::try_from(run).expect("small") % 3].clone();
        (offer.id, offer.starts, offer.added) = (700_000 + run, now - TimeDelta::hours(2), now - TimeDelta::hours(2));
        offer.ends = now + TimeDelta::days(4);
        world.offers.push(offer);
        if run.is_multiple_of(3) {
            rates_change(world, 90_210 + run / 3 % 3, now - TimeDelta::hours(3), &format!("{}.25", run + 1));
        }
    });
}

/// Before its first period there is none, and Awin may say so with a 404. Any other refusal leaves rows out, and is said once.
#[test]
fn periods_that_awin_refuses_to_show_are_said() {
    for (status, wanted) in [(404, 0), (400, 1)] {
        let config = json!({"publisher_ids": "500321", "start_date": "2025-02-01", "requests_per_minute": 1000});
        let mut connection = Connection::new(world(), config);
        let is_earlier = |request: &source_awin::awin::Request| request.query.iter().any(|(name, _)| *name == "effectiveDate");
        let strikes = move |request: &source_awin::awin::Request, _| is_earlier(request).then_some(Wrong::Status(status));
        let synced = connection.sync_with(&["commission_rates"], strikes);
        let refused = "Awin refuses earlier periods of `commission_rates` (Awin answered 400: Something went wrong): rows of them are missing, perhaps of several programmes.";
        assert_eq!(synced.logs("WARN"), vec![refused; wanted], "{status}");
        // What was refused is asked for again; what is not there is not.
        connection.sync(&["commission_rates"]);
        let is_whole = is_in_sync(&connection.world(), &connection.config, &connection.tables, "commission_rates");
        assert_eq!(is_whole, wanted == 1, "{status}");
    }
}
