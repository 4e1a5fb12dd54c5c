//! `read`: plan, fetch, shape, emit, checkpoint.
//!
//! Requests of a stream are in flight several at a time; their answers are read, emitted and committed in the order of the
//! plan. A stream or an account that fails does not hold up the others; what failed is told when all streams have ended,
//! because some runners stop at the first error. Only a dead token is told at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::plan::{PartPlan, Scope, Step};
use super::progress::Progress;
use super::reference::Ask;
use super::rows::{RowWriter, number_member};
use super::state::{PartState, StreamState};
use super::survey::{Account, Survey, named, with_stream};
use super::{Gate, explain, plan};
use crate::awin::{Body, Call, CallError, Client, FailedCall, Patience};
use crate::config::{self, Config};
use crate::protocol::{
    Closed, ConfiguredCatalog, ConfiguredStream, Descriptor, Emitter, Failure, InputState, Level, Status, SyncMode,
};
use crate::row::{self, Splitter, Stop};
use crate::streams::{self, AccountId, Moment, Part, REPORTS_ONLY_ZONES, Reference, Role, Source, Span, Stream, request};

/// Requests under way at once. Awin takes up to 15 s for an answer; at 20 calls a minute this keeps the quota in use.
pub(super) const IN_FLIGHT: usize = 8;
/// How often the pages of a window are asked again from the first, because rows came or went meanwhile.
const MAX_PAGE_RUNS: u32 = 3;

/// All that a run is made of.
pub struct Run {
    /// Writes the messages.
    pub emitter: Emitter,
    /// Makes the calls.
    pub client: Client,
    /// What is told along the way.
    pub progress: Arc<Progress>,
    /// The configuration.
    pub config: Config,
    /// When the run began, to the full second.
    pub now: Moment,
}

/// Why a run ended early.
pub enum RunEnd {
    /// Nobody reads our output any more.
    Closed,
    /// Something that concerns all streams.
    Failed(Failure),
}

