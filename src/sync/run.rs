//! `read`: all streams of a run, planned together and read one after the other.
//!
//! A stream or an account that fails does not hold up the others; what failed is said when all streams have ended, because some
//! runners stop at the first error. Only a dead token is said at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::time::sleep;

use super::booking::FallBack;
use super::check::{start_in_future, zones_of_sales};
use super::context::Context;
use super::directory::Directory;
use super::explain::{self, Failed};
use super::finder::Findings;
use super::plan::{Cuts, Plan};
use super::planner::plan_account;
use super::reports;
use super::state::StreamState;
use super::stream::{self, Ended, PlannedStream, refusal, skip};
use crate::awin::CallError;
use crate::config;
use crate::protocol::{
    Abort, ConfiguredCatalog, ConfiguredStream, Descriptor, Failure, FailureKind, InputState, Level, Status, SyncMode,
};
use crate::streams::{self, AccountId, Partition, Stream};

/// What is to be said of a stream that failed, by stream: one failure per kind.
type Failures = BTreeMap<Descriptor, Vec<Failure>>;

/// Reads all streams of `catalog`. True if each of them ended complete.
pub async fn read(context: &Context, catalog: ConfiguredCatalog, input: &InputState) -> Result<bool, Abort> {
    let emitter = &context.emitter;
    emitter.log(Level::Info, "Starting syncing source-awin");
    log_oddities(context, &catalog, input);
    let mut failures = Failures::new();
    let mut started = Started::default();
    let wanted = known_streams(context, catalog, &mut failures, &mut started);
    let wants = |name: &str| wanted.iter().any(|configured| configured.stream.name == name);
    let mut directory = Directory::new(context, wants("programmes"), wants("payments"));
    let mut planned = Vec::new();
    for configured in &wanted {
        match plan_stream(context, configured, input, &mut directory, &mut started).await {
            Ok(Ok(stream)) => planned.push(stream),
            Err(Abort::OutputClosed) => return Err(Abort::OutputClosed),
            Err(Abort::Fatal(failure)) => {
                // Nothing can be read at all. It comes first, and once; then what else there is to say.
                emitter.failure(&failure, None, None);
                for configured in wanted.iter().filter(|configured| !failures.contains_key(&configured.stream)) {
                    started.end_unread(context, &configured.stream);
                }
                let names = wanted.iter().map(|configured| configured.stream.name.clone());
                return Ok(end(context, failures, names.collect()));
            }
            Ok(Err(failure)) => {
                started.end_unread(context, &configured.stream);
                failures.insert(configured.stream.clone(), vec![failure]);
            }
        }
    }
    log_plan(context, &planned);
    let wants_changes = planned.iter().any(reports::wants_changes);
    let mut is_listening = wants_changes && sales_first(&mut planned);
    let mut planned = VecDeque::from(planned);
    if wants_changes && !is_listening {
        plan_days(context, &mut planned, Findings::new(), &mut directory, &mut started).await;
    }
    let mut others = BTreeSet::new();
    let mut met = Vec::new();
    let mut doubted = BTreeSet::new();
    while let Some(mut stream) = planned.pop_front() {
        stream.fall_back.doubted.clone_from(&doubted);
        let descriptor = stream.descriptor.clone();
        started.start(context, &descriptor);
        match read_stream(context, stream, &mut directory).await {
            Ok((failed, findings, doubts)) => {
                doubted.extend(doubts);
                if !failed.is_empty() {
                    met.push((descriptor, failed));
                }
                if std::mem::take(&mut is_listening) {
                    plan_days(context, &mut planned, findings, &mut directory, &mut started).await;
                }
            }
            Err(Abort::OutputClosed) => return Err(Abort::OutputClosed),
            Err(Abort::Fatal(failure)) => {
                // Said at once: the first error of a run decides what the user is asked to do.
                emitter.failure(&failure, Some(&descriptor), None);
                emitter.status(&descriptor, Status::Incomplete);
                others.insert(descriptor.name);
                break;
            }
        }
    }
    for stream in planned {
        started.end_unread(context, &stream.descriptor);
        others.insert(stream.descriptor.name);
    }
    failures.extend(explain::of_streams(&met));
    Ok(end(context, failures, others))
}

