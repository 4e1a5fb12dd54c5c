//! What the headers of an answer say of the limit of calls. The newer API is documented to send them.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName};

/// A limit of calls as an answer states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// Calls that can be made in a burst.
    pub(super) limit: u32,
    /// Set if none is left: how long until all are there again, zero if that is not said.
    pub(super) pause: Option<Duration>,
}

/// The limit in `headers`, if there is one: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset` in seconds.
pub(super) fn rate(headers: &HeaderMap) -> Option<Rate> {
    let number = |name: &'static str| headers.get(HeaderName::from_static(name))?.to_str().ok()?.trim().parse::<u32>().ok();
    let limit = number("ratelimit-limit").filter(|limit| *limit > 0)?;
    let is_used_up = number("ratelimit-remaining") == Some(0);
    let reset = Duration::from_secs(number("ratelimit-reset").unwrap_or_default().into());
    Some(Rate { limit, pause: is_used_up.then_some(reset) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_taken_from_numbers_alone() {
        let seconds = Duration::from_secs;
        let table: [(&[(&'static str, &str)], _); 7] = [
            (&[], None),
            (&[("ratelimit-remaining", "0")], None),
            (&[("ratelimit-limit", "0")], None),
            (&[("ratelimit-limit", "many"), ("ratelimit-remaining", "0")], None),
            (&[("ratelimit-limit", "5"), ("ratelimit-remaining", "4")], Some(Rate { limit: 5, pause: None })),
            (&[("ratelimit-limit", "5"), ("ratelimit-remaining", "0")], Some(Rate { limit: 5, pause: Some(seconds(0)) })),
            (
                &[("ratelimit-limit", " 5 "), ("ratelimit-remaining", "0"), ("ratelimit-reset", "7")],
                Some(Rate { limit: 5, pause: Some(seconds(7)) }),
            ),
        ];
        for (pairs, wanted) in table {
            let headers = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
            assert_eq!(rate(&headers.collect()), wanted, "{pairs:?}");
        }
    }
}
