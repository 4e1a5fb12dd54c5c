//! The newer API: token, rights, parameters, quota, and what happens between two pages.

use std::time::Duration;

use awin_sandbox::Endpoint::{self, Advertisers, BillingDocuments, Breakdowns, Payments, PrepaymentChanges, Publishers};
use awin_sandbox::{Access, Event, Quota, RetryAfter, Sandbox, Throttle, World, instant};
use chrono::TimeDelta;
use serde_json::Value;

use crate::support::{ADVERTISER, NOW, PUBLISHER, get, parsed, sale, sandbox, send};

const PAYMENTS: &str = "/public/v1/publishers/500321/payments";

/// The endpoints, the account of each, and its path.
fn endpoints() -> [(Endpoint, u64, String); 6] {
    let publisher = |rest: &str| format!("/public/v1/publishers/{PUBLISHER}/{rest}");
    let advertiser = |rest: &str| format!("/public/v1/advertisers/{ADVERTISER}/{rest}");
    [
        (Payments, PUBLISHER, publisher("payments")),
        (Breakdowns, PUBLISHER, publisher("payments/100/breakdowns")),
        (Advertisers, PUBLISHER, publisher("advertisers")),
        (Publishers, ADVERTISER, advertiser("publishers")),
        (BillingDocuments, ADVERTISER, advertiser("billing-documents")),
        (PrepaymentChanges, ADVERTISER, advertiser("prepayments/link-status-changes")),
    ]
}

/// Payments 100 and up, one a day, the last at the present instant.
fn paid(world: &mut World, payments: u64) {
    for number in 0..payments {
        let at = instant(NOW) - chrono::Days::new(payments - 1 - number);
        let created = instant(NOW) - TimeDelta::days(400);
        let sale = awin_sandbox::Sale { created, visible_from: created, ..sale(number + 1, NOW) };
        world.sales.push(sale.then(at, Event::Pay { payment_id: 100 + number }));
    }
}

fn ids(sandbox: &Sandbox, query: &str) -> Vec<u64> {
    let rows = get(sandbox, &format!("{PAYMENTS}{query}")).results();
    rows.iter().map(|row| row["paymentId"].as_u64().expect("an id")).collect()
}

/// The pointers of a refusal, which has to have the envelope of errors.
fn pointers(sandbox: &Sandbox, path: &str) -> (u16, Vec<String>) {
    let answer = get(sandbox, path);
    let body = answer.json();
    assert!(body["code"].is_string() && body["message"].is_string(), "{body}");
    let errors = body["errors"].as_array().expect("errors").iter();
    (answer.status, errors.map(|error| error["pointer"].as_str().expect("a pointer").to_owned()).collect())
}

#[test]
fn all_endpoints_answer_an_object_with_results() {
    let sandbox = sandbox(|world| paid(world, 1));
    for (_, _, path) in endpoints() {
        let answer = get(&sandbox, &path).json();
        assert!(answer["results"].is_array() && answer.as_object().expect("an object").len() == 1, "{path}: {answer}");
    }
}

#[test]
fn a_bad_token_gets_401_and_so_does_a_good_one_where_it_is_not_taken() {
    let sandbox = sandbox(|_| {});
    let bad = send(ureq::get(format!("{}{PAYMENTS}", sandbox.url()))).expect("an answer");
    assert_eq!((bad.status, &bad.json()["code"]), (401, &"UNAUTHORIZED".into()));
    assert_eq!(get(&sandbox, PAYMENTS).status, 200);
    sandbox.world().public.takes_token = false;
    assert_eq!(pointers(&sandbox, PAYMENTS), (401, vec![]));
    assert_eq!(get(&sandbox, "/accounts").status, 200, "still good there");
}

#[test]
fn a_missing_role_or_endpoint_concerns_one_account() {
    let sandbox = sandbox(|world| paid(world, 1));
    for (endpoint, account, path) in endpoints() {
        sandbox.world().public.role_missing.insert((endpoint, account));
        for (other, _, path) in endpoints() {
            assert_eq!(get(&sandbox, &path).status, if other == endpoint { 403 } else { 200 }, "{path}");
        }
        assert_eq!(pointers(&sandbox, &path), (403, vec![]));
        sandbox.world().public.absent.insert((endpoint, account));
        assert_eq!(pointers(&sandbox, &path), (404, vec![]));
        sandbox.world().public.role_missing.clear();
        sandbox.world().public.absent.clear();
    }
    sandbox.world().public.role_missing.insert((Payments, 1));
    assert_eq!(get(&sandbox, PAYMENTS).status, 200, "another account");
    sandbox.world().account_mut(PUBLISHER).expect("there").access = Access::Refused;
    assert_eq!(pointers(&sandbox, PAYMENTS), (403, vec![]));
}

