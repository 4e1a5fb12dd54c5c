//! The HTTP client: sends a request when the quota lets it, tries again when that helps, gives the body in pieces.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, Url, redirect};
use serde_json::error::Category;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::error::text_of_body;
use super::quota::Quota;
use super::{CallError, FailedCall, Patience, Request, Verdict, verdict};
use crate::config::Secret;
use crate::protocol::Secrets;

/// Bytes of an error answer that are read.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Bytes of a body that are handed on at once: what is done with them is done while they are in the processor's cache.
const PIECE: usize = 64 * 1024;
/// Bytes of an answer that is read as a whole (account lists, programme lists).
const MAX_WHOLE_BODY: usize = 64 << 20;
/// Longest time that the bytes of one answer are waited for, all in all, in minutes.
const MAX_WAIT: u32 = 10;
/// Longest `Retry-After` that is believed, in minutes.
const MAX_RETRY_AFTER: u32 = 15;

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
}

/// What a client is made of.
pub struct Settings {
    /// Base of all calls.
    pub url: Url,
    /// The user's token.
    pub token: Secret,
    /// Calls per minute.
    pub quota: u32,
    /// Length of a minute. Every pause and time-out is in proportion to it, so that tests run fast.
    pub minute: Duration,
    /// Told what happens.
    pub observer: Arc<dyn Observer>,
}

/// Cheap to clone; all clones share connections and quota.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    http: reqwest::Client,
    url: Url,
    quota: Quota,
    minute: Duration,
    observer: Arc<dyn Observer>,
    secrets: Secrets,
}

