//! Reads one stream: slices to answers to records to checkpoints, and what becomes of errors on the way.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};

use super::answer::{Answers, Interrupt};
use super::booking::FallBack;
use super::checkpoint::Checkpoint;
use super::context::Context;
use super::directory::{Account, Directory};
use super::explain::{self, Failed, Standing, Subject};
use super::fetch::{Fetch, Opened, Origin};
use super::finder::{Findings, Listening};
use super::outcome::{Blast, OUTAGE, condemns};
use super::plan::Plan;
use super::queue::Behind;
use super::records::RecordWriter;
use super::refusals::{refusal, skip};
use super::state::StreamState;
use super::stretch::{self, Empty};
use super::tally::{Tally, Written};
use crate::awin::{CallError, FailedCall};
use crate::protocol::{Abort, Descriptor, FailureKind, Level, Status, SyncMode};
use crate::streams::{AccountId, Cut, Page, Partition, Role, Slice, Source, Stream, Window, window_count};

/// A stream that the runner wants, ready to be read.
pub(super) struct PlannedStream {
    pub(super) stream: &'static Stream,
    pub(super) descriptor: Descriptor,
    pub(super) state: StreamState,
    pub(super) plans: Vec<Plan>,
    pub(super) accounts: Vec<Account>,
    /// What went wrong with accounts before any of their slices was asked for.
    pub(super) failed: Vec<Failed>,
    /// Found accounts that were left out, because they refuse.
    pub(super) skipped: Vec<Failed>,
    /// Whether reports of the run want to know which sales changed.
    pub(super) listens: bool,
    /// What is read if it counts sales on other days than they happened.
    pub(super) fall_back: FallBack,
}

/// How a stream ended.
pub(super) struct Ended {
    pub(super) failed: Vec<Failed>,
    pub(super) written: Written,
    /// What was found out about changed sales, if the stream was asked to listen.
    pub(super) findings: Option<Findings>,
    /// Accounts whose report counts sales on other days than they happened.
    pub(super) doubted: BTreeSet<AccountId>,
    /// Days of a report that were not read since their change, by account.
    pub(super) behind: BTreeMap<AccountId, Behind>,
    /// Up to where each account is complete.
    pub(super) covered: BTreeMap<AccountId, Option<DateTime<FixedOffset>>>,
}

/// Reads one stream.
struct StreamReader<'r> {
    context: &'r Context,
    stream: &'static Stream,
    descriptor: Descriptor,
    accounts: Vec<Account>,
    answers: Answers<'r>,
    checkpoint: Checkpoint<'r>,
    failed: Vec<Failed>,
    skipped: Vec<Failed>,
    condemned: Vec<Condemned>,
    refused_parts: BTreeMap<Partition, RefusedParts>,
    /// Stretches that have no rows.
    empty: Empty,
    is_running: bool,
    /// Whether any account has answered.
    has_answers: bool,
    /// Accounts in a row that could not be reached; at [`OUTAGE`], nothing is read any more.
    unreachable: usize,
}

