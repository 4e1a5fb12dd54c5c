//! The request for a part and a stretch of time: the rules of each endpoint, in one place.

use super::{AccountId, AccountKind, Lane, Moment, Part, Role, Source, Span, Stream};
use crate::awin::Request;
use crate::config::Config;

/// The request that answers `span` of `part` in `lane`; for paged answers, page `page` (from 1).
///
/// Awin's forms: times to the second without zone, in the zone of the parameter `timezone`; reports by days, both inclusive.
pub fn request(stream: &Stream, part: &Part, lane: &Lane, span: Span, page: u32, config: &Config) -> Request {
    let account = part.account;
    let side = account.kind.as_str();
    match &stream.source {
        Source::Events(events) => {
            let path = match events.page_size {
                // The path of transaction queries has a singular and no slash at its end.
                Some(_) => format!("/{side}/{}/transactionqueries", account.id),
                None => format!("/{side}s/{}/transactions/", account.id),
            };
            let mut request = Request::new(path)
                .with("startDate", seconds(span.from))
                .with("endDate", seconds(span.to))
                .with("timezone", config.timezone)
                .with("dateType", lane.date_type);
            if lane.role == Role::Deleted {
                request = request.with("status", "deleted");
            }
            if let Some(page_size) = events.page_size {
                request = request.with("pageNumber", page).with("pageSize", page_size);
            } else if config.include_basket_products {
                request = request.with("showBasketProducts", true);
            }
            request
        }
        Source::Report(report) => {
            let mut request = Request::new(format!("/{side}s/{}/reports/{}", account.id, report.path))
                .with("startDate", span.first_day())
                .with("endDate", span.last_day())
                .with("timezone", config.timezone);
            if report.has_date_type {
                request = request.with("dateType", config.stats_date_type.as_str());
            } else {
                // Without it the sums of the campaigns would be short of those of the other reports.
                request = request.with("interval", "day").with("includeNumbersWithoutCampaign", true);
            }
            match &part.region {
                Some(region) => request.with("region", region),
                None => request,
            }
        }
        Source::Reference(_) => unreachable!("reference streams have requests of their own"),
    }
}

/// An account's transactions from `from` to `to`, in the zone of `to`.
pub fn transactions(account: AccountId, from: Moment, to: Moment) -> Request {
    Request::new(format!("/{}s/{}/transactions/", account.kind, account.id))
        .with("startDate", seconds(from))
        .with("endDate", seconds(to))
        .with("timezone", to.timezone())
}

/// The list of the token's accounts.
pub fn accounts() -> Request {
    Request::new("/accounts")
}

/// The markets in which an advertiser had any activity.
pub fn advertiser_regions(id: u64, from: Moment, to: Moment) -> Request {
    Request::new(format!("/{}s/{id}/reports/publisher", AccountKind::Advertiser))
        .with("startDate", from.date_naive())
        .with("endDate", to.date_naive())
        .with("timezone", to.timezone())
        .with("dateType", "transaction")
}

/// The publishers of an advertiser.
pub fn publishers(id: u64) -> Request {
    Request::new(format!("/{}s/{id}/publishers", AccountKind::Advertiser))
}

/// The details of a programme that a publisher has joined.
pub fn programme_details(id: u64, advertiser_id: u64) -> Request {
    Request::new(format!("/{}s/{id}/programmedetails", AccountKind::Publisher)).with("advertiserId", advertiser_id)
}

/// The commission groups of a programme that a publisher has joined.
pub fn commission_groups(id: u64, advertiser_id: u64) -> Request {
    Request::new(format!("/{}s/{id}/commissiongroups", AccountKind::Publisher))
        .with("advertiserId", advertiser_id)
        .with("extraConditionsDetails", true)
}

/// The programmes that a publisher has joined.
pub fn joined_programmes(id: u64) -> Request {
    Request::new(format!("/{}s/{id}/programmes", AccountKind::Publisher)).with("relationship", "joined")
}

fn seconds(moment: Moment) -> impl std::fmt::Display {
    moment.naive_local().format("%Y-%m-%dT%H:%M:%S")
}
