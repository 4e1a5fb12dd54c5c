use chrono::{DateTime, TimeZone as _};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::super::finder::Mark;
use super::*;
use crate::protocol::SyncMode;
use crate::streams::{AccountId, AccountKind, find};

const ACCOUNT: AccountId = AccountId { kind: AccountKind::Advertiser, id: 90210 };

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// Half past three in the afternoon.
fn afternoon(text: &str) -> Moment {
    Tz::UTC.from_utc_datetime(&day(text).and_hms_opt(15, 30, 0).expect("a time"))
}

fn scope(start: &str) -> Scope {
    let (start, now) = (midnight(Tz::UTC, day(start)), afternoon("2026-11-20"));
    Scope { start, end: None, now, lookback_days: 28, mode: SyncMode::Incremental }
}

/// Read from `from` to yesterday, at the same hour.
fn known(from: &str) -> PartitionState {
    let yesterday = afternoon("2026-11-19");
    let mut known = PartitionState::new(ACCOUNT, None, &[], midnight(Tz::UTC, day(from)), yesterday);
    known.begin_days(yesterday);
    known.through = yesterday.fixed_offset();
    known
}

/// Sales of these days changed an hour ago, so many of each.
fn changes(days: impl IntoIterator<Item = (NaiveDate, u32)>) -> Changes {
    let change = minutes(&afternoon("2026-11-20")) - 60;
    let marks = days.into_iter().map(|(sold, sales)| (Mark { sold, decided: None, partner: 7 }, (change, sales)));
    let early = Tz::UTC.from_utc_datetime(&DateTime::UNIX_EPOCH.naive_utc());
    Changes { marks: marks.collect(), from: change_lanes().map(|lane| (lane.name, early)).collect(), ..Changes::default() }
}

fn planned(stream_name: &str, known: &PartitionState, changes: Option<&Changes>, scope: &Scope, per_minute: u32) -> Plan {
    let stream = find(stream_name).expect("a stream");
    let plan = plan(stream, &Partition::of(ACCOUNT), Some(known), None, scope);
    let mut reading = [Reading::new(stream, &plan, scope, changes, DateType::Transaction, &BTreeMap::new())];
    choose(&mut reading, scope);
    divide(&reading.map(|reading| (stream, reading)), scope, per_minute).remove(0)
}

/// The days that are read, in order.
fn days_of(plan: &Plan) -> Vec<NaiveDate> {
    let days = |slice: crate::streams::Slice| match slice.cut {
        crate::streams::Cut::Days(_, days) => days.iter().copied().collect::<Vec<_>>(),
        _ => slice.window().into_iter().flat_map(|window| window.days()).collect(),
    };
    plan.slices().flat_map(days).collect()
}

fn texts(days: &[NaiveDate]) -> Vec<String> {
    days.iter().map(ToString::to_string).collect()
}

#[test]
fn new_days_and_days_that_passed_a_rung_are_always_read() {
    let plan = planned("stats_by_publisher", &known("2026-09-01"), Some(&changes([])), &scope("2026-09-01"), 1);
    let days = texts(&days_of(&plan));
    assert_eq!(days[..2], ["2026-11-19", "2026-11-20"], "new days come first");
    let aged = [
        "2026-09-20",
        "2026-10-22",
        "2026-10-27",
        "2026-11-01",
        "2026-11-05",
        "2026-11-09",
        "2026-11-12",
        "2026-11-14",
        "2026-11-16",
        "2026-11-17",
        "2026-11-18",
    ];
    assert_eq!(days[2..], aged);
}

#[test]
fn without_the_lists_of_changes_the_plain_look_back_is_read() {
    let plan = planned("stats_by_publisher", &known("2026-09-01"), None, &scope("2026-09-01"), 1);
    let days = days_of(&plan);
    let look_back: Vec<NaiveDate> = day("2026-10-22").iter_days().take(30).collect();
    assert_eq!(days[..30], look_back, "through minus 28 days, to today");
    assert!(days[30..].iter().all(|old| *old < day("2026-10-22")), "{days:?}");
}

