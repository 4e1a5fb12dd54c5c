//! A world to begin with.

use chrono::{DateTime, Days, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::amount::decimal;
use crate::books;
use crate::history;
use crate::market::{CommissionGroup, Creative, Programme, Publisher, Rate, Relationship, Standing};
use crate::offers;
use crate::world::{Access, Account, Kind, World};

/// Region, currency and name of the demo's programmes, in their order.
const SHOPS: [(&str, &str, &str); 6] = [
    ("DE", "EUR", "Lampenladen \u{201e}Hell\u{201c} DE"),
    ("GB", "GBP", "Example Shop GB"),
    ("US", "USD", "Example Shop US"),
    ("FR", "EUR", "Caf\u{e9} & Th\u{e9} FR"),
    ("PL", "PLN", "Sklep PL"),
    ("SE", "SEK", "Affär SE"),
];
const FIRST_ADVERTISER: u64 = 90_210;
const FIRST_PUBLISHER: u64 = 500_321;
/// A publisher that works for all the demo's advertisers, but is not an account of the user.
const FOREIGN_PUBLISHER: u64 = 600_001;
/// Publishers that stand to the demo's advertisers in other ways than by taking part.
const FIRST_APPLICANT: u64 = 610_001;
/// Programmes that no publisher has joined: a visible one without a region, and a hidden one.
const FOREIGN_PROGRAMMES: [u64; 2] = [81_001, 81_002];

/// The measures of a demo world.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// Decides everything.
    pub seed: u64,
    /// Time.
    pub now: DateTime<Utc>,
    /// Length of the history.
    pub days_back: u32,
    /// How far sales are made up in advance: they come to light as the clock moves.
    pub days_ahead: u32,
    /// For each programme.
    pub sales_per_day: u32,
    /// Advertiser accounts, 90210 and up: Germany/EUR, Britain/GBP, USA/USD, France/EUR, Poland/PLN, Sweden/SEK, and
    /// round again.
    pub advertisers: u32,
    /// Publisher accounts, 500321 and up.
    pub publishers: u32,
}

impl Demo {
    /// Three advertisers, two publishers, 120 days back and 60 ahead, four sales a day and programme.
    pub fn new(seed: u64, now: DateTime<Utc>) -> Self {
        Self { seed, now, days_back: 120, days_ahead: 60, sales_per_day: 4, advertisers: 3, publishers: 2 }
    }

    /// The world.
    pub fn build(&self) -> World {
        let mut world = World::empty(self.now);
        let from = self.now - TimeDelta::days(i64::from(self.days_back));
        let to = self.now + TimeDelta::days(i64::from(self.days_ahead));
        world.seed = self.seed;
        world.traffic_from = from;
        world.campaigns = ["spring", "sommer/\u{fc}ber", "black \"friday\""].map(str::to_owned).to_vec();
        self.add_programmes(&mut world, from);
        self.add_publishers(&mut world);
        add_foreigners(&mut world);
        relate_all(&mut world, from);
        world.sales = history::generate(self.seed, from, to, self.sales_per_day, &world).into_iter().collect();
        world.queries = history::generate_queries(self.seed, from, to, &world);
        add_partnerships(&mut world, from);
        add_earlier_rates(&mut world, from);
        world.offers = offers::generate(self.seed, from, to, &world);
        books::write(&mut world, from, to);
        world
    }

    fn add_programmes(&self, world: &mut World, from: DateTime<Utc>) {
        for (id, (region, currency, name)) in (FIRST_ADVERTISER..).zip(SHOPS.iter().cycle()).take(self.advertisers as usize) {
            world.accounts.push(account(id, name, Kind::Advertiser));
            world.programmes.push(Programme {
                id,
                name: (*name).to_owned(),
                region: (*region).to_owned(),
                currency: (*currency).to_owned(),
                sector: "Home & Garden".to_owned(),
                link_status: (id.is_multiple_of(2)).then(|| "Live".to_owned()),
                hides_region: false,
                hidden: false,
                shares_details: id.is_multiple_of(2),
                closed: None,
            });
            let group = |number: u64, code: &str, name: &str, rate: Rate| CommissionGroup {
                id: id * 10 + number,
                advertiser_id: id,
                code: code.to_owned(),
                name: name.to_owned(),
                rate,
                from,
                until: None,
            };
            world.groups.push(group(1, "DEFAULT", "Default group", Rate::Percentage(decimal("5.0"))));
            world.groups.push(group(2, "LEAD", "Newsletter", Rate::Fix(decimal("1.5"))));
            world.groups.push(group(3, "ZERO", "Gutscheine ohne Verg\u{fc}tung", Rate::Percentage(decimal("0"))));
            let creative = |number: u64, name: &str, tag: Option<&str>| Creative {
                id: id * 10 + number,
                advertiser_id: id,
                name: Some(name.to_owned()),
                tag: tag.map(str::to_owned),
            };
            world.creatives.push(creative(1, "Banner 728x90", Some("seasonal")));
            world.creatives.push(creative(2, "Text link \u{2192} home", None));
            world.creatives.push(creative(3, "Product feed", Some("feed")));
        }
    }

