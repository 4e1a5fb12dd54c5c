//! After a sync the tables equal the sandbox's truth, row for row and digit for digit.

use awin_sandbox::{Demo, Sandbox, Throttle, World, instant};
use serde_json::json;

use crate::support::{Connector, Tables, assert_in_sync};

pub const HEART: [&str; 3] = ["transactions", "stats_by_publisher", "stats_by_creative"];

pub fn world(days_back: u32) -> World {
    let mut demo = Demo::new(11, instant("2026-11-20T15:30:00Z"));
    demo.days_back = days_back;
    let mut world = demo.build();
    world.throttle = Throttle::off();
    world
}

#[test]
fn a_first_sync_reads_all_there_is() {
    let sandbox = Sandbox::start(world(60));
    let connector = Connector::new(&sandbox, "2026-09-25").with("regions", json!(["DE", "GB", "US"]));
    let output = connector.read(&HEART, None).ok();
    let mut tables = Tables::default();
    tables.load(&output.lines);
    assert!(tables.table("transactions").len() > 100);
    assert_in_sync(&sandbox.world(), &connector.config, &tables, &HEART);
}
