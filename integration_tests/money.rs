//! The streams of Awin's newer API: payments, their breakdowns, documents and partnerships.

use std::collections::BTreeMap;

use awin_sandbox::{
    BillingDocument, Demo, DocumentKind, Endpoint, Event, Kind, Pages, PrepaymentChange, ProcessingDate, Quota, Sandbox,
    Standing, Throttle, World, decimal, instant,
};
use chrono::{Days, TimeDelta};
use serde_json::{Value, json};

use crate::support::exact;
use crate::support::tables::{assert_in_sync, stale_rows};
use crate::support::{Connection, Connector, Output, Tables};
use crate::terms::rates_change;

const NOW: &str = "2026-11-20T15:30:00Z";
const MONEY: [&str; 5] = ["payments", "payment_breakdowns", "billing_documents", "prepayment_changes", "partnerships"];
const PUBLISHERS: [&str; 3] = ["payments", "payment_breakdowns", "partnerships"];

/// Payments twice a month since January, and papers of every kind, now and in the time to come.
pub fn world() -> World {
    let mut demo = Demo::new(7, instant(NOW));
    (demo.days_back, demo.days_ahead, demo.sales_per_day) = (300, 90, 1);
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world.pay_twice_a_month();
    for (number, advertiser_id) in (0..3).flat_map(|advertiser| (0..20).map(move |number| (number, 90_210 + advertiser))) {
        let at = instant("2026-01-05T09:00:00Z") + Days::new(number * 18);
        let kinds = [DocumentKind::Invoice, DocumentKind::CreditNote, DocumentKind::PrepaymentRequest];
        let kind = kinds[usize::try_from(number).expect("small") % 3];
        let name = format!("{advertiser_id}/{number}");
        let amount = decimal("123.40");
        world.billing_documents.push(BillingDocument { number: name, advertiser_id, kind, issued: at, amount });
        let links_active = number % 2 == 1;
        world.prepayment_changes.push(PrepaymentChange { advertiser_id, at, links_active, balance: decimal("7.00") });
    }
    world
}

pub fn connector(sandbox: &Sandbox) -> Connector {
    Connector::new(sandbox, "2026-02-01")
}

fn public_calls(sandbox: &Sandbox) -> Vec<String> {
    sandbox.calls().into_iter().map(|call| call.path).filter(|path| path.starts_with("/public/")).collect()
}

fn cents(value: &Value) -> i64 {
    let text = exact::number(value).expect("a number").into_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<2.2}").parse().expect("an amount")
}

/// Asserts that breakdowns sum up to their payments, and that every sale that names a payment finds it.
fn assert_adds_up(tables: &Tables) {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for row in tables.table("payment_breakdowns").values() {
        *sums.entry(format!("{}|{}", row["accountId"], row["paymentId"])).or_default() += cents(&row["payment"]["amount"]);
    }
    let payments: BTreeMap<String, i64> = tables
        .table("payments")
        .values()
        .map(|row| (format!("{}|{}", row["accountId"], row["paymentId"]), cents(&row["amount"]["amount"])))
        .collect();
    assert!(payments.len() > 10);
    assert_eq!(sums, payments);
    let paid = tables.table("transactions");
    let paid = paid.values().filter(|row| row["accountType"] == "publisher" && row["paymentId"] != 0);
    let names: Vec<String> = paid.map(|row| format!("{}|{}", row["accountId"], row["paymentId"])).collect();
    assert!(names.len() > 100);
    assert!(names.iter().all(|name| payments.contains_key(name)));
}

