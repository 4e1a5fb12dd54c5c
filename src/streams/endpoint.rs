//! The request for a slice: the rules of each endpoint stand in its declaration, their meaning here.

use chrono::NaiveDateTime;
use serde_json::{Map, Value};

use super::{AccountId, Cut, Moment, Slice};
use crate::awin::Request;
use crate::config::Config;

/// One of Awin's endpoints, as a stream uses it.
#[derive(Debug)]
pub struct Endpoint {
    /// Path, in which `{side}` and `{account}` stand for those of the account, `{other}` for the side of its partners, `{payment}`
    /// for the payment.
    pub path: &'static str,
    /// Parameters, in the order in which they are sent.
    pub query: &'static [(&'static str, Param)],
    /// Where the rows stand in an answer.
    pub rows: Rows,
    /// How it pages.
    pub paging: Paging,
    /// Whether its parameters are posted as JSON: the parts of a name are objects within each other.
    pub is_posted: bool,
    /// The least role of the token's user in the account, where Awin's page asks for one.
    pub role: Option<&'static str>,
}

impl Endpoint {
    /// One answer, an array of rows, to whoever may see the account.
    pub const PLAIN: Self =
        Self { path: "", query: &[], rows: Rows::List("body"), paging: Paging::None, is_posted: false, role: None };
}

/// How an endpoint pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// Not at all.
    None,
    /// By the number of the page, so many rows on each.
    Numbered(u32),
    /// By the moment before the period that was answered: each answer is of one period.
    Periods,
    /// By the number of rows before it, so many rows on each. A page begins with the last row of the one before, which shows
    /// whether the list has moved in the meantime.
    Offset(u32),
}

/// Rows before a page of [`Paging::Offset`]: Awin refuses to pass over more.
const MAX_OFFSET: u32 = 10_000;

/// Which answer of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// By its number, from 1.
    Number(u32),
    /// What held at that moment, in UTC.
    At(NaiveDateTime),
}

impl Page {
    /// The first one.
    pub const FIRST: Self = Self::Number(1);
}

impl Paging {
    /// Rows on a page.
    pub fn size(self) -> Option<u32> {
        match self {
            Self::None | Self::Periods => None,
            Self::Numbered(size) | Self::Offset(size) => Some(size),
        }
    }

    /// Rows before page `page` (from 1); nothing if Awin does not show so many.
    pub fn offset(self, page: u32) -> Option<u32> {
        let offset = (page - 1) * (self.size()?.max(2) - 1);
        (offset <= MAX_OFFSET).then_some(offset)
    }
}

/// The value of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// Always this.
    Fixed(&'static str),
    /// First second of the window, without zone, in the zone of the parameter `timezone`.
    Start,
    /// Its last second.
    End,
    /// First day of the window.
    FirstDay,
    /// Its last day, inclusive.
    LastDay,
    /// Zone of days and times.
    Timezone,
    /// The date by which the lane asks.
    LaneDate,
    /// The status that the lane asks for; left out if it asks for all.
    LaneStatus,
    /// The date by which the configuration wants reports to count.
    StatsDate,
    /// The region of the partition; left out if it has none.
    Region,
    /// The programme.
    Programme,
    /// The page, from 1.
    Page,
    /// The moment whose rates are asked for; left out for those of now.
    Effective,
    /// Rows before the page.
    Offset,
    /// Rows per page.
    PageSize,
    /// Whether to list products; left out if the configuration does not want them.
    BasketProducts,
}

/// Where the rows stand in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// A list: bare, or under this key or `body` of an object.
    List(&'static str),
    /// A list under `key` of an object whose other members belong to each row, but for those in `own`.
    Within {
        /// Key of the list.
        key: &'static str,
        /// Members that are not put into the rows.
        own: &'static [&'static str],
    },
    /// The answer is one row. It must have this member, an object: what has none is not the row.
    One(&'static str),
}

