//! `check`: one answer, soon, with a sentence that helps.

use std::time::{Duration, Instant};

use awin_sandbox::{Access, Account, Endpoint, Fault, FaultBody, FaultKind, Kind, Sandbox, World, instant};
use serde_json::{Value, json};

use crate::support::protocol::assert_valid;
use crate::support::setup::{HEART, bad_configs, changed, connector, sandbox, world};
use crate::support::{Connector, Output};

/// Asserts the form of an answer of `check` and gives status and message.
#[track_caller]
fn answer(output: &Output) -> (String, String) {
    assert_valid(output);
    assert_eq!((output.code, output.errors()), (Some(0), vec![]), "{output:?}");
    let answers = output.of_type("CONNECTION_STATUS");
    assert_eq!(answers.len(), 1, "{output:?}");
    assert_eq!(output.lines.last(), answers.first(), "nothing after the answer");
    let text = |key: &str| answers[0]["connectionStatus"][key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"))
}

#[track_caller]
fn failed(connector: &Connector) -> String {
    let (status, message) = answer(&connector.run("check"));
    assert_eq!(status, "FAILED");
    assert!(message.ends_with('.') && message.len() > 30, "no sentence: {message}");
    message
}

/// [c27]
#[test]
fn good_credentials_succeed() {
    let sandbox = sandbox();
    for config in [
        connector(&sandbox),
        connector(&sandbox).with("advertiser_ids", "90210"),
        connector(&sandbox).with("publisher_ids", json!([500_321, "500322"])),
        connector(&sandbox).with("timezone", "America/Sao_Paulo"),
    ] {
        assert_eq!(answer(&config.run("check")).0, "SUCCEEDED", "{}", config.config);
    }
}

/// [c28]
#[test]
fn a_wrong_token_fails_with_what_to_change() {
    let sandbox = sandbox();
    let message = failed(&connector(&sandbox).with("api_token", "some-other-token"));
    assert!(message.contains("token") && message.contains("api_token"), "{message}");
    assert_eq!(sandbox.calls().len(), 1, "a refused token is not tried again");
}

/// [c28]
#[test]
fn every_bad_value_fails_and_names_its_key() {
    let sandbox = sandbox();
    let mut connector = connector(&sandbox);
    let good = connector.config.clone();
    for (key, changes) in bad_configs() {
        connector.config = changed(&good, &changes);
        let message = failed(&connector);
        assert!(message.contains(&format!("`{key}`")), "{changes}: {message}");
    }
    assert!(sandbox.calls().is_empty());
}

/// [c28]
#[test]
fn unknown_ids_fail_and_the_known_ones_are_named() {
    let sandbox = sandbox();
    for (key, ids) in
        [("advertiser_ids", "90210,777"), ("publisher_ids", "777"), ("publisher_ids", "90210"), ("advertiser_ids", "500321")]
    {
        let message = failed(&connector(&sandbox).with(key, ids));
        let wrong = ids.rsplit(',').next().unwrap_or_default();
        assert!(message.contains(wrong) && message.contains("advertiser 90211") && message.contains(key), "{message}");
    }
}

/// [c28]
#[test]
fn a_refused_account_fails_if_it_is_named_and_is_passed_over_if_it_was_found() {
    let sandbox = sandbox();
    sandbox.world().account_mut(90_210).expect("an account").access = Access::Refused;
    assert_eq!(connector(&sandbox).check()["status"], "SUCCEEDED");
    let message = failed(&connector(&sandbox).with("advertiser_ids", "90210"));
    assert!(message.contains("90210"), "{message}");
}

/// [c29] A minute is three seconds here, with everything in proportion.
#[test]
fn an_awin_that_is_down_fails_within_a_minute_and_is_not_blamed_on_the_configuration() {
    let minute = Duration::from_secs(3);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    for path in ["/accounts", "/transactions/"] {
        for kind in [
            FaultKind::Status(500, FaultBody::Html),
            FaultKind::Status(503, FaultBody::Empty),
            FaultKind::Status(429, FaultBody::Json),
            FaultKind::Status(408, FaultBody::Json),
            FaultKind::Hang,
            FaultKind::Reset,
            FaultKind::Truncated,
            FaultKind::CutBody { after_bytes: 5, chunked: true },
        ] {
            let sandbox = sandbox();
            sandbox.world().faults.push(Fault::on(path, kind.clone()));
            let mut connector = connector(&sandbox);
            connector.minute_ms = 3000;
            let before = Instant::now();
            let message = failed(&connector);
            assert!(before.elapsed() < minute, "{kind:?}: {:?}", before.elapsed());
            assert!(message.contains("configuration may be right"), "{kind:?} on {path}: {message}");
        }
    }
    let sandbox = sandbox();
    let mut unreachable = connector(&sandbox).with("api_url", format!("http://{gone}"));
    unreachable.minute_ms = 3000;
    assert!(failed(&unreachable).contains("configuration may be right"));
}

/// [c29]
#[test]
fn what_is_not_awin_fails_soon() {
    for kind in [
        FaultKind::NotJson,
        FaultKind::EmptyBody200,
        FaultKind::WrongShape("[1]".into()),
        FaultKind::Status(302, FaultBody::Html),
    ] {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::everywhere(kind.clone()));
        let mut connector = connector(&sandbox);
        connector.minute_ms = 3000;
        let before = Instant::now();
        failed(&connector);
        assert!(before.elapsed() < Duration::from_secs(3), "{kind:?}: {:?}", before.elapsed());
    }
}

