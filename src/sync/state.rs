//! The state of a stream, version 1: which stretch of which account is covered.
//!
//! Per partition (an account, or one region of it): everything between `from` and `through` has been read; per lane of changes,
//! everything up to its own `through`. The stretch only ever grows contiguously. The key set is fixed and parts stand in an
//! array, because a runner may store states by merge patch, where a key that vanishes lives on. `checkpoint` counts the
//! states written, so that no two are alike, also while the look-back reads old ground again.

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) use super::queue::DaysState;
use super::queue::{days, minutes};
use crate::config::Config;
use crate::protocol::{Failure, SyncMode};
use crate::streams::{AccountId, AccountKind, Lane, Moment, Partition, Role, Stream, Window};

const VERSION: u64 = 1;

/// The state of a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamState {
    version: u64,
    /// The mode in which it was written: a full refresh goes on only within its own job.
    pub mode: SyncMode,
    /// The runner's number of that job; 0 where the runner gives none.
    #[serde(default)]
    pub sync_id: i64,
    timezone: String,
    /// Which date a report counts by; empty where there is no choice.
    date_type: String,
    /// Number of states written so far.
    pub checkpoint: u64,
    /// What is covered.
    #[serde(rename = "accounts")]
    pub partitions: Vec<PartitionState>,
    /// Hashes of rows that cannot be read and are passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_rows: Vec<String>,
}

/// What is covered of a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionState {
    account_id: u64,
    account_type: AccountKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// Start of the stretch that is covered.
    pub from: DateTime<FixedOffset>,
    /// End of it.
    pub through: DateTime<FixedOffset>,
    /// In sales: the stretch that was ever covered, if the range has been narrowed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<[DateTime<FixedOffset>; 2]>,
    /// The lanes beside the main one; of a report those lists of changes that could not be read up to `aged`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LaneState>,
    /// The last programme that was read, in streams that are read one programme at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<u64>,
    /// What was read one by one: payments whose breakdown was, programmes whose rates were walked back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<u64>>,
    /// In sales: the last payments that were known when the marks below were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments: Option<Vec<u64>>,
    /// In sales: blocks that hold approved, unpaid ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpaid: Option<Vec<i64>>,
    /// The moment up to which ages were dealt with, of the days of a report or of blocks of old sales. Not `through`, which an
    /// end date pins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aged: Option<DateTime<FixedOffset>>,
    /// In streams of events: hashes of the rows that the destination has. Only the last STATE of a run has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// In reports: which days wait to be read again.
    #[serde(flatten, deserialize_with = "days", skip_serializing_if = "Option::is_none")]
    pub days: Option<DaysState>,
}

/// How far a lane has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneState {
    lane: String,
    /// Changes up to here have been read.
    pub through: DateTime<FixedOffset>,
    /// The lane is not needed any more.
    #[serde(default, rename = "over", skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

impl LaneState {
    /// Of `lane`, reached up to `through`.
    pub fn new(lane: &Lane, through: DateTime<FixedOffset>) -> Self {
        Self { lane: lane.name.to_owned(), through, retired: false }
    }

    /// Whether it is that of `lane`.
    pub fn is(&self, lane: &Lane) -> bool {
        self.lane == lane.name
    }
}

impl StreamState {
    /// A state in which nothing is covered.
    pub fn new(stream: &Stream, mode: SyncMode, sync_id: Option<i64>, config: &Config) -> Self {
        let date_type = if stream.has_date_type() { config.stats_date_type.as_str() } else { "" };
        Self {
            version: VERSION,
            mode,
            sync_id: sync_id.unwrap_or_default(),
            timezone: config.timezone.to_string(),
            date_type: date_type.to_owned(),
            checkpoint: 0,
            partitions: Vec::new(),
            bad_rows: Vec::new(),
        }
    }

