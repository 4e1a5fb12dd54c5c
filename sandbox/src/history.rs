//! Making up histories: sales and transaction queries over a stretch of time, the same for the same seed.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::amount;
use crate::dice::{Dice, mix};
use crate::enquiry::{Complaint, Decision, Query};
use crate::market::{Programme, was_joined};
use crate::sale::{Event, Sale};
use crate::world::World;

const DECLINE_REASONS: [&str; 4] =
    ["Order cancelled", "Zur\u{fc}ckgesandt / \"Widerruf\"", "Duplicate \\ fraud", "Item out of stock\nsorry"];
const AMEND_REASONS: [&str; 2] = ["Partial return", "VAT r\u{e9}gularisation"];

/// Sales of all the joined pairs of `world` on the UTC days of `from..to`, `per_day` for each programme, with what
/// becomes of them, also after `to`.
///
/// Most are approved within two months, some after more than four; some are declined, amended, paid, deleted, never
/// decided, or come to light up to ten days late. Some stand on the first or last second of a UTC day.
pub fn generate(seed: u64, from: DateTime<Utc>, to: DateTime<Utc>, per_day: u32, world: &World) -> Vec<Sale> {
    let mut sales = Vec::new();
    let mut midnight = from.date_naive().and_time(NaiveTime::MIN).and_utc();
    while midnight < to {
        let day = midnight.timestamp().div_euclid(86_400).unsigned_abs();
        let mut dice = Dice::new(mix(seed, day));
        // Unlike for other days, whatever stretch is generated.
        let mut id = 1_000_000_000 + day * 100_000;
        for programme in &world.programmes {
            for _ in 0..per_day {
                let created = moment(&mut dice, midnight);
                id += 1;
                if let Some(sale) = make_sale(&mut dice, id, created, programme, world).filter(|_| (from..to).contains(&created))
                {
                    sales.push(sale);
                }
            }
        }
        midnight = midnight + Days::new(1);
    }
    sales
}

/// Any second of the day, with a liking for its ends.
fn moment(dice: &mut Dice, midnight: DateTime<Utc>) -> DateTime<Utc> {
    let second = match dice.roll(50) {
        0 => 0,
        1 => 86_399,
        _ => dice.between(0, 86_399),
    };
    midnight + TimeDelta::seconds(second)
}

/// A sale of `programme` by one of its publishers of that time, if it has any.
fn make_sale(dice: &mut Dice, id: u64, created: DateTime<Utc>, programme: &Programme, world: &World) -> Option<Sale> {
    let publishers: Vec<u64> = world
        .publishers
        .iter()
        .map(|publisher| publisher.id)
        .filter(|id| was_joined(&world.relationships, programme.id, *id, created))
        .collect();
    let groups: Vec<u64> = world.groups.iter().filter(|it| it.advertiser_id == programme.id).map(|it| it.id).collect();
    let creatives: Vec<u64> = world.creatives.iter().filter(|it| it.advertiser_id == programme.id).map(|it| it.id).collect();
    if publishers.is_empty() {
        return None;
    }
    let (value, commission) = amounts(dice);
    let mut sale = Sale::new(id, programme.id, *dice.pick(&publishers), created, value, commission);
    sale.clicked = dice.chance(95).then(|| created - TimeDelta::seconds(dice.between(20, 200_000)));
    sale.creative_id = if creatives.is_empty() { 0 } else { *dice.pick(&creatives) };
    sale.group_id = if groups.is_empty() { 0 } else { *dice.pick(&groups) };
    sale.campaign = (dice.chance(50) && !world.campaigns.is_empty()).then(|| dice.pick(&world.campaigns).clone());
    sale.order_ref = dice.chance(90).then(|| format!("ORD-{id}"));
    sale.bonus = dice.chance(3);
    if dice.chance(4) {
        sale.visible_from = created + TimeDelta::minutes(dice.between(30, 10 * 24 * 60));
    }
    make_events(dice, &mut sale);
    Some(sale)
}