/// The ladder has moved on in the first STATE of a run that falls back. If the run dies there, the next one finds in the queue what
/// it did not read, though it has the lists again.
#[test]
fn a_rung_of_a_run_that_falls_back_and_dies_is_not_lost() {
    let (stream, scope) = (find("stats_by_publisher").expect("a stream"), scope("2026-09-01"));
    let before = known("2026-09-01");
    let first = plan(stream, &Partition::of(ACCOUNT), Some(&before), None, &scope);
    let first = Reading::new(stream, &first, &scope, None, DateType::Transaction, &BTreeMap::new());
    assert!(first.falls_back);
    let after = first.known.expect("known before");
    let next = planned("stats_by_publisher", &after, Some(&changes([])), &scope, 20);
    let aged = planned("stats_by_publisher", &before, Some(&changes([])), &scope, 20);
    let (next, aged): (BTreeSet<_>, BTreeSet<_>) = (days_of(&next).into_iter().collect(), days_of(&aged).into_iter().collect());
    assert!(aged.len() > 10 && next.is_superset(&aged), "{:?}", aged.difference(&next));
}

/// An amendment shows no date, and the next lists name it again, up to two days later: a day is read for it once, and looked at a
/// second time.
#[test]
fn an_amendment_is_news_once() {
    let (stream, start) = (find("stats_by_publisher").expect("a stream"), day("2026-09-01"));
    let amended = |rows: &[(u64, &str)]| {
        let mark = |sold: &str| Mark { sold: day(sold), decided: None, partner: 7 };
        Changes { amended: rows.iter().map(|(hash, sold)| (*hash, mark(sold))).collect(), ..changes([]) }
    };
    let deaf = |mut changes: Changes| {
        changes.from.retain(|lane, _| *lane != "amendment");
        changes
    };
    // What each sync is told, a day after the one before, and which of these days it reads.
    let story = [
        (amended(&[(1, "2026-10-01"), (2, "2026-10-03")]), vec!["2026-10-01", "2026-10-03"]),
        // A second look at both; that of the new one is due tomorrow.
        (amended(&[(1, "2026-10-01"), (2, "2026-10-03"), (3, "2026-10-05")]), vec!["2026-10-01", "2026-10-03", "2026-10-05"]),
        (amended(&[(2, "2026-10-03"), (3, "2026-10-05")]), vec!["2026-10-05"]),
        // The list breaks off: what it named counts, what it did not name is not forgotten.
        (deaf(amended(&[(4, "2026-10-05")])), vec!["2026-10-05"]),
        (amended(&[(3, "2026-10-05"), (4, "2026-10-05")]), vec!["2026-10-05"]),
        (amended(&[(3, "2026-10-05"), (4, "2026-10-05")]), vec![]),
        // The same sale is amended once more.
        (amended(&[(5, "2026-10-05")]), vec!["2026-10-05"]),
    ];
    let mut state = known("2026-09-01");
    for (sync, (told, wanted)) in story.into_iter().enumerate() {
        let now = afternoon("2026-11-20") + chrono::TimeDelta::days(i64::try_from(sync).expect("few"));
        let scope = Scope { start: midnight(Tz::UTC, start), end: None, now, lookback_days: 28, mode: SyncMode::Incremental };
        let plan = plan(stream, &Partition::of(ACCOUNT), Some(&state), None, &scope);
        let mut reading = [Reading::new(stream, &plan, &scope, Some(&told), DateType::Transaction, &BTreeMap::new())];
        choose(&mut reading, &scope);
        state = reading[0].known.clone().expect("known before");
        let text = serde_json::to_string(&state).expect("a state");
        state = serde_json::from_str(&text).expect("a state");
        let read = days_of(&divide(&reading.map(|reading| (stream, reading)), &scope, 20).remove(0));
        let october: Vec<String> =
            texts(&read).into_iter().filter(|day| ("2026-10-01".."2026-10-06").contains(&day.as_str())).collect();
        assert_eq!(october.into_iter().collect::<BTreeSet<_>>(), wanted.into_iter().map(str::to_owned).collect(), "sync {sync}");
        state.days_read(read.into_iter(), now);
        state.through = now.fixed_offset();
    }
}

#[test]
fn a_connection_that_rested_for_years_hears_of_changes_again() {
    let mut known = known("2022-09-01");
    let rested = afternoon("2024-01-01").fixed_offset();
    (known.through, known.aged) = (rested, Some(rested));
    let furthest = listed_from(afternoon("2024-01-01"), scope("2022-09-01").now);
    let listed = Changes { from: change_lanes().map(|lane| (lane.name, furthest)).collect(), ..Changes::default() };
    let scope = scope("2022-09-01");
    let stream = find("stats_by_publisher").expect("a stream");
    let plan = plan(stream, &Partition::of(ACCOUNT), Some(&known), None, &scope);
    let reading = Reading::new(stream, &plan, &scope, Some(&listed), DateType::Transaction, &BTreeMap::new());
    assert!(!reading.falls_back);
    let known = reading.known.expect("known before");
    for lane in change_lanes() {
        assert_eq!(known.heard(lane), Some(scope.now.fixed_offset()));
    }
}

