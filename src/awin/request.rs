//! A call before it is made: plain data.

use std::fmt;

/// Where the paths of the newer API begin, below the address of the legacy one.
const PUBLIC: &str = "/public/";

/// Awin's two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// The one without versions, which Awin calls legacy.
    Legacy,
    /// The newer one, with versions in its paths, under `/public`.
    Newer,
}

/// A GET of `path` with `query`, or a POST of `body`. The token is not part of it: it travels in a header, so that no address can
/// leak it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Path below the API's address, with its leading slash.
    pub path: String,
    /// Parameters in the order in which they are sent.
    pub query: Vec<(&'static str, String)>,
    /// What is posted, as JSON; nothing for a GET.
    pub body: Option<String>,
}

impl Request {
    /// A call without parameters.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), query: Vec::new(), body: None }
    }

    /// The API that it goes to.
    pub fn api(&self) -> Api {
        if self.path.starts_with(PUBLIC) { Api::Newer } else { Api::Legacy }
    }

    /// The same call with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.body.is_some() { "POST" } else { "GET" }, self.path)?;
        for (i, (name, value)) in self.query.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { '?' } else { '&' })?;
        }
        self.body.as_ref().map_or(Ok(()), |body| write!(f, " {body}"))
    }
}
