//! Transaction queries.

use std::collections::BTreeSet;

use awin_sandbox::{Complaint, Decision, Ends, QueriesShape, Query, Sandbox, decimal, instant};

use crate::support::{ADVERTISER, PUBLISHER, busy_world, get, parsed, sandbox, sorted};

/// A query asked at `asked` about a sale ten days before.
fn query(id: u64, asked: &str) -> Query {
    Query {
        id,
        advertiser_id: ADVERTISER,
        publisher_id: PUBLISHER,
        asked: instant(asked),
        transaction_date: Some(instant(asked) - chrono::TimeDelta::days(10)),
        complaint: Complaint::Untracked,
        sale: Some(decimal("64.00")),
        commission: None,
        order_ref: None,
        click_ref: Some("a1".to_owned()),
        description: None,
        decision: None,
    }
}

fn path(start: &str, end: &str, more: &str) -> String {
    format!("/publisher/{PUBLISHER}/transactionqueries?startDate={start}T00:00:00&endDate={end}T00:00:00{more}")
}

fn ids(sandbox: &Sandbox, path: &str) -> Vec<u64> {
    let mut ids: Vec<u64> = get(sandbox, path).rows().iter().filter_map(|row| row["enquiryId"].as_u64()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn each_date_type_looks_at_its_own_date() {
    let sandbox = sandbox(|world| {
        let decision = Decision { at: instant("2026-03-05T00:00:00Z"), approved: true, reason: None };
        world.queries.push(Query { decision: Some(decision), ..query(1, "2026-02-01T00:00:00Z") });
        world.queries.push(query(2, "2026-02-20T00:00:00Z"));
    });
    let february = |more: &str| ids(&sandbox, &path("2026-02-01", "2026-02-28", more));
    assert_eq!(february("&dateType=enquiryDate"), [1, 2]);
    assert_eq!(february(""), [2], "the claimed date of the sale");
    assert_eq!(february("&dateType=transactionDate"), [2]);
    assert_eq!(february("&dateType=validationDate"), Vec::<u64>::new());
    assert_eq!(ids(&sandbox, &path("2026-03-01", "2026-03-10", "&dateType=validationDate")), [1]);
    sandbox.world().rules.ends = Ends::Exclusive;
    assert_eq!(ids(&sandbox, &path("2026-02-01", "2026-02-20", "&dateType=enquiryDate")), [1]);
}

#[test]
fn a_query_is_decided_later() {
    let sandbox = sandbox(|world| {
        let decision = Decision { at: instant("2026-03-10T13:00:00Z"), approved: false, reason: Some("returned".to_owned()) };
        world.queries.push(Query { decision: Some(decision), ..query(1, "2026-03-01T00:00:00Z") });
        world.queries.push(query(2, "2026-03-10T12:30:00Z"));
    });
    let rows = || get(&sandbox, &path("2026-03-01", "2026-03-20", "&dateType=enquiryDate")).rows();
    let before = rows();
    assert_eq!(before.len(), 1);
    assert_eq!((&before[0]["enquiryStatus"], before[0]["validationDate"].is_null()), (&"pending".into(), true));
    sandbox.world().clock.advance(chrono::TimeDelta::hours(1));
    let after = rows();
    let decided = after.iter().find(|row| row["enquiryId"] == 1).expect("there");
    assert_eq!((&decided["enquiryStatus"], &decided["declineReason"]), (&"declined".into(), &"returned".into()));
    assert_eq!((&decided["validationDate"], after.len()), (&"2026-03-10T13:00:00".into(), 2));
}

#[test]
fn queries_can_be_asked_by_status_advertiser_and_click_ref() {
    let sandbox = sandbox(|world| {
        let decision = |approved| Some(Decision { at: instant("2026-02-20T00:00:00Z"), approved, reason: None });
        world.queries.push(Query { decision: decision(true), ..query(1, "2026-02-10T00:00:00Z") });
        world.queries.push(Query { decision: decision(false), ..query(2, "2026-02-10T00:00:00Z") });
        world.queries.push(Query { click_ref: None, ..query(3, "2026-02-10T00:00:00Z") });
        world.queries.push(Query { advertiser_id: 1, ..query(4, "2026-02-10T00:00:00Z") });
        world.queries.push(Query { publisher_id: 600_001, ..query(5, "2026-02-10T00:00:00Z") });
    });
    let asked = |more: &str| ids(&sandbox, &path("2026-02-01", "2026-02-28", &format!("&dateType=enquiryDate{more}")));
    assert_eq!(asked(""), [1, 2, 3, 4]);
    assert_eq!(asked("&statuses=approved,declined"), [1, 2]);
    assert_eq!(asked("&statuses=pending"), [3, 4]);
    assert_eq!((asked("&advertiserIds=1,2"), asked("&advertiserId=1")), (vec![4], vec![4]));
    assert_eq!(asked("&clickRefs=b2,a1"), [1, 2, 4]);
}

#[test]
fn pages_cover_every_row_once_in_both_shapes() {
    let sandbox = sandbox(|world| {
        world.queries = (1..=25).map(|id| query(id, "2026-02-10T00:00:00Z")).collect();
    });
    let page = |number: u64| path("2026-02-01", "2026-02-28", &format!("&dateType=enquiryDate&pageSize=10&pageNumber={number}"));
    let pages: Vec<Vec<u64>> = (1..=4).map(|number| ids(&sandbox, &page(number))).collect();
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5, 0]);
    assert_eq!(pages.concat().into_iter().collect::<BTreeSet<_>>().len(), 25);
    assert_ne!(pages[0], (1..=10).collect::<Vec<_>>(), "no order is promised");

    sandbox.world().rules.queries_shape = QueriesShape::Paged;
    let object = get(&sandbox, &page(3)).json();
    assert_eq!(object["pageItems"].as_array().map(Vec::len), Some(5));
    let totals = ["pageNumber", "pageSize", "totalPagesAvailable", "totalRowsAvailable"].map(|key| object[key].clone());
    assert_eq!(totals, [3, 10, 3, 25]);
}

#[test]
fn the_default_page_has_100_rows() {
    let sandbox = sandbox(|world| {
        world.queries = (1..=120).map(|id| query(id, "2026-02-10T00:00:00Z")).collect();
    });
    assert_eq!(ids(&sandbox, &path("2026-02-01", "2026-02-28", "&dateType=enquiryDate")).len(), 100);
}

#[test]
fn the_rows_are_the_truth_and_no_reason_is_sometimes_the_text_null() {
    let sandbox = Sandbox::start(busy_world());
    let more = "&dateType=enquiryDate&timezone=Europe/Paris&pageSize=500";
    let answered = get(&sandbox, &path("2026-01-01", "2026-01-31", more)).rows();
    let day = |text: &str| text.parse().expect("a day");
    let truth = parsed(&sandbox.world().truth_queries(PUBLISHER, "Europe/Paris", day("2026-01-01"), day("2026-01-30")));
    assert!(truth.len() > 20);
    assert_eq!(sorted(answered), sorted(truth.clone()));
    assert!(truth.iter().any(|row| row["declineReason"] == "null"));
    assert!(truth.iter().any(|row| row["declineReason"].is_null()));
}
