//! From a request to an answer: pure functions of the world.

mod bulk;
mod campaign;
pub(crate) mod offers;
mod params;
pub(crate) mod public;
mod queries;
mod reference;
mod reply;
mod reports;
mod route;
mod row;
mod tally;
mod transactions;

pub(crate) use campaign::{Campaigns, Interval};
pub(crate) use params::Params;
pub(crate) use queries::QueryView;
pub(crate) use reference::{accounts, commission_groups, programme_details, programmes, publishers, rates_start};
pub(crate) use reply::{Blocks, Body, Reply};
pub use reports::Report;
pub(crate) use reports::{ReportView, Span};
pub(crate) use route::Route;
pub(crate) use row::RowView;
pub use tally::DateType;

use crate::dice::{self, Dice};
use crate::rules::{Empty, Refusal, Wrap};
use crate::world::{Access, Kind, World};

/// Either way it is a reply; the split lets `?` end the work at the first refusal.
pub(crate) type Answer = Result<Reply, Reply>;

impl World {
    /// Status and body of the answer to a GET that bears the good token, without HTTP, throttle and faults. `turn` is different
    /// for every call. (Not for [`Bulk`](crate::Bulk): its answers are too large to be held.)
    pub fn answer(&self, path: &str, query: &[(String, String)], posted: Option<&str>, turn: u64) -> (u16, String) {
        let method = if posted.is_some() { "POST" } else { "GET" };
        let reply = answer(self, method, path, query, posted.unwrap_or_default(), turn);
        let body = match reply.body {
            Body::Json(text) | Body::Html(text) => text,
            Body::Empty | Body::Stream(_) => String::new(),
        };
        (reply.status, body)
    }
}

/// Answers a call that bears a good token and is within the throttle. `turn` is different for every call.
pub(crate) fn answer(world: &World, method: &str, path: &str, query: &[(String, String)], body: &str, turn: u64) -> Reply {
    respond(world, method, path, query, body, turn).unwrap_or_else(|refusal| refusal)
}

fn respond(world: &World, method: &str, path: &str, query: &[(String, String)], body: &str, turn: u64) -> Answer {
    if public::is_public(path) {
        return Ok(public::answer(world, method, path, query));
    }
    if world.rules.refuse_token_in_query && query.iter().any(|(name, _)| name == "accessToken") {
        return Err(Reply::bad_request("the token does not belong into the address"));
    }
    let route = Route::of(path).ok_or_else(Reply::not_found)?;
    if method != route.method() {
        return Err(Reply::error(405, "method.not.allowed", "Request method is not supported"));
    }
    if let Some((kind, id)) = route.account() {
        check_access(world, route, kind, id)?;
    }
    let params = Params::new(query, world.rules.strict_parameter_names);
    match route {
        Route::Accounts => reference::answer_accounts(world, &params),
        Route::Transactions(kind, id) => transactions::answer(world, kind, id, &params, turn),
        Route::Report(report, kind, id) => reports::answer(world, report, kind, id, &params, turn),
        Route::Campaign(kind, id) => campaign::answer(world, kind, id, &params, turn),
        Route::Queries(id) => queries::answer(world, id, &params),
        Route::Publishers(id) => reference::answer_publishers(world, id, &params, turn),
        Route::Programmes(id) => reference::answer_programmes(world, id, &params, turn),
        Route::ProgrammeDetails(id) => reference::answer_programme_details(world, id, &params),
        Route::CommissionGroups(id) => reference::answer_commission_groups(world, id, &params),
        Route::Offers(id) => {
            params.expect_only(&[])?;
            offers::answer(world, id, body)
        }
    }
}

fn check_access(world: &World, route: Route, kind: Kind, id: u64) -> Result<(), Reply> {
    let account = world.account(kind, id).ok_or_else(Reply::not_found)?;
    let permitted = match account.access {
        Access::Ok => true,
        Access::Refused => false,
        Access::NoTransactions => !matches!(route, Route::Transactions(..) | Route::Queries(_)),
    };
    match world.rules.refusal {
        _ if permitted => Ok(()),
        Refusal::Unauthorized401 => Err(Reply::unauthorized()),
        Refusal::Forbidden403 => Err(Reply::error(403, "forbidden", "Access is denied")),
        Refusal::NotFound404 => Err(Reply::not_found()),
    }
}

/// The answer that consists of these rows, in the layer that the rules say.
fn list(world: &World, rows: &[String]) -> Reply {
    if rows.is_empty() && world.rules.empty == Empty::NoContent204 {
        return Reply::empty(204);
    }
    let body = rows.join(",");
    Reply::json(match world.rules.wrap {
        Wrap::Bare => format!("[{body}]"),
        Wrap::Body => format!(r#"{{"body":[{body}],"statusCode":"OK","statusCodeValue":200}}"#),
    })
}

/// The rows in the order of this turn: no order is promised, and none is kept from call to call.
fn shuffled(world: &World, mut rows: Vec<String>, turn: u64) -> Vec<String> {
    if world.rules.shuffle {
        let mut dice = Dice::new(dice::mix(world.seed, turn));
        for left in (1..rows.len()).rev() {
            let other = usize::try_from(dice.roll(left as u64 + 1)).unwrap_or_default();
            rows.swap(left, other);
        }
    }
    rows
}