impl From<Closed> for RunEnd {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// A stream that the runner wants, ready to be read.
struct Job {
    stream: &'static Stream,
    descriptor: Descriptor,
    state: StreamState,
    parts: Vec<PartPlan>,
    /// Reference data to ask for.
    asks: Vec<Ask>,
    /// What went wrong with parts before any of their windows were asked for.
    failures: Vec<Failure>,
}

impl Job {
    /// Calls that are to be made for it.
    fn calls(&self) -> usize {
        match self.stream.source {
            Source::Reference(reference) => self.asks.iter().map(|ask| ask.calls(reference)).sum(),
            Source::Events(_) | Source::Report(_) => self.parts.iter().map(|part| part.steps.len()).sum(),
        }
    }
}

impl Run {
    /// Reads all streams of `catalog`. True if each of them ended complete.
    pub async fn read(&self, catalog: ConfiguredCatalog, input: InputState) -> Result<bool, RunEnd> {
        self.emitter.log(Level::Info, "Starting syncing source-awin");
        for warning in &input.warnings {
            self.emitter.log(Level::Warn, warning);
        }
        let mut survey = Survey::new(self.client.clone(), self.emitter.clone());
        let mut failures: BTreeMap<Descriptor, Failure> = BTreeMap::new();
        let mut jobs = Vec::new();
        for configured in self.known_streams(catalog, &mut failures) {
            let descriptor = configured.stream.clone();
            match self.prepare(&configured, &input, &mut survey).await? {
                Ok(job) => jobs.push(job),
                Err(failure) => {
                    self.emitter.status(&descriptor, Status::Started);
                    self.emitter.status(&descriptor, Status::Incomplete);
                    failures.insert(descriptor, failure);
                }
            }
        }
        self.tell_plan(&jobs);
        let mut jobs = jobs.into_iter();
        let mut dead = None;
        for job in jobs.by_ref() {
            let descriptor = job.descriptor.clone();
            match self.read_stream(job, &mut survey).await {
                Ok(None) => {}
                Ok(Some(failure)) => drop(failures.insert(descriptor, failure)),
                Err(RunEnd::Closed) => return Err(RunEnd::Closed),
                Err(RunEnd::Failed(failure)) => {
                    // Told at once: the first error of a run decides what the user is asked to do.
                    self.emitter.failure(&failure, Some(&descriptor), None);
                    self.emitter.status(&descriptor, Status::Incomplete);
                    dead = Some(descriptor);
                    break;
                }
            }
        }
        let mut names: BTreeSet<String> = failures.keys().chain(&dead).map(|descriptor| descriptor.name.clone()).collect();
        for job in jobs {
            self.emitter.status(&job.descriptor, Status::Started);
            self.emitter.status(&job.descriptor, Status::Incomplete);
            names.insert(job.descriptor.name);
        }
        let mut failures: Vec<_> = failures.into_iter().collect();
        failures.sort_by_key(|(_, failure)| failure.kind);
        for (descriptor, failure) in &failures {
            self.emitter.failure(failure, Some(descriptor), None);
        }
        if names.is_empty() {
            self.emitter.log(Level::Info, "Finished syncing source-awin");
            return Ok(true);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.emitter.log(Level::Error, format!("These streams did not sync completely: {}. The others did.", names.join(", ")));
        Ok(false)
    }

    /// The streams of the catalog that exist; the others are noted as failed.
    fn known_streams(&self, catalog: ConfiguredCatalog, failures: &mut BTreeMap<Descriptor, Failure>) -> Vec<ConfiguredStream> {
        let mut known: Vec<ConfiguredStream> = Vec::new();
        for configured in catalog.streams {
            let descriptor = &configured.stream;
            if known.iter().any(|other| other.stream.name == descriptor.name) {
                self.emitter.log(Level::Warn, format!("The catalog lists stream `{}` twice; it is read once.", descriptor.name));
            } else if streams::find(&descriptor.name).is_none() {
                self.emitter.status(descriptor, Status::Incomplete);
                let message = format!(
                    "There is no stream `{}`. Run `discover` (refresh the source schema) and take it out of the connection.",
                    descriptor.name
                );
                failures.insert(descriptor.clone(), Failure::config(message));
            } else {
                known.push(configured);
            }
        }
        known
    }

    /// Loads the state of a stream and plans it. The inner error is the stream's, the outer one the run's.
    async fn prepare(
        &self,
        configured: &ConfiguredStream,
        input: &InputState,
        survey: &mut Survey,
    ) -> Result<Result<Job, Failure>, RunEnd> {
        let stream = streams::find(&configured.stream.name).expect("only known streams are prepared");
        let mode = self.mode(stream, configured);
        if !stream.takes_zone(self.config.timezone) {
            return Ok(Err(wrong_zone(stream, &self.config)));
        }
        let blob = input.streams.get(stream.name);
        let state = match StreamState::load(stream, blob, mode, configured.sync_id, &self.config) {
            Ok(state) => state,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut job = Job { stream, descriptor: configured.stream.clone(), state, parts: vec![], asks: vec![], failures: vec![] };
        if matches!(stream.source, Source::Reference(Reference::Accounts)) {
            return Ok(Ok(job));
        }
        let accounts = self.accounts(stream, &job.state, survey).await.map_err(RunEnd::Failed)?;
        if accounts.is_empty() {
            let sides: Vec<&str> = stream.sides.iter().map(|side| side.as_str()).collect();
            self.emitter.log(
                Level::Warn,
                format!(
                    "`{}` is a stream of {} accounts, of which there are none here; it has no rows.",
                    stream.name,
                    sides.join(" and ")
                ),
            );
        }
        for account in accounts {
            match self.plan_account(&mut job, &account, mode, survey).await {
                Ok(()) => {}
                Err(failed) if survey.is_token_dead(&failed.error).await => {
                    return Err(RunEnd::Failed(explain::dead_token(&failed.error)));
                }
                Err(failed) => {
                    let part = Part { account: account.id, region: None };
                    let failure = self.refusal(stream, &account, &part, &failed, &job.state, survey).await;
                    job.failures.extend(failure);
                }
            }
        }
        Ok(Ok(job))
    }

    /// Adds to `job` what is to be read of `account`.
    async fn plan_account(
        &self,
        job: &mut Job,
        account: &Account,
        mode: SyncMode,
        survey: &mut Survey,
    ) -> Result<(), FailedCall> {
        if let Source::Reference(_) = job.stream.source {
            let mut programmes = Vec::new();
            if job.stream.is_by_programme() {
                let done = job.state.part(&Part { account: account.id, region: None }).and_then(|part| part.programme);
                programmes = survey.programmes(account.id).await?;
                programmes.retain(|programme| done.is_none_or(|done| *programme > done));
            }
            job.asks.push(Ask { account: account.clone(), programmes });
            return Ok(());
        }
        let scope = Scope::new(&self.config, self.now, mode);
        for part in self.parts(job.stream, account.id, survey).await? {
            let plan = plan::plan(job.stream, &part, job.state.part(&part), &scope);
            if plan.is_new {
                job.state.remove(&part);
            } else {
                job.state.set(plan.state.clone());
            }
            job.parts.push(plan);
        }
        Ok(())
    }

    fn mode(&self, stream: &Stream, configured: &ConfiguredStream) -> SyncMode {
        match (stream.cursor, configured.sync_mode) {
            (None, SyncMode::Incremental) => {
                self.emitter.log(Level::Warn, format!("`{}` cannot be read incrementally; it is read in full.", stream.name));
                SyncMode::FullRefresh
            }
            (Some(cursor), SyncMode::Incremental) => {
                if !configured.cursor_field.is_empty() && configured.cursor_field != [cursor] {
                    let asked = configured.cursor_field.join(".");
                    self.emitter
                        .log(Level::Warn, format!("The cursor of `{}` is `{cursor}`; `{asked}` is ignored.", stream.name));
                }
                SyncMode::Incremental
            }
            (_, SyncMode::FullRefresh) => SyncMode::FullRefresh,
        }
    }

    /// The accounts to read for `stream`: the named ones, or the found ones and those that the state knows.
    async fn accounts(&self, stream: &Stream, state: &StreamState, survey: &mut Survey) -> Result<Vec<Account>, Failure> {
        let mut accounts = with_stream(&survey.accounts(&self.config).await?, stream);
        if named(&self.config).is_empty() {
            for account in &mut accounts {
                account.named = state.knows(account.id);
            }
            for id in state.accounts() {
                if !accounts.iter().any(|account| account.id == id) {
                    accounts.push(Account { id, named: true });
                }
            }
        }
        Ok(accounts)
    }

    /// The parts of an account that are covered on their own.
    async fn parts(&self, stream: &Stream, account: AccountId, survey: &mut Survey) -> Result<Vec<Part>, FailedCall> {
        if !stream.is_by_region(account.kind) {
            return Ok(vec![Part { account, region: None }]);
        }
        let regions = survey.regions(account, &self.config, self.now).await?;
        Ok(regions.into_iter().map(|region| Part { account, region: Some(region) }).collect())
    }

    fn tell_plan(&self, jobs: &[Job]) {
        let counts: Vec<(&str, usize)> = jobs.iter().map(|job| (job.stream.name, job.calls())).collect();
        let calls = counts.iter().map(|(_, calls)| *calls as u64).sum();
        self.progress.plan(calls);
        let list: Vec<String> = counts.iter().map(|(name, calls)| format!("{name} {calls}")).collect();
        self.emitter.log(
            Level::Info,
            format!(
                "{calls} calls planned, about {} min at {} calls a minute ({}).",
                self.progress.minutes(calls),
                self.config.requests_per_minute,
                list.join(", ")
            ),
        );
    }

    /// Reads one stream to its end. Gives its failure, if it has one.
    async fn read_stream(&self, mut job: Job, survey: &mut Survey) -> Result<Option<Failure>, RunEnd> {
        let descriptor = job.descriptor.clone();
        self.emitter.log(Level::Info, format!("Syncing stream: {}", descriptor.name));
        self.emitter.status(&descriptor, Status::Started);
        self.progress.enter(Some(&descriptor));
        let asks = std::mem::take(&mut job.asks);
        let mut reader = Reader::new(self, job);
        let read = match reader.stream.source {
            Source::Reference(Reference::Accounts) => reader.read_accounts(survey).await,
            Source::Reference(reference) => reader.read_reference(reference, asks, survey).await,
            Source::Events(_) | Source::Report(_) => reader.read_windows(survey).await,
        };
        self.progress.enter(None);
        reader.rows.tell(&self.emitter);
        read?;
        reader.end_state();
        let Reader { failures, rows, .. } = reader;
        let failure = explain::together(failures);
        self.emitter.status(&descriptor, if failure.is_none() { Status::Complete } else { Status::Incomplete });
        self.emitter.log(Level::Info, format!("Read {} records from {} stream", rows.records, descriptor.name));
        self.emitter.flush().await?;
        Ok(failure)
    }

    /// What to make of an account that gives no data: nothing but a warning if it was merely found and never gave any.
    pub(super) async fn refusal(
        &self,
        stream: &Stream,
        account: &Account,
        part: &Part,
        failed: &FailedCall,
        state: &StreamState,
        survey: &mut Survey,
    ) -> Option<Failure> {
        let refused = matches!(failed.error, CallError::Refused { .. });
        if refused {
            // For its name; what comes of it does not matter here.
            let _ = survey.listed(Patience::Little).await;
        }
        if refused && !account.named && !state.knows(account.id) {
            if survey.is_first_refusal(account.id) {
                self.emitter.log(Level::Warn, explain::skipped(part, survey.name(account.id), &failed.error));
            }
            return None;
        }
        Some(explain::failed(stream.name, part, survey.name(account.id), failed))
    }
}

fn wrong_zone(stream: &Stream, config: &Config) -> Failure {
    let zones: Vec<String> =
        config::zones().into_iter().filter(|zone| stream.takes_zone(*zone)).map(|zone| zone.to_string()).collect();
    debug_assert!(REPORTS_ONLY_ZONES.contains(&config.timezone));
    Failure::config(format!(
        "Awin does not take `timezone` {} for `{}`, only for reports. Choose one of {}, or sync the reports only.",
        config.timezone,
        stream.name,
        zones.join(", ")
    ))
}

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
    /// Accounts and lanes of which nothing more is read in this run.
    skips: BTreeSet<(AccountId, Option<&'static str>)>,
    /// Records as of the last STATE; `None` if there was none yet.
    stated: Option<u64>,
    pub(super) running: bool,
}

/// What a window that could not be read means.
enum Trouble {
    Run(RunEnd),
    Call(Box<FailedCall>),
}

impl From<Closed> for Trouble {
    fn from(Closed: Closed) -> Self {
        Self::Run(RunEnd::Closed)
    }
}

type Opened = Result<(Call, Body), Box<FailedCall>>;

impl<'r> Reader<'r> {
    fn new(run: &'r Run, job: Job) -> Self {
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
            skips: BTreeSet::new(),
            stated: None,
            running: false,
        }
    }

    async fn read_windows(&mut self, survey: &mut Survey) -> Result<(), RunEnd> {
        let steps = std::mem::take(&mut self.steps);
        let gates: BTreeMap<AccountId, Gate> = steps.iter().map(|(part, _)| (part.account, Gate::default())).collect();
        let (run, stream) = (self.run, self.stream);
        let mut upcoming = steps.iter();
        let mut under_way = VecDeque::new();
        loop {
            while under_way.len() < IN_FLIGHT
                && let Some((part, step)) = upcoming.next()
            {
                if !self.is_skipped(part, step) {
                    let request = request(stream, part, step.lane, step.span, 1, &run.config);
                    let call = run.client.call(request, patience(stream, step.span));
                    let gate = gates[&part.account].clone();
                    under_way.push_back((part, step, Task(tokio::spawn(async move { gate.pass(open(call)).await }))));
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
                        self.skips.insert((part.account, Some(step.lane.name)));
                        continue;
                    }
                    if survey.is_token_dead(&failed.error).await {
                        self.end_state();
                        return Err(RunEnd::Failed(explain::dead_token(&failed.error)));
                    }
                    self.skips.insert((part.account, None));
                    let account = Account { id: part.account, named: self.named.get(&part.account).copied().unwrap_or(true) };
                    self.failures.extend(run.refusal(stream, &account, part, &failed, &self.state, survey).await);
                }
            }
        }
    }

