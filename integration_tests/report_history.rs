//! Random histories in random worlds: after every finished sync each row of a report equals the truth, unless its day waits in the
//! state, or moved in a way that no list of changes tells and has not reached the next age at which it is read again.
//!
//! A case is half a year of sales of an advertiser and of a publisher, read by syncs at random times, of which some die, meet
//! failures, or follow a change of the configuration. `REPORT_CASES=5000 cargo test --test integration report_history` tries more
//! cases than usual.

use std::collections::BTreeMap;

use awin_sandbox::{Clicks, Clock, Kind, instant};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::Connection;
use crate::support::tables::truth;
use crate::support::unseen::{Counting, Move, Waiting, is_read_for_its_age};
use crate::support::worlds::{ADVERTISER, BEGIN, Case, Change, PUBLISHERS, Sync, case, first_sync};

/// A connection, as long as it is read.
struct Story<'c> {
    case: &'c Case,
    connection: Connection,
    /// When it was read last, whether that run ended or not.
    read: DateTime<Utc>,
}

impl<'c> Story<'c> {
    fn new(case: &'c Case) -> Self {
        let start = (first_sync() - TimeDelta::days(case.range)).date_naive();
        let mut config = json!({
            "start_date": start.to_string(), "timezone": case.zone, "lookback_days": case.lookback_days,
            "requests_per_minute": case.requests_per_minute,
            "stats_date_type": if case.by_validation { "validation" } else { "transaction" },
        });
        if case.named {
            config["regions"] = json!(["DE", "GB"]);
        }
        Self { case, connection: Connection::new(case.world(), config), read: first_sync() }
    }

    fn sync(&mut self, sync: &Sync) {
        let now = self.read + TimeDelta::hours(sync.hours_later);
        self.connection.world().clock = Clock::Fixed(now);
        self.change(sync.change.as_ref(), now);
        let trouble = sync.trouble.clone();
        let mut synced = self.connection.read(&self.case.catalog(), move |request, number| {
            let trouble = trouble.as_ref()?;
            let region = request.query.iter().find(|(name, _)| *name == "region").map(|(_, region)| region.as_str());
            let is_struck = request.path.contains(trouble.path) && number >= trouble.from_call;
            (is_struck && trouble.region.is_none_or(|struck| region == Some(struck))).then_some(trouble.wrong)
        });
        if let Some(thousandths) = sync.dies {
            synced.lines.truncate(synced.lines.len() * thousandths / 1000);
        }
        self.connection.take(&synced.lines);
        let last_read = std::mem::replace(&mut self.read, now);
        for stream in &self.case.reports {
            if synced.has_completed(stream) {
                self.assert_right(stream, last_read, sync.trouble.is_none());
            } else {
                assert!(
                    sync.dies.is_some() || sync.trouble.is_some(),
                    "`{stream}` did not complete: {:#?}",
                    synced.logs("ERROR")
                );
            }
        }
    }

    fn change(&mut self, change: Option<&Change>, now: DateTime<Utc>) {
        let date = |value: &Value| value.as_str().expect("a date").parse::<NaiveDate>().expect("a date");
        match change {
            Some(Change::MoveStart(days)) => {
                let start = date(&self.connection.config["start_date"]) + TimeDelta::days(*days);
                let latest = (now - TimeDelta::days(3)).date_naive();
                let end = Some(&self.connection.config["end_date"]).filter(|end| end.is_string()).map(date);
                let latest = end.map_or(latest, |end| end.min(latest));
                self.connection.config["start_date"] = start.clamp(instant(BEGIN).date_naive(), latest).to_string().into();
            }
            Some(Change::SetEnd(days)) => {
                let end = (now - TimeDelta::days(*days)).date_naive().max(date(&self.connection.config["start_date"]));
                self.connection.config["end_date"] = end.to_string().into();
            }
            Some(Change::RemoveEnd) => {
                self.connection.config.as_object_mut().expect("an object").remove("end_date");
            }
            Some(Change::Regions(regions)) => self.connection.config["regions"] = json!(regions),
            Some(Change::OldState) => {
                for entry in self.connection.state.as_array_mut().expect("a list") {
                    let name = entry["stream"]["stream_descriptor"]["name"].as_str().unwrap_or_default();
                    if !self.case.reports.contains(&name) {
                        continue;
                    }
                    for known in entry["stream"]["stream_state"]["accounts"].as_array_mut().into_iter().flatten() {
                        for member in ["lanes", "aged", "queue", "heal"] {
                            known.as_object_mut().expect("an object").remove(member);
                        }
                    }
                }
            }
            None => {}
        }
    }