    fn add_publishers(&self, world: &mut World) {
        for (number, id) in (0..self.publishers).zip(FIRST_PUBLISHER..) {
            let name = format!("Example Blog {}", number + 1);
            world.accounts.push(account(id, &name, Kind::Publisher));
            world.publishers.push(publisher(id, &name));
        }
    }
}

impl World {
    /// The usual demo world: see [`Demo::new`].
    pub fn demo(seed: u64, now: DateTime<Utc>) -> Self {
        Demo::new(seed, now).build()
    }
}

fn account(id: u64, name: &str, kind: Kind) -> Account {
    let role = if id.is_multiple_of(2) { "userViewer" } else { "userOwner" };
    Account { id, name: name.to_owned(), kind, role: role.to_owned(), access: Access::Ok, listed: true }
}

fn publisher(id: u64, name: &str) -> Publisher {
    Publisher {
        id,
        name: name.to_owned(),
        url: format!("https://blog-{id}.example/"),
        region: (id % 2 == 1).then(|| "DE".to_owned()),
        sales_regions: ["DE", "AT"].map(str::to_owned).to_vec(),
        promotion_type: Some("Editorial Content".to_owned()),
    }
}

fn relate_all(world: &mut World, since: DateTime<Utc>) {
    let accounts: Vec<Account> = world.accounts.clone();
    for advertiser in accounts.iter().filter(|account| account.kind == Kind::Advertiser) {
        for (number, publisher) in world.publishers.iter().enumerate() {
            world.relationships.push(Relationship {
                advertiser_id: advertiser.id,
                publisher_id: publisher.id,
                standing: Standing::Joined,
                since,
                tags: (number.is_multiple_of(2)).then(|| vec!["vip".to_owned(), "bl\u{f6}g".to_owned()]),
            });
        }
    }
    if let Some(publisher) = world.publishers.first().map(|publisher| publisher.id) {
        world.relate(FOREIGN_PROGRAMMES[0], publisher, Standing::Pending, since);
    }
}

/// What the groups paid before the history begins. (Nothing is sold by it.)
fn add_earlier_rates(world: &mut World, begin: DateTime<Utc>) {
    let groups = world.groups.clone();
    for (from, until, less) in [(180, 60, 2), (60, 0, 1)] {
        let (from, until) = (begin - Days::new(from), begin - Days::new(until));
        world.groups.extend(groups.iter().cloned().filter_map(|group| {
            let rate = match group.rate {
                Rate::Percentage(rate) => Rate::Percentage((rate - Decimal::from(less)).max(Decimal::ZERO)),
                // The newest of the groups.
                Rate::Fix(_) if less == 2 => return None,
                Rate::Fix(amount) => Rate::Fix(amount - Decimal::new(25, 2)),
            };
            Some(CommissionGroup { rate, from, until: Some(until), ..group })
        }));
    }
}

/// Partnerships of the statuses that the legacy API does not show: nobody sells by them.
fn add_partnerships(world: &mut World, since: DateTime<Utc>) {
    let accounts = world.accounts.clone();
    let day = |number: u64| since + Days::new(number);
    let invitations = [Standing::Invited, Standing::InviteRejected];
    let publishers = accounts.iter().filter(|account| account.kind == Kind::Publisher);
    for ((account, standing), number) in publishers.zip(invitations.into_iter().cycle()).zip(0..) {
        world.relate(FOREIGN_PROGRAMMES[1], account.id, standing, day(10 + number));
    }
    let applicants = [Standing::Pending, Standing::Rejected, Standing::Suspended, Standing::NotJoined];
    for ((id, standing), number) in (FIRST_APPLICANT..).zip(applicants).zip(0..) {
        world.publishers.push(publisher(id, &format!("Applicant {id}")));
        for advertiser in accounts.iter().filter(|account| account.kind == Kind::Advertiser) {
            world.relate(advertiser.id, id, standing, day(20 + number));
        }
    }
}

fn add_foreigners(world: &mut World) {
    world.publishers.push(publisher(FOREIGN_PUBLISHER, "Fr\u{e9}quence Cashback"));
    for (id, hidden) in FOREIGN_PROGRAMMES.into_iter().zip([false, true]) {
        world.programmes.push(Programme {
            id,
            name: format!("Foreign Shop {id}"),
            region: "NL".to_owned(),
            currency: "EUR".to_owned(),
            sector: "Travel".to_owned(),
            link_status: None,
            hides_region: true,
            hidden,
            shares_details: false,
            closed: None,
        });
    }
}
