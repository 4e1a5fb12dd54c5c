//! A copy of one table that is compared with the truth after every sync of months. It keeps hashes: the rows of forty accounts
//! would not fit into memory.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use awin_sandbox::{DateType, Kind, Report, World};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use source_awin::streams::{self, Stream};

use super::exact;
use super::tables::{Asked, Row, key, readable, regions, truth_of_account};

/// A table as a destination has it, by the rule of [`super::Tables`].
pub struct Mirror {
    stream: &'static Stream,
    rows: HashMap<String, Kept>,
    /// What the truth demands of each account and day of a report.
    wanted: HashMap<(Kind, u64, NaiveDate), Wanted>,
    /// The look that first found a row wrong, while it is.
    wrong_since: HashMap<String, DateTime<Utc>>,
}

struct Kept {
    cursor: Value,
    emitted_at: u64,
    hash: u64,
    commission: f64,
}

/// The answer as the sandbox writes it, and the rows that come of it.
struct Wanted {
    answer: u64,
    rows: Vec<(String, u64, f64)>,
}

/// What a comparison found.
#[derive(Debug, Default, Clone, Copy)]
pub struct Look {
    /// In the truth.
    pub rows: usize,
    /// Those of them that the table does not have, or has otherwise.
    pub stale: usize,
    /// Approved commission in the table, and in the truth.
    pub commission: (f64, f64),
    /// From the look that first found a row wrong to this one, for the row with the longest such time.
    pub late: TimeDelta,
}

impl Mirror {
    pub fn new(stream: &str) -> Self {
        let stream = streams::find(stream).expect("a known stream");
        Self { stream, rows: HashMap::new(), wanted: HashMap::new(), wrong_since: HashMap::new() }
    }

    /// Takes in the RECORDs of a run; `seen` gets each row, and whether it is the one that the table had.
    pub fn load(&mut self, lines: &[Value], mut seen: impl FnMut(&Row, bool)) {
        for record in lines.iter().map(|line| &line["record"]).filter(|record| record["stream"] == self.stream.name) {
            let row = record["data"].as_object().expect("an object");
            let cursor = self.stream.cursor.map_or(Value::Null, |cursor| row[cursor].clone());
            let emitted_at = record["emitted_at"].as_u64().expect("a stamp");
            let kept = Kept { cursor, emitted_at, hash: hash_of(row), commission: commission(row) };
            let order = |kept: &Kept| (kept.cursor.to_string(), kept.emitted_at);
            let key = key(self.stream, row);
            let known = self.rows.get(&key);
            seen(row, known.is_some_and(|known| known.hash == kept.hash));
            if known.is_none_or(|known| order(known) <= order(&kept)) {
                self.rows.insert(key, kept);
            }
        }
    }

    /// Compares a report with the truth of now.
    pub fn look(&mut self, world: &World, config: &Value) -> Look {
        let asked = Asked::new(config, world);
        let mut look = Look::default();
        for account in readable(world, self.stream, config) {
            for day in asked.days() {
                self.demand(world, account, Asked { from: day, to: day, ..asked });
                for (key, hash, commission) in &self.wanted[&(account.0, account.1, day)].rows {
                    look.rows += 1;
                    look.commission.1 += commission;
                    if self.rows.get(key).is_some_and(|kept| kept.hash == *hash) {
                        self.wrong_since.remove(key);
                    } else {
                        look.stale += 1;
                        let since = *self.wrong_since.entry(key.clone()).or_insert(world.now());
                        look.late = look.late.max(world.now() - since);
                    }
                }
            }
        }
        look.commission.0 = self.rows.values().map(|kept| kept.commission).sum();
        look
    }

    /// The rows of a day, made anew only if the answer has changed.
    fn demand(&mut self, world: &World, account: (Kind, u64), day: Asked<'_>) {
        let (report, regions) = match self.stream.name {
            "stats_by_publisher" => (Report::Publisher, vec![None]),
            "stats_by_creative" => (Report::Creative, regions(&day, streams::REGIONS)),
            name => panic!("`{name}` is not compared day by day"),
        };
        let mut hasher = DefaultHasher::new();
        for region in regions {
            let date_type = DateType::Transaction;
            world.truth_report(report, account.0, account.1, region, day.from, date_type, day.zone).hash(&mut hasher);
        }
        let answer = hasher.finish();
        let place = (account.0, account.1, day.from);
        if self.wanted.get(&place).is_none_or(|known| known.answer != answer) {
            let rows = truth_of_account(world, self.stream, account, &day);
            let rows = rows.into_iter().map(|(key, row)| (key, hash_of(&row), commission(&row))).collect();
            self.wanted.insert(place, Wanted { answer, rows });
        }
    }

    /// Rows of the truth, and those that differ: of any stream, account by account.
    pub fn compare(&self, world: &World, config: &Value) -> (usize, usize) {
        let asked = Asked::new(config, world);
        let (mut rows, mut different) = (0, 0);
        for account in readable(world, self.stream, config) {
            for (key, row) in truth_of_account(world, self.stream, account, &asked) {
                rows += 1;
                different += usize::from(self.rows.get(&key).is_none_or(|kept| kept.hash != hash_of(&row)));
            }
        }
        (rows, different)
    }
}

/// The same whatever the order of the fields.
fn hash_of(row: &Row) -> u64 {
    let hash = |field: (&String, &Value)| {
        let mut hasher = DefaultHasher::new();
        field.hash(&mut hasher);
        hasher.finish()
    };
    row.iter().map(hash).fold(0, u64::wrapping_add)
}

fn commission(row: &Row) -> f64 {
    row.get("confirmedComm").map(exact::plain).and_then(|amount| amount.as_f64()).unwrap_or_default()
}
