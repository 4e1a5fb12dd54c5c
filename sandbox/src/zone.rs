//! Zones, local times and the lists of codes that Awin accepts.

use std::fmt::{self, Display};
use std::sync::LazyLock;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, civil};

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

/// A zone that Awin accepts.
///
/// `jiff` computes its local times, from the rules that it carries itself: the connector uses another library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone {
    name: &'static str,
    rules: &'static TimeZone,
}

static ZONES: LazyLock<[TimeZone; 16]> =
    LazyLock::new(|| REPORT_ZONES.map(|name| TimeZone::get(name).unwrap_or_else(|error| panic!("{error}"))));

impl Zone {
    pub(crate) const fn utc() -> Self {
        const UTC: &TimeZone = &TimeZone::UTC;
        Self { name: "UTC", rules: UTC }
    }

    /// One of [`REPORT_ZONES`].
    pub(crate) fn named(name: &str) -> Option<Self> {
        REPORT_ZONES.iter().zip(ZONES.iter()).find(|(known, _)| **known == name).map(|(name, rules)| Self { name, rules })
    }

    fn local(self, at: DateTime<Utc>) -> civil::DateTime {
        self.rules.to_datetime(Timestamp::from_second(at.timestamp()).unwrap_or_default())
    }
}

impl Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The instant of a local time. A time that the clocks skip in spring means the first instant after the gap.
pub(crate) fn instant(zone: Zone, local: NaiveDateTime, reading: Reading) -> DateTime<Utc> {
    // Counted as if the zone were UTC; an offset makes an instant of it.
    let seconds = local.and_utc().timestamp();
    let at = |offset: Offset| seconds - i64::from(offset.seconds());
    let civil = Offset::UTC.to_datetime(Timestamp::from_second(seconds).unwrap_or_default());
    let second = match zone.rules.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        AmbiguousOffset::Fold { before, after } => match reading {
            Reading::Earlier => at(before),
            Reading::Later => at(after),
        },
        AmbiguousOffset::Gap { after, .. } => {
            let before_the_gap = Timestamp::from_second(at(after)).unwrap_or_default();
            zone.rules.following(before_the_gap).next().map_or(seconds, |change| change.timestamp().as_second())
        }
    };
    DateTime::from_timestamp(second, 0).unwrap_or_default()
}

/// The instant at which a day begins.
pub(crate) fn day_start(zone: Zone, day: NaiveDate) -> DateTime<Utc> {
    instant(zone, day.and_time(NaiveTime::MIN), Reading::Earlier)
}

/// The day after.
pub(crate) fn next_day(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

/// The local day of an instant.
pub(crate) fn local_day(zone: Zone, at: DateTime<Utc>) -> NaiveDate {
    let local = zone.local(at).date();
    // The same count of days since 1970 in either calendar.
    let days = civil::Date::constant(1970, 1, 1).until(local).map_or(0, |span| span.get_days());
    NaiveDate::from_epoch_days(days).unwrap_or_default()
}

/// An instant as Awin writes it: local, without zone or offset.
pub(crate) fn stamp(zone: Zone, at: DateTime<Utc>, stamps: Stamps) -> String {
    let local = zone.local(at);
    let shown = match stamps {
        Stamps::Seconds => local,
        Stamps::Minutes => local.with().second(0).build().unwrap_or(local),
    };
    shown.to_string()
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

    fn at(zone: Zone, local: &str, reading: Reading) -> String {
        instant(zone, parse_time(local).expect("a time"), reading).format("%m-%dT%H:%M:%S").to_string()
    }

    #[test]
    fn a_repeated_local_time_has_two_readings() {
        let local = "2025-10-26T02:30:00";
        assert_eq!(at(Zone::named("Europe/Berlin").expect("a zone"), local, Reading::Earlier), "10-26T00:30:00");
        assert_eq!(at(Zone::named("Europe/Berlin").expect("a zone"), local, Reading::Later), "10-26T01:30:00");
    }

    #[test]
    fn a_day_is_the_day_of_the_zone() {
        let at = |text: &str| text.parse().expect("an instant");
        let sydney = Zone::named("Australia/Sydney").expect("a zone");
        assert_eq!(local_day(sydney, at("2026-02-28T13:00:00Z")).to_string(), "2026-03-01");
        assert_eq!(local_day(Zone::utc(), at("1969-12-31T23:59:59Z")).to_string(), "1969-12-31");
        assert_eq!(stamp(sydney, at("2026-02-28T13:00:59.9Z"), Stamps::Seconds), "2026-03-01T00:00:59");
        assert_eq!(stamp(sydney, at("2026-02-28T13:00:59.9Z"), Stamps::Minutes), "2026-03-01T00:00:00");
    }

    /// Sao Paulo set its clocks forward at midnight until 2018.
    #[test]
    fn a_day_without_midnight_begins_after_the_gap() {
        let zone = Zone::named("America/Sao_Paulo").expect("a zone");
        let day = parse_day("2018-11-04").expect("a day");
        assert_eq!(day_start(zone, day).to_rfc3339(), "2018-11-04T03:00:00+00:00");
    }

    #[test]
    fn a_skipped_local_time_means_the_instant_after_the_gap() {
        for local in ["2025-03-30T02:00:00", "2025-03-30T02:30:17", "2025-03-30T02:59:59"] {
            assert_eq!(at(Zone::named("Europe/Berlin").expect("a zone"), local, Reading::Earlier), "03-30T01:00:00");
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
