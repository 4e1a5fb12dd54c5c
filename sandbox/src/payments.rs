//! Payments to publishers. They are not stored: they follow from the sales that were paid, so that a payment is always the
//! sum of what it pays.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::dice::mix;
use crate::sale::{Dated, Event, Status};
use crate::world::{Kind, World};

/// The days of a month on which [`World::pay_twice_a_month`] pays.
const PAYDAYS: [u32; 2] = [1, 15];
const PAY_HOUR: i64 = 10;

/// What a publisher was paid at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// `paymentId`, the same as that of the transactions that it pays.
    pub id: u64,
    /// When the first of its sales was paid.
    pub processed: DateTime<Utc>,
    /// Currency of its sales. (A payment should not be given sales of several currencies.)
    pub currency: String,
    /// What each advertiser paid: the commission of its sales as it was when they were paid.
    pub parts: BTreeMap<u64, Decimal>,
}

impl Payment {
    /// The sum of its parts.
    pub fn amount(&self) -> Decimal {
        self.parts.values().sum()
    }
}

impl World {
    /// The payments made to a publisher until now, the newest first.
    pub fn payments(&self, publisher_id: u64) -> Vec<Payment> {
        let now = self.now();
        let mut payments: BTreeMap<u64, Payment> = BTreeMap::new();
        for sale in self.sales.of(Kind::Publisher, publisher_id, Dated::Paid, DateTime::<Utc>::MIN_UTC, now) {
            let Some((at, id)) = sale.paid(now) else {
                continue;
            };
            let payment = payments.entry(id).or_insert_with(|| {
                let currency = self.programme(sale.advertiser_id).map_or("EUR", |it| it.currency.as_str());
                Payment { id, processed: at, currency: currency.to_owned(), parts: BTreeMap::new() }
            });
            payment.processed = payment.processed.min(at);
            *payment.parts.entry(sale.advertiser_id).or_default() += sale.state(at).commission;
        }
        let mut payments: Vec<Payment> = payments.into_values().collect();
        payments.sort_by_key(|it| (it.processed, it.id));
        payments.reverse();
        payments
    }

    /// Pays the sales, past and future, on the 1st and the 15th of each month at 10:00 UTC, instead of at the moments at which
    /// they were paid so far: one payment for each publisher and currency, which pays what was approved and for what the
    /// advertiser has paid. Most advertisers pay within three weeks of the approval, one sale in five takes up to 75 days.
    pub fn pay_twice_a_month(&mut self) {
        let mut currencies: Vec<&str> = self.programmes.iter().map(|it| it.currency.as_str()).collect();
        currencies.sort_unstable();
        currencies.dedup();
        let number_of = |advertiser_id: u64| {
            let currency = self.programmes.iter().find(|it| it.id == advertiser_id).map(|it| it.currency.as_str());
            currencies.iter().position(|it| Some(*it) == currency).unwrap_or_default() as u64
        };
        for sale in &mut self.sales {
            sale.events.retain(|(_, event)| !matches!(event, Event::Pay { .. }));
            let Some(approved) = sale.events.iter().rev().find(|(_, event)| *event == Event::Approve).map(|(at, _)| *at) else {
                continue;
            };
            let hash = mix(mix(self.seed, 0x9a7), sale.id);
            let wait = if hash.is_multiple_of(5) { 20 + (hash >> 8) % 56 } else { (hash >> 8) % 21 };
            let due = approved.max(sale.visible_from) + Days::new(wait);
            let (at, number) = next_payday(due);
            if sale.state(at).status == Status::Approved {
                let payment_id = number * 10_000_000 + number_of(sale.advertiser_id) * 1_000_000 + sale.publisher_id % 1_000_000;
                sale.happens(at, Event::Pay { payment_id });
            }
        }
    }
}

/// The first payday at or after `due`, and its number since January 2000.
fn next_payday(due: DateTime<Utc>) -> (DateTime<Utc>, u64) {
    let first = due.date_naive().with_day(1).unwrap_or_default();
    let days = [0, 1].into_iter().flat_map(|month| PAYDAYS.map(|day| first + Months::new(month) + Days::new(u64::from(day) - 1)));
    let mut paydays = days.map(|day| day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(PAY_HOUR));
    let at = paydays.find(|at| *at >= due).unwrap_or(due);
    let months = (at.year() - 2000) * 12 + at.month0().cast_signed();
    (at, u64::from(months.unsigned_abs()) * 2 + u64::from(at.day() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::instant;

    #[test]
    fn a_payday_is_the_next_first_or_fifteenth() {
        for (due, payday, number) in [
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z", 628),
            ("2026-03-01T10:00:01Z", "2026-03-15T10:00:00Z", 629),
            ("2026-12-15T10:00:01Z", "2027-01-01T10:00:00Z", 648),
        ] {
            assert_eq!(next_payday(instant(due)), (instant(payday), number), "{due}");
        }
    }
}