impl Endpoint {
    /// The request that answers `slice`; for paged answers, `page` of them.
    pub fn request(&self, slice: &Slice, page: Page, config: &Config) -> Request {
        let (number, moment) = match page {
            Page::Number(number) => (number, None),
            Page::At(moment) => (1, Some(moment)),
        };
        let mut path = self.path.to_owned();
        if let Some(account) = slice.partition.account {
            path = account_path(&path, account);
        }
        if let Cut::Payment(payment) = &slice.cut {
            path = path.replace("{payment}", &payment.id.to_string());
        }
        let window = slice.window();
        let mut request = Request::new(path);
        for (name, param) in self.query {
            let value = match param {
                Param::Fixed(value) => Some((*value).to_owned()),
                Param::Start => window.map(|window| seconds(window.from)),
                Param::End => window.map(|window| seconds(window.to)),
                Param::FirstDay => window.map(|window| window.first_day().to_string()),
                Param::LastDay => window.map(|window| window.last_day().to_string()),
                Param::Timezone => Some(config.timezone.to_string()),
                Param::LaneDate => Some(slice.lane.date_type.to_owned()),
                Param::LaneStatus => slice.lane.status.map(str::to_owned),
                Param::StatsDate => Some(config.stats_date_type.as_str().to_owned()),
                Param::Region => slice.partition.region.clone(),
                Param::Programme => slice.cut.part().map(|id| id.to_string()),
                Param::Effective => moment.map(|moment| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
                Param::Page => Some(number.to_string()),
                Param::Offset => self.paging.offset(number).map(|offset| offset.to_string()),
                Param::PageSize => self.paging.size().map(|size| size.to_string()),
                Param::BasketProducts => config.include_basket_products.then(|| "true".to_owned()),
            };
            if let Some(value) = value {
                request = request.with(name, value);
            }
        }
        if self.is_posted { posted(request, self.query) } else { request }
    }
}

/// The same request with its parameters in its body.
fn posted(request: Request, params: &[(&str, Param)]) -> Request {
    let mut body = Map::new();
    for (name, value) in request.query {
        let is_number = params.iter().any(|(known, param)| *known == name && matches!(param, Param::Page | Param::PageSize));
        let number = value.parse::<u64>().ok().filter(|_| is_number);
        let value = number.map_or_else(|| Value::from(value), Value::from);
        match name.split_once('.') {
            Some((object, member)) => {
                let object = body.entry(object).or_insert_with(|| Map::new().into());
                object[member] = value;
            }
            None => {
                body.insert(name.to_owned(), value);
            }
        }
    }
    Request { query: Vec::new(), body: Some(Value::Object(body).to_string()), ..request }
}

/// `path` with what it says of `account`.
pub(super) fn account_path(path: &str, account: AccountId) -> String {
    let (side, other) = (account.kind.as_str(), account.kind.other().as_str());
    path.replace("{side}", side).replace("{other}", other).replace("{account}", &account.id.to_string())
}

/// Awin's form of a moment: to the second, without zone.
pub(super) fn seconds(moment: Moment) -> String {
    moment.naive_local().format("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{AccountKind, Partition, Payment, STREAMS, Window, find, midnight};
    use super::*;

    #[test]
    fn every_stream_asks_as_awin_wants_it() {
        let config = r#"{"api_token":"t","start_date":"2026-01-01","timezone":"Europe/Berlin","stats_date_type":"validation"}"#;
        let config = Config::parse(config).expect("a configuration");
        let day = |text: &str| midnight(config.timezone, text.parse().expect("a date"));
        let config_start = day("2026-01-01");
        let month = Cut::Window(Window { from: day("2026-03-01"), to: day("2026-03-31") });
        let one_day = Cut::Window(Window { from: day("2026-03-29"), to: day("2026-03-30") });
        let advertiser = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 90210 });
        let publisher = AccountId { kind: AccountKind::Publisher, id: 500_321 };
        let in_germany = Partition::of_region(publisher, "DE".into());
        let publisher = Partition::of(publisher);
        let times = "startDate=2026-03-01T00:00:00&endDate=2026-03-31T00:00:00&timezone=Europe/Berlin";
        let days = "startDate=2026-03-29&endDate=2026-03-29&timezone=Europe/Berlin&dateType=validation";
        let campaign =
            "startDate=2026-03-01&endDate=2026-03-30&timezone=Europe/Berlin&interval=day&includeNumbersWithoutCampaign=true";
        let table = [
            (
                "transactions",
                "transaction",
                &advertiser,
                &month,
                format!("/advertisers/90210/transactions/?{times}&dateType=transaction"),
            ),
            (
                "transactions",
                "validation",
                &publisher,
                &month,
                format!("/publishers/500321/transactions/?{times}&dateType=validation"),
            ),
            (
                "transactions",
                "amendment",
                &publisher,
                &month,
                format!("/publishers/500321/transactions/?{times}&dateType=amendment"),
            ),
            (
                "transactions",
                "deleted",
                &publisher,
                &month,
                format!("/publishers/500321/transactions/?{times}&dateType=transaction&status=deleted"),
            ),
            ("stats_by_publisher", "main", &advertiser, &one_day, format!("/advertisers/90210/reports/publisher?{days}")),
            ("stats_by_creative", "main", &in_germany, &one_day, format!("/publishers/500321/reports/creative?{days}&region=DE")),
            (
                "stats_by_advertiser",
                "main",
                &in_germany,
                &one_day,
                format!("/publishers/500321/reports/advertiser?{days}&region=DE"),
            ),
            ("stats_by_campaign", "main", &advertiser, &month, format!("/advertisers/90210/reports/campaign?{campaign}")),
            (
                "stats_by_campaign",
                "main",
                &in_germany,
                &month,
                format!("/publishers/500321/reports/campaign?{campaign}&region=DE"),
            ),
            (
                "transaction_queries",
                "enquiry",
                &publisher,
                &month,
                format!("/publisher/500321/transactionqueries?{times}&dateType=enquiryDate&pageNumber=3&pageSize=500"),
            ),
            (
                "transaction_queries",
                "validation",
                &publisher,
                &month,
                format!("/publisher/500321/transactionqueries?{times}&dateType=validationDate&pageNumber=3&pageSize=500"),
            ),
            ("accounts", "main", &Partition::TOKEN, &Cut::Whole, "/accounts".to_owned()),
            ("publishers", "main", &advertiser, &Cut::Whole, "/advertisers/90210/publishers".to_owned()),
            ("programmes", "main", &publisher, &Cut::Whole, "/publishers/500321/programmes?relationship=joined".to_owned()),
            (
                "programme_details",
                "main",
                &publisher,
                &Cut::Programme(90210),
                "/publishers/500321/programmedetails?advertiserId=90210".to_owned(),
            ),
            (
                "commission_groups",
                "main",
                &publisher,
                &Cut::Programme(90210),
                "/publishers/500321/commissiongroups?advertiserId=90210&extraConditionsDetails=true".to_owned(),
            ),
            ("payments", "main", &publisher, &month, "/public/v1/publishers/500321/payments?limit=100&offset=198".to_owned()),
            (
                "payment_breakdowns",
                "main",
                &publisher,
                &Cut::Payment(Payment { id: 77, processed: None }),
                "/public/v1/publishers/500321/payments/77/breakdowns?limit=100&offset=198".to_owned(),
            ),
            (
                "billing_documents",
                "main",
                &advertiser,
                &month,
                "/public/v1/advertisers/90210/billing-documents?limit=100&offset=198".to_owned(),
            ),
            (
                "prepayment_changes",
                "main",
                &advertiser,
                &month,
                "/public/v1/advertisers/90210/prepayments/link-status-changes?limit=100&offset=198".to_owned(),
            ),
            (
                "partnerships",
                "main",
                &advertiser,
                &month,
                "/public/v1/advertisers/90210/publishers?limit=1000&offset=1998".to_owned(),
            ),
            (
                "partnerships",
                "main",
                &publisher,
                &month,
                "/public/v1/publishers/500321/advertisers?limit=1000&offset=1998".to_owned(),
            ),
            (
                "offers",
                "upcoming",
                &publisher,
                &Cut::Whole,
                r#"/publisher/500321/promotions {"filters":{"membership":"joined","status":"upcoming"},"pagination":{"page":3,"pageSize":200}}"#.to_owned(),
            ),
            (
                "commission_rates",
                "main",
                &publisher,
                &Cut::Rates(90210, config_start),
                "/publishers/500321/commissiongroups?advertiserId=90210&extraConditionsDetails=true".to_owned(),
            ),
        ];
        for stream in STREAMS {
            assert!(table.iter().any(|row| row.0 == stream.name), "{} is not in the table", stream.name);
        }
        for (name, lane, partition, cut, wanted) in table {
            let stream = find(name).expect("a stream");
            let lane = stream.lanes().iter().find(|known| known.name == lane).expect("a lane");
            let slice = Slice { partition: partition.clone(), lane, cut: cut.clone() };
            let request = stream.endpoint.request(&slice, Page::Number(3), &config);
            let method = if stream.endpoint.is_posted { "POST" } else { "GET" };
            assert_eq!(request.to_string(), format!("{method} {wanted}"), "{name}");
        }
    }

