//! What a report may still have wrong after a finished sync: reckoned from what happened to the sales, without the connector's
//! own reasoning.

use awin_sandbox::{Amendment, Booking, Event, Kind, ReportLag, Sale, World};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use source_awin::streams::midnight;

/// Ages in hours, from the end of a day, at which it is read again whatever is known of it, in every kind of run.
const RUNGS: [i64; 16] =
    [0, 1, 6, 24, 2 * 24, 3 * 24, 5 * 24, 7 * 24, 10 * 24, 14 * 24, 18 * 24, 23 * 24, 28 * 24, 60 * 24, 120 * 24, 400 * 24];
/// So long after its change a day is read a second time.
const SECOND_LOOK: TimeDelta = TimeDelta::hours(23);
/// A day that is older than two days is read once in so long a time.
const PAUSE: TimeDelta = TimeDelta::hours(20);
/// Changed days that a sync reads at least, if there are so many.
const LEAST_SHARE: usize = 30;

type Instant = DateTime<Utc>;

/// Something that moves a day of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub day: NaiveDate,
    /// When reports show it.
    pub shows: Instant,
    /// The list that names it, and by which date; none if no list does.
    pub listed: Option<(&'static str, Instant)>,
}

/// How an account's reports count.
#[derive(Debug, Clone, Copy)]
pub struct Counting<'w> {
    pub world: &'w World,
    pub zone: Tz,
    pub by_validation: bool,
    /// Whether the lists of changes are refused.
    pub is_deaf: bool,
}

/// The moment after `day`.
pub fn end_of(zone: Tz, day: NaiveDate) -> Instant {
    midnight(zone, day + Days::new(1)).to_utc()
}

/// Whether `day` passes an age at which it is read again after `from` and not after `to`.
pub fn is_read_for_its_age(zone: Tz, day: NaiveDate, from: Instant, to: Instant) -> bool {
    let end = end_of(zone, day);
    RUNGS.iter().map(|hours| end + TimeDelta::hours(*hours)).any(|rung| from <= rung && rung <= to)
}

impl Counting<'_> {
    fn day(&self, at: Instant) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// When reports show what happens at `at`.
    pub fn shows(&self, at: Instant) -> Instant {
        match self.world.rules.report_lag {
            ReportLag::None => at,
            ReportLag::Hours(hours) => at + TimeDelta::hours(hours.into()),
            ReportLag::Nightly => {
                let since_three = (at.timestamp() - 3 * 3600).rem_euclid(86_400);
                at + TimeDelta::seconds((86_400 - since_three) % 86_400)
            }
        }
    }

    /// All that moves days because of `sale`, up to now.
    pub fn moves(&self, sale: &Sale) -> Vec<Move> {
        let sold = self.day(sale.created);
        let booked = match self.world.rules.booking {
            Booking::TransactionDate => sold,
            Booking::ClickDate => self.day(sale.clicked.unwrap_or(sale.created)),
        };
        // The lists tell the day of the sale.
        let is_told = !self.is_deaf && (self.by_validation || booked == sold);
        let mut moves = Vec::new();
        let mut add = |day, at: Instant, list: Option<&'static str>| {
            let shows = self.shows(at);
            match list.filter(|_| is_told && at >= sale.visible_from) {
                Some(list) => {
                    moves.push(Move { day, shows, listed: Some((list, at)) });
                    // The second look comes too soon.
                    if shows > at + SECOND_LOOK {
                        moves.push(Move { day, shows, listed: None });
                    }
                }
                None => moves.push(Move { day, shows, listed: None }),
            }
        };
        let place = |decided: Option<NaiveDate>| if self.by_validation { decided } else { Some(booked) };
        if booked != sold {
            add(booked, sale.created, None);
        }
        if sale.visible_from > sale.created {
            let decided = sale.state(sale.visible_from).validated.map(|at| self.day(at));
            if let Some(day) = place(decided) {
                add(day, sale.visible_from, None);
            }
        }
        let mut decided: Option<NaiveDate> = None;
        for (at, event) in sale.events.iter().filter(|(at, _)| *at <= self.world.now()) {
            match event {
                Event::Approve | Event::Decline { .. } => {
                    let before = place(decided);
                    decided = Some(self.day(*at));
                    let after = place(decided);
                    if let Some(day) = before.filter(|before| Some(*before) != after) {
                        add(day, *at, None);
                    }
                    if let Some(day) = after {
                        add(day, *at, Some("validation"));
                    }
                }
                Event::Amend { .. } => {
                    let list = (self.world.rules.amendment == Amendment::Offered).then_some("amendment");
                    if let Some(day) = place(decided) {
                        add(day, *at, list);
                    }
                }
                Event::Delete => {
                    if let Some(day) = place(decided) {
                        add(day, *at, None);
                    }
                }
                Event::Pay { .. } => {}
            }
        }
        moves
    }

    /// The moves of all sales of an account.
    pub fn of_account(&self, kind: Kind, id: u64) -> Vec<Move> {
        let is_of = |sale: &&Sale| id == if kind == Kind::Advertiser { sale.advertiser_id } else { sale.publisher_id };
        self.world.sales.iter().filter(is_of).flat_map(|sale| self.moves(sale)).collect()
    }

    /// Whether `day` may be wrong now, though nothing in the state says that it waits. `turns` are when a market goes or
    /// is there again, `heard` up to when each list was read.
    pub fn is_unseen(&self, moves: &[Move], day: NaiveDate, turns: &[Instant], heard: impl Fn(&str) -> Option<Instant>) -> bool {
        let now = self.world.now();
        let is_read_since = |shows: Instant| is_read_for_its_age(self.zone, day, shows, now);
        // With reports that lag, the last hours of a day show when it is over.
        let end = end_of(self.zone, day);
        let lags = self.shows(end) > end && !is_read_since(self.shows(end));
        let has_turned = turns.iter().any(|turn| *turn <= now && !is_read_since(*turn));
        let is_missed = |it: &Move| match it.listed {
            None => !is_read_since(it.shows),
            Some((list, at)) => heard(list).is_none_or(|heard| heard < at),
        };
        lags || has_turned || moves.iter().filter(|it| it.day == day && it.shows <= now).any(is_missed)
    }
}

