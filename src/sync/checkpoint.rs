//! The one owner of a stream's state: what is committed, and when a STATE says so.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};
use tokio::time::{Instant, sleep_until};

use super::blocks::{block_of, stretch};
use super::context::Context;
use super::plan::Plan;
use super::queue::{Behind, minutes};
use super::records::RecordWriter;
use super::state::{PartitionState, StreamState};
use super::tally::{Tally, Written};
use crate::failpoint::reach;
use crate::protocol::{Descriptor, Level, SyncMode};
use crate::streams::{AccountId, Cut, Lane, Moment, Partition, Payment, Role, Slice, Source, Stream, midnight};

/// Bytes of a STATE that is emitted after each slice.
const SMALL: usize = 1024;
/// Records after which a STATE is emitted whatever its size.
const MANY_RECORDS: u64 = 10_000;
/// Records that weigh so many times as much as a STATE are worth one.
const WORTH: u64 = 8;
/// Bytes that a state may spend on what was sent.
const MAX_SENT: usize = 1 << 20;

/// The state of a stream while it is read.
pub(super) struct Checkpoint<'r> {
    context: &'r Context,
    stream: &'static Stream,
    descriptor: Descriptor,
    start: Moment,
    state: StreamState,
    /// Partitions of whose sales it is to be known whether they were paid.
    followed: Vec<Partition>,
    /// Partitions of which a part is missing in this run: nothing after it is committed.
    broken: Vec<Partition>,
    /// Partitions whose main lane has shown that it lists deleted rows, before the state knows them.
    lists_deleted: Vec<Partition>,
    tally: Tally,
    /// What was written as of the last STATE; `None` if there was none yet.
    at_last_state: Option<Written>,
    last_state: Instant,
    /// Bytes of the last STATE.
    size: usize,
    /// Whether something was committed since.
    has_news: bool,
}

impl<'r> Checkpoint<'r> {
    /// Takes over `state`, adapted to what the plans found of it.
    pub(super) fn new(
        context: &'r Context,
        stream: &'static Stream,
        descriptor: Descriptor,
        mut state: StreamState,
        plans: &[Plan],
        tally: Tally,
    ) -> Self {
        for plan in plans {
            match &plan.known {
                Some(known) => {
                    if let Some(stale) = state.partition_mut(&plan.partition) {
                        *stale = known.clone();
                    }
                }
                None => state.partitions.retain(|known| !known.is(&plan.partition)),
            }
        }
        let mut checkpoint = Self {
            context,
            stream,
            descriptor,
            start: midnight(context.config.timezone, context.config.start_date),
            state,
            followed: plans.iter().filter(|plan| plan.payments.is_some()).map(|plan| plan.partition.clone()).collect(),
            broken: Vec::new(),
            lists_deleted: Vec::new(),
            tally,
            at_last_state: None,
            last_state: Instant::now(),
            size: 0,
            has_news: false,
        };
        // What was sent is certain only at the end of a run that read everything.
        if checkpoint.remembers() {
            let known = checkpoint.state.partitions.iter_mut().filter(|known| !known.is_of_the_future(context.now));
            known.for_each(|known| known.forget_sent(context.now));
        }
        if plans.iter().any(|plan| plan.known.as_ref().is_some_and(|known| known.days.is_some())) {
            // Lists of changes, ladder and queue have moved on together: no crash must part them.
            checkpoint.emit();
        }
        checkpoint
    }

    /// Days of reports that were not read since their change, by account.
    pub(super) fn behind(&self, plans: &[Plan]) -> BTreeMap<AccountId, Behind> {
        let mut behind: BTreeMap<AccountId, Behind> = BTreeMap::new();
        let now = minutes(&self.context.now);
        for known in plans.iter().filter_map(|plan| self.state.partition(&plan.partition)) {
            if let Some(more) = known.days.as_ref().and_then(|days| days.queue.behind(now)) {
                behind.entry(known.account()).and_modify(|known| *known = known.and(more)).or_insert(more);
            }
        }
        behind
    }

    /// All of `slice` is read, and approved, unpaid sales were seen in the blocks `unpaid`: a block that was read to its end for
    /// its own sake and is not among them has none any more.
    pub(super) fn looked_after(&mut self, slice: &Slice, unpaid: &BTreeSet<i64>) {
        let is_of_all = slice.lane.role == Role::Again && slice.lane.status.is_none();
        let Some(window) = slice.window().filter(|_| is_of_all) else { return };
        let block = block_of(window.first_day());
        if unpaid.contains(&block) || window.to < stretch(block, self.context.config.timezone).to {
            return;
        }
        if let Some(known) = self.state.partition_mut(&slice.partition).filter(|_| !self.broken.contains(&slice.partition)) {
            known.clear_unpaid(block);
        }
    }