    #[test]
    fn rates_of_a_moment_are_asked_for_in_utc() {
        let config = Config::parse(r#"{"api_token":"t","start_date":"2026-01-01"}"#).expect("a configuration");
        let stream = find("commission_rates").expect("the stream");
        let partition = Partition::of(AccountId { kind: AccountKind::Publisher, id: 1 });
        let slice =
            Slice { partition, lane: &stream.lanes()[0], cut: Cut::Rates(7, midnight(config.timezone, config.start_date)) };
        let moment = "2026-02-28T23:59:59".parse().expect("a moment");
        let request = stream.endpoint.request(&slice, Page::At(moment), &config);
        let wanted = Some(&("effectiveDate", "2026-02-28T23:59:59Z".to_owned()));
        assert_eq!(request.query.iter().find(|(name, _)| *name == "effectiveDate"), wanted);
    }

    #[test]
    fn pages_by_offset_share_a_row_and_end_where_awin_ends() {
        let paging = Paging::Offset(1000);
        assert_eq!([1, 2, 11, 12].map(|page| paging.offset(page)), [Some(0), Some(999), Some(9990), None]);
        assert_eq!((Paging::Offset(100).offset(102), Paging::Offset(100).offset(103)), (Some(9999), None));
    }

    #[test]
    fn products_are_asked_for_only_where_they_are_wanted() {
        let stream = find("transactions").expect("the stream");
        let partition = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 1 });
        let slice = Slice { partition, lane: &stream.lanes()[0], cut: Cut::Whole };
        for (wanted, value) in [("true", Some("true")), ("false", None)] {
            let config = format!(r#"{{"api_token":"t","start_date":"2026-01-01","include_basket_products":{wanted}}}"#);
            let request = stream.endpoint.request(&slice, Page::FIRST, &Config::parse(&config).expect("a configuration"));
            let found = request.query.iter().find(|(name, _)| *name == "showBasketProducts");
            assert_eq!(found.map(|(_, value)| value.as_str()), value);
        }
    }
}
