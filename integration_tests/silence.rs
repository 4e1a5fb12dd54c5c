//! A run that does not get on: it shows that it is alive, ends, and says what it waited for. On a virtual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use source_awin::awin::Request;

use crate::support::connector::state_after;
use crate::support::protocol::assert_lives;
use crate::support::virtually::{Ran, Reply, Server, read};

const HOUR: Duration = Duration::from_secs(60 * 60);
const ALL: [&str; 11] = [
    "transactions",
    "stats_by_publisher",
    "stats_by_creative",
    "stats_by_advertiser",
    "stats_by_campaign",
    "transaction_queries",
    "accounts",
    "publishers",
    "programmes",
    "programme_details",
    "commission_groups",
];

/// Eight advertisers and eight publishers. What is not `/accounts` is answered by `rest`.
fn server(rest: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    let account = |id: u64, kind: &str| json!({"accountId": id, "accountName": format!("Account {id}"), "accountType": kind});
    let mut accounts: Vec<Value> = (1..9).map(|id| account(id, "advertiser")).collect();
    accounts.extend((11..19).map(|id| account(id, "publisher")));
    let accounts = json!({"userId": 1, "accounts": accounts}).to_string();
    Arc::new(move |request| if request.path == "/accounts" { Reply::Json(accounts.clone()) } else { rest(request) })
}

/// An answer as it should be, and empty where it can be.
fn healthy(request: &Request) -> Reply {
    let programme = |id: u64| json!({"id": id, "name": "P", "primaryRegion": {"countryCode": "DE"}, "currencyCode": "EUR"});
    let text = match request.path.rsplit('/').next().unwrap_or_default() {
        "programmes" => json!([programme(1), programme(2)]),
        "programmedetails" => json!({"programmeInfo": {"id": 1}}),
        "commissiongroups" => json!({"advertiser": 1, "publisher": 2, "commissionGroups": []}),
        "publisher" => json!([{"advertiserId": 1, "publisherId": 2, "region": "DE", "currency": "EUR"}]),
        _ => json!([]),
    };
    Reply::Json(text.to_string())
}

#[track_caller]
fn assert_alive_and_ended(ran: &Ran, streams: &[&str]) {
    let lines: Vec<Value> = ran.lines.iter().map(|(_, line)| line.clone()).collect();
    assert_lives(&lines);
    assert!(ran.longest_silence() < HOUR / 2, "silent for {:?} of {:?}", ran.longest_silence(), ran.took);
    for stream in streams {
        let ends = lines.iter().filter(|line| {
            let status = &line["trace"]["stream_status"];
            status["stream_descriptor"]["name"] == *stream
                && ["COMPLETE", "INCOMPLETE"].iter().any(|end| status["status"] == *end)
        });
        assert_eq!(ends.count(), 1, "`{stream}` ends");
    }
}

fn errors(ran: &Ran) -> Vec<String> {
    let errors = ran.lines.iter().filter_map(|(_, line)| line["trace"]["error"]["message"].as_str());
    errors.map(str::to_owned).collect()
}

#[test]
fn a_server_that_hangs_after_the_accounts_ends_every_stream_within_hours_and_is_never_silent_for_one() {
    for streams in [&ALL[..], &["publishers"], &["stats_by_creative"], &["programme_details", "commission_groups"]] {
        let ran = read(streams, &json!({}), None, server(|_| Reply::Hang));
        assert!(!ran.is_complete);
        assert_alive_and_ended(&ran, streams);
        // 45 minutes of patience for the run, and a few time-outs of two minutes for each stream after that.
        let few_minutes = HOUR / 60 * 8;
        assert!(ran.took < HOUR + few_minutes * u32::try_from(streams.len()).expect("few"), "{streams:?}: {:?}", ran.took);
    }
}

/// Where a server hangs; streams that suffer; streams that do not; what a message must name.
type Case = (fn(&Request) -> bool, &'static [&'static str], &'static [&'static str], &'static str);

#[test]
fn a_server_that_hangs_at_one_kind_of_call_holds_up_what_needs_it_and_nothing_else() {
    let is_look_up = |request: &Request| {
        let days: Vec<&String> =
            request.query.iter().filter(|(name, _)| name.ends_with("Date")).map(|(_, value)| value).collect();
        request.path.ends_with("/reports/publisher") && days.len() == 2 && days[0] != days[1]
    };
    let cases: [Case; 4] = [
        (is_look_up, &["stats_by_creative"], &["transactions", "stats_by_publisher", "publishers"], "The regions of advertiser"),
        (
            |request| request.path.ends_with("/programmes"),
            &["stats_by_advertiser"],
            &["transactions", "publishers"],
            "The regions of publisher",
        ),
        (
            |request| request.path.ends_with("/programmes"),
            &["programme_details", "commission_groups"],
            &["transactions", "publishers"],
            "The joined programmes of",
        ),
        (
            |request| request.path.contains("/reports/creative"),
            &["stats_by_creative"],
            &["transactions", "stats_by_publisher", "publishers", "programmes"],
            "`stats_by_creative` of",
        ),
    ];
    for (hangs, suffer, others, named) in cases {
        let streams: Vec<&str> = others.iter().chain(suffer).copied().collect();
        let ran =
            read(&streams, &json!({}), None, server(move |request| if hangs(request) { Reply::Hang } else { healthy(request) }));
        assert_alive_and_ended(&ran, &streams);
        let errors = errors(&ran);
        assert_eq!(errors.len(), suffer.len(), "{errors:#?}");
        assert!(errors.iter().all(|text| text.contains(named)), "{named}: {errors:#?}");
        // One sentence for all accounts with the same cause.
        assert!(errors.iter().all(|text| text.matches("could not be read").count() == 1), "{errors:#?}");
        for stream in others {
            let is_complete = ran.lines.iter().any(|(_, line)| {
                let status = &line["trace"]["stream_status"];
                status["stream_descriptor"]["name"] == *stream && status["status"] == "COMPLETE"
            });
            assert!(is_complete, "`{stream}` does not need what hangs at `{named}`");
        }
    }
}

