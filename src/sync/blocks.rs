//! Blocks of old sales: thirty days each, counted from a fixed day, so that each is the same whenever it is looked at. Pure.
//!
//! A block is read again as a whole when its age passes a rung, and when a payment was made and it holds sales that are approved
//! and unpaid. What the look-back reads is not old.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

use super::scope::{Scope, days_before};
use super::state::PartitionState;
use crate::streams::{Moment, Window, midnight};

const BLOCK_DAYS: i64 = 30;
/// Ages of a block, from its end, at which it is read again: flags of payments, deletions and whatever no list of changes tells.
const BLOCK_RUNGS: [u32; 4] = [45, 90, 180, 400];

/// The block of a day.
pub(super) fn block_of(day: NaiveDate) -> i64 {
    (day - NaiveDate::default()).num_days().div_euclid(BLOCK_DAYS)
}

/// The stretch of a block.
pub(super) fn stretch(block: i64, zone: Tz) -> Window {
    let day = |number: i64| NaiveDate::default().checked_add_signed(TimeDelta::days(number)).unwrap_or(NaiveDate::MAX);
    Window { from: midnight(zone, day(block * BLOCK_DAYS)), to: midnight(zone, day((block + 1) * BLOCK_DAYS)) }
}

/// The blocks between `from` and `through` whose age passes a rung after `aged` and not after now.
pub(super) fn aged(from: Moment, through: Moment, aged: Moment, scope: &Scope) -> BTreeSet<i64> {
    let mut blocks = BTreeSet::new();
    for rung in BLOCK_RUNGS.iter().filter(|rung| **rung > scope.lookback_days) {
        let reach = TimeDelta::days(i64::from(*rung));
        // The ends of the blocks that pass this rung lie in (aged - rung, now - rung].
        for block in block_of((aged - reach).date_naive()) - 1..=block_of((scope.now - reach).date_naive()) {
            let Window { from: start, to: end } = stretch(block, scope.now.timezone());
            if end > aged - reach && end <= scope.now - reach && end > from && start < through {
                blocks.insert(block);
            }
        }
    }
    blocks
}

/// The blocks that hold approved, unpaid sales, if one of the payments in `listed` is not known.
pub(super) fn paid(known: &PartitionState, listed: &[u64], scope: &Scope) -> BTreeSet<i64> {
    let seen = known.payments.as_deref().unwrap_or_default();
    if listed.iter().all(|payment| seen.contains(payment)) {
        return BTreeSet::new();
    }
    let zone = scope.now.timezone();
    let read_anyway = days_before(known.through.with_timezone(&zone), scope.lookback_days);
    let blocks = known.unpaid.iter().flatten().copied();
    blocks.filter(|block| stretch(*block, zone).from < read_anyway).collect()
}

/// All blocks of what is covered.
pub(super) fn all(known: &PartitionState, zone: Tz) -> Vec<i64> {
    let block = |moment: &chrono::DateTime<chrono::FixedOffset>| block_of(moment.with_timezone(&zone).date_naive());
    (block(&known.from)..=block(&known.through)).collect()
}
