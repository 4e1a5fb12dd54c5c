//! Transactions: by window, or by ids.

use chrono::{DateTime, Days, TimeDelta, Utc};

use crate::answer::bulk::BulkRows;
use crate::answer::{Answer, Params, Reply, RowView, list, shuffled};
use crate::rules::{Amendment, AmendmentDate, Deleted, Ends, FutureEnd, Limit, Rules};
use crate::sale::{Dated, Sale, Status};
use crate::world::{Kind, World};
use crate::zone::{self, Reading, TRANSACTION_ZONES, Zone};

const LONGEST_WINDOW: Days = Days::new(31);

/// A window of time as the rules read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    ends: Ends,
}

impl Window {
    /// Reads `startDate` and `endDate`: in order, not too far apart.
    pub(crate) fn read(params: &Params<'_>, zone: Zone, now: DateTime<Utc>, rules: &Rules) -> Result<Self, Reply> {
        let (start_local, end_local) = (params.time("startDate")?, params.time("endDate")?);
        let start = zone::instant(zone, start_local, Reading::Earlier);
        let end = zone::instant(zone, end_local, Reading::Later);
        let too_wide = match rules.limit {
            Limit::BySeconds => end - start > TimeDelta::days(31),
            Limit::ByCalendar => start_local.checked_add_days(LONGEST_WINDOW).is_none_or(|latest| end_local > latest),
        };
        if end < start {
            return Err(Reply::bad_request("endDate cannot be before startDate"));
        }
        if too_wide {
            return Err(Reply::bad_request(
                "This endpoint only supports a date range of 31 days. Please adjust your startDate or endDate.",
            ));
        }
        if rules.future_end == FutureEnd::Refuse400 && end > now {
            return Err(Reply::bad_request("endDate cannot be in the future"));
        }
        Ok(Self { start, end, ends: rules.ends })
    }

    pub(crate) fn contains(&self, at: DateTime<Utc>) -> bool {
        at >= self.start
            && match self.ends {
                Ends::Inclusive => at <= self.end,
                Ends::Exclusive => at < self.end,
            }
    }
}

/// The date that a window is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DateType {
    Transaction,
    Validation,
    Amendment,
}

/// What is asked for.
struct Filter {
    kind: Kind,
    window: Window,
    date_type: DateType,
    status: Option<Status>,
    others: Option<Vec<u64>>,
}

pub(crate) fn answer(world: &World, kind: Kind, id: u64, params: &Params<'_>, turn: u64) -> Answer {
    let now = world.now();
    let view = |zone: Zone, basket: bool| RowView { world, now, zone, side: kind, basket };
    if params.get("ids").is_some() {
        params.expect_only(&["ids", "timezone", "showBasketProducts"])?;
        let ids = params.ids("ids")?.unwrap_or_default();
        let view = view(params.zone(TRANSACTION_ZONES)?, params.flag("showBasketProducts")?);
        let asked = |sale: &&Sale| is_seen_by(sale, kind, id) && sale.is_visible(now) && ids.contains(&sale.id);
        let rows = world.sales.created_until(now).iter().filter(asked).map(|sale| view.render(sale)).collect();
        return Ok(list(world, &shuffled(world, rows, turn)));
    }
    let others = match kind {
        Kind::Advertiser => "publisherId",
        Kind::Publisher => "advertiserId",
    };
    params.expect_only(&["startDate", "endDate", "dateType", "timezone", "status", "showBasketProducts", others])?;
    let zone = params.zone(TRANSACTION_ZONES)?;
    let filter = Filter {
        kind,
        window: Window::read(params, zone, now, &world.rules)?,
        date_type: read_date_type(params, &world.rules)?,
        status: read_status(params)?,
        others: params.ids(others)?,
    };
    let view = view(zone, params.flag("showBasketProducts")?);
    if let (Some(bulk), DateType::Transaction, None) = (world.bulk, filter.date_type, filter.status) {
        return Ok(Reply::stream(BulkRows::new(bulk, filter.window.start, filter.window.end, &view, id)));
    }
    let dated = match filter.date_type {
        DateType::Transaction => Dated::Created,
        DateType::Validation => Dated::Decided,
        DateType::Amendment => Dated::Amended,
    };
    let rows = world
        .sales
        .of(kind, id, dated, filter.window.start, filter.window.end)
        .filter(|sale| filter.takes(sale, now, &world.rules))
        .map(|sale| view.render(sale))
        .collect();
    Ok(list(world, &shuffled(world, rows, turn)))
}

/// Is this account one of the two sides of the sale?
fn is_seen_by(sale: &Sale, kind: Kind, id: u64) -> bool {
    match kind {
        Kind::Advertiser => sale.advertiser_id == id,
        Kind::Publisher => sale.publisher_id == id,
    }
}

fn read_date_type(params: &Params<'_>, rules: &Rules) -> Result<DateType, Reply> {
    let all = [("transaction", DateType::Transaction), ("validation", DateType::Validation), ("amendment", DateType::Amendment)];
    let offered = match rules.amendment {
        Amendment::Offered => all.as_slice(),
        Amendment::Refused400 => &all[..2],
    };
    params.choice("dateType", DateType::Transaction, offered)
}

fn read_status(params: &Params<'_>) -> Result<Option<Status>, Reply> {
    let all = [Status::Pending, Status::Approved, Status::Declined, Status::Deleted];
    params.choice("status", None, &all.map(|status| (status.name(), Some(status))))
}

impl Filter {
    fn takes(&self, sale: &Sale, now: DateTime<Utc>, rules: &Rules) -> bool {
        sale.is_visible(now) && self.takes_other_side(sale) && {
            let state = sale.state(now);
            let in_time = match self.date_type {
                DateType::Transaction => self.window.contains(sale.created),
                DateType::Validation => state.validated.is_some_and(|at| self.window.contains(at)),
                DateType::Amendment => match rules.amendment_date {
                    AmendmentDate::Last => state.amended.is_some_and(|at| self.window.contains(at)),
                    AmendmentDate::Any => sale.amendments(now).any(|at| self.window.contains(at)),
                },
            };
            let in_status = match self.status {
                Some(wanted) => state.status == wanted,
                None => state.status != Status::Deleted || rules.deleted == Deleted::Listed,
            };
            in_time && in_status
        }
    }

    /// Is the other side among those named, if any are?
    fn takes_other_side(&self, sale: &Sale) -> bool {
        let other = match self.kind {
            Kind::Advertiser => sale.publisher_id,
            Kind::Publisher => sale.advertiser_id,
        };
        self.others.as_ref().is_none_or(|ids| ids.contains(&other))
    }
}