    /// The partitions of a stream in the state, by account and region.
    fn partitions(&self, stream: &str) -> BTreeMap<(String, String), Waiting<'_>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let known = self.connection.parts(stream).into_iter();
        known.map(|known| ((text(&known["accountType"]), text(&known["region"])), Waiting(known))).collect()
    }

    fn assert_right(&self, stream: &str, last_read: DateTime<Utc>, is_calm: bool) {
        let world = self.connection.world();
        let now = world.now();
        let zone = self.case.zone.parse().expect("a zone");
        let by_validation = self.case.by_validation && stream != "stats_by_campaign";
        let counting = Counting { world: &world, zone, by_validation, is_deaf: self.case.is_deaf };
        let moves: BTreeMap<&str, Vec<Move>> = [
            ("advertiser", counting.of_account(Kind::Advertiser, ADVERTISER)),
            ("publisher", counting.of_account(Kind::Publisher, PUBLISHERS)),
        ]
        .into();
        let named: Vec<&str> =
            self.connection.config["regions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_read = |region: &str| region.is_empty() || named.is_empty() || named.contains(&region);
        let partitions = self.partitions(stream);
        let are_read = partitions.iter().filter(|((_, region), _)| is_read(region));
        for (partition, known) in are_read.filter(|_| is_calm && !self.case.is_deaf) {
            assert_eq!(known.heard("validation"), Some(now), "`{stream}` of {partition:?} is deaf");
        }
        let mut config = self.connection.config.clone();
        config["regions"] = json!(["DE", "GB"]);
        let table = self.connection.tables.table(stream);
        for (key, mut wanted) in truth(&world, stream, &config) {
            let text =
                |row: &Map<String, Value>, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let day: NaiveDate = text(&wanted, "date")[..10].parse().expect("a date");
            let mut found = table.get(&key).cloned();
            // Whatever moved, at this age a day is read.
            let has_aged = is_read_for_its_age(zone, day, last_read + TimeDelta::seconds(1), now);
            if self.case.rules.clicks == Clicks::Corrected && !has_aged {
                found.iter_mut().chain([&mut wanted]).for_each(forget_clicks);
            }
            if found.as_ref() == Some(&wanted) {
                continue;
            }
            let account = text(&wanted, "accountType");
            let region = text(&wanted, "region");
            if !is_read(&region) && !partitions.contains_key(&(account.clone(), String::new())) {
                continue;
            }
            let known = partitions.get(&(account.clone(), region)).or_else(|| partitions.get(&(account.clone(), String::new())));
            let gaps = world.gaps.iter().filter(|gap| gap.kind.name() == account);
            let turns: Vec<_> = gaps.flat_map(|gap| [gap.from, gap.until]).collect();
            let is_excused = known.is_some_and(|known| {
                known.holds(day, now) || counting.is_unseen(&moves[account.as_str()], day, &turns, |list| known.heard(list))
            });
            assert!(
                is_excused,
                "`{stream}` {key} is wrong at {now}: {found:?} instead of {wanted:?}; state {known:?}; moves {:?}",
                moves[account.as_str()].iter().filter(|it| it.day == day).collect::<Vec<_>>()
            );
        }
    }

    /// Nothing changes any more: the queue empties, and once each day has passed an age, all is right.
    fn rest(&mut self) {
        let calm = |hours_later| Sync { hours_later, dies: None, trouble: None, change: None };
        let last = {
            let world = self.connection.world();
            world
                .sales
                .iter()
                .flat_map(|sale| sale.events.iter().map(|(at, _)| *at).chain([sale.created, sale.visible_from]))
                .max()
        };
        let quiet = last.map_or(self.read, |last| last.max(self.read));
        self.sync(&calm((quiet - self.read).num_hours() + 2));
        self.change(Some(&Change::Regions(&["DE", "GB"])), self.read);
        // No more days than those.
        self.change(Some(&Change::SetEnd(1)), self.read);
        // A range of half a year heals within seven syncs, an amendment is listed for three days.
        (0..9).for_each(|_| self.sync(&calm(24)));
        for stream in &self.case.reports {
            for (partition, known) in self.partitions(stream) {
                assert!(known.is_done(), "`{stream}` of {partition:?} still waits: {known:?}");
            }
        }
        self.sync(&calm(190 * 24));
        let world = self.connection.world();
        let mut config = self.connection.config.clone();
        config["regions"] = json!(["DE", "GB"]);
        for stream in &self.case.reports {
            let table = self.connection.tables.table(stream);
            for (key, wanted) in truth(&world, stream, &config) {
                assert_eq!(table.get(&key), Some(&wanted), "`{stream}` {key} is wrong in the end");
            }
        }
    }
}

fn forget_clicks(row: &mut Map<String, Value>) {
    row.remove("clicks");
    row.remove("impressions");
    if let Some(quantity) = row.get_mut("totals").and_then(|totals| totals.get_mut("quantity")).and_then(Value::as_object_mut) {
        quantity.remove("click");
    }
}

fn run(case: &Case) {
    let mut story = Story::new(case);
    story.sync(&Sync { hours_later: 0, dies: None, trouble: None, change: None });
    case.syncs.iter().for_each(|sync| story.sync(sync));
    if case.to_the_end {
        story.rest();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("REPORT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn reports_equal_the_truth_after_every_sync_but_for_what_waits_or_cannot_be_seen(case in case()) {
        run(&case);
    }
}
