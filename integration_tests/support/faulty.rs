//! The sandbox as a transport of the test's own process, without sockets, and what goes wrong on the way to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use awin_sandbox::World;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use reqwest::header::HeaderMap;
use source_awin::awin::{Answer, CallError, Request, Transport};

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// This status and Awin's envelope of errors.
    Status(u16),
    /// 204.
    NoContent,
    /// 200 and a page.
    Html,
    /// 200 and nothing.
    Empty,
    /// 200 and this body.
    Body(&'static str),
    /// The first half of the true answer, then the connection is lost.
    Cut,
    /// The first half of the true answer, as if it were all.
    Half,
    /// The first half of the true answer, and then nothing more.
    Stalled,
    /// The true answer, but white space without an end where it should end.
    Endless,
    /// The true answer after half a minute.
    Slow,
    /// The true answer in 50 pieces, a second between them.
    Drip,
    /// No answer, ever.
    Hang,
    /// The connection is lost before the answer begins.
    Reset,
}

impl Wrong {
    /// Whether the answer begins before it goes wrong, so that it matters which of several calls is struck.
    pub fn breaks_the_body(self) -> bool {
        matches!(
            self,
            Self::NoContent
                | Self::Html
                | Self::Empty
                | Self::Body(_)
                | Self::Cut
                | Self::Half
                | Self::Stalled
                | Self::Endless
                | Self::Drip
        )
    }
}

/// Decides what goes wrong with a request; the number counts all requests from 0.
pub type Plan = Box<dyn Fn(&Request, u64) -> Option<Wrong> + Send + Sync>;

/// Answers as the sandbox does, but for what `plan` says.
pub struct Faulty {
    pub world: Arc<Mutex<World>>,
    pub plan: Plan,
    pub calls: AtomicU64,
}

impl Faulty {
    pub fn new(world: Arc<Mutex<World>>, plan: Plan) -> Self {
        Self { world, plan, calls: AtomicU64::new(0) }
    }
}

impl Transport for Faulty {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Answer, CallError>> {
        async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let number = self.calls.fetch_add(1, Ordering::Relaxed);
            let query: Vec<(String, String)> =
                request.query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let posted = request.body.as_deref();
            let (status, text) =
                self.world.lock().unwrap_or_else(PoisonError::into_inner).answer(&request.path, &query, posted, number);
            let wrong = (self.plan)(request, number);
            let (status, body) = match wrong {
                None => (status, whole(text)),
                Some(Wrong::Status(status)) => {
                    (status, whole(r#"{"error":"exception","description":"Something went wrong"}"#.to_owned()))
                }
                Some(Wrong::NoContent) => (204, whole(String::new())),
                Some(Wrong::Html) => (200, whole("<!DOCTYPE html><html><body>A proxy's page</body></html>".to_owned())),
                Some(Wrong::Empty) => (200, whole(String::new())),
                Some(Wrong::Body(text)) => (200, whole(text.to_owned())),
                Some(Wrong::Cut) => {
                    let lost = stream::iter([Err(CallError::Broken("the connection was lost".to_owned()))]);
                    (status, whole(half(&text)).chain(lost).boxed())
                }
                Some(Wrong::Half) => (status, whole(half(&text))),
                Some(Wrong::Stalled) => (status, whole(half(&text)).chain(stream::pending()).boxed()),
                Some(Wrong::Endless) => (status, endless(text)),
                Some(Wrong::Slow) => {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                    (status, whole(text))
                }
                Some(Wrong::Drip) => (status, drips(text)),
                Some(Wrong::Hang) => std::future::pending().await,
                Some(Wrong::Reset) => return Err(CallError::Network("the connection was reset".to_owned())),
            };
            Ok(Answer { status, headers: HeaderMap::default(), body })
        }
        .boxed()
    }
}

type Pieces = BoxStream<'static, Result<Bytes, CallError>>;

fn whole(text: String) -> Pieces {
    stream::iter([Ok(Bytes::from(text))]).boxed()
}

fn half(text: &str) -> String {
    text.chars().take(text.chars().count() / 2).collect()
}

fn repeated(text: String, pause: Duration) -> impl futures_util::Stream<Item = Result<Bytes, CallError>> + Send {
    stream::repeat(Bytes::from(text)).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(piece)
    })
}

/// All of `text` but its last closing bracket, and white space.
fn endless(mut text: String) -> Pieces {
    text.pop();
    whole(text).chain(repeated(" ".repeat(1000), Duration::from_secs(1))).boxed()
}

fn drips(text: String) -> Pieces {
    let bytes = Bytes::from(text);
    let size = bytes.len().div_ceil(50).max(1);
    let count = bytes.len().div_ceil(size);
    stream::iter(0..count)
        .then(move |number| {
            let piece = bytes.slice(number * size..((number + 1) * size).min(bytes.len()));
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(piece)
            }
        })
        .boxed()
}
