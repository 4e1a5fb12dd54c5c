//! Finds out which days of the reports changed: the lists of decisions and amendments name the sales, and with them the days.
//!
//! Where `transactions` is read in the same run, its rows say so for free; else the lists are asked for. A list that cannot be
//! had moves nothing and fails no report.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::sleep_until;
use xxhash_rust::xxh3::xxh3_64;

use super::booking::Sold;
use super::context::Context;
use super::lookup::{self, number, text};
use super::plan::Plan;
use super::queue::minutes;
use crate::awin::{CallError, FailedCall, IN_FLIGHT, Patience};
use crate::config::Config;
use crate::json;
use crate::streams::{
    AccountId, AccountKind, Cut, Lane, Moment, Page, Partition, Role, Slice, Stream, change_lanes, find, midnight, windows,
};

/// The lane of all sales, by their own date.
const MAIN: &str = "transaction";
/// Marks of one account and run: more would be no list of changes but a migration.
const MAX_MARKS: usize = 200_000;
/// Bits of a hash that are left out, so that every reader of the state holds it as a number.
const BITS_LEFT_OUT: u32 = 16;

fn transactions() -> &'static Stream {
    find("transactions").expect("a stream of the table")
}

/// Sales that changed, by what places them in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// The day of the sale.
    pub(super) sold: NaiveDate,
    /// The day of the decision, if there was one.
    pub(super) decided: Option<NaiveDate>,
    /// The partner: a publisher for an advertiser, an advertiser for a publisher; 0 if the row does not say.
    pub(super) partner: u64,
}

/// What changed of one account.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The newest decision on such sales, in minutes, and their number.
    pub(super) marks: BTreeMap<Mark, (i64, u32)>,
    /// Amended sales by the hash of their row: it alone tells a new amendment from one that an earlier list has named.
    pub(super) amended: BTreeMap<u64, Mark>,
    /// From when on each list was read, by the lane's name; without an entry it was not.
    pub(super) from: BTreeMap<&'static str, Moment>,
    /// The sales of the look-back by their day, if `transactions` has read them all.
    pub(super) sold: Option<Sold>,
    /// Whether there were more changes than are remembered: as if no list had been read.
    pub(super) is_too_much: bool,
}

impl Changes {
    fn decided(&mut self, mark: Mark, change: i64, sales: u32) {
        if self.marks.len() < MAX_MARKS || self.marks.contains_key(&mark) {
            let known = self.marks.entry(mark).or_insert((change, 0));
            *known = (known.0.max(change), known.1.saturating_add(sales));
        } else {
            self.is_too_much = true;
        }
    }

    fn amended(&mut self, hash: u64, mark: Mark) {
        if self.amended.len() < MAX_MARKS || self.amended.contains_key(&hash) {
            self.amended.insert(hash, mark);
        } else {
            self.is_too_much = true;
        }
    }

    /// Whether no list named a sale.
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.amended.is_empty()
    }

    /// Adds what another list found.
    pub(super) fn merge(&mut self, other: Self) {
        self.is_too_much |= other.is_too_much;
        for (lane, from) in other.from {
            let known = self.from.entry(lane).or_insert(from);
            *known = from.min(*known);
        }
        other.marks.into_iter().for_each(|(mark, (change, sales))| self.decided(mark, change, sales));
        other.amended.into_iter().for_each(|(hash, mark)| self.amended(hash, mark));
    }

    /// Whether the list of `lane` was read whole, from `moment` on.
    pub(super) fn reaches(&self, lane: &Lane, moment: Moment) -> bool {
        !self.is_too_much && self.from.get(lane.name).is_some_and(|from| *from <= moment)
    }
}

/// What changed, by account.
pub(super) type Findings = BTreeMap<AccountId, Changes>;

/// The fields of a row of transactions that say which days it changes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ChangedRow<'t> {
    /// The row as it came.
    pub(super) row: &'t [u8],
    pub(super) sold: Option<&'t [u8]>,
    pub(super) decided: Option<&'t [u8]>,
    pub(super) advertiser: Option<u64>,
    pub(super) publisher: Option<u64>,
}

impl ChangedRow<'_> {
    /// Adds the row to what changed. `asked_in` is the zone of its stamps, `zone` that of the reports.
    pub(super) fn note(&self, changes: &mut Changes, lane: &Lane, kind: AccountKind, asked_in: Tz, zone: Tz) {
        let moment = |raw: &[u8]| -> Option<Moment> {
            let stamp = json::stamp(raw, asked_in)?;
            let local: NaiveDateTime = std::str::from_utf8(&stamp).ok()?.parse().ok()?;
            asked_in.from_local_datetime(&local).latest().map(|moment| moment.with_timezone(&zone))
        };
        let Some(sold) = self.sold.and_then(moment) else { return };
        let decided = self.decided.and_then(moment);
        let partner = if kind == AccountKind::Advertiser { self.publisher } else { self.advertiser };
        let mark = Mark {
            sold: sold.date_naive(),
            decided: decided.map(|decided| decided.date_naive()),
            partner: partner.unwrap_or_default(),
        };
        match decided {
            // Counted from the end of its minute: a day that was read within that minute may have been read before the decision.
            Some(decided) if !lane.is_optional() => changes.decided(mark, minutes(&decided) + 1, 1),
            // An amendment shows no date.
            _ => changes.amended(xxh3_64(self.row) >> BITS_LEFT_OUT, mark),
        }
    }
}

