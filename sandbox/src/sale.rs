//! A transaction and what becomes of it.

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::world::Kind;

/// What happens to a transaction after it was tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The advertiser accepts it.
    Approve,
    /// The advertiser refuses it.
    Decline {
        /// Shown as `declineReason`.
        reason: String,
    },
    /// Its value changes.
    Amend {
        /// The new value of the sale.
        sale: Decimal,
        /// The new commission.
        commission: Decimal,
        /// Shown as `amendReason`.
        reason: String,
    },
    /// The publisher is paid. No date of the transaction moves.
    Pay {
        /// Shown as `paymentId`.
        payment_id: u64,
    },
    /// It is deleted: a status, the row stays. No date of the transaction moves.
    Delete,
}

/// One transaction, seen by its advertiser and by its publisher.
#[derive(Clone, Debug)]
pub struct Sale {
    /// `id`
    pub id: u64,
    /// The programme that sold.
    pub advertiser_id: u64,
    /// The publisher that sent the customer.
    pub publisher_id: u64,
    /// `transactionDate`. To move it, remove the sale and add it again.
    pub created: DateTime<Utc>,
    /// Not answered before this instant (nor before `created`): a sale that comes to light late.
    pub visible_from: DateTime<Utc>,
    /// `clickDate`
    pub clicked: Option<DateTime<Utc>>,
    /// Value, as tracked. Its currency is the programme's.
    pub sale: Decimal,
    /// Commission, as tracked.
    pub commission: Decimal,
    /// The creative that was clicked; 0 if unknown.
    pub creative_id: u64,
    /// `campaign`
    pub campaign: Option<String>,
    /// `orderRef`
    pub order_ref: Option<String>,
    /// The commission group; 0 if unknown.
    pub group_id: u64,
    /// A bonus: once approved, the reports count it as such.
    pub bonus: bool,
    /// What happens to it, in the order of time. [`Sale::then`] keeps the order.
    pub events: Vec<(DateTime<Utc>, Event)>,
}

/// `commissionStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for the advertiser.
    Pending,
    /// Accepted.
    Approved,
    /// Refused.
    Declined,
    /// Deleted.
    Deleted,
}

impl Status {
    /// As Awin writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Deleted => "deleted",
        }
    }
}

/// A transaction at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// Status.
    pub status: Status,
    /// When it was approved or declined.
    pub validated: Option<DateTime<Utc>>,
    /// Why it was declined.
    pub decline_reason: Option<&'a str>,
    /// Value.
    pub sale: Decimal,
    /// Commission.
    pub commission: Decimal,
    /// When it was amended last.
    pub amended: Option<DateTime<Utc>>,
    /// Why it was amended last.
    pub amend_reason: Option<&'a str>,
    /// Value and commission before the last amendment.
    pub old: Option<(Decimal, Decimal)>,
    /// The payment, once paid.
    pub payment_id: Option<u64>,
}

impl Sale {
    /// A pending sale without particulars, visible at once.
    pub fn new(
        id: u64,
        advertiser_id: u64,
        publisher_id: u64,
        created: DateTime<Utc>,
        sale: Decimal,
        commission: Decimal,
    ) -> Self {
        Self {
            id,
            advertiser_id,
            publisher_id,
            created,
            visible_from: created,
            clicked: None,
            sale,
            commission,
            creative_id: 0,
            campaign: None,
            order_ref: None,
            group_id: 0,
            bonus: false,
            events: Vec::new(),
        }
    }

    /// The same sale, to which `event` happens at `at`.
    #[must_use]
    pub fn then(mut self, at: DateTime<Utc>, event: Event) -> Self {
        self.happens(at, event);
        self
    }

    /// `event` happens to it at `at`.
    pub fn happens(&mut self, at: DateTime<Utc>, event: Event) {
        let position = self.events.partition_point(|(earlier, _)| *earlier <= at);
        self.events.insert(position, (at, event));
    }

    /// Does Awin know of it at `now`?
    pub fn is_visible(&self, now: DateTime<Utc>) -> bool {
        self.created <= now && self.visible_from <= now
    }

    /// What has become of it at `now`.
    pub fn state(&self, now: DateTime<Utc>) -> State<'_> {
        let mut state = State {
            status: Status::Pending,
            validated: None,
            decline_reason: None,
            sale: self.sale,
            commission: self.commission,
            amended: None,
            amend_reason: None,
            old: None,
            payment_id: None,
        };
        for (at, event) in self.events.iter().take_while(|(at, _)| *at <= now) {
            match event {
                Event::Approve => {
                    state.status = Status::Approved;
                    state.validated = Some(*at);
                    state.decline_reason = None;
                }
                Event::Decline { reason } => {
                    state.status = Status::Declined;
                    state.validated = Some(*at);
                    state.decline_reason = Some(reason);
                }
                Event::Amend { sale, commission, reason } => {
                    state.old = Some((state.sale, state.commission));
                    (state.sale, state.commission) = (*sale, *commission);
                    state.amended = Some(*at);
                    state.amend_reason = Some(reason);
                }
                Event::Pay { payment_id } => state.payment_id = Some(*payment_id),
                Event::Delete => state.status = Status::Deleted,
            }
        }
        state
    }

    /// When it was paid, as far as is known at `now`, and the payment that the transaction names. What is not visible yet is
    /// not paid yet.
    pub(crate) fn paid(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, u64)> {
        let pay = |(at, event): &(DateTime<Utc>, Event)| match event {
            Event::Pay { payment_id } => Some((self.visible_from.max(*at), *payment_id)),
            _ => None,
        };
        self.events.iter().rev().filter(|(at, _)| *at <= now).find_map(pay).filter(|(at, _)| *at <= now)
    }

    /// Its amendments up to `now`.
    pub(crate) fn amendments(&self, now: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        self.events.iter().filter(move |(at, event)| *at <= now && matches!(event, Event::Amend { .. })).map(|(at, _)| *at)
    }
}