/// Where an end date pins what is covered, a day passes each rung once all the same.
#[test]
fn days_of_a_range_that_has_ended_age_but_once() {
    let mut known = known("2026-01-01");
    known.through = midnight(Tz::UTC, day("2026-11-01")).fixed_offset();
    let scope = Scope { end: Some(midnight(Tz::UTC, day("2026-11-01"))), ..scope("2026-01-01") };
    let plan = planned("stats_by_publisher", &known, Some(&changes([])), &scope, 20);
    let ages: Vec<i64> = days_of(&plan).iter().map(|read| (day("2026-11-20") - *read).num_days() - 1).collect();
    assert_eq!(ages, [240, 120, 60, 28, 23]);
}

#[test]
fn a_list_that_cannot_be_had_stays_where_it_was_until_it_can() {
    let stream = find("stats_by_publisher").expect("a stream");
    let (known, scope) = (known("2026-09-01"), scope("2026-09-01"));
    let plan = plan(stream, &Partition::of(ACCOUNT), Some(&known), None, &scope);
    let read = |plan: &Plan, scope: &Scope, changes: &Changes| {
        let reading = Reading::new(stream, plan, scope, Some(changes), DateType::Transaction, &BTreeMap::new());
        (reading.falls_back, reading.known.expect("known before"))
    };
    let lists: Vec<_> = change_lanes().collect();
    let mut deaf = changes([]);
    deaf.from.retain(|name, _| *name == lists[1].name);
    let (falls_back, known) = read(&plan, &scope, &deaf);
    assert!(falls_back);
    let reached = |known: &PartitionState| lists.iter().map(|lane| known.heard(lane)).collect::<Vec<_>>();
    let (yesterday, now) = (Some(afternoon("2026-11-19").fixed_offset()), Some(scope.now.fixed_offset()));
    assert_eq!(reached(&known), [yesterday, now]);
    let later = Scope { now: scope.now + chrono::TimeDelta::days(1), ..scope };
    let plan = Plan { known: Some(known), ..plan };
    let (falls_back, known) = read(&plan, &later, &changes([]));
    assert!(!falls_back && known.lanes.is_empty());
    assert_eq!(reached(&known), [Some(later.now.fixed_offset()); 2]);
}

#[test]
fn beyond_its_share_a_partition_reads_the_most_urgent_days_that_the_allowance_pays() {
    // A hundred days, none of them on a rung; the later, the more sales.
    let changed: Vec<NaiveDate> = day("2026-04-01").iter_days().take(100).collect();
    let listed = changes(changed.iter().copied().zip(1..));
    let read = |per_minute| {
        let days = days_of(&planned("stats_by_publisher", &known("2026-01-01"), Some(&listed), &scope("2026-01-01"), per_minute));
        let read: BTreeSet<NaiveDate> = days.into_iter().filter(|day| changed.contains(day)).collect();
        read.into_iter().collect::<Vec<_>>()
    };
    // The share is the look-back and two days more; the allowance half an hour of calls.
    assert_eq!(read(1), changed[100 - 30 - 30..]);
    assert_eq!(read(2), changed[100 - 30 - 60..]);
    assert_eq!(read(20), changed);
}

#[test]
fn what_may_be_stale_is_read_from_its_newest_day_down_with_what_the_share_leaves() {
    let mut known = known("2026-01-01");
    (known.aged, known.days) = (None, None);
    let changed = [day("2026-02-01"), day("2026-02-02")];
    let plan = planned("stats_by_publisher", &known, Some(&changes(changed.map(|day| (day, 1)))), &scope("2026-01-01"), 1);
    let days = days_of(&plan);
    assert_eq!(days[2..4], changed);
    let newest: Vec<NaiveDate> = (0..28).map(|back| day("2026-11-18") - chrono::Days::new(back)).collect();
    assert_eq!(days[4..], newest, "30 days are the share, two of them changed");
}

