//! A gate: the first call goes through alone. If Awin refuses what it asks for, the calls that wait behind it are not made.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::awin::{CallError, FailedCall};

/// What a call gives; nothing if a gate was shut.
pub type Passed<T> = Option<Result<T, Box<FailedCall>>>;

/// Cheap to clone; all clones are the same gate.
#[derive(Clone)]
pub struct Gate {
    is_open: Arc<Mutex<Option<bool>>>,
    shuts: fn(&CallError) -> bool,
}

impl Gate {
    /// In front of an account: shut if Awin refuses it.
    pub fn of_account() -> Self {
        Self { is_open: Arc::default(), shuts: |error| matches!(error, CallError::Refused { .. }) }
    }

    /// In front of a lane that Awin may not offer: shut if it says so.
    pub fn of_offer() -> Self {
        Self { is_open: Arc::default(), shuts: |error| matches!(error, CallError::BadRequest { status: 400, .. }) }
    }

    /// What `call` gives, when it is its turn.
    pub async fn pass<T>(&self, call: impl Future<Output = Passed<T>>) -> Passed<T> {
        let mut is_open = self.is_open.lock().await;
        match *is_open {
            Some(true) => {
                drop(is_open);
                call.await
            }
            Some(false) => None,
            None => {
                let result = call.await;
                let is_shut = matches!(&result, Some(Err(failed)) if (self.shuts)(&failed.error));
                *is_open = Some(!is_shut);
                result
            }
        }
    }
}
