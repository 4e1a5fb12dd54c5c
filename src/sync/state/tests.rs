use chrono_tz::Tz;

use super::*;
use crate::streams::{find, midnight};

const ACCOUNT: AccountId = AccountId { kind: AccountKind::Publisher, id: 500_321 };

fn stream() -> &'static Stream {
    find("transactions").expect("the stream")
}

fn day(text: &str) -> Moment {
    midnight(Tz::UTC, text.parse().expect("a date"))
}

fn config(zone: &str) -> Config {
    Config::parse(&format!(r#"{{"api_token":"t","start_date":"2026-01-01","timezone":"{zone}"}}"#)).expect("a configuration")
}

/// A state in which January is covered.
fn january(mode: SyncMode, sync_id: i64) -> String {
    let mut state = StreamState::new(stream(), mode, Some(sync_id), &config("UTC"));
    let mut known = PartitionState::new(ACCOUNT, None, stream().lanes(), day("2026-01-01"), day("2026-02-01"));
    known.commit(&stream().lanes()[0], Window { from: day("2026-01-01"), to: day("2026-02-01") });
    state.partitions.push(known);
    state.next_blob().to_string()
}

fn load(blob: &str, mode: SyncMode, sync_id: Option<i64>, zone: &str) -> Result<StreamState, Failure> {
    let blob = RawValue::from_string(blob.to_owned()).expect("JSON");
    StreamState::load(stream(), Some(&blob), mode, sync_id, &config(zone))
}

#[test]
fn a_state_goes_on_only_in_its_mode_and_a_full_refresh_only_within_its_job() {
    use SyncMode::{FullRefresh, Incremental};
    for (written, sync_id, read, of, goes_on) in [
        (Incremental, 1, Incremental, Some(1), true),
        (Incremental, 1, Incremental, Some(2), true),
        (Incremental, 1, Incremental, None, true),
        (Incremental, 1, FullRefresh, Some(1), false),
        (FullRefresh, 1, FullRefresh, Some(1), true),
        (FullRefresh, 1, FullRefresh, Some(2), false),
        (FullRefresh, 0, FullRefresh, None, false),
        (FullRefresh, 1, Incremental, Some(1), false),
    ] {
        let state = load(&january(written, sync_id), read, of, "UTC").expect("a state");
        assert_eq!(state.knows(ACCOUNT), goes_on, "{written:?} {sync_id}, {read:?} {of:?}");
        assert_eq!(state.checkpoint, 1, "the states are counted on");
    }
}

#[test]
fn a_state_that_is_not_ours_is_refused_with_what_to_do() {
    let sound = january(SyncMode::Incremental, 1);
    for (blob, words) in [
        ("{}".to_owned(), "was not written by this connector"),
        ("7".to_owned(), "was not written by this connector"),
        (
            r#"{"version":2}"#.to_owned(),
            "has version 2, which this version of the connector does not know. Use a newer connector",
        ),
        (r#"{"version":0}"#.to_owned(), "has version 0, which this version of the connector does not know. Refresh"),
        (r#"{"version":1}"#.to_owned(), "cannot be read"),
        (sound.replace("2026-02-01T00:00:00", "2026-02-31T00:00:00"), "cannot be read"),
        (sound.replace("2026-02-01T00:00:00", "-0001-02-01T00:00:00"), "far outside of the calendar"),
    ] {
        let failure = load(&blob, SyncMode::Incremental, None, "UTC").expect_err(&blob);
        assert!(failure.message.contains(words), "{}", failure.message);
        assert!(failure.message.contains("Refresh the stream `transactions`"), "{}", failure.message);
    }
    let failure = load(&sound, SyncMode::Incremental, None, "Europe/Berlin").expect_err("another zone");
    assert!(failure.message.contains("`timezone` UTC") && failure.message.contains("Europe/Berlin"), "{}", failure.message);
    assert!(load(&sound, SyncMode::Incremental, None, "UTC").is_ok());
}

#[test]
fn what_is_covered_grows_at_both_ends_and_each_lane_on_its_own() {
    let [main, validation] = [&stream().lanes()[0], &stream().lanes()[1]];
    let mut known = PartitionState::new(ACCOUNT, None, stream().lanes(), day("2026-02-01"), day("2026-02-01"));
    let covered = |known: &PartitionState| [known.from, known.through].map(|moment| moment.date_naive().to_string());
    for (lane, from, to, wanted) in [
        (main, "2026-02-01", "2026-03-01", ["2026-02-01", "2026-03-01"]),
        (main, "2026-02-10", "2026-02-20", ["2026-02-01", "2026-03-01"]),
        (main, "2026-01-01", "2026-02-01", ["2026-01-01", "2026-03-01"]),
        (validation, "2026-03-01", "2026-04-01", ["2026-01-01", "2026-03-01"]),
        (main, "2026-02-20", "2026-03-10", ["2026-01-01", "2026-03-10"]),
    ] {
        known.commit(lane, Window { from: day(from), to: day(to) });
        assert_eq!(covered(&known), wanted, "{} {from} {to}", lane.name);
    }
    let reached = |lane| known.lane(lane).map(|lane: &LaneState| lane.through.date_naive().to_string());
    assert_eq!(reached(validation).as_deref(), Some("2026-04-01"));
    assert_eq!(reached(&stream().lanes()[2]).as_deref(), Some("2026-02-01"));
}

#[test]
fn the_range_of_the_configuration_cuts_what_is_covered() {
    let mut known = PartitionState::new(ACCOUNT, None, &[], day("2026-01-01"), day("2026-01-01"));
    known.through = day("2026-03-01").fixed_offset();
    for (start, end, left) in [
        ("2025-01-01", None, Some(["2026-01-01", "2026-03-01"])),
        ("2026-02-01", Some("2026-02-10"), Some(["2026-02-01", "2026-02-10"])),
        ("2026-03-01", None, Some(["2026-03-01", "2026-03-01"])),
        ("2026-03-02", None, None),
        ("2025-01-01", Some("2025-12-31"), None),
    ] {
        let mut cut = known.clone();
        let is_left = cut.clip(day(start), end.map(day));
        let found = is_left.then(|| [cut.from, cut.through].map(|moment| moment.date_naive().to_string()));
        assert_eq!(found, left.map(|left| left.map(str::to_owned)), "{start} {end:?}");
    }
}

#[test]
fn a_state_ends_in_the_future_only_if_no_clock_explains_it() {
    let mut known = PartitionState::new(ACCOUNT, None, &[], day("2026-01-01"), day("2026-01-01"));
    known.through = day("2026-03-02").fixed_offset();
    assert!(!known.is_of_the_future(day("2026-03-01")));
    assert!(known.is_of_the_future(day("2026-02-28")));
}

#[test]
fn a_range_that_may_be_stale_shrinks_by_all_the_days_that_one_call_reads() {
    let now = day("2026-02-01");
    let mut known = PartitionState::new(ACCOUNT, None, &[], day("2026-01-01"), now);
    known.begin_days(now);
    let date = |number: u32| NaiveDate::from_ymd_opt(2026, 1, number).expect("a date");
    let heal = |known: &PartitionState| known.days.as_ref().map(|days| days.heal.clone());
    known.days.as_mut().expect("days").heal = vec![date(3), date(20)];
    known.days_read((11..=20).map(date), now);
    assert_eq!(heal(&known), Some(vec![date(3), date(10)]));
    known.days_read([date(7)].into_iter(), now);
    assert_eq!(heal(&known), Some(vec![date(3), date(10)]), "the newest comes first");
    known.days_read((1..=10).map(date), now);
    assert_eq!(heal(&known), Some(vec![]));
}