/// Decisions of every day must not keep a range that may be stale from ever being read.
#[test]
fn however_much_changes_half_of_the_share_heals() {
    let mut known = known("2025-11-20");
    (known.aged, known.days) = (None, None);
    let changed: Vec<NaiveDate> = day("2026-07-01").iter_days().take(120).collect();
    let listed = changes(changed.iter().map(|day| (*day, 9)));
    let read = |per_minute| {
        let days = days_of(&planned("stats_by_publisher", &known, Some(&listed), &scope("2025-11-20"), per_minute));
        let changed_days = days[2..].iter().filter(|day| changed.contains(day)).count();
        (changed_days, days.len() - 2 - changed_days)
    };
    // The share is 30 days; the allowance comes on top.
    assert_eq!(read(1), (15 + 30, 15));
    assert_eq!(read(20), (120, 15));
}

#[test]
fn small_queues_keep_their_days_and_large_ones_share_the_room() {
    let scope = scope("2025-01-01");
    let stream = find("stats_by_publisher").expect("a stream");
    let reading = |days: usize| {
        let listed = changes(day("2025-02-01").iter_days().take(days).map(|day| (day, 1)));
        let plan = plan(stream, &Partition::of(ACCOUNT), Some(&known("2025-01-01")), None, &scope);
        Reading::new(stream, &plan, &scope, Some(&listed), DateType::Transaction, &BTreeMap::new())
    };
    let room = MAX_QUEUES / BYTES_A_DAY;
    let mut readings: Vec<Reading> = (0..500).map(|number| reading(if number < 100 { 600 } else { 20 })).collect();
    choose(&mut readings, &scope);
    let queued: Vec<usize> = readings.iter().map(Reading::queued).collect();
    let aged = queued[499] - 20;
    assert!(aged < 20, "days that passed a rung wait, too");
    assert!(queued[0] > 200 && queued[..100].iter().all(|days| *days == queued[0]), "{queued:?}");
    assert!(queued.iter().sum::<usize>() <= room, "{queued:?}");
    // What did not fit may be stale.
    assert_eq!(
        readings[0].known.as_ref().and_then(|known| known.days.as_ref()).map(|days| days.heal[0]),
        Some(day("2025-02-01"))
    );
    assert!(readings[499].heal.is_empty());
}

#[test]
fn a_report_that_carries_its_dates_reads_all_of_them_in_one_call() {
    let changed: Vec<NaiveDate> = day("2026-04-01").iter_days().take(100).collect();
    let listed = changes(changed.iter().map(|day| (*day, 1)));
    let plan = planned("stats_by_campaign", &known("2026-01-01"), Some(&listed), &scope("2026-01-01"), 1);
    assert_eq!(plan.calls(), 1);
    let days = days_of(&plan);
    for wanted in changed.into_iter().chain(["2026-09-20", "2026-11-18", "2026-11-19", "2026-11-20"].map(day)) {
        assert!(days.contains(&wanted), "{wanted}");
    }
    assert!(!days.contains(&day("2026-08-01")), "rows of other days stay out");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_day_is_planned_twice_and_every_day_that_is_due_is_read_within_the_budget(
        changed in proptest::collection::btree_map(0u64..330, 1u32..50, 0..300),
        moved_back in 0u64..40,
        are_listed in any::<bool>(),
        by_campaign in any::<bool>(),
    ) {
        let first = day("2026-01-01");
        let changed: Vec<(NaiveDate, u32)> =
            changed.into_iter().map(|(number, sales)| (first + chrono::Days::new(number), sales)).collect();
        let listed = changes(changed.iter().copied());
        let start = (first - chrono::Days::new(moved_back)).to_string();
        let stream = if by_campaign { "stats_by_campaign" } else { "stats_by_publisher" };
        let plan = planned(stream, &known("2026-01-01"), are_listed.then_some(&listed), &scope(&start), 20);
        let days = days_of(&plan);
        let distinct: BTreeSet<NaiveDate> = days.iter().copied().collect();
        prop_assert_eq!(distinct.len(), days.len());
        let today = day("2026-11-20");
        let due = changed.iter().map(|(day, _)| *day).filter(|day| are_listed && *day <= today);
        for wanted in due.chain([today, day("2026-11-19")]).chain(day(&start).iter_days().take_while(|day| *day < first)) {
            prop_assert!(distinct.contains(&wanted), "{} is not read", wanted);
        }
    }
}
