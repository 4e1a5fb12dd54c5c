//! `read`: all streams of a run, planned together and read one after the other. The place to begin reading.
//!
//! A stream or an account that fails does not hold up the others; what failed is said when all streams have ended, because some
//! runners stop at the first error. Only a dead token is said at once.

use std::collections::{BTreeSet, VecDeque};

use super::check::start_in_future;
use super::context::Context;
use super::directory::Directory;
use super::explain::{self, Failed};
use super::finder::Findings;
use super::plan::Plan;
use super::prepare::{Failures, known_streams, plan_stream};
use super::reports;
use super::started::Started;
use super::stream::{self, Ended, PlannedStream};
use crate::protocol::{Abort, ConfiguredCatalog, Descriptor, Failure, InputState, Level, Status, SyncMode};
use crate::streams::AccountId;

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
        warn("The catalog selects no stream, so nothing is read. Select streams in the connection, or give the output of `discover` as the catalog.".to_owned());
    }
    input.warnings.iter().cloned().for_each(warn);
    start_in_future(&context.config, context.now).into_iter().for_each(warn);
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
        let waiting = behind.values().map(|behind| behind.days).sum();
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