    /// The state with which a run starts: the given one if it is ours and fits, an empty one if there is none.
    pub fn load(
        stream: &Stream,
        blob: Option<&RawValue>,
        mode: SyncMode,
        sync_id: Option<i64>,
        config: &Config,
    ) -> Result<Self, Failure> {
        let fresh = Self::new(stream, mode, sync_id, config);
        let Some(blob) = blob.map(RawValue::get) else { return Ok(fresh) };
        let name = stream.name;
        let refresh = format!("Refresh the stream `{name}` (clear its state), and it is read anew.");
        match serde_json::from_str(blob).ok().and_then(|Versioned { version }| version) {
            Some(VERSION) => {}
            Some(version) => {
                let newer = if version > VERSION { "Use a newer connector, or start over. " } else { "" };
                return Err(Failure::config(format!(
                    "The state of stream `{name}` has version {version}, which this version of the connector does not know. {newer}{refresh}"
                )));
            }
            None => {
                return Err(Failure::config(format!(
                    "The state of stream `{name}` was not written by this connector. {refresh}"
                )));
            }
        }
        let known: Self = serde_json::from_str(blob)
            .map_err(|error| Failure::config(format!("The state of stream `{name}` cannot be read ({error}). {refresh}")))?;
        if !known.partitions.iter().all(PartitionState::is_sound) {
            return Err(Failure::config(format!(
                "The state of stream `{name}` cannot be read (it holds a moment far outside of the calendar). {refresh}"
            )));
        }
        if known.mode != mode || (mode == SyncMode::FullRefresh && (sync_id.is_none() || known.sync_id != fresh.sync_id)) {
            return Ok(Self { checkpoint: known.checkpoint, ..fresh });
        }
        for (key, had, has) in
            [("timezone", &known.timezone, &fresh.timezone), ("stats_date_type", &known.date_type, &fresh.date_type)]
        {
            if had != has {
                return Err(Failure::config(format!(
                    "The stream `{name}` was read with `{key}` {had}, and the configuration now says {has}; both kinds of days must not be mixed in one table. {refresh} Or set `{key}` back to {had}."
                )));
            }
        }
        Ok(known)
    }

    /// The blob of the next STATE message.
    pub fn next_blob(&mut self) -> Value {
        self.checkpoint = self.checkpoint.saturating_add(1);
        serde_json::to_value(&*self).expect("states serialize")
    }

    /// What is covered of `partition`.
    pub fn partition(&self, partition: &Partition) -> Option<&PartitionState> {
        self.partitions.iter().find(|known| known.is(partition))
    }

    /// The same, to be changed.
    pub fn partition_mut(&mut self, partition: &Partition) -> Option<&mut PartitionState> {
        self.partitions.iter_mut().find(|known| known.is(partition))
    }

    /// Whether anything of `account` was ever read.
    pub fn knows(&self, account: AccountId) -> bool {
        self.accounts().any(|known| known == account)
    }

    /// The accounts of which anything was ever read.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.partitions.iter().map(PartitionState::account)
    }

    /// The regions of `account` of which something was read.
    pub fn regions(&self, account: AccountId) -> impl Iterator<Item = String> + '_ {
        self.partitions.iter().filter(move |known| known.account() == account).filter_map(|known| known.region.clone())
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: Option<u64>,
}

impl PartitionState {
    /// A partition of which nothing has been read: covered is the empty stretch at `start`. Its lanes start their life `now`,
    /// because all that the main lane reads from now on is in its form of now or later.
    pub fn new(account: AccountId, region: Option<&str>, lanes: &[Lane], start: Moment, now: Moment) -> Self {
        let lanes = lanes.iter().filter(|lane| lane.has_state()).map(|lane| LaneState::new(lane, now.fixed_offset())).collect();
        Self {
            account_id: account.id,
            account_type: account.kind,
            region: region.map(str::to_owned),
            from: start.fixed_offset(),
            through: start.fixed_offset(),
            once: None,
            lanes,
            programme: None,
            parts: None,
            payments: None,
            unpaid: None,
            aged: None,
            sent: None,
            days: None,
        }
    }

    /// Whether all moments lie where time can be reckoned with.
    fn is_sound(&self) -> bool {
        let lanes = self.lanes.iter().map(|lane| &lane.through);
        let moments = lanes.chain([&self.from, &self.through]).chain(&self.aged).chain(self.once.iter().flatten());
        moments.into_iter().all(|moment| (0..=10_000).contains(&moment.to_utc().year()))
    }

    /// Whether it ends after `now`, by more than a clock may be off.
    pub fn is_of_the_future(&self, now: Moment) -> bool {
        self.through > (now + TimeDelta::days(1)).fixed_offset()
    }

    /// Whether it is that of `partition`.
    pub fn is(&self, partition: &Partition) -> bool {
        partition.account == Some(self.account()) && self.region == partition.region
    }

    /// Its account.
    pub fn account(&self) -> AccountId {
        AccountId { kind: self.account_type, id: self.account_id }
    }

    /// The state of a lane beside the main one.
    pub fn lane(&self, lane: &Lane) -> Option<&LaneState> {
        self.lanes.iter().find(|known| known.is(lane))
    }

    /// The same, to be changed.
    pub fn lane_mut(&mut self, lane: &Lane) -> Option<&mut LaneState> {
        self.lanes.iter_mut().find(|known| known.is(lane))
    }

    /// How far a report has read the list of changes `lane`: as far as ages were dealt with, unless the list could not be fetched.
    pub fn heard(&self, lane: &Lane) -> Option<DateTime<FixedOffset>> {
        self.lane(lane).map(|known| known.through).or(self.aged)
    }

