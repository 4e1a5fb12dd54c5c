//! What `check` finds out about the newer API: no stream of it is read unless it is selected, so nothing there fails a check.

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use super::context::Context;
use super::directory::Directory;
use super::lookup;
use crate::awin::{Api, CallError, Patience};
use crate::streams::{AccountId, AccountKind, Cut, Page, Partition, STREAMS, Slice, Stream};

/// One sentence for an account of each side in `asked`: whether the token can read what takes the highest role there.
pub(super) async fn readable(context: &Context, directory: &Directory, asked: &[AccountId], deadline: Instant) -> Vec<String> {
    let of_side = |kind| asked.iter().find(|account| account.kind == kind).copied();
    let accounts = [AccountKind::Advertiser, AccountKind::Publisher].into_iter().filter_map(of_side);
    let mut under_way: FuturesUnordered<_> = accounts.map(|account| ask(context, account)).collect();
    let mut sentences = Vec::new();
    while let Ok(Some((account, error))) = timeout_at(deadline, under_way.next()).await {
        sentences.extend(sentence(account, &directory.name(account), error.as_ref()).map(|sentence| (account, sentence)));
    }
    sentences.sort();
    sentences.into_iter().map(|(_, sentence)| sentence).collect()
}

/// The streams of the newer API that an account has; the one with the highest role comes first.
fn streams_of(account: AccountId) -> impl Iterator<Item = &'static Stream> {
    STREAMS.iter().filter(move |stream| stream.endpoint.role.is_some() && stream.sides.contains(&account.kind))
}

async fn ask(context: &Context, account: AccountId) -> (AccountId, Option<CallError>) {
    let Some(stream) = streams_of(account).next() else { return (account, None) };
    let slice = Slice { partition: Partition::of(account), lane: &stream.lanes()[0], cut: Cut::Whole };
    let request = stream.endpoint.request(&slice, &Page::FIRST, &context.config);
    debug_assert_eq!(request.api(), Api::Newer);
    let read = lookup::rows(&context.client, request, "results", Patience::Little, 0, |(): &mut (), _| Ok(()));
    (account, read.await.err().map(|failed| failed.error))
}

/// What the answer means; nothing if it says nothing.
fn sentence(account: AccountId, name: &str, error: Option<&CallError>) -> Option<String> {
    let names: Vec<String> = streams_of(account).map(|stream| format!("`{}`", stream.name)).collect();
    let first = streams_of(account).next()?;
    let role = first.endpoint.role.unwrap_or_default();
    Some(match error {
        None => format!("Awin's newer API shows {} of {name}.", names.join(", ")),
        Some(CallError::Refused { status: 401, .. }) => {
            format!("Awin's newer API does not accept the token: {} of {name} cannot be read.", names.join(", "))
        }
        Some(CallError::Refused { status: 403, .. }) => {
            format!("`{}` of {name} needs the role {role} or a higher one, which the token's user does not have.", first.name)
        }
        Some(CallError::Refused { .. }) => format!("Awin's newer API has no `{}` for {name}.", first.name),
        Some(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use AccountKind::{Advertiser, Publisher};

    use super::*;

    #[test]
    fn an_answer_is_told_in_a_sentence_and_an_outage_is_not() {
        let refused = |status| CallError::Refused { status, text: String::new() };
        let told = |kind, error: Option<CallError>| sentence(AccountId { kind, id: 7 }, "account 7", error.as_ref());
        for (kind, error, wanted) in [
            (Publisher, None, "Awin's newer API shows `payments`, `payment_breakdowns`, `partnerships` of account 7."),
            (
                Advertiser,
                Some(refused(401)),
                "Awin's newer API does not accept the token: `billing_documents`, `prepayment_changes`, `partnerships` of account 7 cannot be read.",
            ),
            (
                Publisher,
                Some(refused(403)),
                "`payments` of account 7 needs the role Full Access or a higher one, which the token's user does not have.",
            ),
            (
                Advertiser,
                Some(refused(403)),
                "`billing_documents` of account 7 needs the role Admin or a higher one, which the token's user does not have.",
            ),
            (Publisher, Some(refused(404)), "Awin's newer API has no `payments` for account 7."),
        ] {
            assert_eq!(told(kind, error).as_deref(), Some(wanted));
        }
        assert_eq!(told(Publisher, Some(CallError::TimedOut(String::new()))), None);
    }
}
