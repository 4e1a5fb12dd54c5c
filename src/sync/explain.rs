//! Errors of calls as sentences for the user: what happened, where, what to do.

use crate::awin::{Api, CallError, FailedCall, Request};
use crate::protocol::{Descriptor, Failure, FailureKind};
use crate::streams::{AccountId, AccountKind, Partition};

/// What a call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// Rows of the stream.
    Rows,
    /// The regions of an account, which the stream is asked by.
    Regions,
    /// The programmes that a publisher has joined, one by one of which the stream is read.
    Programmes,
    /// The payments to a publisher, one by one of which the stream is read.
    Payments,
}

/// A call that failed for good, and whose it was.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) subject: Subject,
    pub(super) partition: Partition,
    pub(super) call: FailedCall,
    /// What `/accounts` says of the account, where it refused.
    pub(super) standing: Standing,
    /// The least role that Awin's page asks for, if it does.
    pub(super) role: Option<&'static str>,
}

/// What the list of accounts says of an account that refuses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It was not asked, or did not answer.
    Unknown,
    /// The account is listed, perhaps with its name.
    Listed(Option<String>),
    /// The id is that of an account of the other side.
    OtherSide(u64),
    /// There is no such account; these are the ones listed.
    Unlisted(String),
}

/// What to do when an address of Awin's goes or is gone.
pub(super) const UPDATE: &str =
    concat!("Update source-awin (this is ", env!("CARGO_PKG_VERSION"), "): https://github.com/source-awin/source-awin/releases.");

/// The token itself is refused.
pub(super) fn dead_token(error: &CallError) -> Failure {
    Failure::config("Awin refuses the API token. Copy it into `api_token` again, or create a new one, at ui.awin.com/awin-api.")
        .with_detail(error.to_string())
}

/// What failed in a run, by stream in the order in which they were read. A refusal that several streams met is told once, with
/// the names of all of them, at the first.
pub(super) fn of_streams(met: &[(Descriptor, Vec<Failed>)]) -> Vec<(Descriptor, Vec<Failure>)> {
    let streams_of = |one: &Failed| -> Vec<&str> {
        let has_it = |failed: &&Failed| failed.partition.account == one.partition.account && is_same_refusal(one, failed);
        met.iter()
            .filter(|(_, failed)| failed.iter().any(|failed| has_it(&failed)))
            .map(|(stream, _)| stream.name.as_str())
            .collect()
    };
    let mut all = Vec::new();
    for (descriptor, failed) in met {
        let stream = descriptor.name.as_str();
        let (common, own): (Vec<&Failed>, Vec<&Failed>) = failed.iter().partition(|one| streams_of(one).len() > 1);
        let mut groups: Vec<(Vec<&str>, Vec<&Failed>)> = Vec::new();
        for one in common {
            let streams = streams_of(one);
            match groups.iter_mut().find(|(known, group)| *known == streams && is_same_refusal(group[0], one)) {
                Some((_, group)) => group.push(one),
                None => groups.push((streams, vec![one])),
            }
        }
        let mut failures = Vec::new();
        for (streams, group) in groups.into_iter().filter(|(streams, _)| streams[0] == stream) {
            let names: Vec<String> = streams.iter().map(|stream| format!("`{stream}`")).collect();
            let what = format!("{} of {}", names.join(", "), accounts(&group));
            let message = refused(&what, group[0]);
            add(&mut failures, Failure { kind: FailureKind::Config, message, detail: Some(details(&group)) });
        }
        let own: Vec<Failed> = own.into_iter().cloned().collect();
        for failure in self::failures(stream, &own) {
            add(&mut failures, failure);
        }
        all.push((descriptor.clone(), failures));
    }
    all
}

/// Whether an account refuses for the same reason, whatever was asked of it.
fn is_same_refusal(a: &Failed, b: &Failed) -> bool {
    let is_refusal = matches!(a.call.error, CallError::Refused { .. });
    is_refusal && is_same_cause(&Failed { subject: b.subject, ..a.clone() }, b)
}

/// Adds `failure`: one failure per kind.
fn add(failures: &mut Vec<Failure>, failure: Failure) {
    match failures.iter_mut().find(|known| known.kind == failure.kind) {
        Some(known) => {
            known.message = format!("{} {}", known.message, failure.message);
            let details = [known.detail.take(), failure.detail].into_iter().flatten().collect::<Vec<_>>();
            known.detail = (!details.is_empty()).then(|| details.join("; "));
        }
        None => failures.push(failure),
    }
}

