//! The reports by publisher, by creative and by advertiser: totals of a range of days.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::amount::{Number, shortest};
use crate::answer::tally::{DateType, Scope, Totals, tally};
use crate::answer::{Answer, Params, Reply, list, shuffled};
use crate::json;
use crate::market::{Markets, Standing};
use crate::rules::FutureEnd;
use crate::world::{Kind, World};
use crate::zone::{self, REPORT_REGIONS, REPORT_ZONES, Zone};

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
    pub(crate) zone: Zone,
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

/// Advertiser, publisher, region, and the creative where the report tells them apart.
type Key<'a> = (u64, u64, Option<&'a str>, Option<u64>);

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

impl<'a> ReportView<'a> {
    /// The rows, in the order of their keys.
    pub(crate) fn rows(&self) -> Vec<String> {
        let scope = self.span.scope(self.kind, self.id, self.date_type);
        let mut rows = tally(self.world, &scope, |source| {
            let creative = (self.report == Report::Creative).then_some(source.creative_id);
            self.is_asked(source.region).then_some((source.advertiser_id, source.publisher_id, source.region, creative))
        });
        if self.report == Report::Advertiser {
            self.add_idle_programmes(&mut rows);
        }
        rows.iter().map(|(key, totals)| self.render(*key, totals)).collect()
    }

    fn is_asked(&self, region: Option<&str>) -> bool {
        self.region.is_none() || self.region == region
    }

    /// Joined programmes without any activity are listed as well.
    fn add_idle_programmes(&self, rows: &mut BTreeMap<Key<'a>, Totals>) {
        for programme in &self.world.programmes {
            let region = programme.region.as_str();
            let is_there = self.is_asked(Some(region)) && !self.world.is_gone(self.kind, self.id, region);
            if is_there && self.world.standing(programme.id, self.id) == Standing::Joined {
                rows.entry((programme.id, self.id, Some(region), None)).or_default();
            }
        }
    }

    fn render(&self, (advertiser_id, publisher_id, region, creative_id): Key<'_>, totals: &Totals) -> String {
        let programme = self.world.programme(advertiser_id);
        let publisher = self.world.publisher(publisher_id);
        let creative = creative_id.and_then(|id| self.world.creatives.iter().find(|creative| creative.id == id));
        let Totals { pending, confirmed, bonus, declined, .. } = totals;
        let total = totals.total();
        let of_publisher = self.report == Report::Publisher;
        let is_unknown = of_publisher && self.world.markets.get(&(advertiser_id, publisher_id)) == Some(&Markets::Unknown);
        json::text(&Row {
            advertiser_id,
            advertiser_name: programme.map(|programme| programme.name.as_str()),
            publisher_id,
            publisher_name: publisher.map(|publisher| publisher.name.as_str()),
            region: region.filter(|_| !is_unknown),
            currency: programme.map(|programme| programme.currency.as_str()),
            impressions: totals.impressions,
            clicks: totals.clicks,
            pending_no: pending.number,
            pending_value: Number(shortest(pending.value)),
            pending_comm: Number(shortest(pending.commission)),
            confirmed_no: confirmed.number,
            confirmed_value: Number(shortest(confirmed.value)),
            confirmed_comm: Number(shortest(confirmed.commission)),
            bonus_no: bonus.number,
            bonus_value: Number(shortest(bonus.value)),
            bonus_comm: Number(shortest(bonus.commission)),
            total_no: total.number,
            total_value: Number(shortest(total.value)),
            total_comm: Number(shortest(total.commission)),
            declined_no: declined.number,
            declined_value: Number(shortest(declined.value)),
            declined_comm: Number(shortest(declined.commission)),
            tags: of_publisher.then(|| self.world.relationship(advertiser_id, publisher_id)?.tags.as_deref()),
            creative_id,
            creative_name: creative_id.map(|_| creative?.name.as_deref()),
            tag_name: creative_id.map(|_| creative?.tag.as_deref()),
            average_basket: self.world.rules.unknown_keys.then(|| Number(shortest(total.value))),
        })
    }
}

/// A row as it is answered. Absent members are left out, the others are null where there is nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::option_option, reason = "left out, null, or there")]
struct Row<'a> {
    advertiser_id: u64,
    advertiser_name: Option<&'a str>,
    publisher_id: u64,
    publisher_name: Option<&'a str>,
    region: Option<&'a str>,
    currency: Option<&'a str>,
    impressions: u64,
    clicks: u64,
    pending_no: u64,
    pending_value: Number,
    pending_comm: Number,
    confirmed_no: u64,
    confirmed_value: Number,
    confirmed_comm: Number,
    bonus_no: u64,
    bonus_value: Number,
    bonus_comm: Number,
    total_no: u64,
    total_value: Number,
    total_comm: Number,
    declined_no: u64,
    declined_value: Number,
    declined_comm: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Option<&'a [String]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creative_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creative_name: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_name: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    average_basket: Option<Number>,
}
