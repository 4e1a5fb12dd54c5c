//! Windows over transactions: ends, limits, date types, statuses, layers.

use awin_sandbox::{Amendment, AmendmentDate, Bulk, Deleted, Empty, Ends, Event, FutureEnd, Limit, Wrap, decimal, instant};

use crate::support::{ADVERTISER, PUBLISHER, get, sale, sandbox, transactions};

#[test]
fn a_row_on_the_very_second_of_an_end_is_in_the_window_unless_ends_are_exclusive() {
    let sandbox = sandbox(|world| {
        for (id, created) in [(1, "2026-02-01T00:00:00Z"), (2, "2026-02-01T12:00:00Z"), (3, "2026-02-02T00:00:00Z")] {
            world.sales.push(sale(id, created));
        }
    });
    let ids = || transactions(&sandbox, "2026-02-01T00:00:00", "2026-02-02T00:00:00", "").ids();
    assert_eq!(ids(), [1, 2, 3]);
    sandbox.world().rules.ends = Ends::Exclusive;
    assert_eq!(ids(), [1, 2]);
}

#[test]
fn filters_look_at_the_exact_instant() {
    let sandbox = sandbox(|world| world.sales.push(sale(1, "2026-02-01T23:59:59.500Z")));
    assert!(transactions(&sandbox, "2026-02-01T00:00:00", "2026-02-01T23:59:59", "").ids().is_empty());
    assert_eq!(transactions(&sandbox, "2026-02-01T00:00:00", "2026-02-02T00:00:00", "").ids(), [1]);
}

#[test]
fn a_window_has_at_most_31_days() {
    let sandbox = sandbox(|_| {});
    let queries = |start: &str, end: &str| {
        get(&sandbox, &format!("/publisher/{PUBLISHER}/transactionqueries?startDate={start}&endDate={end}")).status
    };
    assert_eq!(transactions(&sandbox, "2026-01-01T00:00:00", "2026-02-01T00:00:00", "").status, 200);
    assert_eq!(queries("2026-01-01T00:00:00", "2026-02-01T00:00:00"), 200);
    assert_eq!(queries("2026-01-01T00:00:00", "2026-02-01T00:00:01"), 400);
    let refused = transactions(&sandbox, "2026-01-01T00:00:00", "2026-02-01T00:00:01", "");
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.description(),
        "This endpoint only supports a date range of 31 days. Please adjust your startDate or endDate."
    );
}

#[test]
fn the_31_days_across_an_autumn_clock_change_fit_only_if_counted_by_calendar() {
    let sandbox = sandbox(|_| {});
    let status = || transactions(&sandbox, "2025-10-10T00:00:00", "2025-11-10T00:00:00", "&timezone=Europe/Berlin").status;
    assert_eq!(status(), 400);
    sandbox.world().rules.limit = Limit::ByCalendar;
    assert_eq!(status(), 200);
    let later = transactions(&sandbox, "2025-10-10T00:00:00", "2025-11-10T00:00:01", "&timezone=Europe/Berlin");
    assert_eq!(later.status, 400);
}