/// The lists that were planned and read while `transactions` was read.
#[derive(Debug, Default)]
pub(super) struct Listening {
    pub(super) findings: Findings,
    /// Windows of each list, from when on, and how many of them were read.
    lists: BTreeMap<(AccountId, &'static str), (Moment, u64, u64)>,
    sold: BTreeMap<AccountId, Sold>,
}

impl Listening {
    /// For the slices of `plans`.
    pub(super) fn to(plans: &[Plan]) -> Self {
        let mut listening = Self::default();
        let is_heard = |slice: &Slice| matches!(slice.lane.role, Role::Changes { .. } | Role::Main);
        for slice in plans.iter().flat_map(Plan::slices).filter(is_heard) {
            if let (Some(account), Some(window)) = (slice.partition.account, slice.window()) {
                let list = listening.lists.entry((account, slice.lane.name)).or_insert((window.from, 0, 0));
                *list = (list.0.min(window.from), list.1 + 1, list.2);
            }
        }
        listening
    }

    /// What changes of `slice` are added to, if it is of a list of changes.
    pub(super) fn changes(&mut self, slice: &Slice) -> Option<&mut Changes> {
        let is_list = matches!(slice.lane.role, Role::Changes { .. });
        slice.partition.account.filter(|_| is_list).map(|account| self.findings.entry(account).or_default())
    }

    /// A sale of `day` with this status came in `slice`.
    pub(super) fn counts(&mut self, slice: &Slice, day: NaiveDate, status: &[u8]) {
        if let Some(account) = slice.partition.account.filter(|_| slice.lane.role == Role::Main) {
            self.sold.entry(account).or_default().add(day, status);
        }
    }

    /// `slice` was read to its end.
    pub(super) fn succeeded(&mut self, slice: &Slice) {
        if let Some(list) = slice.partition.account.and_then(|account| self.lists.get_mut(&(account, slice.lane.name))) {
            list.2 += 1;
        }
    }

