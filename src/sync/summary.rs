//! What a run has done, in words: lines for the log and a table for a terminal. Pure.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::explain::some_of;

/// What was done for one stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    pub(super) stream: String,
    /// Rows that were sent.
    pub(super) rows: u64,
    /// Rows that the destination has as they are, and that were not sent.
    pub(super) unchanged: u64,
    pub(super) calls: u64,
    pub(super) time: Duration,
    /// Whether all that was planned was read.
    pub(super) is_complete: bool,
    /// Up to where each account is complete, in streams that have a cursor; `None` where nothing is yet.
    pub(super) through: Vec<(String, Option<DateTime<FixedOffset>>)>,
    /// Days before that of a report which were not read since they changed.
    pub(super) waiting: usize,
}

/// One line per stream, and one for the run.
pub(super) fn lines(summaries: &[Summary], calls: u64, time: Duration) -> Vec<String> {
    let line = |summary: &Summary| {
        let Summary { stream, rows, calls, time, .. } = summary;
        let state = covered(summary).map_or_else(|| standing(summary).to_owned(), |groups| in_words(summary, &groups));
        let unchanged = if summary.unchanged > 0 { format!(", {} unchanged", grouped(summary.unchanged)) } else { String::new() };
        let waiting = waiting(summary);
        let (rows, calls, time) = (counted(*rows, "row"), counted(*calls, "call"), duration(*time));
        format!("Summary of `{stream}`: {rows}{unchanged}; {state}{waiting}; {calls} in {time}.")
    };
    let rows = summaries.iter().map(|summary| summary.rows).sum();
    let all = format!("Summary of the sync: {}; {} in {}.", counted(rows, "row"), counted(calls, "call"), duration(time));
    summaries.iter().map(line).chain([all]).collect()
}

