//! `read`: plan, fetch, shape, emit, checkpoint.
//!
//! Requests of a stream are in flight several at a time; their answers are read, emitted and committed in the order of the
//! plan. A stream or an account that fails does not hold up the others; what failed is told when all streams have ended,
//! because some runners stop at the first error. Only a dead token is told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::plan::{PartPlan, Scope};
use super::progress::Progress;
use super::reader::Reader;
use super::reference::Ask;
use super::state::StreamState;
use super::survey::{Account, Survey, named, with_stream};
use super::{explain, plan};
use crate::awin::{CallError, Client, FailedCall, Patience};
use crate::config::{self, Config};
use crate::protocol::{
    Abort, ConfiguredCatalog, ConfiguredStream, Descriptor, Emitter, Failure, InputState, Level, Status, SyncMode,
};
use crate::streams::{self, AccountId, Moment, Part, REPORTS_ONLY_ZONES, Reference, Source, Stream};

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
    /// The moment up to which the run reads: when it began, rounded up to the full second.
    pub now: Moment,
    /// When that is. No request whose window ends at `now` is sent before, so that no window ends in the future.
    pub reached: Instant,
}

/// A stream that the runner wants, ready to be read.
pub(super) struct Job {
    pub(super) stream: &'static Stream,
    pub(super) descriptor: Descriptor,
    pub(super) state: StreamState,
    pub(super) parts: Vec<PartPlan>,
    /// Reference data to ask for.
    asks: Vec<Ask>,
    /// What went wrong with parts before any of their windows were asked for.
    pub(super) failures: Vec<Failure>,
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
    pub async fn read(&self, catalog: ConfiguredCatalog, input: InputState) -> Result<bool, Abort> {
        self.emitter.log(Level::Info, "Starting syncing source-awin");
        for warning in &input.warnings {
            self.emitter.log(Level::Warn, warning);
        }
        if self.config.start_date > self.now.date_naive() {
            let text = format!("`start_date` {} is still to come; until then there is nothing to read.", self.config.start_date);
            self.emitter.log(Level::Warn, text);
        }
        let mut survey = Survey::new(self.client.clone(), self.emitter.clone());
        let mut failures: BTreeMap<Descriptor, Failure> = BTreeMap::new();
        let mut jobs = Vec::new();
        let known = self.known_streams(catalog, &mut failures);
        for configured in &known {
            let descriptor = configured.stream.clone();
            match self.prepare(configured, &input, &mut survey).await {
                Ok(Ok(job)) => jobs.push(job),
                Err(Abort::OutputClosed) => return Err(Abort::OutputClosed),
                Err(Abort::Fatal(failure)) => {
                    // Nothing can be read at all. It comes first, and once; then what else there is to say.
                    self.emitter.failure(&failure, None, None);
                    for configured in known.iter().filter(|configured| !failures.contains_key(&configured.stream)) {
                        self.emitter.status(&configured.stream, Status::Started);
                        self.emitter.status(&configured.stream, Status::Incomplete);
                    }
                    let names = known.iter().map(|configured| configured.stream.name.clone());
                    return Ok(self.end(failures, names.collect()));
                }
                Ok(Err(failure)) => {
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
                Err(Abort::OutputClosed) => return Err(Abort::OutputClosed),
                Err(Abort::Fatal(failure)) => {
                    // Told at once: the first error of a run decides what the user is asked to do.
                    self.emitter.failure(&failure, Some(&descriptor), None);
                    self.emitter.status(&descriptor, Status::Incomplete);
                    dead = Some(descriptor);
                    break;
                }
            }
        }
        let mut names: BTreeSet<String> = dead.map(|descriptor| descriptor.name).into_iter().collect();
        for job in jobs {
            self.emitter.status(&job.descriptor, Status::Started);
            self.emitter.status(&job.descriptor, Status::Incomplete);
            names.insert(job.descriptor.name);
        }
        Ok(self.end(failures, names))
    }

    /// Tells what failed, configuration errors first, and names all streams that are not complete: those that failed and
    /// `others`. True if there are none.
    fn end(&self, failures: BTreeMap<Descriptor, Failure>, others: BTreeSet<String>) -> bool {
        let mut names = others;
        names.extend(failures.keys().map(|descriptor| descriptor.name.clone()));
        let mut failures: Vec<_> = failures.into_iter().collect();
        failures.sort_by_key(|(_, failure)| failure.kind);
        for (descriptor, failure) in &failures {
            self.emitter.failure(failure, Some(descriptor), None);
        }
        if names.is_empty() {
            self.emitter.log(Level::Info, "Finished syncing source-awin");
            return true;
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.emitter.log(Level::Error, format!("These streams did not sync completely: {}.", names.join(", ")));
        false
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
                let meant = config::nearest(&descriptor.name, streams::STREAMS.iter().map(|stream| stream.name));
                let meant = meant.map_or(String::new(), |name| format!(" Did you mean `{name}`?"));
                let message = format!(
                    "There is no stream `{}`.{meant} Run `discover` (refresh the source schema) and take it out of the connection.",
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
    ) -> Result<Result<Job, Failure>, Abort> {
        let stream = streams::find(&configured.stream.name).expect("only known streams are prepared");
        let mode = self.mode(stream, configured);
        if !stream.takes_zone(self.config.timezone) {
            return Ok(Err(wrong_zone(stream, &self.config)));
        }
        let blob = input.streams.get(stream.name).map(AsRef::as_ref);
        // Who asks for the impossible does not know jobs either: PyAirbyte gives every read the same `sync_id`.
        let sync_id = configured.sync_id.filter(|_| configured.sync_mode == mode);
        let state = match StreamState::load(stream, blob, mode, sync_id, &self.config) {
            Ok(state) => state,
            Err(failure) => return Ok(Err(failure)),
        };
        if state.parts.iter().any(|part| part.through > (self.now + TimeDelta::days(1)).fixed_offset()) {
            let text = format!(
                "The state of `{}` says that days to come were read already; nothing is read until then. If a clock was wrong, refresh the stream.",
                stream.name
            );
            self.emitter.log(Level::Warn, text);
        }
        let mut job = Job { stream, descriptor: configured.stream.clone(), state, parts: vec![], asks: vec![], failures: vec![] };
        if matches!(stream.source, Source::Reference(Reference::Accounts)) {
            return Ok(Ok(job));
        }
        let accounts = self.accounts(stream, &job.state, survey).await.map_err(Abort::Fatal)?;
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
                    return Err(Abort::Fatal(explain::dead_token(&failed.error)));
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
        for part in self.parts(job.stream, account.id, &job.state, survey).await? {
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

    /// The parts of an account that are covered on their own. Regions are those that are configured, or those that are found
    /// and those that the state knows: their last figures go on changing.
    async fn parts(
        &self,
        stream: &Stream,
        account: AccountId,
        state: &StreamState,
        survey: &mut Survey,
    ) -> Result<Vec<Part>, FailedCall> {
        let Some(taken) = stream.regions(account.kind) else {
            return Ok(vec![Part { account, region: None }]);
        };
        let mut regions = survey.regions(account, &self.config, self.now).await?;
        regions.retain(|region| taken.contains(&region.as_str()));
        if self.config.regions.is_empty() {
            let lost: Vec<String> = state.regions(account).filter(|region| !regions.contains(region)).collect();
            if !lost.is_empty() {
                let text = format!(
                    "Regions {} of {account} are not found any more; `{}` still reads them. To end that, name the others in `regions`.",
                    lost.join(", "),
                    stream.name
                );
                self.emitter.log(Level::Warn, text);
            }
            regions.extend(lost);
        }
        Ok(regions.into_iter().map(|region| Part { account, region: Some(region) }).collect())
    }

    fn tell_plan(&self, jobs: &[Job]) {
        let counts: Vec<(&str, usize)> = jobs.iter().map(|job| (job.stream.name, job.calls())).collect();
        let calls = counts.iter().map(|(_, calls)| *calls as u64).sum();
        self.progress.begin(calls);
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
    async fn read_stream(&self, mut job: Job, survey: &mut Survey) -> Result<Option<Failure>, Abort> {
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
            let level = if survey.is_first_refusal(account.id) { Level::Warn } else { Level::Info };
            self.emitter.log(level, explain::skipped(stream.name, part, survey.name(account.id), &failed.error));
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
