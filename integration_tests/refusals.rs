//! What Awin refuses, or answers with nothing where something must be: a table never ends complete with less than Awin has.

use awin_sandbox::{Access, Fault, FaultBody, FaultKind, Refusal, Sandbox};
use serde_json::json;

use crate::support::Output;
use crate::support::connector::catalog;
use crate::support::protocol::{assert_lives, assert_valid};
use crate::support::setup::{connector, row, sandbox, serving, world};

const BY_PROGRAMME: [&str; 2] = ["programme_details", "commission_groups"];
const REFERENCE: [&str; 4] = ["publishers", "programmes", "programme_details", "commission_groups"];

#[track_caller]
fn assert_incomplete(output: &Output, stream: &str, kind: &str) {
    assert_valid(output);
    assert_lives(&output.lines);
    assert_eq!(output.statuses(stream).last().map(String::as_str), Some("INCOMPLETE"), "{stream}");
    let errors = output.errors();
    assert_eq!((output.code, errors.len()), (Some(1), 1), "{stream}: {errors:?}");
    assert_eq!((errors[0].0.as_str(), errors[0].1.as_str()), (stream, kind), "{errors:?}");
}

#[test]
fn an_account_whose_every_programme_is_refused_is_refused_itself() {
    for status in [401, 403, 404] {
        for stream in BY_PROGRAMME {
            for ids in ["500321", ""] {
                let sandbox = sandbox();
                sandbox.world().faults.push(Fault::on("advertiserId=", FaultKind::Status(status, FaultBody::Json)));
                let output = connector(&sandbox).with("publisher_ids", ids).read(&[stream], None);
                // Where accounts were merely found, one that shows its programmes shows that it can be read.
                if status == 401 && ids.is_empty() {
                    assert_eq!(output.code, Some(1), "{stream}: {:?}", output.logs("WARN"));
                    continue;
                }
                assert_incomplete(&output, stream, "config_error");
                assert!(output.errors()[0].2.contains("publisher 500321"), "{:?}", output.errors());
            }
        }
    }
}

/// Another programme of the account is read, so the account is not refused.
#[test]
fn a_401_is_never_about_a_programme() {
    for stream in BY_PROGRAMME {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::on("advertiserId=90211", FaultKind::Status(401, FaultBody::Json)));
        let output = connector(&sandbox).with("publisher_ids", "500321").read(&[stream], None);
        assert_incomplete(&output, stream, "config_error");
    }
}

#[test]
fn a_programme_that_was_left_is_named_and_the_rest_is_complete() {
    for status in [403, 404] {
        for stream in BY_PROGRAMME {
            let sandbox = sandbox();
            sandbox.world().faults.push(Fault::on("advertiserId=90210", FaultKind::Status(status, FaultBody::Json)));
            let output = connector(&sandbox).with("publisher_ids", "500321").read(&[stream], None).ok();
            assert!(!output.records(stream).is_empty(), "{stream}");
            let warnings = output.logs("WARN");
            assert!(warnings.len() == 1 && warnings[0].contains("90210") && warnings[0].contains("500321"), "{warnings:?}");
        }
    }
}