/// A value and its commission, written in one of the ways that amounts are written.
fn amounts(dice: &mut Dice) -> (Decimal, Decimal) {
    let cents = dice.between(199, 250_000);
    let value = match dice.roll(10) {
        0 => Decimal::new(cents / 100 + 1, 0),
        1 => Decimal::new(cents / 10, 1),
        2 => Decimal::new(cents * 10, 3),
        3 => Decimal::new(cents / 100 * 100, 2),
        _ => Decimal::new(cents, 2),
    };
    let commission = match dice.roll(10) {
        0 => Decimal::new(cents / 2_000 + 1, 0),
        1 => Decimal::new(0, 0),
        2 => Decimal::new(cents, 3),
        _ => Decimal::new(cents / 20, 2),
    };
    (value, commission)
}

fn make_events(dice: &mut Dice, sale: &mut Sale) {
    let after = |from: DateTime<Utc>, dice: &mut Dice, days: (i64, i64)| {
        from + TimeDelta::minutes(dice.between(days.0 * 24 * 60, days.1 * 24 * 60))
    };
    let delay = if dice.chance(8) { (100, 200) } else { (1, 60) };
    let decided = after(sale.created, dice, delay);
    if dice.chance(10) {
        let amended = after(sale.created, dice, (0, delay.0));
        let percent = dice.between(20, 130);
        let (value, commission) = (amount::percent(sale.sale, percent), amount::percent(sale.commission, percent));
        let reason = (*dice.pick(&AMEND_REASONS)).to_owned();
        sale.happens(amended, Event::Amend { sale: value, commission, reason });
    }
    match dice.roll(20) {
        0 => {}
        1 => sale.happens(decided, Event::Delete),
        2..=4 => {
            let reason = (*dice.pick(&DECLINE_REASONS)).to_owned();
            sale.happens(decided, Event::Decline { reason });
        }
        _ => {
            sale.happens(decided, Event::Approve);
            if dice.chance(60) {
                let paid = after(decided, dice, (5, 45));
                // Each at its own moment, and so by a payment of its own; `World::pay_twice_a_month` gathers them.
                sale.happens(paid, Event::Pay { payment_id: sale.id % 1_000_000_000 });
            }
        }
    }
}

/// Transaction queries of all the joined pairs of `world` on the UTC days of `from..to`, about one in two days for each
/// pair, most of them decided within forty days.
pub fn generate_queries(seed: u64, from: DateTime<Utc>, to: DateTime<Utc>, world: &World) -> Vec<Query> {
    let pairs: Vec<(u64, u64)> = world
        .programmes
        .iter()
        .flat_map(|programme| world.publishers.iter().map(|publisher| (programme.id, publisher.id)))
        .collect();
    let mut queries = Vec::new();
    let mut midnight = from.date_naive().and_time(NaiveTime::MIN).and_utc();
    while midnight < to {
        let day = midnight.timestamp().div_euclid(86_400).unsigned_abs();
        let mut dice = Dice::new(mix(mix(seed, 77), day));
        for (id, (advertiser_id, publisher_id)) in (day * 1_000..).zip(&pairs) {
            let asked = moment(&mut dice, midnight);
            let query = make_query(&mut dice, id, asked, *advertiser_id, *publisher_id);
            if dice.chance(50)
                && (from..to).contains(&asked)
                && was_joined(&world.relationships, *advertiser_id, *publisher_id, asked)
            {
                queries.push(query);
            }
        }
        midnight = midnight + Days::new(1);
    }
    queries
}

fn make_query(dice: &mut Dice, id: u64, asked: DateTime<Utc>, advertiser_id: u64, publisher_id: u64) -> Query {
    let (value, commission) = amounts(dice);
    let approved = dice.chance(60);
    Query {
        id,
        advertiser_id,
        publisher_id,
        asked,
        transaction_date: dice.chance(90).then(|| asked - TimeDelta::minutes(dice.between(60, 15 * 24 * 60))),
        complaint: *dice.pick(&[Complaint::Untracked, Complaint::Incorrect, Complaint::Declined]),
        sale: dice.chance(90).then_some(value),
        commission: dice.chance(80).then_some(commission),
        order_ref: dice.chance(80).then(|| format!("ORD-Q{id}")),
        click_ref: dice.chance(70).then(|| format!("ref{}", id % 7)),
        description: dice.chance(80).then(|| "Bought, not \"tracked\" \u{2013} caf\u{e9}".to_owned()),
        decision: dice.chance(85).then(|| Decision {
            at: asked + TimeDelta::minutes(dice.between(60, 40 * 24 * 60)),
            approved,
            reason: (!approved).then(|| "Order returned".to_owned()),
        }),
    }
}
