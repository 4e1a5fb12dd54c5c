//! From the catalog and the state to streams that are ready to be read, account by account.

use std::collections::{BTreeMap, BTreeSet};

use super::booking::FallBack;
use super::check::zones_of_sales;
use super::context::Context;
use super::directory::Directory;
use super::explain;
use super::outcome::OUTAGE;
use super::plan::{Cuts, Plan};
use super::planner::plan_account;
use super::refusals::{refusal, skip};
use super::started::Started;
use super::state::StreamState;
use super::stream::PlannedStream;
use crate::awin::CallError;
use crate::config;
use crate::protocol::{
    Abort, ConfiguredCatalog, ConfiguredStream, Descriptor, Failure, FailureKind, InputState, Level, SyncMode,
};
use crate::streams::{self, AccountId, Partition, Stream};

/// What is to be said of a stream that failed, by stream: one failure per kind.
pub(super) type Failures = BTreeMap<Descriptor, Vec<Failure>>;

/// The streams of the catalog that exist; the others are noted as failed.
pub(super) fn known_streams(
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
pub(super) async fn plan_stream(
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
        let text = format!("`{}` exists only for {side} accounts, and {}: 0 rows.", stream.name, directory.lack_of_accounts());
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
        if outages == OUTAGE {
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

fn wrong_zone(context: &Context, stream: &Stream) -> Failure {
    let timezone = context.config.timezone;
    Failure::config(format!(
        "Awin does not accept `timezone` {timezone} for `{}`, only for reports. Choose one of {}, or sync only the reports.",
        stream.name,
        zones_of_sales()
    ))
}
