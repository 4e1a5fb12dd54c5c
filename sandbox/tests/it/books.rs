//! Billing documents and prepayments of advertisers, and the rates of a day.

use std::collections::BTreeSet;

use awin_sandbox::{BillingDocument, CommissionGroup, DocumentKind, PrepaymentChange, Rate, Sandbox, World, decimal, instant};
use serde_json::{Value, json};

use crate::support::{ADVERTISER, NOW, PUBLISHER, busy_world, get, parsed, sandbox};

const DOCUMENTS: &str = "/public/v1/advertisers/90210/billing-documents";
const CHANGES: &str = "/public/v1/advertisers/90210/prepayments/link-status-changes";

fn document(world: &mut World, number: &str, kind: DocumentKind, issued: &str) {
    let (number, issued, amount) = (number.to_owned(), instant(issued), decimal("12.5"));
    world.billing_documents.push(BillingDocument { number, advertiser_id: ADVERTISER, kind, issued, amount });
}

#[test]
fn billing_documents_come_newest_first_and_by_number() {
    let sandbox = sandbox(|world| {
        world.billing_documents.clear();
        document(world, "A1", DocumentKind::Invoice, "2026-03-01T06:00:00Z");
        document(world, "A2", DocumentKind::CreditNote, "2026-03-02T23:00:00Z");
        document(world, "A3", DocumentKind::PrepaymentRefund, "2026-03-02T01:00:00Z");
        document(world, "A4", DocumentKind::PrepaymentRequest, "2026-02-02T01:00:00Z");
        document(world, "A5", DocumentKind::PrepaymentInvoice, "2026-02-03T01:00:00Z");
        document(world, "A6", DocumentKind::Invoice, "2026-04-01T06:00:00Z");
    });
    let rows = get(&sandbox, DOCUMENTS).results();
    let row = |field: &str| -> Vec<&str> { rows.iter().map(|row| row[field].as_str().expect("a text")).collect() };
    assert_eq!(row("documentNumber"), ["A3", "A2", "A1", "A5", "A4"]);
    let kinds = ["PREPAYMENT_REFUND", "CREDIT_NOTE", "INVOICE", "PREPAYMENT_INVOICE", "PREPAYMENT_REQUEST"];
    assert_eq!(row("documentType"), kinds);
    let first = json!({"documentNumber": "A3", "documentType": "PREPAYMENT_REFUND", "documentDate": "2026-03-02",
        "amount": {"amount": 12.50, "currency": "EUR"}});
    assert_eq!(rows[0], first);
    assert_eq!(get(&sandbox, &format!("{DOCUMENTS}?limit=2&offset=3")).results(), rows[3..5]);
    assert_eq!(rows, parsed(&sandbox.world().truth_billing_documents(ADVERTISER)));
}

#[test]
fn prepayment_changes_come_newest_first() {
    let sandbox = sandbox(|world| {
        let change = |at: &str, links_active, balance| PrepaymentChange {
            advertiser_id: ADVERTISER,
            at: instant(at),
            links_active,
            balance: decimal(balance),
        };
        world.prepayment_changes = vec![
            change("2026-03-01T06:00:00Z", false, "-3.05"),
            change("2026-03-02T06:00:00Z", true, "500"),
            change("2026-03-20T06:00:00Z", false, "0"),
        ];
    });
    let row = |at: &str, status: &str, balance: f64| json!({"statusChangedAt": at, "status": status, "balance": {"amount": balance, "currency": "EUR"}});
    let rows = [row("2026-03-02T06:00:00Z", "ONLINE", 500.0), row("2026-03-01T06:00:00Z", "OFFLINE", -3.05)];
    assert_eq!(get(&sandbox, CHANGES).results(), rows);
    assert_eq!(rows[..], parsed(&sandbox.world().truth_prepayment_changes(ADVERTISER)));
}

