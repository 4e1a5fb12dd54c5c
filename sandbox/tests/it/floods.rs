//! Faults of hostile servers: redirects, floods, drips, headers, an echoed token.

use std::io::Read;
use std::time::{Duration, Instant};

use awin_sandbox::{Bulk, Fault, FaultBody, FaultKind, Filler, Place, RedirectTo, Sandbox};
use serde_json::Value;

use crate::support::{ADVERTISER, get, sale, sandbox, transactions};

const LIST: &str = "/advertisers/90210/transactions/?startDate=2026-03-01T00:00:00&endDate=2026-03-02T00:00:00";

/// A sandbox with three sales of 1 March.
fn faulty(kind: FaultKind) -> Sandbox {
    sandbox(|world| {
        world.faults.push(Fault::everywhere(kind));
        for id in 1..=3 {
            world.sales.push(sale(id, "2026-03-01T08:00:00Z"));
        }
    })
}

type Response = ureq::http::Response<ureq::Body>;

/// The answer as it comes: redirects are not followed, statuses are no errors.
fn plain(sandbox: &Sandbox, path: &str) -> Response {
    let config = ureq::Agent::config_builder().max_redirects(0).max_redirects_will_error(false).http_status_as_error(false);
    let request = ureq::Agent::new_with_config(config.build()).get(format!("{}{path}", sandbox.url()));
    request.header("Authorization", "Bearer sandbox-token").call().expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).expect("the header").to_str().expect("text")
}

/// The head and the first bytes of the body as they stand on the wire, up to `length` of them or the end.
fn raw(sandbox: &Sandbox, path: &str, length: u64) -> Vec<u8> {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(sandbox.url().trim_start_matches("http://")).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer sandbox-token\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    stream.take(length).read_to_end(&mut bytes).expect("readable");
    bytes
}

#[test]
fn redirects_point_to_themselves_or_elsewhere_and_may_carry_the_token() {
    for status in [301, 302, 307, 308] {
        let sandbox = faulty(FaultKind::Redirect(status, RedirectTo::Itself));
        let response = plain(&sandbox, LIST);
        assert_eq!((response.status().as_u16(), header(&response, "location")), (status, LIST));
        let to = RedirectTo::Elsewhere("http://127.0.0.1:1/steal?token={token}".to_owned());
        let response = plain(&faulty(FaultKind::Redirect(status, to)), LIST);
        assert_eq!(header(&response, "location"), "http://127.0.0.1:1/steal?token=sandbox-token");
        assert_eq!(sandbox.calls()[0].status, Some(status));
    }
}

