//! Tokens, paths, methods and rights.

use awin_sandbox::{Access, Refusal, Sandbox};

use crate::support::{ADVERTISER, PUBLISHER, get, sandbox, send};

#[test]
fn without_a_good_token_every_path_answers_401_even_unknown_ones() {
    let sandbox = sandbox(|_| {});
    for path in ["/accounts", "/nowhere", &format!("/advertisers/{ADVERTISER}/publishers")] {
        let request = || ureq::get(format!("{}{path}", sandbox.url()));
        for request in [
            request(),
            request().header("Authorization", "Bearer wrong"),
            request().header("Authorization", "sandbox-token"),
            request().header("x-api-key", "sandbox-token"),
        ] {
            let answer = send(request).expect("an answer");
            assert_eq!(answer.status, 401);
            assert_eq!(answer.json()["error"], "unauthorized");
            assert_eq!(answer.description(), "Full authentication is required to access this resource");
        }
    }
    assert!(sandbox.calls().iter().all(|call| !call.authorized && call.status == Some(401)));
}

#[test]
fn a_token_in_the_address_is_refused_and_recorded() {
    let sandbox = sandbox(|_| {});
    assert_eq!(get(&sandbox, "/accounts?accessToken=sandbox-token").status, 400);
    assert_eq!(sandbox.calls()[0].param("accessToken"), Some("sandbox-token"));
    sandbox.world().rules.refuse_token_in_query = false;
    assert_eq!(get(&sandbox, "/accounts?accessToken=sandbox-token").status, 200);
}

#[test]
fn a_token_can_die_in_the_middle_of_a_run() {
    let sandbox = sandbox(|world| world.token_dead_after = Some(2));
    let statuses: Vec<u16> = (0..4).map(|_| get(&sandbox, "/accounts").status).collect();
    assert_eq!(statuses, [200, 200, 401, 401]);
    sandbox.clear_calls();
    assert_eq!(get(&sandbox, "/accounts").status, 200);
}

#[test]
fn paths_that_look_right_but_are_not_answer_404() {
    let sandbox = sandbox(|_| {});
    let window = "startDate=2026-03-01T00:00:00&endDate=2026-03-02T00:00:00";
    for path in [
        format!("/publishers/{PUBLISHER}/transactionqueries?{window}"),
        format!("/publisher/{PUBLISHER}/transactions?{window}"),
        format!("/advertiser/{ADVERTISER}/transactions?{window}"),
        format!("/advertisers/{ADVERTISER}/reports/advertiser"),
        format!("/publishers/{PUBLISHER}/reports/publisher"),
        format!("/advertisers/{ADVERTISER}/reports/creative/"),
        format!("/advertisers/{ADVERTISER}/transactions/1"),
        format!("/advertisers/+{ADVERTISER}/publishers"),
        "/accounts/".to_owned(),
        "/v1/accounts".to_owned(),
        "/".to_owned(),
    ] {
        let answer = get(&sandbox, &path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"], "exception");
        assert_eq!(answer.description(), "Not Found (404 NOT_FOUND)");
    }
}

#[test]
fn transactions_answer_with_and_without_the_slash() {
    let sandbox = sandbox(|_| {});
    for slash in ["", "/"] {
        let window = "startDate=2026-03-01T00:00:00&endDate=2026-03-02T00:00:00";
        let path = format!("/advertisers/{ADVERTISER}/transactions{slash}?{window}");
        assert_eq!(get(&sandbox, &path).status, 200);
    }
}

#[test]
fn only_get_is_allowed() {
    let sandbox = sandbox(|_| {});
    let url = format!("{}/accounts", sandbox.url());
    let request = ureq::post(url).header("Authorization", "Bearer sandbox-token");
    let response = request.config().http_status_as_error(false).build().send_empty().expect("an answer");
    assert_eq!(response.status().as_u16(), 405);
}

#[test]
fn accounts_that_are_unknown_or_of_the_other_kind_answer_404() {
    let sandbox = sandbox(|_| {});
    for path in ["/advertisers/1/publishers", &format!("/advertisers/{PUBLISHER}/publishers"), "/publishers/600001/programmes"] {
        assert_eq!(get(&sandbox, path).status, 404, "{path}");
    }
}

#[test]
fn an_account_without_right_is_listed_and_refuses_data_as_the_rules_say() {
    let sandbox = sandbox(|world| world.account_mut(ADVERTISER).expect("there").access = Access::Refused);
    for (refusal, status) in [(Refusal::Unauthorized401, 401), (Refusal::Forbidden403, 403), (Refusal::NotFound404, 404)] {
        sandbox.world().rules.refusal = refusal;
        assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/publishers")).status, status);
    }
    assert_eq!(get(&sandbox, "/accounts").json()["accounts"][0]["accountId"], ADVERTISER);
    assert_eq!(get(&sandbox, &format!("/publishers/{PUBLISHER}/programmes")).status, 200);
}

#[test]
fn calls_are_recorded_in_order_and_can_be_cleared() {
    let sandbox = sandbox(|_| {});
    get(&sandbox, "/accounts?type=publisher");
    get(&sandbox, "/nowhere?a=b%20c&a=%C3%A9+d");
    let calls = sandbox.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].path.as_str(), calls[0].status, calls[0].method.as_str()), ("/accounts", Some(200), "GET"));
    assert_eq!(calls[0].param("type"), Some("publisher"));
    let pairs = [("a", "b c"), ("a", "\u{e9} d")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((calls[1].query.as_slice(), calls[1].status), (pairs.as_slice(), Some(404)));
    assert!(calls[0].at <= calls[1].at && calls.iter().all(|call| call.authorized && !call.throttled));
    sandbox.clear_calls();
    assert!(sandbox.calls().is_empty());
}

#[test]
fn a_dropped_sandbox_is_gone() {
    let sandbox: Sandbox = sandbox(|_| {});
    let url = sandbox.url();
    drop(sandbox);
    assert!(send(ureq::get(url)).is_err());
}
