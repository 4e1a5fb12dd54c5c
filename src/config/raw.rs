//! From a file's text to a configuration: parsed, put into types, checked.

use chrono::{Datelike as _, NaiveDate};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Config, DateType, Secret, coerce, explain, names, spec};
use crate::protocol::{Failure, Secrets, explain_json};

/// Awin's network is that old. A mistyped year would plan millions of calls.
const FIRST_YEAR: i32 = 2000;

const FORM: &str = "Give one JSON object with the keys of `spec`.";

fn schema() -> &'static Value {
    &spec()["connectionSpecification"]
}

/// A configuration as it stands in its file.
pub struct RawConfig(Map<String, Value>);

impl RawConfig {
    /// Reads the configuration file's text. The error quotes nothing of it.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if text.trim().is_empty() {
            return Err(Failure::config(format!("The configuration is empty. {FORM}")));
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(map))
                if !map.contains_key("api_token") && ["streams", "catalog"].iter().any(|key| map.contains_key(*key)) =>
            {
                Err(Failure::config(format!("The configuration file holds a catalog: give that with `--catalog`. {FORM}")))
            }
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Failure::config(format!("The configuration is not a JSON object. {FORM}"))),
            Err(error) => Err(Failure::config(format!("The configuration is not JSON: {}. {FORM}", explain_json(&error)))),
        }
    }

    /// What may be the token, to be hidden before anything is said about the rest.
    pub fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        names::tokens(schema(), &self.0, &mut |value| texts(value, &mut found));
        found
    }

    /// A sentence for a WARN on each key that this connector does not have. An error is about keys that would change which data
    /// is read.
    pub fn unknown_keys(&self) -> Result<Vec<String>, Failure> {
        names::review(schema(), &self.0)
    }

    /// What it means. The error is one sentence per wrong key and never holds the token.
    pub fn config(self) -> Result<Config, Failure> {
        let mut secrets = Secrets::default();
        self.secrets().iter().for_each(|secret| secrets.add(secret));
        let typed = coerce::in_types_of(schema(), &self.0);
        explain::validate(schema(), &typed, &secrets)?;
        let typed: TypedConfig = serde_json::from_value(Value::Object(typed)).expect("the schema has the types of the struct");
        typed.config(&secrets)
    }
}

/// Every text in `value`, and what is left of it if it is a token with something around it.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend([text.trim().to_owned(), coerce::token(text).to_owned()]),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A configuration that the schema has accepted.
#[derive(Deserialize)]
struct TypedConfig {
    api_token: Secret,
    start_date: NaiveDate,
    end_date: Option<NaiveDate>,
    advertiser_ids: String,
    publisher_ids: String,
    timezone: String,
    regions: Vec<String>,
    lookback_days: u32,
    stats_date_type: DateType,
    include_basket_products: bool,
    requests_per_minute: u32,
    api_url: String,
}

impl TypedConfig {
    /// What no schema can say is checked here.
    fn config(self, secrets: &Secrets) -> Result<Config, Failure> {
        let Self { api_token, start_date, end_date, .. } = self;
        if !api_token.0.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(Failure::config(
                "`api_token` contains spaces or other characters that cannot occur in a token. Copy it again from ui.awin.com/awin-api.",
            ));
        }
        if let Some(end_date) = end_date.filter(|end_date| *end_date < start_date) {
            return Err(Failure::config(format!(
                "`end_date` {end_date} is before `start_date` {start_date}. Set `end_date` to that day or later, or leave it empty to read up to today."
            )));
        }
        if start_date.year() < FIRST_YEAR {
            return Err(Failure::config(format!(
                "`start_date` {start_date} is before Awin existed. Set 2000-01-01 or a later day."
            )));
        }
        let base = self.api_url.trim_end_matches('/');
        if base.contains('@') {
            return Err(Failure::config(
                "`api_url` contains a user or a password, which Awin does not take. Set the address alone.",
            ));
        }
        let api_url = Url::parse(base).map_err(|error| {
            let shown = explain::shown(&format!("{base:?}"), secrets);
            Failure::config(format!("`api_url` is {shown}, which is not a valid URL ({error}). Leave it out to use Awin's."))
        })?;
        Ok(Config {
            api_token,
            start_date,
            end_date,
            advertiser_ids: ids("advertiser_ids", &self.advertiser_ids, secrets)?,
            publisher_ids: ids("publisher_ids", &self.publisher_ids, secrets)?,
            timezone: self.timezone.parse().expect("every zone of the spec is built in, by test"),
            regions: without_repeats(self.regions),
            lookback_days: self.lookback_days,
            stats_date_type: self.stats_date_type,
            include_basket_products: self.include_basket_products,
            requests_per_minute: self.requests_per_minute,
            api_url,
        })
    }
}

fn ids(key: &str, text: &str, secrets: &Secrets) -> Result<Vec<u64>, Failure> {
    let ids = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        part.parse().map_err(|_| {
            let shown = explain::shown(part, secrets);
            Failure::config(format!("`{key}` contains {shown}, which is not an account ID. {}", explain::IDS_REMEDY))
        })
    });
    Ok(without_repeats(ids.collect::<Result<_, _>>()?))
}

fn without_repeats<T: PartialEq>(list: Vec<T>) -> Vec<T> {
    let mut once = Vec::with_capacity(list.len());
    for item in list {
        if !once.contains(&item) {
            once.push(item);
        }
    }
    once
}
