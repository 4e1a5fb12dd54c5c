//! Reads an answer that a run wants to know something from, row by row, whatever its size.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::awin::{Body, CallError, Client, FailedCall, Patience, Request};
use crate::row::{Splitter, Step, Stop, value_end};

/// What became of the rows, and the answer itself, if it is small enough to be kept.
pub(super) struct Found<T> {
    pub(super) what: T,
    pub(super) text: Option<Bytes>,
}

/// Adds each row of the list under `key` (or a bare one) to a `T`. `keep` is the size up to which the answer is kept.
pub(super) async fn rows<T: Default>(
    client: &Client,
    request: Request,
    key: &'static str,
    patience: Patience,
    keep: usize,
    add: impl Fn(&mut T, &[u8]) -> Result<(), String>,
) -> Result<Found<T>, FailedCall> {
    let mut call = client.call(request, patience);
    let mut body = call.open().await?;
    loop {
        match read(&mut body, key, keep, &add).await {
            Ok(found) => return Ok(found),
            Err(error) => body = call.reopen(error).await?,
        }
    }
}

async fn read<T: Default>(
    body: &mut Body,
    key: &'static str,
    keep: usize,
    add: &impl Fn(&mut T, &[u8]) -> Result<(), String>,
) -> Result<Found<T>, CallError> {
    let mut what = T::default();
    if body.is_no_content() {
        return Ok(Found { what, text: Some(Bytes::from_static(b"[]")) });
    }
    let mut text = Vec::new();
    let mut is_kept = true;
    let mut splitter = Splitter::new(key);
    loop {
        let piece = body.chunk().await?;
        if let Some(piece) = &piece {
            splitter.feed(piece);
            is_kept &= text.len() + piece.len() <= keep;
            if is_kept {
                text.extend_from_slice(piece);
            } else {
                text = Vec::new();
            }
        }
        loop {
            let step = splitter.next(piece.is_none(), |b| {
                let end = value_end(b)?;
                add(&mut what, &b[..end]).map_err(|why| Box::new(Stop::Shape(why)))?;
                Ok(end)
            });
            match step {
                Ok(Step::Row) => {}
                Ok(Step::End) if piece.is_none() => return Ok(Found { what, text: is_kept.then(|| text.into()) }),
                Ok(Step::More | Step::End) => break,
                Err(Stop::Incomplete) => return Err(CallError::Broken("it ends in the middle".into())),
                Err(Stop::Syntax { expected, .. }) => return Err(CallError::NotJson(format!("expected {expected}"))),
                Err(Stop::Shape(what)) => return Err(CallError::Shape(what)),
            }
        }
    }
}

/// A number, also where it is written as text.
pub(super) fn number(value: Option<&RawValue>) -> Option<u64> {
    value?.get().trim_matches('"').trim().parse().ok()
}

/// A text.
pub(super) fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}
