//! What the reports may do that no page tells: come late, book elsewhere, move, know several markets or lose one.

use awin_sandbox::{
    Access, Booking, Clicks, DateType, Event, Gap, Kind, Markets, Refusal, Report, ReportLag, Sandbox, World, instant,
};
use chrono::{NaiveDate, TimeDelta};
use serde_json::Value;

use crate::support::{ADVERTISER, PUBLISHER, busy_world, get, parsed, sale, sandbox, sorted, transactions};

const REPORTS: &str = "/advertisers/90210/reports";

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn report(sandbox: &Sandbox, name: &str, day: &str, more: &str) -> Vec<Value> {
    get(sandbox, &format!("{REPORTS}/{name}?startDate={day}&endDate={day}{more}")).rows()
}

/// The sum of a figure of the publisher report of one day.
fn sum(sandbox: &Sandbox, day: &str, figure: &str) -> u64 {
    report(sandbox, "publisher", day, "").iter().map(|row| row[figure].as_u64().expect("a count")).sum()
}

fn at(sandbox: &Sandbox, now: &str) {
    sandbox.world().clock = awin_sandbox::Clock::Fixed(instant(now));
}

/// A sale of the morning of 1 March, approved on the next morning; no traffic.
fn decided(world: &mut World) {
    world.creatives.clear();
    world.sales.push(sale(1, "2026-03-01T08:00:00Z").then(instant("2026-03-02T09:00:00Z"), Event::Approve));
}