#[test]
fn a_true_answer_can_carry_more_headers() {
    let headers = [("deprecation", "@1798761600"), ("sunset", "Fri, 31 Dec 2027 23:59:59 GMT"), ("x-echo", "<{token}>")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let sandbox = faulty(FaultKind::Headers(headers));
    let response = plain(&sandbox, LIST);
    assert_eq!(header(&response, "deprecation"), "@1798761600");
    assert_eq!(header(&response, "sunset"), "Fri, 31 Dec 2027 23:59:59 GMT");
    assert_eq!(header(&response, "x-echo"), "<sandbox-token>");
    assert_eq!(transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-02T00:00:00", "").ids(), [1, 2, 3]);
}

#[test]
fn the_token_comes_back_in_headers_and_over_two_chunks() {
    for status in [200, 401, 500] {
        let sandbox = faulty(FaultKind::EchoToken(status));
        let mut response = plain(&sandbox, "/accounts");
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(header(&response, "x-token"), "sandbox-token");
        assert!(header(&response, "www-authenticate").contains("sandbox-token"));
        let body = response.body_mut().read_to_string().expect("a body");
        let envelope: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(envelope["description"], "The token sandbox-token is not valid");
        let text = String::from_utf8(raw(&sandbox, "/accounts", u64::MAX)).expect("text");
        let (_, body) = text.split_once("\r\n\r\n").expect("a body");
        assert!(!body.contains("sandbox-token"), "{body}");
    }
}

#[test]
fn a_body_can_come_in_drips() {
    let sandbox = faulty(FaultKind::Drip { bytes: 7, pause: Duration::ZERO });
    assert_eq!(transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-02T00:00:00", "").ids(), [1, 2, 3]);
    let text = String::from_utf8_lossy(&raw(&sandbox, LIST, u64::MAX)).into_owned();
    assert!(text.contains("transfer-encoding: chunked") && text.contains("\r\n7\r\n[{\""), "{text}");

    let sandbox = faulty(FaultKind::Drip { bytes: 100, pause: Duration::from_millis(40) });
    let start = Instant::now();
    let drips = get(&sandbox, "/accounts").body.len().div_ceil(100);
    assert!(drips > 1);
    assert!(start.elapsed() >= Duration::from_millis(40) * u32::try_from(drips - 1).expect("a few"));
}

#[test]
fn rows_can_go_on_for_ever() {
    let sandbox = faulty(FaultKind::Endless(Filler::Rows));
    let report = format!("/advertisers/{ADVERTISER}/reports/publisher?startDate=2026-03-01&endDate=2026-03-01");
    for (path, row) in [(LIST, "{\"id\":"), ("/accounts", "{\"accountId\":"), (report.as_str(), "{\"advertiserId\":")] {
        let text = String::from_utf8_lossy(&raw(&sandbox, path, 3_000_000)).into_owned();
        assert!(text.matches(row).count() > 900, "{path}");
        // What has come so far is the beginning of a good answer.
        let mut response = plain(&sandbox, path);
        let mut body = Vec::new();
        response.body_mut().as_reader().take(200_000).read_to_end(&mut body).expect("readable");
        let error = serde_json::from_slice::<Value>(&body).expect_err("no end");
        assert!(error.is_eof(), "{path}: {error}");
    }
    sandbox.world().bulk = Some(Bulk { rows_per_window: u64::MAX });
    let rows = String::from_utf8_lossy(&raw(&sandbox, LIST, 3_000_000)).into_owned();
    for id in [2_051_300_000_000_u64, 2_051_300_001_000] {
        assert_eq!(rows.matches(&format!("\"id\":{id},")).count(), 1, "bulk rows have ids of their own");
    }
}

#[test]
fn white_space_can_go_on_for_ever() {
    let sandbox = faulty(FaultKind::Endless(Filler::Blanks));
    for (path, opening) in [(LIST, "["), ("/accounts", "{\"userId\":70011,\"accounts\":[")] {
        let mut response = plain(&sandbox, path);
        let mut body = String::new();
        response.body_mut().as_reader().take(3_000_000).read_to_string(&mut body).expect("readable");
        assert_eq!((body.trim_end(), body.len()), (opening, 3_000_000));
    }
}

#[test]
fn a_small_body_can_unfold_to_a_large_one() {
    let bytes = raw(&faulty(FaultKind::GzipBomb { mebibytes: 24 }), LIST, u64::MAX);
    assert!(bytes.len() < 60_000, "{}", bytes.len());
    let mut response = plain(&faulty(FaultKind::GzipBomb { mebibytes: 24 }), LIST);
    let body = response.body_mut().with_config().limit(u64::MAX).read_to_string().expect("a sound gzip body");
    assert_eq!((body.len(), body.trim_matches(['[', ']', ' '])), ((24 << 20) + 2, ""));
    // Gigabytes begin at once.
    let sandbox = faulty(FaultKind::GzipBomb { mebibytes: 1 << 20 });
    let mut response = plain(&sandbox, LIST);
    assert!(response.headers().get("content-length").is_none());
    let mut first = String::new();
    response.body_mut().as_reader().take(5_000_000).read_to_string(&mut first).expect("gzip");
    assert_eq!((first.trim_end(), first.len()), ("[", 5_000_000));
}

#[test]
fn other_odd_answers_are_statuses_and_shapes() {
    for (kind, status, body) in [
        (FaultKind::Status(204, FaultBody::Empty), 204, ""),
        (FaultKind::Status(410, FaultBody::Json), 410, "{\"error\""),
        (FaultKind::Status(200, FaultBody::Json), 200, "{\"error\""),
        (FaultKind::WrongShape("null".to_owned()), 200, "null"),
    ] {
        let answer = get(&faulty(kind.clone()), "/accounts");
        assert!(answer.status == status && answer.body.starts_with(body), "{kind:?}: {answer:?}");
        assert_eq!(answer.body.is_empty(), body.is_empty());
    }
}

#[test]
fn a_fault_strikes_the_first_the_middle_or_the_last_of_so_many_calls() {
    for (place, wanted) in [(Place::First, [503, 200, 200]), (Place::Middle, [200, 503, 200]), (Place::Last, [200, 200, 503])] {
        let fault = Fault::on("/accounts", FaultKind::Status(503, FaultBody::Empty)).at(place, 3);
        let sandbox = sandbox(|world| world.faults.push(fault));
        assert_eq!([(); 3].map(|()| get(&sandbox, "/accounts").status), wanted);
    }
}
