//! The days of a report that are to be read again, and why: a change that a list of changes named, or their age. Pure.
//!
//! A day that a change named is looked at twice: reports may lag behind transactions, nothing says by how much. It stays in the
//! queue until it was read long enough after its change, and until no list can name that change any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A second look, so long after the change, sees it even if reports lag behind.
const SECOND_LOOK_MINUTES: i64 = 23 * 60;
/// A day that is older than two days is read at most once in so long a time.
const PAUSE_MINUTES: i64 = 20 * 60;
/// Days younger than this come first, whatever else waits.
const YOUNG_MINUTES: i64 = 7 * 24 * 60;
/// Days younger than this are read as often as they change.
const NEW_MINUTES: i64 = 2 * 24 * 60;
/// Amended sales whose listing is remembered: those beyond are taken for new as long as they are listed.
const MOST_AMENDED: usize = 100;

/// Why a day is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It has passed a rung of the ladder.
    Age,
    /// It was not read since its change.
    First,
    /// It was read since its change, but perhaps too soon.
    Second,
}

/// A day that waits. Moments are minutes since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Entry {
    /// Its newest change; none if only its age brought it here.
    change: Option<i64>,
    /// When it was read last.
    read: Option<i64>,
    /// Whether its age alone is a reason to read it.
    has_aged: bool,
    /// Sales that changed since it was read.
    sales: u32,
}

/// The days that wait, oldest first. In the state it is a text: per day its number, change, reading and sales.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Queue(BTreeMap<NaiveDate, Entry>);

/// Days that were not read since their change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) days: usize,
    /// Those of them that were read so lately that they are not read again yet.
    pub(super) pausing: usize,
    /// The oldest such change.
    pub(super) oldest: DateTime<Utc>,
}

impl Behind {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self { days: self.days + other.days, pausing: self.pausing + other.pausing, oldest: self.oldest.min(other.oldest) }
    }
}

/// Which days of a report wait to be read again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DaysState {
    /// Days that changed or aged.
    pub(super) queue: Queue,
    /// First and last day of a range that may be stale, read with what the budget leaves; empty if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heal: Vec<NaiveDate>,
    /// Hashes of the amended sales that were listed last: the next lists name them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) amended: Vec<u64>,
}

/// Nothing without its members, an error where they cannot be read: an `Option` that is flattened takes both for nothing.
pub(super) fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DaysState>, D::Error> {
    #[derive(Deserialize)]
    struct Members {
        queue: Option<Queue>,
        heal: Option<Vec<NaiveDate>>,
        #[serde(default)]
        amended: Vec<u64>,
    }
    let Members { queue, heal, amended } = Members::deserialize(deserializer)?;
    if heal.as_ref().is_some_and(|heal| ![0, 2].contains(&heal.len())) {
        return Err(D::Error::custom("`heal` is not a first and a last day"));
    }
    let is_there = queue.is_some() || heal.is_some();
    Ok(is_there.then(|| DaysState { queue: queue.unwrap_or_default(), heal: heal.unwrap_or_default(), amended }))
}

impl DaysState {
    /// Marks the days of the amended sales that were `listed`, by the hash of their rows. An amendment shows no date: it is as new
    /// as the run that lists it first, at `now` in minutes. The next lists name it again, which is no news, and `all` says whether
    /// those that are not listed any more may be forgotten.
    pub(super) fn hear_amendments(&mut self, listed: impl Iterator<Item = (u64, NaiveDate)>, all: bool, now: i64) {
        let mut known: BTreeSet<u64> = self.amended.drain(..).collect();
        let (mut heard, mut news) = (BTreeSet::new(), BTreeMap::new());
        for (hash, day) in listed {
            heard.insert(hash);
            if !known.contains(&hash) {
                *news.entry(day).or_insert(0) += 1;
            }
        }
        for (day, sales) in news {
            self.queue.mark(day, now, sales);
        }
        if !all {
            heard.append(&mut known);
        }
        self.amended = heard.into_iter().take(MOST_AMENDED).collect();
    }

    /// The days `read` were read at `now`, in minutes.
    pub(super) fn read(&mut self, read: &BTreeSet<NaiveDate>, now: i64) {
        for day in read {
            self.queue.read(*day, now);
        }
        // The range is read from its newest day down; what waits in the queue is not the range's concern.
        while let [first, last] = self.heal[..]
            && (read.contains(&last) || self.queue.holds(last))
        {
            self.heal = last.pred_opt().filter(|last| *last >= first).map_or(Vec::new(), |last| vec![first, last]);
        }
    }
}

/// How urgent a day is: the greater, the sooner.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Urgency {
    is_young: bool,
    weight: f64,
}

pub(super) fn minutes<Z: TimeZone>(moment: &DateTime<Z>) -> i64 {
    moment.timestamp().div_euclid(60)
}

impl Queue {
    /// `day` changed at `change` by `sales` sales. A change that is known already changes nothing.
    pub(super) fn mark(&mut self, day: NaiveDate, change: i64, sales: u32) {
        let entry = self.0.entry(day).or_default();
        if entry.change.is_none_or(|known| change > known) {
            entry.change = Some(change);
            entry.sales = entry.sales.saturating_add(sales);
        }
    }

    /// `day` has passed a rung.
    pub(super) fn age(&mut self, day: NaiveDate) {
        self.0.entry(day).or_default().has_aged = true;
    }

    /// `day` was read at `now`.
    pub(super) fn read(&mut self, day: NaiveDate, now: i64) {
        if let Some(entry) = self.0.get_mut(&day) {
            *entry = Entry { read: Some(now), has_aged: false, sales: 0, ..*entry };
        }
    }