/// Puts `transactions` first, whatever the catalog's order: its lists of changes say which days of the reports changed. False if
/// it does not read them.
fn sales_first(planned: &mut Vec<PlannedStream>) -> bool {
    let is_sales = |planned: &PlannedStream| planned.stream.name == "transactions" && planned.state.mode == SyncMode::Incremental;
    let Some(at) = planned.iter().position(is_sales) else { return false };
    let mut sales = planned.remove(at);
    sales.listens = true;
    planned.insert(0, sales);
    true
}

/// Plans the days of the reports among `planned`, of which `findings` says what changed as far as that is known.
async fn plan_days(
    context: &Context,
    planned: &mut VecDeque<PlannedStream>,
    findings: Findings,
    directory: &mut Directory,
    started: &mut Started,
) {
    let Some(first) = planned.iter().find(|planned| reports::wants_changes(planned)) else { return };
    let (descriptor, mut state) = (first.descriptor.clone(), first.state.clone());
    let reports = planned.make_contiguous();
    started.alive(context, &descriptor, &mut state, reports::plan_days(context, directory, reports, findings)).await;
    planned
        .iter_mut()
        .filter(|planned| planned.descriptor == descriptor)
        .for_each(|first| first.state.checkpoint = state.checkpoint);
}

/// The streams that have STARTED: each once, some of them while they are planned.
#[derive(Default)]
struct Started(BTreeSet<Descriptor>);

impl Started {
    fn start(&mut self, context: &Context, descriptor: &Descriptor) {
        if self.0.insert(descriptor.clone()) {
            context.emitter.status(descriptor, Status::Started);
        }
    }

    /// What `wait` gives. Finding out can take long: meanwhile STATEs of the stream, as it is, show that the run is alive.
    async fn alive<T>(
        &mut self,
        context: &Context,
        descriptor: &Descriptor,
        state: &mut StreamState,
        wait: impl Future<Output = T>,
    ) -> T {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return done,
                () = sleep(context.client.timing().heartbeat) => {
                    self.start(context, descriptor);
                    context.emitter.state(descriptor, state.next_blob(), 0);
                }
            }
        }
    }

    /// A stream that is not read at all.
    fn end_unread(&mut self, context: &Context, descriptor: &Descriptor) {
        self.start(context, descriptor);
        context.emitter.status(descriptor, Status::Incomplete);
    }
}