#[test]
fn reports_know_nothing_of_the_last_hours_while_transactions_do() {
    let sandbox = sandbox(decided);
    sandbox.world().rules.report_lag = ReportLag::Hours(7);
    for (now, known, pending, confirmed) in [
        ("2026-03-01T14:59:59Z", 1, 0, 0),
        ("2026-03-01T15:00:00Z", 1, 1, 0),
        ("2026-03-02T15:59:59Z", 1, 1, 0),
        ("2026-03-02T16:00:00Z", 1, 0, 1),
    ] {
        at(&sandbox, now);
        assert_eq!(transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-02T00:00:00", "").ids().len(), known, "{now}");
        let figures = (sum(&sandbox, "2026-03-01", "pendingNo"), sum(&sandbox, "2026-03-01", "confirmedNo"));
        assert_eq!(figures, (pending, confirmed), "{now}");
    }
}

#[test]
fn reports_can_be_made_each_night() {
    let sandbox = sandbox(decided);
    sandbox.world().rules.report_lag = ReportLag::Nightly;
    for (now, pending, confirmed) in [
        ("2026-03-01T23:00:00Z", 0, 0),
        ("2026-03-02T02:59:59Z", 0, 0),
        ("2026-03-02T03:00:00Z", 1, 0),
        ("2026-03-03T02:59:59Z", 1, 0),
        ("2026-03-03T03:00:00Z", 0, 1),
    ] {
        at(&sandbox, now);
        let figures = (sum(&sandbox, "2026-03-01", "pendingNo"), sum(&sandbox, "2026-03-01", "confirmedNo"));
        assert_eq!(figures, (pending, confirmed), "{now}");
    }
}

#[test]
fn clicks_lag_as_sales_do() {
    let sandbox = Sandbox::start(busy_world());
    sandbox.world().sales = awin_sandbox::Sales::default();
    let today = |sandbox: &Sandbox| sum(sandbox, "2026-03-10", "impressions");
    at(&sandbox, "2026-03-10T23:59:59Z");
    let whole = today(&sandbox);
    sandbox.world().rules.report_lag = ReportLag::Hours(24);
    assert!(whole > 0 && today(&sandbox) == 0);
    at(&sandbox, "2026-03-11T23:59:59Z");
    assert_eq!(today(&sandbox), whole);
}

#[test]
fn a_sale_can_be_booked_on_the_day_of_its_click() {
    let sandbox = sandbox(|world| {
        world.creatives.clear();
        let mut sale_of_a_click = sale(1, "2026-03-05T10:00:00Z").then(instant("2026-03-08T00:00:00Z"), Event::Approve);
        sale_of_a_click.clicked = Some(instant("2026-03-01T10:00:00Z"));
        world.sales.push(sale_of_a_click);
        world.sales.push(sale(2, "2026-03-05T10:00:00Z"));
    });
    let totals = |sandbox: &Sandbox| ["2026-03-01", "2026-03-05"].map(|day| sum(sandbox, day, "totalNo"));
    assert_eq!(totals(&sandbox), [0, 2]);
    sandbox.world().rules.booking = Booking::ClickDate;
    assert_eq!(totals(&sandbox), [1, 1], "without a click the sale's own date counts");
    let validated = report(&sandbox, "publisher", "2026-03-08", "&dateType=validation");
    assert_eq!(validated[0]["confirmedNo"], 1, "validations are booked as ever");
}

#[test]
fn a_third_of_the_clicks_moves_once_between_the_third_and_the_sixtieth_day() {
    let sandbox = Sandbox::start(busy_world());
    sandbox.world().sales = awin_sandbox::Sales::default();
    sandbox.world().rules.clicks = Clicks::Corrected;
    let days: Vec<NaiveDate> = day("2025-12-01").iter_days().take(20).collect();
    let impressions = |after: i64| -> Vec<u64> {
        let figures = days.iter().map(|day| {
            let end = day.succ_opt().expect("a day").and_time(chrono::NaiveTime::MIN).and_utc();
            sandbox.world().clock = awin_sandbox::Clock::Fixed(end + TimeDelta::days(after));
            sum(&sandbox, &day.to_string(), "impressions")
        });
        figures.collect()
    };
    let [fresh, early, middle, late, last] = [0, 2, 30, 60, 300].map(impressions);
    assert_eq!(fresh, early);
    let moved = |a: &[u64], b: &[u64]| a.iter().zip(b).filter(|(a, b)| a != b).count();
    assert!(moved(&early, &middle) > 3 && moved(&middle, &late) > 3);
    assert_eq!(late, last);
    let differs =
        |grows: bool| fresh.iter().zip(&last).any(|(before, after)| if grows { before < after } else { before > after });
    assert!(differs(true) && differs(false));
}

#[test]
fn a_partner_can_sell_in_two_markets_of_a_programme() {
    let sandbox = Sandbox::start(busy_world());
    let before = report(&sandbox, "publisher", "2026-03-01", "");
    let both = Markets::In(vec!["DE".to_owned(), "AT".to_owned()]);
    sandbox.world().markets.insert((ADVERTISER, PUBLISHER), both);
    let total = |rows: &[Value]| -> f64 { rows.iter().filter_map(|row| row["totalValue"].as_f64()).sum() };
    let days = day("2026-03-01").iter_days().take(9);
    for day in days.map(|day| day.to_string()) {
        let by_publisher = report(&sandbox, "publisher", &day, "");
        let by_creative = ["DE", "AT"].map(|region| report(&sandbox, "creative", &day, &format!("&region={region}")));
        assert!((total(&by_publisher) - total(&by_creative.concat())).abs() < 0.005, "{day}");
        for (region, rows) in ["DE", "AT"].iter().zip(by_creative) {
            assert!(rows.iter().all(|row| row["region"] == **region), "{day}");
        }
    }
    let whole = get(&sandbox, &format!("{REPORTS}/publisher?startDate=2026-02-01&endDate=2026-03-01")).rows();
    let regions: Vec<&Value> = whole.iter().filter(|row| row["publisherId"] == PUBLISHER).map(|row| &row["region"]).collect();
    assert_eq!(regions.len(), 2, "{regions:?}");
    assert!(regions.contains(&&"DE".into()) && regions.contains(&&"AT".into()));
    assert!(before.iter().all(|row| row["region"] == "DE"));
    // The partner sees the same of itself.
    let own =
        get(&sandbox, &format!("/publishers/{PUBLISHER}/reports/advertiser?startDate=2026-02-01&endDate=2026-03-01&region=AT"));
    assert_eq!(own.rows()[0]["advertiserId"], ADVERTISER);
}

#[test]
fn the_publisher_report_may_not_know_the_region_of_a_partner() {
    let sandbox = Sandbox::start(busy_world());
    let by_creative = sorted(report(&sandbox, "creative", "2026-03-01", "&region=DE"));
    sandbox.world().markets.insert((ADVERTISER, PUBLISHER), Markets::Unknown);
    let rows = get(&sandbox, &format!("{REPORTS}/publisher?startDate=2026-02-01&endDate=2026-03-01")).rows();
    for row in &rows {
        assert_eq!(row["region"].is_null(), row["publisherId"] == PUBLISHER, "{row}");
    }
    assert_eq!(sorted(report(&sandbox, "creative", "2026-03-01", "&region=DE")), by_creative);
}

#[test]
fn a_market_can_be_gone_for_weeks_and_come_back() {
    let sandbox = Sandbox::start(busy_world());
    let gap = |kind, account_id| Gap {
        kind,
        account_id,
        region: "DE".to_owned(),
        from: instant("2026-03-12T00:00:00Z"),
        until: instant("2026-04-01T00:00:00Z"),
    };
    sandbox.world().gaps.extend([gap(Kind::Advertiser, ADVERTISER), gap(Kind::Publisher, PUBLISHER)]);
    let seen = |sandbox: &Sandbox| {
        let count = |path: &str| get(sandbox, &format!("{path}startDate=2026-03-01&endDate=2026-03-05")).json();
        let length = |answer: Value| answer.as_array().or(answer["result"].as_array()).map_or(0, Vec::len);
        let publisher = format!("/publishers/{PUBLISHER}");
        [
            length(count(&format!("{REPORTS}/publisher?"))),
            length(count(&format!("{REPORTS}/creative?region=DE&"))),
            length(count(&format!("{REPORTS}/campaign?includeNumbersWithoutCampaign=true&"))),
            length(count(&format!("{publisher}/reports/advertiser?region=DE&"))),
            length(count(&format!("{publisher}/reports/campaign?region=DE&includeNumbersWithoutCampaign=true&"))),
        ]
    };
    let programmes = |sandbox: &Sandbox| {
        let listed = get(sandbox, &format!("/publishers/{PUBLISHER}/programmes?relationship=joined")).ids();
        let world = sandbox.world();
        assert_eq!(world.truth_programmes(PUBLISHER).len(), listed.len());
        assert_eq!(world.truth_programme_details(PUBLISHER).len(), listed.len());
        listed
    };
    let before = seen(&sandbox);
    assert!(before.iter().all(|rows| *rows > 0), "{before:?}");
    assert_eq!(programmes(&sandbox), [90_210, 90_211, 90_212]);
    at(&sandbox, "2026-03-12T00:00:00Z");
    assert_eq!(seen(&sandbox), [0; 5]);
    assert_eq!(programmes(&sandbox), [90_211, 90_212]);
    let foreign = "/publishers/500322/reports/advertiser?startDate=2026-03-01&endDate=2026-03-01&region=DE";
    assert_eq!(get(&sandbox, foreign).rows().len(), 1, "another account's market is there");
    assert!(!transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-05T00:00:00", "").ids().is_empty());
    at(&sandbox, "2026-04-01T00:00:00Z");
    assert_eq!(seen(&sandbox), before);
}

#[test]
fn transactions_can_be_refused_while_reports_are_allowed() {
    let sandbox = Sandbox::start(busy_world());
    let status = |path: &str| get(&sandbox, path).status;
    let list = format!("/advertisers/{ADVERTISER}/transactions/?startDate=2026-03-01T00:00:00&endDate=2026-03-02T00:00:00");
    let queries = format!("/publisher/{PUBLISHER}/transactionqueries?startDate=2026-03-01T00:00:00&endDate=2026-03-02T00:00:00");
    for id in [ADVERTISER, PUBLISHER] {
        sandbox.world().account_mut(id).expect("the account").access = Access::NoTransactions;
    }
    for (refusal, wanted) in [(Refusal::Forbidden403, 403), (Refusal::Unauthorized401, 401), (Refusal::NotFound404, 404)] {
        sandbox.world().rules.refusal = refusal;
        assert_eq!((status(&list), status(&queries)), (wanted, wanted));
        assert_eq!(status(&format!("{REPORTS}/publisher?startDate=2026-03-01&endDate=2026-03-01")), 200);
        assert_eq!(status(&format!("/advertisers/{ADVERTISER}/publishers")), 200);
    }
}

#[test]
fn a_sale_deleted_at_any_age_leaves_the_report_of_its_day() {
    let sandbox = sandbox(|world| {
        world.creatives.clear();
        let approved = sale(1, "2025-03-01T00:00:00Z").then(instant("2025-04-01T00:00:00Z"), Event::Approve);
        world.sales.push(approved.then(instant("2026-03-11T00:00:00Z"), Event::Delete));
    });
    assert_eq!(sum(&sandbox, "2025-03-01", "confirmedNo"), 1);
    sandbox.world().clock.advance(TimeDelta::days(1));
    assert!(report(&sandbox, "publisher", "2025-03-01", "").is_empty());
}

#[test]
fn the_truth_is_what_is_answered_in_every_world() {
    let sandbox = Sandbox::start(busy_world());
    {
        let mut world = sandbox.world();
        world.markets.insert((ADVERTISER, PUBLISHER), Markets::In(vec!["DE".to_owned(), "AT".to_owned()]));
        world.markets.insert((ADVERTISER, 500_322), Markets::Unknown);
        world.rules.clicks = Clicks::Corrected;
        world.rules.booking = Booking::ClickDate;
    }
    for lag in [ReportLag::None, ReportLag::Hours(13), ReportLag::Nightly] {
        sandbox.world().rules.report_lag = lag;
        for date in ["2025-12-24", "2026-03-09", "2026-03-10"] {
            let by_publisher = sorted(report(&sandbox, "publisher", date, ""));
            let by_creative = ["DE", "AT"].map(|region| report(&sandbox, "creative", date, &format!("&region={region}")));
            let truth = |report| {
                let world = sandbox.world();
                let rows =
                    world.truth_report(report, Kind::Advertiser, ADVERTISER, None, day(date), DateType::Transaction, "UTC");
                sorted(parsed(&rows))
            };
            assert_eq!(by_publisher, truth(Report::Publisher));
            assert_eq!(sorted(by_creative.concat()), truth(Report::Creative));
        }
    }
}
