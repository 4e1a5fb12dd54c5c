//! The reports agree with the transactions, with each other and with the truth.

use std::collections::BTreeMap;

use awin_sandbox::{DateType, Decimal, Event, Kind, Report, Sandbox, decimal, instant};
use chrono::NaiveDate;
use serde_json::Value;

use crate::support::{ADVERTISER, PUBLISHER, busy_world, get, parsed, sale, sandbox, sorted};

const FIGURES: [&str; 17] = [
    "impressions",
    "clicks",
    "pendingNo",
    "pendingValue",
    "pendingComm",
    "confirmedNo",
    "confirmedValue",
    "confirmedComm",
    "bonusNo",
    "bonusValue",
    "bonusComm",
    "totalNo",
    "totalValue",
    "totalComm",
    "declinedNo",
    "declinedValue",
    "declinedComm",
];

fn report(sandbox: &Sandbox, path: &str, day: NaiveDate, more: &str) -> Vec<Value> {
    get(sandbox, &format!("{path}?startDate={day}&endDate={day}{more}")).rows()
}

fn days() -> impl Iterator<Item = NaiveDate> {
    instant("2025-12-01T00:00:00Z").date_naive().iter_days().step_by(9).take(8)
}

/// The sum of each figure, by advertiser and publisher, of rows that are not all zero.
fn sums(rows: &[Value]) -> BTreeMap<(u64, u64), Vec<String>> {
    let mut sums: BTreeMap<(u64, u64), Vec<Decimal>> = BTreeMap::new();
    for row in rows {
        let key = (row["advertiserId"].as_u64().expect("an id"), row["publisherId"].as_u64().expect("an id"));
        let sum = sums.entry(key).or_insert_with(|| vec![decimal("0"); FIGURES.len()]);
        for (sum, figure) in sum.iter_mut().zip(FIGURES) {
            *sum += decimal(&row[figure].to_string());
        }
    }
    let texts = sums.into_iter().map(|(key, sum)| (key, sum.iter().map(|it| it.normalize().to_string()).collect()));
    texts.filter(|(_, sum): &(_, Vec<String>)| sum.iter().any(|it| it != "0")).collect()
}