/// In which region a partner sells only says which days need not be read.
#[test]
fn a_look_up_that_only_saves_calls_holds_up_nothing() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let hangs = server(move |request| {
        let value = |wanted: &str| request.query.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
        if request.path.ends_with("/reports/publisher") {
            count.fetch_add(1, Ordering::Relaxed);
            Reply::Hang
        } else if value("dateType") == Some("validation") && request.path.ends_with("/transactions/") {
            let sale = json!([{"id": 1, "transactionDate": "2026-11-17T10:00:00", "validationDate": "2026-11-20T09:00:00", "publisherId": 2}]);
            Reply::Json(sale.to_string())
        } else {
            healthy(request)
        }
    });
    let config = json!({"advertiser_ids": "1", "regions": ["DE", "GB"]});
    let first = read(&["stats_by_creative"], &config, None, Arc::clone(&hangs));
    let lines: Vec<Value> = first.lines.into_iter().map(|(_, line)| line).collect();
    let second = read(&["stats_by_creative"], &config, Some(&state_after(&lines)), hangs);
    assert!(asked.load(Ordering::Relaxed) > 0, "it is asked");
    assert!(second.is_complete, "{:?}", errors(&second));
    assert!(second.took < HOUR / 6, "{:?}", second.took);
}

#[test]
fn a_body_that_stops_in_the_middle_is_waited_for_as_a_silent_server_is() {
    let half = r#"[{"id": 1, "transactionDate": "2026-11-18T10:00:00", "commissionStatus": "pending"}, {"id": 2, "#;
    let ran = read(&ALL[..1], &json!({}), None, server(move |_| Reply::HangAfter(half.to_owned())));
    assert_alive_and_ended(&ran, &ALL[..1]);
    assert!(errors(&ran)[0].contains("`transactions` of"), "{:?}", errors(&ran));
}

/// A server error of one hour does not end a sync that has more than that to do.
#[test]
fn half_an_hour_of_server_errors_is_waited_out_with_states_that_differ() {
    let began = std::sync::OnceLock::new();
    let outage = move |request: &Request| {
        let since = began.get_or_init(tokio::time::Instant::now).elapsed();
        if since > HOUR / 60 && since < HOUR / 2 { Reply::Status(503) } else { healthy(request) }
    };
    let ran = read(&ALL[..3], &json!({"start_date": "2026-10-01"}), None, server(outage));
    assert!(ran.is_complete, "{:?}", errors(&ran));
    assert_alive_and_ended(&ran, &ALL[..3]);
    assert!(ran.longest_silence() <= Duration::from_secs(11 * 60), "{:?}", ran.longest_silence());
    let states: Vec<String> = ran
        .lines
        .iter()
        .filter(|(_, line)| line["type"] == "STATE")
        .map(|(_, line)| line["state"]["stream"].to_string())
        .collect();
    let mut distinct = states.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), states.len(), "no two STATEs are alike");
}

/// A token of many accounts takes longer to plan than a run's patience lasts; what fails afterwards is waited for all the same.
#[test]
fn an_hour_of_look_ups_does_not_use_up_the_patience_of_the_run() {
    let account = |id: u64| json!({"accountId": id, "accountName": "A", "accountType": "publisher"});
    let accounts = json!({"userId": 1, "accounts": (1..1001).map(account).collect::<Vec<_>>()}).to_string();
    let throttled = AtomicU64::new(3);
    let ran = read(
        &["stats_by_creative"],
        &json!({"start_date": "2026-11-20"}),
        None,
        Arc::new(move |request| match &*request.path {
            "/accounts" => Reply::Json(accounts.clone()),
            path if path.ends_with("/reports/creative") && throttled.load(Ordering::Relaxed) > 0 => {
                throttled.fetch_sub(1, Ordering::Relaxed);
                Reply::Status(429)
            }
            _ => healthy(request),
        }),
    );
    assert!(ran.is_complete, "{:?}", errors(&ran));
    assert!(ran.took > HOUR, "{:?}", ran.took);
}
