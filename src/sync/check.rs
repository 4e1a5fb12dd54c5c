//! `check`: whether data can be read, with a handful of calls and within a minute.

use std::sync::{Mutex, PoisonError};

use chrono::{TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::directory::{Directory, named, names};
use super::explain::{self, Failed, Subject};
use super::lookup;
use crate::awin::{CallError, Client, Patience, Request};
use crate::config::Config;
use crate::protocol::{ConnectionStatus, Emitter, FailureKind};
use crate::streams::{self, AccountId, Partition, REPORTS_ONLY_ZONES};

/// Accounts that are asked for data.
const MAX_PROBES: usize = 4;

/// Checks the token, the accounts, the named ids, and that data can be read. Never takes longer than 45 seconds.
pub async fn check(client: Client, emitter: Emitter, config: &Config) -> ConnectionStatus {
    let waits_for = Mutex::new("the list of accounts".to_owned());
    let checked = checked(client.clone(), emitter, config, &waits_for);
    match tokio::time::timeout(client.timing().check, checked).await {
        Ok(Ok(message)) => ConnectionStatus::Succeeded { message },
        Ok(Err(message)) => ConnectionStatus::Failed { message },
        Err(_) => {
            let what = waits_for.lock().unwrap_or_else(PoisonError::into_inner);
            ConnectionStatus::Failed {
                message: format!(
                    "Awin did not answer the request for {what} in time. The configuration may be right; check the network, or try again later."
                ),
            }
        }
    }
}

async fn checked(client: Client, emitter: Emitter, config: &Config, waits_for: &Mutex<String>) -> Result<Option<String>, String> {
    let mut directory = Directory::new(client.clone(), emitter, false);
    let listed = directory.listed(Patience::Little).await.map_err(|error| explain::accounts_failed(&error).message)?;
    let ids: Vec<AccountId> = listed.iter().map(|account| account.id).collect();
    let all = names(listed);
    let named = named(config);
    let unknown: Vec<String> = named.iter().filter(|id| !ids.contains(id)).map(ToString::to_string).collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(format!(
            "The token has no access to {unknown}. It sees: {all}. Correct `advertiser_ids` and `publisher_ids`, or give the token's user access at Awin."
        ));
    }
    if ids.is_empty() {
        return Err(
            "The token sees no account. Give its user access to an account at Awin, or use the token of another user.".into()
        );
    }
    let asked = if named.is_empty() { &ids } else { &named };
    let mut refused = None;
    for &account in asked.iter().take(MAX_PROBES) {
        *waits_for.lock().unwrap_or_else(PoisonError::into_inner) = format!("transactions of {}", directory.name(account));
        let read = lookup::rows(&client, probe(account), "body", Patience::Little, 0, |(): &mut (), _| Ok(())).await;
        let failed = match read {
            // One account that answers is enough, unless the user named each of them.
            Ok(_) if named.is_empty() => return Ok(note(config)),
            Ok(_) => continue,
            Err(failed) => failed,
        };
        if failed.error.failure_kind() == FailureKind::Transient {
            return Err(explain::accounts_failed(&failed.error).message);
        }
        let is_refusal = matches!(failed.error, CallError::Refused { .. });
        let standing = directory.standing(account).await;
        let failed = Failed { subject: Subject::Rows, partition: Partition::of(account), call: failed, standing };
        let message = explain::failures("transactions", &[failed]).remove(0).message;
        if !is_refusal || !named.is_empty() {
            return Err(message);
        }
        refused.get_or_insert(message);
    }
    refused.map_or_else(|| Ok(note(config)), Err)
}

/// A call that reads next to nothing: the transactions of the last hour, in a zone that every endpoint takes.
fn probe(account: AccountId) -> Request {
    let now = Tz::UTC.from_utc_datetime(&Utc::now().naive_utc());
    streams::transactions(account, now - TimeDelta::hours(1), now)
}

/// What a user of a zone that only the reports take should know.
fn note(config: &Config) -> Option<String> {
    REPORTS_ONLY_ZONES.contains(&config.timezone).then(|| {
        format!(
            "Awin accepts `timezone` {} for reports only: the streams transactions and transaction_queries cannot be read with it.",
            config.timezone
        )
    })
}
