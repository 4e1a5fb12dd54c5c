//! `check`: whether data can be read, what there is, and what the first sync costs, with a handful of calls and within a minute.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use chrono_tz::Tz;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use super::context::Context;
use super::directory::{Directory, named, names};
use super::explain::{self, Failed, Subject};
use super::listing::Listed;
use super::lookup;
use super::newer_api;
use super::plan::{Plan, plan};
use super::scope::Scope;
use super::summary::counted;
use crate::awin::{CallError, FailedCall, Patience, Request};
use crate::config::{self, Config};
use crate::protocol::{FailureKind, SyncMode};
use crate::streams::{self, AccountId, AccountKind, Moment, Partition, REPORTS_ONLY_ZONES, STREAMS, Stream};

/// Calls that ask for data, beside the one that lists the accounts.
const MAX_PROBES: usize = 4;
/// The streams that platforms select by themselves: the first of the table.
const SUGGESTED: usize = 3;

/// What a good check has found.
#[derive(Debug)]
pub struct Checked {
    /// What there is, and what it costs to read it.
    pub report: String,
    /// What the user should know all the same.
    pub warnings: Vec<String>,
}

/// One call that asks for data of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    /// Whether its rows can be read.
    Rows(AccountId),
    /// Its regions, which the cost depends on.
    Regions(AccountId),
}

impl Probe {
    fn account(self) -> AccountId {
        let (Self::Rows(account) | Self::Regions(account)) = self;
        account
    }
}

/// What the probes have shown.
#[derive(Default)]
struct Probed {
    regions: BTreeMap<AccountId, Vec<String>>,
    failed: Vec<(Probe, FailedCall)>,
    answered: Vec<Probe>,
}

/// Checks the token, the accounts, the named ids, and that data can be read. Takes no longer than its 45 seconds; an error is a
/// sentence.
pub async fn check(context: &Context) -> Result<Checked, String> {
    let (config, timing) = (&context.config, context.client.timing());
    let deadline = Instant::now() + timing.check;
    let mut directory = Directory::new(context, false, false);
    let listed = match timeout_at(deadline, directory.listed(Patience::Deadline)).await {
        Ok(listed) => listed.map_err(|error| explain::accounts_failed(&error).message)?.to_vec(),
        Err(_) => return Err(late(context, "the list of accounts")),
    };
    let ids: Vec<AccountId> = listed.iter().map(|account| account.id).collect();
    let named = named(config);
    unlisted(&named, &listed)?;
    if ids.is_empty() {
        return Err(
            "The token sees no account. Give its user access to an account at Awin, or use the token of another user.".into()
        );
    }
    let asked = if named.is_empty() { &ids } else { &named };
    let room = MAX_PROBES.min(usize::try_from(config.requests_per_minute).unwrap_or(MAX_PROBES).saturating_sub(1));
    let probes = probes(asked, config.regions.is_empty(), room);
    let mut seen = Probed::default();
    let mut under_way: FuturesUnordered<_> = probes.iter().map(|probe| ask(context, *probe)).collect();
    while let Ok(Some((probe, answer))) = timeout_at(deadline, under_way.next()).await {
        match answer {
            Ok(regions) => {
                seen.answered.push(probe);
                seen.regions.extend(regions.map(|regions| (probe.account(), regions)));
            }
            Err(failed) => seen.failed.push((probe, failed)),
        }
    }
    drop(under_way);
    let is_open = |probe: &&Probe| !seen.answered.contains(probe) && !seen.failed.iter().any(|(failed, _)| failed == *probe);
    if let Some(Probe::Rows(account)) = probes.iter().filter(is_open).find(|probe| matches!(probe, Probe::Rows(_))) {
        return Err(late(context, &format!("transactions of {}", directory.name(*account))));
    }
    let warnings = judged(context, &mut directory, &seen, !named.is_empty()).await?;
    let mut report = vec![report(context, &directory, asked, &seen)];
    if probes.iter().any(|probe| is_open(&probe)) {
        report.push("The check had no time left to find out more; run it again in a minute.".into());
    }
    report.extend(newer_api::readable(context, &directory, asked, deadline).await);
    Ok(Checked { report: report.join(" "), warnings })
}

/// An error if the configuration names accounts that are not `listed`.
fn unlisted(named: &[AccountId], listed: &[Listed]) -> Result<(), String> {
    let has = |id: &AccountId| listed.iter().any(|account| account.id == *id);
    let (moved, unknown): (Vec<AccountId>, Vec<AccountId>) =
        named.iter().filter(|id| !has(id)).partition(|id| listed.iter().any(|account| account.id.id == id.id));
    let mut sentences: Vec<String> = moved.iter().map(|id| explain::other_side(id.id, id.kind)).collect();
    if !unknown.is_empty() {
        let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        sentences.push(format!(
            "The token has no access to {}. Correct `advertiser_ids` and `publisher_ids`, or give the token's user access at Awin.",
            unknown.join(", ")
        ));
    }
    if sentences.is_empty() { Ok(()) } else { Err(format!("{} The token sees: {}.", sentences.join(" "), names(listed))) }
}

