//! The control endpoints under `/sandbox/`: for people, not for the connector. They need no token.

use chrono::NaiveDate;
use serde_json::json;

use crate::answer::{DateType, Params, Reply, Report};
use crate::change::Change;
use crate::desk::{Call, Desk};
use crate::json;
use crate::offers::OfferStatus;
use crate::payments::Payment;
use crate::world::{Kind, World};
use crate::zone::{self, REPORT_ZONES, Zone};

pub(crate) fn answer(desk: &Desk, method: &str, command: &str, query: &str) -> Reply {
    let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let params = Params::new(&query, true);
    let rows: Result<Vec<String>, Reply> = match (method, command, command.strip_prefix("truth/")) {
        ("POST", "change", _) => Ok(told(&desk.world().change_something())),
        ("POST", "correct", _) => Ok(told(&desk.world().correct_something())),
        ("GET", "calls", _) => Ok(desk.calls().iter().map(call).collect()),
        ("GET", _, Some(stream)) => truth(&desk.world(), stream, &params),
        _ => Err(Reply::not_found()),
    };
    rows.map_or_else(|refusal| refusal, |rows| Reply::json(format!("[{}]", rows.join(","))))
}

fn told(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| {
            json::text(&json!({
                "transactionId": change.transaction_id,
                "advertiserId": change.advertiser_id,
                "publisherId": change.publisher_id,
                "what": change.what,
            }))
        })
        .collect()
}

fn call(call: &Call) -> String {
    json::text(&json!({
        "atMs": call.at_ms,
        "method": call.method,
        "path": call.path,
        "query": call.query.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
        "status": call.status,
        "throttled": call.throttled,
        "authorized": call.authorized,
    }))
}

/// What is asked about: every account that fits, or one, over some days.
struct Question {
    account_id: Option<u64>,
    zone: Zone,
    from: NaiveDate,
    to: NaiveDate,
    date_type: DateType,
    basket: bool,
}

impl Question {
    fn read(params: &Params<'_>, world: &World) -> Result<Self, Reply> {
        params.expect_only(&["accountId", "timezone", "from", "to", "dateType", "showBasketProducts"])?;
        let zone = params.zone(&REPORT_ZONES)?;
        let today = zone::local_day(zone, world.now());
        let day = |name: &str| {
            if params.get(name).is_some() { params.day(name) } else { Ok(today) }
        };
        Ok(Self {
            account_id: params.get("accountId").map(|_| params.required_id("accountId")).transpose()?,
            zone,
            from: day("from")?,
            to: day("to")?,
            date_type: params.choice(
                "dateType",
                DateType::Transaction,
                &[("validation", DateType::Validation), ("transaction", DateType::Transaction)],
            )?,
            basket: params.flag("showBasketProducts")?,
        })
    }

    /// The rows of every account of this kind that is asked about, with its id added.
    fn per_account(&self, world: &World, kind: Kind, rows: impl Fn(u64) -> Vec<String>) -> Vec<String> {
        let asked = |id: u64| self.account_id.is_none_or(|asked| asked == id);
        let accounts = world.accounts.iter().filter(|account| account.kind == kind && asked(account.id));
        accounts.flat_map(|account| with(rows(account.id), &format!("\"accountId\":{}", account.id))).collect()
    }

    fn both_kinds(&self, world: &World, rows: impl Fn(Kind, u64) -> Vec<String>) -> Vec<String> {
        let mut all = self.per_account(world, Kind::Advertiser, |id| rows(Kind::Advertiser, id));
        all.extend(self.per_account(world, Kind::Publisher, |id| rows(Kind::Publisher, id)));
        all
    }

    /// A report for each day, with the day added.
    fn daily(&self, world: &World, report: Report, kind: Kind, id: u64) -> Vec<String> {
        let days = self.from.iter_days().take_while(|day| *day <= self.to);
        days.flat_map(|day| {
            let rows = world.truth_report(report, kind, id, None, day, self.date_type, self.zone);
            with(rows, &format!("\"date\":\"{day}\""))
        })
        .collect()
    }
}

/// The same objects with another member.
fn with(mut rows: Vec<String>, member: &str) -> Vec<String> {
    for row in &mut rows {
        row.truncate(row.len() - 1);
        *row += ",";
        *row += member;
        *row += "}";
    }
    rows
}

/// The rows of a stream of the connector, by the stream's name.
fn truth(world: &World, stream: &str, params: &Params<'_>) -> Result<Vec<String>, Reply> {
    let ask = Question::read(params, world)?;
    let (from, to, zone) = (ask.from, ask.to, ask.zone);
    Ok(match stream {
        "transactions" => ask.both_kinds(world, |kind, id| world.truth_transactions(kind, id, zone, from, to, ask.basket)),
        "stats_by_publisher" => {
            ask.per_account(world, Kind::Advertiser, |id| ask.daily(world, Report::Publisher, Kind::Advertiser, id))
        }
        "stats_by_creative" => ask.both_kinds(world, |kind, id| ask.daily(world, Report::Creative, kind, id)),
        "stats_by_advertiser" => {
            ask.per_account(world, Kind::Publisher, |id| ask.daily(world, Report::Advertiser, Kind::Publisher, id))
        }
        "stats_by_campaign" => ask.both_kinds(world, |kind, id| world.truth_campaign(kind, id, None, from, to, zone)),
        "transaction_queries" => ask.per_account(world, Kind::Publisher, |id| world.truth_queries(id, zone, from, to)),
        "accounts" => world.truth_accounts(),
        "publishers" => ask.per_account(world, Kind::Advertiser, |id| world.truth_publishers(id)),
        "programmes" => ask.per_account(world, Kind::Publisher, |id| world.truth_programmes(id)),
        "programme_details" => ask.per_account(world, Kind::Publisher, |id| world.truth_programme_details(id)),
        "commission_groups" => ask.per_account(world, Kind::Publisher, |id| world.truth_commission_groups(id, false)),
        "payments" => ask.per_account(world, Kind::Publisher, |id| world.truth_payments(id)),
        "payment_breakdowns" => ask.per_account(world, Kind::Publisher, |id| breakdowns(world, id)),
        "partnerships" => ask.both_kinds(world, |kind, id| world.truth_partnerships(kind, id)),
        "billing_documents" => ask.per_account(world, Kind::Advertiser, |id| world.truth_billing_documents(id)),
        "prepayment_changes" => ask.per_account(world, Kind::Advertiser, |id| world.truth_prepayment_changes(id)),
        "offers" => ask.per_account(world, Kind::Publisher, |id| world.truth_offers(id, OfferStatus::Active)),
        "commission_rates" => ask.per_account(world, Kind::Publisher, |id| world.truth_commission_rates(id, false)),
        _ => return Err(Reply::not_found()),
    })
}

/// The breakdowns of all payments to a publisher, with the id of each payment added.
fn breakdowns(world: &World, publisher_id: u64) -> Vec<String> {
    let of = |payment: &Payment| {
        let rows = world.truth_payment_breakdowns(publisher_id, payment.id);
        with(rows, &format!("\"paymentId\":{}", payment.id))
    };
    world.payments(publisher_id).iter().flat_map(of).collect()
}
