use chrono::TimeZone as _;

use super::*;
use crate::streams::{AccountId, AccountKind, find};

const ACCOUNT: AccountId = AccountId { kind: AccountKind::Advertiser, id: 90210 };

fn at(day: &str, hour: u32) -> Moment {
    let day: NaiveDate = day.parse().expect("a date");
    Tz::UTC.from_utc_datetime(&day.and_hms_opt(hour, 30, 0).expect("a time"))
}

fn first(day: &str) -> Moment {
    midnight(Tz::UTC, day.parse().expect("a date"))
}

fn scope(start: &str, end: Option<&str>, mode: SyncMode) -> Scope {
    Scope { start: first(start), end: end.map(first), now: at("2026-11-20", 15), lookback_days: 28, mode }
}

/// A partition that was read from `from` to yesterday, or to another `through`.
fn known(from: &str, through: Moment) -> PartitionState {
    let lanes = find("transactions").expect("the stream").lanes();
    let mut known = PartitionState::new(ACCOUNT, None, lanes, first(from), through);
    known.through = through.fixed_offset();
    known
}

/// The slices in words.
fn slices(known: Option<&PartitionState>, scope: &Scope) -> Vec<String> {
    let plan = plan(find("transactions").expect("the stream"), &Partition::of(ACCOUNT), known, None, scope);
    let slices: Vec<String> = plan.slices().map(|slice| format!("{} {}", slice.lane.name, slice.cut)).collect();
    assert_eq!(plan.calls(), slices.len() as u64);
    slices
}

const INCREMENTAL: SyncMode = SyncMode::Incremental;

#[test]
fn a_first_sync_reads_the_range_and_looks_for_deletions_in_the_look_back() {
    let wanted = [
        "transaction 2026-09-10 to 2026-10-09",
        "transaction 2026-10-10 to 2026-11-08",
        "transaction 2026-11-09 to 2026-11-20",
        "deleted 2026-10-23 to 2026-11-20",
    ];
    assert_eq!(slices(None, &scope("2026-09-10", None, INCREMENTAL)), wanted);
    assert_eq!(slices(None, &scope("2026-09-10", None, SyncMode::FullRefresh)), wanted[..3]);
    assert_eq!(slices(None, &scope("2026-11-21", None, INCREMENTAL)), [""; 0], "the range has not begun");
}

#[test]
fn a_daily_sync_is_a_call_per_lane() {
    let mut known = known("2026-01-01", at("2026-11-19", 15));
    let scope = scope("2026-01-01", None, INCREMENTAL);
    let wanted = [
        "transaction 2026-10-22 to 2026-11-20",
        "validation 2026-11-17 to 2026-11-20",
        "amendment 2026-11-17 to 2026-11-20",
        "deleted 2026-10-22 to 2026-11-20",
    ];
    assert_eq!(slices(Some(&known), &scope), wanted);
    known.retire_deleted(find("transactions").expect("the stream").lanes());
    assert_eq!(slices(Some(&known), &scope), wanted[..3], "deletions are listed anyway");
}

#[test]
fn the_look_back_is_counted_from_the_point_reached_and_stays_within_what_is_covered() {
    let scope = scope("2026-11-01", None, INCREMENTAL);
    let late = slices(Some(&known("2026-11-01", at("2026-11-10", 0))), &scope);
    assert_eq!(late[0], "transaction 2026-11-01 to 2026-11-20");
    let none = Scope { lookback_days: 0, ..scope };
    assert_eq!(slices(Some(&known("2026-11-01", at("2026-11-10", 0))), &none)[0], "transaction 2026-11-10 to 2026-11-20");
}

#[test]
fn a_start_moved_back_reads_the_missing_beginning_last_and_its_newest_window_first() {
    let slices = slices(Some(&known("2026-11-01", at("2026-11-19", 15))), &scope("2026-09-10", None, INCREMENTAL));
    let wanted = [
        "transaction 2026-11-01 to 2026-11-20",
        "validation 2026-11-17 to 2026-11-20",
        "amendment 2026-11-17 to 2026-11-20",
        "deleted 2026-11-01 to 2026-11-20",
        "transaction 2026-10-10 to 2026-10-31",
        "transaction 2026-09-10 to 2026-10-09",
    ];
    assert_eq!(slices, wanted);
}

