//! Awin's two APIs as HTTP: one client, a quota for each, one retry policy. Knows nothing of streams.

mod client;
mod error;
mod notice;
mod quota;
mod rate;
mod request;
mod retry;
mod timing;
mod transport;

pub use client::{Body, Call, Client, Observer, Settings};
pub use error::{CallError, FailedCall};
pub use notice::Notice;
pub use quota::{IN_FLIGHT, Quota};
pub use request::{Api, Request};
pub use retry::Patience;
pub use timing::Timing;
pub use transport::{Answer, Http, Transport};
