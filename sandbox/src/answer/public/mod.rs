//! The newer API, `/public/v1`: an endpoint, the right to it, a page of its rows.
//!
//! Documented are the paths, the parameters and their limits, the orders, `results`, the statuses, and the fields `paymentId`,
//! `processingDate`, `advertiserId`, `payment`, `documentDate`, `documentNumber`, `statusChangedAt` and
//! `partnership.statusUpdatedAt`. All else about the shape of rows and errors is inferred. Rows look like this:
//!
//! ```text
//! payments      {"paymentId": 6290500321, "processingDate": "2026-03-15T10:00:00Z",
//!                "amount": {"amount": 71.25, "currency": "EUR"}, "paymentMethod": "BACS"}
//! breakdowns    {"advertiserId": 90210, "advertiserName": "Example Shop", "payment": {"amount": 71.25, "currency": "EUR"}}
//! advertisers   {"advertiserId": 90210, "advertiserName": "Example Shop",
//!                "partnership": {"status": "ACTIVE", "statusUpdatedAt": "2026-01-02T08:00:00Z"}}
//! publishers    {"publisherId": 500321, "publisherName": "Example Blog", "partnership": {...}}
//! billing-documents
//!               {"documentNumber": "90210-2026-03-1", "documentType": "INVOICE", "documentDate": "2026-03-01",
//!                "amount": {"amount": 71.25, "currency": "EUR"}}
//! link-status-changes
//!               {"statusChangedAt": "2026-03-01T08:00:00Z", "status": "ACTIVE", "balance": {"amount": 500.00, ...}}
//! errors        {"code": "BAD_REQUEST", "message": "...", "errors": [{"code": "INVALID", "message": "...", "pointer": "/limit"}]}
//! ```
//!
//! Inferred as well: that the other lists take `limit` and `offset` with the limits documented for one of them (switches: they
//! page by token, or give fewer rows than asked for), and that ids are numbers in answers (a switch).

mod rows;

use std::ops::RangeInclusive;

use serde_json::json;

pub(crate) use rows::{billing_documents, breakdowns, partnerships, payments, prepayment_changes};

use crate::answer::reply::{Body, Reply};
use crate::public::{Endpoint, Pages, Role};
use crate::world::{Access, Kind, World};

const OFFSETS: RangeInclusive<u64> = 0..=10_000;
/// A token begins so; it must be escaped in a query, and is as long as signed ones are.
const TOKEN: &str = "eyJ+/rest=";

/// Is this a path of the newer API?
pub(crate) fn is_public(path: &str) -> bool {
    path == "/public" || path.starts_with("/public/")
}

/// What is asked for.
#[derive(Clone, Copy)]
struct Target<'a> {
    endpoint: Endpoint,
    kind: Kind,
    /// As it stands in the path.
    account: &'a str,
    payment: &'a str,
}

impl<'a> Target<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix("/public/v1/")?.split('/').collect();
        let (endpoint, kind, account, payment) = match *segments.as_slice() {
            ["publishers", id, "payments"] => (Endpoint::Payments, Kind::Publisher, id, ""),
            ["publishers", id, "payments", payment, "breakdowns"] => (Endpoint::Breakdowns, Kind::Publisher, id, payment),
            ["publishers", id, "advertisers"] => (Endpoint::Advertisers, Kind::Publisher, id, ""),
            ["advertisers", id, "publishers"] => (Endpoint::Publishers, Kind::Advertiser, id, ""),
            ["advertisers", id, "billing-documents"] => (Endpoint::BillingDocuments, Kind::Advertiser, id, ""),
            ["advertisers", id, "prepayments", "link-status-changes"] => (Endpoint::PrepaymentChanges, Kind::Advertiser, id, ""),
            _ => return None,
        };
        Some(Self { endpoint, kind, account, payment })
    }
}

/// Answers a call that bears a good token and is within the throttle.
pub(crate) fn answer(world: &World, method: &str, path: &str, query: &[(String, String)]) -> Reply {
    respond(world, method, path, query).unwrap_or_else(|refusal| refusal)
}

