//! A strict stand-in for the two APIs of the Awin affiliate network (the legacy one, and `/public/v1`), for tests and for
//! trials without an Awin account.
//!
//! A [`World`] is plain data: accounts, programmes, sales with a timeline, a clock, and [`Rules`] that say how Awin
//! behaves where that is not known. A [`Sandbox`] serves a world over HTTP on a loopback port; a test changes the world
//! between calls (moves the clock, adds sales, places faults), looks at the calls that came, and compares what a client
//! has copied with the truth, which the world tells itself (`World::truth_*`).
//!
//! ```
//! use awin_sandbox::{Sandbox, World, instant};
//!
//! let sandbox = Sandbox::start(World::demo(7, instant("2026-03-10T12:00:00Z")));
//! assert!(sandbox.url().starts_with("http://127.0.0.1:"));
//! sandbox.world().clock.advance(chrono::TimeDelta::days(1));
//! assert!(sandbox.calls().is_empty());
//! ```

mod amount;
mod answer;
mod books;
mod change;
mod chronicle;
mod clock;
mod control;
mod demo;
mod desk;
mod dice;
mod enquiry;
mod fault;
mod flood;
pub mod history;
mod json;
mod market;
mod offers;
mod payments;
mod public;
mod rules;
mod sale;
mod server;
mod throttle;
mod truth;
mod wire;
mod world;
mod zone;

pub use amount::decimal;
pub use answer::{DateType, Report};
pub use books::{BillingDocument, DocumentKind, PrepaymentChange};
pub use change::Change;
pub use chronicle::{Chronicle, Decisions};
pub use clock::{Clock, instant};
pub use demo::Demo;
pub use desk::Call;
pub use enquiry::{Complaint, Decision, Query};
pub use fault::{Fault, FaultBody, FaultKind, Filler, Place, RedirectTo};
pub use market::{CommissionGroup, Creative, Gap, Markets, Programme, Publisher, Rate, Relationship, Standing};
pub use offers::{Offer, OfferStatus, Voucher};
pub use payments::Payment;
pub use public::{Endpoint, Pages, ProcessingDate, PublicApi, Quota};
pub use rules::{
    Amendment, AmendmentDate, Booking, Bulk, Clicks, Deleted, Empty, Ends, FutureEnd, Limit, QueriesShape, Refusal, ReportLag,
    RetryAfter, Rules, Stamps, Throttle, ThrottleKind, Variants, Wrap,
};
pub use rust_decimal::Decimal;
pub use sale::{Event, Sale, Sales, State, Status};
pub use server::Sandbox;
pub use world::{Access, Account, Kind, World};
pub use zone::{CAMPAIGN_REGIONS, REPORT_REGIONS, REPORT_ZONES, TRANSACTION_ZONES};
