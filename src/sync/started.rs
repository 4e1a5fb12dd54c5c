//! Which streams have begun, and signs of life before they are read.

use std::collections::BTreeSet;

use tokio::time::sleep;

use super::context::Context;
use super::state::StreamState;
use crate::protocol::{Descriptor, Status};

/// The streams that have STARTED: each once, some of them while they are planned.
#[derive(Default)]
pub(super) struct Started(BTreeSet<Descriptor>);

impl Started {
    pub(super) fn start(&mut self, context: &Context, descriptor: &Descriptor) {
        if self.0.insert(descriptor.clone()) {
            context.emitter.status(descriptor, Status::Started);
        }
    }

    /// What `wait` gives. Finding out can take long: meanwhile STATEs of the stream, as it is, show that the run is alive.
    pub(super) async fn alive<T>(
        &mut self,
        context: &Context,
        descriptor: &Descriptor,
        state: &mut StreamState,
        wait: impl Future<Output = T>,
    ) -> T {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return done,
                () = sleep(context.client.timing().heartbeat) => {
                    self.start(context, descriptor);
                    context.emitter.state(descriptor, state.next_blob(), 0);
                }
            }
        }
    }

    /// A stream that is not read at all.
    pub(super) fn end_unread(&mut self, context: &Context, descriptor: &Descriptor) {
        self.start(context, descriptor);
        context.emitter.status(descriptor, Status::Incomplete);
    }
}