    fn is_skipped(&self, part: &Part, step: &Step) -> bool {
        self.skips.contains(&(part.account, None)) || self.skips.contains(&(part.account, Some(step.lane.name)))
    }

    /// Reads one window, in halves if it keeps timing out.
    async fn window(&mut self, part: &Part, step: &Step, opened: Opened) -> Result<(), Trouble> {
        self.rows.begin(part, step.lane, step.span, &self.run.config);
        let mut opened = Some(opened);
        let mut spans = vec![step.span];
        while let Some(span) = spans.pop() {
            match self.span(part, step, span, opened.take()).await {
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
        loop {
            let opened = match opened.take() {
                Some(opened) => opened,
                None => {
                    let request = request(self.stream, part, step.lane, span, page, &self.run.config);
                    open(self.run.client.call(request, patience(self.stream, span))).await
                }
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
                None => rows >= page_size,
            };
            if !more {
                return Ok(());
            }
            page += 1;
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
        loop {
            self.rows.begin_answer();
            let mut splitter = Splitter::new(rows_key);
            if body.is_no_content() {
                return Ok((splitter, 0));
            }
            let error = match self.rows_of(&mut body, &mut splitter).await? {
                Ok(rows) => return Ok((splitter, rows)),
                Err(error) => error,
            };
            body = match call.reopen(error).await {
                Ok(body) => body,
                Err(failed) => return Err(Trouble::Call(Box::new(failed))),
            };
        }
    }

    async fn rows_of(&mut self, body: &mut Body, splitter: &mut Splitter) -> Result<Result<u64, CallError>, Closed> {
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
                Err(error) => return Ok(Err(error)),
            };
            loop {
                match emitter.lines(|lines| self.rows.next(splitter, ended, lines)) {
                    Ok(row::Step::Row) => {
                        count += 1;
                        emitter.relieve().await?;
                    }
                    Ok(row::Step::More) => break,
                    Ok(row::Step::End) if ended => return Ok(Ok(count)),
                    // The rest of the body, white space at most, must still come in whole.
                    Ok(row::Step::End) => break,
                    Err(Stop::Incomplete) => {
                        return Ok(Err(CallError::Broken(format!("it ends after {bytes} bytes in the middle"))));
                    }
                    Err(Stop::Syntax { expected, .. }) => {
                        return Ok(Err(CallError::NotJson(format!("expected {expected} in {:?}", splitter.near()))));
                    }
                    Err(Stop::Shape(what)) => return Ok(Err(CallError::Shape(what))),
                }
            }
        }
    }

    /// The main lane has seen a row with status `deleted`: a lane of its own is not needed.
    fn deleted_rows_are_listed(&mut self, part: &Part) {
        for lane in self.stream.lanes().iter().filter(|lane| lane.role == Role::Deleted) {
            if let Some(plan) = self.plans.iter_mut().find(|plan| plan.state.part() == *part) {
                plan.state.lane(lane).over = true;
            }
            self.skips.insert((part.account, Some(lane.name)));
        }
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
        self.run.emitter.state(&self.descriptor, self.state.next_blob(), records);
        self.stated = Some(self.rows.records);
    }

    /// A stream ends with a STATE that covers all its records, also if there was nothing to read.
    fn end_state(&mut self) {
        if self.stated != Some(self.rows.records) {
            self.checkpoint();
        }
    }
}

/// A window is halved if it keeps timing out, down to an hour; a day of a report cannot be.
fn halves(stream: &Stream, span: Span) -> Option<[Span; 2]> {
    matches!(stream.source, Source::Events(_)).then(|| span.halves()).flatten()
}

fn patience(stream: &Stream, span: Span) -> Patience {
    if halves(stream, span).is_some() { Patience::Halvable } else { Patience::Full }
}

async fn open(mut call: Call) -> Opened {
    match call.open().await {
        Ok(body) => Ok((call, body)),
        Err(failed) => Err(Box::new(failed)),
    }
}

/// A task that ends with its owner: what nobody waits for must not use up the quota.
struct Task(JoinHandle<Option<Opened>>);

impl Task {
    /// What the task gives; nothing if the account's gate is shut.
    async fn join(mut self) -> Option<Opened> {
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
