//! Faults, as a client meets them.

use std::time::{Duration, Instant};

use awin_sandbox::{Bulk, Fault, FaultBody, FaultKind, Sandbox, Throttle};

use crate::support::{ADVERTISER, get, sandbox, send, try_get};

fn faulty(fault: Fault) -> Sandbox {
    sandbox(|world| world.faults.push(fault))
}

#[test]
fn statuses_come_with_a_body_of_each_kind() {
    for (body, start) in [(FaultBody::Json, "{\"error\""), (FaultBody::Html, "<!DOCTYPE"), (FaultBody::Empty, "")] {
        let sandbox = faulty(Fault::everywhere(FaultKind::Status(503, body)));
        let answer = get(&sandbox, "/accounts");
        assert_eq!(answer.status, 503);
        assert!(answer.body.starts_with(start) && answer.body.is_empty() == start.is_empty());
        assert!(sandbox.calls()[0].faulty);
    }
}

#[test]
fn a_cut_body_breaks_off_with_and_without_an_announced_length() {
    for chunked in [false, true] {
        for after_bytes in [0, 10, 1_000_000] {
            let sandbox = faulty(Fault::everywhere(FaultKind::CutBody { after_bytes, chunked }).times(1));
            assert!(try_get(&sandbox, "/accounts").is_err(), "{chunked} {after_bytes}");
            assert_eq!(sandbox.calls()[0].status, Some(200));
            assert_eq!(get(&sandbox, "/accounts").status, 200);
        }
    }
}

#[test]
fn what_comes_before_the_cut_does_arrive() {
    use std::io::{Read, Write};
    for chunked in [false, true] {
        let sandbox = faulty(Fault::everywhere(FaultKind::CutBody { after_bytes: 10, chunked }));
        let mut stream = std::net::TcpStream::connect(sandbox.url().trim_start_matches("http://")).expect("a connection");
        let request = "GET /accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-token\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        assert!(text.contains("{\"userId\":") && !text.contains("accounts"), "{text}");
        assert_eq!(text.contains("content-length"), !chunked);
    }
}

#[test]
fn answers_with_200_can_be_broken_in_all_ways() {
    let body = |kind: FaultKind| {
        let answer = get(&faulty(Fault::everywhere(kind)), "/accounts");
        assert_eq!(answer.status, 200);
        answer.body
    };
    let truncated = body(FaultKind::Truncated);
    assert!(truncated.starts_with("{\"userId\"") && serde_json::from_str::<serde_json::Value>(&truncated).is_err());
    assert!(body(FaultKind::NotJson).starts_with("<!DOCTYPE html>"));
    assert_eq!(body(FaultKind::EmptyBody200), "");
    assert_eq!(body(FaultKind::WrongShape("{\"rows\":7}".to_owned())), "{\"rows\":7}");
}

#[test]
fn answers_can_be_slow_or_never_come() {
    let sandbox = faulty(Fault::everywhere(FaultKind::SlowFirstByte(Duration::from_millis(150))).times(1));
    let start = Instant::now();
    assert_eq!(get(&sandbox, "/accounts").status, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));

    let sandbox = faulty(Fault::everywhere(FaultKind::Hang).times(1));
    let agent =
        ureq::Agent::new_with_config(ureq::Agent::config_builder().timeout_global(Some(Duration::from_millis(150))).build());
    let request = agent.get(format!("{}/accounts", sandbox.url())).header("Authorization", "Bearer sandbox-token");
    assert!(matches!(request.call(), Err(ureq::Error::Timeout(_))));
    assert_eq!(sandbox.calls()[0].status, None);
    assert_eq!(get(&sandbox, "/accounts").status, 200, "others are served meanwhile");
}

#[test]
fn every_answer_can_take_its_time() {
    let sandbox = sandbox(|world| world.latency = Duration::from_millis(100));
    let start = Instant::now();
    get(&sandbox, "/accounts");
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn a_connection_can_be_closed_without_an_answer() {
    let sandbox = faulty(Fault::on("/accounts", FaultKind::Reset).times(1));
    assert!(try_get(&sandbox, "/accounts").is_err());
    assert_eq!(get(&sandbox, "/accounts").status, 200);
}

#[test]
fn a_fault_can_name_a_call_by_its_number_and_its_address() {
    let sandbox = faulty(Fault::on("type=publisher", FaultKind::Status(500, FaultBody::Json)).nth(2));
    let paths = ["/accounts", "/accounts?type=publisher", "/accounts?type=publisher", "/accounts?type=publisher"];
    let statuses = paths.map(|path| get(&sandbox, path).status);
    assert_eq!(statuses, [200, 200, 500, 200]);
}

#[test]
fn a_fault_goes_before_the_token_and_the_throttle_which_counts_the_call() {
    let sandbox = faulty(Fault::everywhere(FaultKind::Status(502, FaultBody::Html)).times(2));
    sandbox.world().throttle = Throttle { limit: 1, ..Throttle::default() };
    assert_eq!(send(ureq::get(sandbox.url())).expect("an answer").status, 502);
    assert_eq!(get(&sandbox, "/accounts").status, 502);
    assert_eq!(get(&sandbox, "/accounts").status, 429);
}

#[test]
fn a_bulk_answer_can_be_cut_as_well() {
    let sandbox = faulty(Fault::everywhere(FaultKind::CutBody { after_bytes: 500_000, chunked: true }).times(1));
    sandbox.world().bulk = Some(Bulk { rows_per_window: 1_000 });
    let path = format!("/advertisers/{ADVERTISER}/transactions/?startDate=2026-02-01T00:00:00&endDate=2026-02-02T00:00:00");
    assert!(try_get(&sandbox, &path).is_err());
    assert_eq!(get(&sandbox, &path).rows().len(), 1_000);
}
