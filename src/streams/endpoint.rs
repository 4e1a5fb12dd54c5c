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
    /// By the number of rows before it, so many rows on each at most. A page begins with the last row of the one before, which
    /// shows whether the list has moved in the meantime. Where an answer holds a `nextPageToken`, by that.
    Offset(u32),
}

/// Which answer of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// By its number, from 1.
    Number(u32),
    /// What held at that moment, in UTC.
    At(NaiveDateTime),
    /// After so many rows.
    After(u32),
    /// What the answer before names.
    Token(String),
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
    /// Rows before the page; left out of the first.
    Offset,
    /// The page as the answer before named it; left out where none did.
    PageToken,
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
    pub fn request(&self, slice: &Slice, page: &Page, config: &Config) -> Request {
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
                Param::Effective | Param::Page | Param::Offset | Param::PageToken | Param::PageSize => self.of_page(param, page),
                Param::BasketProducts => config.include_basket_products.then(|| "true".to_owned()),
            };
            if let Some(value) = value {
                request = request.with(name, value);
            }
        }
        if self.is_posted { posted(request, self.query) } else { request }
    }

    /// The value of `param`, if it is one that asks for `page`.
    pub(super) fn of_page(&self, param: &Param, page: &Page) -> Option<String> {
        match (param, page) {
            (Param::PageSize, _) => self.paging.size().map(|size| size.to_string()),
            (Param::Page, Page::Number(number)) => Some(number.to_string()),
            (Param::Effective, Page::At(moment)) => Some(moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
            (Param::Offset, Page::After(rows)) => Some(rows.to_string()),
            (Param::PageToken, Page::Token(token)) => Some(token.clone()),
            _ => None,
        }
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
mod tests;
