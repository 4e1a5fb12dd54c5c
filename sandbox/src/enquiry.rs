//! Transaction queries, which Awin also calls enquiries.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// What a transaction query complains of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// The sale was not tracked.
    Untracked,
    /// The value is wrong.
    Incorrect,
    /// It was declined wrongly.
    Declined,
}

impl Complaint {
    /// As Awin writes it in `enquiryType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Untracked => "untracked",
            Self::Incorrect => "incorrect",
            Self::Declined => "declined",
        }
    }
}

/// The advertiser's answer to a transaction query.
#[derive(Clone, Debug)]
pub struct Decision {
    /// When.
    pub at: DateTime<Utc>,
    /// Approved or declined.
    pub approved: bool,
    /// `declineReason`
    pub reason: Option<String>,
}

/// A transaction query (enquiry) of a publisher.
#[derive(Clone, Debug)]
pub struct Query {
    /// `enquiryId`
    pub id: u64,
    /// Programme asked.
    pub advertiser_id: u64,
    /// Publisher asking.
    pub publisher_id: u64,
    /// `enquiryDate`
    pub asked: DateTime<Utc>,
    /// The date of the sale, as claimed.
    pub transaction_date: Option<DateTime<Utc>>,
    /// `enquiryType`
    pub complaint: Complaint,
    /// Value claimed.
    pub sale: Option<Decimal>,
    /// Commission claimed.
    pub commission: Option<Decimal>,
    /// `orderRef`
    pub order_ref: Option<String>,
    /// `clickRef`
    pub click_ref: Option<String>,
    /// `description`
    pub description: Option<String>,
    /// What comes of it, if anything.
    pub decision: Option<Decision>,
}

impl Query {
    /// The decision, once taken.
    pub fn decided(&self, now: DateTime<Utc>) -> Option<&Decision> {
        self.decision.as_ref().filter(|decision| decision.at <= now)
    }

    /// `enquiryStatus`
    pub fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self.decided(now) {
            None => "pending",
            Some(Decision { approved: true, .. }) => "approved",
            Some(_) => "declined",
        }
    }
}