    /// Drops what is done: days read long enough after their change, which no list that starts at `listed_from` names any more,
    /// and days outside of `first..=last`.
    pub(super) fn drop_done(&mut self, listed_from: i64, first: NaiveDate, last: NaiveDate) {
        self.0.retain(|day, entry| {
            let is_settled = match (entry.change, entry.read) {
                (None, _) => true,
                (Some(change), Some(read)) => read >= change + SECOND_LOOK_MINUTES && change < listed_from,
                (Some(_), None) => false,
            };
            (first..=last).contains(day) && (entry.has_aged || !is_settled)
        });
    }

    /// The days to be read at `now`, and why, oldest first. `end_of` returns the minute at which a day ends.
    pub(super) fn due(&self, now: i64, end_of: impl Fn(NaiveDate) -> i64) -> Vec<(NaiveDate, Look, Urgency)> {
        let due = |(day, entry): (&NaiveDate, &Entry)| {
            let age = now - end_of(*day);
            let look = entry.look(now, age)?;
            Some((*day, look, entry.urgency(look, now, age)))
        };
        self.0.iter().filter_map(due).collect()
    }

    /// Days that wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `day` waits.
    pub(super) fn holds(&self, day: NaiveDate) -> bool {
        self.0.contains_key(&day)
    }

    /// The days that were not read since their change, as of `now`; `None` if there are none.
    pub(super) fn behind(&self, now: i64) -> Option<Behind> {
        let waiting = self.0.values().filter(|entry| entry.is_unread());
        let oldest = waiting.clone().filter_map(|entry| entry.change).min()?;
        let oldest = Utc.timestamp_opt(oldest * 60, 0).single()?;
        Some(Behind { days: waiting.clone().count(), pausing: waiting.filter(|entry| entry.pauses(now)).count(), oldest })
    }

    /// The oldest days beyond `most`, which are forgotten here: the range that holds them.
    pub(super) fn overflow(&mut self, most: usize) -> Option<[NaiveDate; 2]> {
        let too_many = self.0.len().checked_sub(most).filter(|too_many| *too_many > 0)?;
        let first = *self.0.keys().next()?;
        let kept_from = *self.0.keys().nth(too_many)?;
        self.0 = self.0.split_off(&kept_from);
        Some([first, kept_from.pred_opt()?])
    }
}

impl Entry {
    fn is_unread(&self) -> bool {
        self.change.is_some_and(|change| self.read.is_none_or(|read| read < change))
    }

    /// Whether it was read so lately that, unless it is new, it is not read again yet.
    fn pauses(&self, now: i64) -> bool {
        self.read.is_some_and(|read| now - read < PAUSE_MINUTES)
    }

    fn look(&self, now: i64, age: i64) -> Option<Look> {
        if self.has_aged {
            return Some(Look::Age);
        }
        let change = self.change?;
        if age >= NEW_MINUTES && self.pauses(now) {
            return None;
        }
        if self.is_unread() {
            return Some(Look::First);
        }
        let second = change + SECOND_LOOK_MINUTES;
        (now >= second && self.read.is_some_and(|read| read < second)).then_some(Look::Second)
    }

    #[expect(clippy::cast_precision_loss, reason = "a weight")]
    fn urgency(&self, look: Look, now: i64, age: i64) -> Urgency {
        let waited = self.change.map_or(0, |change| now - change).max(1) as f64;
        let weight = f64::from(self.sales.max(1)) * waited;
        let weight = if look == Look::Second { weight / 10.0 } else { weight };
        Urgency { is_young: age < YOUNG_MINUTES && look != Look::Second, weight }
    }
}

const NO_MOMENT: &str = "";

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (day, entry)) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            let moment = |moment: Option<i64>| moment.map_or(NO_MOMENT.to_owned(), base36);
            let aged = if entry.has_aged { "!" } else { "" };
            let (change, read) = (moment(entry.change), moment(entry.read));
            write!(f, "{space}{}.{change}.{read}.{}{aged}", base36(day_number(*day)), entry.sales)?;
        }
        Ok(())
    }
}

impl Queue {
    fn parse(text: &str) -> Option<Self> {
        let entry = |text: &str| {
            let mut parts = text.split('.');
            let mut next = || parts.next();
            let day = NaiveDate::from_num_days_from_ce_opt(i32::try_from(i64::from_str_radix(next()?, 36).ok()?).ok()?)?;
            let moment = |text: &str| if text == NO_MOMENT { Some(None) } else { i64::from_str_radix(text, 36).ok().map(Some) };
            let (change, read) = (moment(next()?)?, moment(next()?)?);
            let sales = next()?;
            let (sales, has_aged) = sales.strip_suffix('!').map_or((sales, false), |sales| (sales, true));
            Some((day, Entry { change, read, has_aged, sales: sales.parse().ok()? }))
        };
        text.split_whitespace().map(entry).collect::<Option<_>>().map(Self)
    }
}

fn day_number(day: NaiveDate) -> i64 {
    i64::from(chrono::Datelike::num_days_from_ce(&day))
}

fn base36(number: i64) -> String {
    let mut digits = Vec::new();
    let mut rest = number.unsigned_abs();
    loop {
        digits.extend(char::from_digit(u32::try_from(rest % 36).unwrap_or_default(), 36));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    let sign = if number < 0 { "-" } else { "" };
    sign.chars().chain(digits.into_iter().rev()).collect()
}

impl Serialize for Queue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Queue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("the queue of days is not one"))
    }
}

#[cfg(test)]
mod tests;
