//! The unit of work: a partition and a cut of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;

use super::{Lane, Moment, Partition, Window};

/// What one request, with its pages, answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Whose rows.
    pub partition: Partition,
    /// By which date they are asked for.
    pub lane: &'static Lane,
    /// Which of them.
    pub cut: Cut,
}

/// Which rows of a partition.
#[derive(Debug, Clone, PartialEq)]
pub enum Cut {
    /// Those of a stretch of time.
    Window(Window),
    /// Whether there are any in a stretch of time: none of them is emitted.
    Any(Window),
    /// Of those of a stretch of time, the ones of certain days.
    Days(Window, Arc<BTreeSet<NaiveDate>>),
    /// Those of a programme that the publisher has joined.
    Programme(u64),
    /// Those of a payment to the publisher.
    Payment(Payment),
    /// The rates of a programme that the publisher has joined, back to those that held at a moment.
    Rates(u64, Moment),
    /// All.
    Whole,
}

/// A payment to a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Awin's `paymentId`.
    pub id: u64,
    /// Its `processingDate` as a stamp in the zone of the configuration, if Awin gives one.
    pub processed: Option<String>,
}

impl Payment {
    /// Whether it was certainly processed at `end` or later; false without a date.
    pub fn is_after(&self, end: Option<Moment>) -> bool {
        let end = end.map(|end| end.date_naive().to_string());
        end.is_some_and(|end| self.processed.as_ref().is_some_and(|processed| *processed >= end))
    }

    /// Whether it was certainly processed before `day`; false without a date.
    pub fn is_before(&self, day: NaiveDate) -> bool {
        self.processed.as_ref().and_then(|processed| processed.get(..10)?.parse().ok()).is_some_and(|at: NaiveDate| at < day)
    }
}

impl Cut {
    /// The programme or payment that it is the rows of: one of several such parts of a partition, each asked for on its own.
    pub fn part(&self) -> Option<u64> {
        match self {
            Self::Programme(id) | Self::Payment(Payment { id, .. }) | Self::Rates(id, _) => Some(*id),
            Self::Window(_) | Self::Any(_) | Self::Days(..) | Self::Whole => None,
        }
    }
}

impl Slice {
    /// Its window, if it is one.
    pub fn window(&self) -> Option<Window> {
        match self.cut {
            Cut::Window(window) | Cut::Any(window) | Cut::Days(window, _) => Some(window),
            Cut::Programme(_) | Cut::Payment(_) | Cut::Rates(..) | Cut::Whole => None,
        }
    }

    /// The same with another window.
    #[must_use]
    pub fn with_window(&self, window: Window) -> Self {
        Self { cut: Cut::Window(window), ..self.clone() }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(window) | Self::Any(window) | Self::Days(window, _) => write!(f, "{window}"),
            Self::Programme(id) | Self::Rates(id, _) => write!(f, "programme {id}"),
            Self::Payment(payment) => write!(f, "payment {}", payment.id),
            Self::Whole => Ok(()),
        }
    }
}
