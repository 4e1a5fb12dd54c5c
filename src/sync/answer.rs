//! From an opened answer to RECORD lines: pages, halves of a window that keeps timing out, bodies that break off.

use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::checkpoint::Checkpoint;
use super::fetch::Opened;
use super::lookup::{TOTAL_OFFERS, TOTAL_PAGES, TOTAL_ROWS, envelope, next_token};
use super::object::{Beside, member, unwrapped, with_members};
use super::pages::{Pages, Shown, Turn, cut_off};
use super::records::RecordWriter;
use crate::awin::{Body, Call, CallError, Client, FailedCall, Patience};
use crate::config::Config;
use crate::json::{JsonError, RawRow, Splitter, Step, value_end};
use crate::protocol::{Closed, Emitter, Level};
use crate::streams::{Cut, Page, Rows, Slice, Source, Stream, Window};

/// Bytes of an answer that must be there as a whole before its rows can be read.
const MAX_WHOLE: usize = 8 << 20;

/// Why a slice was not read to its end.
pub(super) enum Interrupt {
    /// Nobody reads our output any more.
    Closed,
    /// A call failed for good.
    Call(Box<FailedCall>),
}

impl From<Closed> for Interrupt {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// What reads the answers of a stream.
pub(super) struct Answers<'r> {
    pub(super) stream: &'static Stream,
    pub(super) client: &'r Client,
    pub(super) config: &'r Config,
    pub(super) emitter: &'r Emitter,
    pub(super) records: RecordWriter,
    /// Whether earlier periods of the slice were refused, and whether that was said of any.
    pub(super) lacks: bool,
    pub(super) has_lacked: bool,
}

