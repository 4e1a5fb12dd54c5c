//! Whether reports count a sale on the day of its transaction. Pure.
//!
//! The lists of changes name the day of a sale. If reports book it on another one, say that of the click, the wrong days are read
//! again. The one sign of that are days whose sales are more in the reports than among the transactions, or fewer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::plan::{Cuts, Plan};
use crate::streams::{AccountId, Moment, Partition, Slice};

/// Figures of a report by day, in the order of [`Booked::add`].
pub(super) const FIGURES: [&str; 4] = ["pendingNo", "confirmedNo", "bonusNo", "declinedNo"];
/// Younger days are not compared: reports may lag behind transactions.
const SETTLED_DAYS: i64 = 3;
/// Fewer days with sales say nothing.
const LEAST_DAYS: usize = 4;

/// Sales of a day. Deleted ones are in no report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Those that are not declined.
    pub(super) standing: u64,
    pub(super) declined: u64,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self { standing: self.standing + other.standing, declined: self.declined + other.declined }
    }
}

/// Sales of an account by their own day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sold {
    /// The first day that was read whole.
    from: NaiveDate,
    days: BTreeMap<NaiveDate, Counts>,
}

impl Sold {
    /// The same, whole from `day` on.
    pub(super) fn since(self, day: NaiveDate) -> Self {
        Self { from: day, ..self }
    }

    /// Adds a sale of `day` with this `commissionStatus`.
    pub(super) fn add(&mut self, day: NaiveDate, status: &[u8]) {
        let counts = self.days.entry(day).or_default();
        match status {
            b"deleted" => {}
            b"declined" => counts.declined += 1,
            _ => counts.standing += 1,
        }
    }
}

/// Sales by the day on which a report counts them.
#[derive(Debug, Default)]
pub(super) struct Booked {
    /// Of the answer that is read.
    here: Counts,
    days: BTreeMap<Partition, BTreeMap<NaiveDate, Counts>>,
}

impl Booked {
    /// An answer begins, perhaps not the first one for its day.
    pub(super) fn begin(&mut self) {
        self.here = Counts::default();
    }

    /// Adds the [`FIGURES`] of a row.
    pub(super) fn add(&mut self, [pending, confirmed, bonus, declined]: [u64; 4]) {
        self.here = self.here.plus(Counts { standing: pending + confirmed + bonus, declined });
    }

    /// The answer was that of `slice`.
    pub(super) fn end(&mut self, slice: &Slice) {
        if let Some(window) = slice.window().filter(|window| window.first_day() == window.last_day()) {
            self.days.entry(slice.partition.clone()).or_default().insert(window.first_day(), self.here);
        }
    }
}

/// What is read if the report turns out to count on other days.
#[derive(Debug, Default)]
pub(super) struct FallBack {
    /// The plain look-back, and the days that are older and read for their age.
    pub(super) plans: Vec<Plan>,
    /// What `transactions` has read in this run.
    pub(super) sold: BTreeMap<AccountId, Sold>,
    /// Accounts of which another report has shown it.
    pub(super) doubted: BTreeSet<AccountId>,
}

impl FallBack {
    /// The accounts whose sales lie on other days in `booked`, in a run of `now`.
    pub(super) fn found(&self, booked: &Booked, now: Moment) -> BTreeSet<AccountId> {
        let mut accounts: BTreeMap<AccountId, Vec<&Partition>> = BTreeMap::new();
        for plan in &self.plans {
            plan.partition.account.into_iter().for_each(|account| accounts.entry(account).or_default().push(&plan.partition));
        }
        let is_elsewhere = |(account, partitions): (&AccountId, &Vec<&Partition>)| {
            let sold = self.sold.get(account)?;
            let booked: Option<Vec<_>> = partitions.iter().map(|partition| booked.days.get(*partition)).collect();
            is_elsewhere(sold, &booked?, now.date_naive()).then_some(*account)
        };
        accounts.iter().filter_map(is_elsewhere).collect()
    }