/// What failed in a stream: one failure per kind, configuration errors first; one sentence per cause, with all its accounts.
pub(super) fn failures(stream: &str, failed: &[Failed]) -> Vec<Failure> {
    let mut groups: Vec<(FailureKind, Vec<&Failed>)> = Vec::new();
    for one in failed {
        let kind = one.call.error.failure_kind();
        match groups.iter_mut().find(|(known, group)| *known == kind && is_same_cause(group[0], one)) {
            Some((_, group)) => group.push(one),
            None => groups.push((kind, vec![one])),
        }
    }
    groups.sort_by_key(|(kind, _)| *kind);
    let mut failures: Vec<Failure> = Vec::new();
    for (kind, group) in groups {
        add(&mut failures, Failure { kind, message: sentence(stream, &group), detail: Some(details(&group)) });
    }
    failures
}

fn is_same_cause(a: &Failed, b: &Failed) -> bool {
    let side = |failed: &Failed| failed.partition.account.map(|account| account.kind);
    let standing = |failed: &Failed| match &failed.standing {
        Standing::Listed(_) => Standing::Listed(None),
        other => other.clone(),
    };
    let what = |failed: &Failed| (failed.subject, side(failed), failed.role, failed.call.request.api());
    what(a) == what(b) && a.call.error == b.call.error && standing(a) == standing(b)
}

/// Things that a line names.
const MAX_NAMED: usize = 20;

/// The first of `names`, and how many more there are.
pub(super) fn some_of(names: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = names.len().saturating_sub(MAX_NAMED);
    names.take(MAX_NAMED).chain((more > 0).then(|| format!("and {more} more"))).collect()
}

fn details(group: &[&Failed]) -> String {
    some_of(group.iter().map(|failed| format!("{}: {}", failed.call.request, failed.call.error))).join("; ")
}

