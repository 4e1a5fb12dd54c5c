//! Sends one request and gives the answer as it comes in. HTTP in earnest; tests put a sandbox in its place.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Url, redirect};

use super::{CallError, Request, Timing};
use crate::config::Secret;

/// An answer that has begun.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body in pieces, unzipped.
    pub body: BoxStream<'static, Result<Bytes, CallError>>,
}

/// What answers requests.
pub trait Transport: Send + Sync {
    /// Sends `request` once.
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Answer, CallError>>;
}

/// HTTP/1.1 with the token in a header.
pub struct Http {
    client: reqwest::Client,
    base: String,
}

impl Http {
    /// Connects to nothing yet. An error is a sentence on what is wrong with the machine (TLS roots, proxy).
    pub fn new(url: &Url, token: &Secret, timing: Timing) -> Result<Self, String> {
        // Fails only if a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| "the token cannot be sent".to_owned())?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let is_https = url.scheme() == "https";
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("source-awin/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .https_only(is_https)
            // A redirect would carry the token to another host.
            .redirect(redirect::Policy::none())
            // One connection per request in flight: bodies wait their turn to be read, and on a shared connection one that
            // waits would hold up the one that is read.
            .http1_only()
            .connect_timeout(timing.connect);
        if !is_https {
            // Plain HTTP goes to this machine alone; a proxy would see the token.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| chain(&error))?;
        Ok(Self { client, base: url.as_str().trim_end_matches('/').to_owned() })
    }
}

impl Transport for Http {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Answer, CallError>> {
        Box::pin(async move {
            let address = format!("{}{}", self.base, request.path);
            let call = match &request.body {
                None => self.client.get(address),
                Some(body) => self.client.post(address).header(CONTENT_TYPE, "application/json").body(body.clone()),
            };
            let sent = call.query(&request.query).send().await;
            let mut response = sent.map_err(|error| {
                // Half a window is answered sooner; a connection that does not come about does not come about for half of one.
                if error.is_timeout() && !error.is_connect() {
                    CallError::TimedOut(String::new())
                } else {
                    CallError::Network(chain(&error))
                }
            })?;
            let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
            let body = stream::unfold(response, async |mut response| {
                let piece = response.chunk().await.map_err(|error| CallError::Broken(chain(&error))).transpose()?;
                Some((piece, response))
            });
            Ok(Answer { status, headers, body: body.boxed() })
        })
    }
}

/// The causes of an error, without the address.
fn chain(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    if texts.is_empty() { "no details".to_owned() } else { texts.join(": ") }
}