    /// What was found out, by lists that were read whole.
    pub(super) fn end(mut self) -> Findings {
        for ((account, lane), (from, planned, read)) in self.lists {
            if planned != read {
                continue;
            }
            let changes = self.findings.entry(account).or_default();
            changes.from.insert(lane, from);
            if lane == MAIN {
                // A day of which only a part was read is not compared.
                let day = from.date_naive();
                let is_whole = midnight(from.timezone(), day) == from;
                let from = if is_whole { Some(day) } else { day.succ_opt() }.unwrap_or(day);
                changes.sold = Some(self.sold.remove(&account).unwrap_or_default().since(from));
            }
        }
        self.findings
    }
}

/// The lists that are needed, and from when on each.
pub(super) type Needed = BTreeMap<(AccountId, &'static str), Moment>;

/// Asks for the lists of changes that are `needed`.
pub(super) async fn ask(context: &Context, needed: &Needed) -> Findings {
    // Where a zone is known to reports only, the lists are asked in UTC.
    let zone = if transactions().takes_zone(context.config.timezone) { context.config.timezone } else { Tz::UTC };
    let config = Config { timezone: zone, ..context.config.clone() };
    let now = context.now.with_timezone(&zone);
    let mut slices = Vec::new();
    for ((account, name), from) in needed {
        for lane in change_lanes().filter(|lane| lane.name == *name) {
            for window in windows(from.with_timezone(&zone), now, transactions().window_days()) {
                slices.push(Slice { partition: Partition::of(*account), lane, cut: Cut::Window(window) });
            }
        }
    }
    if !slices.is_empty() {
        // Awin may refuse a window that ends in the future.
        sleep_until(context.reached).await;
    }
    let asked = slices.iter().map(|slice| {
        let config = &config;
        async move { (slice, list_changes(context, config, slice).await) }
    });
    let mut answers = std::pin::pin!(futures_util::stream::iter(asked).buffered(IN_FLIGHT));
    let mut findings = Findings::new();
    let (mut failed, mut logged) = (BTreeSet::new(), BTreeSet::new());
    while let Some((slice, found)) = answers.next().await {
        let Some(account) = slice.partition.account else { continue };
        let changes = findings.entry(account).or_default();
        match found {
            Ok(found) => changes.merge(found),
            Err(call) => {
                let is_not_offered = slice.lane.is_optional() && matches!(call.error, CallError::BadRequest { status: 400, .. });
                let is_first = logged.insert((account, slice.lane.name));
                if is_first {
                    log_failure(context, slice, &call, is_not_offered);
                }
                // What Awin does not offer, it will not tell later either.
                if !is_not_offered {
                    failed.insert((account, slice.lane.name));
                }
            }
        }
    }
    for ((account, lane), from) in needed {
        if !failed.contains(&(*account, *lane)) {
            findings.entry(*account).or_default().from.insert(lane, *from);
        }
    }
    findings
}

async fn list_changes(context: &Context, config: &Config, slice: &Slice) -> Result<Changes, FailedCall> {
    let kind = slice.partition.account.map_or(AccountKind::Advertiser, |account| account.kind);
    let request = transactions().endpoint.request(slice, &Page::FIRST, config);
    let zone = context.config.timezone;
    let found = lookup::rows(&context.client, request, "body", Patience::Little, 0, |changes: &mut Changes, row_text| {
        let row: SaleRow<'_> = serde_json::from_slice(row_text).map_err(|_| "a row is not an object".to_owned())?;
        let (sold, decided) = (text(row.transaction_date), text(row.validation_date));
        let sale = ChangedRow {
            row: row_text,
            sold: sold.as_deref().map(str::as_bytes),
            decided: decided.as_deref().map(str::as_bytes),
            advertiser: number(row.advertiser_id),
            publisher: number(row.publisher_id),
        };
        sale.note(changes, slice.lane, kind, config.timezone, zone);
        Ok(())
    });
    Ok(found.await?.what)
}

fn log_failure(context: &Context, slice: &Slice, failed: &FailedCall, is_not_offered: bool) {
    let account = slice.partition.account.map_or(String::new(), |account| account.to_string());
    let consequence = match slice.lane.role {
        _ if is_not_offered => "changed amounts show in reports when a day is next read for its age",
        Role::Changes { optional: true } => "changed amounts show in reports later",
        _ => "reports are read by the plain look-back in this run",
    };
    let text = format!(
        "The transactions of {account} by {} date, which say which days of reports changed, could not be read ({}); {consequence}.",
        slice.lane.name, failed.error
    );
    context.emitter.log(crate::protocol::Level::Warn, text);
}

/// A row of transactions, as far as it says which days of reports changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SaleRow<'a> {
    #[serde(borrow)]
    transaction_date: Option<&'a RawValue>,
    #[serde(borrow)]
    validation_date: Option<&'a RawValue>,
    #[serde(borrow)]
    advertiser_id: Option<&'a RawValue>,
    #[serde(borrow)]
    publisher_id: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// A list that one report needs from earlier on is asked for again; what `transactions` has found stays.
    #[test]
    fn what_is_asked_for_adds_to_what_transactions_found() {
        let now = Tz::UTC.with_ymd_and_hms(2026, 11, 20, 15, 0, 0).single().expect("a moment");
        let lane = change_lanes().next().expect("a list of changes");
        let mark = |partner| Mark { sold: now.date_naive(), decided: None, partner };
        let mut found = Changes { sold: Some(Sold::default()), ..Changes::default() };
        found.from.insert(lane.name, now - TimeDelta::days(2));
        found.decided(mark(1), 5, 1);
        let mut asked = Changes::default();
        asked.decided(mark(2), 7, 1);
        found.merge(asked);
        assert!(found.reaches(lane, now - TimeDelta::days(2)), "a list that failed takes nothing away");
        let earlier = now - TimeDelta::days(9);
        found.merge(Changes { from: [(lane.name, earlier)].into(), ..Changes::default() });
        assert!(found.reaches(lane, earlier) && found.sold.is_some());
        assert_eq!(found.marks.keys().map(|mark| mark.partner).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn more_changes_than_are_remembered_count_as_lists_that_were_not_read() {
        let now = Tz::UTC.with_ymd_and_hms(2026, 11, 20, 15, 0, 0).single().expect("a moment");
        let lane = change_lanes().next().expect("a list of changes");
        let mut found = Changes::default();
        let mark = |partner| Mark { sold: now.date_naive(), decided: None, partner };
        (0..MAX_MARKS as u64).for_each(|partner| found.decided(mark(partner), 0, 1));
        let mut changes = Changes::default();
        changes.merge(found);
        changes.from.insert(lane.name, now - TimeDelta::days(2));
        assert!(changes.reaches(lane, now), "so many are remembered");
        let mut one_more = Changes::default();
        one_more.decided(mark(MAX_MARKS as u64), 0, 1);
        changes.merge(one_more);
        assert!(!changes.reaches(lane, now));
        let mut all = Changes::default();
        (0..=MAX_MARKS as u64).for_each(|partner| all.decided(mark(partner), 0, 1));
        let mut changes = Changes { from: [(lane.name, now)].into(), ..Changes::default() };
        changes.merge(all);
        assert!(!changes.reaches(lane, now), "found by one list alone");
    }
}