/// One cause, of one or more accounts.
fn sentence(stream: &str, group: &[&Failed]) -> String {
    let Failed { subject, call: FailedCall { error, .. }, partition, .. } = group[0];
    if *subject == Subject::Rows && partition.account.is_none() {
        return accounts_failed(error).message;
    }
    let accounts = accounts(group);
    let mut periods: Vec<String> = group.iter().map(|failed| period(&failed.call.request)).collect();
    periods.dedup();
    let period = if periods.len() == 1 { periods.remove(0) } else { String::new() };
    let what = match subject {
        Subject::Rows => format!("`{stream}` of {accounts}{period}"),
        Subject::Regions => format!("the regions of {accounts} (for `{stream}`)"),
        Subject::Programmes => format!("the joined programmes of {accounts} (for `{stream}`)"),
        Subject::Payments => format!("the payments of {accounts} (for `{stream}`)"),
    };
    let upper = |text: &str| {
        let mut letters = text.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    match error {
        CallError::Retired { .. } => {
            format!("Awin has retired the address of {what} ({error}). {UPDATE} If `api_url` is set, check it first.")
        }
        CallError::Refused { .. } => refused(&what, group[0]),
        CallError::BadRequest { status: 400, .. } => {
            format!(
                "Awin rejected the request for {what}: {error}. Check the configuration; if it is right, please report a bug."
            )
        }
        CallError::BadRequest { .. } | CallError::Shape(_) | CallError::NotJson(_) => format!(
            "Unexpected response for {what}: {error}. If this text comes from a proxy, or `api_url` is set, check those first; otherwise please report a bug."
        ),
        CallError::Throttled => format!(
            "Awin answered 429 for 45 minutes; {what} could not be read. Another tool may be using the same user's calls: lower `requests_per_minute` here or in that tool, then sync again."
        ),
        CallError::Server { .. } | CallError::TimedOut(_) | CallError::Network(_) | CallError::Broken(_) => {
            format!("{} could not be read: {error}. What was read so far is kept; sync again later.", upper(&what))
        }
    }
}

fn refused(what: &str, failed: &Failed) -> String {
    let Failed { partition, call: FailedCall { error, .. }, standing, .. } = failed;
    let kind = partition.account.map_or(AccountKind::Publisher, |account| account.kind);
    match standing {
        Standing::Listed(_) | Standing::Unknown if failed.call.request.api() == Api::Newer => {
            format!("Awin refuses {what}: {error}. {}", remedy(error, failed.role))
        }
        Standing::OtherSide(id) => format!("Awin refuses {what}: {error}. {}", other_side(*id, kind)),
        Standing::Unlisted(listed) => format!(
            "Awin refuses {what}: {error}. The token has no access to this account; it sees: {listed}. List only accounts that it sees in `{kind}_ids`, or give the token's user access at Awin."
        ),
        Standing::Listed(_) | Standing::Unknown => {
            let cause = match kind {
                AccountKind::Advertiser => {
                    "Awin offers its API to advertisers on the Accelerate and Advanced plans only, and to users who may view the account"
                }
                AccountKind::Publisher => "the token's user may have lost access to the account",
            };
            format!(
                "Awin refuses {what}: {error}. Most likely cause: {cause}. Restore access at Awin, or list only the accounts to sync in `{kind}_ids`."
            )
        }
    }
}

/// What to do when the newer API refuses.
fn remedy(error: &CallError, role: Option<&str>) -> String {
    match (error, role) {
        (CallError::Refused { status: 401, .. }, _) => {
            "Its newer API, under /public, does not accept this token, while the older one does. Remove the streams that need it from the sync, or ask Awin for access.".to_owned()
        }
        (CallError::Refused { status: 403, .. }, Some(role)) => format!(
            "The token's user needs the role {role} or a higher one in the account. Ask an administrator of the account for it, or remove the stream from the sync."
        ),
        _ => "The account has no such data, or not yet: remove the stream from the sync, or list only the accounts that have it.".to_owned(),
    }
}

/// `id` stands among the accounts of `kind`, and is one of the other side.
pub(super) fn other_side(id: u64, kind: AccountKind) -> String {
    let (article, other) =
        if kind == AccountKind::Advertiser { ("a", AccountKind::Publisher) } else { ("an", AccountKind::Advertiser) };
    format!("{id} is the ID of {article} {other} account: move it from `{kind}_ids` to `{other}_ids`.")
}

/// An account, with its name where that is known.
pub(super) fn account(id: AccountId, name: Option<&str>) -> String {
    name.map_or_else(|| id.to_string(), |name| format!("{id} ({name})"))
}

fn accounts(group: &[&Failed]) -> String {
    let mut names: Vec<String> = group.iter().map(|failed| name(failed)).collect();
    names.dedup();
    names.join(", ")
}

fn name(failed: &Failed) -> String {
    let Some(id) = failed.partition.account else { return "the token".to_owned() };
    let name = if let Standing::Listed(name) = &failed.standing { name.as_deref() } else { None };
    let account = account(id, name);
    match (&failed.partition.region, failed.subject) {
        (Some(region), Subject::Rows) => format!("{account}, region {region}"),
        _ => account,
    }
}

/// A found account that gives no data of `stream` and never has.
pub(super) fn skipped(stream: &str, failed: &Failed) -> String {
    let kind = failed.partition.account.map_or(AccountKind::Publisher, |account| account.kind);
    let role = match (&failed.call.error, failed.role) {
        (CallError::Refused { status: 403, .. }, Some(role)) => format!("; it needs the role {role} or a higher one"),
        _ => String::new(),
    };
    format!(
        "The token lists {}, but Awin refuses its `{stream}` ({}{role}); it is left out. Name it in `{kind}_ids` to make this an error.",
        name(failed),
        failed.call.error
    )
}

/// The accounts could not be listed.
pub(super) fn accounts_failed(error: &CallError) -> Failure {
    match error {
        CallError::Refused { status: 401, .. } => return dead_token(error),
        CallError::Refused { .. } => Failure::config(format!(
            "Awin refuses the list of accounts: {error}. Check the token's user at ui.awin.com, or create a new token at ui.awin.com/awin-api. If `api_url` is set, check it, too."
        )),
        CallError::Retired { .. } => Failure::config(format!(
            "Awin has retired the address of the list of accounts ({error}). {UPDATE} If `api_url` is set, check it first."
        )),
        CallError::Throttled => Failure::transient(
            "Awin's limit of calls per minute is used up, perhaps by another tool of the same user. The configuration may be right; try again in a minute.",
        ),
        CallError::BadRequest { .. } | CallError::Shape(_) | CallError::NotJson(_) => Failure::system(format!(
            "Unexpected response for the list of accounts: {error}. Check `api_url` and any proxy; if they are right, please report a bug."
        )),
        CallError::Server { .. } | CallError::TimedOut(_) | CallError::Network(_) | CallError::Broken(_) => {
            Failure::transient(format!("Awin could not be reached: {error}. The configuration may be right; try again later."))
        }
    }
    .with_detail(format!("GET /accounts: {error}"))
}

fn period(request: &Request) -> String {
    let value = |name| request.query.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    match (value("startDate"), value("endDate")) {
        (Some(start), Some(end)) if start == end => format!(" on {start}"),
        (Some(start), Some(end)) => format!(" from {start} to {end}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(id: u64, error: CallError) -> Failed {
        let partition = Partition::of(AccountId { kind: AccountKind::Publisher, id });
        let request = Request::new(format!("/publishers/{id}/programmes"));
        Failed { subject: Subject::Rows, partition, call: FailedCall { request, error }, standing: Standing::Unknown, role: None }
    }

    fn refused() -> CallError {
        CallError::Refused { status: 403, text: "No access".into() }
    }

    fn server() -> CallError {
        CallError::Server { status: 502, text: "Bad gateway".into() }
    }

    fn told(failed: &[Failed]) -> Vec<(FailureKind, String)> {
        failures("programmes", failed).into_iter().map(|failure| (failure.kind, failure.message)).collect()
    }

    #[test]
    fn accounts_that_fail_for_one_cause_share_a_sentence() {
        let told = told(&[failed(1, refused()), failed(2, refused()), failed(3, refused())]);
        let [(FailureKind::Config, message)] = &told[..] else { panic!("{told:?}") };
        assert!(["1", "2", "3"].iter().all(|id| message.contains(&format!("publisher {id}"))), "{message}");
        assert_eq!(message.matches("No access").count(), 1, "{message}");
    }

    #[test]
    fn there_is_one_failure_per_kind_and_the_user_comes_first() {
        let errors = [
            CallError::Shape("no list".into()),
            server(),
            CallError::TimedOut(String::new()),
            refused(),
            CallError::NotJson("<p>".into()),
        ];
        let failed: Vec<Failed> = (1..).zip(errors).map(|(id, error)| failed(id, error)).collect();
        let told = told(&failed);
        let kinds: Vec<FailureKind> = told.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [FailureKind::Config, FailureKind::Transient, FailureKind::System]);
        assert!(told[1].1.contains("502") && told[1].1.contains("no answer in time"), "{told:?}");
        assert!(told[2].1.contains("no list") && told[2].1.contains("<p>"), "{told:?}");
        let failures = failures("programmes", &failed);
        for (id, failure) in [(4, 0), (2, 1), (3, 1), (1, 2), (5, 2)] {
            let detail = failures[failure].detail.as_deref().expect("a detail");
            assert!(detail.contains(&format!("GET /publishers/{id}/programmes")), "{detail}");
        }
    }

    #[test]
    fn causes_differ_by_what_was_asked_for_by_side_and_by_what_awin_lists() {
        let one = failed(1, refused());
        let advertiser = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 1 });
        for other in [
            Failed { subject: Subject::Regions, ..one.clone() },
            Failed { partition: advertiser, ..one.clone() },
            Failed { standing: Standing::OtherSide(1), ..one.clone() },
            failed(1, CallError::Refused { status: 404, text: "No access".into() }),
        ] {
            assert!(!is_same_cause(&one, &other), "{other:?}");
        }
        let listed = |name: Option<&str>| Failed { standing: Standing::Listed(name.map(str::to_owned)), ..one.clone() };
        assert!(is_same_cause(&listed(Some("A")), &listed(Some("B"))));
    }

    #[test]
    fn a_detail_names_some_calls_and_counts_the_others() {
        let many: Vec<Failed> = (1..=23).map(|id| failed(id, server())).collect();
        let failures = failures("programmes", &many);
        let detail = failures[0].detail.as_deref().expect("a detail");
        assert_eq!(detail.matches("GET ").count(), 20);
        assert!(detail.ends_with("; and 3 more"), "{detail}");
    }
}