/// Where Awin lists deleted sales on demand only, none that was read once stays as it was.
#[test]
fn what_is_read_for_another_time_is_asked_for_deletions_first() {
    let stream = find("transactions").expect("the stream");
    let partition = Partition::of(ACCOUNT);
    let narrowed = |known: &PartitionState, start, end| {
        plan(stream, &partition, Some(known), None, &scope(start, end, INCREMENTAL)).known.expect("a state")
    };
    let of_old = |known: &PartitionState, start, end| -> Vec<String> {
        let slices = slices(Some(known), &scope(start, end, INCREMENTAL));
        let old = slices.iter().filter_map(|slice| slice.strip_prefix("old_deleted "));
        assert!(slices.iter().take(old.clone().count()).all(|slice| slice.starts_with("old_deleted")), "{slices:?}");
        old.map(str::to_owned).collect()
    };
    let mut known = known("2026-09-01", at("2026-11-19", 15));
    known.aged = Some(at("2026-11-20", 10).fixed_offset());
    assert_eq!(of_old(&known, "2026-08-01", None), [""; 0], "it was never read before");
    let forward = narrowed(&known, "2026-11-01", None);
    assert_eq!(of_old(&forward, "2026-11-01", None), [""; 0], "it is not read again");
    assert_eq!(of_old(&forward, "2026-10-20", None), ["2026-10-20 to 2026-10-31"]);
    assert_eq!(of_old(&forward, "2026-08-01", None), ["2026-09-01 to 2026-09-30", "2026-10-01 to 2026-10-30", "2026-10-31"]);
    let further = narrowed(&forward, "2026-11-10", None);
    assert_eq!(of_old(&further, "2026-10-20", None), ["2026-10-20 to 2026-11-09"], "it goes on to be remembered");
    let ended = narrowed(&known, "2026-09-01", Some("2026-09-10"));
    assert_eq!(
        of_old(&ended, "2026-09-01", None),
        ["2026-09-10 to 2026-10-09", "2026-10-10 to 2026-11-08", "2026-11-09 to 2026-11-19"]
    );
    // The range lies outside of all that was read, and comes back.
    let left = narrowed(&known, "2026-11-20", None);
    assert_eq!(of_old(&left, "2026-10-20", None), ["2026-10-20 to 2026-11-18", "2026-11-19"]);
    // Nor is a start that was a mistake of next year.
    let to_come = narrowed(&known, "2027-03-01", None);
    assert!(!to_come.is_of_the_future(at("2026-11-20", 15)), "nothing would be read until then");
    assert_eq!(of_old(&to_come, "2026-10-20", None), ["2026-10-20 to 2026-11-18", "2026-11-19 to 2026-11-20"]);
    // As soon as all of it is covered again, nothing is remembered.
    let mut whole = forward;
    whole.from = known.from;
    assert_eq!(narrowed(&whole, "2026-09-01", None).once, None);
    known.retire_deleted(stream.lanes());
    assert_eq!(narrowed(&known, "2026-11-01", None).once, None, "deletions are listed anyway");
}

#[test]
fn an_end_date_limits_the_rows_but_not_the_changes_of_them() {
    let known = known("2026-01-01", at("2026-11-19", 15));
    let wanted = [
        "transaction 2026-10-04 to 2026-10-31",
        "validation 2026-11-17 to 2026-11-20",
        "amendment 2026-11-17 to 2026-11-20",
        "deleted 2026-10-04 to 2026-10-31",
    ];
    assert_eq!(slices(Some(&known), &scope("2026-01-01", Some("2026-11-01"), INCREMENTAL)), wanted);
}

#[test]
fn a_full_refresh_goes_on_where_it_stopped_and_reads_nothing_twice() {
    let known = known("2026-01-01", at("2026-11-19", 15));
    let scope = scope("2026-01-01", None, SyncMode::FullRefresh);
    assert_eq!(slices(Some(&known), &scope), ["transaction 2026-11-19 to 2026-11-20"]);
}

#[test]
fn a_state_of_the_future_is_left_as_it_is_and_nothing_is_read() {
    let known = known("2026-01-01", at("2027-03-01", 0));
    for scope in [scope("2026-01-01", None, INCREMENTAL), scope("2025-01-01", Some("2026-06-01"), INCREMENTAL)] {
        assert_eq!(slices(Some(&known), &scope), [""; 0]);
        let plan = plan(find("transactions").expect("the stream"), &Partition::of(ACCOUNT), Some(&known), None, &scope);
        assert_eq!(plan.known.as_ref(), Some(&known));
    }
}

/// What is read of a list that begins with its newest row.
fn feed(is_dated: bool, known: Option<&PartitionState>, scope: &Scope) -> Vec<String> {
    let plan = plan_feed(is_dated, &Partition::of(ACCOUNT), known, scope);
    assert_eq!(plan.calls(), plan.slices().count() as u64);
    plan.slices().map(|slice| slice.cut.to_string()).collect()
}

