//! Plans the days of all reports together, once it is known which sales changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::context::Context;
use super::days::{Reading, choose, divide, fall_backs, listed_from};
use super::directory::Directory;
use super::finder::{self, Findings, Needed};
use super::plan::Plan;
use super::queue::Behind;
use super::scope::Scope;
use super::stream::PlannedStream;
use super::summary::counted;
use crate::config::DateType;
use crate::protocol::{Level, SyncMode};
use crate::streams::{AccountId, Source, change_lanes};

/// Days that a change may wait before that is worth a warning.
const LONG_WAIT_DAYS: i64 = 21;

/// Whether the stream is a report whose days are read again when they change.
pub(super) fn is_report(planned: &PlannedStream) -> bool {
    matches!(planned.stream.source, Source::Report(_)) && planned.state.mode == SyncMode::Incremental
}

/// Whether it is one of which something was read before.
pub(super) fn wants_changes(planned: &PlannedStream) -> bool {
    is_report(planned) && planned.plans.iter().any(|plan| plan.known.is_some())
}

/// Replaces the plans of the reports in `planned`. `findings` are what `transactions` has found out in this run.
pub(super) async fn plan_days(
    context: &Context,
    directory: &mut Directory,
    planned: &mut [PlannedStream],
    mut findings: Findings,
) {
    let scope = Scope::new(&context.config, context.now, SyncMode::Incremental);
    let mut reports: Vec<&mut PlannedStream> = planned.iter_mut().filter(|planned| wants_changes(planned)).collect();
    let asked = missing(context, &reports, &findings);
    for (account, changes) in finder::ask(context, &asked).await {
        findings.entry(account).or_default().merge(changes);
    }
    let markets = markets(context, directory, &reports, &findings).await;
    let none = BTreeMap::new();
    let mut readings = Vec::new();
    for report in &reports {
        let reading = |plan: &Plan| {
            let account = plan.partition.account;
            let changes = account.and_then(|account| findings.get(&account));
            let markets = account.and_then(|account| markets.get(&account)).unwrap_or(&none);
            Reading::new(report.stream, plan, &scope, changes, context.config.stats_date_type, markets)
        };
        let mut of_report: Vec<Reading> = report.plans.iter().map(reading).collect();
        choose(&mut of_report, &scope);
        readings.extend(of_report.into_iter().map(|reading| (report.stream, reading)));
    }
    let mut fall_backs = fall_backs(&readings, &scope).into_iter();
    let plans = divide(&readings, &scope, context.config.requests_per_minute);
    let calls_before: u64 = reports.iter().flat_map(|report| &report.plans).map(Plan::calls).sum();
    let calls: u64 = plans.iter().map(Plan::calls).sum();
    context.progress.plan(calls.saturating_sub(calls_before));
    let mut plans = plans.into_iter();
    let mut readings = readings.iter();
    for report in &mut reports {
        let mut counts: BTreeMap<AccountId, (u64, usize, usize)> = BTreeMap::new();
        for plan in &mut report.plans {
            let (Some(new), Some((_, reading))) = (plans.next(), readings.next()) else { return };
            if let (Some(account), Some(_)) = (new.partition.account, &new.known) {
                let count = counts.entry(account).or_default();
                *count = (count.0 + new.calls(), count.1 + reading.aged(), count.2 + reading.due());
            }
            *plan = new;
        }
        report.fall_back.plans = fall_backs.by_ref().take(report.plans.len()).collect();
        // By the day of a decision, sales cannot be counted.
        if context.config.stats_date_type == DateType::Transaction {
            let sold = findings.iter().filter_map(|(account, changes)| Some((*account, changes.sold.clone()?)));
            report.fall_back.sold = sold.collect();
        }
        for (account, (calls, aged, changed)) in counts {
            let (name, account) = (report.stream.name, directory.name(account));
            let text = format!(
                "`{name}` of {account}: {} ({} by age, {} changed).",
                counted(calls, "call"),
                counted(aged as u64, "day"),
                counted(changed as u64, "day")
            );
            context.emitter.log(Level::Info, text);
        }
    }
}

/// The lists of changes that were not read far enough back, and from when on they are needed.
fn missing(context: &Context, reports: &[&mut PlannedStream], findings: &Findings) -> Needed {
    let mut needed = Needed::new();
    for plan in reports.iter().flat_map(|report| &report.plans) {
        let (Some(account), Some(known)) = (plan.partition.account, &plan.known) else { continue };
        // Where `transactions` has read the decisions, it has asked for the amendments, too.
        let mut is_found = true;
        for lane in change_lanes() {
            let reached = known.heard(lane).map_or(context.now, |reached| reached.with_timezone(&context.config.timezone));
            let wanted = listed_from(reached, context.now);
            is_found &= lane.is_optional() || findings.get(&account).is_some_and(|changes| changes.reaches(lane, wanted));
            if !is_found {
                needed.entry((account, lane.name)).and_modify(|known| *known = (*known).min(wanted)).or_insert(wanted);
            }
        }
    }
    needed
}

/// The regions of each partner, where an account is read in more than one.
async fn markets(
    context: &Context,
    directory: &mut Directory,
    reports: &[&mut PlannedStream],
    findings: &Findings,
) -> BTreeMap<AccountId, BTreeMap<u64, Vec<String>>> {
    let mut wanted = BTreeSet::new();
    for report in reports {
        let mut regions: BTreeMap<AccountId, usize> = BTreeMap::new();
        for plan in report.plans.iter().filter(|plan| plan.partition.region.is_some()) {
            plan.partition.account.into_iter().for_each(|account| *regions.entry(account).or_default() += 1);
        }
        wanted.extend(regions.into_iter().filter(|(_, regions)| *regions > 1).map(|(account, _)| account));
    }
    let mut markets = BTreeMap::new();
    for account in wanted {
        if findings.get(&account).is_some_and(|changes| !changes.is_empty()) {
            markets.insert(account, directory.partner_regions(account, &context.config, context.now).await);
        }
    }
    markets
}

/// Says which days of a report wait.
pub(super) fn log_behind(context: &Context, directory: &Directory, stream: &str, behind: BTreeMap<AccountId, Behind>) {
    for (account, Behind { days, pausing, oldest }) in behind {
        let waits = context.now.to_utc() - oldest;
        let level = if waits > TimeDelta::days(LONG_WAIT_DAYS) { Level::Warn } else { Level::Info };
        let advice = if pausing == days {
            "A changed day is read at most once every 20 hours.".to_owned()
        } else {
            let (days, calls) = (context.config.lookback_days, context.config.requests_per_minute);
            format!("Raise `lookback_days` ({days}) or `requests_per_minute` ({calls}) to catch up faster.")
        };
        let text = format!(
            "`{stream}` is behind on {} of {} (oldest change seen {}); the next syncs will read them. {advice}",
            counted(days as u64, "day"),
            directory.name(account),
            oldest.with_timezone(&context.config.timezone).date_naive(),
        );
        context.emitter.log(level, text);
    }
}