    /// Notes that `slice` is read, with approved, unpaid sales in the blocks `unpaid`, and emits a STATE if it is time for one.
    pub(super) fn commit(&mut self, slice: &Slice, unpaid: &BTreeSet<i64>) {
        // A table that is read in full has nothing to go on from.
        if slice.cut == Cut::Whole || self.broken.contains(&slice.partition) {
            return;
        }
        let lists_deleted = self.lists_deleted.contains(&slice.partition);
        let (lanes, now) = (self.stream.lanes(), self.context.now);
        reach("commit.before");
        let Some(state) = self.entry(&slice.partition) else { return };
        match &slice.cut {
            Cut::Window(window) | Cut::Any(window) => {
                state.commit(slice.lane, *window);
                state.days_read(window.days(), now);
            }
            Cut::Days(window, days) => {
                state.commit(slice.lane, *window);
                state.days_read(days.iter().copied(), now);
            }
            Cut::Programme(id) => state.programme = Some(*id),
            Cut::Payment(Payment { id, .. }) | Cut::Rates(id, _) => state.part_read(*id),
            Cut::Whole => {}
        }
        state.mark_unpaid(unpaid.iter().copied());
        if lists_deleted {
            state.retire_deleted(lanes);
        }
        reach("commit.after");
        self.has_news = true;
        if self.is_due() {
            self.emit();
        }
    }

    /// Whether a STATE is worth its bytes: a small one always is; a large one after a minute, after many records, or when the
    /// records since the last one weigh several times as much.
    fn is_due(&self) -> bool {
        let (now, last) = (self.tally.written(), self.at_last_state.unwrap_or_default());
        self.size < SMALL
            || self.last_state.elapsed() >= self.context.client.timing().minute
            || now.records - last.records >= MANY_RECORDS
            || now.bytes - last.bytes >= WORTH * self.size as u64
    }

    /// Whether `slice` goes on where the covered stretch of its partition ends.
    pub(super) fn extends(&self, slice: &Slice) -> bool {
        let Some(window) = slice.window() else { return false };
        let through = self.state.partition(&slice.partition).map_or(self.start.fixed_offset(), |known| known.through);
        slice.lane.role != Role::Main || window.to.fixed_offset() > through
    }

    /// The main lane of `partition` lists deleted rows: the lane that looks for them is not needed.
    pub(super) fn retire_deleted(&mut self, partition: &Partition) {
        self.lists_deleted.push(partition.clone());
    }

    /// Of `partition` something is missing from here on: what follows is read, but not committed.
    pub(super) fn break_off(&mut self, partition: &Partition) {
        self.broken.push(partition.clone());
    }

    /// The part `id` of `partition` was refused: if it can be read again, it is read as if for the first time.
    pub(super) fn forget_part(&mut self, partition: &Partition, id: u64) {
        if let Some(parts) = self.state.partition_mut(partition).and_then(|known| known.parts.as_mut()) {
            parts.retain(|part| *part != id);
        }
    }

    /// Whether anything of the account was ever committed.
    pub(super) fn knows_account(&self, account: Option<AccountId>) -> bool {
        account.is_some_and(|account| self.state.knows(account))
    }

    /// What `wait` gives; meanwhile a STATE goes out often enough to show that the run is alive.
    pub(super) async fn alive<T>(&mut self, wait: impl Future<Output = T>) -> T {
        let mut wait = std::pin::pin!(wait);
        loop {
            let timing = self.context.client.timing();
            let due = self.last_state + if self.has_news { timing.minute } else { timing.heartbeat };
            tokio::select! {
                biased;
                done = &mut wait => return done,
                () = sleep_until(due) => self.emit(),
            }
        }
    }

    /// Emits a STATE.
    pub(super) fn emit(&mut self) {
        let written = self.tally.written();
        let records = written.records - self.at_last_state.map_or(0, |last| last.records);
        self.context.progress.rows(records);
        reach("state.before");
        self.size = self.context.emitter.state(&self.descriptor, self.state.next_blob(), records);
        reach("state.after");
        self.at_last_state = Some(written);
        self.last_state = Instant::now();
        self.has_news = false;
    }