/// What is not read any more.
#[derive(PartialEq)]
enum Condemned {
    Account(Option<AccountId>),
    Partition(Partition),
    Lane(Option<AccountId>, &'static str),
}

/// Programmes or payments of a partition that were refused, as long as it is not known whether that is about them or about the
/// account.
#[derive(Default)]
struct RefusedParts {
    ids: Vec<u64>,
    first: Option<FailedCall>,
    /// Whether another one of the account was answered.
    has_answers: bool,
}

/// Reads a stream to its end.
pub(super) async fn read(context: &Context, planned: PlannedStream, directory: &mut Directory) -> Result<Ended, Abort> {
    let PlannedStream { stream, descriptor, state, mut plans, accounts, failed, skipped, listens, mut fall_back } = planned;
    let tally = Tally::default();
    let mut records = RecordWriter::new(stream, &descriptor, &state.bad_rows, &context.config, tally.clone());
    if matches!(stream.source, Source::Events(_)) && state.mode == SyncMode::Incremental {
        records.remember(&mut plans, context.now, &context.config);
    }
    if listens {
        records.listen(Listening::to(&plans));
    }
    let mut reader = StreamReader {
        context,
        stream,
        accounts,
        answers: Answers {
            stream,
            client: &context.client,
            config: &context.config,
            emitter: &context.emitter,
            records,
            lacks: false,
            has_lacked: false,
        },
        checkpoint: Checkpoint::new(context, stream, descriptor.clone(), state, &plans, tally.clone()),
        descriptor,
        failed,
        skipped,
        condemned: Vec::new(),
        refused_parts: BTreeMap::new(),
        empty: Empty::default(),
        is_running: false,
        // An account of which there is nothing to read has answered what was asked of it.
        has_answers: plans.iter().any(|plan| plan.slices().next().is_none()),
        unreachable: 0,
    };
    let mut read = reader.read_slices(&plans, directory).await;
    if read.is_ok() {
        read = reader.fall_back(&mut fall_back, directory).await;
    }
    if read.is_ok() {
        read = reader.end_refused_parts(directory).await;
    }
    let StreamReader { mut answers, mut checkpoint, mut failed, mut skipped, condemned, has_answers, unreachable, .. } = reader;
    answers.records.log_notes(&context.emitter);
    if !matches!(read, Err(Abort::OutputClosed)) {
        let unfinished = condemned_accounts(&condemned, &failed, read.is_err() || unreachable == OUTAGE);
        checkpoint.close(&answers.records, &plans, &unfinished);
    }
    read?;
    if !has_answers {
        // An empty table would say that there is nothing, when nothing was shown.
        failed.append(&mut skipped);
    }
    let (covered, behind) = (checkpoint.covered(&plans), checkpoint.behind(&plans));
    Ok(Ended {
        failed,
        written: tally.written(),
        findings: answers.records.findings(),
        doubted: fall_back.doubted,
        behind,
        covered,
    })
}

/// The accounts of which not all was read; none stands for any.
fn condemned_accounts(condemned: &[Condemned], failed: &[Failed], is_cut: bool) -> Vec<Option<AccountId>> {
    let accounts = condemned.iter().filter_map(|condemned| match condemned {
        Condemned::Account(account) => Some(*account),
        Condemned::Partition(partition) => Some(partition.account),
        Condemned::Lane(..) => None,
    });
    accounts.chain(failed.iter().map(|failed| failed.partition.account)).chain(is_cut.then_some(None)).collect()
}

impl StreamReader<'_> {
    async fn read_slices(&mut self, plans: &[Plan], directory: &mut Directory) -> Result<(), Abort> {
        let mut upcoming = plans.iter().flat_map(Plan::slices);
        let mut fetch = Fetch::default();
        while self.unreachable < OUTAGE {
            while fetch.has_room()
                && let Some(slice) = upcoming.next()
            {
                if self.is_condemned(&slice) || self.empty.holds(&slice) {
                    continue;
                }
                if let Cut::Any(window) = slice.cut {
                    if self
                        .checkpoint
                        .alive(stretch::is_empty(&self.context.client, &self.context.config, self.stream, &slice))
                        .await
                    {
                        self.skips(&slice, window);
                    }
                } else {
                    let origin = self.origin(&slice, directory);
                    fetch.start(slice, origin);
                }
            }
            let Some((slice, opened)) = self.checkpoint.alive(fetch.next()).await else { return Ok(()) };
            let Some(opened) = opened.filter(|_| !self.is_condemned(&slice)) else { continue };
            self.context.progress.reads(slice.partition.account.map(|account| directory.name(account)));
            self.answers.records.settle().await;
            match self.slice(&slice, opened).await {
                Ok(()) => self.succeeded(&slice).await?,
                Err(Interrupt::Closed) => return Err(Abort::OutputClosed),
                Err(Interrupt::Call(failed)) => self.failed(&slice, *failed, directory).await?,
            }
        }
        Ok(())
    }

