//! What each stream is, and which request answers it: declarations and pure functions.
//!
//! A stream is declared once, in [`STREAMS`]. The declaration drives `discover`, the requests, the keys and the tests. To
//! add a stream of a known kind, add a declaration and a schema in `catalog/`.

mod model;
mod regions;
mod window;

mod slice;

mod endpoint;

mod stream;

mod declarations;

mod catalog;
pub mod joins;
mod lookups;

pub use catalog::{discover, json_schema};
pub use declarations::{STREAMS, find};
pub use endpoint::{Endpoint, Page, Paging, Param, Rows};
pub use lookups::{accounts, activity, change_lanes, joined_programmes, payments, payments_paging, transactions};
pub use model::{
    AGAIN_LANE, AccountId, AccountKind, CHANGES_OVERLAP_DAYS, FEED_OVERLAP_DAYS, Lane, MAIN_LANE, Moment, Partition, Role,
};
pub use regions::{CAMPAIGN_REGIONS, REGIONS};
pub use slice::{Cut, Payment, Slice};
pub use stream::{DaySource, Events, Feed, REPORTS_ONLY_ZONES, ROW_ID, Report, Source, Stream};
pub use window::{Window, midnight, window_count, windows};
