//! Changing a few sales right now, so that somebody who tries the connector sees that it notices.

use chrono::TimeDelta;

use crate::amount::{decimal, percent};
use crate::sale::{Event, Sale, State, Status};
use crate::world::World;

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The transaction.
    pub transaction_id: u64,
    /// Its advertiser.
    pub advertiser_id: u64,
    /// Its publisher.
    pub publisher_id: u64,
    /// `declined`, `approved`, `amended` or `added`.
    pub what: &'static str,
}

impl World {
    /// From this instant on nothing happens to sales by itself: what was to come is forgotten.
    pub fn stand_still(&mut self) {
        let now = self.now();
        self.sales = self.sales.iter().filter(|sale| sale.is_visible(now)).cloned().collect();
        self.sales.iter_mut().for_each(|sale| sale.events.retain(|(at, _)| *at <= now));
    }

    /// Declines the oldest pending sale, approves and amends the next two, and adds a new one, all at this instant.
    pub fn change_something(&mut self) -> Vec<Change> {
        let now = self.now();
        let declined = Event::Decline { reason: "Changed by the sandbox".to_owned() };
        let mut changes = Vec::new();
        let mut planned = vec![("amended", None), ("approved", Some(Event::Approve)), ("declined", Some(declined))];
        for sale in &mut self.sales {
            if !sale.is_visible(now) || sale.state(now).status != Status::Pending {
                continue;
            }
            let Some((what, event)) = planned.pop() else {
                break;
            };
            let event = event.unwrap_or_else(|| amendment(&sale.state(now)));
            // What else was to become of it no longer happens.
            sale.events.retain(|(at, _)| *at <= now);
            sale.happens(now, event);
            changes.push(change(sale, what));
        }
        if let Some(sale) = self.new_sale() {
            changes.push(change(&sale, "added"));
            self.sales.push(sale);
        }
        changes
    }

    /// Amends the oldest approved sale and declines the next one, both at this instant: what a closed month is afraid of.
    pub fn correct_something(&mut self) -> Vec<Change> {
        let now = self.now();
        let mut planned = vec![("declined", true), ("amended", false)];
        let mut changes = Vec::new();
        for sale in &mut self.sales {
            let state = sale.state(now);
            // Half of nothing is nothing.
            if !sale.is_visible(now) || state.status != Status::Approved || state.commission.is_zero() {
                continue;
            }
            let Some((what, is_declined)) = planned.pop() else { break };
            let event =
                if is_declined { Event::Decline { reason: "Corrected by the sandbox".to_owned() } } else { amendment(&state) };
            sale.events.retain(|(at, _)| *at <= now);
            sale.happens(now, event);
            changes.push(change(sale, what));
        }
        changes
    }

    /// A sale of the newest pair, tracked a minute ago.
    fn new_sale(&self) -> Option<Sale> {
        let now = self.now();
        let newest = self.sales.created_until(now).last()?;
        let id = self.sales.iter().map(|sale| sale.id).max()? + 1;
        let created = now - TimeDelta::minutes(1);
        let mut sale = Sale::new(id, newest.advertiser_id, newest.publisher_id, created, decimal("119.90"), decimal("6.00"));
        sale.visible_from = now;
        sale.creative_id = newest.creative_id;
        sale.group_id = newest.group_id;
        Some(sale)
    }
}

fn amendment(state: &State<'_>) -> Event {
    Event::Amend {
        sale: percent(state.sale, 50),
        commission: percent(state.commission, 50),
        reason: "Changed by the sandbox".to_owned(),
    }
}

fn change(sale: &Sale, what: &'static str) -> Change {
    Change { transaction_id: sale.id, advertiser_id: sale.advertiser_id, publisher_id: sale.publisher_id, what }
}
