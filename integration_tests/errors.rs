//! What goes wrong and how it is told: who has to act, for which stream, and how the run ends.

use awin_sandbox::{Fault, FaultBody, FaultKind, RedirectTo};
use serde_json::{Value, json};

use crate::support::Output;
use crate::support::protocol::{assert_counts, assert_lives, assert_valid, event};
use crate::support::setup::{HEART, bad_configs, changed, connector, row, sandbox, serving};

/// A run in which calls with `path` meet `kind`; pauses are short.
fn run_with(path: &str, kind: FaultKind) -> Output {
    let sandbox = sandbox();
    sandbox.world().faults.push(Fault::on(path, kind));
    let mut connector = connector(&sandbox);
    connector.minute_ms = 60;
    let output = connector.read(&HEART, None);
    assert_valid(&output);
    assert_lives(&output.lines);
    assert_counts(&output);
    output
}

/// The types of the errors of each stream.
fn kinds(output: &Output) -> Vec<(String, String)> {
    output.errors().into_iter().map(|(stream, kind, _)| (stream, kind)).collect()
}

fn pair(stream: &str, kind: &str) -> (String, String) {
    (stream.to_owned(), kind.to_owned())
}

/// [c63] [c69]
#[test]
fn each_failed_stream_has_one_error_and_the_others_are_read() {
    let sandbox = sandbox();
    let whole = connector(&sandbox).read(&HEART, None).ok();
    let failing = ["transactions", "stats_by_creative"];
    for path in ["/transactions/", "/reports/creative"] {
        sandbox.world().faults.push(Fault::on(path, FaultKind::Status(400, FaultBody::Json)));
    }
    let output = connector(&sandbox).read(&HEART, None);
    assert_lives(&output.lines);
    let mut errors = kinds(&output);
    errors.sort();
    assert_eq!(errors, [pair("stats_by_creative", "system_error"), pair("transactions", "system_error")]);
    assert_eq!(output.records("stats_by_publisher"), whole.records("stats_by_publisher"));
    // Some runners stop at the first error: all streams have ended before it.
    let first = output.lines.iter().position(|line| line["trace"]["type"] == "ERROR");
    assert!(output.lines.iter().rposition(|line| event(line).is_some()) < first);
    let last = output.lines.last().expect("lines");
    let text = last["log"]["message"].as_str().unwrap_or_else(|| panic!("{last}"));
    assert!(failing.iter().all(|stream| text.contains(stream)) && !text.contains("stats_by_publisher"), "{text}");
}

/// [c64]
#[test]
fn the_death_of_the_token_is_the_first_error_and_ends_the_run() {
    for calls in [0, 1, 3, 7, 12] {
        let sandbox = sandbox();
        // An error of another kind must not come before it.
        sandbox.world().faults.push(Fault::on("/transactions/", FaultKind::Status(500, FaultBody::Json)).nth(2).times(99));
        sandbox.world().token_dead_after = Some(calls);
        let mut connector = connector(&sandbox);
        connector.minute_ms = 60;
        let output = connector.read(&HEART, None);
        assert_valid(&output);
        assert_lives(&output.lines);
        assert_eq!(output.code, Some(1), "after {calls} calls");
        let errors = output.errors();
        assert_eq!(errors[0].1, "config_error", "after {calls} calls: {errors:?}");
        assert!(errors[0].2.contains("token") && errors[0].2.contains("api_token"), "{errors:?}");
        for stream in HEART {
            assert_ne!(output.statuses(stream).last().map(String::as_str), Some("RUNNING"), "{stream}");
        }
        let refused = sandbox.calls().iter().filter(|call| call.status == Some(401)).count();
        assert!((1..=12).contains(&refused), "{refused} calls with a dead token");
    }
}

