//! Long histories with known proportions, to measure how right a copy stays: what is decided when, amended, late.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::amount::percent;
use crate::books;
use crate::clock::instant;
use crate::dice::{Dice, mix};
use crate::market::{Creative, Markets, Programme, Publisher, Relationship, Standing};
use crate::offers;
use crate::sale::{Event, Sale};
use crate::world::{Access, Account, Kind, World};

const FIRST_ADVERTISER: u64 = 90_210;
const FIRST_PARTNER: u64 = 600_001;
/// The programmes' own region comes first.
const REGIONS: [&str; 5] = ["DE", "GB", "FR", "US", "PL"];

/// When sales are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decisions {
    /// A third within 30 days, the rest 30 to 120 days after the sale.
    Spread,
    /// All sales of a month on the 5th of the next.
    Batch,
    /// All 45 days after the sale.
    Auto45,
}

/// The measures of a history. Nothing in it depends on the computer's clock: a test moves the world's.
#[derive(Clone, Copy, Debug)]
pub struct Chronicle {
    /// Decides everything.
    pub seed: u64,
    /// When sales are decided.
    pub decisions: Decisions,
    /// First day with sales.
    pub first_day: NaiveDate,
    /// Where the clock stands at first.
    pub begin: DateTime<Utc>,
    /// Days for which the clock can be moved on from there.
    pub days: u32,
    /// Of each account.
    pub sales_per_day: u32,
    /// Advertiser accounts, 90210 and up.
    pub accounts: u32,
    /// Publishers of each of them, 600001 and up.
    pub partners: u32,
    /// So many of the partners are accounts of the user.
    pub publisher_accounts: u32,
    /// Regions out of Germany, Britain, France, the USA and Poland; the partners are dealt out to them in turn.
    pub markets: u32,
    /// Sales deleted at an age of up to 400 days, in per cent.
    pub deleted_percent: u64,
}

impl Chronicle {
    /// One German advertiser, 60 sales a day since 1 October 2025 by 20 partners, and a clock that begins at
    /// 2026-01-01T05:00:00Z and has nine months (273 days) ahead. Of the sales 5 % are declined, 3 % amended before they
    /// are decided, 2 % come to light up to 10 days late, none is deleted. None is paid: see [`World::pay_twice_a_month`].
    pub fn new(seed: u64, decisions: Decisions) -> Self {
        let begin = instant("2026-01-01T05:00:00Z");
        Self {
            seed,
            decisions,
            first_day: begin.date_naive() - Days::new(92),
            begin,
            days: 273,
            sales_per_day: 60,
            accounts: 1,
            partners: 20,
            publisher_accounts: 0,
            markets: 1,
            deleted_percent: 0,
        }
    }

    /// The world.
    pub fn build(&self) -> World {
        let mut world = World::empty(self.begin);
        world.seed = self.seed;
        world.traffic_from = midnight(self.first_day);
        world.campaigns = ["spring", "autumn"].map(str::to_owned).to_vec();
        self.add_accounts(&mut world);
        self.add_partners(&mut world);
        world.sales = self.sales(&world).into_iter().collect();
        let end = self.begin + TimeDelta::days(self.days.into());
        world.offers = offers::generate(self.seed, world.traffic_from, end, &world);
        books::write(&mut world, midnight(self.first_day), end);
        world
    }

    fn advertisers(&self) -> impl Iterator<Item = u64> {
        FIRST_ADVERTISER..FIRST_ADVERTISER + u64::from(self.accounts)
    }

    fn add_accounts(&self, world: &mut World) {
        for id in self.advertisers() {
            let name = format!("Shop {id}");
            world.accounts.push(account(id, &name, Kind::Advertiser));
            world.programmes.push(Programme {
                id,
                name,
                region: REGIONS[0].to_owned(),
                currency: "EUR".to_owned(),
                sector: "Home & Garden".to_owned(),
                link_status: None,
                hides_region: false,
                hidden: false,
                shares_details: true,
                closed: None,
            });
            let creative = |number: u64| Creative {
                id: id * 10 + number,
                advertiser_id: id,
                name: Some(format!("Banner {number}")),
                tag: None,
            };
            world.creatives.extend((1..=3).map(creative));
        }
    }