    /// A stream ends with a STATE that covers all its records, also if there was nothing to read. Of accounts that are not among
    /// the `unfinished` it says which rows the destination has; `None` there stands for all.
    pub(super) fn close(&mut self, records: &RecordWriter, plans: &[Plan], unfinished: &[Option<AccountId>]) {
        let before = self.state.clone();
        self.state.bad_rows = records.bad_rows();
        let is_finished = |plan: &&Plan| !unfinished.contains(&None) && !unfinished.contains(&plan.partition.account);
        for plan in plans.iter().filter(is_finished) {
            let Some(known) = self.state.partition_mut(&plan.partition) else { continue };
            if let Some(parts) = &plan.parts {
                known.parts_read(&parts.shown_again, parts.covered);
            }
            if let Some(payments) = &plan.payments {
                known.payments = Some(payments.clone());
            }
        }
        let mut left_out = Vec::new();
        if !unfinished.contains(&None) {
            let finished = |account: &AccountId| !unfinished.contains(&Some(*account));
            let mut sent: Vec<(AccountId, Option<String>)> =
                records.sent().into_iter().filter(|(account, _)| finished(account)).collect();
            // Small accounts first: they are many, and none of them is left out for a large one.
            sent.sort_by_key(|(_, text)| text.as_ref().map_or(usize::MAX, String::len));
            let (mut size, now) = (0, self.context.now);
            for (account, text) in sent {
                size += text.as_ref().map_or(0, String::len);
                let text = text.filter(|_| size <= MAX_SENT);
                if text.is_none() {
                    left_out.push(account.to_string());
                }
                let known = self.state.partition_mut(&Partition::of(account));
                if let Some(known) = known.filter(|known| !known.is_of_the_future(now)) {
                    known.remember_sent(text.unwrap_or_default(), now);
                }
            }
        }
        if !left_out.is_empty() {
            let text = format!(
                "`{}` has more rows in the look-back than its state can remember; those of {} are sent again by each sync.",
                self.stream.name,
                left_out.join(", ")
            );
            self.context.emitter.log(Level::Info, text);
        }
        if self.has_news || self.state != before || self.at_last_state != Some(self.tally.written()) {
            self.emit();
        }
    }

    /// Whether the state says which rows the destination has.
    fn remembers(&self) -> bool {
        matches!(self.stream.source, Source::Events(_)) && self.state.mode == SyncMode::Incremental
    }

    /// Up to where each account of `plans` is complete: where the least of its partitions is, and the lists of changes that it
    /// must have heard. `None` where nothing is yet.
    pub(super) fn covered(&self, plans: &[Plan]) -> BTreeMap<AccountId, Option<DateTime<FixedOffset>>> {
        let mut covered = BTreeMap::new();
        for partition in plans.iter().map(|plan| &plan.partition).filter(|_| self.stream.is_incremental()) {
            let through = self.state.partition(partition).map(|known| {
                let lanes = self.stream.lanes().iter().filter(|lane| !lane.is_optional()).filter_map(|lane| known.lane(lane));
                let heard = lanes.filter(|lane| !lane.retired).map(|lane| lane.through);
                heard.fold(known.through, DateTime::min)
            });
            let Some(account) = partition.account else { continue };
            let least = covered.entry(account).or_insert(through);
            *least = through.min(*least);
        }
        covered
    }

    /// What is covered of `partition`. A partition enters the state with its first commit: one that never gave anything leaves
    /// no trace.
    fn entry(&mut self, partition: &Partition) -> Option<&mut PartitionState> {
        let account = partition.account?;
        if self.state.partition(partition).is_none() {
            let lanes = if self.stream.is_incremental() { self.stream.lanes() } else { &[] as &[Lane] };
            // A list without dates is read also if the range is still to come.
            let start = if self.stream.is_incremental() { self.start.min(self.context.now) } else { self.context.now };
            let mut state = PartitionState::new(account, partition.region.as_deref(), lanes, start, self.context.now);
            if matches!(self.stream.source, Source::Report(_)) && self.state.mode == SyncMode::Incremental {
                state.begin_days(self.context.now);
            }
            if self.remembers() {
                state.forget_sent(self.context.now);
            }
            if self.followed.contains(partition) {
                state.unpaid = Some(Vec::new());
            }
            self.state.partitions.push(state);
        }
        self.state.partition_mut(partition)
    }
}

/// A run that is stopped in the middle has its commits in its last STATE.
impl Drop for Checkpoint<'_> {
    fn drop(&mut self) {
        if self.has_news {
            self.emit();
        }
    }
}