#[test]
fn the_creative_report_adds_up_to_the_publisher_report() {
    let sandbox = Sandbox::start(busy_world());
    for date_type in ["transaction", "validation"] {
        for day in days() {
            let more = format!("&timezone=Europe/Berlin&dateType={date_type}");
            let by_publisher = report(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher"), day, &more);
            let path = format!("/advertisers/{ADVERTISER}/reports/creative");
            let by_creative = report(&sandbox, &path, day, &format!("{more}&region=DE"));
            assert!(!by_publisher.is_empty() && by_creative.len() >= by_publisher.len());
            assert_eq!(sums(&by_publisher), sums(&by_creative));
            assert!(report(&sandbox, &path, day, &format!("{more}&region=GB")).is_empty());
        }
    }
}

#[test]
fn the_publishers_reports_add_up_to_each_other_and_to_the_advertisers() {
    let sandbox = Sandbox::start(busy_world());
    for day in days() {
        let regions = ["DE", "GB", "US"];
        let all = |report_name: &str| -> Vec<Value> {
            let path = format!("/publishers/{PUBLISHER}/reports/{report_name}");
            regions.iter().flat_map(|region| report(&sandbox, &path, day, &format!("&region={region}"))).collect()
        };
        let by_advertiser = sums(&all("advertiser"));
        assert_eq!(by_advertiser, sums(&all("creative")));
        let of_advertisers: Vec<Value> = [90_210, 90_211, 90_212]
            .iter()
            .flat_map(|id| report(&sandbox, &format!("/advertisers/{id}/reports/publisher"), day, ""))
            .filter(|row| row["publisherId"] == PUBLISHER)
            .collect();
        assert_eq!(by_advertiser, sums(&of_advertisers));
    }
}

#[test]
fn the_publisher_report_adds_up_from_the_transactions() {
    let sandbox = Sandbox::start(busy_world());
    for day in days() {
        let rows = report(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher"), day, "&timezone=US/Pacific");
        let world = sandbox.world();
        let sales = parsed(&world.truth_transactions(Kind::Advertiser, ADVERTISER, "US/Pacific", day, day, false));
        assert!(!sales.is_empty());
        let sum = |statuses: &[&str], amount: &str| {
            let of_status = |row: &&Value| statuses.contains(&row["commissionStatus"].as_str().unwrap_or_default());
            let amounts = sales.iter().filter(of_status).map(|row| decimal(&row[amount]["amount"].to_string()));
            amounts.sum::<Decimal>().normalize().to_string()
        };
        let reported = |figure: &str| {
            let figures = rows.iter().map(|row| decimal(&row[figure].to_string()));
            figures.sum::<Decimal>().normalize().to_string()
        };
        assert_eq!(reported("totalValue"), sum(&["pending", "approved"], "saleAmount"));
        assert_eq!(reported("totalComm"), sum(&["pending", "approved"], "commissionAmount"));
        assert_eq!(reported("pendingValue"), sum(&["pending"], "saleAmount"));
        assert_eq!(reported("declinedComm"), sum(&["declined"], "commissionAmount"));
    }
}

#[test]
fn each_status_is_counted_in_its_own_column_and_deleted_ones_nowhere() {
    let decided = instant("2026-02-10T00:00:00Z");
    let sandbox = sandbox(|world| {
        let reason = "no".to_owned();
        world.sales.push(sale(1, "2026-01-10T00:00:00Z"));
        world.sales.push(sale(2, "2026-01-10T00:00:00Z").then(decided, Event::Approve));
        world.sales.push(sale(3, "2026-01-10T00:00:00Z").then(decided, Event::Decline { reason }));
        world.sales.push(sale(4, "2026-01-10T00:00:00Z").then(decided, Event::Delete));
        let mut bonus = sale(5, "2026-01-10T00:00:00Z").then(decided, Event::Approve);
        bonus.bonus = true;
        world.sales.push(bonus);
        world.creatives.clear();
    });
    let numbers = |day: &str, date_type: &str| -> Vec<Vec<String>> {
        let path = format!("/advertisers/{ADVERTISER}/reports/publisher");
        let rows = report(&sandbox, &path, day.parse().expect("a day"), &format!("&dateType={date_type}"));
        let kinds = ["pendingNo", "confirmedNo", "bonusNo", "totalNo", "declinedNo", "totalValue"];
        rows.iter().map(|row| kinds.map(|kind| row[kind].to_string()).to_vec()).collect()
    };
    assert_eq!(numbers("2026-01-10", "transaction"), [["1", "1", "1", "3", "1", "300.0"]]);
    assert_eq!(numbers("2026-02-10", "validation"), [["0", "1", "1", "2", "1", "200.0"]]);
    assert!(numbers("2026-01-10", "validation").is_empty());
    assert!(numbers("2026-02-10", "transaction").is_empty());
}

#[test]
fn a_late_change_shows_on_the_old_day() {
    let sandbox = sandbox(|world| {
        world.creatives.clear();
        let reason = "no".to_owned();
        let declined = sale(1, "2025-12-01T00:00:00Z").then(instant("2026-03-11T00:00:00Z"), Event::Decline { reason });
        world.sales.push(declined);
    });
    let numbers = || {
        let day = "2025-12-01".parse().expect("a day");
        let row = report(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher"), day, "").remove(0);
        [row["pendingNo"].clone(), row["declinedNo"].clone()]
    };
    assert_eq!(numbers(), [1, 0]);
    sandbox.world().clock.advance(chrono::TimeDelta::days(1));
    assert_eq!(numbers(), [0, 1]);
}

#[test]
fn a_range_is_the_sum_of_its_days_and_includes_both_ends() {
    let sandbox = Sandbox::start(busy_world());
    let path = format!("/advertisers/{ADVERTISER}/reports/publisher");
    let whole = get(&sandbox, &format!("{path}?startDate=2026-02-01&endDate=2026-02-03")).rows();
    let days = ["2026-02-01", "2026-02-02", "2026-02-03"].map(|day| day.parse().expect("a day"));
    let single: Vec<Value> = days.into_iter().flat_map(|day| report(&sandbox, &path, day, "")).collect();
    assert_eq!(sums(&whole), sums(&single));
}

#[test]
fn idle_partners_are_listed_by_advertiser_but_not_by_publisher() {
    let sandbox = sandbox(|world| world.creatives.clear());
    let day = "2026-02-01".parse().expect("a day");
    assert!(report(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher"), day, "").is_empty());
    let rows = report(&sandbox, &format!("/publishers/{PUBLISHER}/reports/advertiser"), day, "&region=DE");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["advertiserId"], &rows[0]["totalNo"]), (&ADVERTISER.into(), &0.into()));
    assert_eq!(rows[0]["totalValue"].to_string(), "0.0");
}

#[test]
fn there_is_no_traffic_before_its_begin_nor_after_now() {
    let sandbox = Sandbox::start(busy_world());
    sandbox.world().sales = awin_sandbox::Sales::default();
    let rows = |start: &str, end: &str| {
        get(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher?startDate={start}&endDate={end}")).rows().len()
    };
    assert_eq!((rows("2024-01-01", "2025-11-09"), rows("2026-03-11", "2026-12-31")), (0, 0));
    assert_eq!(rows("2025-11-10", "2026-03-10"), 3);
}

#[test]
fn the_rows_of_a_day_are_the_truth() {
    let sandbox = Sandbox::start(busy_world());
    for day in days() {
        for date_type in [DateType::Transaction, DateType::Validation] {
            let name = if date_type == DateType::Transaction { "transaction" } else { "validation" };
            let more = format!("&timezone=Europe/Helsinki&dateType={name}");
            let zone = "Europe/Helsinki";
            let answered =
                report(&sandbox, &format!("/publishers/{PUBLISHER}/reports/creative"), day, &format!("{more}&region=GB"));
            let world = sandbox.world();
            let truth = |report, kind, id, region| parsed(&world.truth_report(report, kind, id, region, day, date_type, zone));
            assert_eq!(sorted(answered), sorted(truth(Report::Creative, Kind::Publisher, PUBLISHER, Some("GB"))));
            let all = truth(Report::Creative, Kind::Publisher, PUBLISHER, None);
            let regions = ["DE", "GB", "US"].map(|region| truth(Report::Creative, Kind::Publisher, PUBLISHER, Some(region)));
            assert_eq!(sorted(all), sorted(regions.concat()));
        }
    }
}