impl Client {
    /// A client; connects to nothing yet. An error is a sentence on what is wrong with the machine (TLS roots, proxy).
    pub fn new(settings: Settings) -> Result<Self, String> {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", settings.token.expose()))
            .map_err(|_| "the token cannot be sent".to_owned())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let minute = settings.minute;
        let http = reqwest::Client::builder()
            .user_agent(concat!("source-awin/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .https_only(settings.url.scheme() == "https")
            // A redirect would carry the token to another host.
            .redirect(redirect::Policy::none())
            // One connection per request in flight: bodies wait their turn to be read, and on a shared connection one that
            // waits would hold up the one that is read.
            .http1_only()
            .connect_timeout(minute / 3)
            .read_timeout(minute * 2)
            .build()
            .map_err(|error| chain(&error))?;
        let mut secrets = Secrets::default();
        secrets.add(settings.token.expose());
        let quota = Quota::new(settings.quota, minute);
        Ok(Self(Arc::new(Shared { http, url: settings.url, quota, minute, observer: settings.observer, secrets })))
    }

    /// A call that is about to be made.
    pub fn call(&self, request: Request, patience: Patience) -> Call {
        Call { client: self.clone(), request, patience, failures: 0, throttled: None }
    }

    /// The whole answer to `request`, a complete JSON text; `null` for an empty one (204).
    pub async fn get(&self, request: Request, patience: Patience) -> Result<Box<RawValue>, FailedCall> {
        let mut call = self.call(request, patience);
        let mut body = call.open().await?;
        loop {
            match body.whole(&self.0.secrets).await {
                Ok(text) => return Ok(text),
                Err(error) => body = call.reopen(error).await?,
            }
        }
    }

    async fn send(&self, request: &Request) -> Result<Body, CallError> {
        let Shared { http, url, quota, minute, observer, secrets } = &*self.0;
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
        let address = format!("{}{}", url.as_str().trim_end_matches('/'), request.path);
        let response = http.get(address).query(&request.query).send().await.map_err(|error| failed(&error))?;
        match response.status().as_u16() {
            200 => Ok(Body { response: Some(response), rest: Bytes::new(), left: *minute * MAX_WAIT }),
            204 => Ok(Body { response: None, rest: Bytes::new(), left: *minute * MAX_WAIT }),
            status => {
                let retry_after = retry_after(response.headers()).map(|pause| pause.min(*minute * MAX_RETRY_AFTER));
                if status == 429 {
                    quota.block(retry_after);
                }
                let text = text_of_body(&beginning(response, *minute).await, secrets);
                Err(CallError::from_status(status, text, retry_after))
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
    /// Since when it is refused with 429.
    throttled: Option<Instant>,
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

    /// The request has brought something new before it broke: what failed before does not count any more.
    pub fn progressed(&mut self) {
        self.failures = 0;
    }

    async fn pause_after(&mut self, error: CallError) -> Result<(), FailedCall> {
        let throttled = if matches!(error, CallError::Throttled { .. }) {
            self.throttled.get_or_insert_with(Instant::now).elapsed()
        } else {
            self.throttled = None;
            self.failures += 1;
            Duration::ZERO
        };
        let Shared { minute, observer, .. } = &*self.client.0;
        match verdict(&error, self.failures, throttled, self.patience, *minute / 60, fastrand::f64()) {
            Verdict::GiveUp => Err(self.failed(error)),
            Verdict::Again(pause) => {
                observer.retries(&self.request, &error);
                tokio::time::sleep(pause).await;
                Ok(())
            }
        }
    }
}

/// An answer that has begun.
pub struct Body {
    /// `None` for 204, which has no body and means an empty list.
    response: Option<Response>,
    /// What has come in and was not asked for yet.
    rest: Bytes,
    /// How long it may still be waited for.
    left: Duration,
}

impl Body {
    /// Whether Awin answered 204.
    pub fn is_no_content(&self) -> bool {
        self.response.is_none()
    }

    /// The next piece, unzipped; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        while self.rest.is_empty() {
            let Some(response) = &mut self.response else { return Ok(None) };
            let before = Instant::now();
            let Ok(piece) = tokio::time::timeout(self.left, response.chunk()).await else {
                return Err(CallError::TimedOut(" while the answer came in by drops".into()));
            };
            self.left = self.left.saturating_sub(before.elapsed());
            match piece.map_err(|error| broken(&error))? {
                Some(piece) => self.rest = piece,
                None => return Ok(None),
            }
        }
        Ok(Some(self.rest.split_to(self.rest.len().min(PIECE))))
    }

    async fn whole(mut self, secrets: &Secrets) -> Result<Box<RawValue>, CallError> {
        if self.is_no_content() {
            return Ok(RawValue::NULL.to_owned());
        }
        let mut text = Vec::new();
        while let Some(piece) = self.chunk().await? {
            text.extend_from_slice(&piece);
            if text.len() > MAX_WHOLE_BODY {
                return Err(CallError::Shape(format!("it has more than {MAX_WHOLE_BODY} bytes")));
            }
        }
        serde_json::from_slice(&text).map_err(|error| match error.classify() {
            Category::Eof => CallError::Broken(format!("it ends after {} bytes", text.len())),
            _ => CallError::NotJson(text_of_body(&text, secrets)),
        })
    }
}

/// The first bytes of an error answer; what cannot be read within `time` is left out.
async fn beginning(mut response: Response, time: Duration) -> Vec<u8> {
    let mut text = Vec::new();
    let all = async {
        while let Ok(Some(piece)) = response.chunk().await {
            text.extend_from_slice(&piece);
            if text.len() > MAX_ERROR_BODY {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(time, all).await;
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

fn failed(error: &reqwest::Error) -> CallError {
    if error.is_timeout() { CallError::TimedOut(String::new()) } else { CallError::Network(chain(error)) }
}

fn broken(error: &reqwest::Error) -> CallError {
    if error.is_timeout() { CallError::TimedOut(" while the answer came in".into()) } else { CallError::Broken(chain(error)) }
}

/// The causes of an error, without the address.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() { "no details".to_owned() } else { text }
}

fn millis_from_now(pause: Duration) -> u64 {
    let then = (SystemTime::now() + pause).duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(then.as_millis()).unwrap_or(u64::MAX)
}
