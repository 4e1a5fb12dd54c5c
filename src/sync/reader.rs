//! Reads the windows of one stream: fetch, shape, emit, checkpoint.
//!
//! Several requests are under way at once; their answers are read, emitted and committed in the order of the plan.

use std::collections::{BTreeMap, VecDeque};

use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::plan::{PartPlan, Step};
use super::read::{Job, Run};
use super::rows::{RowWriter, number_member};
use super::state::{PartState, StreamState};
use super::survey::{Account, Survey, named};
use super::{Gate, Passed, explain};
use crate::awin::{Body, Call, CallError, FailedCall, IN_FLIGHT, Patience};
use crate::protocol::{Abort, Closed, Descriptor, Failure, FailureKind, Level, Status};
use crate::row::{self, Splitter, Stop};
use crate::streams::{AccountId, Part, Role, Source, Span, Stream, request};

/// How often the pages of a window are asked again from the first, because rows came or went meanwhile.
const MAX_PAGE_RUNS: u32 = 3;

/// Reads one stream.
pub(super) struct Reader<'r> {
    pub(super) run: &'r Run,
    pub(super) stream: &'static Stream,
    pub(super) descriptor: Descriptor,
    pub(super) state: StreamState,
    steps: Vec<(Part, Step)>,
    plans: Vec<PartPlan>,
    named: BTreeMap<AccountId, bool>,
    pub(super) rows: RowWriter,
    pub(super) failures: Vec<Failure>,
    /// Of which nothing more is read in this run.
    skips: Vec<Skip>,
    /// Records as of the last STATE; `None` if there was none yet.
    stated: Option<u64>,
    pub(super) running: bool,
    /// Whether the last account that was read could not be reached.
    outage: bool,
}

/// What is not read any more.
#[derive(PartialEq)]
enum Skip {
    Account(AccountId),
    Part(Part),
    Lane(AccountId, &'static str),
}

/// What a window that could not be read means.
enum Trouble {
    Run(Abort),
    Call(Box<FailedCall>),
}

impl From<Closed> for Trouble {
    fn from(Closed: Closed) -> Self {
        Self::Run(Abort::OutputClosed)
    }
}

type Opened = Result<(Call, Body), Box<FailedCall>>;

impl<'r> Reader<'r> {
    pub(super) fn new(run: &'r Run, job: Job) -> Self {
        let rows = RowWriter::new(job.stream, &job.descriptor, &run.config);
        let steps = job.parts.iter().flat_map(|plan| plan.steps.iter().map(|step| (plan.state.part(), *step))).collect();
        let is_named = !named(&run.config).is_empty();
        let named =
            job.parts.iter().map(|plan| plan.state.part().account).map(|id| (id, is_named || job.state.knows(id))).collect();
        Self {
            run,
            stream: job.stream,
            descriptor: job.descriptor,
            state: job.state,
            steps,
            plans: job.parts,
            named,
            rows,
            failures: job.failures,
            skips: Vec::new(),
            stated: None,
            running: false,
            outage: false,
        }
    }

