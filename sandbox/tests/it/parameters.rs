//! Parameters that are refused.

use awin_sandbox::{REPORT_ZONES, TRANSACTION_ZONES};

use crate::support::{ADVERTISER, PUBLISHER, get, sandbox};

const WINDOW: &str = "startDate=2026-03-01T00:00:00&endDate=2026-03-02T00:00:00";
const DAYS: &str = "startDate=2026-03-01&endDate=2026-03-02";

/// The paths of all endpoints, each with parameters that are in order.
fn good_calls() -> Vec<String> {
    vec![
        "/accounts?type=advertiser".to_owned(),
        format!("/advertisers/{ADVERTISER}/transactions/?{WINDOW}&dateType=transaction&status=pending&publisherId=1,2"),
        format!("/publishers/{PUBLISHER}/transactions/?{WINDOW}&showBasketProducts=false&advertiserId=1"),
        format!("/advertisers/{ADVERTISER}/transactions?ids=1,2&timezone=UTC"),
        format!("/advertisers/{ADVERTISER}/reports/publisher?{DAYS}&dateType=validation"),
        format!("/advertisers/{ADVERTISER}/reports/creative?{DAYS}&region=DE"),
        format!("/publishers/{PUBLISHER}/reports/creative?{DAYS}&region=BU"),
        format!("/publishers/{PUBLISHER}/reports/advertiser?{DAYS}&region=GB"),
        format!("/advertisers/{ADVERTISER}/reports/campaign?{DAYS}&interval=day&includeNumbersWithoutCampaign=true"),
        format!("/publishers/{PUBLISHER}/reports/campaign?{DAYS}&region=ZA&campaign=spr&advertiserIds=1"),
        format!("/publisher/{PUBLISHER}/transactionqueries?{WINDOW}&statuses=pending,approved&pageNumber=1&pageSize=500"),
        format!("/advertisers/{ADVERTISER}/publishers?"),
        format!("/publishers/{PUBLISHER}/programmes?relationship=joined&countryCode=DE"),
        format!("/publishers/{PUBLISHER}/programmedetails?advertiserId={ADVERTISER}&relationship=any"),
        format!("/publishers/{PUBLISHER}/commissiongroups?advertiserId={ADVERTISER}&effectiveDate=2026-03-01T00:00:00Z"),
    ]
}

#[test]
fn good_calls_are_answered() {
    let sandbox = sandbox(|_| {});
    for call in good_calls() {
        let answer = get(&sandbox, &call);
        assert_eq!(answer.status, 200, "{call}: {}", answer.body);
    }
}

#[test]
fn an_unknown_name_is_refused_everywhere_unless_the_rules_say_otherwise() {
    let sandbox = sandbox(|_| {});
    for call in good_calls() {
        for name in ["limit", "timezone%09", "StartDate"] {
            assert_eq!(get(&sandbox, &format!("{call}&{name}=1")).status, 400, "{call} {name}");
        }
    }
    assert!(get(&sandbox, "/accounts?type%09=advertiser").description().contains("'type\\t'"));
    sandbox.world().rules.strict_parameter_names = false;
    for call in good_calls() {
        assert_eq!(get(&sandbox, &format!("{call}&limit=1")).status, 200, "{call}");
    }
}

#[test]
fn a_name_that_comes_twice_is_refused_everywhere() {
    let sandbox = sandbox(|_| {});
    for call in good_calls() {
        let Some(first) = call.split_once('?').and_then(|(_, query)| query.split('&').next()) else {
            continue;
        };
        if !first.is_empty() {
            assert_eq!(get(&sandbox, &format!("{call}&{first}")).status, 400, "{call}");
        }
    }
}

