use proptest::prelude::*;

use super::*;

const DAY: i64 = 24 * 60;

fn day(number: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(739_000 + number).expect("a date")
}

/// Day 0 ends at minute 0.
fn end_of(of: NaiveDate) -> i64 {
    (day_number(of) - 739_000) * DAY
}

fn looks(queue: &Queue, now: i64) -> Vec<(i64, Look)> {
    queue.due(now, end_of).into_iter().map(|(day, look, _)| (end_of(day) / DAY, look)).collect()
}

#[test]
fn a_changed_day_is_looked_at_twice_and_then_leaves() {
    let mut queue = Queue::default();
    let change = 100 * DAY;
    queue.mark(day(50), change, 1);
    assert_eq!(looks(&queue, change + 10), [(50, Look::First)]);
    queue.read(day(50), change + 10);
    assert_eq!(looks(&queue, change + 11), []);
    // The same change again, as the overlap lists it, changes nothing.
    queue.mark(day(50), change, 1);
    assert_eq!(looks(&queue, change + 22 * 60), []);
    assert_eq!(looks(&queue, change + 24 * 60), [(50, Look::Second)]);
    queue.read(day(50), change + 24 * 60);
    assert_eq!(looks(&queue, change + 40 * DAY), []);
    queue.drop_done(change, day(0), day(99));
    assert!(queue.0.contains_key(&day(50)), "a list that starts there may name it again");
    queue.drop_done(change + 1, day(0), day(99));
    assert_eq!(queue, Queue::default());
}

#[test]
fn a_day_that_changes_every_hour_is_read_every_twenty_hours_unless_it_is_new() {
    let mut queue = Queue::default();
    for hour in 0..60 {
        let now = 100 * DAY + hour * 60;
        queue.mark(day(50), now, 1);
        queue.mark(day(99), now, 1);
        let due = looks(&queue, now);
        assert_eq!(due.contains(&(50, Look::First)), hour % 20 == 0, "hour {hour}");
        // Day 99 is two days old in its 24th hour here.
        assert!(hour >= 24 || due.contains(&(99, Look::First)), "hour {hour}");
        for (number, _) in due {
            queue.read(day(i32::try_from(number).expect("small")), now);
        }
    }
}

#[test]
fn young_days_come_first_then_many_sales_that_wait_long() {
    let mut queue = Queue::default();
    let now = 200 * DAY;
    queue.mark(day(10), now - 9 * DAY, 1);
    queue.mark(day(20), now - DAY, 30);
    queue.mark(day(197), now - 5, 1);
    let mut due = queue.due(now, end_of);
    due.sort_by(|a, b| b.2.partial_cmp(&a.2).expect("comparable"));
    assert_eq!(due.iter().map(|(day, ..)| end_of(*day) / DAY).collect::<Vec<_>>(), [197, 20, 10]);
    let behind = queue.behind(now).expect("three days");
    assert_eq!((behind.days, behind.pausing, behind.oldest.timestamp() / 60), (3, 0, now - 9 * DAY));
}

#[test]
fn a_day_that_changed_after_it_was_read_pauses() {
    let mut queue = Queue::default();
    let now = 200 * DAY;
    queue.mark(day(10), now - 9 * DAY, 1);
    queue.read(day(10), now - 60);
    assert_eq!(queue.behind(now), None, "it was read since");
    queue.mark(day(10), now - 30, 1);
    let behind = queue.behind(now).expect("a day");
    assert_eq!((behind.days, behind.pausing), (1, 1));
    assert_eq!(queue.behind(now + DAY).map(|behind| behind.pausing), Some(0));
}

#[test]
fn an_aged_day_is_read_once() {
    let mut queue = Queue::default();
    queue.age(day(5));
    queue.drop_done(0, day(0), day(9));
    assert_eq!(looks(&queue, 10 * DAY), [(5, Look::Age)]);
    queue.read(day(5), 10 * DAY);
    queue.drop_done(0, day(0), day(9));
    assert_eq!(queue, Queue::default());
}

#[test]
fn too_many_days_become_a_range() {
    let mut queue = Queue::default();
    (0..10).for_each(|number| queue.mark(day(number * 2), 5, 1));
    assert_eq!(queue.overflow(4), Some([day(0), day(11)]));
    assert_eq!((queue.0.len(), queue.overflow(4)), (4, None));
}

proptest! {
    #[test]
    fn a_queue_is_read_back_as_it_was_written(
        entries in proptest::collection::btree_map(
            0i32..5000,
            (proptest::option::of(0i64..40_000_000), proptest::option::of(0i64..40_000_000), any::<bool>(), any::<u32>()),
            0..50,
        ),
    ) {
        let entries = entries.into_iter().map(|(number, (change, read, has_aged, sales))| {
            (day(number), Entry { change, read, has_aged, sales })
        });
        let queue = Queue(entries.collect());
        let text = serde_json::to_string(&queue).expect("a text");
        prop_assert_eq!(serde_json::from_str::<Queue>(&text).expect("a queue"), queue);
    }
}
