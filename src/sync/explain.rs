//! Errors of calls as sentences for the user: what happened, where, what to do.

use crate::awin::{CallError, FailedCall, Request};
use crate::protocol::{Failure, FailureKind};
use crate::streams::{AccountKind, Part};

/// The token itself is refused.
pub fn dead_token(error: &CallError) -> Failure {
    Failure::config("Awin refuses the API token. Make a new one at ui.awin.com/awin-api and put it into `api_token`.")
        .with_detail(error.to_string())
}

/// A call for `stream` of `part` failed for good. `name` is the account's name, if it is known.
pub fn failed(stream: &str, part: &Part, name: Option<&str>, FailedCall { request, error }: &FailedCall) -> Failure {
    let account = match name {
        Some(name) => format!("{} ({name})", part.account),
        None => part.account.to_string(),
    };
    let period = period(request);
    let message = match error {
        CallError::Refused { .. } => refused(stream, &account, part.account.kind, error),
        CallError::BadRequest { status: 400, .. } => {
            format!(
                "Awin does not accept the request for `{stream}` of {account}{period}: {error}. Check the configuration; if it is right, report this as a bug."
            )
        }
        CallError::BadRequest { .. } | CallError::Shape(_) | CallError::NotJson(_) => {
            format!(
                "Awin's answer for `{stream}` of {account}{period} is not what its documentation promises: {error}. If it reads like a page of a proxy, or `api_url` is set, look there; else report this as a bug."
            )
        }
        CallError::Throttled { .. } => {
            format!(
                "Awin kept refusing calls for `{stream}` of {account}: other tools use up the limit of this user. Lower `requests_per_minute` here or there, and sync again."
            )
        }
        CallError::Server { .. } | CallError::TimedOut(_) | CallError::Network(_) | CallError::Broken(_) => {
            format!("`{stream}` of {account}{period} could not be read: {error}. What was read so far is kept; sync again later.")
        }
    };
    Failure { kind: error.failure_kind(), message, detail: Some(format!("{request}: {error}")) }
}

fn refused(stream: &str, account: &str, kind: AccountKind, error: &CallError) -> String {
    let cause = match kind {
        AccountKind::Advertiser => {
            "Awin opens its API to advertisers on the Accelerate and Advanced plans only, and to users who may see the account"
        }
        AccountKind::Publisher => "the token's user may have lost the right to see the account",
    };
    format!(
        "Awin refuses `{stream}` of {account}: {error}. Most likely {cause}. Restore the access at Awin, or name only the accounts to sync in `{kind}_ids`."
    )
}

/// A found account that gives no data of `stream` and never has.
pub fn skipped(stream: &str, part: &Part, name: Option<&str>, error: &CallError) -> String {
    let name = name.map_or(String::new(), |name| format!(" ({name})"));
    format!(
        "The token lists {}{name}, but Awin refuses its `{stream}` ({error}); it is left out there. Name it in `{}_ids` to make this an error.",
        part.account, part.account.kind
    )
}

/// The accounts could not be listed.
pub fn accounts_failed(error: &CallError) -> Failure {
    match error {
        CallError::Refused { status: 401, .. } => dead_token(error),
        CallError::Refused { .. } => Failure::config(format!(
            "Awin refuses the list of accounts: {error}. Check the token's user at ui.awin.com, or make a new token at ui.awin.com/awin-api. If `api_url` is set, check it, too."
        )),
        CallError::Throttled { .. } => Failure::transient(
            "Awin's limit of calls per minute is used up, perhaps by another tool of the same user. The configuration may be right; try again in a minute.",
        ),
        CallError::BadRequest { .. } | CallError::Shape(_) | CallError::NotJson(_) => Failure::system(format!(
            "The list of accounts is not what Awin's documentation promises: {error}. Check `api_url`; if it is right, report this as a bug."
        )),
        CallError::Server { .. } | CallError::TimedOut(_) | CallError::Network(_) | CallError::Broken(_) => {
            Failure::transient(format!("Awin could not be reached: {error}. The configuration may be right; try again later."))
        }
    }
    .with_detail(format!("GET /accounts: {error}"))
}

/// Several failures of one stream as one: the kind that the user can do most about, all sentences.
pub fn together(mut failures: Vec<Failure>) -> Option<Failure> {
    failures.sort_by_key(|failure| failure.kind);
    let kind: FailureKind = failures.first()?.kind;
    let join = |texts: Vec<&str>, by: &str| texts.join(by);
    let message = join(failures.iter().map(|failure| failure.message.as_str()).collect(), " ");
    let details: Vec<&str> = failures.iter().filter_map(|failure| failure.detail.as_deref()).collect();
    let detail = (!details.is_empty()).then(|| join(details, "; "));
    Some(Failure { kind, message, detail })
}

fn period(request: &Request) -> String {
    let value = |name| request.query.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    match (value("startDate"), value("endDate")) {
        (Some(start), Some(end)) if start == end => format!(" of {start}"),
        (Some(start), Some(end)) => format!(" from {start} to {end}"),
        _ => String::new(),
    }
}