/// A partition of a report as the state has it.
#[derive(Debug, Clone)]
pub struct Waiting<'s>(pub &'s Value);

impl Waiting<'_> {
    /// Up to when `list` was read. Of one that could not be had, the last two days are those that would have been read again.
    pub fn heard(&self, list: &str) -> Option<Instant> {
        let lanes = self.0["lanes"].as_array().map_or(&[][..], Vec::as_slice);
        let moment = |value: &Value| value.as_str()?.parse::<Instant>().ok();
        match lanes.iter().find(|lane| lane["lane"] == list) {
            Some(behind) => moment(&behind["through"]).map(|through| through - TimeDelta::days(2)),
            None => moment(&self.0["aged"]),
        }
    }

    /// Whether `day` may wait after a finished sync at `now`: it was read a short while ago, it is too early for its second look, or
    /// there were more days than a sync may read. Or it lies in the range that may be stale.
    pub fn holds(&self, day: NaiveDate, now: Instant) -> bool {
        let heals = match self.0["heal"].as_array().map(|range| range.iter().map(date).collect::<Vec<_>>()).as_deref() {
            Some([first, last]) => *first <= day && day <= *last,
            _ => false,
        };
        let entries = self.entries();
        let (are_many, now) = (entries.len() > LEAST_SHARE, now.timestamp() / 60);
        heals || entries.iter().any(|entry| entry.day == day && !entry.is_settled() && (are_many || entry.may_wait(now)))
    }

    fn entries(&self) -> Vec<Entry> {
        let text = self.0["queue"].as_str().unwrap_or_default();
        let entry = |entry: &str| {
            let mut parts = entry.split('.');
            let number = |text: &str| i64::from_str_radix(text, 36).ok();
            let day = NaiveDate::from_num_days_from_ce_opt(i32::try_from(number(parts.next()?)?).ok()?)?;
            let (change, read) = (number(parts.next()?), number(parts.next()?));
            Some(Entry { day, change, read, has_aged: parts.next()?.ends_with('!') })
        };
        text.split_whitespace().map(|text| entry(text).expect("an entry of the queue")).collect()
    }

    /// Whether nothing waits, and no range may be stale.
    pub fn is_done(&self) -> bool {
        self.entries().iter().all(Entry::is_settled) && self.0["heal"].as_array().is_none_or(Vec::is_empty)
    }
}

/// A day of the queue; moments in minutes since 1970.
struct Entry {
    day: NaiveDate,
    change: Option<i64>,
    read: Option<i64>,
    has_aged: bool,
}

impl Entry {
    fn is_settled(&self) -> bool {
        let is_read = match (self.change, self.read) {
            (Some(change), Some(read)) => read >= change + SECOND_LOOK.num_minutes(),
            (None, read) => read.is_some(),
            (Some(_), None) => false,
        };
        is_read && !self.has_aged
    }

    fn may_wait(&self, now: i64) -> bool {
        let Some(read) = self.read.filter(|_| !self.has_aged) else { return false };
        let is_early = self.change.is_some_and(|change| read >= change && now < change + SECOND_LOOK.num_minutes());
        is_early || now < read + PAUSE.num_minutes()
    }
}

fn date(value: &Value) -> NaiveDate {
    value.as_str().expect("a date").parse().expect("a date")
}
