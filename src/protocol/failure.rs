//! What went wrong, in the three parts that the protocol knows: a sentence for the user, detail for us, a kind.

use std::fmt;

use serde::Serialize;

use super::Closed;

/// Who has to act. The platform retries all but `config_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum FailureKind {
    /// The user must change something: the configuration, the token, rights at Awin.
    #[serde(rename = "config_error")]
    Config,
    /// Waiting helps: throttling, server errors, the network.
    #[serde(rename = "transient_error")]
    Transient,
    /// Our bug, or an API that is not as documented.
    #[serde(rename = "system_error")]
    System,
}

/// A failure as it is told to the user. `message` ends in what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Who has to act.
    pub kind: FailureKind,
    /// What happened, where, what to do: for the user.
    pub message: String,
    /// The request and the answer behind it: for an engineer.
    pub detail: Option<String>,
}

impl Failure {
    /// A failure that the user's configuration or Awin account causes.
    pub fn config(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Config, message: message.into(), detail: None }
    }

    /// A failure that goes away by itself.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Transient, message: message.into(), detail: None }
    }

    /// A failure that an engineer must look at.
    pub fn system(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::System, message: message.into(), detail: None }
    }

    /// The same failure with `detail`.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Why a command ended before it was done.
#[derive(Debug)]
pub enum Abort {
    /// Nobody reads our output any more.
    OutputClosed,
    /// Nothing more can be done.
    Fatal(Failure),
}

impl From<Failure> for Abort {
    fn from(failure: Failure) -> Self {
        Self::Fatal(failure)
    }
}

impl From<Closed> for Abort {
    fn from(Closed: Closed) -> Self {
        Self::OutputClosed
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
