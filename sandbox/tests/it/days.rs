//! Clock changes: which instants a local window means, and which a local day.

use crate::support::{ADVERTISER, get, sale, sandbox, transactions};
use awin_sandbox::Sandbox;

/// Sales before, in and after both clock changes of Berlin in 2025, at whole UTC half-hours.
fn around_the_changes() -> Sandbox {
    sandbox(|world| {
        for (id, created) in [
            (1, "2025-03-30T00:30:00Z"),
            (2, "2025-03-30T01:00:00Z"),
            (3, "2025-03-30T01:30:00Z"),
            (11, "2025-10-26T00:30:00Z"),
            (12, "2025-10-26T01:30:00Z"),
            (13, "2025-10-26T02:30:00Z"),
        ] {
            world.sales.push(sale(id, created));
        }
    })
}

fn berlin(sandbox: &Sandbox, start: &str, end: &str) -> Vec<u64> {
    transactions(sandbox, start, end, "&timezone=Europe/Berlin").ids()
}

#[test]
fn the_repeated_hour_of_autumn_begins_early_as_a_start_and_ends_late_as_an_end() {
    let sandbox = around_the_changes();
    assert_eq!(berlin(&sandbox, "2025-10-26T02:30:00", "2025-10-26T02:30:00"), [11, 12]);
    assert_eq!(berlin(&sandbox, "2025-10-26T00:00:00", "2025-10-26T02:29:59"), [11]);
    assert_eq!(berlin(&sandbox, "2025-10-26T03:00:00", "2025-10-26T04:00:00"), [13]);
}

#[test]
fn both_passes_of_the_repeated_hour_are_stamped_alike() {
    let sandbox = around_the_changes();
    let rows = transactions(&sandbox, "2025-10-26T00:00:00", "2025-10-26T12:00:00", "&timezone=Europe/Berlin").rows();
    let mut stamps: Vec<&str> = rows.iter().filter_map(|row| row["transactionDate"].as_str()).collect();
    stamps.sort_unstable();
    assert_eq!(stamps, ["2025-10-26T02:30:00", "2025-10-26T02:30:00", "2025-10-26T03:30:00"]);
}

#[test]
fn the_skipped_hour_of_spring_means_the_instant_after_it() {
    let sandbox = around_the_changes();
    assert_eq!(berlin(&sandbox, "2025-03-30T02:15:00", "2025-03-30T12:00:00"), [2, 3]);
    assert_eq!(berlin(&sandbox, "2025-03-30T00:00:00", "2025-03-30T02:45:00"), [1, 2]);
}

#[test]
fn report_days_are_days_of_the_zone() {
    let sandbox = sandbox(|world| {
        for (id, created) in
            [(1, "2025-10-25T22:00:00Z"), (2, "2025-10-26T22:59:59Z"), (3, "2025-10-26T23:00:00Z"), (4, "2025-10-25T21:59:59Z")]
        {
            world.sales.push(sale(id, created));
        }
    });
    let number = |zone: &str| {
        let query = format!("startDate=2025-10-26&endDate=2025-10-26&timezone={zone}");
        get(&sandbox, &format!("/advertisers/{ADVERTISER}/reports/publisher?{query}")).rows()[0]["totalNo"].clone()
    };
    assert_eq!(number("Europe/Berlin"), 2, "25 hours, the ends excepted");
    assert_eq!(number("UTC"), 2);
    assert_eq!(number("Europe/London"), 2);
}
