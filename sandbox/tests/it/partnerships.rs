//! Partnerships of all statuses, from both sides.

use awin_sandbox::{Kind, Sandbox, Standing, instant};
use serde_json::{Value, json};

use crate::support::{ADVERTISER, NOW, PUBLISHER, busy_world, get, parsed, sandbox};

const ADVERTISERS: &str = "/public/v1/publishers/500321/advertisers";
const PUBLISHERS: &str = "/public/v1/advertisers/90210/publishers";

fn statuses(rows: &[Value], id: &str) -> Vec<(u64, String)> {
    let status = |row: &Value| row["partnership"]["status"].as_str().expect("a status").to_owned();
    rows.iter().map(|row| (row[id].as_u64().expect("an id"), status(row))).collect()
}

#[test]
fn a_publisher_has_partnerships_of_all_statuses() {
    let sandbox = sandbox(|world| world.relationships.clear());
    let all = [
        (Standing::Joined, "ACTIVE"),
        (Standing::Pending, "APPLICATION_PENDING"),
        (Standing::Rejected, "APPLICATION_REJECTED"),
        (Standing::Invited, "INVITE_PENDING"),
        (Standing::InviteRejected, "INVITE_REJECTED"),
        (Standing::Suspended, "ADVERTISER_SUSPENDED"),
        (Standing::NotJoined, "PUBLISHER_LEFT"),
    ];
    assert!(get(&sandbox, ADVERTISERS).results().is_empty(), "never anything between them");
    for (standing, status) in all {
        sandbox.world().relate(ADVERTISER, PUBLISHER, standing, instant(NOW));
        let partnership = json!({"status": status, "statusUpdatedAt": NOW});
        let name = "Lampenladen \u{201e}Hell\u{201c} DE";
        let row = json!({"advertiserId": ADVERTISER, "advertiserName": name, "partnership": partnership});
        assert_eq!(get(&sandbox, ADVERTISERS).results(), [row]);
        let row = json!({"publisherId": PUBLISHER, "publisherName": "Example Blog 1", "partnership": partnership});
        assert_eq!(get(&sandbox, PUBLISHERS).results(), [row]);
    }
}

#[test]
fn the_partnership_that_changed_last_comes_first() {
    let sandbox = sandbox(|world| {
        world.relate(81_001, PUBLISHER, Standing::Joined, instant("2026-03-09T00:00:00Z"));
        world.relate(81_002, PUBLISHER, Standing::Rejected, instant("2026-03-11T00:00:00Z"));
    });
    let rows = || statuses(&get(&sandbox, ADVERTISERS).results(), "advertiserId");
    let row = |id: u64, status: &str| (id, status.to_owned());
    assert_eq!(rows(), [row(81_001, "ACTIVE"), row(81_002, "INVITE_PENDING"), row(ADVERTISER, "ACTIVE")]);
    sandbox.world().clock.advance(chrono::TimeDelta::days(1));
    assert_eq!(rows(), [row(81_002, "APPLICATION_REJECTED"), row(81_001, "ACTIVE"), row(ADVERTISER, "ACTIVE")]);
    let truth = parsed(&sandbox.world().truth_partnerships(Kind::Publisher, PUBLISHER));
    assert_eq!(get(&sandbox, ADVERTISERS).results(), truth);
    assert_eq!(get(&sandbox, &format!("{ADVERTISERS}?limit=1&offset=2")).results(), truth[2..3]);
}

#[test]
fn closed_advertisers_are_left_out() {
    let sandbox = sandbox(|world| {
        let closing = |it: &mut awin_sandbox::Programme| it.closed = Some(instant("2026-03-11T00:00:00Z"));
        world.programmes.iter_mut().filter(|it| it.id == 81_001).for_each(closing);
    });
    let has = || get(&sandbox, ADVERTISERS).results().iter().any(|row| row["advertiserId"] == 81_001);
    assert!(has());
    sandbox.world().clock.advance(chrono::TimeDelta::days(1));
    assert!(!has());
}

#[test]
fn the_demo_has_all_statuses_and_its_legacy_answers_do_not_know_them() {
    let sandbox = Sandbox::start(busy_world());
    let mut seen: Vec<String> = Vec::new();
    for (kind, id) in [(Kind::Advertiser, ADVERTISER), (Kind::Publisher, PUBLISHER), (Kind::Publisher, PUBLISHER + 1)] {
        let rows = parsed(&sandbox.world().truth_partnerships(kind, id));
        seen.extend(rows.iter().filter_map(|row| Some(row["partnership"]["status"].as_str()?.to_owned())));
    }
    seen.sort_unstable();
    seen.dedup();
    let all = [
        "ACTIVE",
        "ADVERTISER_SUSPENDED",
        "APPLICATION_PENDING",
        "APPLICATION_REJECTED",
        "INVITE_PENDING",
        "INVITE_REJECTED",
        "PUBLISHER_LEFT",
    ];
    assert_eq!(seen, all);
    let legacy = get(&sandbox, &format!("/publishers/{PUBLISHER}/programmes?relationship=notjoined"));
    assert_eq!(legacy.ids(), [81_002]);
    assert_eq!(get(&sandbox, &format!("/advertisers/{ADVERTISER}/publishers")).rows().len(), 3);
}

/// What a reader of pages meets: a row of the second page becomes the first row of all before it is read, and one of the first page
/// goes, so that the second page begins a row too late.
#[test]
fn rows_can_move_and_go_between_two_pages() {
    let sandbox = sandbox(|world| {
        let soon = instant(NOW) + chrono::TimeDelta::seconds(30);
        let later = soon + chrono::TimeDelta::minutes(1);
        // The order at first: 81002, 81001, 90210.
        world.relate(ADVERTISER, PUBLISHER, Standing::Suspended, soon);
        world.programmes.iter_mut().filter(|it| it.id == ADVERTISER).for_each(|it| it.closed = Some(later));
        world.public.time_per_page = chrono::TimeDelta::minutes(1);
    });
    let page = |offset: u64| -> Vec<u64> {
        let rows = get(&sandbox, &format!("{ADVERTISERS}?limit=1&offset={offset}")).results();
        rows.iter().map(|row| row["advertiserId"].as_u64().expect("an id")).collect()
    };
    assert_eq!(page(0), [81_002]);
    assert_eq!(page(1), [81_002], "90210 has moved to the top, where it was not yet");
    assert_eq!(page(1), [81_001], "90210 is closed: 81002 is the first again");
    assert!(page(2).is_empty());
}