/// The same as a table.
pub(super) fn table(summaries: &[Summary], calls: u64, time: Duration, zone: &str) -> String {
    let mut rows = vec![["stream", "rows", "calls", "time"].map(str::to_owned).into_iter().collect::<Vec<_>>()];
    rows[0].push(format!("complete through ({zone})"));
    for summary in summaries {
        let through = match covered(summary).as_deref() {
            None => standing(summary).to_owned(),
            Some([(through, _)]) => moment(*through),
            Some([(least, accounts), rest @ ..]) => format!(
                "{} ({}); {} others later",
                moment(*least),
                accounts.join(", "),
                rest.iter().map(|(_, accounts)| accounts.len()).sum::<usize>()
            ),
            Some([]) => String::new(),
        } + &waiting(summary);
        let figures = [grouped(summary.rows), grouped(summary.calls), short(summary.time)];
        rows.push([vec![summary.stream.clone()], figures.to_vec(), vec![through]].concat());
    }
    let sum = summaries.iter().map(|summary| summary.rows).sum();
    rows.push(["all".to_owned(), grouped(sum), grouped(calls), short(time), String::new()].to_vec());
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let lines = rows.iter().map(|row| {
        let line = format!(
            "{:<a$}  {:>b$}  {:>c$}  {:>d$}  {}",
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            a = widths[0],
            b = widths[1],
            c = widths[2],
            d = widths[3]
        );
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Moments up to which accounts are complete, the earliest first, each with its accounts; `None` if the stream has no cursor.
type Covered = Vec<(Option<DateTime<FixedOffset>>, Vec<String>)>;

fn covered(summary: &Summary) -> Option<Covered> {
    let mut groups = Covered::new();
    for (account, through) in &summary.through {
        match groups.iter_mut().find(|(known, _)| known == through) {
            Some((_, accounts)) => accounts.push(account.clone()),
            None => groups.push((*through, vec![account.clone()])),
        }
    }
    groups.sort_by_key(|(through, _)| *through);
    (!groups.is_empty()).then_some(groups)
}

fn in_words(summary: &Summary, groups: &[(Option<DateTime<FixedOffset>>, Vec<String>)]) -> String {
    let incomplete = if summary.is_complete { "" } else { "incomplete: " };
    if let [(Some(through), _)] = groups {
        return format!("{incomplete}complete through {}", moment(Some(*through)));
    }
    let group = |(through, accounts): &(Option<_>, Vec<String>)| {
        let what = through.map_or("nothing yet".to_owned(), |through| format!("complete through {}", moment(Some(through))));
        format!("{what} for {}", some_of(accounts.iter().cloned()).join(", "))
    };
    format!("{incomplete}{}", groups.iter().map(group).collect::<Vec<_>>().join(", "))
}

fn waiting(summary: &Summary) -> String {
    match summary.waiting {
        0 => String::new(),
        days => format!("; {} still to be read", counted(days as u64, "earlier day")),
    }
}

fn standing(summary: &Summary) -> &'static str {
    if summary.is_complete { "complete" } else { "incomplete" }
}

fn moment(through: Option<DateTime<FixedOffset>>) -> String {
    through.map_or("nothing yet".to_owned(), |through| through.format("%Y-%m-%d %H:%M").to_string())
}

/// `count` of a thing.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number in groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long something took.
pub(super) fn duration(time: Duration) -> String {
    match time.as_secs() {
        0 => "less than a second".to_owned(),
        _ => short(time),
    }
}

/// The same, for a column.
pub(super) fn short(time: Duration) -> String {
    match (time.as_secs() / 3600, time.as_secs() / 60 % 60, time.as_secs() % 60) {
        (0, 0, 0) => "< 1 s".to_owned(),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// How long `calls` calls take at `quota` calls a minute, beyond the first burst.
pub(super) fn estimate(calls: u64, quota: u32) -> String {
    match calls.saturating_sub(1) / u64::from(quota.max(1)) {
        0 => "less than a minute".to_owned(),
        minutes @ 1..60 => format!("about {minutes} min"),
        minutes => format!("about {} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(stream: &str, through: &[(&str, Option<&str>)]) -> Summary {
        let through = through.iter().map(|(account, through)| {
            ((*account).to_owned(), through.map(|through| DateTime::parse_from_rfc3339(through).expect("a moment")))
        });
        let time = Duration::from_secs(200);
        Summary {
            stream: stream.into(),
            rows: 1234,
            unchanged: 0,
            calls: 1,
            time,
            is_complete: true,
            through: through.collect(),
            waiting: 0,
        }
    }

    #[test]
    fn a_run_is_summed_up_per_stream_and_account() {
        let (noon, night) = (Some("2026-11-20T12:00:00+01:00"), Some("2026-11-18T00:00:00+01:00"));
        let mut broken = summary("stats", &[("advertiser 1", noon), ("advertiser 2 (Shop)", night), ("publisher 3", None)]);
        broken.is_complete = false;
        let mut behind = summary("clicks", &[("advertiser 1", noon)]);
        behind.waiting = 2;
        let whole = summary("transactions", &[("advertiser 1", noon), ("publisher 3", noon)]);
        let summaries = [whole, broken, behind, summary("accounts", &[])];
        assert_eq!(
            lines(&summaries, 4321, Duration::from_secs(4000)),
            [
                "Summary of `transactions`: 1,234 rows; complete through 2026-11-20 12:00; 1 call in 3 min 20 s.",
                "Summary of `stats`: 1,234 rows; incomplete: nothing yet for publisher 3, complete through 2026-11-18 00:00 for advertiser 2 (Shop), complete through 2026-11-20 12:00 for advertiser 1; 1 call in 3 min 20 s.",
                "Summary of `clicks`: 1,234 rows; complete through 2026-11-20 12:00; 2 earlier days still to be read; 1 call in 3 min 20 s.",
                "Summary of `accounts`: 1,234 rows; complete; 1 call in 3 min 20 s.",
                "Summary of the sync: 4,936 rows; 4,321 calls in 1 h 6 min.",
            ]
        );
        let wanted = "\
stream         rows  calls        time  complete through (Europe/Berlin)
transactions  1,234      1  3 min 20 s  2026-11-20 12:00
stats         1,234      1  3 min 20 s  nothing yet (publisher 3); 2 others later
clicks        1,234      1  3 min 20 s  2026-11-20 12:00; 2 earlier days still to be read
accounts      1,234      1  3 min 20 s  complete
all           4,936  4,321   1 h 6 min";
        assert_eq!(table(&summaries, 4321, Duration::from_secs(4000), "Europe/Berlin"), wanted);
    }

    #[test]
    fn nothing_takes_about_0_minutes() {
        let texts = [0, 1, 20, 21, 41, 1200, 1201, 2401].map(|calls| estimate(calls, 20));
        let minute = "less than a minute";
        assert_eq!(
            texts,
            [minute, minute, minute, "about 1 min", "about 2 min", "about 59 min", "about 1 h 0 min", "about 2 h 0 min"]
        );
        assert_eq!(
            [0, 1, 59, 60, 3600].map(|seconds| duration(Duration::from_secs(seconds))),
            ["less than a second", "1 s", "59 s", "1 min 0 s", "1 h 0 min"]
        );
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(grouped), ["0", "12", "999", "1,000", "1,234,567"]);
    }
}