    /// Reads what the plain look-back would of the accounts whose reports count sales on other days than they happened.
    async fn fall_back(&mut self, fall_back: &mut FallBack, directory: &mut Directory) -> Result<(), Abort> {
        let found = fall_back.found(self.answers.records.booked(), self.context.now);
        for account in &found {
            let text = format!(
                "`{}` of {} counts sales on other days than `transactions`, so what changed does not tell which days to read; this run reads the last {} days, and older ones by their age.",
                self.stream.name,
                directory.name(*account),
                self.context.config.lookback_days
            );
            self.context.emitter.log(Level::Warn, text);
        }
        fall_back.doubted.extend(found);
        let plans = fall_back.needed(self.answers.records.booked());
        self.context.progress.plan(plans.iter().map(Plan::calls).sum());
        self.read_slices(&plans, directory).await
    }

    /// Where the answer to `slice` comes from.
    fn origin(&self, slice: &Slice, directory: &Directory) -> Origin {
        let is_doubtful = self.context.is_unreachable(slice.partition.account);
        let call = self.answers.call(slice, slice, &Page::FIRST, is_doubtful);
        if let Some(body) = directory.kept(self.stream, slice) {
            return Origin::Kept(call, Box::new(body));
        }
        let ends_now = slice.window().is_some_and(|window| window.to == self.context.now);
        Origin::Call(call, ends_now.then_some(self.context.reached))
    }

    /// `slice`, all of `window`, has no rows: none of its days is asked for.
    fn skips(&mut self, slice: &Slice, window: Window) {
        (self.has_answers, self.unreachable) = (true, 0);
        self.runs();
        self.context.client.progressed();
        self.context.progress.spare(window_count(window.from, window.to, self.stream.window_days()));
        self.empty.add(&slice.partition, window);
        self.checkpoint.commit(slice, &BTreeSet::new());
    }

    /// The first answer is here.
    fn runs(&mut self) {
        if !std::mem::replace(&mut self.is_running, true) {
            self.context.emitter.status(&self.descriptor, Status::Running);
        }
    }

    async fn slice(&mut self, slice: &Slice, opened: Opened) -> Result<(), Interrupt> {
        if opened.is_ok() {
            self.runs();
        }
        self.answers.read(slice, opened, &mut self.checkpoint, |calls| self.context.progress.plan(calls)).await
    }

    /// The slice is read.
    async fn succeeded(&mut self, slice: &Slice) -> Result<(), Abort> {
        (self.has_answers, self.unreachable) = (true, 0);
        self.answers.records.succeeded();
        self.context.client.progressed();
        if self.answers.records.saw_deleted && slice.lane.role == Role::Main {
            self.deleted_rows_are_listed(&slice.partition);
        }
        if slice.cut.part().is_some() {
            self.refused_parts.entry(slice.partition.clone()).or_default().has_answers = true;
        }
        self.checkpoint.looked_after(slice, &self.answers.records.unpaid);
        if let Some(id) = slice.cut.part().filter(|_| self.answers.lacks) {
            // The next sync walks back again.
            self.checkpoint.forget_part(&slice.partition, id);
        } else {
            self.checkpoint.commit(slice, &self.answers.records.unpaid);
        }
        Ok(self.context.emitter.flush().await?)
    }

    /// The main lane has seen a row with status `deleted`: a lane of its own is not needed.
    fn deleted_rows_are_listed(&mut self, partition: &Partition) {
        self.checkpoint.retire_deleted(partition);
        for lane in self.stream.lanes().iter().filter(|lane| lane.status.is_some()) {
            self.condemned.push(Condemned::Lane(partition.account, lane.name));
        }
    }

    fn is_condemned(&self, slice: &Slice) -> bool {
        self.condemned.iter().any(|condemned| match condemned {
            Condemned::Account(account) => *account == slice.partition.account,
            Condemned::Partition(partition) => *partition == slice.partition,
            Condemned::Lane(account, lane) => *account == slice.partition.account && *lane == slice.lane.name,
        })
    }