    fn add_partners(&self, world: &mut World) {
        let regions = &REGIONS[..REGIONS.len().min(self.markets as usize)];
        for (id, region) in (FIRST_PARTNER..).zip(regions.iter().cycle()).take(self.partners as usize) {
            let name = format!("Partner {id}");
            if id < FIRST_PARTNER + u64::from(self.publisher_accounts) {
                world.accounts.push(account(id, &name, Kind::Publisher));
            }
            world.publishers.push(Publisher {
                id,
                name,
                url: format!("https://partner-{id}.example/"),
                region: None,
                sales_regions: Vec::new(),
                promotion_type: None,
            });
            for advertiser_id in self.advertisers() {
                world.markets.insert((advertiser_id, id), Markets::In(vec![(*region).to_owned()]));
                world.relationships.push(Relationship {
                    advertiser_id,
                    publisher_id: id,
                    standing: Standing::Joined,
                    since: world.traffic_from,
                    tags: None,
                });
            }
        }
    }

    fn sales(&self, world: &World) -> Vec<Sale> {
        let mut sales = Vec::new();
        let last = (self.begin + TimeDelta::days(self.days.into())).date_naive();
        let mut id = 3_000_000_000;
        for (number, day) in (0..).zip(self.first_day.iter_days().take_while(|day| *day <= last)) {
            for advertiser_id in self.advertisers() {
                let mut dice = Dice::new(mix(mix(self.seed, advertiser_id), number));
                for _ in 0..self.sales_per_day {
                    id += 1;
                    sales.push(self.sale(&mut dice, id, advertiser_id, day, world));
                }
            }
        }
        sales
    }

    fn sale(&self, dice: &mut Dice, id: u64, advertiser_id: u64, day: NaiveDate, world: &World) -> Sale {
        let created = midnight(day) + TimeDelta::seconds(dice.between(0, 86_399));
        let cents = dice.between(500, 30_000);
        let (value, commission) = (Decimal::new(cents, 2), Decimal::new(cents / 20, 2));
        let publisher_id = FIRST_PARTNER + dice.roll(self.partners.into());
        let mut sale = Sale::new(id, advertiser_id, publisher_id, created, value, commission);
        sale.clicked = Some(created - TimeDelta::seconds(dice.between(20, 250_000)));
        sale.creative_id = advertiser_id * 10 + 1 + dice.roll(3);
        sale.campaign = dice.chance(50).then(|| dice.pick(&world.campaigns).clone());
        if dice.chance(2) {
            sale.visible_from = created + TimeDelta::minutes(dice.between(30, 10 * 24 * 60));
        }
        // What is not known of yet is not decided either.
        let decided = self.decided(dice, created).max(sale.visible_from + TimeDelta::minutes(30));
        if dice.chance(3) {
            let minutes = (decided - sale.visible_from).num_minutes();
            let amended = sale.visible_from + TimeDelta::minutes(dice.between(1, minutes - 1));
            let left = dice.between(50, 90);
            let reason = "Partial return".to_owned();
            let amend = Event::Amend { sale: percent(value, left), commission: percent(commission, left), reason };
            sale.happens(amended, amend);
        }
        let declined = dice.chance(5);
        sale.happens(decided, if declined { Event::Decline { reason: "Order cancelled".to_owned() } } else { Event::Approve });
        if dice.chance(self.deleted_percent) {
            let deleted = sale.visible_from + TimeDelta::minutes(dice.between(30, 400 * 24 * 60));
            sale.events.retain(|(at, _)| *at < deleted);
            sale.happens(deleted, Event::Delete);
        }
        sale
    }

    fn decided(&self, dice: &mut Dice, created: DateTime<Utc>) -> DateTime<Utc> {
        match self.decisions {
            Decisions::Spread => {
                let (least, most) = if dice.roll(3) == 0 { (1, 30 * 24 * 60) } else { (30 * 24 * 60, 120 * 24 * 60) };
                created + TimeDelta::minutes(dice.between(least, most))
            }
            Decisions::Batch => {
                let first = created.date_naive().with_day(1).unwrap_or_default();
                midnight(first + Months::new(1) + Days::new(4)) + TimeDelta::minutes(dice.between(9 * 60, 11 * 60))
            }
            Decisions::Auto45 => created + TimeDelta::days(45),
        }
    }
}

fn account(id: u64, name: &str, kind: Kind) -> Account {
    Account { id, name: name.to_owned(), kind, role: "userViewer".to_owned(), access: Access::Ok, listed: true }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}