#[test]
fn the_tables_are_the_truth_at_first_and_after_each_month() {
    for (zone, day, as_text, pages, most_rows) in [
        ("UTC", ProcessingDate::Instant, false, Pages::ByOffset, u64::MAX),
        ("Europe/Berlin", ProcessingDate::Day, true, Pages::ByOffset, 10),
        ("UTC", ProcessingDate::Instant, false, Pages::ByToken, 3),
    ] {
        let mut world = world();
        (world.public.processing_date, world.public.ids_as_text) = (day, as_text);
        (world.public.pages, world.public.most_rows) = (pages, most_rows);
        let sandbox = Sandbox::start(world);
        let mut connector = connector(&sandbox).with("timezone", zone);
        let (mut tables, mut state) = (Tables::default(), None);
        let streams = [&["transactions"][..], &MONEY].concat();
        for month in 0..3 {
            let output = connector.read(&streams, state.as_ref()).ok();
            assert_eq!(output.logs("WARN"), Vec::<String>::new());
            tables.load(&output.lines);
            assert_in_sync(&sandbox.world(), &connector.config, &tables, &MONEY);
            for stream in MONEY {
                assert!(tables.table(stream).len() > 5, "{stream}");
                assert!(
                    month == 0 || output.records(stream).len() < tables.table(stream).len(),
                    "{stream} is read incrementally"
                );
            }
            assert_adds_up(&tables);
            state = Some(output.state());
            let mut world = sandbox.world();
            world.clock.advance(TimeDelta::days(29));
            let now = world.now();
            for (publisher, standing) in [(500_321, Standing::Suspended), (500_322, Standing::Rejected)] {
                world.relate(90_210 + month, publisher, standing, now - TimeDelta::hours(5));
            }
            drop(world);
            connector.sees_clock_of(&sandbox);
        }
    }
}

/// The eleven streams of before make no call there, and neither does a stream of one side for accounts of the other.
#[test]
fn nothing_is_asked_of_the_public_api_unless_a_stream_of_it_is_read() {
    let sandbox = Sandbox::start(world());
    let mut legacy: Vec<&str> = source_awin::streams::STREAMS.iter().map(|stream| stream.name).collect();
    legacy.retain(|name| !MONEY.contains(name));
    connector(&sandbox).with("start_date", "2026-11-18").read(&legacy, None).ok();
    assert_eq!(public_calls(&sandbox), Vec::<String>::new());
    connector(&sandbox).with("advertiser_ids", "90210").read(&["payments", "payment_breakdowns"], None).ok();
    assert_eq!(public_calls(&sandbox), Vec::<String>::new());
}

#[test]
fn a_payment_is_read_once_and_a_quiet_day_costs_a_call_a_list() {
    let sandbox = Sandbox::start(world());
    let mut connector = connector(&sandbox).with("publisher_ids", "500321");
    let first = connector.read(&["payments", "payment_breakdowns"], None).ok();
    let payments = first.records("payments").len();
    let calls = public_calls(&sandbox);
    assert_eq!(calls.iter().filter(|path| path.ends_with("/breakdowns")).count(), payments);
    sandbox.clear_calls();
    sandbox.world().clock.advance(TimeDelta::days(1));
    connector.sees_clock_of(&sandbox);
    let second = connector.read(&["payments", "payment_breakdowns"], Some(&first.state())).ok();
    assert_eq!(public_calls(&sandbox), vec!["/public/v1/publishers/500321/payments"; 2]);
    assert_eq!(second.records("payment_breakdowns").len(), 0);
    assert_eq!(second.states("payment_breakdowns").len(), 1);
    sandbox.clear_calls();
    // Over the 1st of December.
    sandbox.world().clock.advance(TimeDelta::days(12));
    connector.sees_clock_of(&sandbox);
    let third = connector.read(&["payments", "payment_breakdowns"], Some(&second.state())).ok();
    let asked = public_calls(&sandbox).iter().filter(|path| path.ends_with("/breakdowns")).count();
    let is_new = |row: &&serde_json::Map<String, Value>| row["processingDate"].as_str() > Some("2026-12");
    let new = third.records("payments").iter().filter(is_new).count();
    assert!(new > 0 && new == asked, "{new} payments, {asked} calls");
}

