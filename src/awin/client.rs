//! The client: sends a request when the quota lets it, tries again when that helps, gives the body in pieces.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::{Instant, timeout};

use super::error::text_of_body;
use super::notice::notice;
use super::quota::Quota;
use super::rate::rate;
use super::retry::{Verdict, verdict};
use super::{Answer, Api, CallError, FailedCall, Notice, Patience, Request, Timing, Transport};
use crate::protocol::Secrets;

/// Bytes of an error answer that are read.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Bytes of a body that are handed on at once: what is done with them is done while they are in the processor's cache.
const PIECE: usize = 64 * 1024;

/// Told what the client does, while it does it.
pub trait Observer: Send + Sync {
    /// A request is sent.
    fn calls(&self, request: &Request);
    /// The next request waits for the quota until `until` (milliseconds since the epoch).
    fn waits(&self, until: u64);
    /// The wait is over.
    fn resumes(&self);
    /// `request` failed and is tried again after a pause.
    fn retries(&self, request: &Request, error: &CallError);
    /// The answer to `request` announces the end of its address.
    fn retires(&self, request: &Request, notice: Notice);
}

/// What a client is made of.
pub struct Settings {
    /// Answers the requests.
    pub transport: Arc<dyn Transport>,
    /// Texts that no error may show.
    pub secrets: Secrets,
    /// Calls per minute, of each API. Whether Awin counts the two together is not documented.
    pub quota: u32,
    /// Time-outs and pauses.
    pub timing: Timing,
    /// Told what happens.
    pub observer: Arc<dyn Observer>,
}

/// Cheap to clone; all clones share connections, quotas and patience.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    transport: Arc<dyn Transport>,
    secrets: Secrets,
    legacy: Quota,
    newer: Quota,
    timing: Timing,
    observer: Arc<dyn Observer>,
    /// When an answer was last committed, plus the time spent waiting for our reader.
    last_progress: Mutex<Instant>,
}

impl Client {
    /// A client; connects to nothing yet.
    pub fn new(settings: Settings) -> Self {
        let Settings { transport, secrets, quota, timing, observer } = settings;
        let [legacy, newer] = [(); 2].map(|()| Quota::new(quota, timing.minute));
        Self(Arc::new(Shared { transport, secrets, legacy, newer, timing, observer, last_progress: Mutex::new(Instant::now()) }))
    }

    /// Time-outs and pauses.
    pub fn timing(&self) -> Timing {
        self.0.timing
    }

    /// A call that is about to be made.
    pub fn call(&self, request: Request, patience: Patience) -> Call {
        Call { client: self.clone(), request, patience, failures: 0 }
    }

    /// What an answer says that is not as it should be, as far as it is worth showing.
    pub fn words_of(&self, body: &[u8]) -> String {
        text_of_body(body, &self.0.secrets)
    }

    /// An answer has been committed: the run's patience starts anew.
    pub fn progressed(&self) {
        *self.last_progress() = Instant::now();
    }

    /// For so long we have waited for the reader of our output, not for Awin.
    pub fn reader_took(&self, time: Duration) {
        *self.last_progress() += time;
    }

    fn last_progress(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.0.last_progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, request: &Request) -> Result<Body, CallError> {
        let Shared { transport, legacy, newer, timing, observer, secrets, .. } = &*self.0;
        let quota = match request.api() {
            Api::Legacy => legacy,
            Api::Newer => newer,
        };
        let mut waited = false;
        quota
            .acquire(|pause| {
                waited = true;
                observer.waits(millis_from_now(pause));
            })
            .await;
        if waited {
            observer.resumes();
        }
        observer.calls(request);
        let answer = timeout(timing.silence, transport.send(request)).await;
        let Answer { status, headers, body } = answer.map_err(|_| CallError::TimedOut(String::new()))??;
        if let Some(notice) = notice(&headers) {
            observer.retires(request, notice);
        }
        if let Some(rate) = rate(&headers) {
            quota.heed(rate.limit, rate.pause);
        }
        match status {
            200 => Ok(Body::new(body, *timing)),
            204 => match request.api() {
                Api::Legacy => Ok(Body::no_content(*timing)),
                // It is documented to say with an empty list that there is nothing.
                Api::Newer => Err(CallError::Broken("it has no content".into())),
            },
            status => {
                let retry_after = retry_after(&headers).map(|pause| pause.min(timing.retry_after));
                if status == 429 {
                    quota.block(retry_after.or(timing.after_429));
                }
                let text = text_of_body(&beginning(Body::new(body, *timing)).await, secrets);
                Err(CallError::from_status(status, text))
            }
        }
    }
}