fn respond(world: &World, method: &str, path: &str, query: &[(String, String)]) -> Result<Reply, Reply> {
    let target = Target::of(path).ok_or_else(not_found)?;
    if method != "GET" {
        return Err(problem(405, "METHOD_NOT_ALLOWED", "The method is not supported", None));
    }
    let account_id = path_id(target.account, &format!("/{}Id", target.kind.name()))?;
    check_access(world, target, account_id)?;
    let rows = match target.endpoint {
        Endpoint::Payments => payments(world, account_id),
        Endpoint::Breakdowns => {
            let payment_id = path_id(target.payment, "/paymentId")?;
            breakdowns(world, account_id, payment_id).ok_or_else(not_found)?
        }
        Endpoint::Advertisers | Endpoint::Publishers => partnerships(world, target.kind, account_id),
        Endpoint::BillingDocuments => billing_documents(world, account_id),
        Endpoint::PrepaymentChanges => prepayment_changes(world, account_id),
    };
    let page = Page::read(world, target.endpoint, query)?;
    let results = page.of(&rows).join(",");
    Ok(Reply::json(match world.public.pages {
        Pages::ByOffset => format!(r#"{{"results":[{results}]}}"#),
        Pages::ByToken => format!(r#"{{"results":[{results}],"nextPageToken":{}}}"#, json!(page.next_token(&rows))),
    }))
}

fn check_access(world: &World, target: Target<'_>, account_id: u64) -> Result<(), Reply> {
    let account = world.account(target.kind, account_id).ok_or_else(not_found)?;
    let asked = (target.endpoint, account_id);
    let lacks_role = world.public.role_missing.contains(&asked)
        || world.public.roles_count && Role::named(&account.role) < target.endpoint.least_role();
    if world.public.absent.contains(&asked) {
        Err(not_found())
    } else if lacks_role || account.access == Access::Refused {
        Err(problem(403, "FORBIDDEN", "The user lacks the role that this endpoint asks for", None))
    } else {
        Ok(())
    }
}

fn path_id(text: &str, pointer: &str) -> Result<u64, Reply> {
    digits(text).ok_or_else(|| invalid(pointer, "must match ^[0-9]+$"))
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The part of a list that is asked for.
struct Page {
    limit: u64,
    /// Rows before it.
    offset: u64,
    /// Rows from its first to the end of the list: what comes on top of the list meanwhile does not move them.
    rest: u64,
}

impl Page {
    fn read(world: &World, endpoint: Endpoint, query: &[(String, String)]) -> Result<Self, Reply> {
        let (limits, default) = match endpoint {
            Endpoint::Advertisers | Endpoint::Publishers => (1..=1000, 100),
            _ => (1..=100, 25),
        };
        let mut page = Self { limit: default, offset: 0, rest: u64::MAX };
        for (index, (name, value)) in query.iter().enumerate() {
            let pointer = format!("/{name}");
            if query[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(invalid(&pointer, "is given more than once"));
            }
            let (field, text, bounds) = match (name.as_str(), world.public.pages) {
                ("limit", _) => (&mut page.limit, Some(value.as_str()), &limits),
                ("offset", Pages::ByOffset) => (&mut page.offset, Some(value.as_str()), &OFFSETS),
                ("pageToken", Pages::ByToken) => (&mut page.rest, value.strip_prefix(TOKEN), &(0..=u64::MAX)),
                _ if world.rules.strict_parameter_names => return Err(invalid(&pointer, "is not a parameter of this endpoint")),
                _ => continue,
            };
            let number = text.and_then(digits).filter(|number| bounds.contains(number));
            *field = number.ok_or_else(|| {
                invalid(&pointer, &format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
            })?;
        }
        page.limit = page.limit.min(world.public.most_rows);
        Ok(page)
    }

    fn of<'a>(&self, rows: &'a [String]) -> &'a [String] {
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).min(rows.len());
        let first = place(self.offset).max(rows.len() - place(self.rest));
        &rows[first..place(first as u64 + self.limit)]
    }

    /// What the page after this one is asked for by; nothing if there is none.
    fn next_token(&self, rows: &[String]) -> Option<String> {
        let rest = self.rest.min(rows.len() as u64).checked_sub(self.limit)?;
        (rest > 0).then(|| format!("{TOKEN}{rest:0500}"))
    }
}

pub(crate) fn unauthorized() -> Reply {
    problem(401, "UNAUTHORIZED", "A valid access token is required", None)
}

pub(crate) fn throttled() -> Reply {
    problem(429, "TOO_MANY_REQUESTS", "Too many requests", None)
}

fn not_found() -> Reply {
    problem(404, "NOT_FOUND", "Not found", None)
}

fn invalid(pointer: &str, message: &str) -> Reply {
    problem(400, "BAD_REQUEST", "The request is not valid", Some((pointer, message)))
}

/// The envelope of errors.
fn problem(status: u16, code: &str, message: &str, at: Option<(&str, &str)>) -> Reply {
    let errors: Vec<_> =
        at.iter().map(|(pointer, message)| json!({"code": "INVALID", "message": message, "pointer": pointer})).collect();
    let body = json!({"code": code, "message": message, "errors": errors});
    Reply { body: Body::Json(body.to_string()), ..Reply::empty(status) }
}
