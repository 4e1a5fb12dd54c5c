//! A gate per account: its first call goes alone. If Awin refuses it, the calls that wait behind it are not made.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::awin::{CallError, FailedCall};

/// Cheap to clone; all clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<Option<bool>>>);

impl Gate {
    /// What `call` gives; nothing if the account was refused before.
    pub async fn pass<T>(&self, call: impl Future<Output = Result<T, Box<FailedCall>>>) -> Option<Result<T, Box<FailedCall>>> {
        let mut is_open = self.0.lock().await;
        match *is_open {
            Some(true) => {
                drop(is_open);
                Some(call.await)
            }
            Some(false) => None,
            None => {
                let result = call.await;
                let refused = result.as_ref().is_err_and(|failed| matches!(failed.error, CallError::Refused { .. }));
                *is_open = Some(!refused);
                Some(result)
            }
        }
    }
}