/// Pages are read one after the other, and meanwhile payments are made and partnerships change.
#[test]
fn rows_that_come_and_move_between_pages_are_neither_lost_nor_doubled() {
    let by_offset = [0, 7, 90].map(|minutes| (minutes, Pages::ByOffset, u64::MAX));
    let others = [(90, Pages::ByOffset, 25), (0, Pages::ByToken, u64::MAX), (7, Pages::ByToken, 25)];
    for (minutes, pages, most_rows) in by_offset.into_iter().chain(others) {
        let mut world = world();
        (world.public.pages, world.public.most_rows) = (pages, most_rows);
        let now = world.now();
        for number in 0..350 {
            let mut sale = world.sales.iter().next().expect("a sale").clone();
            sale.id = 77_000_000 + number;
            (sale.advertiser_id, sale.publisher_id) = (90_210, 500_321);
            sale.events.retain(|(_, event)| !matches!(event, Event::Delete | Event::Pay { .. }));
            sale.happens(
                now - TimeDelta::minutes(20 * (320 - i64::try_from(number).expect("small"))),
                Event::Pay { payment_id: 9_000_000 + number },
            );
            world.sales.push(sale);
        }
        world.public.time_per_page = TimeDelta::minutes(minutes);
        let sandbox = Sandbox::start(world);
        let mut connector = connector(&sandbox).with("publisher_ids", "500321");
        let first = connector.read(&PUBLISHERS, None);
        let mut tables = Tables::default();
        let first = first.ok();
        tables.load(&first.lines);
        let state = first.state();
        sandbox.world().public.time_per_page = TimeDelta::zero();
        connector.sees_clock_of(&sandbox);
        let second = connector.read(&PUBLISHERS, Some(&state)).ok();
        tables.load(&second.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &PUBLISHERS);
        assert!(tables.table("payments").len() > 300);
    }
}

/// The stream's error, which must be its only one.
fn error_of(output: &Output, stream: &str) -> String {
    let errors = output.errors();
    let [(name, kind, message)] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!((name.as_str(), kind.as_str()), (stream, "config_error"));
    message.clone()
}

#[test]
fn a_missing_role_is_named_and_fails_that_stream_and_account_alone() {
    let endpoints = [
        (Endpoint::Payments, "payments", 500_321, "Full Access"),
        (Endpoint::Breakdowns, "payment_breakdowns", 500_321, "Full Access"),
        (Endpoint::BillingDocuments, "billing_documents", 90_210, "Admin"),
        (Endpoint::PrepaymentChanges, "prepayment_changes", 90_210, "Viewer"),
        (Endpoint::Publishers, "partnerships", 90_210, "Viewer"),
        (Endpoint::Advertisers, "partnerships", 500_321, "Viewer"),
    ];
    for (endpoint, stream, account, role) in endpoints {
        let mut world = world();
        world.public.role_missing.insert((endpoint, account));
        let sandbox = Sandbox::start(world);
        let connector = connector(&sandbox).with("advertiser_ids", "90210,90211").with("publisher_ids", "500321,500322");
        let output = connector.read(&MONEY, None);
        let message = error_of(&output, stream);
        assert!(message.contains(role) && message.contains(&account.to_string()), "{message}");
        assert!(!message.contains(&(account + 1).to_string()), "{message}");
        // The breakdowns need the list of payments, too.
        assert_eq!(message.contains("`payment_breakdowns`"), stream.starts_with("payment"), "{message}");
        assert!(!output.records(stream).is_empty(), "{stream}: the other account is read");
        for other in MONEY {
            assert!(!output.records(other).is_empty(), "{other}");
        }
        assert_eq!(output.code, Some(1));
    }
}

/// An account that was merely found is left out with a warning that names the role.
#[test]
fn a_found_account_without_the_role_is_left_out_by_name() {
    let mut world = world();
    world.public.role_missing.insert((Endpoint::BillingDocuments, 90_210));
    let sandbox = Sandbox::start(world);
    let output = connector(&sandbox).read(&["billing_documents"], None).ok();
    let warnings = output.logs("WARN");
    assert!(matches!(&warnings[..], [one] if one.contains("role Admin") && one.contains("90210")), "{warnings:?}");
}