/// One request and its tries.
pub struct Call {
    client: Client,
    request: Request,
    patience: Patience,
    failures: u32,
}

impl Call {
    /// This call, as failed for good with `error`.
    pub fn failed(&self, error: CallError) -> FailedCall {
        FailedCall { request: self.request.clone(), error }
    }

    /// Sends the request, as often as it takes, until an answer begins.
    pub async fn open(&mut self) -> Result<Body, FailedCall> {
        loop {
            match self.client.send(&self.request).await {
                Ok(body) => return Ok(body),
                Err(error) => self.pause_after(error).await?,
            }
        }
    }

    /// The body broke with `error`: sends the request again if that helps, else gives the error back.
    pub async fn reopen(&mut self, error: CallError) -> Result<Body, FailedCall> {
        self.pause_after(error).await?;
        self.open().await
    }

    async fn pause_after(&mut self, error: CallError) -> Result<(), FailedCall> {
        // Being throttled is not a failure of the request.
        self.failures += u32::from(!matches!(error, CallError::Throttled));
        let Shared { timing, observer, .. } = &*self.client.0;
        let idle = self.client.last_progress().elapsed();
        match verdict(&error, self.failures, idle, self.patience, timing, fastrand::f64()) {
            Verdict::GiveUp => Err(self.failed(error)),
            Verdict::Again(pause) => {
                observer.retries(&self.request, &error);
                tokio::time::sleep(pause).await;
                Ok(())
            }
        }
    }
}

/// The body of an answer that has begun. It waits unread, without a clock, until the first piece is asked for.
pub struct Body {
    /// `None` for 204, which has no body and means an empty list.
    pieces: Option<BoxStream<'static, Result<Bytes, CallError>>>,
    /// What has come in and was not asked for yet.
    rest: Bytes,
    timing: Timing,
    deadline: Option<Instant>,
}

impl Body {
    fn new(pieces: BoxStream<'static, Result<Bytes, CallError>>, timing: Timing) -> Self {
        Self { pieces: Some(pieces), rest: Bytes::new(), timing, deadline: None }
    }

    fn no_content(timing: Timing) -> Self {
        Self { pieces: None, rest: Bytes::new(), timing, deadline: None }
    }

    /// The body of an answer that was kept.
    pub fn kept(text: Bytes) -> Self {
        Self::new(stream::iter([Ok(text)]).boxed(), Timing::default())
    }

    /// Whether Awin answered 204.
    pub fn is_no_content(&self) -> bool {
        self.pieces.is_none()
    }

    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.timing.answer);
        while self.rest.is_empty() {
            let Some(pieces) = &mut self.pieces else { return Ok(None) };
            let left = deadline.saturating_duration_since(Instant::now());
            // Asked for at least once: what has come in already is not late.
            let Ok(piece) = timeout(self.timing.silence.min(left), pieces.next()).await else {
                let how =
                    if left < self.timing.silence { " while the answer came in by drops" } else { " while the answer came in" };
                return Err(CallError::TimedOut(how.into()));
            };
            match piece.transpose()? {
                Some(piece) => self.rest = piece,
                None => return Ok(None),
            }
            if left.is_zero() {
                return Err(CallError::TimedOut(" because the answer has no end".into()));
            }
        }
        Ok(Some(self.rest.split_to(self.rest.len().min(PIECE))))
    }

    /// For so long we have waited for the reader of our output, not for Awin.
    pub fn reader_took(&mut self, time: Duration) {
        self.deadline = self.deadline.map(|deadline| deadline + time);
    }
}

/// The first bytes of an error answer; what cannot be read is left out.
async fn beginning(mut body: Body) -> Vec<u8> {
    let mut text = Vec::new();
    body.deadline = Some(Instant::now() + body.timing.silence / 2);
    while let Ok(Some(piece)) = body.chunk().await {
        text.extend_from_slice(&piece);
        if text.len() > MAX_ERROR_BODY {
            break;
        }
    }
    text
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default()),
    }
}

fn millis_from_now(pause: Duration) -> u64 {
    let then = (SystemTime::now() + pause).duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(then.as_millis()).unwrap_or(u64::MAX)
}