/// Says what failed, configuration errors first, and names all streams that are not complete: those that failed and `others`.
/// True if there are none.
fn end(context: &Context, failures: Failures, others: BTreeSet<String>) -> bool {
    let emitter = &context.emitter;
    context.progress.end(context.config.timezone.name());
    let mut names = others;
    names.extend(failures.keys().map(|descriptor| descriptor.name.clone()));
    let mut failures: Vec<(Descriptor, Failure)> = failures
        .into_iter()
        .flat_map(|(descriptor, failures)| failures.into_iter().map(move |failure| (descriptor.clone(), failure)))
        .collect();
    failures.sort_by_key(|(_, failure)| failure.kind);
    for (descriptor, failure) in &failures {
        emitter.failure(failure, Some(descriptor), None);
    }
    if names.is_empty() {
        emitter.log(Level::Info, "Finished syncing source-awin");
        return true;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    emitter.log(Level::Error, format!("These streams did not sync completely: {}.", names.join(", ")));
    false
}

/// What is odd about the configuration and the state, before anything is read.
fn log_oddities(context: &Context, catalog: &ConfiguredCatalog, input: &InputState) {
    let warn = |text: String| context.emitter.log(Level::Warn, text);
    if catalog.streams.is_empty() {
        warn("The catalog selects no stream; nothing is read.".to_owned());
    }
    input.warnings.iter().cloned().for_each(warn);
    start_in_future(&context.config, context.now).into_iter().for_each(warn);
}

/// The streams of the catalog that exist; the others are noted as failed.
fn known_streams(
    context: &Context,
    catalog: ConfiguredCatalog,
    failures: &mut Failures,
    started: &mut Started,
) -> Vec<ConfiguredStream> {
    let mut known: Vec<ConfiguredStream> = Vec::new();
    for configured in catalog.streams {
        let descriptor = &configured.stream;
        if known.iter().any(|other| other.stream.name == descriptor.name) {
            let text = format!("The catalog lists stream `{}` twice; it is read once.", descriptor.name);
            context.emitter.log(Level::Warn, text);
        } else if streams::find(&descriptor.name).is_none() {
            started.end_unread(context, descriptor);
            let meant = config::nearest(&descriptor.name, streams::STREAMS.iter().map(|stream| stream.name));
            let meant = meant.map_or("Run".to_owned(), |name| format!("Did you mean `{name}`? If not, run"));
            let message = format!(
                "There is no stream `{name}`. {meant} `discover` (refresh the source schema) and remove `{name}` from the connection.",
                name = descriptor.name
            );
            failures.insert(descriptor.clone(), vec![Failure::config(message)]);
        } else {
            known.push(configured);
        }
    }
    known
}

/// How `stream` is read.
fn mode(context: &Context, stream: &Stream, configured: &ConfiguredStream) -> SyncMode {
    let warn = |text: String| context.emitter.log(Level::Warn, text);
    match (stream.cursor, configured.sync_mode) {
        (None, SyncMode::Incremental) => {
            warn(format!("`{}` cannot be read incrementally; it is read in full.", stream.name));
            SyncMode::FullRefresh
        }
        (Some(cursor), SyncMode::Incremental) => {
            if !configured.cursor_field.is_empty() && configured.cursor_field != [cursor] {
                let asked = configured.cursor_field.join(".");
                warn(format!("The cursor of `{}` is `{cursor}`; `{asked}` is ignored.", stream.name));
            }
            SyncMode::Incremental
        }
        (_, SyncMode::FullRefresh) => SyncMode::FullRefresh,
    }
}

/// Loads the state of a stream and plans it. The inner error is the stream's, the outer one the run's.
async fn plan_stream(
    context: &Context,
    configured: &ConfiguredStream,
    input: &InputState,
    directory: &mut Directory,
    started: &mut Started,
) -> Result<Result<PlannedStream, Failure>, Abort> {
    let stream = streams::find(&configured.stream.name).expect("only known streams are planned");
    let mode = mode(context, stream, configured);
    if !stream.takes_zone(context.config.timezone) {
        return Ok(Err(wrong_zone(context, stream)));
    }
    // Who asks for the impossible does not know jobs either: PyAirbyte gives every read the same `sync_id`.
    let sync_id = configured.sync_id.filter(|_| configured.sync_mode == mode);
    let state = match StreamState::load(stream, input.streams.get(stream.name).map(AsRef::as_ref), mode, sync_id, &context.config)
    {
        Ok(state) => state,
        Err(failure) => return Ok(Err(failure)),
    };
    let latest = state.partitions.iter().filter(|known| known.is_of_the_future(context.now)).map(|known| known.through).max();
    if let Some(through) = latest {
        let text = format!(
            "The saved state of `{}` ends in the future, at {through}; nothing will be read before that. If a clock was wrong, reset the stream.",
            stream.name
        );
        context.emitter.log(Level::Warn, text);
    }
    let mut planned = PlannedStream {
        stream,
        descriptor: configured.stream.clone(),
        state,
        plans: vec![],
        accounts: vec![],
        failed: vec![],
        skipped: vec![],
        listens: false,
        fall_back: FallBack::default(),
    };
    let (mut state, descriptor) = (planned.state.clone(), planned.descriptor.clone());
    let ended = started.alive(context, &descriptor, &mut state, fill(context, &mut planned, input, directory)).await;
    planned.state.checkpoint = state.checkpoint;
    ended.map(|()| Ok(planned))
}

/// Adds to `planned` what is to be read of each account.
async fn fill(
    context: &Context,
    planned: &mut PlannedStream,
    input: &InputState,
    directory: &mut Directory,
) -> Result<(), Abort> {
    let stream = planned.stream;
    if stream.sides.is_empty() {
        planned.plans.push(Plan::new(Partition::TOKEN, None, vec![Cuts::Whole], context.config.timezone));
        return Ok(());
    }
    let known = known_accounts(stream, &planned.state, input);
    let accounts = directory.accounts(stream, &context.config, &known).await.map_err(Abort::Fatal)?;
    if accounts.is_empty() {
        let side = stream.sides.iter().map(|side| side.as_str()).collect::<Vec<_>>().join(" and ");
        let text = format!("`{}` exists only for {side} accounts, and this connection has none: 0 rows.", stream.name);
        context.emitter.log(Level::Warn, text);
    }
    let mut outages = 0;
    for account in &accounts {
        let (subject, call) = match plan_account(context, stream, &planned.state, account.id, directory).await {
            Ok(plans) => {
                planned.plans.extend(plans);
                outages = 0;
                continue;
            }
            Err(failed) => failed,
        };
        if matches!(call.error, CallError::Refused { status: 401, .. }) && directory.is_token_dead(Some(account.id)).await {
            return Err(Abort::Fatal(explain::dead_token(&call.error)));
        }
        let is_refusal = matches!(call.error, CallError::Refused { .. });
        outages = if call.error.failure_kind() == FailureKind::Transient { outages + 1 } else { 0 };
        let failed = refusal(directory, stream, subject, Partition::of(account.id), call).await;
        if is_refusal && !account.required {
            skip(context, directory, stream, &failed);
            planned.skipped.push(failed);
        } else {
            planned.failed.push(failed);
        }
        if outages == 2 {
            // Two accounts in a row: it is not the account. Trying on would only take time.
            let text = format!("Awin does not answer; `{}` is not planned any further in this run.", stream.name);
            context.emitter.log(Level::Warn, text);
            break;
        }
    }
    planned.accounts = accounts;
    Ok(())
}

/// The accounts that must answer, though they are not named: those of which rows were read before. A table that is read in full
/// keeps no account of that, but other streams do.
fn known_accounts(stream: &Stream, state: &StreamState, input: &InputState) -> BTreeSet<AccountId> {
    if stream.is_incremental() {
        return state.accounts().collect();
    }
    let states = input.streams.values().filter_map(|blob| serde_json::from_str::<StreamState>(blob.get()).ok());
    states.flat_map(|state| state.accounts().collect::<Vec<_>>()).collect()
}

fn log_plan(context: &Context, planned: &[PlannedStream]) {
    if planned.is_empty() {
        return;
    }
    let calls = |planned: &PlannedStream| planned.plans.iter().map(Plan::calls).sum();
    let counts: Vec<(&str, u64)> = planned.iter().map(|planned| (planned.stream.name, calls(planned))).collect();
    let all = counts.iter().map(|(_, calls)| calls).sum();
    context.progress.plan(all);
    let list: Vec<String> = counts.iter().map(|(name, calls)| format!("{name} {calls}")).collect();
    let text = format!(
        "{all} calls planned, {} at {} calls a minute ({}).",
        context.progress.estimate(all),
        context.config.requests_per_minute,
        list.join(", ")
    );
    context.emitter.log(Level::Info, text);
}

/// Reads one stream to its end. Returns what failed, what was found out about changed sales, and the accounts whose reports count
/// them on other days.
async fn read_stream(
    context: &Context,
    planned: PlannedStream,
    directory: &mut Directory,
) -> Result<(Vec<Failed>, Findings, BTreeSet<AccountId>), Abort> {
    let (name, descriptor) = (planned.stream.name, planned.descriptor.clone());
    context.emitter.log(Level::Info, format!("Syncing stream: {name}"));
    context.progress.enter(&descriptor);
    let ended = stream::read(context, planned, directory).await;
    if let Ok(Ended { failed, written, covered, behind, .. }) = &ended {
        let through = covered.iter().map(|(account, through)| (directory.name(*account), *through)).collect();
        let waiting = behind.values().map(|(days, _)| days).sum();
        context.progress.sum_up(*written, failed.is_empty(), through, waiting);
    }
    context.progress.leave();
    let Ended { failed, written, findings, behind, doubted, .. } = ended?;
    let records = written.records;
    reports::log_behind(context, directory, name, behind);
    let status = if failed.is_empty() { Status::Complete } else { Status::Incomplete };
    context.emitter.status(&descriptor, status);
    context.emitter.log(Level::Info, format!("Read {records} records from {name} stream"));
    context.emitter.flush().await?;
    Ok((failed, findings.unwrap_or_default(), doubted))
}

fn wrong_zone(context: &Context, stream: &Stream) -> Failure {
    let timezone = context.config.timezone;
    Failure::config(format!(
        "Awin does not accept `timezone` {timezone} for `{}`, only for reports. Choose one of {}, or sync only the reports.",
        stream.name,
        zones_of_sales()
    ))
}
