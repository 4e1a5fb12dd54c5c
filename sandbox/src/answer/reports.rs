//! The reports by publisher, by creative and by advertiser: totals of a range of days.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::answer::tally::{Bucket, DateType, Scope, Totals, tally};
use crate::answer::{Answer, Params, Reply, list, shuffled};
use crate::json::{self, Object};
use crate::market::Standing;
use crate::rules::FutureEnd;
use crate::world::{Kind, World};
use crate::zone::{self, REPORT_REGIONS, REPORT_ZONES};

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// By publisher, for advertisers. Has no region.
    Publisher,
    /// By creative, for both.
    Creative,
    /// By advertiser, for publishers.
    Advertiser,
}

/// Days, both ends included, cut in a zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) first: NaiveDate,
    pub(crate) last: NaiveDate,
    pub(crate) zone: Tz,
}

impl Span {
    /// Reads `startDate`, `endDate` and `timezone`.
    pub(crate) fn read(params: &Params<'_>, world: &World) -> Result<Self, Reply> {
        let zone = params.zone(&REPORT_ZONES)?;
        let (first, last) = (params.day("startDate")?, params.day("endDate")?);
        if last < first {
            return Err(Reply::bad_request("endDate cannot be before startDate"));
        }
        if world.rules.future_end == FutureEnd::Refuse400 && last > zone::local_day(zone, world.now()) {
            return Err(Reply::bad_request("endDate cannot be in the future"));
        }
        Ok(Self { first, last, zone })
    }

    /// What an account did in the span.
    pub(crate) fn scope(&self, kind: Kind, id: u64, date_type: DateType) -> Scope {
        Scope {
            kind,
            id,
            from: zone::day_start(self.zone, self.first),
            until: zone::day_start(self.zone, zone::next_day(self.last)),
            date_type,
        }
    }
}

/// A report that is asked for.
#[derive(Clone, Copy)]
pub(crate) struct ReportView<'a> {
    pub(crate) world: &'a World,
    pub(crate) report: Report,
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) span: Span,
    pub(crate) date_type: DateType,
    pub(crate) region: Option<&'a str>,
}

/// Advertiser, publisher, and the creative where the report tells them apart.
type Key = (u64, u64, Option<u64>);

pub(crate) fn answer(world: &World, report: Report, kind: Kind, id: u64, params: &Params<'_>, turn: u64) -> Answer {
    let known = ["startDate", "endDate", "dateType", "timezone", "region"];
    let has_region = report != Report::Publisher;
    params.expect_only(if has_region { &known } else { &known[..4] })?;
    let view = ReportView {
        world,
        report,
        kind,
        id,
        region: if has_region { Some(params.region(&REPORT_REGIONS)?) } else { None },
        span: Span::read(params, world)?,
        date_type: params.choice(
            "dateType",
            DateType::Transaction,
            &[("transaction", DateType::Transaction), ("validation", DateType::Validation)],
        )?,
    };
    Ok(list(world, &shuffled(world, view.rows(), turn)))
}

impl ReportView<'_> {
    /// The rows, in the order of their keys.
    pub(crate) fn rows(&self) -> Vec<String> {
        let scope = self.span.scope(self.kind, self.id, self.date_type);
        let mut rows = tally(self.world, &scope, |source| {
            let creative = (self.report == Report::Creative).then_some(source.creative_id);
            self.is_in_region(source.advertiser_id).then_some((source.advertiser_id, source.publisher_id, creative))
        });
        if self.report == Report::Advertiser {
            self.add_idle_programmes(&mut rows);
        }
        rows.iter().map(|(key, totals)| self.render(*key, totals)).collect()
    }

    fn is_in_region(&self, advertiser_id: u64) -> bool {
        let region = self.world.programme(advertiser_id).map(|programme| programme.region.as_str());
        self.region.is_none() || self.region == region
    }

    /// Joined programmes without any activity are listed as well.
    fn add_idle_programmes(&self, rows: &mut BTreeMap<Key, Totals>) {
        for programme in &self.world.programmes {
            if self.is_in_region(programme.id) && self.world.standing(programme.id, self.id) == Standing::Joined {
                rows.entry((programme.id, self.id, None)).or_default();
            }
        }
    }

    fn render(&self, (advertiser_id, publisher_id, creative_id): Key, totals: &Totals) -> String {
        let programme = self.world.programme(advertiser_id);
        let publisher = self.world.publisher(publisher_id);
        json::object(|row| {
            row.raw("advertiserId", advertiser_id);
            row.maybe_text("advertiserName", programme.map(|programme| programme.name.as_str()));
            row.raw("publisherId", publisher_id);
            row.maybe_text("publisherName", publisher.map(|publisher| publisher.name.as_str()));
            row.maybe_text("region", programme.map(|programme| programme.region.as_str()));
            row.maybe_text("currency", programme.map(|programme| programme.currency.as_str()));
            row.raw("impressions", totals.impressions);
            row.raw("clicks", totals.clicks);
            write_bucket(row, "pending", totals.pending);
            write_bucket(row, "confirmed", totals.confirmed);
            write_bucket(row, "bonus", totals.bonus);
            write_bucket(row, "total", totals.total());
            write_bucket(row, "declined", totals.declined);
            match (self.report, creative_id) {
                (Report::Publisher, _) => self.write_tags(row, advertiser_id, publisher_id),
                (_, Some(creative_id)) => self.write_creative(row, creative_id),
                _ => {}
            }
            if self.world.rules.unknown_keys {
                row.raw("averageBasket", totals.total().value.shortest());
            }
        })
    }

    fn write_tags(&self, row: &mut Object<'_>, advertiser_id: u64, publisher_id: u64) {
        match self.world.relationship(advertiser_id, publisher_id).and_then(|it| it.tags.as_ref()) {
            Some(tags) => row.texts("tags", tags),
            None => row.null("tags"),
        }
    }

    fn write_creative(&self, row: &mut Object<'_>, creative_id: u64) {
        let creative = self.world.creatives.iter().find(|creative| creative.id == creative_id);
        row.raw("creativeId", creative_id);
        row.maybe_text("creativeName", creative.and_then(|creative| creative.name.as_deref()));
        row.maybe_text("tagName", creative.and_then(|creative| creative.tag.as_deref()));
    }
}

fn write_bucket(row: &mut Object<'_>, name: &str, bucket: Bucket) {
    row.raw(&format!("{name}No"), bucket.number);
    row.raw(&format!("{name}Value"), bucket.value.shortest());
    row.raw(&format!("{name}Comm"), bucket.commission.shortest());
}