/// Sales in the order of their creation.
#[derive(Clone, Debug, Default)]
pub struct Sales {
    rows: Vec<Sale>,
    /// Made when it is asked for, thrown away when a sale may have changed.
    index: OnceLock<Index>,
}

/// A date of a sale.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dated {
    Created,
    /// The click; where there is none, the creation.
    Clicked,
    /// Any approval or decline.
    Decided,
    /// Any amendment.
    Amended,
    /// Any payment.
    Paid,
}

/// For each account and kind of date the places of its sales, by date.
type Index = HashMap<(Kind, u64), [Vec<(DateTime<Utc>, usize)>; 5]>;

impl Sales {
    /// Adds a sale at its place.
    pub fn push(&mut self, sale: Sale) {
        let rows = self.rows_mut();
        let place = rows.partition_point(|other| (other.created, other.id) <= (sale.created, sale.id));
        rows.insert(place, sale);
    }

    /// Takes a sale out, as if it had never been.
    pub fn remove(&mut self, id: u64) -> Option<Sale> {
        let place = self.rows.iter().position(|sale| sale.id == id)?;
        Some(self.rows_mut().remove(place))
    }

    /// Number of sales, visible or not.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All, by creation.
    pub fn iter(&self) -> std::slice::Iter<'_, Sale> {
        self.rows.iter()
    }

    /// All, to be changed; `created` must stay as it is.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Sale> {
        self.rows_mut().iter_mut()
    }

    /// One of them.
    pub fn get(&self, id: u64) -> Option<&Sale> {
        self.iter().find(|sale| sale.id == id)
    }

    /// One of them, to be changed; `created` must stay as it is.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Sale> {
        self.iter_mut().find(|sale| sale.id == id)
    }

    /// Those created up to `to`, that instant included.
    pub fn created_until(&self, to: DateTime<Utc>) -> &[Sale] {
        &self.rows[..self.rows.partition_point(|sale| sale.created <= to)]
    }

    /// Those of an account with such a date in `from..=to`, by creation.
    pub(crate) fn of(
        &self,
        kind: Kind,
        account_id: u64,
        dated: Dated,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> impl Iterator<Item = &Sale> {
        let index = self.index.get_or_init(|| index(&self.rows));
        let list = index.get(&(kind, account_id)).map_or(&[][..], |lists| &lists[dated as usize]);
        let start = list.partition_point(|(at, _)| *at < from);
        let end = list.partition_point(|(at, _)| *at <= to);
        let mut places: Vec<usize> = list.get(start..end).unwrap_or_default().iter().map(|(_, place)| *place).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| &self.rows[place])
    }

    fn rows_mut(&mut self) -> &mut Vec<Sale> {
        self.index.take();
        &mut self.rows
    }
}

fn index(rows: &[Sale]) -> Index {
    let mut index = Index::new();
    for (place, sale) in rows.iter().enumerate() {
        for account in [(Kind::Advertiser, sale.advertiser_id), (Kind::Publisher, sale.publisher_id)] {
            let lists = index.entry(account).or_default();
            lists[Dated::Created as usize].push((sale.created, place));
            lists[Dated::Clicked as usize].push((sale.clicked.unwrap_or(sale.created), place));
            for (at, event) in &sale.events {
                match event {
                    Event::Approve | Event::Decline { .. } => lists[Dated::Decided as usize].push((*at, place)),
                    Event::Amend { .. } => lists[Dated::Amended as usize].push((*at, place)),
                    Event::Pay { .. } => lists[Dated::Paid as usize].push((*at, place)),
                    Event::Delete => {}
                }
            }
        }
    }
    for list in index.values_mut().flatten() {
        list.sort_unstable();
    }
    index
}

impl FromIterator<Sale> for Sales {
    fn from_iter<I: IntoIterator<Item = Sale>>(sales: I) -> Self {
        let mut all = Self::default();
        all.extend(sales);
        all
    }
}

impl Extend<Sale> for Sales {
    fn extend<I: IntoIterator<Item = Sale>>(&mut self, sales: I) {
        let rows = self.rows_mut();
        rows.extend(sales);
        rows.sort_by_key(|sale| (sale.created, sale.id));
    }
}

impl<'a> IntoIterator for &'a mut Sales {
    type Item = &'a mut Sale;
    type IntoIter = std::slice::IterMut<'a, Sale>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<'a> IntoIterator for &'a Sales {
    type Item = &'a Sale;
    type IntoIter = std::slice::Iter<'a, Sale>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
