//! What all streams of a run share: plain data.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::progress::Progress;
use crate::awin::Client;
use crate::config::Config;
use crate::protocol::Emitter;
use crate::streams::{AccountId, Moment};

/// All that a run is made of.
pub struct Context {
    /// Writes the messages.
    pub emitter: Emitter,
    /// Makes the calls.
    pub client: Client,
    /// What is said along the way.
    pub progress: Arc<Progress>,
    /// The configuration.
    pub config: Config,
    /// The moment up to which the run reads: when it began, rounded up to the full second.
    pub now: Moment,
    /// When that is. No request whose window ends at `now` is sent before, so that no window ends in the future.
    pub reached: Instant,
    /// Accounts of which the run has lost patience: in later streams they get a few tries only.
    pub unreachable: Mutex<BTreeSet<AccountId>>,
}

impl Context {
    /// Whether the run has lost patience with `account`.
    pub(super) fn is_unreachable(&self, account: Option<AccountId>) -> bool {
        let unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        account.is_some_and(|account| unreachable.contains(&account))
    }

    /// The run has lost patience with `account`.
    pub(super) fn note_unreachable(&self, account: Option<AccountId>) {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).extend(account);
    }
}
