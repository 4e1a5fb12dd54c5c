//! What the headers of an answer say of the end of an address: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).

use chrono::{DateTime, NaiveDate, Utc};
use reqwest::header::{HeaderMap, HeaderName};

/// Awin announces the end of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Since when another one should be used, if a day is given.
    pub deprecated: Option<NaiveDate>,
    /// When it ends, if that is said.
    pub sunset: Option<NaiveDate>,
}

/// The notice in `headers`, if there is one. Only days are taken from them: their text may be anything.
pub(super) fn notice(headers: &HeaderMap) -> Option<Notice> {
    let text = |name: &'static str| Some(headers.get(HeaderName::from_static(name))?.to_str().unwrap_or_default().trim());
    let (deprecation, sunset) = (text("deprecation"), text("sunset").and_then(day));
    let is_announced = deprecation.is_some_and(|text| !text.is_empty() && text != "false") || sunset.is_some();
    is_announced.then(|| Notice { deprecated: deprecation.and_then(day), sunset })
}

/// The day of `@1798761600` or of an HTTP date.
fn day(text: &str) -> Option<NaiveDate> {
    let moment: DateTime<Utc> = match text.strip_prefix('@') {
        Some(seconds) => DateTime::from_timestamp(seconds.parse().ok()?, 0)?,
        None => httpdate::parse_http_date(text).ok()?.into(),
    };
    Some(moment.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_taken_from_every_form_that_is_in_use() {
        let date = |text: &str| Some(text.parse::<NaiveDate>().expect("a day"));
        let both = Notice { deprecated: date("2027-01-01"), sunset: date("2027-12-31") };
        let table: [(Vec<(&'static str, &'static str)>, _); 9] = [
            (vec![], None),
            (vec![("deprecation", "false")], None),
            (vec![("deprecation", "")], None),
            (vec![("sunset", "soon")], None),
            (vec![("deprecation", "true")], Some(Notice { deprecated: None, sunset: None })),
            (vec![("deprecation", "@1798761600"), ("sunset", "Fri, 31 Dec 2027 23:59:59 GMT")], Some(both)),
            (vec![("deprecation", "Fri, 01 Jan 2027 00:00:00 GMT")], Some(Notice { sunset: None, ..both })),
            (vec![("sunset", "Fri, 31 Dec 2027 23:59:59 GMT")], Some(Notice { deprecated: None, ..both })),
            (vec![("deprecation", "@99999999999999999999")], Some(Notice { deprecated: None, sunset: None })),
        ];
        for (pairs, wanted) in table {
            let headers = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
            assert_eq!(notice(&headers.collect()), wanted, "{pairs:?}");
        }
    }
}