#[test]
fn an_end_in_the_future_is_refused_if_the_rules_say_so() {
    let sandbox = sandbox(|_| {});
    let status = |end: &str| transactions(&sandbox, "2026-03-10T00:00:00", end, "").status;
    assert_eq!(status("2026-03-10T12:00:01"), 200);
    sandbox.world().rules.future_end = FutureEnd::Refuse400;
    assert_eq!((status("2026-03-10T12:00:00"), status("2026-03-10T12:00:01")), (200, 400));
    let report = |end: &str| {
        get(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher?startDate=2026-03-10&endDate={end}")).status
    };
    assert_eq!((report("2026-03-10"), report("2026-03-11")), (200, 400));
}

#[test]
fn a_validation_window_looks_at_validation_dates_and_pending_rows_are_in_none() {
    let sandbox = sandbox(|world| {
        world.sales.push(sale(1, "2026-01-05T00:00:00Z").then(instant("2026-02-10T00:00:00Z"), Event::Approve));
        world.sales.push(sale(2, "2026-02-05T00:00:00Z"));
        let reason = "no".to_owned();
        let declined = sale(3, "2025-06-05T00:00:00Z").then(instant("2026-02-20T00:00:00Z"), Event::Decline { reason });
        world.sales.push(declined);
        let paid = sale(4, "2026-01-05T00:00:00Z").then(instant("2026-02-10T00:00:00Z"), Event::Pay { payment_id: 1 });
        world.sales.push(paid);
    });
    let ids = || transactions(&sandbox, "2026-02-01T00:00:00", "2026-02-28T00:00:00", "&dateType=validation").ids();
    assert_eq!(ids(), [1, 3]);
    sandbox.world().rules.ends = Ends::Exclusive;
    let ids = transactions(&sandbox, "2026-02-10T00:00:00", "2026-02-20T00:00:00", "&dateType=validation").ids();
    assert_eq!(ids, [1]);
}

#[test]
fn a_sale_changed_between_two_calls_is_found_by_its_new_dates() {
    let sandbox = sandbox(|world| world.sales.push(sale(1, "2026-02-01T00:00:00Z")));
    let ids = |more: &str| transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-10T00:00:00", more).ids();
    assert!(ids("&dateType=validation").is_empty() && ids("").is_empty());
    sandbox.world().sales.get_mut(1).expect("the sale").happens(instant("2026-03-02T00:00:00Z"), Event::Approve);
    assert_eq!(ids("&dateType=validation"), [1]);
    sandbox.world().sales.push(sale(2, "2026-03-02T00:00:00Z"));
    assert_eq!(ids(""), [2]);
    for sale in &mut sandbox.world().sales {
        sale.events.clear();
    }
    assert!(ids("&dateType=validation").is_empty());
    sandbox.world().sales.remove(2);
    assert!(ids("").is_empty());
}

#[test]
fn an_amendment_window_looks_at_the_last_amendment_or_at_any() {
    let amend = |sale: &str| Event::Amend { sale: decimal(sale), commission: decimal("1"), reason: "part".to_owned() };
    let sandbox = sandbox(|world| {
        world.sales.push(
            sale(1, "2025-06-05T00:00:00Z")
                .then(instant("2026-02-10T00:00:00Z"), amend("80.00"))
                .then(instant("2026-03-05T00:00:00Z"), amend("70.00")),
        );
        world.sales.push(sale(2, "2026-02-05T00:00:00Z").then(instant("2026-02-10T00:00:00Z"), Event::Approve));
    });
    let february = || transactions(&sandbox, "2026-02-01T00:00:00", "2026-02-28T00:00:00", "&dateType=amendment");
    let march = || transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-10T00:00:00", "&dateType=amendment");
    assert_eq!((february().ids(), march().ids()), (vec![], vec![1]));
    sandbox.world().rules.amendment_date = AmendmentDate::Any;
    assert_eq!((february().ids(), march().ids()), (vec![1], vec![1]));
    sandbox.world().rules.amendment = Amendment::Refused400;
    assert_eq!((february().status, february().description().as_str()), (400, "Wrong data type for parameter 'dateType'"));
}

#[test]
fn deleted_rows_are_listed_without_status_or_only_with_it() {
    let sandbox = sandbox(|world| {
        world.sales.push(sale(1, "2026-02-01T00:00:00Z").then(instant("2026-02-02T00:00:00Z"), Event::Delete));
        world.sales.push(sale(2, "2026-02-01T00:00:00Z"));
    });
    let ids = |more: &str| transactions(&sandbox, "2026-02-01T00:00:00", "2026-02-02T00:00:00", more).ids();
    assert_eq!((ids(""), ids("&status=deleted"), ids("&status=pending")), (vec![1, 2], vec![1], vec![2]));
    sandbox.world().rules.deleted = Deleted::OnlyByStatus;
    assert_eq!((ids(""), ids("&status=deleted")), (vec![2], vec![1]));
}

#[test]
fn a_sale_comes_to_light_when_it_is_visible_and_not_before_it_happened() {
    let sandbox = sandbox(|world| {
        let mut late = sale(1, "2026-03-01T00:00:00Z");
        late.visible_from = instant("2026-03-10T12:00:01Z");
        world.sales.push(late);
        let mut future = sale(2, "2026-03-11T00:00:00Z");
        future.visible_from = instant("2026-03-01T00:00:00Z");
        world.sales.push(future);
    });
    let ids = || transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-20T00:00:00", "").ids();
    assert!(ids().is_empty());
    sandbox.world().clock.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(ids(), [1]);
    sandbox.world().clock.advance(chrono::TimeDelta::days(1));
    assert_eq!(ids(), [1, 2]);
}

#[test]
fn both_sides_see_a_sale_and_can_ask_for_some_of_the_other_side() {
    let sandbox = sandbox(|world| {
        world.sales.push(sale(1, "2026-03-01T00:00:00Z"));
        let mut foreign = sale(2, "2026-03-01T00:00:00Z");
        foreign.publisher_id = 600_001;
        world.sales.push(foreign);
    });
    let window = "startDate=2026-03-01T00:00:00&endDate=2026-03-02T00:00:00";
    let ids = |path: &str| get(&sandbox, &format!("{path}&{window}")).ids();
    let (advertiser, publisher) = (
        format!("/advertisers/{ADVERTISER}/transactions/?timezone=UTC"),
        format!("/publishers/{PUBLISHER}/transactions/?timezone=UTC"),
    );
    assert_eq!((ids(&advertiser), ids(&publisher)), (vec![1, 2], vec![1]));
    assert_eq!(ids(&format!("{advertiser}&publisherId=600001")), [2]);
    assert_eq!(ids(&format!("{advertiser}&publisherId={ADVERTISER}")), Vec::<u64>::new());
    assert_eq!(ids(&format!("{publisher}&advertiserId=1,{ADVERTISER}")), [1]);
}

#[test]
fn rows_can_be_asked_by_ids_and_foreign_or_unknown_ones_are_left_out() {
    let sandbox = sandbox(|world| {
        world.sales.push(sale(1, "2025-03-01T00:00:00Z").then(instant("2026-02-02T00:00:00Z"), Event::Delete));
        world.sales.push(sale(2, "2026-03-01T00:00:00Z"));
        world.sales.push(sale(3, "2026-04-01T00:00:00Z"));
        let mut foreign = sale(4, "2026-03-01T00:00:00Z");
        foreign.advertiser_id = 81_001;
        world.sales.push(foreign);
    });
    let path = format!("/advertisers/{ADVERTISER}/transactions?ids=1,2,3,4,5");
    assert_eq!(get(&sandbox, &path).ids(), [1, 2]);
}

#[test]
fn rows_come_in_another_order_each_time_unless_shuffling_is_off() {
    let sandbox = sandbox(|world| {
        for id in 1..=30 {
            world.sales.push(sale(id, "2026-03-01T00:00:00Z"));
        }
    });
    let bodies = || [0; 3].map(|_| transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-02T00:00:00", "").body);
    let [one, two, three] = bodies();
    assert!(one != two && two != three);
    assert_eq!(one.len(), two.len());
    sandbox.world().rules.shuffle = false;
    let [one, two, three] = bodies();
    assert!(one == two && two == three);
}

#[test]
fn answers_can_be_wrapped_and_empty_ones_can_be_204() {
    let sandbox = sandbox(|world| world.sales.push(sale(1, "2026-03-01T00:00:00Z")));
    let answer = |start: &str| transactions(&sandbox, start, "2026-03-03T00:00:00", "");
    assert_eq!(answer("2026-03-02T00:00:00").body, "[]");
    sandbox.world().rules.wrap = Wrap::Body;
    let wrapped = answer("2026-03-01T00:00:00").json();
    assert_eq!((&wrapped["body"][0]["id"], &wrapped["statusCode"]), (&1.into(), &"OK".into()));
    assert_eq!(wrapped["statusCodeValue"], 200);
    sandbox.world().rules.empty = Empty::NoContent204;
    let empty = answer("2026-03-02T00:00:00");
    assert_eq!((empty.status, empty.body.as_str()), (204, ""));
}

#[test]
fn bodies_can_be_indented_and_compressed() {
    let sandbox = sandbox(|world| {
        let mut odd = sale(1, "2026-03-01T00:00:00Z");
        odd.sale = decimal("19.990");
        world.sales.push(odd);
    });
    let answer = || transactions(&sandbox, "2026-03-01T00:00:00", "2026-03-02T00:00:00", "");
    let plain = answer();
    assert_eq!(plain.encoding, None);
    sandbox.world().rules.pretty = true;
    let pretty = answer();
    assert!(pretty.body.contains("\n    \"id\": 1,") && pretty.body.contains("19.990"));
    sandbox.world().rules.gzip = true;
    assert_eq!(answer().body, pretty.body);
    assert_eq!(pretty.json(), plain.json());
    let refusing = ureq::get(format!("{}/accounts", sandbox.url())).header("Accept-Encoding", "identity");
    assert_eq!(crate::support::send(refusing).expect("an answer").encoding, None);
}

#[test]
fn bulk_rows_are_whole_rows_with_ids_of_their_own() {
    let sandbox = sandbox(|world| {
        world.bulk = Some(Bulk { rows_per_window: 1_000 });
    });
    let rows = transactions(&sandbox, "2026-02-01T00:00:00", "2026-03-01T00:00:00", "").rows();
    let first: u64 = 20_485 * 100_000_000;
    let ids: Vec<u64> = rows.iter().filter_map(|row| row["id"].as_u64()).collect();
    assert_eq!(ids, (first..first + 1_000).collect::<Vec<_>>());
    for row in &rows {
        let date = row["transactionDate"].as_str().unwrap_or_default();
        assert!(("2026-02-01T00:00:00".."2026-03-01T00:00:00").contains(&date), "{date}");
        assert_eq!(row["advertiserId"], ADVERTISER);
    }
    assert!(transactions(&sandbox, "2026-02-01T00:00:00", "2026-03-01T00:00:00", "&status=deleted").ids().is_empty());
    for rows in [0, 1, 128] {
        sandbox.world().bulk = Some(Bulk { rows_per_window: rows });
        assert_eq!(transactions(&sandbox, "2026-02-01T00:00:00", "2026-03-01T00:00:00", "").ids().len() as u64, rows);
    }
}
