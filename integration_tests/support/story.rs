//! A connection that is synced, changed, and synced again.

use awin_sandbox::{Sandbox, World};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Connector, Output, Tables, assert_in_sync};

pub struct Story {
    pub sandbox: Sandbox,
    pub connector: Connector,
    pub streams: &'static [&'static str],
    pub tables: Tables,
    pub state: Value,
}

impl Story {
    /// Nothing synced yet: `streams` of advertiser 90210 from `start_date` on.
    pub fn new(world: World, start_date: &str, streams: &'static [&'static str]) -> Self {
        let sandbox = Sandbox::start(world);
        let connector = Connector::new(&sandbox, start_date).with("advertiser_ids", "90210");
        Self { sandbox, connector, streams, tables: Tables::default(), state: json!([]) }
    }

    /// Syncs; all goes well.
    pub fn sync(&mut self) -> Output {
        self.connector.sees_clock_of(&self.sandbox);
        self.sandbox.clear_calls();
        let output = self.connector.read(self.streams, Some(&self.state)).ok();
        self.tables.load(&output.lines);
        self.state = output.state();
        output
    }

    /// Moves the clock.
    pub fn later(&self, days: i64) {
        self.sandbox.world().clock.advance(TimeDelta::days(days));
    }

    #[track_caller]
    pub fn assert_in_sync(&self) {
        self.assert_these_in_sync(self.streams);
    }

    #[track_caller]
    pub fn assert_these_in_sync(&self, streams: &[&str]) {
        // Rows outside of the present range stay in a destination; they are not part of the table.
        let mut tables = self.tables.clone();
        let bounds = |key: &str, open: &str| self.connector.config[key].as_str().unwrap_or(open).to_owned();
        let (start, end) = (bounds("start_date", ""), bounds("end_date", "9999"));
        for table in tables.0.values_mut() {
            table.retain(|_, row| {
                let day = row.get("transactionDate").or_else(|| row.get("date")).and_then(Value::as_str).unwrap_or_default();
                day[..10] >= *start && day[..10] <= *end
            });
        }
        assert_in_sync(&self.sandbox.world(), &self.connector.config, &tables, streams);
    }
}