    pub(super) async fn read_windows(&mut self, survey: &mut Survey) -> Result<(), Abort> {
        let steps = std::mem::take(&mut self.steps);
        let mut of_accounts: BTreeMap<AccountId, Gate> = BTreeMap::new();
        let mut of_offers: BTreeMap<(AccountId, &str), Gate> = BTreeMap::new();
        let (run, stream) = (self.run, self.stream);
        let mut upcoming = steps.iter();
        let mut under_way = VecDeque::new();
        loop {
            while under_way.len() < IN_FLIGHT
                && let Some((part, step)) = upcoming.next()
            {
                if !self.is_skipped(part, step) {
                    let request = request(stream, part, step.lane, step.span, 1, &run.config);
                    let call = run.client.call(request, patience(stream, step.span, step));
                    let gate = of_accounts.entry(part.account).or_insert_with(Gate::of_account).clone();
                    let is_optional = matches!(step.lane.role, Role::Changes { optional: true });
                    let offer = is_optional
                        .then(|| of_offers.entry((part.account, step.lane.name)).or_insert_with(Gate::of_offer).clone());
                    let due = (step.span.to == run.now).then_some(run.reached);
                    let opened = async move {
                        if let Some(due) = due {
                            sleep_until(due).await;
                        }
                        let opened = gate.pass(async { Some(open(call).await) });
                        match offer {
                            Some(offer) => offer.pass(opened).await,
                            None => opened.await,
                        }
                    };
                    under_way.push_back((part, step, Task(tokio::spawn(opened))));
                }
            }
            let Some((part, step, task)) = under_way.pop_front() else { return Ok(()) };
            if self.is_skipped(part, step) {
                continue;
            }
            let Some(opened) = task.join().await else { continue };
            match self.window(part, step, opened).await {
                Ok(()) => {
                    if self.rows.saw_deleted && step.lane.role == Role::Main {
                        self.deleted_rows_are_listed(part);
                    }
                    self.outage = false;
                    self.commit(part, step);
                    run.emitter.flush().await?;
                }
                Err(Trouble::Run(end)) => return Err(end),
                Err(Trouble::Call(failed)) => {
                    if let (Role::Changes { optional: true }, CallError::BadRequest { status: 400, .. }) =
                        (step.lane.role, &failed.error)
                    {
                        let text = format!(
                            "Awin does not offer `{}` by date of {} for {} ({}); it is left out.",
                            stream.name, step.lane.name, part.account, failed.error
                        );
                        run.emitter.log(Level::Warn, text);
                        self.skips.push(Skip::Lane(part.account, step.lane.name));
                        continue;
                    }
                    if survey.is_token_dead(&failed.error).await {
                        self.end_state();
                        return Err(Abort::Fatal(explain::dead_token(&failed.error)));
                    }
                    // What Awin says of a request, or what is wrong with an answer, is about this part alone.
                    let is_its_own = failed.error.failure_kind() == FailureKind::System;
                    self.skips.push(if is_its_own { Skip::Part(part.clone()) } else { Skip::Account(part.account) });
                    let is_outage = failed.error.failure_kind() == FailureKind::Transient;
                    let account = Account { id: part.account, named: self.named.get(&part.account).copied().unwrap_or(true) };
                    self.failures.extend(run.refusal(stream, &account, part, &failed, &self.state, survey).await);
                    if is_outage && self.outage {
                        // Two accounts in a row: it is not the account. Trying on would only take time.
                        let text = format!("Awin does not answer; `{}` is not read any further in this run.", stream.name);
                        run.emitter.log(Level::Warn, text);
                        return Ok(());
                    }
                    self.outage = is_outage;
                    if is_outage {
                        // A sign of life: it may take as long to find out about the next account.
                        self.checkpoint();
                    }
                }
            }
        }
    }

    fn is_skipped(&self, part: &Part, step: &Step) -> bool {
        self.skips.iter().any(|skip| match skip {
            Skip::Account(account) => *account == part.account,
            Skip::Part(skipped) => skipped == part,
            Skip::Lane(account, lane) => *account == part.account && *lane == step.lane.name,
        })
    }