#[test]
fn a_list_that_an_account_does_not_have_is_told_and_kills_nothing_else() {
    let mut world = world();
    world.public.absent.insert((Endpoint::PrepaymentChanges, 90_210));
    let sandbox = Sandbox::start(world);
    let named = connector(&sandbox).with("advertiser_ids", "90210,90211");
    let output = named.read(&MONEY, None);
    let message = error_of(&output, "prepayment_changes");
    assert!(message.contains("90210") && message.contains("NOT_FOUND") && !message.contains("90211"), "{message}");
    assert!(!output.records("prepayment_changes").is_empty() && !output.records("billing_documents").is_empty());
    let found = connector(&sandbox).read(&["prepayment_changes"], None).ok();
    assert!(found.logs("WARN").iter().any(|warning| warning.contains("90210")), "{:?}", found.logs("WARN"));
}

#[test]
fn a_token_that_is_not_accepted_there_fails_those_streams_alone() {
    let mut world = world();
    world.public.takes_token = false;
    let sandbox = Sandbox::start(world);
    let output = connector(&sandbox).with("publisher_ids", "500321").read(&["transactions", "payments"], None);
    let message = error_of(&output, "payments");
    assert!(message.contains("does not accept this token"), "{message}");
    assert_eq!(output.statuses("transactions").last().map(String::as_str), Some("COMPLETE"));
}

/// Six months of syncs at odd hours: calls fail, runs are killed, payments are made. After each sync that ends complete the
/// tables are the truth.
#[test]
fn through_faults_and_kills_the_tables_stay_the_truth() {
    let mut connection = Connection::new(world(), json!({"start_date": "2026-02-01", "requests_per_minute": 1000}));
    connection.through_faults_and_kills(&MONEY, 120, 9, |world, run| {
        if run.is_multiple_of(5) {
            let standing =
                [Standing::Suspended, Standing::Joined, Standing::Pending][usize::try_from(run / 5 % 3).expect("small")];
            let at = world.now() - TimeDelta::hours(3);
            world.relate(90_210 + run % 3, 500_321 + run % 2, standing, at);
        }
    });
    let state = connection.state.to_string();
    assert!(state.len() < 6_000, "{} bytes: {state}", state.len());
}

#[test]
fn an_end_date_and_a_start_that_moves_back_hold_for_what_is_dated() {
    let sandbox = Sandbox::start(world());
    let late = connector(&sandbox).with("start_date", "2026-08-01").with("end_date", "2026-10-31");
    let first = late.read(&MONEY, None).ok();
    let mut tables = Tables::default();
    tables.load(&first.lines);
    assert_in_sync(&sandbox.world(), &late.config, &tables, &MONEY);
    let early = connector(&sandbox).with("start_date", "2026-03-01").with("end_date", "2026-10-31");
    let second = early.read(&MONEY, Some(&first.state())).ok();
    tables.load(&second.lines);
    assert_in_sync(&sandbox.world(), &early.config, &tables, &MONEY);
    let partnerships = |kind: Kind, id| sandbox.world().truth_partnerships(kind, id).len();
    let all: usize = (90_210..90_213).map(|id| partnerships(Kind::Advertiser, id)).sum::<usize>()
        + (500_321..500_323).map(|id| partnerships(Kind::Publisher, id)).sum::<usize>();
    assert_eq!(tables.table("partnerships").len(), all, "whatever the start date");
}

/// What came after the end was left out, and is read once the end is gone.
#[test]
fn an_end_date_that_is_taken_away_leaves_no_hole() {
    let config = json!({"start_date": "2026-02-01", "end_date": "2026-03-31", "requests_per_minute": 1000});
    let mut connection = Connection::new(world(), config);
    for end in [json!("2026-03-31"), json!("2026-03-31"), json!("2026-06-15"), Value::Null] {
        connection.config["end_date"] = end;
        connection.sync(&MONEY);
        assert_in_sync(&connection.world(), &connection.config, &connection.tables, &MONEY);
        connection.later(TimeDelta::days(3));
    }
}