#[test]
fn what_is_not_the_answer_is_never_a_row_nor_an_empty_table() {
    let envelope = r#"{"error":"exception","description":"Something went wrong"}"#;
    for body in
        [envelope, "null", "{}", "\"\"", "0", r#"{"programmeInfo":null}"#, r#"{"commissionGroups":null}"#, r#"{"body":null}"#]
    {
        for stream in REFERENCE.iter().chain(&["accounts"]) {
            let path = match *stream {
                "accounts" => "/accounts",
                "publishers" => "/publishers?",
                "programmes" => "/programmes?",
                _ => "advertiserId=",
            };
            let sandbox = sandbox();
            sandbox.world().faults.push(Fault::on(path, FaultKind::WrongShape(body.to_owned())));
            let connector = connector(&sandbox).with("advertiser_ids", "90210").with("publisher_ids", "500321");
            let output = connector.read(&[stream], None);
            assert_incomplete(&output, stream, "system_error");
            assert_eq!(output.records(stream).len(), 0, "{stream}: {body}");
        }
    }
}

#[test]
fn a_run_in_which_every_found_account_refuses_is_not_complete() {
    for refusal in [Refusal::Unauthorized401, Refusal::Forbidden403, Refusal::NotFound404] {
        let mut world = world();
        world.rules.refusal = refusal;
        for account in &mut world.accounts {
            account.access = Access::Refused;
        }
        let sandbox = Sandbox::start(world);
        for stream in ["transactions", "stats_by_publisher", "publishers", "programmes", "stats_by_advertiser"] {
            let output = connector(&sandbox).read(&[stream], None);
            assert_incomplete(&output, stream, "config_error");
        }
    }
}

/// A table that is read in full keeps no account of what it held; the other streams' states do.
#[test]
fn a_found_account_that_refuses_once_is_loud_if_it_had_rows_before() {
    for stream in ["publishers", "transactions"] {
        let sandbox = sandbox();
        let streams = ["transactions", stream];
        let count = if stream == "transactions" { 1 } else { 2 };
        let first = connector(&sandbox).read(&streams[..count], None).ok();
        sandbox.world().account_mut(90211).expect("the account").access = Access::Refused;
        let output = connector(&sandbox).read(&[stream], Some(&first.state()));
        assert_incomplete(&output, stream, "config_error");
        assert!(output.errors()[0].2.contains("90211"), "{:?}", output.errors());
        // Never read before, it is left out with a warning.
        connector(&sandbox).read(&[stream], None).ok();
    }
}

/// [c68] The first run that meets the row fails, so that somebody looks; it holds up its account no longer than that.
#[test]
fn a_row_that_cannot_be_read_fails_one_run_and_is_passed_over_from_then_on() {
    let (good, undated) = (row(1, ""), r#"{"id":2,"transactionDate":null}"#);
    for bad in [
        undated,
        r#"{"transactionDate":"2026-11-18T10:00:00"}"#,
        "7",
        r#"{"id":3,"id":4,"transactionDate":"2026-11-18T10:00:00"}"#,
    ] {
        let sandbox = serving(&format!("[{bad},{good},{bad}]"));
        let connector = connector(&sandbox).with("advertiser_ids", "90210").with("lookback_days", 0);
        let first = connector.read(&["transactions"], None);
        assert_incomplete(&first, "transactions", "system_error");
        assert!(first.records("transactions").iter().all(|row| row["id"] == 1), "{bad}");
        for _ in 0..2 {
            let next = connector.read(&["transactions"], Some(&first.state())).ok();
            assert!(next.records("transactions").iter().all(|row| row["id"] == 1), "{bad}");
            let warnings = next.logs("WARN");
            assert!(warnings.iter().any(|text| text.contains("cannot be read") && text.contains("2026-11-")), "{warnings:?}");
        }
        // Another one is news.
        sandbox.world().faults.clear();
        sandbox
            .world()
            .faults
            .push(Fault::on("/transactions/", FaultKind::WrongShape(r#"[{"id":9,"transactionDate":1}]"#.into())));
        assert_incomplete(&connector.read(&["transactions"], Some(&first.state())), "transactions", "system_error");
    }
}

/// A failure says who has to act: one error per kind.
#[test]
fn failures_of_different_kinds_are_told_apart() {
    let mut world = world();
    world.account_mut(90211).expect("the account").access = Access::Refused;
    let sandbox = Sandbox::start(world);
    sandbox.world().faults.push(Fault::on("/90210/transactions/", FaultKind::Status(400, FaultBody::Json)));
    let output = connector(&sandbox).with("advertiser_ids", "90210,90211,90212").read(&["transactions"], None);
    let kinds: Vec<String> = output.errors().into_iter().map(|(_, kind, _)| kind).collect();
    assert_eq!(kinds, ["config_error", "system_error"]);
    assert!(!output.records("transactions").is_empty());
}

#[test]
fn each_account_that_answers_401_costs_one_look_at_the_accounts() {
    let mut world = world();
    world.rules.refusal = Refusal::Unauthorized401;
    world.account_mut(90211).expect("the account").access = Access::Refused;
    let sandbox = Sandbox::start(world);
    let streams = ["transactions", "stats_by_publisher", "publishers"];
    let output = connector(&sandbox).with("advertiser_ids", "90210,90211").read(&streams, None);
    let errors = output.errors();
    assert_eq!((errors.len(), errors[0].0.as_str()), (1, "transactions"), "{errors:?}");
    let wanted = "Awin refuses `transactions`, `stats_by_publisher`, `publishers` of advertiser 90211 (Example Shop GB): Awin answered 401: ";
    assert!(errors[0].2.starts_with(wanted), "{errors:?}");
    for stream in streams {
        assert_eq!(output.statuses(stream).last().map(String::as_str), Some("INCOMPLETE"), "{stream}");
    }
    assert_eq!(sandbox.calls().iter().filter(|call| call.path == "/accounts").count(), 1);
}

#[test]
fn new_fields_are_named_up_to_a_point() {
    let fields = (0..3000).map(|n| format!(",\"new{n}\":1")).collect::<Vec<_>>().concat();
    let sandbox = serving(&format!("[{}]", row(1, &fields)));
    let output = connector(&sandbox).with("advertiser_ids", "90210").read(&["transactions"], None).ok();
    let warnings = output.logs("WARN");
    assert_eq!(warnings.len(), 51, "{:?}", warnings.last());
    assert!(warnings[50].contains("2950 more new fields"), "{}", warnings[50]);
}

/// The wrong side, or no account at all: the list of accounts says which.
#[test]
fn an_id_of_the_other_side_is_named_as_such() {
    let sandbox = sandbox();
    for (key, id, wanted) in [
        ("advertiser_ids", "500321", "move it from `advertiser_ids` to `publisher_ids`"),
        ("publisher_ids", "90210", "move it from `publisher_ids` to `advertiser_ids`"),
        ("advertiser_ids", "777", "The token has no access to this account; it sees: advertiser 90210"),
    ] {
        let full = catalog(&["transactions"], "full_refresh");
        let output = Output::of(&mut connector(&sandbox).with(key, json!(id)).read_command(&full, None));
        assert_incomplete(&output, "transactions", "config_error");
        assert!(output.errors()[0].2.contains(wanted), "{:?}", output.errors());
    }
}

/// One cause, one error: with the streams that it keeps from being complete. What only one stream meets stays with it.
#[test]
fn a_refusal_of_several_streams_is_told_once_with_their_names() {
    let mut world = world();
    for id in [90211, 90212] {
        world.account_mut(id).expect("the account").access = Access::Refused;
    }
    let sandbox = Sandbox::start(world);
    sandbox.world().faults.push(Fault::on("/90210/publishers", FaultKind::Status(400, FaultBody::Json)));
    let mut connector = connector(&sandbox).with("advertiser_ids", "90210,90211,90212");
    connector.config.as_object_mut().expect("an object").remove("regions");
    let output = connector.read(&["stats_by_creative", "transactions", "publishers"], None);
    let errors: Vec<(String, String, String)> = output.errors();
    let told: Vec<(&str, &str)> = errors.iter().map(|(stream, kind, _)| (stream.as_str(), kind.as_str())).collect();
    assert_eq!(told, [("stats_by_creative", "config_error"), ("publishers", "system_error")]);
    let wanted = "Awin refuses `stats_by_creative`, `transactions`, `publishers` of advertiser 90211 (Example Shop GB), advertiser 90212 (Example Shop US): Awin answered 403: ";
    assert!(errors[0].2.starts_with(wanted), "{errors:?}");
    assert!(errors[1].2.contains("`publishers` of advertiser 90210") && !errors[1].2.contains("90211"), "{errors:?}");
    let last = output.logs("ERROR").pop().expect("a last line");
    assert_eq!(last, "These streams did not sync completely: publishers, stats_by_creative, transactions.");
}