#[test]
fn what_is_mandatory_must_be_there() {
    let sandbox = sandbox(|_| {});
    for (path, mandatory) in [
        (format!("/advertisers/{ADVERTISER}/transactions/?{WINDOW}"), vec!["startDate", "endDate"]),
        (format!("/publisher/{PUBLISHER}/transactionqueries?{WINDOW}"), vec!["startDate", "endDate"]),
        (format!("/advertisers/{ADVERTISER}/reports/publisher?{DAYS}"), vec!["startDate", "endDate"]),
        (format!("/advertisers/{ADVERTISER}/reports/creative?{DAYS}&region=DE"), vec!["startDate", "endDate", "region"]),
        (format!("/publishers/{PUBLISHER}/reports/creative?{DAYS}&region=DE"), vec!["startDate", "endDate", "region"]),
        (format!("/publishers/{PUBLISHER}/reports/advertiser?{DAYS}&region=DE"), vec!["startDate", "endDate", "region"]),
        (format!("/publishers/{PUBLISHER}/reports/campaign?{DAYS}&region=DE"), vec!["startDate", "endDate", "region"]),
        (format!("/advertisers/{ADVERTISER}/reports/campaign?{DAYS}"), vec!["startDate", "endDate"]),
        (format!("/publishers/{PUBLISHER}/programmedetails?advertiserId={ADVERTISER}"), vec!["advertiserId"]),
        (format!("/publishers/{PUBLISHER}/commissiongroups?advertiserId={ADVERTISER}"), vec!["advertiserId"]),
    ] {
        assert_eq!(get(&sandbox, &path).status, 200, "{path}");
        for name in mandatory {
            let (path, query) = path.split_once('?').expect("a query");
            let others: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with(name)).collect();
            let answer = get(&sandbox, &format!("{path}?{}", others.join("&")));
            assert_eq!(answer.status, 400, "{path} without {name}");
            assert_eq!(answer.json()["error"], "invalid.userinput");
        }
    }
}

#[test]
fn a_missing_or_unknown_region_is_refused_in_awins_words() {
    let sandbox = sandbox(|_| {});
    let path = format!("/publishers/{PUBLISHER}/reports/advertiser?{DAYS}");
    for (more, shown) in [("", ""), ("&region=", ""), ("&region=XX", "XX"), ("&region=de", "de"), ("&region=DE,GB", "DE,GB")] {
        let answer = get(&sandbox, &format!("{path}{more}"));
        assert_eq!(answer.status, 400);
        let text = format!("invalid region code list, expecting sth. like [FR,CA,DE]: [{shown}]");
        assert_eq!(answer.description(), text);
    }
    assert_eq!(get(&sandbox, &format!("{path}&region=JP")).status, 400, "only the campaign report knows it");
    assert_eq!(get(&sandbox, &format!("/publishers/{PUBLISHER}/reports/campaign?{DAYS}&region=JP")).status, 200);
    let no_region_here = format!("/advertisers/{ADVERTISER}/reports/publisher?{DAYS}&region=DE");
    assert_eq!(get(&sandbox, &no_region_here).status, 400);
    let no_region_here = format!("/advertisers/{ADVERTISER}/reports/campaign?{DAYS}&region=DE");
    assert_eq!(get(&sandbox, &no_region_here).status, 400);
}

#[test]
fn reports_take_sixteen_zones_and_transactions_thirteen() {
    let sandbox = sandbox(|_| {});
    let answers = |path: &str, zone: &str| get(&sandbox, &format!("{path}&timezone={zone}")).status == 200;
    let transactions = format!("/advertisers/{ADVERTISER}/transactions/?{WINDOW}");
    let by_ids = format!("/advertisers/{ADVERTISER}/transactions/?ids=1");
    let queries = format!("/publisher/{PUBLISHER}/transactionqueries?{WINDOW}");
    let report = format!("/advertisers/{ADVERTISER}/reports/publisher?{DAYS}");
    let campaign = format!("/advertisers/{ADVERTISER}/reports/campaign?{DAYS}");
    for zone in REPORT_ZONES {
        assert!(answers(&report, zone) && answers(&campaign, zone), "{zone}");
        for path in [&transactions, &by_ids, &queries] {
            assert_eq!(answers(path, zone), TRANSACTION_ZONES.contains(&zone), "{path} {zone}");
        }
    }
    assert_eq!(TRANSACTION_ZONES.len(), 13);
    for zone in ["GMT", "Asia/Tokyo", "utc", ""] {
        assert!(!answers(&report, zone) && !answers(&transactions, zone), "{zone}");
    }
}

