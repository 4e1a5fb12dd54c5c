//! The request for a slice: the rules of each endpoint stand in its declaration, their meaning here.

use super::{Cut, Moment, Slice};
use crate::awin::Request;
use crate::config::Config;

/// One of Awin's endpoints, as a stream uses it.
#[derive(Debug)]
pub struct Endpoint {
    /// Path, in which `{side}` and `{account}` stand for those of the account.
    pub path: &'static str,
    /// Parameters, in the order in which they are sent.
    pub query: &'static [(&'static str, Param)],
    /// Where the rows stand in an answer.
    pub rows: Rows,
    /// Rows per page, where Awin pages.
    pub page_size: Option<u32>,
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
    /// The request that answers `slice`; for paged answers, page `page` (from 1).
    pub fn request(&self, slice: &Slice, page: u32, config: &Config) -> Request {
        let mut path = self.path.to_owned();
        if let Some(account) = slice.partition.account {
            path = path.replace("{side}", account.kind.as_str()).replace("{account}", &account.id.to_string());
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
                Param::Programme => match slice.cut {
                    Cut::Programme(id) => Some(id.to_string()),
                    Cut::Window(_) | Cut::Any(_) | Cut::Days(..) | Cut::Whole => None,
                },
                Param::Page => Some(page.to_string()),
                Param::PageSize => self.page_size.map(|size| size.to_string()),
                Param::BasketProducts => config.include_basket_products.then(|| "true".to_owned()),
            };
            if let Some(value) = value {
                request = request.with(name, value);
            }
        }
        request
    }
}

/// Awin's form of a moment: to the second, without zone.
pub(super) fn seconds(moment: Moment) -> String {
    moment.naive_local().format("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{AccountId, AccountKind, Partition, STREAMS, Window, find, midnight};
    use super::*;

    #[test]
    fn every_stream_asks_as_awin_wants_it() {
        let config = r#"{"api_token":"t","start_date":"2026-01-01","timezone":"Europe/Berlin","stats_date_type":"validation"}"#;
        let config = Config::parse(config).expect("a configuration");
        let day = |text: &str| midnight(config.timezone, text.parse().expect("a date"));
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
        ];
        for stream in STREAMS {
            assert!(table.iter().any(|row| row.0 == stream.name), "{} is not in the table", stream.name);
        }
        for (name, lane, partition, cut, wanted) in table {
            let stream = find(name).expect("a stream");
            let lane = stream.lanes().iter().find(|known| known.name == lane).expect("a lane");
            let slice = Slice { partition: partition.clone(), lane, cut: cut.clone() };
            assert_eq!(stream.endpoint.request(&slice, 3, &config).to_string(), format!("GET {wanted}"), "{name}");
        }
    }

    #[test]
    fn products_are_asked_for_only_where_they_are_wanted() {
        let stream = find("transactions").expect("the stream");
        let partition = Partition::of(AccountId { kind: AccountKind::Advertiser, id: 1 });
        let slice = Slice { partition, lane: &stream.lanes()[0], cut: Cut::Whole };
        for (wanted, value) in [("true", Some("true")), ("false", None)] {
            let config = format!(r#"{{"api_token":"t","start_date":"2026-01-01","include_basket_products":{wanted}}}"#);
            let request = stream.endpoint.request(&slice, 1, &Config::parse(&config).expect("a configuration"));
            let found = request.query.iter().find(|(name, _)| *name == "showBasketProducts");
            assert_eq!(found.map(|(_, value)| value.as_str()), value);
        }
    }
}
