//! Offers, which the API calls promotions: what publishers may tell their visitors.

use chrono::{DateTime, Days, TimeDelta, Utc};

use crate::dice::{Dice, mix};
use crate::world::World;

/// An offer of an advertiser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// `promotionId`
    pub id: u64,
    /// Whose.
    pub advertiser_id: u64,
    /// The voucher that it needs, if any.
    pub voucher: Option<Voucher>,
    /// `title`
    pub title: String,
    /// At some instant the title becomes another.
    pub retitled: Option<(DateTime<Utc>, String)>,
    /// `dateAdded`: not listed before.
    pub added: DateTime<Utc>,
    /// `startDate`
    pub starts: DateTime<Utc>,
    /// `endDate`: not listed afterwards.
    pub ends: DateTime<Utc>,
    /// `campaign`
    pub campaign: Option<String>,
    /// Regions that it is for; `None`: all.
    pub regions: Option<Vec<String>>,
}

/// A voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// `code`; publishers that have not joined do not see it.
    pub code: String,
    /// `exclusive`
    pub exclusive: bool,
    /// `attributable`
    pub attributable: bool,
}

/// Which of the offers are asked for. Those that are over cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferStatus {
    /// Valid now.
    Active,
    /// Valid now, and over within seven days.
    ExpiringSoon,
    /// Not valid yet.
    Upcoming,
}

impl Offer {
    /// Is it listed at `now` for those who ask for this status?
    pub fn is_listed(&self, status: OfferStatus, now: DateTime<Utc>) -> bool {
        let is_active = self.starts <= now && now <= self.ends;
        self.added <= now
            && match status {
                OfferStatus::Active => is_active,
                OfferStatus::ExpiringSoon => is_active && self.ends <= now + Days::new(7),
                OfferStatus::Upcoming => now < self.starts,
            }
    }

    /// The title at `now`.
    pub fn title(&self, now: DateTime<Utc>) -> &str {
        self.retitled.as_ref().filter(|(at, _)| *at <= now).map_or(&self.title, |(_, title)| title)
    }

    /// When it changed last, as far as is known at `now`.
    pub fn updated(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.retitled.as_ref().map(|(at, _)| *at).filter(|at| *at <= now).unwrap_or(self.added)
    }
}

/// Offers of all the programmes of `world`, one in five days for each, added from `from` to `to`.
pub(crate) fn generate(seed: u64, from: DateTime<Utc>, to: DateTime<Utc>, world: &World) -> Vec<Offer> {
    let mut offers = Vec::new();
    for programme in &world.programmes {
        let mut dice = Dice::new(mix(mix(seed, 0x0ff), programme.id));
        let mut added = from;
        while added < to {
            added += TimeDelta::minutes(dice.between(60, 10 * 24 * 60));
            let number = offers.len() as u64 + 1;
            let starts = added + Days::new(dice.roll(10));
            let code = format!("SAVE{}", dice.between(10, 99));
            offers.push(Offer {
                id: 77_000 + number,
                advertiser_id: programme.id,
                voucher: dice.chance(50).then(|| Voucher { code, exclusive: dice.chance(30), attributable: dice.chance(50) }),
                title: format!("{} % off \u{2013} \"{}\"", dice.between(5, 50), programme.name),
                retitled: dice.chance(20).then(|| (added + Days::new(1 + dice.roll(9)), "Longer, and better".to_owned())),
                added,
                starts,
                ends: starts + Days::new(1 + dice.roll(40)),
                campaign: dice.chance(50).then(|| "winter".to_owned()),
                regions: dice.chance(70).then(|| vec![programme.country().to_owned()]),
            });
        }
    }
    offers
}
