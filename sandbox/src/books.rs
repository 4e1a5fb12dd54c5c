//! What Awin writes down for advertisers: billing documents and the ups and downs of a prepayment.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::amount::percent;
use crate::dice::{Dice, mix};
use crate::sale::Event;
use crate::world::{Kind, World};

/// The kind of a billing document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// The commission and fees of a month.
    Invoice,
    /// What is given back of it.
    CreditNote,
    /// A prepayment that is paid back.
    PrepaymentRefund,
    /// A prepayment that is asked for.
    PrepaymentRequest,
    /// A prepayment that was made.
    PrepaymentInvoice,
}

impl DocumentKind {
    /// As Awin writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invoice => "INVOICE",
            Self::CreditNote => "CREDIT_NOTE",
            Self::PrepaymentRefund => "PREPAYMENT_REFUND",
            Self::PrepaymentRequest => "PREPAYMENT_REQUEST",
            Self::PrepaymentInvoice => "PREPAYMENT_INVOICE",
        }
    }
}

/// A billing document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingDocument {
    /// `documentNumber`
    pub number: String,
    /// Whose.
    pub advertiser_id: u64,
    /// Kind.
    pub kind: DocumentKind,
    /// Listed from then on; its day (UTC) is `documentDate`.
    pub issued: DateTime<Utc>,
    /// In the programme's currency.
    pub amount: Decimal,
}

/// A change of the status that an advertiser's links have by its prepayment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepaymentChange {
    /// Whose.
    pub advertiser_id: u64,
    /// `statusChangedAt`
    pub at: DateTime<Utc>,
    /// Do the links lead to the shop from then on?
    pub links_active: bool,
    /// What was left of the prepayment, in the programme's currency.
    pub balance: Decimal,
}

/// Writes the books of the advertiser accounts for the months of `from..to`: each month is invoiced on the 1st of the next, with
/// the commissions approved in it; some of it is given back on the 12th. Every second advertiser prepays: its links stop on the
/// 18th of each month, with a request, and go on four days later; twice a year a prepayment is paid back.
pub(crate) fn write(world: &mut World, from: DateTime<Utc>, to: DateTime<Utc>) {
    let approved = approved_by_month(world);
    let accounts = world.accounts.iter().filter(|account| account.kind == Kind::Advertiser);
    let advertisers: Vec<u64> = accounts.map(|account| account.id).collect();
    for advertiser_id in advertisers {
        let mut dice = Dice::new(mix(mix(world.seed, 0xb00c), advertiser_id));
        let mut month = first_of(from);
        while month < first_of(to) {
            let next = month + Months::new(1);
            let commissions = approved.get(&(advertiser_id, month)).copied().unwrap_or_default();
            let back = -percent(commissions, dice.between(1, 20));
            let prepaid = Decimal::new(dice.between(500, 5_000) * 100, 2);
            let mut document = |kind, day, amount| {
                let number = format!("{advertiser_id}-{}-{day:02}", next.format("%Y-%m"));
                world.billing_documents.push(BillingDocument { number, advertiser_id, kind, issued: morning(next, day), amount });
            };
            document(DocumentKind::Invoice, 1, commissions);
            if dice.chance(40) {
                document(DocumentKind::CreditNote, 12, back);
            }
            if advertiser_id.is_multiple_of(2) {
                document(DocumentKind::PrepaymentRequest, 18, prepaid);
                document(DocumentKind::PrepaymentInvoice, 22, prepaid);
                if next.month().is_multiple_of(6) {
                    document(DocumentKind::PrepaymentRefund, 25, -percent(prepaid, 10));
                }
                for (day, links_active, balance) in [(18, false, Decimal::new(dice.between(-5_000, 0), 2)), (22, true, prepaid)] {
                    let at = morning(next, day) + TimeDelta::seconds(dice.between(0, 3_600));
                    world.prepayment_changes.push(PrepaymentChange { advertiser_id, at, links_active, balance });
                }
            }
            month = next;
        }
    }
}

/// Commissions by advertiser and the first day of the month (UTC) in which they were approved.
fn approved_by_month(world: &World) -> BTreeMap<(u64, NaiveDate), Decimal> {
    let mut approved: BTreeMap<_, Decimal> = BTreeMap::new();
    for sale in &world.sales {
        if let Some((at, _)) = sale.events.iter().find(|(_, event)| *event == Event::Approve) {
            *approved.entry((sale.advertiser_id, first_of(*at))).or_default() += sale.state(*at).commission;
        }
    }
    approved
}

fn first_of(at: DateTime<Utc>) -> NaiveDate {
    at.date_naive().with_day(1).unwrap_or_default()
}

fn morning(month: NaiveDate, day: u64) -> DateTime<Utc> {
    (month + Days::new(day - 1)).and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(6)
}