impl Answers<'_> {
    /// A call for `slice`, a part of the slice `whole` of the plan.
    pub(super) fn call(&self, slice: &Slice, whole: &Slice, page: &Page, is_doubtful: bool) -> Call {
        let patience = match halves(self.stream, slice) {
            _ if is_doubtful => Patience::Short,
            None => Patience::Full,
            Some(_) if slice == whole => Patience::Halvable,
            Some(_) => Patience::Half,
        };
        self.client.call(self.stream.endpoint.request(slice, page, self.config), patience)
    }

    /// Reads `slice`, in halves if it keeps timing out; `checkpoint` learns of each half that goes on where the last one ended.
    pub(super) async fn read(
        &mut self,
        slice: &Slice,
        opened: Opened,
        checkpoint: &mut Checkpoint<'_>,
        more_calls: impl Fn(u64),
    ) -> Result<(), Interrupt> {
        self.records.begin(slice);
        self.lacks = false;
        let mut opened = Some(opened);
        let mut parts = vec![slice.clone()];
        while let Some(part) = parts.pop() {
            match self.pages(&part, slice, opened.take(), checkpoint, &more_calls).await {
                // Of a window of the missing beginning only the whole extends what is covered.
                Ok(()) if !parts.is_empty() && checkpoint.extends(&part) => {
                    checkpoint.commit(&part, &self.records.unpaid);
                }
                Ok(()) => {}
                Err(Interrupt::Call(failed)) if matches!(failed.error, CallError::TimedOut(_)) => {
                    let Some([first, second]) = halves(self.stream, &part) else { return Err(Interrupt::Call(failed)) };
                    let text = format!("{} keeps timing out; asking for it in halves.", failed.request);
                    self.emitter.log(Level::Info, text);
                    more_calls(2);
                    parts.extend([part.with_window(second), part.with_window(first)]);
                }
                Err(interrupt) => return Err(interrupt),
            }
        }
        Ok(())
    }

    /// Reads all pages of `part`.
    async fn pages(
        &mut self,
        part: &Slice,
        whole: &Slice,
        mut opened: Option<Opened>,
        checkpoint: &mut Checkpoint<'_>,
        more_calls: &impl Fn(u64),
    ) -> Result<(), Interrupt> {
        let from = if let Cut::Rates(_, from) = part.cut { Some(from.naive_utc()) } else { None };
        let mut pages = Pages::new(self.stream.endpoint.paging, from);
        loop {
            let opened = if let Some(opened) = opened.take() {
                opened
            } else {
                let mut call = self.call(part, whole, &pages.page(), false);
                let body = checkpoint.alive(call.open()).await;
                body.map(|body| (call, body)).map_err(Box::new)
            };
            let (mut call, body) = match opened {
                Ok(opened) => opened,
                Err(failed) if pages.may_be_refused() && is_nothing(&failed.error) => return Ok(()),
                Err(failed) if pages.may_be_refused() && matches!(failed.error, CallError::BadRequest { .. }) => {
                    self.lacks_periods(&failed.error);
                    return Ok(());
                }
                Err(failed) => return Err(Interrupt::Call(failed)),
            };
            let shown = self.answer(part, &mut call, body, checkpoint).await?;
            match pages.turn(shown) {
                Turn::Page(_) => more_calls(1),
                Turn::End => return Ok(()),
                Turn::Cut => {
                    self.emitter.log(Level::Warn, cut_off(self.stream.name));
                    return Ok(());
                }
                Turn::Wrong(what) => return Err(Interrupt::Call(Box::new(call.failed(CallError::Shape(what))))),
            }
        }
    }

    /// Awin refuses to show an earlier period: said once, as it may do so for every programme.
    fn lacks_periods(&mut self, error: &CallError) {
        self.lacks = true;
        if !std::mem::replace(&mut self.has_lacked, true) {
            let name = self.stream.name;
            let text = format!(
                "Awin refuses earlier periods of `{name}` ({error}): rows of them are missing, perhaps of several programmes."
            );
            self.emitter.log(Level::Warn, text);
        }
    }

    /// Emits the rows of one answer; asks again if it breaks off. Gives what it showed.
    async fn answer(
        &mut self,
        part: &Slice,
        call: &mut Call,
        mut body: Body,
        checkpoint: &mut Checkpoint<'_>,
    ) -> Result<Shown, Interrupt> {
        loop {
            self.records.begin_answer();
            let mut rows = 0;
            let read: Result<Counts, CallError> = match self.stream.endpoint.rows {
                _ if body.is_no_content() => Ok(Counts::default()),
                Rows::List(key) => self.list(key, &mut body, &mut rows, checkpoint).await?,
                Rows::Within { key, own } => match self.whole(&mut body, checkpoint).await {
                    Ok(text) => self.within(part, &text, key, own).await?.map(|()| Counts::default()),
                    Err(error) => Err(error),
                },
                Rows::One(proof) => {
                    let text = self.whole(&mut body, checkpoint).await;
                    text.and_then(|text| self.one(part, &text, proof)).map(|()| Counts::default())
                }
            };
            let read = read.and_then(|counts| self.records.end_answer().map_err(CallError::Shape).map(|()| counts));
            let error = match read {
                Ok(Counts { all_rows, all_pages, next_token }) => {
                    return Ok(Shown { rows, all_rows, all_pages, next_token, ..self.records.shown() });
                }
                Err(error) => error,
            };
            let reopened = checkpoint.alive(call.reopen(error)).await;
            body = reopened.map_err(|failed| Interrupt::Call(Box::new(failed)))?;
        }
    }

    /// Emits the rows of a list as it comes in, and counts them.
    async fn list(
        &mut self,
        key: &'static str,
        body: &mut Body,
        rows: &mut u64,
        checkpoint: &mut Checkpoint<'_>,
    ) -> Result<Result<Counts, CallError>, Closed> {
        // A table that is replaced is empty only if Awin says so in as many words.
        let mut splitter = Splitter::new(envelope(key, self.stream.is_incremental()));
        loop {
            let piece = match checkpoint.alive(body.chunk()).await {
                Ok(piece) => piece,
                Err(error) => return Ok(Err(error)),
            };
            let ended = piece.is_none();
            if let Some(piece) = piece {
                splitter.feed(&piece);
            }
            loop {
                match self.emitter.write_with(|lines| self.records.next(&mut splitter, ended, lines)) {
                    Ok(Step::Row) => {
                        *rows += 1;
                        self.hand_over(body).await?;
                    }
                    Ok(Step::End) if ended => {
                        let number = |name| splitter.member(name).and_then(|text| text.parse().ok());
                        let all_rows = number(TOTAL_ROWS).or(number(TOTAL_OFFERS));
                        let (all_pages, next_token) = (number(TOTAL_PAGES), next_token(&splitter));
                        return Ok(Ok(Counts { all_rows, all_pages, next_token }));
                    }
                    // After the end, the rest of the body, white space at most, must still come in whole.
                    Ok(Step::More | Step::End) => break,
                    Err(JsonError::Incomplete) => {
                        return Ok(Err(CallError::Broken(format!("it ends in the middle, after {rows} rows"))));
                    }
                    Err(JsonError::Syntax { expected, .. }) => {
                        let near = self.emitter.redacted_excerpt(&splitter.near(), 80);
                        return Ok(Err(CallError::NotJson(format!("expected {expected} in {near:?}"))));
                    }
                    Err(JsonError::Shape(what)) => return Ok(Err(CallError::Shape(what))),
                }
            }
        }
    }

    /// Hands the lines over if they are worth it. While the reader of our output is slow, no clock of Awin's runs.
    async fn hand_over(&self, body: &mut Body) -> Result<(), Closed> {
        if !self.emitter.is_full() {
            return Ok(());
        }
        let began = Instant::now();
        self.emitter.flush().await?;
        let took = began.elapsed();
        if !took.is_zero() {
            body.reader_took(took);
            self.client.reader_took(took);
        }
        Ok(())
    }

    /// All of a body, a complete JSON text.
    async fn whole(&self, body: &mut Body, checkpoint: &mut Checkpoint<'_>) -> Result<Vec<u8>, CallError> {
        let mut text = Vec::new();
        while let Some(piece) = checkpoint.alive(body.chunk()).await? {
            text.extend_from_slice(&piece);
            if text.len() > MAX_WHOLE {
                return Err(CallError::Shape(format!("the answer has more than {MAX_WHOLE} bytes")));
            }
        }
        match serde_json::from_slice::<IgnoredAny>(&text) {
            Ok(_) => Ok(text),
            Err(error) if error.is_eof() => Err(CallError::Broken(format!("it ends after {} bytes", text.len()))),
            Err(_) => Err(CallError::NotJson(self.client.words_of(&text))),
        }
    }

    /// Emits the rows of a list within an object, each with the members beside the list.
    async fn within(
        &mut self,
        part: &Slice,
        text: &[u8],
        key: &'static str,
        own: &[&str],
    ) -> Result<Result<(), CallError>, Closed> {
        let object = unwrapped(text).and_then(|text| Beside::of(text, key));
        let object = match object {
            Ok(object) => object,
            Err(error) => return Ok(Err(error)),
        };
        let Some(rows) = object.rows.filter(|rows| rows.get().starts_with('[')) else {
            return Ok(Err(CallError::Shape(format!("the answer has no list `{key}`"))));
        };
        let mut beside = asked(part);
        beside.extend(object.members.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned());
        let mut splitter = Splitter::new(envelope("", false));
        splitter.feed(rows.get().as_bytes());
        loop {
            let step = splitter.next(true, |row| {
                let end = value_end(row.text)?;
                let text = with_members(&row.text[..end], &beside);
                let left_out: Vec<usize> = row.left_out.iter().map(|at| at + text.len() - end).collect();
                let row = RawRow { text: &text, left_out: &left_out };
                self.emitter.write_with(|lines| self.records.write(row, lines)).map(|_| end).map_err(Box::new)
            });
            match step {
                Ok(Step::Row) => self.emitter.flush_if_full().await?,
                Ok(Step::End | Step::More) => return Ok(Ok(())),
                Err(JsonError::Shape(what)) => return Ok(Err(CallError::Shape(what))),
                Err(JsonError::Incomplete | JsonError::Syntax { .. }) => {
                    return Ok(Err(CallError::Shape("a row cannot be read".into())));
                }
            }
        }
    }

    /// Emits the one row that the answer is.
    fn one(&mut self, part: &Slice, text: &[u8], proof: &'static str) -> Result<(), CallError> {
        let text = unwrapped(text)?;
        if !member(text, proof)?.is_some_and(|proof| proof.get().starts_with('{')) {
            return Err(CallError::Shape(format!("the answer has no `{proof}`")));
        }
        let row = with_members(text.get().as_bytes(), &asked(part));
        let written = self.emitter.write_with(|lines| self.records.write(row[..].into(), lines));
        written.map(|_| ()).map_err(|_| CallError::Shape("the answer cannot be read".into()))
    }
}

/// Whether the error means that there is nothing of what was asked for.
fn is_nothing(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status: 404, .. })
}

/// What an answer says of the rows of all pages, and of the next one.
#[derive(Debug, Default)]
struct Counts {
    all_rows: Option<u64>,
    all_pages: Option<u64>,
    next_token: Option<String>,
}

/// Two halves of a slice that can be halved: a window of events, down to an hour; a day of a report cannot.
fn halves(stream: &Stream, slice: &Slice) -> Option<[Window; 2]> {
    matches!(stream.source, Source::Events(_)).then(|| slice.window()?.halves()).flatten()
}

/// The programme that was asked for, as a member of its rows.
fn asked(part: &Slice) -> Vec<(String, String)> {
    match part.cut {
        Cut::Programme(id) | Cut::Rates(id, _) => vec![("advertiserId".to_owned(), id.to_string())],
        Cut::Window(_) | Cut::Any(_) | Cut::Days(..) | Cut::Payment(_) | Cut::Whole => Vec::new(),
    }
}
