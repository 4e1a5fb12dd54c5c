//! Conversions between JSON types that lose nothing. Each returns `None` where the value would change.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use super::scanner::{self, is_out_of_range};

/// An integer literal from a number or numeric text: `5.0` and `"5"` are 5, `5.5` is none.
pub(super) fn integer(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|c| c.is_ascii_digit()) || !(-400..=400).contains(&exponent)
    {
        return None;
    }
    // Move the decimal point, then demand that nothing but zeros is after it.
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let point = usize::try_from(point.max(0)).ok()?;
    let (integer, rest) = if point <= digits.len() {
        let (integer, rest) = digits.split_at(point);
        (integer.to_owned(), rest)
    } else {
        (format!("{digits}{}", "0".repeat(point - digits.len())), "")
    };
    if rest.bytes().any(|c| c != b'0') {
        return None;
    }
    let integer = integer.trim_start_matches('0');
    let integer = if integer.is_empty() { "0".to_owned() } else { format!("{sign}{integer}") };
    (!is_out_of_range(integer.as_bytes())).then_some(integer)
}

/// Whether numeric text is a JSON number as it stands, and one that every reader takes.
pub(super) fn is_number(text: &[u8]) -> bool {
    let mut terminated = text.to_vec();
    terminated.push(b' ');
    scanner::number(&terminated, 0) == Ok(text.len()) && !is_out_of_range(text)
}

/// A stamp in any usual writing as `yyyy-MM-ddTHH:mm:ss` in `zone`, with its fraction if it has one. Nearly all are written so
/// already and given as they are.
pub(crate) fn stamp(text: &[u8], zone: Tz) -> Option<Cow<'_, [u8]>> {
    if is_plain_stamp(text) {
        return Some(Cow::Borrowed(text));
    }
    let iso = std::str::from_utf8(text).ok()?.trim().replacen(' ', "T", 1);
    let stamp = if let Ok(instant) = DateTime::parse_from_rfc3339(&iso) {
        instant.with_timezone(&zone).naive_local()
    } else if let Ok(stamp) = iso.parse::<NaiveDateTime>() {
        stamp
    } else if let Ok(stamp) = NaiveDateTime::parse_from_str(&iso, "%Y-%m-%dT%H:%M") {
        stamp
    } else {
        iso.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?
    };
    Some(Cow::Owned(stamp.format("%Y-%m-%dT%H:%M:%S%.f").to_string().into_bytes()))
}

/// Whether the text is `yyyy-MM-ddTHH:mm:ss` and certainly a moment of the calendar (29 February takes a second look).
fn is_plain_stamp(text: &[u8]) -> bool {
    const PATTERN: &[u8; 19] = b"0000-00-00T00:00:00";
    let is_like = |(&byte, &pattern): (&u8, &u8)| if pattern == b'0' { byte.is_ascii_digit() } else { byte == pattern };
    if text.len() != PATTERN.len() || !text.iter().zip(PATTERN).all(is_like) {
        return false;
    }
    let last_day: &[u8] = match &text[5..7] {
        b"01" | b"03" | b"05" | b"07" | b"08" | b"10" | b"12" => b"31",
        b"04" | b"06" | b"09" | b"11" => b"30",
        b"02" => b"28",
        _ => return false,
    };
    let day = &text[8..10];
    let hour = &text[11..13];
    b"01".as_slice() <= day && day <= last_day && hour <= b"23".as_slice() && text[14] <= b'5' && text[17] <= b'5'
}

/// The date of a date or date-time text.
pub(super) fn date(text: &[u8]) -> Option<String> {
    let day = std::str::from_utf8(text.get(..10)?).ok()?;
    let rest_is_time = matches!(text.get(10), None | Some(b'T' | b' '));
    (rest_is_time && day.parse::<NaiveDate>().is_ok()).then(|| day.to_owned())
}

/// A truth value in words or digits.
pub(super) fn boolean(text: &[u8]) -> Option<&'static str> {
    if text.eq_ignore_ascii_case(b"true") || text == b"1" {
        Some("true")
    } else if text.eq_ignore_ascii_case(b"false") || text == b"0" {
        Some("false")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_taken_from_every_writing_that_is_whole() {
        for (text, wanted) in [
            ("5", Some("5")),
            ("-5", Some("-5")),
            ("5.0", Some("5")),
            ("1349.00", Some("1349")),
            ("007", Some("7")),
            ("0.0", Some("0")),
            ("-0", Some("0")),
            ("1e3", Some("1000")),
            ("1.5e1", Some("15")),
            ("1500e-2", Some("15")),
            ("12345678901234567890", Some("12345678901234567890")),
            ("-9223372036854775808.0", Some("-9223372036854775808")),
            ("5.5", None),
            ("15e-1", None),
            ("5e-3", None),
            ("1e999", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("x", None),
            ("1,000", None),
        ] {
            assert_eq!(integer(text.as_bytes()).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn stamps_are_taken_from_every_usual_writing() {
        for (text, wanted) in [
            ("2021-07-09T06:38:00", Some("2021-07-09T06:38:00")),
            ("2021-07-09T06:38:00.250", Some("2021-07-09T06:38:00.250")),
            ("2021-07-09 06:38:00", Some("2021-07-09T06:38:00")),
            ("2021-07-09T06:38:00Z", Some("2021-07-09T08:38:00")),
            ("2021-07-09T06:38:00+05:00", Some("2021-07-09T03:38:00")),
            ("2021-07-09", Some("2021-07-09T00:00:00")),
            (" 2021-07-09T06:38", Some("2021-07-09T06:38:00")),
            ("2021-7-9", Some("2021-07-09T00:00:00")),
            ("2021-12-31T23:59:59", Some("2021-12-31T23:59:59")),
            ("2024-02-29T06:38:00", Some("2024-02-29T06:38:00")),
            ("2023-02-29T06:38:00", None),
            ("2021-02-30T06:38:00", None),
            ("2021-06-31T06:38:00", None),
            ("2021-09-45T06:38:00", None),
            ("2021-00-01T06:38:00", None),
            ("2021-01-00T06:38:00", None),
            ("2021-01-01T24:00:00", None),
            ("2021-01-01T23:60:00", None),
            ("2021-01-01T99:99:99", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(stamp(text.as_bytes(), Tz::Europe__Berlin).as_deref(), wanted.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn dates_are_taken_from_dates_and_date_times() {
        assert_eq!(date(b"2026-01-10").as_deref(), Some("2026-01-10"));
        assert_eq!(date(b"2026-01-10T00:00:00").as_deref(), Some("2026-01-10"));
        assert_eq!(date(b"2026-01-100"), None);
        assert_eq!(date(b"2026-02-30"), None);
        assert_eq!(date(b"January"), None);
    }
}