#[test]
fn the_role_of_the_user_can_decide() {
    let sandbox = sandbox(|world| {
        paid(world, 1);
        world.public.roles_count = true;
    });
    let for_all = vec![Advertisers, Publishers, PrepaymentChanges];
    let with_full_access = [vec![Payments, Breakdowns], for_all.clone()].concat();
    let everything = [vec![BillingDocuments], with_full_access.clone()].concat();
    for (role, open) in [
        ("userViewer", &for_all),
        ("userSomethingNew", &for_all),
        ("userFullAccess", &with_full_access),
        ("userAdmin", &everything),
        ("userOwner", &everything),
    ] {
        sandbox.world().accounts.iter_mut().for_each(|account| account.role = role.to_owned());
        for (endpoint, _, path) in endpoints() {
            assert_eq!(get(&sandbox, &path).status, if open.contains(&endpoint) { 200 } else { 403 }, "{role} {path}");
        }
    }
}

#[test]
fn unknown_accounts_and_things_get_404() {
    let sandbox = sandbox(|world| paid(world, 1));
    for path in [
        "/public/v1/publishers/600001/payments",
        "/public/v1/publishers/90210/payments",
        "/public/v1/advertisers/500321/publishers",
        "/public/v1/publishers/500321/payments/99/breakdowns",
        "/public/v1/publishers/500321/payments/",
        "/public/v1/publishers/500321/payment-settings",
        "/public/v2/publishers/500321/payments",
        "/public/publishers/500321/payments",
        "/public",
    ] {
        assert_eq!(pointers(&sandbox, path), (404, vec![]), "{path}");
    }
    let post = ureq::post(format!("{}{PAYMENTS}", sandbox.url())).header("Authorization", "Bearer sandbox-token");
    let status = post.config().http_status_as_error(false).build().send_empty().expect("an answer").status();
    assert_eq!(status.as_u16(), 405);
}

#[test]
fn malformed_and_unknown_parameters_get_400_with_a_pointer() {
    let sandbox = sandbox(|world| paid(world, 1));
    let breakdowns = format!("{PAYMENTS}/100/breakdowns");
    for (path, pointer) in [
        (format!("{PAYMENTS}?limit=0"), "/limit"),
        (format!("{PAYMENTS}?limit=101"), "/limit"),
        (format!("{breakdowns}?limit=101"), "/limit"),
        (format!("{breakdowns}?limit=ten"), "/limit"),
        (format!("{breakdowns}?offset=-1"), "/offset"),
        (format!("{breakdowns}?offset=10001"), "/offset"),
        (format!("{breakdowns}?offset=1&offset=2"), "/offset"),
        (format!("{PAYMENTS}?page=2"), "/page"),
        (format!("{PAYMENTS}?accessToken=sandbox-token"), "/accessToken"),
        ("/public/v1/publishers/500321/advertisers?limit=1001".to_owned(), "/limit"),
        ("/public/v1/publishers/50x/payments".to_owned(), "/publisherId"),
        ("/public/v1/advertisers/+1/publishers".to_owned(), "/advertiserId"),
        (format!("{PAYMENTS}/x/breakdowns"), "/paymentId"),
    ] {
        assert_eq!(pointers(&sandbox, &path), (400, vec![pointer.to_owned()]), "{path}");
    }
    for path in [
        format!("{PAYMENTS}?limit=100&offset=10000"),
        format!("{breakdowns}?limit=1"),
        "/public/v1/advertisers/90210/publishers?limit=1000".to_owned(),
    ] {
        assert_eq!(get(&sandbox, &path).status, 200, "{path}");
    }
    sandbox.world().rules.strict_parameter_names = false;
    assert_eq!(get(&sandbox, &format!("{PAYMENTS}?page=2")).status, 200);
}

