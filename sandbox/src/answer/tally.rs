//! Adding up: sales and traffic of one stretch of time, so that all reports agree with each other and with the
//! transactions.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::dice;
use crate::market::{Relationship, was_joined};
use crate::rules::{Booking, Clicks};
use crate::sale::{Dated, Sale, Status};
use crate::world::{Kind, World};

/// The date that a report counts sales by. Clicks and impressions go by their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateType {
    /// `transaction`
    Transaction,
    /// `validation`
    Validation,
}

/// The figures of one status.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) number: u64,
    pub(crate) value: Decimal,
    pub(crate) commission: Decimal,
}

/// The figures of one row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) impressions: u64,
    pub(crate) clicks: u64,
    pub(crate) pending: Bucket,
    pub(crate) confirmed: Bucket,
    pub(crate) bonus: Bucket,
    pub(crate) declined: Bucket,
}

impl Bucket {
    fn plus(self, other: Self) -> Self {
        Self {
            number: self.number + other.number,
            value: self.value + other.value,
            commission: self.commission + other.commission,
        }
    }
}

impl Totals {
    /// All but the declined ones.
    pub(crate) fn total(&self) -> Bucket {
        self.pending.plus(self.confirmed).plus(self.bonus)
    }
}

/// Where something happened: what rows are keyed by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) advertiser_id: u64,
    pub(crate) publisher_id: u64,
    pub(crate) creative_id: u64,
    pub(crate) campaign: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
}

/// Whose figures, and of when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) from: DateTime<Utc>,
    /// Not included.
    pub(crate) until: DateTime<Utc>,
    pub(crate) date_type: DateType,
}

impl Scope {
    fn is_of(&self, advertiser_id: u64, publisher_id: u64) -> bool {
        self.id
            == match self.kind {
                Kind::Advertiser => advertiser_id,
                Kind::Publisher => publisher_id,
            }
    }
}

/// The totals per key; what has no key is left out.
pub(crate) fn tally<'a, K: Ord>(world: &'a World, scope: &Scope, key: impl Fn(&Source<'a>) -> Option<K>) -> BTreeMap<K, Totals> {
    let mut totals = BTreeMap::new();
    add_sales(world, scope, &key, &mut totals);
    add_traffic(world, scope, &key, &mut totals);
    totals
}

fn add_sales<'a, K: Ord>(
    world: &'a World,
    scope: &Scope,
    key: &impl Fn(&Source<'a>) -> Option<K>,
    totals: &mut BTreeMap<K, Totals>,
) {
    let as_of = world.reports_as_of();
    let within = |at: DateTime<Utc>| scope.from <= at && at < scope.until;
    let dated = match (scope.date_type, world.rules.booking) {
        (DateType::Transaction, Booking::TransactionDate) => Dated::Created,
        (DateType::Transaction, Booking::ClickDate) => Dated::Clicked,
        (DateType::Validation, _) => Dated::Decided,
    };
    for sale in world.sales.of(scope.kind, scope.id, dated, scope.from, scope.until).filter(|sale| sale.is_visible(as_of)) {
        let state = sale.state(as_of);
        let booked = match dated {
            Dated::Clicked => sale.clicked.or(Some(sale.created)),
            Dated::Decided => state.validated,
            Dated::Created | Dated::Amended | Dated::Paid => Some(sale.created),
        };
        let source = source(world, sale);
        if !booked.is_some_and(within) || state.status == Status::Deleted || is_gone(world, scope, &source) {
            continue;
        }
        let Some(key) = key(&source) else {
            continue;
        };
        let row: &mut Totals = totals.entry(key).or_default();
        let bucket = match state.status {
            Status::Pending => &mut row.pending,
            Status::Approved if sale.bonus => &mut row.bonus,
            Status::Approved => &mut row.confirmed,
            Status::Declined | Status::Deleted => &mut row.declined,
        };
        *bucket = bucket.plus(Bucket { number: 1, value: state.sale, commission: state.commission });
    }
}

fn source<'a>(world: &'a World, sale: &'a Sale) -> Source<'a> {
    Source {
        advertiser_id: sale.advertiser_id,
        publisher_id: sale.publisher_id,
        creative_id: sale.creative_id,
        campaign: sale.campaign.as_deref(),
        region: world.region_of(sale.advertiser_id, sale.publisher_id, dice::mix(world.seed, sale.id)),
    }
}

fn is_gone(world: &World, scope: &Scope, source: &Source<'_>) -> bool {
    source.region.is_some_and(|region| world.is_gone(scope.kind, scope.id, region))
}

/// Clicks and impressions come in some hours, as the seed has it, while a publisher takes part in a programme.
fn add_traffic<'a, K: Ord>(
    world: &'a World,
    scope: &Scope,
    key: &impl Fn(&Source<'a>) -> Option<K>,
    totals: &mut BTreeMap<K, Totals>,
) {
    /// One hour in so many has traffic.
    const RARITY: u64 = 40;

    let as_of = world.reports_as_of();
    let until = scope.until.min(as_of + TimeDelta::seconds(1));
    let first_hour = scope.from.max(world.traffic_from).timestamp().div_euclid(3600);
    let last_hour = (until.timestamp() - 1).div_euclid(3600);
    let own_relations: Vec<&Relationship> =
        world.relationships.iter().filter(|it| scope.is_of(it.advertiser_id, it.publisher_id)).collect();
    for (creative, publisher) in world.creatives.iter().flat_map(|creative| world.publishers.iter().map(move |p| (creative, p))) {
        if !scope.is_of(creative.advertiser_id, publisher.id) {
            continue;
        }
        let seed = dice::mix(dice::mix(world.seed, creative.id), publisher.id);
        for hour in first_hour..=last_hour {
            let hash = dice::mix(seed, hour.unsigned_abs());
            let at = DateTime::from_timestamp(hour * 3600, 0).unwrap_or_default();
            if !hash.is_multiple_of(RARITY)
                || !was_joined(own_relations.iter().copied(), creative.advertiser_id, publisher.id, at)
            {
                continue;
            }
            let source = Source {
                advertiser_id: creative.advertiser_id,
                publisher_id: publisher.id,
                creative_id: creative.id,
                campaign: campaign(world, hash >> 40),
                region: world.region_of(creative.advertiser_id, publisher.id, hash >> 24),
            };
            if is_gone(world, scope, &source) {
                continue;
            }
            if let Some(key) = key(&source) {
                let row = totals.entry(key).or_default();
                let (clicks, impressions) = traffic(world, hash, as_of - at);
                row.clicks += clicks;
                row.impressions += impressions;
            }
        }
    }
}

/// The clicks and impressions of an hour of that age.
fn traffic(world: &World, hash: u64, age: TimeDelta) -> (u64, u64) {
    let (clicks, impressions) = ((hash >> 8) % 6, 20 + (hash >> 16) % 200);
    let dice = dice::mix(hash, 4);
    let delay = TimeDelta::hours(3 * 24 + i64::try_from((dice >> 8) % (57 * 24)).unwrap_or_default());
    let corrected = world.rules.clicks == Clicks::Corrected && dice.is_multiple_of(3) && age >= delay;
    match (corrected, dice.is_multiple_of(2)) {
        (false, _) => (clicks, impressions),
        (true, false) => (clicks / 2, impressions / 2),
        (true, true) => (clicks + 2, impressions + 30),
    }
}

/// Every other hour of traffic has no campaign.
fn campaign(world: &World, hash: u64) -> Option<&str> {
    (hash.is_multiple_of(2) && !world.campaigns.is_empty()).then(|| dice::choose(hash >> 1, &world.campaigns).as_str())
}