/// The range moves to days after the last sync, back, and to days before the first.
#[test]
fn a_range_that_moves_away_and_back_leaves_no_hole() {
    const STREAMS: [&str; 6] =
        ["payments", "payment_breakdowns", "billing_documents", "prepayment_changes", "commission_rates", "transaction_queries"];
    let config = json!({"start_date": "2026-08-01", "requests_per_minute": 1000});
    let mut connection = Connection::new(world(), config);
    for (days, start, end) in [
        (0, "2026-08-01", ""),
        (40, "2026-12-25", ""),
        (20, "2026-12-25", ""),
        (1, "2026-08-01", ""),
        (1, "2026-03-01", "2026-04-30"),
        (1, "2026-02-01", ""),
    ] {
        connection.later(TimeDelta::days(days));
        connection.config["start_date"] = start.into();
        connection.config["end_date"] = if end.is_empty() { Value::Null } else { end.into() };
        if days > 1 {
            let at = connection.now() - TimeDelta::days(8);
            rates_change(&mut connection.world(), 90_210, at, &format!("{days}.5"));
        }
        connection.sync(&STREAMS);
        for stream in STREAMS {
            let stale = stale_rows(&connection.world(), &connection.config, &connection.tables, stream);
            assert_eq!(stale.iter().filter(|(_, _, wanted)| wanted.is_some()).count(), 0, "`{stream}` from {start}");
        }
    }
}

/// Partnerships have no dates of the range.
#[test]
fn a_start_in_the_future_does_not_stop_a_list_without_dates() {
    let config = json!({"start_date": "2027-03-01", "publisher_ids": "500321", "requests_per_minute": 1000});
    let mut connection = Connection::new(world(), config);
    for start in ["2027-03-01", "2027-03-01", "2026-08-01"] {
        connection.config["start_date"] = start.into();
        connection.sync(&["partnerships"]);
        assert_in_sync(&connection.world(), &connection.config, &connection.tables, &["partnerships"]);
        connection.later(TimeDelta::days(1));
        let at = connection.now() - TimeDelta::hours(1);
        connection.world().relate(90_211, 500_321, Standing::Suspended, at);
    }
}

#[test]
fn a_start_that_moves_back_is_read_back_once() {
    const STREAMS: [&str; 3] = ["payments", "payment_breakdowns", "commission_rates"];
    let config = json!({"start_date": "2026-08-01", "publisher_ids": "500321", "requests_per_minute": 1000});
    let mut connection = Connection::new(world(), config);
    connection.sync(&STREAMS);
    connection.config["start_date"] = "2026-03-01".into();
    assert!(!connection.sync(&STREAMS).calls_of("/breakdowns").is_empty());
    assert_in_sync(&connection.world(), &connection.config, &connection.tables, &STREAMS);
    let programmes = connection.world().truth_programmes(500_321).len();
    for _ in 0..2 {
        connection.later(TimeDelta::hours(1));
        let again = connection.sync(&STREAMS);
        assert_eq!(again.calls_of("/breakdowns"), [""; 0]);
        assert_eq!(again.calls_of("/commissiongroups").len(), programmes, "{:#?}", again.calls);
    }
}

/// Whether Awin counts the two APIs together is not known. Either way a sync ends complete, and headers that state a limit are heeded.
#[test]
fn a_limit_that_is_shared_or_not_is_waited_for() {
    let window = std::time::Duration::from_millis(1500);
    let throttle = |limit| Throttle { enabled: true, limit, window, ..Throttle::default() };
    for quota in [Quota::Shared, Quota::Own(throttle(20)), Quota::Own(throttle(5))] {
        let mut world = world();
        (world.throttle, world.public.quota) = (throttle(20), quota);
        let sandbox = Sandbox::start(world);
        let mut connector =
            connector(&sandbox).with("requests_per_minute", 20).with("publisher_ids", "500321").with("start_date", "2026-07-01");
        connector.minute_ms = 1500;
        let output = connector.read(&[&["transactions"][..], &PUBLISHERS].concat(), None).ok();
        let mut tables = Tables::default();
        tables.load(&output.lines);
        assert_in_sync(&sandbox.world(), &connector.config, &tables, &PUBLISHERS);
    }
}
