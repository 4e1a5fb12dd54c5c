//! What Awin writes down for advertisers: billing documents and the ups and downs of a prepayment.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

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