    /// What a call that failed for good means for the rest of the stream.
    async fn failed(&mut self, slice: &Slice, call: FailedCall, directory: &mut Directory) -> Result<(), Abort> {
        let (partition, account) = (slice.partition.clone(), slice.partition.account);
        let blast = condemns(&call.error, slice);
        match blast {
            Blast::Slice => {
                self.lost_part(slice, call);
                return Ok(());
            }
            Blast::Lane => {
                let text = format!(
                    "Awin does not offer `{}` by {} date for {} ({}). That pass is skipped.",
                    self.stream.name,
                    slice.lane.name,
                    account.map(|account| directory.name(account)).unwrap_or_default(),
                    call.error
                );
                self.context.emitter.log(Level::Warn, text);
                self.condemned.push(Condemned::Lane(account, slice.lane.name));
                return Ok(());
            }
            Blast::AccountOrRun => {
                if self.checkpoint.alive(directory.is_token_dead(account)).await {
                    return Err(Abort::Fatal(explain::dead_token(&call.error)));
                }
                self.condemned.push(Condemned::Account(account));
            }
            Blast::Partition => self.condemned.push(Condemned::Partition(partition.clone())),
            Blast::Account => self.condemned.push(Condemned::Account(account)),
        }
        let is_outage = call.error.failure_kind() == FailureKind::Transient;
        self.fail(partition, call, directory).await;
        self.unreachable = if is_outage { self.unreachable + 1 } else { 0 };
        if is_outage {
            self.context.note_unreachable(account);
            if self.unreachable == OUTAGE {
                let text = format!("Awin does not answer; `{}` is not read any further in this run.", self.stream.name);
                self.context.emitter.log(Level::Warn, text);
            } else {
                // It may take as long to find out about the next account.
                self.checkpoint.emit();
            }
        }
        Ok(())
    }

    /// A programme or payment was refused, or its answer cannot be read.
    fn lost_part(&mut self, slice: &Slice, call: FailedCall) {
        let Some(id) = slice.cut.part() else { return };
        if matches!(call.error, CallError::Refused { .. }) {
            self.checkpoint.forget_part(&slice.partition, id);
            let refused = self.refused_parts.entry(slice.partition.clone()).or_default();
            refused.ids.push(id);
            refused.first.get_or_insert(call);
        } else {
            self.checkpoint.break_off(&slice.partition);
            self.has_answers = true;
            let standing = Standing::Unknown;
            let (partition, role) = (slice.partition.clone(), self.stream.endpoint.role);
            self.failed.push(Failed { subject: Subject::Rows, partition, call, standing, role });
        }
    }

    /// Of the programmes or payments that were refused: they were left, or have nothing; but if all were, it is the account. A run
    /// that goes on from another, or finds one payment more, need not see another answer.
    async fn end_refused_parts(&mut self, directory: &mut Directory) -> Result<(), Abort> {
        for (partition, refused) in std::mem::take(&mut self.refused_parts) {
            let Some(call) = refused.first else { continue };
            let asks_all = matches!(self.stream.source, Source::Rates);
            if refused.has_answers || (!asks_all && self.checkpoint.knows_account(partition.account)) {
                let text = format!(
                    "Awin has no `{}` for {} {} of {} ({}). They are left out.",
                    self.stream.name,
                    if matches!(self.stream.source, Source::Payments) { "payments" } else { "programmes" },
                    explain::some_of(refused.ids.iter().map(ToString::to_string)).join(", "),
                    partition.account.map(|account| directory.name(account)).unwrap_or_default(),
                    call.error
                );
                self.context.emitter.log(Level::Warn, text);
            } else {
                self.accounts
                    .iter_mut()
                    .filter(|known| Some(known.id) == partition.account)
                    .for_each(|known| known.required = true);
                self.fail(partition, call, directory).await;
            }
        }
        Ok(())
    }

    async fn fail(&mut self, partition: Partition, call: FailedCall, directory: &mut Directory) {
        let account = self.accounts.iter().find(|known| Some(known.id) == partition.account);
        let is_required = account.is_none_or(|account| account.required) || self.checkpoint.knows_account(partition.account);
        let failed = self.checkpoint.alive(refusal(directory, self.stream, Subject::Rows, partition, call)).await;
        if is_required || !matches!(failed.call.error, CallError::Refused { .. }) {
            self.failed.push(failed);
        } else {
            skip(self.context, directory, self.stream, &failed);
            self.skipped.push(failed);
        }
    }
}
