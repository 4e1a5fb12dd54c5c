//! From slices to opened answers: several requests under way at once, handed out in the order of the plan.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::outcome::{Blast, condemns};
use crate::awin::{Body, Call, FailedCall, IN_FLIGHT};
use crate::streams::{AccountId, Slice};

/// An answer that has begun.
pub(super) type Opened = Result<(Call, Body), Box<FailedCall>>;

/// Where a slice's answer comes from.
pub(super) enum Origin {
    /// A call, not before the given moment.
    Call(Call, Option<Instant>),
    /// It is here already.
    Kept(Call, Box<Body>),
}

/// The answers that are under way, in the order of the plan.
#[derive(Default)]
pub(super) struct Fetch {
    /// Dropping a task aborts it: it must not use up the quota.
    under_way: VecDeque<(Slice, AbortOnDropHandle<Option<Opened>>)>,
    of_accounts: BTreeMap<AccountId, Breaker>,
    of_lanes: BTreeMap<(AccountId, &'static str), Breaker>,
}

impl Fetch {
    /// Whether another request can be under way.
    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < IN_FLIGHT
    }

    /// Gets the answer of `slice` under way.
    pub(super) fn start(&mut self, slice: Slice, origin: Origin) {
        let (call, due) = match origin {
            Origin::Kept(call, body) => {
                self.under_way.push_back((slice, AbortOnDropHandle::new(tokio::spawn(async { Some(Ok((call, *body))) }))));
                return;
            }
            Origin::Call(call, due) => (call, due),
        };
        let probe = slice.partition.account.map(|account| self.of_accounts.entry(account).or_default().clone());
        let is_optional = slice.lane.is_optional();
        let of_lane = slice.partition.account.filter(|_| is_optional);
        let lane_probe = of_lane.map(|account| self.of_lanes.entry((account, slice.lane.name)).or_default().clone());
        let asked = slice.clone();
        let opened = async move {
            if let Some(due) = due {
                sleep_until(due).await;
            }
            let is_shut = |blasts: &'static [Blast]| {
                let asked = &asked;
                move |failed: &FailedCall| blasts.contains(&condemns(&failed.error, asked)) && !is_transient(failed)
            };
            let call = async { Some(open(call).await) };
            let call = async {
                match probe {
                    Some(probe) => probe.pass(call, is_shut(&[Blast::Account, Blast::AccountOrRun])).await,
                    None => call.await,
                }
            };
            match lane_probe {
                Some(probe) => probe.pass(call, is_shut(&[Blast::Lane])).await,
                None => call.await,
            }
        };
        self.under_way.push_back((slice, AbortOnDropHandle::new(tokio::spawn(opened))));
    }

    /// The first slice under way with its answer; no answer if a probe found that there is none. Nothing is lost if this is
    /// dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<(Slice, Option<Opened>)> {
        let (_, task) = self.under_way.front_mut()?;
        let opened = task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        self.under_way.pop_front().map(|(slice, _)| (slice, opened))
    }
}

fn is_transient(failed: &FailedCall) -> bool {
    failed.error.failure_kind() == crate::protocol::FailureKind::Transient
}

async fn open(mut call: Call) -> Opened {
    match call.open().await {
        Ok(body) => Ok((call, body)),
        Err(failed) => Err(Box::new(failed)),
    }
}

/// A half-open circuit breaker: the first call goes through alone. If it is refused, those that wait for it are not made.
#[derive(Clone, Default)]
struct Breaker(Arc<Mutex<Option<bool>>>);

impl Breaker {
    /// What `call` gives, when it is its turn; nothing if an earlier one failed in a way that `shuts`.
    async fn pass(&self, call: impl Future<Output = Option<Opened>>, shuts: impl FnOnce(&FailedCall) -> bool) -> Option<Opened> {
        let mut is_open = self.0.lock().await;
        match *is_open {
            Some(true) => {
                drop(is_open);
                call.await
            }
            Some(false) => None,
            None => {
                let opened = call.await;
                let is_shut = matches!(&opened, Some(Err(failed)) if shuts(failed));
                *is_open = Some(!is_shut);
                opened
            }
        }
    }
}