/// Which accounts are asked for what, in at most `room` calls: some of both sides.
fn probes(asked: &[AccountId], needs_regions: bool, room: usize) -> Vec<Probe> {
    let of = |kind| asked.iter().filter(move |account| account.kind == kind).copied();
    let mut sides = [of(AccountKind::Advertiser), of(AccountKind::Publisher)];
    let turns = 0..asked.len().min(MAX_PROBES);
    let mut chosen: Vec<AccountId> = turns.flat_map(|_| sides.each_mut().map(Iterator::next)).flatten().collect();
    chosen.truncate(room);
    if !needs_regions {
        return chosen.into_iter().map(Probe::Rows).collect();
    }
    let rows = chosen.last().copied().map(Probe::Rows);
    rows.into_iter().chain(chosen.iter().copied().map(Probe::Regions)).take(room).collect()
}

async fn ask(context: &Context, probe: Probe) -> (Probe, Result<Option<Vec<String>>, FailedCall>) {
    let answer = match probe {
        Probe::Rows(account) => {
            let request = last_hour(account, context.now);
            let read = lookup::rows(&context.client, request, "body", Patience::Deadline, 0, |(): &mut (), _| Ok(()));
            read.await.map(|_| None)
        }
        Probe::Regions(account) => {
            let mut directory = Directory::new(context, false, false);
            directory.patience = Patience::Deadline;
            directory.regions(account, &context.config, context.now).await.map(Some)
        }
    };
    (probe, answer)
}

/// A call that reads next to nothing: the transactions of the last hour, in a zone that every endpoint takes.
fn last_hour(account: AccountId, now: Moment) -> Request {
    // The run's moment lies up to a second ahead.
    let now = now.with_timezone(&Tz::UTC) - TimeDelta::seconds(1);
    streams::transactions(account, now - TimeDelta::hours(1), now)
}

fn late(context: &Context, what: &str) -> String {
    if context.progress.is_waiting() {
        return explain::accounts_failed(&CallError::Throttled).message;
    }
    format!(
        "Awin did not answer the request for {what} in time. The configuration may be right; check the network, or try again later."
    )
}

/// What is to be warned of. An error where nothing can be read, or where an account refuses that must not.
async fn judged(context: &Context, directory: &mut Directory, seen: &Probed, is_named: bool) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    let mut told = BTreeSet::new();
    for (probe, call) in &seen.failed {
        let is_refusal = matches!(call.error, CallError::Refused { .. });
        if call.error.failure_kind() == FailureKind::Transient {
            match probe {
                Probe::Rows(_) => return Err(explain::accounts_failed(&call.error).message),
                // The data can be read; what it costs is not known.
                Probe::Regions(_) => continue,
            }
        }
        let account = probe.account();
        if !told.insert(account) {
            continue;
        }
        let (subject, stream) = match probe {
            Probe::Rows(_) => (Subject::Rows, "transactions"),
            Probe::Regions(_) => (Subject::Regions, "stats_by_creative"),
        };
        let standing = directory.standing(account).await;
        let failed = Failed { subject, partition: Partition::of(account), call: call.clone(), standing, role: None };
        let message = explain::failures(stream, &[failed]).remove(0).message;
        if !is_refusal || is_named {
            return Err(message);
        }
        warnings.push(message);
    }
    if seen.answered.is_empty() && !warnings.is_empty() {
        return Err(warnings.remove(0));
    }
    let config = &context.config;
    if REPORTS_ONLY_ZONES.contains(&config.timezone) {
        warnings.push(format!(
            "Awin accepts `timezone` {} for reports only: the streams transactions and transaction_queries cannot be read with it. Choose one of {}, or sync only the reports.",
            config.timezone,
            zones_of_sales()
        ));
    }
    warnings.extend(start_in_future(config, context.now));
    Ok(warnings)
}

/// The zones that Awin takes for more than reports.
pub(super) fn zones_of_sales() -> String {
    let zones = config::zones().into_iter().filter(|zone| !REPORTS_ONLY_ZONES.contains(zone));
    zones.map(|zone| zone.to_string()).collect::<Vec<_>>().join(", ")
}

/// What is odd about a start that is not there yet.
pub(super) fn start_in_future(config: &Config, now: Moment) -> Option<String> {
    let start = config.start_date;
    (start > now.date_naive()).then(|| format!("`start_date` {start} is in the future; until then there is nothing to read."))
}

