//! The report by campaign, with a date when an interval is asked for.

use chrono::{Datelike, Days, NaiveDate};
use serde::Serialize;

use crate::amount::cents;
use crate::answer::reports::Span;
use crate::answer::tally::{Bucket, DateType, Totals, tally};
use crate::answer::{Answer, Params, Reply, shuffled};
use crate::dice;
use crate::json;
use crate::rules::Variants;
use crate::world::{Kind, World};
use crate::zone::{self, CAMPAIGN_REGIONS};

const LONGEST_SPAN: Days = Days::new(399);

/// The stretches that figures are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    Whole,
    Day,
    Month,
    Year,
}

/// A campaign report that is asked for.
#[derive(Clone)]
pub(crate) struct Campaigns<'a> {
    pub(crate) world: &'a World,
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) span: Span,
    pub(crate) interval: Interval,
    /// Only campaigns that begin so.
    pub(crate) prefix: Option<&'a str>,
    /// Rows without campaign, too.
    pub(crate) without_campaign: bool,
    pub(crate) others: Option<Vec<u64>>,
    pub(crate) region: Option<&'a str>,
}

pub(crate) fn answer(world: &World, kind: Kind, id: u64, params: &Params<'_>, turn: u64) -> Answer {
    let others = match kind {
        Kind::Advertiser => "publisherIds",
        Kind::Publisher => "advertiserIds",
    };
    let known = ["startDate", "endDate", "campaign", others, "includeNumbersWithoutCampaign", "interval", "timezone", "region"];
    params.expect_only(match kind {
        Kind::Advertiser => &known[..7],
        Kind::Publisher => &known,
    })?;
    let prefix = params.get("campaign");
    if prefix.is_some_and(|prefix| !(3..=128).contains(&prefix.chars().count())) {
        return Err(Reply::bad_request("campaign must have 3 to 128 characters"));
    }
    let intervals = [("day", Interval::Day), ("month", Interval::Month), ("year", Interval::Year)];
    let campaigns = Campaigns {
        world,
        kind,
        id,
        region: match kind {
            Kind::Advertiser => None,
            Kind::Publisher => Some(params.region(&CAMPAIGN_REGIONS)?),
        },
        span: Span::read(params, world)?,
        interval: params.choice("interval", Interval::Whole, &intervals)?,
        prefix,
        without_campaign: params.flag("includeNumbersWithoutCampaign")? && prefix.is_none(),
        others: params.ids(others)?,
    };
    if campaigns.span.first.checked_add_days(LONGEST_SPAN).is_none_or(|latest| campaigns.span.last > latest) {
        return Err(Reply::bad_request("This endpoint only supports a date range of 400 days"));
    }
    let rows = shuffled(world, campaigns.rows(), turn);
    Ok(Reply::json(format!(r#"{{"result":[{}]}}"#, rows.join(","))))
}

impl Campaigns<'_> {
    /// The rows, by date, partner and campaign.
    pub(crate) fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        let mut first = self.span.first;
        while first <= self.span.last {
            let next = self.next_stretch(first);
            let last = next.pred_opt().unwrap_or(first).min(self.span.last);
            let stretch = Span { first, last, zone: self.span.zone };
            let totals = tally(self.world, &stretch.scope(self.kind, self.id, DateType::Transaction), |source| {
                let other = match self.kind {
                    Kind::Advertiser => source.publisher_id,
                    Kind::Publisher => source.advertiser_id,
                };
                self.takes(source.region, other, source.campaign).then_some((other, source.campaign))
            });
            rows.extend(totals.iter().map(|((other, campaign), totals)| self.render(first, *other, *campaign, totals)));
            first = next;
        }
        rows
    }

    fn next_stretch(&self, first: NaiveDate) -> NaiveDate {
        let next = match self.interval {
            Interval::Whole => None,
            Interval::Day => Some(zone::next_day(first)),
            Interval::Month if first.month() == 12 => NaiveDate::from_ymd_opt(first.year() + 1, 1, 1),
            Interval::Month => NaiveDate::from_ymd_opt(first.year(), first.month() + 1, 1),
            Interval::Year => NaiveDate::from_ymd_opt(first.year() + 1, 1, 1),
        };
        next.unwrap_or_else(|| zone::next_day(self.span.last))
    }

    fn takes(&self, region: Option<&str>, other: u64, campaign: Option<&str>) -> bool {
        let in_region = self.region.is_none() || self.region == region;
        let in_campaign = match (campaign, self.prefix) {
            (None, _) => self.without_campaign,
            (Some(campaign), Some(prefix)) => campaign.starts_with(prefix),
            (Some(_), None) => true,
        };
        in_region && in_campaign && self.others.as_ref().is_none_or(|ids| ids.contains(&other))
    }

    fn render(&self, date: NaiveDate, other: u64, campaign: Option<&str>, totals: &Totals) -> String {
        let publisher = || self.world.publisher(other).map(|it| it.name.as_str());
        let advertiser = || self.world.programme(other).map(|it| it.name.as_str());
        let of_advertiser = self.kind == Kind::Advertiser;
        let value = |bucket: Bucket| cents(bucket.value).to_string();
        let commission = |bucket: Bucket| cents(bucket.commission).to_string();
        json::text(&Row {
            date: (self.interval != Interval::Whole).then(|| date.to_string()),
            campaign: campaign.or_else(|| self.no_campaign(other)),
            publisher_id: of_advertiser.then(|| other.to_string()),
            publisher_name: of_advertiser.then(publisher),
            advertiser_id: (!of_advertiser).then(|| other.to_string()),
            advertiser_name: (!of_advertiser).then(advertiser),
            totals: Figures {
                quantity: figures(Some(totals.clicks), totals, |bucket| bucket.number),
                sale_amount: figures(None, totals, value),
                commission_amount: figures(None, totals, commission),
            },
        })
    }

    /// What stands for no campaign: null for some partners, an empty text for others.
    fn no_campaign(&self, other: u64) -> Option<&'static str> {
        let is_null = self.world.rules.variants == Variants::On && dice::mix(self.world.seed, other).is_multiple_of(2);
        (!is_null).then_some("")
    }
}

fn figures<T>(click: Option<u64>, totals: &Totals, figure: impl Fn(Bucket) -> T) -> ByStatus<T> {
    ByStatus {
        click,
        pending: figure(totals.pending),
        approved: figure(totals.confirmed),
        bonus: figure(totals.bonus),
        declined: figure(totals.declined),
        total: figure(totals.total()),
    }
}

/// A row as it is answered: ids and amounts are texts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::option_option, reason = "left out, null, or there")]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    campaign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher_name: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advertiser_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advertiser_name: Option<Option<&'a str>>,
    totals: Figures,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    quantity: ByStatus<u64>,
    sale_amount: ByStatus<String>,
    commission_amount: ByStatus<String>,
}

#[derive(Serialize)]
struct ByStatus<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<u64>,
    pending: T,
    approved: T,
    bonus: T,
    declined: T,
    total: T,
}
