//! Transaction queries: the complaints of a publisher, in pages.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::amount::Money;
use crate::answer::transactions::Window;
use crate::answer::{Answer, Params, Reply, list};
use crate::dice;
use crate::enquiry::Query;
use crate::json;
use crate::rules::{QueriesShape, Variants};
use crate::world::World;
use crate::zone::{self, TRANSACTION_ZONES, Zone};

/// The date that a window is about. (The words differ from those of the transactions.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DateType {
    Enquiry,
    Transaction,
    Validation,
}

const STATUSES: [&str; 3] = ["pending", "approved", "declined"];

const KNOWN: [&str; 10] = [
    "startDate",
    "endDate",
    "dateType",
    "timezone",
    "advertiserIds",
    "advertiserId",
    "statuses",
    "clickRefs",
    "pageNumber",
    "pageSize",
];

pub(crate) fn answer(world: &World, id: u64, params: &Params<'_>) -> Answer {
    params.expect_only(&KNOWN)?;
    let now = world.now();
    let zone = params.zone(TRANSACTION_ZONES)?;
    let window = Window::read(params, zone, now, &world.rules)?;
    let date_types = [
        ("enquiryDate", DateType::Enquiry),
        ("transactionDate", DateType::Transaction),
        ("validationDate", DateType::Validation),
    ];
    let date_type = params.choice("dateType", DateType::Transaction, &date_types)?;
    let advertisers = params.ids("advertiserIds")?.or(params.ids("advertiserId")?);
    let statuses = read_statuses(params)?;
    let click_refs: Option<Vec<&str>> = params.get("clickRefs").map(|list| list.split(',').collect());
    let page_number = params.number("pageNumber", 1, 1..=u64::from(u32::MAX))?;
    let page_size = params.number("pageSize", 100, 1..=500)?;

    let view = QueryView { world, now, zone };
    let takes = |query: &&Query| {
        let date = match date_type {
            DateType::Enquiry => Some(query.asked),
            DateType::Transaction => query.transaction_date,
            DateType::Validation => query.decided(now).map(|decision| decision.at),
        };
        query.publisher_id == id
            && query.asked <= now
            && date.is_some_and(|at| window.contains(at))
            && advertisers.as_ref().is_none_or(|ids| ids.contains(&query.advertiser_id))
            && statuses.as_ref().is_none_or(|wanted| wanted.contains(&query.status(now)))
            && click_refs.as_ref().is_none_or(|refs| query.click_ref.as_deref().is_some_and(|it| refs.contains(&it)))
    };
    let mut found: Vec<&Query> = world.queries.iter().filter(takes).collect();
    if world.rules.shuffle {
        // No promised order, but the same on every page.
        found.sort_by_key(|query| dice::mix(world.seed, query.id));
    }
    let pages = Pages { rows: found.len() as u64, number: page_number, size: page_size };
    let rows: Vec<String> = found.into_iter().skip(pages.first()).take(pages.length()).map(|query| view.render(query)).collect();
    Ok(pages.reply(world, &rows))
}

fn read_statuses<'a>(params: &Params<'a>) -> Result<Option<Vec<&'a str>>, Reply> {
    let Some(list) = params.get("statuses") else {
        return Ok(None);
    };
    let statuses: Vec<&str> = list.split(',').collect();
    if statuses.iter().all(|status| STATUSES.contains(status)) {
        Ok(Some(statuses))
    } else {
        Err(Reply::bad_request("Wrong data type for parameter 'statuses'"))
    }
}

/// One page out of all rows.
struct Pages {
    rows: u64,
    number: u64,
    size: u64,
}

impl Pages {
    fn first(&self) -> usize {
        usize::try_from((self.number - 1).saturating_mul(self.size)).unwrap_or(usize::MAX)
    }

    fn length(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    fn reply(&self, world: &World, rows: &[String]) -> Reply {
        match world.rules.queries_shape {
            QueriesShape::Array => list(world, rows),
            QueriesShape::Paged => Reply::json(format!(
                r#"{{"pageItems":[{}],"pageNumber":{},"pageSize":{},"totalPagesAvailable":{},"totalRowsAvailable":{}}}"#,
                rows.join(","),
                self.number,
                self.size,
                self.rows.div_ceil(self.size),
                self.rows,
            )),
        }
    }
}

/// How a query is looked at.
#[derive(Clone, Copy)]
pub(crate) struct QueryView<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: DateTime<Utc>,
    pub(crate) zone: Zone,
}

impl QueryView<'_> {
    /// The JSON of `query`.
    pub(crate) fn render(&self, query: &Query) -> String {
        let stamp = |at: DateTime<Utc>| zone::stamp(self.zone, at, self.world.rules.stamps);
        let programme = self.world.programme(query.advertiser_id);
        let currency = programme.map_or("EUR", |programme| &programme.currency);
        let decision = query.decided(self.now);
        let says_null = self.world.rules.variants == Variants::On && dice::mix(self.world.seed, query.id).is_multiple_of(2);
        let reason = decision.and_then(|decision| decision.reason.as_deref());
        json::text(&Row {
            enquiry_id: query.id,
            advertiser_id: query.advertiser_id,
            advertiser_name: programme.map(|programme| programme.name.as_str()),
            enquiry_date: stamp(query.asked),
            enquiry_status: query.status(self.now),
            enquiry_type: query.complaint.name(),
            commission_amount: query.commission.map(|amount| Money::new(amount, currency)),
            sale_amount: query.sale.map(|amount| Money::new(amount, currency)),
            order_ref: query.order_ref.as_deref(),
            click_ref: query.click_ref.as_deref(),
            transaction_date: query.transaction_date.map(stamp),
            validation_date: decision.map(|decision| stamp(decision.at)),
            decline_reason: reason.or(says_null.then_some("null")),
            description: query.description.as_deref(),
            escalated: self.world.rules.unknown_keys.then_some(false),
        })
    }
}

/// A row as it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    enquiry_id: u64,
    advertiser_id: u64,
    advertiser_name: Option<&'a str>,
    enquiry_date: String,
    enquiry_status: &'static str,
    enquiry_type: &'static str,
    commission_amount: Option<Money<'a>>,
    sale_amount: Option<Money<'a>>,
    order_ref: Option<&'a str>,
    click_ref: Option<&'a str>,
    transaction_date: Option<String>,
    validation_date: Option<String>,
    decline_reason: Option<&'a str>,
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    escalated: Option<bool>,
}
