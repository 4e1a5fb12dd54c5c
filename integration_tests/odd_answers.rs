//! Answers that Awin is not known to give, and what becomes of them: never a broken line, never a row lost in silence.

use awin_sandbox::{Fault, FaultBody, FaultKind, Sandbox};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::connector::catalog;
use crate::support::echo::{Echo, answer};
use crate::support::protocol::assert_valid;
use crate::support::setup::{connector, row, sandbox, serving, world};
use crate::support::{Connector, Output};

/// The stamps of the transactions that come of these rows.
fn stamps(body: &str, config: &[(&str, Value)]) -> (Vec<String>, Output) {
    let sandbox = serving(body);
    let mut connector = connector(&sandbox).with("advertiser_ids", "90210");
    for (key, value) in config {
        connector.config[key] = value.clone();
    }
    let output = connector.read(&["transactions"], None);
    assert_valid(&output);
    let text = |row: &serde_json::Map<String, Value>| row["transactionDate"].as_str().unwrap_or_default().to_owned();
    (output.records("transactions").iter().map(text).collect(), output)
}

fn dated(id: u64, stamp: &str) -> String {
    format!(r#"{{"id":{id},"transactionDate":"{stamp}","commissionStatus":"pending"}}"#)
}

#[test]
fn a_row_belongs_where_its_stamp_lies_in_the_configured_zone() {
    let rows = [
        dated(1, "2026-11-15T23:30:00Z"),
        dated(2, "2026-11-16T00:30:00+03:00"),
        dated(3, " 2026-11-16 10:00:00"),
        dated(4, "2026-11-17T10:00"),
        dated(5, "2026-11-18"),
    ];
    let body = format!("[{}]", rows.join(","));
    let (found, output) = stamps(&body, &[("timezone", json!("Europe/Berlin"))]);
    let output = output.ok();
    assert_eq!(found, ["2026-11-16T00:30:00", "2026-11-16T10:00:00", "2026-11-17T10:00:00", "2026-11-18T00:00:00"]);
    assert!(
        output.logs("INFO").iter().any(|log| log.contains("rows of `transactions` outside the configured dates")),
        "{output:?}"
    );
    // A month of one digit is none of the forms of a stamp, but a date all the same.
    let (found, output) = stamps(&format!("[{}]", dated(1, "2026-11-9")), &[("start_date", json!("2026-11-01"))]);
    assert_eq!((found, output.code), (vec!["2026-11-09T00:00:00".to_owned()], Some(0)));
}

#[test]
fn a_moment_outside_of_the_calendar_is_nulled_and_marked() {
    for stamp in ["2026-02-30T10:00:00", "2026-09-45T99:99:99"] {
        let body = format!("[{}]", row(1, &format!(r#","validationDate":"{stamp}""#)));
        let (found, output) = stamps(&body, &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(output.records("transactions")[0]["validationDate"], json!(null));
        let record = &output.of_type("RECORD")[0]["record"];
        assert_eq!(record["meta"]["changes"][0]["field"], "validationDate", "{record}");
    }
    let (found, output) = stamps(&format!("[{}]", dated(1, "2026-02-30T10:00:00")), &[]);
    assert_eq!((found.len(), output.code), (0, Some(1)));
    assert!(output.errors()[0].2.contains("no `transactionDate` that is a date"), "{:?}", output.errors());
}

#[test]
fn half_a_surrogate_pair_is_replaced_and_marked() {
    let odd = r#","declineReason":"a\ud83d","voucherCode":"\ude00b","orderRef":"\ud83d\ude00 \\ud83d","new":{"x":"\uDBFF"}"#;
    let (found, output) = stamps(&format!("[{}]", row(1, odd)), &[]);
    assert_eq!(found.len(), 1);
    let record = &output.of_type("RECORD")[0]["record"];
    let data = &record["data"];
    assert_eq!(
        [&data["declineReason"], &data["voucherCode"], &data["orderRef"], &data["otherFields"]["new"]["x"]],
        ["a\u{fffd}", "\u{fffd}b", "\u{1f600} \\ud83d", "\u{fffd}"]
    );
    let changes = record["meta"]["changes"].as_array().expect("changes");
    let mut fields: Vec<&str> = changes.iter().filter_map(|change| change["field"].as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["declineReason", "otherFields", "voucherCode"]);
}

/// Parts of a key that are no scalars.
#[test]
fn a_row_id_holds_scalars_only() {
    for odd in [r#""tagName":{"a":"b"}"#, r#""tagName":["a"]"#, r#""currency":{"q":"\"z"}"#, r#""tagName":"\ud83d""#] {
        let sandbox = sandbox();
        let body = format!(r#"[{{"advertiserId":90210,"publisherId":500321,"creativeId":5,{odd}}}]"#);
        sandbox.world().faults.push(Fault::on("/reports/creative", FaultKind::WrongShape(body)));
        let connector = connector(&sandbox).with("advertiser_ids", "90210");
        let output = connector.read(&["stats_by_creative"], None).ok();
        assert_valid(&output);
        assert!(!output.records("stats_by_creative").is_empty(), "{odd}");
    }
    let sandbox = sandbox();
    let body = r#"[{"date":{"year":"2026"},"publisherId":500321,"campaign":"x"}]"#.to_owned();
    sandbox.world().faults.push(Fault::on("/reports/campaign", FaultKind::WrongShape(body)));
    let output = connector(&sandbox).with("advertiser_ids", "90210").read(&["stats_by_campaign"], None);
    assert_valid(&output);
    assert_eq!(output.code, Some(1));
}

/// A list of queries that is not cut into pages, whatever is asked.
#[test]
fn pages_that_do_not_turn_come_to_an_end() {
    for (rows, pages) in [(500, 2), (501, 1), (499, 1)] {
        let query = |id: u64| format!(r#"{{"enquiryId":{id},"enquiryDate":"2026-11-18T10:00:00","enquiryStatus":"pending"}}"#);
        let body = format!("[{}]", (0..rows).map(query).collect::<Vec<_>>().join(","));
        let server = Echo::start(move |_, _| answer(200, "content-type: application/json\r\n", &body));
        let sandbox = sandbox();
        let connector = connector(&sandbox).with("publisher_ids", "500321").with("api_url", server.url());
        let full = catalog(&["transaction_queries"], "full_refresh");
        let output = Output::of(&mut connector.read_command(&full, None)).ok();
        assert_eq!(output.records("transaction_queries").len() as u64, rows);
        assert_eq!(server.asked().len(), pages, "{rows} rows");
    }
}

/// Pages that do not add up to what Awin says there is. Page 1 holds two queries.
#[test]
fn pages_that_hold_less_than_awin_says_are_an_error() {
    let page = |ids: std::ops::Range<u64>, pages: u32, rows: usize| {
        let query = |id: u64| format!(r#"{{"enquiryId":{id},"enquiryDate":"2026-11-18T10:00:00","enquiryStatus":"pending"}}"#);
        let items = ids.map(query).collect::<Vec<_>>().join(",");
        let body = format!(r#"{{"pageItems":[{items}],"totalPagesAvailable":{pages},"totalRowsAvailable":{rows}}}"#);
        answer(200, "content-type: application/json\r\n", &body)
    };
    // What each call is answered; the last answer goes on.
    let cases: [(&str, Vec<String>, Option<i32>); 7] = [
        ("whole", vec![page(0..2, 2, 3), page(2..3, 2, 3)], Some(0)),
        ("a row came once", vec![page(0..2, 2, 3), page(2..4, 2, 4), page(0..2, 2, 4), page(2..4, 2, 4)], Some(0)),
        ("no content", vec![page(0..2, 2, 3), answer(204, "", "")], Some(1)),
        ("an empty page", vec![page(0..2, 3, 5), page(0..0, 3, 5), page(2..5, 3, 5)], Some(1)),
        ("the same page", vec![page(0..2, 2, 3), page(0..2, 2, 3)], Some(1)),
        ("a short last page", vec![page(0..2, 2, 5), page(2..3, 2, 5)], Some(1)),
        ("never still", (2..20).map(|rows| page(0..2, 2, rows)).collect(), Some(1)),
    ];
    for (name, answers, code) in cases {
        let server = Echo::start(move |_, before| answers[before.min(answers.len() - 1)].clone());
        let sandbox = sandbox();
        let connector = connector(&sandbox).with("publisher_ids", "500321").with("api_url", server.url());
        let full = catalog(&["transaction_queries"], "full_refresh");
        let output = Output::of(&mut connector.read_command(&full, None));
        assert_valid(&output);
        assert_eq!(output.code, code, "{name}: {:?}", output.errors());
        assert_eq!(output.errors().len(), usize::from(code == Some(1)), "{name}");
    }
}

#[test]
fn a_market_that_is_refused_does_not_hold_up_the_others() {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("region=DE", FaultKind::Status(400, FaultBody::Json)));
    let connector = connector(&sandbox).with("publisher_ids", "500321").with("regions", json!(["DE", "GB", "US"]));
    let output = connector.read(&["stats_by_advertiser"], None);
    let errors = output.errors();
    assert_eq!((output.code, errors.len(), errors[0].1.as_str()), (Some(1), 1, "system_error"), "{errors:?}");
    let regions: std::collections::BTreeSet<String> =
        output.records("stats_by_advertiser").iter().filter_map(|row| Some(row["region"].as_str()?.to_owned())).collect();
    assert_eq!(regions.into_iter().collect::<Vec<_>>(), ["GB", "US"]);
}

#[test]
fn a_programme_that_is_refused_does_not_hold_up_the_others() {
    let refused = FaultKind::Status(400, FaultBody::Json);
    for (kind, code) in [(refused, Some(1)), (FaultKind::Status(204, FaultBody::Empty), Some(0))] {
        for (stream, key) in [("programme_details", "advertiserId"), ("commission_groups", "advertiserId")] {
            let sandbox = Sandbox::start(world());
            let connector = connector(&sandbox).with("publisher_ids", "500321");
            let ids = |output: &Output| -> Vec<u64> {
                let mut ids: Vec<u64> = output.records(stream).iter().filter_map(|row| row[key].as_u64()).collect();
                ids.dedup();
                ids
            };
            let mut wanted = ids(&connector.read(&[stream], None).ok());
            sandbox.world().faults.push(Fault::on(&format!("advertiserId={}", wanted[0]), kind.clone()));
            let output = connector.read(&[stream], None);
            assert_eq!(output.code, code, "{:?}", output.errors());
            wanted.remove(0);
            assert_eq!(ids(&output), wanted, "{stream}");
        }
    }
}

#[test]
fn a_list_of_accounts_that_cannot_be_read_holds_up_its_own_stream_only() {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("/accounts", FaultKind::Status(500, FaultBody::Json)));
    let mut connector = connector(&sandbox).with("advertiser_ids", "90210");
    connector.minute_ms = 100;
    let output = connector.read(&["accounts", "transactions"], None);
    assert_eq!(output.statuses("accounts").last().map(String::as_str), Some("INCOMPLETE"));
    assert_eq!(output.statuses("transactions").last().map(String::as_str), Some("COMPLETE"));
    assert!(!output.records("transactions").is_empty());
    assert_eq!((output.code, output.errors().len()), (Some(1), 1));
}

/// However long Awin does not offer it.
#[test]
fn amendments_that_are_not_offered_cost_one_call_a_sync() {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("dateType=amendment", FaultKind::Status(400, FaultBody::Json)));
    let mut connector: Connector = connector(&sandbox).with("advertiser_ids", "90210");
    let first = connector.read(&["transactions"], None).ok();
    sandbox.world().clock.advance(TimeDelta::days(200));
    connector.sees_clock_of(&sandbox);
    sandbox.clear_calls();
    let second = connector.read(&["transactions"], Some(&first.state())).ok();
    let asked = sandbox.calls().iter().filter(|call| call.param("dateType") == Some("amendment")).count();
    assert_eq!((asked, second.logs("WARN").len()), (1, 1), "{:?}", second.logs("WARN"));
}

/// The first half of a window is kept if the second one fails.
#[test]
fn halves_are_committed_as_they_are_read() {
    let sandbox = sandbox();
    let mut connector: Connector = connector(&sandbox).with("advertiser_ids", "90210").with("start_date", "2026-11-01");
    connector.minute_ms = 60;
    // From the 1st to the 20th 15:30; the half is the 10th, 19:00.
    let whole = Fault::on("startDate=2026-11-01T00%3A00%3A00&endDate=2026-11-20", FaultKind::Hang);
    let second = Fault::on("startDate=2026-11-10T19", FaultKind::Status(400, FaultBody::Json));
    sandbox.world().faults.extend([whole, second]);
    let output = connector.read(&["transactions"], None);
    assert_eq!(output.code, Some(1));
    let states = output.states("transactions");
    let account = &states.last().expect("a state")["stream"]["stream_state"]["accounts"][0];
    assert_eq!(account["through"], "2026-11-10T19:00:00Z", "{account}");
    assert!(!output.records("transactions").is_empty());
    sandbox.world().faults.clear();
    sandbox.clear_calls();
    connector.read(&["transactions"], Some(&output.state())).ok();
    // One window of the look-back, which begins before the half.
    let main = sandbox
        .calls()
        .iter()
        .filter(|call| call.param("status").is_none() && call.param("dateType") == Some("transaction"))
        .count();
    assert_eq!(main, 1);
}
