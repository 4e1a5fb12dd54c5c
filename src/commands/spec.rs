//! `spec`: what the configuration looks like.

use crate::config;
use crate::protocol::{Emitter, Message};

/// Emits the specification.
pub fn spec(emitter: &Emitter) {
    emitter.message(&Message::Spec { spec: config::spec().clone() });
}