/// [c65]
#[test]
fn what_may_pass_is_transient_and_what_will_not_is_for_the_system() {
    for (kind, wanted) in [
        (FaultKind::Status(500, FaultBody::Json), "transient_error"),
        (FaultKind::Status(502, FaultBody::Html), "transient_error"),
        (FaultKind::Status(503, FaultBody::Empty), "transient_error"),
        (FaultKind::Status(429, FaultBody::Json), "transient_error"),
        (FaultKind::Reset, "transient_error"),
        (FaultKind::CutBody { after_bytes: 30, chunked: false }, "transient_error"),
        (FaultKind::Truncated, "transient_error"),
        (FaultKind::Status(400, FaultBody::Json), "system_error"),
        (FaultKind::Status(418, FaultBody::Empty), "system_error"),
        (FaultKind::NotJson, "system_error"),
        (FaultKind::WrongShape("[1]".into()), "system_error"),
        (FaultKind::WrongShape("{\"error\":\"odd\"}".into()), "system_error"),
        (FaultKind::WrongShape("{}".into()), "system_error"),
        (FaultKind::WrongShape("\"\"".into()), "system_error"),
        (FaultKind::Status(403, FaultBody::Json), "config_error"),
    ] {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::on("/reports/publisher", kind.clone()));
        let mut connector = connector(&sandbox).with("advertiser_ids", "90210");
        connector.minute_ms = 60;
        let output = connector.read(&HEART, None);
        assert_lives(&output.lines);
        assert_eq!((output.code, kinds(&output)), (Some(1), vec![pair("stats_by_publisher", wanted)]), "{kind:?}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let sandbox = sandbox();
    let mut unreachable = connector(&sandbox).with("api_url", format!("http://{nobody}")).with("advertiser_ids", "90210");
    unreachable.minute_ms = 60;
    let output = unreachable.read(&HEART, None);
    assert_lives(&output.lines);
    let errors = kinds(&output);
    assert!(errors.iter().all(|(_, kind)| kind == "transient_error") && errors.len() == HEART.len(), "{errors:?}");
}

/// [c4] [c66]
#[test]
fn every_bad_value_stops_read_with_a_config_error_that_names_its_key() {
    let sandbox = sandbox();
    let mut connector = connector(&sandbox);
    let good = connector.config.clone();
    for (key, changes) in bad_configs() {
        connector.config = changed(&good, &changes);
        let output = connector.read(&HEART, None);
        let errors = output.errors();
        assert_eq!((output.code, errors.len(), output.stderr.as_str()), (Some(1), 1, ""), "{changes}: {output:?}");
        assert_eq!(errors[0].1, "config_error", "{changes}");
        assert!(errors[0].2.contains(&format!("`{key}`")), "{changes}: {errors:?}");
    }
    assert!(sandbox.calls().is_empty());
    connector.config = changed(&good, &json!({"advertiser_ids": "90210,777"}));
    let output = connector.read(&HEART, None);
    assert_eq!(output.code, Some(1));
    assert!(
        output.errors().iter().all(|(_, kind, text)| kind == "config_error" && text.contains("777")),
        "{:?}",
        output.errors()
    );
}

/// [c66]
#[test]
fn an_error_always_comes_with_a_bad_exit_and_a_bad_exit_with_an_error() {
    let mut outputs = vec![
        run_with("/accounts", FaultKind::Status(500, FaultBody::Json)),
        run_with("/accounts", FaultKind::WrongShape("[]".into())),
        run_with("/reports/", FaultKind::Status(401, FaultBody::Json)),
        run_with("/transactions/", FaultKind::EmptyBody200),
        run_with("/nothing", FaultKind::Reset),
    ];
    let sandbox = sandbox();
    outputs.push(connector(&sandbox).with("api_token", "").run("discover"));
    outputs.push(connector(&sandbox).run("discover"));
    outputs.push(connector(&sandbox).with("timezone", "Australia/Sydney").read(&HEART, None));
    for output in outputs {
        assert_eq!(output.code, Some(i32::from(!output.errors().is_empty())), "{:?}", output.errors());
    }
}

/// [c67]
#[test]
fn messages_are_sentences_for_a_user_with_the_details_apart() {
    for kind in [
        FaultKind::Status(500, FaultBody::Html),
        FaultKind::Status(400, FaultBody::Json),
        FaultKind::Status(429, FaultBody::Empty),
        FaultKind::Reset,
        FaultKind::NotJson,
        FaultKind::WrongShape("{}".into()),
    ] {
        for path in ["/transactions/", "/reports/", "/accounts"] {
            let output = run_with(path, kind.clone());
            let errors: Vec<&Value> =
                output.lines.iter().map(|line| &line["trace"]["error"]).filter(|error| error.is_object()).collect();
            assert!(!errors.is_empty(), "{kind:?} on {path}");
            for error in errors {
                let text = error["message"].as_str().expect("a message");
                assert!(text.len() > 30 && text.ends_with('.') && !text.contains("GET "), "{text}");
                assert!(!text.contains("Error(") && !text.contains("Some(") && !text.contains('\n'), "{text}");
                let detail = error["internal_message"].as_str().unwrap_or_else(|| panic!("no detail: {text}"));
                assert!(detail.contains("GET /"), "{detail}");
            }
        }
    }
}

/// [c68]
#[test]
fn a_bad_field_is_marked_and_a_bad_row_fails_loudly() {
    let good = row(1, "");
    for (field, value) in [
        ("url", "{\"a\":1}"),
        ("validationDate", "\"never\""),
        ("publisherId", "\"many\""),
        ("publisherId", "1.5"),
        ("amended", "\"perhaps\""),
        ("saleAmount", "[]"),
        ("transactionParts", "\"x\""),
    ] {
        let sandbox = serving(&format!("[{good},{}]", row(2, &format!(",\"{field}\":{value}"))));
        let output = connector(&sandbox).with("advertiser_ids", "90210").read(&["transactions"], None).ok();
        let records = output.of_type("RECORD");
        // The lane of deleted rows gives them again.
        let ids: Vec<&Value> = records.iter().map(|line| &line["record"]["data"]["id"]).collect();
        assert!(ids.chunks(2).all(|pair| *pair == [&json!(1), &json!(2)]) && !ids.is_empty(), "{field}: {ids:?}");
        assert_eq!(records[1]["record"]["data"][field], Value::Null, "{field}");
        let change = json!([{"field": field, "change": "NULLED", "reason": "SOURCE_SERIALIZATION_ERROR"}]);
        assert_eq!(records[1]["record"]["meta"]["changes"], change, "{field}");
        assert_eq!(records[0]["record"].get("meta"), None);
        assert!(output.logs("WARN").iter().any(|text| text.contains(field)), "{:?}", output.logs("WARN"));
    }
    for bad in [
        "7",
        "null",
        "[]",
        "{}",
        "{\"id\":null,\"transactionDate\":\"2026-11-18T10:00:00\"}",
        "{\"id\":\"x\",\"transactionDate\":\"2026-11-18T10:00:00\"}",
        "{\"id\":3}",
        "{\"id\":3,\"transactionDate\":null}",
        "{\"id\":3,\"transactionDate\":\"soon\"}",
        "{\"id\":3,\"id\":4,\"transactionDate\":\"2026-11-18T10:00:00\"}",
    ] {
        let sandbox = serving(&format!("[{good},{bad}]"));
        let output = connector(&sandbox).with("advertiser_ids", "90210").read(&["transactions"], None);
        assert_valid(&output);
        assert_eq!((output.code, kinds(&output)), (Some(1), vec![pair("transactions", "system_error")]), "{bad}");
        assert!(output.records("transactions").iter().all(|row| row["id"] == 1), "{bad}");
    }
}

/// One warning for the run, with what to do, however many answers announce it. The headers' text itself is never shown.
#[test]
fn the_announced_end_of_an_address_is_one_warning() {
    let (deprecation, sunset) = (("deprecation", "@1798761600"), ("sunset", "Fri, 31 Dec 2027 23:59:59 GMT"));
    let update = format!(
        "Update source-awin (this is {}): https://github.com/source-awin/source-awin/releases.",
        env!("CARGO_PKG_VERSION")
    );
    for (headers, wanted) in [
        (vec![deprecation, sunset], "deprecated from 2027-01-01 on, gone after 2027-12-31"),
        (vec![sunset], "deprecated, gone after 2027-12-31"),
        (vec![("deprecation", "true {token}")], "deprecated, without a date for its end"),
    ] {
        let sandbox = sandbox();
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        sandbox.world().faults.push(Fault::everywhere(FaultKind::Headers(headers)));
        let output = connector(&sandbox).read(&HEART, None).ok();
        let wanted = format!("Awin is retiring `GET /accounts`, which this connector calls: {wanted}. {update}");
        assert_eq!(output.logs("WARN"), [wanted]);
    }
}

#[test]
fn a_retired_address_says_to_update_the_connector() {
    for kind in [
        FaultKind::Status(410, FaultBody::Json),
        FaultKind::Redirect(301, RedirectTo::Elsewhere("https://api.awin.com/public/v2/".into())),
        FaultKind::Redirect(308, RedirectTo::Itself),
    ] {
        let sandbox = sandbox();
        sandbox.world().faults.push(Fault::on("/transactions/", kind.clone()));
        let connector = connector(&sandbox).with("advertiser_ids", "90210");
        let output = connector.read(&["transactions", "publishers"], None);
        let errors = output.errors();
        assert_eq!((output.code, errors.len(), errors[0].1.as_str()), (Some(1), 1, "config_error"), "{errors:?}");
        let text = &errors[0].2;
        assert!(text.starts_with("Awin has retired the address of `transactions` of advertiser 90210"), "{text}");
        assert!(text.contains("Update source-awin (this is ") && !text.contains("bug"), "{text}");
        assert_eq!(output.statuses("publishers").last().map(String::as_str), Some("COMPLETE"));
        assert_eq!(sandbox.calls().iter().filter(|call| call.path.contains("/transactions/")).count(), 1, "not asked again");
        let message = connector.check()["message"].as_str().expect("a message").to_owned();
        assert!(message.starts_with("Awin has retired the address of `transactions` of "), "{message}");
    }
}
