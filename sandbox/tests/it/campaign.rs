//! The campaign report.

use awin_sandbox::{Decimal, Kind, Sandbox, decimal};
use chrono::NaiveDate;
use serde_json::Value;

use crate::support::{ADVERTISER, PUBLISHER, busy_world, get, parsed, sale, sandbox, sorted};

fn result(sandbox: &Sandbox, path_and_query: &str) -> Vec<Value> {
    let answer = get(sandbox, path_and_query);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["result"].as_array().expect("a result").clone()
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

/// The sum of a figure that is a number in reports and a text here.
fn sum<'a>(rows: impl IntoIterator<Item = &'a Value>, path: &str) -> String {
    let figure = |row: &Value| row.pointer(path).map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
    let figures = rows.into_iter().map(|row| decimal(&figure(row).expect("a figure")));
    figures.sum::<Decimal>().normalize().to_string()
}

#[test]
fn it_adds_up_to_the_other_reports_if_numbers_without_campaign_are_included() {
    let sandbox = Sandbox::start(busy_world());
    let range = "startDate=2026-01-01&endDate=2026-01-31&timezone=Europe/Berlin";
    let more = "includeNumbersWithoutCampaign=true&interval=day";
    let advertiser = result(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/campaign?{range}&{more}"));
    let by_publisher = get(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher?{range}")).rows();
    let publisher = result(&sandbox, &format!("/publishers/{PUBLISHER}/reports/campaign?{range}&{more}&region=GB"));
    let by_advertiser = get(&sandbox, &format!("/publishers/{PUBLISHER}/reports/advertiser?{range}&region=GB")).rows();
    for (campaigns, report) in [(&advertiser, &by_publisher), (&publisher, &by_advertiser)] {
        for (path, figure) in [
            ("/totals/quantity/click", "/clicks"),
            ("/totals/quantity/total", "/totalNo"),
            ("/totals/saleAmount/pending", "/pendingValue"),
            ("/totals/saleAmount/approved", "/confirmedValue"),
            ("/totals/saleAmount/total", "/totalValue"),
            ("/totals/commissionAmount/declined", "/declinedComm"),
            ("/totals/commissionAmount/bonus", "/bonusComm"),
        ] {
            assert_eq!(sum(campaigns, path), sum(report, figure), "{path}");
        }
    }
}

#[test]
fn ids_and_amounts_are_texts_and_there_is_no_date_without_interval() {
    let sandbox = sandbox(|world| {
        world.creatives.clear();
        let mut sale = sale(1, "2026-01-10T00:00:00Z");
        (sale.campaign, sale.sale) = (Some("spring".to_owned()), decimal("90"));
        world.sales.push(sale);
    });
    let range = "startDate=2026-01-01&endDate=2026-01-31";
    let rows = result(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/campaign?{range}"));
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((&row["publisherId"], &row["campaign"]), (&PUBLISHER.to_string().into(), &"spring".into()));
    assert_eq!((row.get("date"), &row["totals"]["saleAmount"]["total"]), (None, &"90.00".into()));
    assert_eq!(row["totals"]["quantity"]["pending"], 1);
    assert!(row["totals"]["saleAmount"].get("click").is_none());
    let publisher = result(&sandbox, &format!("/publishers/{PUBLISHER}/reports/campaign?{range}&region=DE"));
    assert_eq!(publisher[0]["advertiserId"], ADVERTISER.to_string());
    assert!(result(&sandbox, &format!("/publishers/{PUBLISHER}/reports/campaign?{range}&region=FR")).is_empty());
}

#[test]
fn intervals_begin_at_the_range_and_then_at_days_months_or_years() {
    let sandbox = sandbox(|world| {
        world.creatives.clear();
        for (id, created) in [(1, "2025-12-10T12:00:00Z"), (2, "2025-12-31T12:00:00Z"), (3, "2026-01-02T12:00:00Z")] {
            let mut sale = sale(id, created);
            sale.campaign = Some("spring".to_owned());
            world.sales.push(sale);
        }
    });
    let dates = |interval: &str| {
        let query = format!("startDate=2025-12-05&endDate=2026-02-28&interval={interval}");
        let rows = result(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/campaign?{query}"));
        let mut dates: Vec<String> = rows.iter().map(|row| row["date"].as_str().unwrap_or_default().to_owned()).collect();
        dates.sort_unstable();
        dates
    };
    assert_eq!(dates("day"), ["2025-12-10", "2025-12-31", "2026-01-02"]);
    assert_eq!(dates("month"), ["2025-12-05", "2026-01-01"]);
    assert_eq!(dates("year"), ["2025-12-05", "2026-01-01"]);
}

#[test]
fn campaigns_can_be_asked_by_prefix_and_partner_and_none_is_no_campaign() {
    let sandbox = sandbox(|world| {
        world.creatives.clear();
        for (id, campaign, publisher) in
            [(1, Some("spring"), PUBLISHER), (2, Some("sprint"), 600_001), (3, Some("fall"), PUBLISHER), (4, None, PUBLISHER)]
        {
            let mut sale = sale(id, "2026-01-10T00:00:00Z");
            (sale.campaign, sale.publisher_id) = (campaign.map(str::to_owned), publisher);
            world.sales.push(sale);
        }
    });
    let campaigns = |more: &str| {
        let query = format!("startDate=2026-01-01&endDate=2026-01-31{more}");
        let rows = result(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/campaign?{query}"));
        let mut names: Vec<String> = rows.iter().map(|row| row["campaign"].as_str().unwrap_or_default().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(campaigns(""), ["fall", "spring", "sprint"]);
    assert_eq!(campaigns("&campaign=spri"), ["spring", "sprint"]);
    assert_eq!(campaigns("&publisherIds=600001"), ["sprint"]);
    assert_eq!(campaigns("&includeNumbersWithoutCampaign=true"), ["", "fall", "spring", "sprint"]);
    assert_eq!(campaigns("&includeNumbersWithoutCampaign=true&campaign=fall"), ["fall"]);
}

#[test]
fn a_range_has_at_most_400_days() {
    let sandbox = sandbox(|_| {});
    let status = |end: &str| {
        get(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/campaign?startDate=2025-01-01&endDate={end}")).status
    };
    assert_eq!((status("2026-02-04"), status("2026-02-05")), (200, 400));
}

#[test]
fn the_rows_by_day_are_the_truth() {
    let sandbox = Sandbox::start(busy_world());
    let query = "startDate=2026-01-10&endDate=2026-02-10&includeNumbersWithoutCampaign=true&interval=day&timezone=US/Eastern";
    let advertiser = result(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/campaign?{query}"));
    let publisher = result(&sandbox, &format!("/publishers/{PUBLISHER}/reports/campaign?{query}&region=GB"));
    let world = sandbox.world();
    let (from, to, zone) = (day("2026-01-10"), day("2026-02-10"), "US/Eastern");
    assert_eq!(sorted(advertiser), sorted(parsed(&world.truth_campaign(Kind::Advertiser, ADVERTISER, None, from, to, zone))));
    assert_eq!(sorted(publisher), sorted(parsed(&world.truth_campaign(Kind::Publisher, PUBLISHER, Some("GB"), from, to, zone))));
}