#[test]
fn a_page_has_25_rows_unless_asked() {
    let sandbox = sandbox(|world| paid(world, 60));
    assert_eq!(ids(&sandbox, ""), (135..160).rev().collect::<Vec<_>>());
    assert_eq!(ids(&sandbox, "?offset=25"), (110..135).rev().collect::<Vec<_>>());
    assert_eq!(ids(&sandbox, "?offset=50"), (100..110).rev().collect::<Vec<_>>());
    assert_eq!(ids(&sandbox, "?limit=2&offset=58"), [101, 100]);
    assert!(ids(&sandbox, "?offset=60").is_empty());
}

#[test]
fn the_quota_is_shared_or_its_own() {
    let call = |sandbox: &Sandbox, path: &str| get(sandbox, path).status;
    let shared = sandbox(|world| world.throttle = Throttle { limit: 2, ..Throttle::default() });
    assert_eq!([call(&shared, "/accounts"), call(&shared, PAYMENTS)], [200, 200]);
    assert_eq!([call(&shared, "/accounts"), call(&shared, PAYMENTS)], [429, 429]);

    let own = sandbox(|world| {
        world.throttle = Throttle { limit: 1, ..Throttle::default() };
        world.public.quota = Quota::Own(Throttle { limit: 2, ..Throttle::default() });
    });
    assert_eq!([call(&own, "/accounts"), call(&own, PAYMENTS), call(&own, PAYMENTS)], [200, 200, 200]);
    assert_eq!([call(&own, "/accounts"), call(&own, PAYMENTS)], [429, 429]);
}

#[test]
fn answers_say_what_is_left_of_the_quota() {
    let throttle = Throttle { limit: 3, count_refused: false, ..Throttle::default() };
    let sandbox = sandbox(|world| world.throttle = throttle);
    let left = |answer: &crate::support::Answer| answer.rate_limit.clone();
    let says = |remaining: &str| Some(("3".to_owned(), remaining.to_owned()));
    assert_eq!(left(&get(&sandbox, PAYMENTS)), says("2"));
    assert_eq!(left(&get(&sandbox, "/accounts")), None, "the legacy API says nothing");
    assert_eq!(left(&get(&sandbox, "/public/v1/nothing")), says("0"), "whatever the answer");
    let refused = get(&sandbox, PAYMENTS);
    assert_eq!((refused.status, left(&refused), &refused.json()["code"]), (429, says("0"), &"TOO_MANY_REQUESTS".into()));
    let seconds: u64 = refused.retry_after.expect("a header").parse().expect("seconds");
    assert!((55..=60).contains(&seconds), "{seconds}");

    sandbox.world().public.rate_limit_headers = false;
    sandbox.world().public.retry_after = RetryAfter::None;
    let refused = get(&sandbox, PAYMENTS);
    assert_eq!((refused.status, refused.retry_after, refused.rate_limit), (429, None, None));
    sandbox.world().throttle.enabled = false;
    sandbox.world().public.rate_limit_headers = true;
    assert_eq!(left(&get(&sandbox, PAYMENTS)), None, "nothing is counted");
    sandbox.world().public.quota = Quota::Own(Throttle { limit: 5, window: Duration::from_secs(1), ..Throttle::default() });
    assert_eq!(left(&get(&sandbox, PAYMENTS)), Some(("5".to_owned(), "4".to_owned())));
}

#[test]
fn rows_can_be_added_between_two_pages() {
    let sandbox = sandbox(|world| {
        paid(world, 4);
        let soon = instant(NOW) + TimeDelta::seconds(30);
        world.sales.push(sale(50, "2026-02-01T00:00:00Z").then(soon, Event::Pay { payment_id: 200 }));
        world.public.time_per_page = TimeDelta::minutes(1);
    });
    assert_eq!(ids(&sandbox, "?limit=2"), [103, 102]);
    assert_eq!(ids(&sandbox, "?limit=2&offset=2"), [102, 101], "a row came before them, and one is there twice");
    assert_eq!(sandbox.world().now(), instant(NOW) + TimeDelta::minutes(2));
    assert_eq!(get(&sandbox, "/accounts").status, 200);
    assert_eq!(sandbox.world().now(), instant(NOW) + TimeDelta::minutes(2), "no page of the newer API");
    let rows: Vec<Value> = parsed(&sandbox.world().truth_payments(PUBLISHER));
    assert_eq!((rows.len(), &rows[0]["paymentId"]), (5, &200.into()));
}
