//! The one owner of a stream's state: what is committed, and when a STATE says so.

use tokio::time::{Instant, sleep_until};

use super::context::Context;
use super::plan::Plan;
use super::records::RecordWriter;
use super::state::{PartitionState, StreamState};
use crate::failpoint::reach;
use crate::protocol::Descriptor;
use crate::streams::{AccountId, Cut, Lane, Moment, Partition, Role, Slice, Stream, midnight};

/// The state of a stream while it is read.
pub(super) struct Checkpoint<'r> {
    context: &'r Context,
    stream: &'static Stream,
    descriptor: Descriptor,
    start: Moment,
    state: StreamState,
    /// Partitions of which a part is missing in this run: nothing after it is committed.
    broken: Vec<Partition>,
    /// Partitions whose main lane has shown that it lists deleted rows, before the state knows them.
    lists_deleted: Vec<Partition>,
    /// Records as of the last STATE; `None` if there was none yet.
    records_at_last_state: Option<u64>,
    last_state: Instant,
}

impl<'r> Checkpoint<'r> {
    /// Takes over `state`, adapted to what the plans found of it.
    pub(super) fn new(
        context: &'r Context,
        stream: &'static Stream,
        descriptor: Descriptor,
        mut state: StreamState,
        plans: &[Plan],
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
        Self {
            context,
            stream,
            descriptor,
            start: midnight(context.config.timezone, context.config.start_date),
            state,
            broken: Vec::new(),
            lists_deleted: Vec::new(),
            records_at_last_state: None,
            last_state: Instant::now(),
        }
    }

    /// Notes that `slice` is read, and emits a STATE. `records` is the number of records of the stream so far.
    pub(super) fn commit(&mut self, slice: &Slice, records: u64) {
        // A table that is read in full has nothing to go on from.
        if slice.cut == Cut::Whole || self.broken.contains(&slice.partition) {
            return;
        }
        let lists_deleted = self.lists_deleted.contains(&slice.partition);
        let lanes = self.stream.lanes();
        reach("commit.before");
        let Some(state) = self.entry(&slice.partition) else { return };
        match slice.cut {
            Cut::Window(window) => state.commit(slice.lane, window),
            Cut::Programme(id) => state.programme = Some(id),
            Cut::Whole => {}
        }
        if lists_deleted {
            state.retire_deleted(lanes);
        }
        reach("commit.after");
        self.emit(records);
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

    /// Whether anything of the account was ever committed.
    pub(super) fn knows_account(&self, account: Option<AccountId>) -> bool {
        account.is_some_and(|account| self.state.knows(account))
    }

    /// What `wait` gives; meanwhile a STATE goes out often enough to show that the run is alive.
    pub(super) async fn alive<T>(&mut self, records: u64, wait: impl Future<Output = T>) -> T {
        let mut wait = std::pin::pin!(wait);
        loop {
            let due = self.last_state + self.context.client.timing().heartbeat;
            tokio::select! {
                biased;
                done = &mut wait => return done,
                () = sleep_until(due) => self.emit(records),
            }
        }
    }

    /// Emits a STATE. `records` is the number of records of the stream so far.
    pub(super) fn emit(&mut self, records: u64) {
        let since = records - self.records_at_last_state.unwrap_or(0);
        self.context.progress.rows(since);
        reach("state.before");
        self.context.emitter.state(&self.descriptor, self.state.next_blob(), since);
        reach("state.after");
        self.records_at_last_state = Some(records);
        self.last_state = Instant::now();
    }

    /// A stream ends with a STATE that covers all its records, also if there was nothing to read.
    pub(super) fn close(&mut self, records: &RecordWriter) {
        let bad_rows = records.bad_rows();
        let is_news = bad_rows != self.state.bad_rows;
        self.state.bad_rows = bad_rows;
        if is_news || self.records_at_last_state != Some(records.records) {
            self.emit(records.records);
        }
    }

    /// What is covered of `partition`. A partition enters the state with its first commit: one that never gave anything leaves
    /// no trace.
    fn entry(&mut self, partition: &Partition) -> Option<&mut PartitionState> {
        let account = partition.account?;
        if self.state.partition(partition).is_none() {
            let lanes = if self.stream.is_incremental() { self.stream.lanes() } else { &[] as &[Lane] };
            let start = if self.stream.is_incremental() { self.start } else { self.context.now };
            self.state.partitions.push(PartitionState::new(account, partition.region.as_deref(), lanes, start, self.context.now));
        }
        self.state.partition_mut(partition)
    }
}
