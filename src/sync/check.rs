//! `check`: whether data can be read, with a handful of calls and within a minute.

use std::time::Duration;

use chrono::{TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::explain;
use super::survey::{Survey, named};
use crate::awin::{CallError, Client, Patience, Request};
use crate::config::Config;
use crate::protocol::{ConnectionStatus, Emitter, FailureKind};
use crate::streams::{AccountId, Part, REPORTS_ONLY_ZONES, requests};

/// Accounts that are asked for data.
const MAX_PROBES: usize = 4;

/// Checks the token, the accounts, the named ids, and that data can be read. Never takes longer than three quarters of a
/// `minute`.
pub async fn check(client: Client, emitter: Emitter, config: &Config, minute: Duration) -> ConnectionStatus {
    match tokio::time::timeout(minute * 3 / 4, checked(client, emitter, config)).await {
        Ok(Ok(message)) => ConnectionStatus::Succeeded { message },
        Ok(Err(message)) => ConnectionStatus::Failed { message },
        Err(_) => ConnectionStatus::Failed {
            message: "Awin did not answer in time. The configuration may be right; check the network or try again later.".into(),
        },
    }
}

async fn checked(client: Client, emitter: Emitter, config: &Config) -> Result<Option<String>, String> {
    let mut survey = Survey::new(client.clone(), emitter);
    let listed = survey.listed(Patience::Little).await.map_err(|error| explain::accounts_failed(&error).message)?;
    let listed: Vec<AccountId> = listed.iter().map(|account| account.id).collect();
    let ids: Vec<String> = listed.iter().map(ToString::to_string).collect();
    let there_are = if ids.is_empty() { "It sees none.".to_owned() } else { format!("It sees: {}.", ids.join(", ")) };
    let named = named(config);
    let unknown: Vec<String> = named.iter().filter(|id| !listed.contains(id)).map(ToString::to_string).collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(format!(
            "The token does not see {unknown}. {there_are} Correct `advertiser_ids` and `publisher_ids`, or give the token's user access at Awin."
        ));
    }
    if listed.is_empty() {
        return Err(
            "The token sees no account. Give its user access to an account at Awin, or use the token of another user.".into()
        );
    }
    let asked = if named.is_empty() { &listed } else { &named };
    let mut refusal = None;
    for &account in asked.iter().take(MAX_PROBES) {
        match client.get(probe(account), Patience::Little).await {
            // One account that answers is enough, unless the user named each of them.
            Ok(_) if named.is_empty() => return Ok(note(config)),
            Ok(_) => {}
            Err(failed) => {
                let part = Part { account, region: None };
                let message = explain::failed("transactions", &part, survey.name(account), &failed).message;
                if failed.error.failure_kind() == FailureKind::Transient {
                    return Err(explain::accounts_failed(&failed.error).message);
                }
                let refused = matches!(failed.error, CallError::Refused { .. });
                if !refused || !named.is_empty() {
                    return Err(message);
                }
                refusal.get_or_insert(message);
            }
        }
    }
    refusal.map_or_else(|| Ok(note(config)), Err)
}

/// A call that reads next to nothing: the transactions of the last hour, in a zone that every endpoint takes.
fn probe(account: AccountId) -> Request {
    let now = Tz::UTC.from_utc_datetime(&Utc::now().naive_utc());
    requests::transactions(account, now - TimeDelta::hours(1), now)
}

/// What a user of a zone that only the reports take should know.
fn note(config: &Config) -> Option<String> {
    REPORTS_ONLY_ZONES.contains(&config.timezone).then(|| {
        format!(
            "Awin takes `timezone` {} for reports only: the streams transactions and transaction_queries cannot be read with it.",
            config.timezone
        )
    })
}