    /// What is to be read of the doubted accounts, but for the days that were.
    pub(super) fn needed(&self, booked: &Booked) -> Vec<Plan> {
        let is_doubted = |plan: &&Plan| plan.partition.account.is_some_and(|account| self.doubted.contains(&account));
        let mut plans: Vec<Plan> = self.plans.iter().filter(is_doubted).cloned().collect();
        for plan in &mut plans {
            let Some(read) = booked.days.get(&plan.partition) else { continue };
            for cuts in &mut plan.cuts {
                if let Cuts::OneByOne(days) = cuts {
                    days.retain(|day| !read.contains_key(day));
                }
            }
        }
        plans
    }
}

/// Whether sales lie on other days in the parts of a report: most days that both have differ, and some have more there. (Fewer
/// alone would be a market that is not read.)
fn is_elsewhere(sold: &Sold, parts: &[&BTreeMap<NaiveDate, Counts>], today: NaiveDate) -> bool {
    let [first, ..] = parts else { return false };
    let days = first.keys().filter(|day| **day >= sold.from && (today - **day).num_days() > SETTLED_DAYS);
    let both = days.filter_map(|day| {
        let there = parts.iter().try_fold(Counts::default(), |sum, part| Some(sum.plus(*part.get(day)?)))?;
        Some((sold.days.get(day).copied().unwrap_or_default(), there))
    });
    let both: Vec<(Counts, Counts)> = both.filter(|(here, there)| [*here, *there] != [Counts::default(); 2]).collect();
    let differing = both.iter().filter(|(here, there)| here != there).count();
    let all = |counts: &Counts| counts.standing + counts.declined;
    both.len() >= LEAST_DAYS && differing * 2 > both.len() && both.iter().any(|(here, there)| all(there) > all(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What transactions say, what the parts of the report say, and the verdict.
    type Row<'t> = (&'t [(u64, u64)], &'t [&'t [(u64, u64)]], bool);

    fn days(counts: &[(u64, u64)]) -> BTreeMap<NaiveDate, Counts> {
        let first: NaiveDate = "2026-11-01".parse().expect("a date");
        first
            .iter_days()
            .zip(counts)
            .map(|(day, (standing, declined))| (day, Counts { standing: *standing, declined: *declined }))
            .collect()
    }

    #[test]
    fn sales_lie_elsewhere_if_most_days_differ_and_some_have_more() {
        let today = "2026-11-20".parse().expect("a date");
        let sold = |counts| Sold { from: "2026-11-01".parse().expect("a date"), days: days(counts) };
        let four = [(3, 1), (2, 0), (4, 0), (1, 0)];
        let table: [Row<'_>; 8] = [
            (&four, &[&four], false),
            (&four, &[&[(3, 1), (3, 0), (3, 0), (1, 0)]], false),
            (&four, &[&[(4, 1), (1, 0), (3, 0), (1, 0)]], true),
            // A market is missing.
            (&four, &[&[(2, 1), (1, 0), (3, 0), (0, 0)]], false),
            (&four, &[&[(2, 1), (1, 0), (3, 0), (0, 0)], &[(1, 0), (1, 0), (1, 0), (1, 0)]], false),
            (&four, &[&[(2, 1), (1, 0), (3, 0), (0, 0)], &[(1, 1), (0, 0), (0, 0), (1, 0)]], true),
            // Too few, or empty in both.
            (&four[..3], &[&[(4, 1), (1, 0), (3, 0)]], false),
            (&[], &[&[(0, 0); 9]], false),
        ];
        for (number, (here, parts, verdict)) in table.into_iter().enumerate() {
            let parts: Vec<_> = parts.iter().map(|part| days(part)).collect();
            assert_eq!(is_elsewhere(&sold(here), &parts.iter().collect::<Vec<_>>(), today), verdict, "row {number}");
        }
        let shifted = days(&[(4, 1), (1, 0), (3, 0), (2, 0)]);
        assert!(is_elsewhere(&sold(&four), &[&shifted], today));
        assert!(!is_elsewhere(&sold(&four), &[&shifted], "2026-11-06".parse().expect("a date")), "reports may lag");
        let later = Sold { from: "2026-11-02".parse().expect("a date"), ..sold(&four) };
        assert!(!is_elsewhere(&later, &[&shifted], today), "the first day was not read whole");
        assert!(!is_elsewhere(&sold(&four), &[], today));
    }
}
