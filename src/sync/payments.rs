//! Which payments were made to a publisher: what their breakdowns are asked by, and what moves the payment flags of sales.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::lookup::{self, number, text};
use super::pages::{Pages, Shown, Turn, cut_off};
use crate::awin::{CallError, Client, FailedCall, Patience};
use crate::json;
use crate::protocol::{Emitter, Level};
use crate::streams::{self, AccountId, Page, Payment};

/// So many payments are compared to find a new one: more than can be made between two syncs.
const LAST: usize = 20;

/// The payments of an account, the newest first, as far as they were asked for.
#[derive(Debug, Clone, Default)]
struct PaymentList {
    payments: Vec<Payment>,
    /// Whether there are none before these.
    is_whole: bool,
}

/// Asks for payments, and remembers the answers.
pub(super) struct Payments {
    client: Client,
    emitter: Emitter,
    zone: Tz,
    known: BTreeMap<AccountId, Result<PaymentList, FailedCall>>,
}

impl Payments {
    /// Nothing asked yet. Dates are those of `zone`.
    pub(super) fn new(client: Client, emitter: Emitter, zone: Tz) -> Self {
        Self { client, emitter, zone, known: BTreeMap::new() }
    }

    /// The payments to `account` that were processed on `day` or later, the newest first, and those of which it is not known when.
    pub(super) async fn since(
        &mut self,
        account: AccountId,
        day: NaiveDate,
        patience: Patience,
    ) -> Result<Vec<Payment>, FailedCall> {
        let is_known = match self.known.get(&account) {
            Some(Ok(listed)) => listed.reaches(day),
            // What Awin refuses, it refuses again.
            Some(Err(failed)) => matches!(failed.error, CallError::Refused { .. }),
            None => false,
        };
        if !is_known {
            let listed = self.list(account, day, patience).await;
            self.known.insert(account, listed);
        }
        let listed = self.known[&account].as_ref().map_err(Clone::clone)?;
        Ok(listed.payments.iter().filter(|payment| !payment.is_before(day)).cloned().collect())
    }

    /// The last payments to `account`. They are only asked for without insisting: the stream that reads them says what is wrong.
    pub(super) async fn last(&mut self, account: AccountId) -> Result<Vec<u64>, FailedCall> {
        self.since(account, NaiveDate::MAX, Patience::Little).await?;
        let listed = self.known[&account].as_ref().map_err(Clone::clone)?;
        Ok(listed.payments.iter().take(LAST).map(|payment| payment.id).collect())
    }

    async fn list(&self, account: AccountId, day: NaiveDate, patience: Patience) -> Result<PaymentList, FailedCall> {
        let mut pages = Pages::new(streams::payments_paging(), None);
        let mut listed = PaymentList::default();
        loop {
            let request = streams::payments(account, &pages.page());
            let add = |page: &mut Vec<Payment>, row: &[u8]| self.add(page, row);
            let found = lookup::rows(&self.client, request.clone(), "results", patience, 0, add).await?;
            let page: Vec<Payment> = found.what;
            let keys: Vec<u64> = page.iter().map(|payment| payment.id).collect();
            let shown = Shown {
                rows: page.len() as u64,
                keys,
                is_past: page.last().is_some_and(|payment| payment.is_before(day)),
                next_token: found.next_token,
                ..Shown::default()
            };
            let is_past = shown.is_past;
            listed.payments.extend(page);
            match pages.turn(shown) {
                Turn::Page(Page::FIRST) => listed.payments.clear(),
                Turn::Page(_) => {}
                turn @ (Turn::End | Turn::Cut) => {
                    if turn == Turn::Cut {
                        self.emitter.log(Level::Warn, cut_off("payment_breakdowns"));
                    }
                    listed.is_whole = !is_past;
                    // Pages share a row.
                    listed.payments.dedup();
                    return Ok(listed);
                }
                Turn::Wrong(what) => return Err(FailedCall { request, error: CallError::Shape(what) }),
            }
        }
    }

    fn add(&self, page: &mut Vec<Payment>, row: &[u8]) -> Result<(), String> {
        let row: PaymentRow<'_> = serde_json::from_slice(row).map_err(|_| "a payment is not an object".to_owned())?;
        let id = number(row.id).ok_or("a payment has no `paymentId`")?;
        let processed = text(row.processed).and_then(|text| json::stamp(text.as_bytes(), self.zone).map(Cow::into_owned));
        page.push(Payment { id, processed: processed.and_then(|stamp| String::from_utf8(stamp).ok()) });
        Ok(())
    }
}

impl PaymentList {
    fn reaches(&self, day: NaiveDate) -> bool {
        self.is_whole || self.payments.last().is_some_and(|payment| payment.is_before(day))
    }
}

#[derive(Deserialize)]
struct PaymentRow<'a> {
    #[serde(borrow, rename = "paymentId")]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "processingDate")]
    processed: Option<&'a RawValue>,
}
