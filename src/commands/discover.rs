//! `discover`: the streams and their schemas. They are the same for every account, so nothing is asked of Awin.

use std::path::Path;

use super::files;
use crate::protocol::{Emitter, Failure, Message};
use crate::streams;

/// Emits the catalog, if the configuration is one.
pub fn discover(config: &Path, emitter: &Emitter) -> Result<(), Failure> {
    files::config(config, emitter)?;
    emitter.message(&Message::Catalog { catalog: streams::discover() });
    Ok(())
}
