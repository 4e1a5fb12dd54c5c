//! Requests beside those of the streams: what a run must find out before it can plan, and the probe of `check`.

use super::endpoint::{account_path, seconds};
use super::{AccountId, Lane, Moment, Page, Paging, Param, Role, find};
use crate::awin::Request;

/// The list of the token's accounts.
pub fn accounts() -> Request {
    declared("accounts", None)
}

/// The programmes that a publisher has joined.
pub fn joined_programmes(account: AccountId) -> Request {
    declared("programmes", Some(account))
}

/// The payments to a publisher, newest first: one page of them.
pub fn payments(account: AccountId, page: &Page) -> Request {
    let endpoint = &find("payments").expect("a stream of the table").endpoint;
    let of_page = endpoint.query.iter().filter_map(|(name, param)| Some((*name, endpoint.of_page(param, page)?)));
    of_page.fold(declared("payments", Some(account)), |request, (name, value)| request.with(name, value))
}

/// How that list pages.
pub fn payments_paging() -> Paging {
    find("payments").map_or(Paging::None, |stream| stream.endpoint.paging)
}

/// The lists of changed transactions: by date of decision, and by date of amendment.
pub fn change_lanes() -> impl Iterator<Item = &'static Lane> {
    let lanes = find("transactions").map_or(&[][..], |stream| stream.lanes());
    lanes.iter().filter(|lane| matches!(lane.role, Role::Changes { .. }))
}

/// The regions in which an advertiser had any activity, day by day: its report by publisher over a stretch of time.
pub fn activity(account: AccountId, from: Moment, to: Moment) -> Request {
    Request::new(declared("stats_by_publisher", Some(account)).path)
        .with("startDate", from.date_naive())
        .with("endDate", to.date_naive())
        .with("timezone", to.timezone())
        .with("dateType", "transaction")
}

/// An account's transactions from `from` to `to`, in the zone of `to`.
pub fn transactions(account: AccountId, from: Moment, to: Moment) -> Request {
    Request::new(declared("transactions", Some(account)).path)
        .with("startDate", seconds(from))
        .with("endDate", seconds(to))
        .with("timezone", to.timezone())
}

/// The request of a stream that asks for all of an account, without anything from the configuration.
fn declared(stream: &str, account: Option<AccountId>) -> Request {
    let endpoint = &find(stream).expect("a stream of the table").endpoint;
    let path = account.map_or(endpoint.path.to_owned(), |account| account_path(endpoint.path, account));
    let fixed = endpoint.query.iter().filter_map(|(name, param)| match param {
        Param::Fixed(value) => Some((*name, *value)),
        _ => None,
    });
    fixed.fold(Request::new(path), |request, (name, value)| request.with(name, value))
}
