//! What is sent back.

use bytes::Bytes;
use serde_json::json;

/// A status and a body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Beside those that follow from the body.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// A body.
pub(crate) enum Body {
    Json(String),
    Html(String),
    Empty,
    /// Blocks of JSON, sent as they are made.
    Stream(Blocks),
}

pub(crate) type Blocks = Box<dyn Iterator<Item = Bytes> + Send>;

impl Reply {
    fn with(status: u16, body: Body) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn json(body: String) -> Self {
        Self::with(200, Body::Json(body))
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::with(status, Body::Empty)
    }

    pub(crate) fn stream(blocks: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self::with(200, Body::Stream(Box::new(blocks)))
    }

    /// The same reply with another header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A page as a proxy writes it.
    pub(crate) fn html(status: u16) -> Self {
        let page = format!("<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n");
        Self::with(status, Body::Html(page))
    }

    /// The envelope of errors.
    pub(crate) fn error(status: u16, error: &str, description: &str) -> Self {
        let body = json!({"error": error, "description": description});
        Self::with(status, Body::Json(body.to_string()))
    }

    pub(crate) fn bad_request(description: &str) -> Self {
        Self::error(400, "invalid.userinput", description)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::error(401, "unauthorized", "Full authentication is required to access this resource")
    }

    pub(crate) fn not_found() -> Self {
        Self::error(404, "exception", "Not Found (404 NOT_FOUND)")
    }

    pub(crate) fn throttled(limit: u32) -> Self {
        let description = format!("Requests limit '{limit}' times per '1' minutes' is exceeded");
        Self::error(429, "request.limit.exceeded", &description)
    }
}
