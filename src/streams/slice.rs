//! The unit of work: a partition and a cut of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;

use super::{Lane, Partition, Window};

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
    /// All.
    Whole,
}

impl Slice {
    /// Its window, if it is one.
    pub fn window(&self) -> Option<Window> {
        match self.cut {
            Cut::Window(window) | Cut::Any(window) | Cut::Days(window, _) => Some(window),
            Cut::Programme(_) | Cut::Whole => None,
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
            Self::Programme(id) => write!(f, "programme {id}"),
            Self::Whole => Ok(()),
        }
    }
}
