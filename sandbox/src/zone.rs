//! Zones, local times and the lists of codes that Awin accepts.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::rules::Stamps;

/// The zones of the reports.
pub const REPORT_ZONES: [&str; 16] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Paris",
    "US/Eastern",
    "US/Central",
    "US/Mountain",
    "US/Pacific",
    "Canada/Eastern",
    "Canada/Central",
    "Canada/Mountain",
    "Canada/Pacific",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Europe/Helsinki",
];

/// The zones of transactions and transaction queries: three fewer.
pub const TRANSACTION_ZONES: &[&str] = REPORT_ZONES.split_at(13).0;

/// The regions of the creative and advertiser reports.
pub const REPORT_REGIONS: [&str; 20] =
    ["AT", "AU", "BE", "BR", "BU", "CA", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "NO", "PL", "SE", "US"];

/// The regions of the publisher's campaign report.
pub const CAMPAIGN_REGIONS: [&str; 46] = [
    "AE", "AR", "AT", "AU", "BE", "BG", "BR", "BU", "CA", "CH", "CL", "CN", "CO", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR",
    "HR", "HU", "IE", "IN", "IT", "JP", "LT", "LV", "MX", "NL", "NO", "NZ", "PE", "PL", "PT", "RO", "RU", "SE", "SG", "SI", "SK",
    "TR", "UA", "US", "ZA",
];

/// Which of its two instants an ambiguous local time (the repeated hour in autumn) means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Earlier,
    Later,
}

/// The instant of a local time. A time that the clocks skip in spring means the first instant after the gap.
pub(crate) fn instant(zone: Tz, local: NaiveDateTime, reading: Reading) -> DateTime<Utc> {
    /// Longer than any gap, in minutes.
    const LONGEST_GAP: i64 = 4 * 60;

    let read = |local: &NaiveDateTime| match reading {
        Reading::Earlier => zone.from_local_datetime(local).earliest(),
        Reading::Later => zone.from_local_datetime(local).latest(),
    };
    let whole_minute =
        local.date().and_time(NaiveTime::MIN) + TimeDelta::minutes((local - local.date().and_time(NaiveTime::MIN)).num_minutes());
    read(&local)
        .or_else(|| (1..=LONGEST_GAP).find_map(|minutes| read(&(whole_minute + TimeDelta::minutes(minutes)))))
        .map_or_else(|| local.and_utc(), |found| found.with_timezone(&Utc))
}

/// The instant at which a day begins.
pub(crate) fn day_start(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    instant(zone, day.and_time(NaiveTime::MIN), Reading::Earlier)
}

/// The day after.
pub(crate) fn next_day(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

/// The local day of an instant.
pub(crate) fn local_day(zone: Tz, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// An instant as Awin writes it: local, without zone or offset.
pub(crate) fn stamp(zone: Tz, at: DateTime<Utc>, stamps: Stamps) -> String {
    let local = at.with_timezone(&zone).naive_local().trunc_subsecs(0);
    let shown = match stamps {
        Stamps::Seconds => local,
        Stamps::Minutes => local - TimeDelta::seconds(i64::from(local.second())),
    };
    // This form of it is Awin's, and much faster than formatting by a pattern.
    format!("{shown:?}")
}

/// Reads `yyyy-MM-ddTHH:mm:ss`, and nothing but that.
pub(crate) fn parse_time(text: &str) -> Option<NaiveDateTime> {
    (has_shape(text, "0000-00-00T00:00:00") && &text[17..] < "60")
        .then(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok())?
}

/// Reads `yyyy-MM-dd`, and nothing but that.
pub(crate) fn parse_day(text: &str) -> Option<NaiveDate> {
    has_shape(text, "0000-00-00").then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

/// Is `text` like `shape`, in which a `0` stands for any digit?
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(
            |(byte, wanted)| {
                if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted }
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: Tz, local: &str, reading: Reading) -> String {
        instant(zone, parse_time(local).expect("a time"), reading).format("%m-%dT%H:%M:%S").to_string()
    }

    #[test]
    fn a_repeated_local_time_has_two_readings() {
        let local = "2025-10-26T02:30:00";
        assert_eq!(at(Tz::Europe__Berlin, local, Reading::Earlier), "10-26T00:30:00");
        assert_eq!(at(Tz::Europe__Berlin, local, Reading::Later), "10-26T01:30:00");
    }

    #[test]
    fn a_skipped_local_time_means_the_instant_after_the_gap() {
        for local in ["2025-03-30T02:00:00", "2025-03-30T02:30:17", "2025-03-30T02:59:59"] {
            assert_eq!(at(Tz::Europe__Berlin, local, Reading::Earlier), "03-30T01:00:00");
        }
    }

    #[test]
    fn only_the_exact_forms_are_read() {
        assert!(parse_time("2026-02-28T23:59:59").is_some());
        for text in [
            "2026-02-28T23:59:59Z",
            "2026-02-28 23:59:59",
            "2026-02-29T00:00:00",
            "2026-01-01T24:00:00",
            "2026-01-01T00:00:60",
            "2026-1-01T00:00:00",
            "+026-01-01T00:00:00",
            "2026-01-01",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
        assert!(parse_day("2024-02-29").is_some());
        for text in ["2025-02-29", "2025-2-1", "20250201", "2025-02-01T00:00:00"] {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }
}