/// [c30]
#[test]
fn an_account_without_data_passes() {
    let mut world = World::empty(instant("2026-11-20T15:30:00Z"));
    let account =
        |id, kind| Account { id, name: "New".into(), kind, role: "userViewer".into(), access: Access::Ok, listed: true };
    world.accounts.push(account(90_210, Kind::Advertiser));
    let sandbox = Sandbox::start(world);
    assert_eq!(connector(&sandbox).check()["status"], "SUCCEEDED");
    sandbox.world().accounts.push(account(500_321, Kind::Publisher));
    let named = connector(&sandbox).with("publisher_ids", "500321").with("advertiser_ids", "90210");
    assert_eq!(named.check()["status"], "SUCCEEDED");
}

/// [c31]
#[test]
fn a_check_takes_a_handful_of_calls() {
    let mut world = world();
    for id in 1..=40 {
        let access = if id % 2 == 0 { Access::Ok } else { Access::Refused };
        let account =
            Account { id, name: format!("Shop {id}"), kind: Kind::Publisher, role: "userViewer".into(), access, listed: true };
        world.accounts.push(account);
    }
    let sandbox = Sandbox::start(world);
    let all: Vec<u64> = (1..=20).map(|id| id * 2).collect();
    for config in [connector(&sandbox), connector(&sandbox).with("publisher_ids", json!(all))] {
        sandbox.clear_calls();
        assert_eq!(config.check()["status"], "SUCCEEDED");
        let calls = sandbox.calls().len();
        // One for each side shows what the token can read in the newer API.
        assert!((1..=7).contains(&calls), "{calls}");
    }
    sandbox.world().accounts.iter_mut().for_each(|account| account.access = Access::Refused);
    sandbox.clear_calls();
    failed(&connector(&sandbox));
    assert!(sandbox.calls().len() <= 5);
    let answers: Vec<Value> = sandbox.calls().iter().map(|call| json!(call.path)).collect();
    assert_eq!(answers[0], "/accounts");
}

/// The estimate of a check: its calls.
fn estimate(message: &str) -> u64 {
    let calls = message.split_once(" makes ").and_then(|(_, rest)| rest.split_once(" call")).expect("an estimate").0;
    calls.trim_start_matches("about ").replace(',', "").parse().expect("a number")
}

#[test]
fn a_check_says_what_it_found_and_what_the_first_sync_costs() {
    let sandbox = sandbox();
    let message = connector(&sandbox).with("requests_per_minute", 20).check()["message"].clone();
    assert_eq!(
        message,
        "Found advertiser 90210 (Lampenladen „Hell“ DE); advertiser 90211 (Example Shop GB); advertiser 90212 (Example Shop US); \
         publisher 500321 (Example Blog 1); publisher 500322 (Example Blog 2). \
         The first sync of `transactions`, `stats_by_publisher`, `stats_by_creative` from 2026-11-16 makes 51 calls and takes about 2 min at 20 calls a minute. \
         Awin's newer API shows `billing_documents`, `prepayment_changes`, `partnerships` of advertiser 90210 (Lampenladen „Hell“ DE). \
         Awin's newer API shows `payments`, `payment_breakdowns`, `partnerships` of publisher 500321 (Example Blog 1)."
    );
    let mut found = connector(&sandbox).with("advertiser_ids", "90211");
    found.config.as_object_mut().expect("an object").remove("regions");
    assert_eq!(
        found.check()["message"],
        "Found advertiser 90211 (Example Shop GB): GB. \
         The first sync of `transactions`, `stats_by_publisher`, `stats_by_creative` from 2026-11-16 makes 13 calls and takes less than a minute at 1000 calls a minute. \
         Without publisher accounts there are no rows of `stats_by_advertiser`, `transaction_queries`, `programmes`, `programme_details`, `commission_groups`, `payments`, `payment_breakdowns`, `offers`, `commission_rates`. \
         Awin's newer API shows `billing_documents`, `prepayment_changes`, `partnerships` of advertiser 90211 (Example Shop GB)."
    );
}

