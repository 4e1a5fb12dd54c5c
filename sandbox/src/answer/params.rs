//! Reading the parameters of a call, strictly: each reader either has the value or refuses with the text to answer.

use std::fmt::Display;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::answer::reply::Reply;
use crate::zone::{self, Zone};

/// The parameters of a call.
pub(crate) struct Params<'a> {
    pairs: &'a [(String, String)],
    strict_names: bool,
}

impl<'a> Params<'a> {
    pub(crate) fn new(pairs: &'a [(String, String)], strict_names: bool) -> Self {
        Self { pairs, strict_names }
    }

    /// Refuses unknown names (if the rules are strict about them) and names that come twice.
    pub(crate) fn expect_only(&self, known: &[&str]) -> Result<(), Reply> {
        for (index, (name, _)) in self.pairs.iter().enumerate() {
            if self.strict_names && name != "accessToken" && !known.contains(&name.as_str()) {
                return Err(bad(format_args!("Unknown parameter '{}'", name.escape_debug())));
            }
            if self.pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(bad(format_args!("Parameter '{name}' is given more than once")));
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&'a str, Reply> {
        self.get(name).ok_or_else(|| bad(format_args!("Required parameter '{name}' is not present")))
    }

    /// One of a few words, or `default`.
    pub(crate) fn choice<T: Copy>(&self, name: &str, default: T, words: &[(&str, T)]) -> Result<T, Reply> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning).ok_or_else(|| wrong_type(name))
    }

    /// `true`, `false` or not there, which means false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Reply> {
        self.choice(name, false, &[("true", true), ("false", false)])
    }

    /// A comma-separated list of ids.
    pub(crate) fn ids(&self, name: &str) -> Result<Option<Vec<u64>>, Reply> {
        self.get(name)
            .map(|list| list.split(',').map(|id| plain_number(id).ok_or_else(|| wrong_type(name))).collect())
            .transpose()
    }

    pub(crate) fn required_id(&self, name: &str) -> Result<u64, Reply> {
        plain_number(self.required(name)?).ok_or_else(|| wrong_type(name))
    }

    /// A whole number within bounds, or `default`.
    pub(crate) fn number(&self, name: &str, default: u64, bounds: RangeInclusive<u64>) -> Result<u64, Reply> {
        let Some(value) = self.get(name) else {
            return Ok(default);
        };
        plain_number(value)
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| bad(format_args!("Parameter '{name}' must lie between {} and {}", bounds.start(), bounds.end())))
    }

    /// A local time, `yyyy-MM-ddTHH:mm:ss`.
    pub(crate) fn time(&self, name: &str) -> Result<NaiveDateTime, Reply> {
        zone::parse_time(self.required(name)?)
            .ok_or_else(|| bad(format_args!("Parameter '{name}' must have the form yyyy-MM-ddTHH:mm:ss")))
    }

    /// A day, `yyyy-MM-dd`.
    pub(crate) fn day(&self, name: &str) -> Result<NaiveDate, Reply> {
        zone::parse_day(self.required(name)?).ok_or_else(|| bad(format_args!("Parameter '{name}' must have the form yyyy-MM-dd")))
    }

    /// An instant, `yyyy-MM-ddTHH:mm:ssZ`.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, Reply> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let local = value.strip_suffix('Z').and_then(zone::parse_time);
        local
            .map(|local| Some(local.and_utc()))
            .ok_or_else(|| bad(format_args!("Parameter '{name}' must have the form yyyy-MM-ddTHH:mm:ssZ")))
    }

    /// A zone out of `known`; UTC if there is none.
    pub(crate) fn zone(&self, known: &[&str]) -> Result<Zone, Reply> {
        let name = self.get("timezone").unwrap_or("UTC");
        let zone = if known.contains(&name) { Zone::named(name) } else { None };
        zone.ok_or_else(|| bad(format_args!("Unknown timezone '{name}'")))
    }

    /// A region out of `known`. The text speaks of a list, as Awin's does, although only one code is taken.
    pub(crate) fn region(&self, known: &[&str]) -> Result<&'a str, Reply> {
        let region = self.get("region").unwrap_or_default();
        if known.contains(&region) {
            Ok(region)
        } else {
            Err(bad(format_args!("invalid region code list, expecting sth. like [FR,CA,DE]: [{region}]")))
        }
    }
}

fn plain_number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn wrong_type(name: &str) -> Reply {
    bad(format_args!("Wrong data type for parameter '{name}'"))
}

fn bad(description: impl Display) -> Reply {
    Reply::bad_request(&description.to_string())
}
