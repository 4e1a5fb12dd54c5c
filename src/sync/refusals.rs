//! Calls that failed for good: what the list of accounts says of the account, and the warning where it is left out.

use super::context::Context;
use super::directory::Directory;
use super::explain::{self, Failed, Standing, Subject};
use crate::awin::{Api, CallError, FailedCall};
use crate::protocol::Level;
use crate::streams::{Partition, Stream};

/// A call that failed for good, with what the list of accounts says of an account that refuses.
pub(super) async fn refusal(
    directory: &mut Directory,
    stream: &Stream,
    subject: Subject,
    partition: Partition,
    call: FailedCall,
) -> Failed {
    let standing = match partition.account {
        Some(account) if matches!(call.error, CallError::Refused { .. }) => directory.standing(account).await,
        Some(account) => directory.known(account),
        None => Standing::Unknown,
    };
    // The regions of an account and the programmes that it has joined are no question of roles.
    let role = stream.endpoint.role.filter(|_| call.request.api() == Api::Newer);
    Failed { subject, partition, call, standing, role }
}

/// Says that a found account which gives no data is left out.
pub(super) fn skip(context: &Context, directory: &mut Directory, stream: &Stream, failed: &Failed) {
    let is_first = failed.partition.account.is_some_and(|account| directory.is_first_refusal(account));
    context.emitter.log(if is_first { Level::Warn } else { Level::Info }, explain::skipped(stream.name, failed));
}