/// The accounts with their regions, the cost of the first sync, and the streams that have no rows.
fn report(context: &Context, directory: &Directory, asked: &[AccountId], seen: &Probed) -> String {
    let config = &context.config;
    let account = |account: &AccountId| match seen.regions.get(account).map(|regions| regions.join(", ")) {
        Some(regions) if !regions.is_empty() => format!("{}: {regions}", directory.name(*account)),
        _ => directory.name(*account),
    };
    let mut sentences = vec![format!("Found {}.", explain::some_of(asked.iter().map(account)).join("; "))];
    let has_rows = |stream: &&Stream| stream.sides.is_empty() || asked.iter().any(|account| stream.sides.contains(&account.kind));
    let quoted = |streams: Vec<&Stream>| streams.iter().map(|stream| format!("`{}`", stream.name)).collect::<Vec<_>>().join(", ");
    let read: Vec<&Stream> = suggested(config).filter(has_rows).collect();
    if let Some((calls, is_exact)) = first_sync(context, asked, seen).filter(|_| config.start_date <= context.now.date_naive()) {
        sentences.push(format!(
            "The first sync of {} from {} makes {}{} and takes {} at {} calls a minute.",
            quoted(read),
            config.start_date,
            if is_exact { "" } else { "about " },
            counted(calls, "call"),
            context.progress.estimate(calls),
            config.requests_per_minute
        ));
    }
    let empty: Vec<&Stream> = STREAMS.iter().filter(|stream| !has_rows(stream)).collect();
    if let Some(stream) = empty.first() {
        let side = stream.sides[0].as_str();
        sentences.push(format!("Without {side} accounts there are no rows of {}.", quoted(empty)));
    }
    sentences.join(" ")
}

/// The suggested streams that can be read in the configured zone.
fn suggested(config: &Config) -> impl Iterator<Item = &'static Stream> {
    STREAMS[..SUGGESTED].iter().filter(|stream| stream.takes_zone(config.timezone))
}

/// The calls of a first sync of the suggested streams, and whether all accounts were looked at: those that were not are reckoned
/// like the mean of their side. `None` if nothing is known.
fn first_sync(context: &Context, asked: &[AccountId], seen: &Probed) -> Option<(u64, bool)> {
    let config = &context.config;
    let finds_regions = config.regions.is_empty();
    let is_refused = |account: &AccountId| {
        seen.failed.iter().any(|(probe, call)| probe.account() == *account && matches!(call.error, CallError::Refused { .. }))
    };
    let known = |account: &AccountId| {
        if is_refused(account) {
            // It is asked once.
            return Some(1);
        }
        let regions = if finds_regions { seen.regions.get(account)? } else { &config.regions };
        Some(calls(context, *account, regions) + u64::from(finds_regions))
    };
    let mut all = u64::from(named(config).is_empty());
    let mut is_exact = true;
    for kind in [AccountKind::Advertiser, AccountKind::Publisher] {
        let of_kind: Vec<&AccountId> = asked.iter().filter(|account| account.kind == kind).collect();
        let found: Vec<u64> = of_kind.iter().filter_map(|account| known(account)).collect();
        let (sum, count) = (found.iter().sum::<u64>(), found.len() as u64);
        let unknown = of_kind.len() as u64 - count;
        if unknown > 0 {
            is_exact = false;
            all += (sum * unknown).checked_div(count)?;
        }
        all += sum;
    }
    Some((all, is_exact))
}

/// The calls of a first sync of an account, by the plan that `read` makes.
fn calls(context: &Context, account: AccountId, regions: &[String]) -> u64 {
    let scope = Scope::new(&context.config, context.now, SyncMode::Incremental);
    let of_stream = |stream: &'static Stream| -> u64 {
        let partitions: Vec<Partition> = match stream.regions(account.kind) {
            Some(taken) => {
                let taken = regions.iter().filter(|region| taken.contains(&region.as_str()));
                taken.map(|region| Partition::of_region(account, region.clone())).collect()
            }
            None => vec![Partition::of(account)],
        };
        partitions.iter().map(|partition| plan(stream, partition, None, None, &scope)).map(|plan: Plan| plan.calls()).sum()
    };
    suggested(&context.config).filter(|stream| stream.sides.contains(&account.kind)).map(of_stream).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(kind: AccountKind, id: u64) -> AccountId {
        AccountId { kind, id }
    }

    #[test]
    fn a_few_accounts_of_both_sides_are_probed() {
        use AccountKind::{Advertiser, Publisher};
        let many: Vec<AccountId> =
            (1..=9).map(|id| account(Advertiser, id)).chain((11..=19).map(|id| account(Publisher, id))).collect();
        let (a1, p1, a2, p2) = (account(Advertiser, 1), account(Publisher, 11), account(Advertiser, 2), account(Publisher, 12));
        let rows = [a1, p1, a2, p2].map(Probe::Rows);
        assert_eq!(probes(&many, false, 4), rows);
        assert_eq!(probes(&many, true, 4), [rows[3], Probe::Regions(a1), Probe::Regions(p1), Probe::Regions(a2)]);
        assert_eq!(probes(&many[..1], true, 4), [rows[0], Probe::Regions(a1)]);
        assert_eq!(probes(&many, true, 1), [rows[0]]);
        assert_eq!(probes(&many, true, 0), []);
    }
}
