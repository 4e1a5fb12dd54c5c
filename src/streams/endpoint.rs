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
                    Cut::Window(_) | Cut::Days(..) | Cut::Whole => None,
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