#[test]
fn words_and_numbers_outside_their_lists_are_refused() {
    let sandbox = sandbox(|_| {});
    let transactions = format!("/advertisers/{ADVERTISER}/transactions/?{WINDOW}");
    let queries = format!("/publisher/{PUBLISHER}/transactionqueries?{WINDOW}");
    let report = format!("/advertisers/{ADVERTISER}/reports/publisher?{DAYS}");
    let campaign = format!("/advertisers/{ADVERTISER}/reports/campaign?{DAYS}");
    for (path, bad) in [
        (&transactions, "dateType=transactionDate"),
        (&transactions, "status=Pending"),
        (&transactions, "status=pending,approved"),
        (&transactions, "status="),
        (&transactions, "showBasketProducts=1"),
        (&transactions, "publisherId=a"),
        (&transactions, "publisherId=1,"),
        (&transactions, "advertiserId=1"),
        (&queries, "dateType=transaction"),
        (&queries, "statuses=deleted"),
        (&queries, "pageNumber=0"),
        (&queries, "pageSize=0"),
        (&queries, "pageSize=501"),
        (&queries, "pageSize=-1"),
        (&report, "dateType=amendment"),
        (&campaign, "dateType=transaction"),
        (&campaign, "interval=week"),
        (&campaign, "campaign=ab"),
        (&campaign, "includeNumbersWithoutCampaign=yes"),
    ] {
        assert_eq!(get(&sandbox, &format!("{path}&{bad}")).status, 400, "{bad}");
    }
    for path in [
        "/accounts?type=Advertiser".to_owned(),
        format!("/advertisers/{ADVERTISER}/transactions?ids="),
        format!("/advertisers/{ADVERTISER}/transactions?ids=1&{WINDOW}"),
        format!("/publishers/{PUBLISHER}/programmes?relationship=active"),
        format!("/publishers/{PUBLISHER}/programmes?relationship=joined&includeHidden=true"),
        format!("/publishers/{PUBLISHER}/programmes?countryCode=de"),
        format!("/publishers/{PUBLISHER}/programmedetails?advertiserId=x"),
        format!("/publishers/{PUBLISHER}/commissiongroups?advertiserId={ADVERTISER}&effectiveDate=2026-03-01"),
    ] {
        assert_eq!(get(&sandbox, &path).status, 400, "{path}");
    }
}

#[test]
fn dates_must_have_the_one_form_of_their_endpoint() {
    let sandbox = sandbox(|_| {});
    for start in ["2026-03-01", "2026-03-01T00:00:00Z", "2026-03-01T00:00", "2026-02-30T00:00:00", "2026-03-01%2000:00:00"] {
        let query = format!("startDate={start}&endDate=2026-03-02T00:00:00");
        assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/transactions/?{query}")).status, 400, "{start}");
        assert_eq!(get(&sandbox, &format!("/publisher/{PUBLISHER}/transactionqueries?{query}")).status, 400, "{start}");
    }
    for start in ["2026-03-01T00:00:00", "2026-2-1", "2026-02-29", "01.02.2026", ""] {
        let query = format!("startDate={start}&endDate=2026-03-02");
        assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher?{query}")).status, 400, "{start}");
        assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/campaign?{query}")).status, 400, "{start}");
    }
    let encoded = "startDate=2026-03-01T00%3A00%3A00&endDate=2026-03-02T00%3A00%3A00";
    assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/transactions/?{encoded}")).status, 200);
}

#[test]
fn the_start_must_not_lie_after_the_end() {
    let sandbox = sandbox(|_| {});
    let times = "startDate=2026-03-02T00:00:01&endDate=2026-03-02T00:00:00";
    let days = "startDate=2026-03-02&endDate=2026-03-01";
    for path in [
        format!("/advertisers/{ADVERTISER}/transactions/?{times}"),
        format!("/publisher/{PUBLISHER}/transactionqueries?{times}"),
        format!("/advertisers/{ADVERTISER}/reports/publisher?{days}"),
        format!("/advertisers/{ADVERTISER}/reports/campaign?{days}"),
    ] {
        let answer = get(&sandbox, &path);
        assert_eq!((answer.status, answer.description().as_str()), (400, "endDate cannot be before startDate"));
    }
    let moment = "startDate=2026-03-02T00:00:00&endDate=2026-03-02T00:00:00";
    assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/transactions/?{moment}")).status, 200);
}