#[test]
fn the_demo_keeps_books_whose_invoices_are_the_approved_commissions() {
    let sandbox = Sandbox::start(busy_world());
    let rows = get(&sandbox, DOCUMENTS).results();
    let kinds: BTreeSet<&str> = rows.iter().filter_map(|row| row["documentType"].as_str()).collect();
    assert!(kinds.contains("INVOICE") && kinds.contains("PREPAYMENT_REQUEST"), "{kinds:?}");
    assert!(get(&sandbox, CHANGES).results().len() >= 4);
    assert!(get(&sandbox, &CHANGES.replace("90210", "90211")).results().is_empty(), "does not prepay");

    let world = sandbox.world();
    let number = |row: &Value| row["documentNumber"].as_str().expect("a number").to_owned();
    let unique: BTreeSet<String> = rows.iter().map(number).collect();
    assert_eq!(unique.len(), rows.len());
    let invoice = world.billing_documents.iter().find(|it| it.number == "90210-2026-02-01").expect("of January");
    let (start, end) = (instant("2026-01-01T00:00:00Z"), instant("2026-02-01T00:00:00Z"));
    let approved = world.sales.iter().filter(|sale| sale.advertiser_id == ADVERTISER).filter_map(|sale| {
        let (at, _) =
            sale.events.iter().find(|(at, event)| *event == awin_sandbox::Event::Approve && (start..end).contains(at))?;
        Some(sale.state(*at).commission)
    });
    assert_eq!(invoice.amount, approved.sum());
    assert!(invoice.amount > decimal("100"));
}

/// The answer for one instant.
fn rates(sandbox: &Sandbox, at: &str) -> Value {
    let path = format!("/publishers/{PUBLISHER}/commissiongroups?advertiserId={ADVERTISER}&effectiveDate={at}");
    get(sandbox, &path).json()
}

#[test]
fn rates_are_those_of_a_period_which_can_be_walked_back() {
    let sandbox = sandbox(|world| {
        let group = |id: u64, rate: &str, from: &str, until: Option<&str>| CommissionGroup {
            id,
            advertiser_id: ADVERTISER,
            code: "G".to_owned(),
            name: "Group".to_owned(),
            rate: Rate::Percentage(decimal(rate)),
            from: instant(from),
            until: until.map(instant),
        };
        world.groups = vec![
            group(1, "5", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z")),
            group(1, "6", "2026-02-01T00:00:00Z", None),
            // Comes later, and goes before the other.
            group(2, "1", "2026-02-10T00:00:00Z", Some("2026-03-01T00:00:00Z")),
            group(3, "9", "2026-04-01T00:00:00Z", None),
        ];
    });
    let period = |answer: &Value| {
        let groups = answer["commissionGroups"].as_array().expect("groups").iter();
        let rates: Vec<String> = groups.map(|group| format!("{} {}", group["groupId"], group["percentage"])).collect();
        (answer["ratesStart"].as_str().map(str::to_owned), answer["ratesEnd"].as_str().map(str::to_owned), rates.join(", "))
    };
    let wanted = [
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00", None, "1 6"),
        ("2026-02-28T23:59:59Z", "2026-02-10T00:00:00", Some("2026-03-01T00:00:00"), "1 6, 2 1"),
        ("2026-02-09T23:59:59Z", "2026-02-01T00:00:00", Some("2026-02-10T00:00:00"), "1 6"),
        ("2026-01-31T23:59:59Z", "2026-01-01T00:00:00", Some("2026-02-01T00:00:00"), "1 5"),
    ];
    for (at, start, end, groups) in wanted {
        let answer = rates(&sandbox, at);
        assert_eq!(period(&answer), (Some(start.to_owned()), end.map(str::to_owned), groups.to_owned()), "{at}");
    }
    assert_eq!(period(&rates(&sandbox, "2025-12-31T23:59:59Z")), (None, None, String::new()), "before all rates");
    let truth = parsed(&sandbox.world().truth_commission_rates(PUBLISHER, false));
    assert_eq!(truth, wanted.map(|(at, ..)| rates(&sandbox, at)));
    assert_eq!(truth[0], rates(&sandbox, NOW));
}

#[test]
fn the_demo_has_rate_periods_before_its_history() {
    let sandbox = Sandbox::start(busy_world());
    let periods = parsed(&sandbox.world().truth_commission_rates(PUBLISHER, false));
    let of = |id: u64| periods.iter().filter(move |period| period["advertiser"] == id);
    assert_eq!((of(ADVERTISER).count(), of(90_211).count(), periods.len()), (3, 3, 9));
    let default = of(ADVERTISER).map(|period| period["commissionGroups"][0]["percentage"].clone());
    assert_eq!(default.collect::<Vec<_>>(), [json!(5.0), json!(4.0), json!(3.0)]);
    let now = get(&sandbox, &format!("/publishers/{PUBLISHER}/commissiongroups?advertiserId={ADVERTISER}")).json();
    assert_eq!((now.get("ratesEnd"), now["commissionGroups"].as_array().map(Vec::len)), (None, Some(3)));
}