/// The old sales that are read again when `listed` are the last payments.
fn old(known: &PartitionState, listed: &[u64]) -> Vec<String> {
    let scope = scope("2026-01-01", None, INCREMENTAL);
    let stream = find("transactions").expect("the stream");
    let plan = plan(stream, &Partition::of(ACCOUNT), Some(known), Some(listed.to_vec()), &scope);
    assert_eq!(plan.payments.as_deref(), Some(listed));
    let again = plan.slices().filter(|slice| slice.lane.role == Role::Again);
    again.map(|slice| format!("{} {}", slice.lane.name, slice.cut)).collect()
}

#[test]
fn a_new_payment_reads_the_blocks_with_unpaid_sales_again() {
    let mut known = known("2026-06-10", at("2026-11-19", 15));
    known.payments = Some(vec![7, 8]);
    // Of 6 June and 4 September, and one that the look-back reads.
    known.unpaid = Some(vec![687, 690, 692]);
    assert_eq!(old(&known, &[7, 8]), [""; 0], "nothing was paid");
    assert_eq!(old(&known, &[]), [""; 0]);
    let wanted = ["old 2026-06-10 to 2026-07-05", "old 2026-09-04 to 2026-10-03"];
    assert_eq!(old(&known, &[9, 8]), wanted);
}

#[test]
fn blocks_that_were_never_looked_at_may_hold_unpaid_sales() {
    let known = known("2026-09-10", at("2026-11-19", 15));
    let wanted = ["old 2026-09-10 to 2026-10-03", "old 2026-10-04 to 2026-11-02"];
    assert_eq!(old(&known, &[9]), wanted);
    assert_eq!(old(&known, &[]), [""; 0]);
}

#[test]
fn a_list_is_read_down_to_a_week_before_what_is_known() {
    let ended = scope("2026-01-01", Some("2026-03-01"), INCREMENTAL);
    assert_eq!(feed(true, None, &ended), ["2026-01-01 to 2026-02-28"], "what comes after the end is not known");
    let part = known("2026-01-01", at("2026-02-20", 15));
    assert_eq!(feed(true, Some(&part), &ended), ["2026-02-13 to 2026-02-28"]);
    assert_eq!(feed(false, None, &ended), ["1970-01-01 to 2026-11-20"], "a list without dates has no end");
    let scope = scope("2026-01-01", None, INCREMENTAL);
    assert_eq!(feed(true, None, &scope), ["2026-01-01 to 2026-11-20"]);
    assert_eq!(feed(false, None, &scope), ["1970-01-01 to 2026-11-20"]);
    let read = known("2026-01-01", at("2026-11-19", 15));
    assert_eq!(feed(true, Some(&read), &scope), ["2026-11-12 to 2026-11-20"]);
    let young = known("2026-11-18", at("2026-11-19", 15));
    assert_eq!(feed(true, Some(&young), &scope), ["2026-01-01 to 2026-11-20"], "the start was moved back");
    let forward = Scope { start: first("2026-11-20"), ..scope };
    let plan = plan_feed(true, &Partition::of(ACCOUNT), Some(&read), &forward);
    assert_eq!(plan.known, None, "between what is known and the range there would be a hole");
    let narrowed = plan_feed(true, &Partition::of(ACCOUNT), Some(&read), &Scope { start: first("2026-11-15"), ..scope });
    assert_eq!(
        feed(true, narrowed.known.as_ref(), &scope),
        ["2026-01-01 to 2026-11-20"],
        "what came meanwhile was not kept up with"
    );
    let before = Scope { start: first("2025-06-01"), end: Some(first("2025-07-01")), ..scope };
    assert_eq!(plan_feed(true, &Partition::of(ACCOUNT), Some(&read), &before).known, None, "likewise");
    assert_eq!(feed(false, Some(&read), &scope), ["1970-01-01 to 2026-11-20"], "not all of it was ever read");
    let whole = known("1970-01-01", at("2026-11-19", 15));
    assert_eq!(feed(false, Some(&whole), &scope), ["2026-11-12 to 2026-11-20"]);
    assert_eq!(feed(true, Some(&known("2026-01-01", at("2027-03-01", 0))), &scope), [""; 0], "a clock was wrong");
    assert_eq!(feed(true, None, &Scope { start: first("2026-11-21"), ..scope }), [""; 0], "the range has not begun");
}

#[test]
fn a_state_outside_of_the_range_counts_as_none() {
    let known = known("2026-01-01", at("2026-03-01", 0));
    let scope = scope("2026-11-01", None, INCREMENTAL);
    assert_eq!(slices(Some(&known), &scope), slices(None, &scope));
}
