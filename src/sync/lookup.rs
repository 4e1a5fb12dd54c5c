//! Reads an answer that a run wants to know something from, row by row, whatever its size.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::awin::{Body, CallError, Client, FailedCall, Patience, Request};
use crate::json::{Envelope, JsonError, Splitter, Step, value_end};

/// What stands around the rows of an answer: `body` is a wrapper that Awin's schema shows and recorded answers do not have.
/// `takes_null` if null stands for an empty list there.
pub(super) fn envelope(rows: &'static str, takes_null: bool) -> Envelope {
    Envelope { rows, wrapper: "body", members: &[TOTAL_ROWS, TOTAL_PAGES, TOTAL_OFFERS, NEXT_TOKEN], reason: "error", takes_null }
}

/// How many rows there are on all pages, where Awin pages.
pub(super) const TOTAL_ROWS: &str = "totalRowsAvailable";
/// The same, of offers.
pub(super) const TOTAL_OFFERS: &str = "pagination.total";
/// How many pages there are.
pub(super) const TOTAL_PAGES: &str = "totalPagesAvailable";

/// What the next page is asked for by, in lists that name it.
const NEXT_TOKEN: &str = "nextPageToken";

/// The name of the page after the answer that `splitter` has read; nothing if that was the last one or pages have no names.
pub(super) fn next_token(splitter: &Splitter) -> Option<String> {
    splitter.member(NEXT_TOKEN).filter(|token| !["", "null"].contains(token)).map(str::to_owned)
}

/// What became of the rows, and the answer itself, if it is small enough to be kept.
pub(super) struct Found<T> {
    pub(super) what: T,
    /// Whether there was an answer at all, and not a 204.
    pub(super) has_body: bool,
    pub(super) text: Option<Bytes>,
    /// What the next page is asked for by, if Awin names it.
    pub(super) next_token: Option<String>,
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
            Ok(found) => {
                if patience == Patience::Full {
                    // What planning waits for: a large token takes an hour of it before its first slice.
                    client.progressed();
                }
                return Ok(found);
            }
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
        return Ok(Found { what, has_body: false, text: Some(Bytes::from_static(b"[]")), next_token: None });
    }
    let mut text = Vec::new();
    let mut is_kept = true;
    let mut splitter = Splitter::new(envelope(key, false));
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
            let step = splitter.next(piece.is_none(), |row| {
                let end = value_end(row.text)?;
                add(&mut what, &row.text[..end]).map_err(|why| Box::new(JsonError::Shape(why)))?;
                Ok(end)
            });
            match step {
                Ok(Step::Row) => {}
                Ok(Step::End) if piece.is_none() => {
                    let next_token = next_token(&splitter);
                    return Ok(Found { what, has_body: true, text: is_kept.then(|| text.into()), next_token });
                }
                Ok(Step::More | Step::End) => break,
                Err(JsonError::Incomplete) => return Err(CallError::Broken("it ends in the middle".into())),
                Err(JsonError::Syntax { expected, .. }) => return Err(CallError::NotJson(format!("expected {expected}"))),
                Err(JsonError::Shape(what)) => return Err(CallError::Shape(what)),
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
