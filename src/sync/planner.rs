//! Finds out what has to be known before an account can be planned, and plans it.

use super::context::Context;
use super::directory::Directory;
use super::explain::Subject;
use super::plan::{Cuts, Parts, Plan, in_range, known_until, plan, plan_feed};
use super::scope::{Scope, days_before};
use super::state::{PartitionState, StreamState};
use crate::awin::{FailedCall, Patience};
use crate::protocol::{Level, SyncMode};
use crate::streams::{
    AccountId, AccountKind, CHANGES_OVERLAP_DAYS, Events, FEED_OVERLAP_DAYS, Partition, Source, Stream, Window,
};

/// What is to be read of an account. An error says what could not be found out.
pub(super) async fn plan_account(
    context: &Context,
    stream: &'static Stream,
    state: &StreamState,
    account: AccountId,
    directory: &mut Directory,
) -> Result<Vec<Plan>, (Subject, FailedCall)> {
    let whole = Partition::of(account);
    if !stream.is_incremental() {
        let known = state.partition(&whole).cloned();
        let cuts = if stream.is_by_programme() {
            let done = known.as_ref().and_then(|known| known.programme);
            let mut ids = directory.programmes(account).await.map_err(|failed| (Subject::Programmes, failed))?;
            ids.retain(|id| done.is_none_or(|done| *id > done));
            Cuts::Programmes(ids)
        } else if let Source::Lists(lanes) = &stream.source {
            Cuts::Lists(lanes)
        } else {
            Cuts::Whole
        };
        return Ok(vec![Plan::new(whole, known, vec![cuts], context.config.timezone)]);
    }
    let mut scope = Scope::new(&context.config, context.now, state.mode);
    let known = state.partition(&whole);
    let is_to_come = scope.start >= scope.now || known.is_some_and(|known| known.is_of_the_future(scope.now));
    match &stream.source {
        Source::Payments | Source::Rates if is_to_come => {
            return Ok(vec![Plan::new(whole, known.cloned(), vec![], context.config.timezone)]);
        }
        // Which days are read again is planned for all reports together, once it is known what changed.
        Source::Report(_) => scope.lookback_days = 0,
        Source::Feed(feed) => return Ok(vec![plan_feed(feed.is_dated, &whole, known, &scope)]),
        Source::Payments => return Ok(vec![plan_payments(account, in_range(known, &scope), &scope, directory).await?]),
        Source::Rates => return Ok(vec![plan_rates(account, in_range(known, &scope), &scope, directory).await?]),
        Source::Events(_) | Source::Lists(_) | Source::Reference { .. } => {}
    }
    let payments = match state.mode {
        SyncMode::Incremental => last_payments(context, stream, account, directory).await,
        SyncMode::FullRefresh => None,
    };
    let partitions = partitions(context, stream, account, state, directory).await?;
    let plan = |partition| plan(stream, partition, state.partition(partition), payments.clone(), &scope);
    Ok(partitions.iter().map(plan).collect())
}

/// Plans the breakdowns of the payments that were made to an account: those that were not read yet.
async fn plan_payments(
    account: AccountId,
    known: Option<PartitionState>,
    scope: &Scope,
    directory: &mut Directory,
) -> Result<Plan, (Subject, FailedCall)> {
    let (partition, zone) = (Partition::of(account), scope.now.timezone());
    let from = known_until(true, known.as_ref(), scope).date_naive();
    let payments = directory.payments.since(account, from, Patience::Full).await.map_err(|failed| (Subject::Payments, failed))?;
    let overlap = days_before(scope.reach(), FEED_OVERLAP_DAYS).date_naive();
    let shown_again = payments.iter().filter(|payment| !payment.is_before(overlap)).map(|payment| payment.id).collect();
    let read = known.as_ref().and_then(|known| known.parts.as_deref()).unwrap_or_default();
    let unread = payments.into_iter().filter(|payment| !read.contains(&payment.id) && !payment.is_after(scope.end)).collect();
    let parts = Parts { shown_again, covered: Window { from: scope.start, to: scope.reach() } };
    Ok(Plan { parts: Some(parts), ..Plan::new(partition, known, vec![Cuts::Payments(unread)], zone) })
}

/// Plans the rates of the programmes that an account has joined: back to the start of the range, or to what is known.
async fn plan_rates(
    account: AccountId,
    known: Option<PartitionState>,
    scope: &Scope,
    directory: &mut Directory,
) -> Result<Plan, (Subject, FailedCall)> {
    let (partition, zone) = (Partition::of(account), scope.now.timezone());
    let ids = directory.programmes(account).await.map_err(|failed| (Subject::Programmes, failed))?;
    let walked = known.as_ref().filter(|known| known.from <= scope.start.fixed_offset());
    let from = |id: u64| {
        let walked = walked.filter(|known| known.parts.as_ref().is_some_and(|parts| parts.contains(&id)));
        let known = walked.map(|known| days_before(known.through.with_timezone(&zone), CHANGES_OVERLAP_DAYS));
        (id, known.unwrap_or(scope.start).max(scope.start))
    };
    let cuts = vec![Cuts::Rates(ids.iter().copied().map(from).collect())];
    let parts = Parts { shown_again: ids, covered: Window { from: scope.start, to: scope.reach() } };
    Ok(Plan { parts: Some(parts), ..Plan::new(partition, known, cuts, zone) })
}

/// The last payments to `account`, if they move the flags of the stream's rows and are read in this run.
async fn last_payments(context: &Context, stream: &Stream, account: AccountId, directory: &mut Directory) -> Option<Vec<u64>> {
    let Source::Events(Events { paid: Some(_), .. }) = &stream.source else { return None };
    if !directory.follows_payments || account.kind != AccountKind::Publisher {
        return None;
    }
    match directory.payments.last(account).await {
        Ok(payments) => Some(payments),
        Err(failed) => {
            let text = format!(
                "The payments of {} could not be listed ({}): whether its sales were paid shows in the next sync that can list them, or when they are next read for their age.",
                directory.name(account),
                failed.error
            );
            context.emitter.log(Level::Warn, text);
            None
        }
    }
}

/// The partitions of an account. Regions are those that are configured, or those that are found and those that the state knows:
/// their last figures go on changing.
async fn partitions(
    context: &Context,
    stream: &Stream,
    account: AccountId,
    state: &StreamState,
    directory: &mut Directory,
) -> Result<Vec<Partition>, (Subject, FailedCall)> {
    let Some(taken) = stream.regions(account.kind) else { return Ok(vec![Partition::of(account)]) };
    let found = directory.regions(account, &context.config, context.now).await;
    let mut regions = found.map_err(|failed| (Subject::Regions, failed))?;
    regions.retain(|region| taken.contains(&region.as_str()));
    if context.config.regions.is_empty() {
        let lost: Vec<String> = state.regions(account).filter(|region| !regions.contains(region)).collect();
        if !lost.is_empty() {
            let text = format!(
                "Region {} of {} is no longer detected; `{}` keeps reading it. To stop, list only the regions you want in `regions`.",
                lost.join(", "),
                directory.name(account),
                stream.name
            );
            context.emitter.log(Level::Warn, text);
        }
        regions.extend(lost);
    }
    Ok(regions.into_iter().map(|region| Partition::of_region(account, region)).collect())
}