    /// Before ages are dealt with up to `now`: whether the list of changes `lane` `is_heard` in this run.
    pub fn hears(&mut self, lane: &Lane, is_heard: bool, now: Moment) {
        let reached = self.heard(lane).unwrap_or(now.fixed_offset());
        self.lanes.retain(|known| !known.is(lane));
        if !is_heard {
            self.lanes.push(LaneState::new(lane, reached));
        }
    }

    /// Adds those of `lanes` that the state does not have: they start where the main one stands.
    pub fn add_missing(&mut self, lanes: &[Lane]) {
        for lane in lanes.iter().filter(|lane| lane.has_state()) {
            if self.lane(lane).is_none() {
                self.lanes.push(LaneState::new(lane, self.through));
            }
        }
    }

    /// `window` has been read in `lane`. In the main lane it must touch what is covered, at either end.
    pub fn commit(&mut self, lane: &Lane, window: Window) {
        if lane.role == Role::Again {
            // Covers nothing new.
        } else if lane.role != Role::Main {
            if let Some(state) = self.lane_mut(lane) {
                state.through = state.through.max(window.to.fixed_offset());
            }
        } else {
            self.cover(window);
        }
    }

    /// `window` is covered. It must touch what was: a stretch between the two would count as read.
    fn cover(&mut self, window: Window) {
        let (from, to) = (window.from.fixed_offset(), window.to.fixed_offset());
        let touches = from <= self.through && self.from <= to;
        debug_assert!(touches, "covered stretches are contiguous");
        if touches {
            (self.from, self.through) = (self.from.min(from), self.through.max(to));
        }
    }

    /// The breakdown of a payment or the rates of a programme were read.
    pub fn part_read(&mut self, part: u64) {
        let read = self.parts.get_or_insert_default();
        if !read.contains(&part) {
            read.push(part);
        }
    }

    /// All parts of the stretch `covered` were read. Those that the next run is shown again stay known.
    pub fn parts_read(&mut self, shown_again: &[u64], covered: Window) {
        self.parts.get_or_insert_default().retain(|part| shown_again.contains(part));
        self.cover(covered);
    }

    /// Approved, unpaid sales were seen in `blocks`. Noted only where payments are followed.
    pub fn mark_unpaid(&mut self, blocks: impl IntoIterator<Item = i64>) {
        let Some(unpaid) = &mut self.unpaid else { return };
        for block in blocks {
            if let Err(at) = unpaid.binary_search(&block) {
                unpaid.insert(at, block);
            }
        }
    }

    /// All of `block` was read, and no approved, unpaid sale was seen there.
    pub fn clear_unpaid(&mut self, block: i64) {
        if let Some(unpaid) = &mut self.unpaid {
            unpaid.retain(|known| *known != block);
        }
    }

    /// A report of which the first day is about to be read: what changes from `now` on is to be found out.
    pub fn begin_days(&mut self, now: Moment) {
        self.aged = Some(now.fixed_offset());
        self.days = Some(DaysState::default());
    }

    /// A run begins to read these events: what was sent is certain only at the end of one that reads everything.
    pub fn forget_sent(&mut self, now: Moment) {
        self.sent = Some(String::new());
        self.aged = self.aged.or(Some(now.fixed_offset()));
    }

    /// A run up to `now` has read everything: the destination has the rows `sent`, and old sales were looked after.
    pub fn remember_sent(&mut self, sent: String, now: Moment) {
        self.sent = Some(sent);
        self.aged = Some(now.fixed_offset());
    }

    /// Days of a report were read in a run up to `now`.
    pub fn days_read(&mut self, read: impl Iterator<Item = NaiveDate>, now: Moment) {
        if let Some(days) = &mut self.days {
            days.read(&read.collect(), minutes(&now));
        }
    }

    /// Deleted rows are listed without being asked for: the lane that looks for them is not needed any more.
    pub fn retire_deleted(&mut self, lanes: &[Lane]) {
        for lane in lanes.iter().filter(|lane| lane.role == Role::Deleted) {
            if let Some(state) = self.lane_mut(lane) {
                state.retired = true;
            }
        }
    }

    /// The stretch that was ever covered.
    pub fn ever(&self) -> [DateTime<FixedOffset>; 2] {
        self.once.map_or([self.from, self.through], |[first, last]| [first.min(self.from), last.max(self.through)])
    }

    /// Cuts what is covered to the configured range: changes of rows outside of it are not kept up with. False if nothing is
    /// left.
    pub fn clip(&mut self, start: Moment, end: Option<Moment>) -> bool {
        self.from = self.from.max(start.fixed_offset());
        if let Some(end) = end {
            self.through = self.through.min(end.fixed_offset());
        }
        self.from <= self.through
    }
}

#[cfg(test)]
mod tests;
