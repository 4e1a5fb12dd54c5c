//! What can go wrong with a call, by meaning.

use serde_json::{Map, Value};
use thiserror::Error;

use super::Request;
use crate::protocol::{FailureKind, Secrets};

/// Characters of an answer that is not Awin's error envelope which are worth showing.
const SHOWN: usize = 200;
/// Characters of it that are searched for words between markup.
const SEARCHED: usize = 64 * 1024;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// 401, 403 or 404: the token, or the account, does not get this. Which of the three Awin uses is not documented.
    #[error("Awin answered {status}: {text}")]
    Refused {
        /// The status.
        status: u16,
        /// Awin's own words.
        text: String,
    },
    /// 410, or a permanent redirect: the address is gone.
    #[error("Awin answered {status}")]
    Retired {
        /// The status.
        status: u16,
    },
    /// Any other 4xx or 3xx: the request is wrong by Awin's rules. The same request will fail again.
    #[error("Awin answered {status}: {text}")]
    BadRequest {
        /// The status.
        status: u16,
        /// Awin's own words.
        text: String,
    },
    /// 429.
    #[error("Awin answered 429: the limit of calls per minute is used up")]
    Throttled,
    /// 5xx.
    #[error("Awin answered {status}: {text}")]
    Server {
        /// The status.
        status: u16,
        /// Awin's own words, or those of the network in front of it.
        text: String,
    },
    /// No answer in time, be it by our clock, by Awin's (408) or by that of a gateway (504).
    #[error("no answer in time{0}")]
    TimedOut(String),
    /// No connection, or it was lost before the answer began.
    #[error("the connection failed: {0}")]
    Network(String),
    /// The answer broke off, or is empty.
    #[error("the answer is damaged: {0}")]
    Broken(String),
    /// The answer is not JSON: a page of something between us and Awin, as likely as not.
    #[error("the answer is not JSON: {0}")]
    NotJson(String),
    /// The answer is JSON, but not as documented.
    #[error("the answer is not as documented: {0}")]
    Shape(String),
}

/// A call that failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCall {
    /// The call.
    pub request: Request,
    /// Why it failed.
    pub error: CallError,
}

impl CallError {
    /// The error that an HTTP status other than 200 and 204 stands for. `text` is [`text_of_body`].
    pub fn from_status(status: u16, text: String) -> Self {
        match status {
            429 => Self::Throttled,
            401 | 403 | 404 => Self::Refused { status, text },
            301 | 308 | 410 => Self::Retired { status },
            408 | 504 => Self::TimedOut(format!(" (Awin answered {status})")),
            500..=599 => Self::Server { status, text },
            _ => Self::BadRequest { status, text },
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled | Self::Server { .. } | Self::TimedOut(_) | Self::Network(_) | Self::Broken(_) | Self::NotJson(_) => {
                true
            }
            Self::Refused { .. } | Self::Retired { .. } | Self::BadRequest { .. } | Self::Shape(_) => false,
        }
    }

    /// Whether a request for less may be answered: large answers time out, break off or are refused.
    pub fn may_be_of_length(&self) -> bool {
        matches!(self, Self::BadRequest { .. } | Self::TimedOut(_) | Self::Server { .. } | Self::Broken(_))
    }

    /// Who has to act once retries are used up.
    pub fn failure_kind(&self) -> FailureKind {
        match self {
            Self::Refused { .. } | Self::Retired { .. } => FailureKind::Config,
            Self::Throttled | Self::Server { .. } | Self::TimedOut(_) | Self::Network(_) | Self::Broken(_) => {
                FailureKind::Transient
            }
            Self::BadRequest { .. } | Self::NotJson(_) | Self::Shape(_) => FailureKind::System,
        }
    }
}

/// What an error answer says: that of an envelope of one of the two APIs, else the beginning of the text, without markup.
/// Without `secrets`, either way.
pub(super) fn text_of_body(body: &[u8], secrets: &Secrets) -> String {
    if let Ok(Value::Object(envelope)) = serde_json::from_slice(body)
        && let Some(text) = words_of(&envelope)
    {
        return secrets.redacted_excerpt(text.as_bytes(), SHOWN);
    }
    // Masked before the markup is taken out: it may be a part of the token.
    let text = secrets.redacted_excerpt(body, SEARCHED);
    let mut in_tag = false;
    let plain: String = text
        .chars()
        .map(|c| {
            in_tag = (in_tag || c == '<') && c != '>';
            if in_tag || c == '>' || c.is_control() { ' ' } else { c }
        })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    if words.is_empty() { "(no text)".to_owned() } else { words.join(" ").chars().take(SHOWN).collect() }
}

/// The words of an envelope: its code, its description, and of which parts of the request it speaks.
fn words_of(envelope: &Map<String, Value>) -> Option<String> {
    let text = |object: &Map<String, Value>, names: &[&str]| {
        let texts = names.iter().filter_map(|name| object.get(*name)?.as_str());
        texts.map(str::to_owned).find(|text| !text.is_empty())
    };
    let code = text(envelope, &["code"]);
    let message = text(envelope, &["description", "message", "detail", "title", "error"]);
    let errors = envelope.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let errors = errors.filter_map(|error| {
        let (at, what) = (text(error, &["pointer"]), text(error, &["message", "detail", "description", "code"]));
        Some(match (at, what) {
            (Some(at), Some(what)) => format!("{at}: {what}"),
            (at, what) => at.or(what)?,
        })
    });
    let errors: Vec<String> = errors.collect();
    let errors = (!errors.is_empty()).then(|| format!("({})", errors.join("; ")));
    let said = [message, errors].into_iter().flatten().collect::<Vec<_>>().join(" ");
    match (code, said.is_empty()) {
        (Some(code), false) => Some(format!("{code}: {said}")),
        (code, true) => code,
        (None, false) => Some(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_meaning() {
        for status in 100..=599u16 {
            let error = CallError::from_status(status, String::new());
            let retried = matches!(status, 408 | 429 | 500..=599);
            assert_eq!(error.is_retryable(), retried, "{status}");
            let kind = match status {
                301 | 308 | 401 | 403 | 404 | 410 => FailureKind::Config,
                408 | 429 | 500..=599 => FailureKind::Transient,
                _ => FailureKind::System,
            };
            assert_eq!(error.failure_kind(), kind, "{status}");
        }
    }

    #[test]
    fn awins_words_are_found_in_any_body() {
        for (body, wanted) in [
            (r#"{"error":"invalid.userinput","description":"invalid region"}"#, "invalid region"),
            (r#"{"error":"unauthorized"}"#, "unauthorized"),
            (r#"{"code":"FORBIDDEN","message":"Role missing"}"#, "FORBIDDEN: Role missing"),
            (r#"{"code":"NOT_FOUND"}"#, "NOT_FOUND"),
            (
                r#"{"code":"INVALID","errors":[{"pointer":"/limit","message":"too large"},{"pointer":"/offset"},{"code":"odd"},7]}"#,
                "INVALID: (/limit: too large; /offset; odd)",
            ),
            (r#"{"code":"","errors":[]}"#, r#"{"code":"","errors":[]}"#),
            ("<html><head><title>502 Bad Gateway</title></head>\n<body>nginx</body></html>", "502 Bad Gateway nginx"),
            ("", "(no text)"),
            ("[1,2]", "[1,2]"),
            ("plain", "plain"),
        ] {
            assert_eq!(text_of_body(body.as_bytes(), &Secrets::default()), wanted);
        }
        assert_eq!(text_of_body("x".repeat(5000).as_bytes(), &Secrets::default()).len(), SHOWN);
    }
}