/// The newer API never fails a check: no stream of it needs to be selected.
#[test]
fn a_check_says_what_the_token_can_read_in_the_newer_api_and_which_role_is_missing() {
    let mut world = world();
    world.public.role_missing.insert((Endpoint::Payments, 500_321));
    let sandbox = Sandbox::start(world);
    let config = connector(&sandbox).with("publisher_ids", "500321");
    let message = config.check()["message"].as_str().expect("a message").to_owned();
    let wanted = "`payments` of publisher 500321 (Example Blog 1) needs the role Full Access or a higher one";
    assert!(message.contains(wanted), "{message}");
    sandbox.world().public.takes_token = false;
    let (status, message) = answer(&config.run("check"));
    assert_eq!(status, "SUCCEEDED");
    assert!(message.contains("newer API does not accept the token"), "{message}");
}

#[test]
fn the_estimate_is_within_a_tenth_of_the_calls_of_the_first_sync() {
    for (key, value) in [
        ("start_date", json!("2026-11-01")),
        ("advertiser_ids", json!("90210,90211,90212")),
        ("publisher_ids", json!("500321")),
        ("regions", json!(["DE", "GB"])),
        ("timezone", json!("America/Sao_Paulo")),
        ("end_date", json!("2026-11-18")),
    ] {
        let sandbox = sandbox();
        let mut connector = connector(&sandbox);
        connector.config.as_object_mut().expect("an object").remove("regions");
        let connector = connector.with(key, value.clone());
        let estimate = estimate(connector.check()["message"].as_str().expect("a message"));
        sandbox.clear_calls();
        let streams = if key == "timezone" { &HEART[1..] } else { &HEART };
        connector.read(streams, None).ok();
        let calls = sandbox.calls().len() as u64;
        assert!(estimate.abs_diff(calls) * 10 <= calls, "{key} {value}: {estimate} estimated, {calls} made");
    }
}

/// Somebody else has used up the minute. A person waits: the check does, too.
#[test]
fn a_used_up_quota_is_waited_out() {
    for path in ["/accounts", "/transactions/", "/reports/publisher"] {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::on(path, FaultKind::Status(429, FaultBody::Json)).times(2));
        let mut connector = connector(&sandbox).with("advertiser_ids", "90210");
        connector.config.as_object_mut().expect("an object").remove("regions");
        connector.minute_ms = 3000;
        let (status, message) = answer(&connector.run("check"));
        assert_eq!(status, "SUCCEEDED", "{path}: {message}");
        assert!(message.contains("(Lampenladen „Hell“ DE): DE"), "{path}: {message}");
    }
}

#[test]
fn what_cannot_be_read_is_said_with_the_reason() {
    let sandbox = sandbox();
    sandbox.world().account_mut(90_211).expect("an account").access = Access::Refused;
    let message = connector(&sandbox).check()["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("Awin refuses `transactions` of advertiser 90211 (Example Shop GB)"), "{message}");
    assert!(message.contains("Accelerate and Advanced plans"), "{message}");
    sandbox.world().account_mut(90_211).expect("an account").access = Access::Ok;
    let message = connector(&sandbox).with("start_date", "2027-01-01").check()["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("`start_date` 2027-01-01 is in the future; until then there is nothing to read."), "{message}");
    assert!(!message.contains("first sync"), "{message}");
    let message =
        connector(&sandbox).with("timezone", "Europe/Helsinki").check()["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("Awin accepts `timezone` Europe/Helsinki for reports only"), "{message}");
    assert!(message.contains("The first sync of `stats_by_publisher`, `stats_by_creative` from "), "{message}");
}

/// What it costs may stay unknown; what was asked for data has answered.
#[test]
fn a_check_does_not_fail_for_regions_that_it_cannot_find_in_time() {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on("/reports/publisher", FaultKind::Hang));
    let mut connector = connector(&sandbox).with("advertiser_ids", "90210");
    connector.config.as_object_mut().expect("an object").remove("regions");
    connector.minute_ms = 1000;
    let (status, message) = answer(&connector.run("check"));
    assert_eq!(status, "SUCCEEDED", "{message}");
    assert!(message.starts_with("Found advertiser 90210") && !message.contains("first sync"), "{message}");
    assert!(message.contains("The check had no time left to find out more; run it again in a minute."), "{message}");
}