    /// Reads one window, in halves if it keeps timing out.
    async fn window(&mut self, part: &Part, step: &Step, opened: Opened) -> Result<(), Trouble> {
        self.rows.begin(part, step.span, &self.run.config);
        let mut opened = Some(opened);
        let mut spans = vec![step.span];
        while let Some(span) = spans.pop() {
            match self.span(part, step, span, opened.take()).await {
                // Of a window of the missing beginning only the whole extends what is covered.
                Ok(()) if !spans.is_empty() && self.is_next(part, step, span) => self.commit(part, &Step { span, ..*step }),
                Ok(()) => {}
                Err(Trouble::Call(trouble)) if matches!(trouble.error, CallError::TimedOut(_)) => match halves(self.stream, span)
                {
                    Some([first, second]) => {
                        self.run
                            .emitter
                            .log(Level::Info, format!("{} keeps timing out; it is asked for in halves.", trouble.request));
                        self.run.progress.plan(2);
                        spans.extend([second, first]);
                    }
                    None => return Err(Trouble::Call(trouble)),
                },
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Reads all pages of one stretch.
    async fn span(&mut self, part: &Part, step: &Step, span: Span, mut opened: Option<Opened>) -> Result<(), Trouble> {
        let page_size = match &self.stream.source {
            Source::Events(events) => events.page_size.map(u64::from),
            Source::Report(_) | Source::Reference(_) => None,
        };
        let mut page = 1;
        let mut total = None;
        let mut runs = 1;
        let mut last = None;
        loop {
            let opened = if let Some(opened) = opened.take() {
                opened
            } else {
                let request = request(self.stream, part, step.lane, span, page, &self.run.config);
                open(self.run.client.call(request, patience(self.stream, span, step))).await
            };
            let (mut call, body) = opened.map_err(Trouble::Call)?;
            if !self.running {
                self.running = true;
                self.run.emitter.status(&self.descriptor, Status::Running);
            }
            let (splitter, rows) = self.answer(&mut call, body).await?;
            let Some(page_size) = page_size else { return Ok(()) };
            let rows_in_all = number_member(&splitter, "totalRowsAvailable");
            if total.is_some() && rows_in_all.is_some() && total != rows_in_all && runs < MAX_PAGE_RUNS {
                // Rows came or went between two pages, so one may have slipped from one to the other.
                (page, runs, total) = (1, runs + 1, None);
                continue;
            }
            total = rows_in_all;
            let more = match number_member(&splitter, "totalPagesAvailable") {
                Some(pages) => u64::from(page) < pages && rows > 0,
                // A list: of one page's length, there may be another; longer, Awin knows no pages here.
                None => rows == page_size,
            };
            // The same page again: Awin does not turn pages.
            let digest = Some(self.rows.digest());
            if !more || digest == last {
                return Ok(());
            }
            (page, last) = (page + 1, digest);
            self.run.progress.plan(1);
        }
    }

    /// Emits the rows of one answer; asks again if it breaks off. Gives the end of it and the number of its rows.
    async fn answer(&mut self, call: &mut Call, mut body: Body) -> Result<(Splitter, u64), Trouble> {
        let rows_key = match &self.stream.source {
            Source::Events(events) => events.rows_key,
            Source::Report(report) => report.rows_key,
            Source::Reference(_) => "body",
        };
        let mut furthest = 0;
        loop {
            self.rows.begin_answer();
            let mut splitter = Splitter::new(rows_key);
            if body.is_no_content() {
                return Ok((splitter, 0));
            }
            let (rows, error) = self.rows_of(&mut body, &mut splitter).await?;
            let Some(error) = error else { return Ok((splitter, rows)) };
            if rows > furthest {
                furthest = rows;
                call.progressed();
            }
            body = match call.reopen(error).await {
                Ok(body) => body,
                Err(failed) => return Err(Trouble::Call(Box::new(failed))),
            };
        }
    }

    /// Emits the rows of a body. Gives their number and, if the body did not end well, why.
    async fn rows_of(&mut self, body: &mut Body, splitter: &mut Splitter) -> Result<(u64, Option<CallError>), Closed> {
        let emitter = &self.run.emitter;
        let mut bytes = 0;
        let mut count = 0;
        loop {
            let ended = match body.chunk().await {
                Ok(Some(piece)) => {
                    bytes += piece.len();
                    splitter.feed(&piece);
                    false
                }
                Ok(None) => true,
                Err(error) => return Ok((count, Some(error))),
            };
            let error = loop {
                match emitter.write_with(|lines| self.rows.next(splitter, ended, lines)) {
                    Ok(row::Step::Row) => {
                        count += 1;
                        emitter.flush_if_full().await?;
                    }
                    Ok(row::Step::End) if ended => return Ok((count, None)),
                    // Behind the end, the rest of the body, white space at most, must still come in whole.
                    Ok(row::Step::More | row::Step::End) => break None,
                    Err(Stop::Incomplete) => {
                        break Some(CallError::Broken(format!("it ends after {bytes} bytes in the middle")));
                    }
                    Err(Stop::Syntax { expected, .. }) => {
                        let near = emitter.redacted_excerpt(&splitter.near(), 80);
                        break Some(CallError::NotJson(format!("expected {expected} in {near:?}")));
                    }
                    Err(Stop::Shape(what)) => break Some(CallError::Shape(what)),
                }
            };
            if error.is_some() {
                return Ok((count, error));
            }
        }
    }

    /// The main lane has seen a row with status `deleted`: a lane of its own is not needed.
    fn deleted_rows_are_listed(&mut self, part: &Part) {
        for lane in self.stream.lanes().iter().filter(|lane| lane.role == Role::Deleted) {
            if let Some(plan) = self.plans.iter_mut().find(|plan| plan.state.part() == *part) {
                plan.state.lane(lane).over = true;
            }
            self.skips.push(Skip::Lane(part.account, lane.name));
        }
    }

    /// Whether `span` goes on where the covered stretch ends.
    fn is_next(&self, part: &Part, step: &Step, span: Span) -> bool {
        let plan = self.plans.iter().find(|plan| plan.state.part() == *part);
        step.lane.role != Role::Main || plan.is_some_and(|plan| span.to.fixed_offset() > plan.state.through)
    }

    /// Notes that the window is read, and emits a STATE.
    fn commit(&mut self, part: &Part, step: &Step) {
        let plan = self.plans.iter_mut().find(|plan| plan.state.part() == *part).expect("every step belongs to a plan");
        plan.state.commit(step.lane, step.span);
        self.state.set(plan.state.clone());
        self.checkpoint();
    }

    /// Notes that a programme of `part` is read, and emits a STATE.
    pub(super) fn commit_programme(&mut self, part: &Part, programme: u64) {
        let mut state = PartState::new(part, &[], self.run.now, self.run.now);
        state.programme = Some(programme);
        self.state.set(state);
        self.checkpoint();
    }

    fn checkpoint(&mut self) {
        let records = self.rows.records - self.stated.unwrap_or(0);
        self.run.progress.rows(records);
        self.run.emitter.state(&self.descriptor, self.state.next_blob(), records);
        self.stated = Some(self.rows.records);
    }

    /// A stream ends with a STATE that covers all its records, also if there was nothing to read.
    pub(super) fn end_state(&mut self) {
        if self.stated != Some(self.rows.records) {
            self.checkpoint();
        }
    }
}

/// A window is halved if it keeps timing out, down to an hour; a day of a report cannot be.
fn halves(stream: &Stream, span: Span) -> Option<[Span; 2]> {
    matches!(stream.source, Source::Events(_)).then(|| span.halves()).flatten()
}

/// How much is tried for `span`, a stretch of the window of `step`.
fn patience(stream: &Stream, span: Span, step: &Step) -> Patience {
    match halves(stream, span) {
        None => Patience::Full,
        Some(_) if span == step.span => Patience::Halvable,
        Some(_) => Patience::Half,
    }
}

async fn open(mut call: Call) -> Opened {
    match call.open().await {
        Ok(body) => Ok((call, body)),
        Err(failed) => Err(Box::new(failed)),
    }
}

/// A task that ends with its owner: what nobody waits for must not use up the quota.
struct Task(JoinHandle<Passed<(Call, Body)>>);

impl Task {
    /// What the task gives; nothing if the account's gate is shut.
    async fn join(mut self) -> Passed<(Call, Body)> {
        match (&mut self.0).await {
            Ok(opened) => opened,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
