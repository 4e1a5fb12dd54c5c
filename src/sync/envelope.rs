//! What stands around the fields of a row in its RECORD line: what the connector knows of its slice, and when it is emitted.

use crate::config::Config;
use crate::env::now_millis;
use crate::protocol::Descriptor;
use crate::streams::{Cut, DaySource, Payment, Slice, Source, Stream};

/// The beginning of every RECORD line of a slice, up to the row's own fields.
pub(super) struct Envelope {
    head: Vec<u8>,
    line: Vec<u8>,
    /// What the connector adds beside the account: nothing, or the request's zone, day, kind of date and region.
    report: Option<(DaySource, String)>,
    date_type: &'static str,
}

impl Envelope {
    pub(super) fn new(descriptor: &Descriptor, stream: &Stream, config: &Config) -> Self {
        let name = serde_json::to_string(&descriptor.name).unwrap_or_default();
        let namespace = descriptor.namespace.as_ref().and_then(|namespace| serde_json::to_string(namespace).ok());
        let namespace = namespace.map_or(String::new(), |namespace| format!("\"namespace\":{namespace},"));
        let report = match &stream.source {
            Source::Report(report) => Some((report.days, config.timezone.to_string())),
            _ => None,
        };
        Self {
            head: format!("{{\"type\":\"RECORD\",\"record\":{{\"stream\":{name},{namespace}\"data\":{{").into_bytes(),
            line: Vec::new(),
            report,
            date_type: config.stats_date_type.as_str(),
        }
    }

    pub(super) fn begin(&mut self, slice: &Slice) {
        let mut fields = Vec::new();
        if let Some(account) = slice.partition.account {
            fields.push(format!("\"accountId\":{},\"accountType\":\"{}\"", account.id, account.kind));
        }
        if let Cut::Payment(Payment { id, processed }) = &slice.cut {
            fields.push(format!("\"paymentId\":{id}"));
            fields.extend(processed.as_ref().map(|processed| format!("\"processingDate\":\"{processed}\"")));
        }
        if let Some((days, zone)) = &self.report {
            fields.push(format!("\"timezone\":\"{zone}\""));
            match (days, slice.window(), &slice.partition.region) {
                (DaySource::Asked, Some(window), _) => {
                    fields.push(format!("\"date\":\"{}\",\"dateType\":\"{}\"", window.first_day(), self.date_type));
                }
                (DaySource::InRows(_), _, Some(region)) => fields.push(format!("\"region\":\"{region}\"")),
                _ => {}
            }
        }
        self.line.clear();
        self.line.extend_from_slice(&self.head);
        self.line.extend_from_slice(fields.join(",").as_bytes());
    }

    pub(super) fn prefix(&self) -> &[u8] {
        &self.line
    }
}

/// The `emitted_at` of records. A destination that finds two versions of a row with the same cursor keeps the later one, so each
/// answer is later than the one before, also when the machine's clock steps back.
#[derive(Default)]
pub(super) struct EmissionClock {
    last: u64,
    least: u64,
    /// The last one as it stands in a line: most rows share their millisecond with the row before.
    text: String,
}

impl EmissionClock {
    /// By so much the last record may lie ahead of the clock for it to be worth waiting. More, and the clock was set back.
    const WORTH_WAITING: u64 = 50;

    /// From here on records are later than those before.
    pub(super) fn begin(&mut self) {
        self.least = self.last + 1;
    }

    /// The moment of a record, in milliseconds since 1970.
    pub(super) fn now(&mut self) -> &str {
        let now = self.least.max(now_millis());
        if now != self.last || self.text.is_empty() {
            self.text = now.to_string();
        }
        (self.last, self.least) = (now, now);
        &self.text
    }

    pub(super) fn is_ahead(&self) -> bool {
        let now = now_millis();
        self.last >= now && self.last - now < Self::WORTH_WAITING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_later_than_the_one_before_and_its_text_is_that_moment() {
        let mut clock = EmissionClock::default();
        let mut last = 0;
        for answer in 0..100 {
            clock.begin();
            let stamps: Vec<u64> = (0..3).map(|_| clock.now().parse().expect("milliseconds")).collect();
            assert!(stamps[0] > last && stamps.is_sorted(), "answer {answer}: {stamps:?} after {last}");
            last = stamps[2];
            assert_eq!(last, clock.last);
        }
    }
}
