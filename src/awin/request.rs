//! A call before it is made: plain data.

use std::fmt;

/// A GET of `path` with `query`. The token is not part of it: it travels in a header, so that no address can leak it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Path below the API's address, with its leading slash.
    pub path: String,
    /// Parameters in the order in which they are sent.
    pub query: Vec<(&'static str, String)>,
}

impl Request {
    /// A call without parameters.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), query: Vec::new() }
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
        write!(f, "GET {}", self.path)?;
        for (i, (name, value)) in self.query.iter().enumerate() {
            write!(f, "{}{name}={value}", if i == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}
