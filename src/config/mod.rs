//! The configuration: what was typed becomes what it means.
//!
//! `spec.json` is the only description: it is served by `spec`, it validates here, and its defaults are the defaults. The
//! JSON, parsed once, is put into the spec's types, validated, and then becomes real dates, zones and ids.

mod coerce;
mod explain;
mod names;

use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use chrono_tz::Tz;
pub use explain::nearest;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::protocol::{Failure, Secrets, explain_json};

/// The `spec.json` of this version, as text.
pub const SPEC: &str = include_str!("../../spec.json");

/// A text that never shows itself.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// The text itself. For headers and for hiding it, nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// Which date the reports count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateType {
    /// The day of the sale.
    Transaction,
    /// The day of its approval or decline.
    Validation,
}

impl DateType {
    /// As Awin and the configuration spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Validation => "validation",
        }
    }
}

/// The configuration of a connection; the meaning of each key is in `spec.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The token of an Awin user.
    pub api_token: Secret,
    /// First day of the tables.
    pub start_date: NaiveDate,
    /// Last day of the tables, inclusive; `None` is today.
    pub end_date: Option<NaiveDate>,
    /// Advertiser accounts that were named.
    pub advertiser_ids: Vec<u64>,
    /// Publisher accounts that were named.
    pub publisher_ids: Vec<u64>,
    /// Zone of days and timestamps.
    pub timezone: Tz,
    /// Markets for the reports that need one; empty means detected.
    pub regions: Vec<String>,
    /// Days before the point reached that each sync reads again.
    pub lookback_days: u32,
    /// Which date the reports count by.
    pub stats_date_type: DateType,
    /// Whether to ask for product lines.
    pub include_basket_products: bool,
    /// Awin's quota for the user.
    pub requests_per_minute: u32,
    /// Base of all calls.
    pub api_url: Url,
}

/// The parsed `spec.json`.
pub fn spec() -> Value {
    serde_json::from_str(SPEC).expect("spec.json is compiled in and tested")
}

/// The zones on offer.
pub fn zones() -> Vec<Tz> {
    let schema = &spec()["connectionSpecification"];
    let zones = schema["properties"]["timezone"]["enum"].as_array().cloned().unwrap_or_default();
    zones.iter().filter_map(|zone| zone.as_str()?.parse().ok()).collect()
}

/// Awin's network is that old. A mistyped year would plan millions of calls.
const FIRST_YEAR: i32 = 2000;

const FORM: &str = "Give one JSON object with the keys of `spec`.";

/// A configuration as it stands in its file.
pub struct RawConfig(Map<String, Value>);

impl RawConfig {
    /// Reads the configuration file's text. The error quotes nothing of it.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if text.trim().is_empty() {
            return Err(Failure::config(format!("The configuration is empty. {FORM}")));
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Failure::config(format!("The configuration is not a JSON object. {FORM}"))),
            Err(error) => Err(Failure::config(format!("The configuration is not JSON: {}. {FORM}", explain_json(&error)))),
        }
    }

    /// What may be the token, to be hidden before anything is said about the rest.
    pub fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        names::tokens(&spec()["connectionSpecification"], &self.0, &mut |value| texts(value, &mut found));
        found
    }

    /// A sentence for a WARN on each key that this connector does not have. An error is about keys that would change which data
    /// is read.
    pub fn unknown_keys(&self) -> Result<Vec<String>, Failure> {
        names::review(&spec()["connectionSpecification"], &self.0)
    }

    /// What it means. The error is one sentence per wrong key and never holds the token.
    pub fn config(self) -> Result<Config, Failure> {
        let mut secrets = Secrets::default();
        self.secrets().iter().for_each(|secret| secrets.add(secret));
        let schema = &spec()["connectionSpecification"];
        let typed = coerce::in_types_of(schema, &self.0);
        explain::validate(schema, &typed, &secrets)?;
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
                "`end_date` {end_date} is before `start_date` {start_date}. Set an end on or after the start, or leave the end empty for today."
            )));
        }
        if start_date.year() < FIRST_YEAR {
            return Err(Failure::config(format!("`start_date` {start_date} is before Awin existed. Set a later day.")));
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

impl Config {
    /// The configuration in a file's text.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        RawConfig::parse(text)?.config()
    }
}

fn ids(key: &str, text: &str, secrets: &Secrets) -> Result<Vec<u64>, Failure> {
    let ids = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        part.parse().map_err(|_| {
            let shown = explain::shown(part, secrets);
            Failure::config(format!("`{key}` contains {shown}, which is not an account ID."))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(changes: impl std::borrow::Borrow<Value>) -> Result<Config, Failure> {
        let mut config = json!({"api_token": "5up3r-53cr3t-t0k3n", "start_date": "2026-01-01"});
        for (key, value) in changes.borrow().as_object().expect("an object") {
            config[key] = value.clone();
        }
        Config::parse(&config.to_string())
    }

    #[test]
    fn absent_keys_take_the_defaults_of_the_spec() {
        let config = config(json!({})).expect("valid");
        assert_eq!(config.end_date, None);
        assert_eq!(config.advertiser_ids, Vec::<u64>::new());
        assert_eq!(config.timezone, Tz::UTC);
        assert_eq!(config.regions, Vec::<String>::new());
        assert_eq!((config.lookback_days, config.requests_per_minute), (28, 20));
        assert_eq!(config.stats_date_type, DateType::Transaction);
        assert!(!config.include_basket_products);
        assert_eq!(config.api_url.as_str(), "https://api.awin.com/");
    }

    /// Only the zones that `.cargo/config.toml` names are built in.
    #[test]
    fn every_zone_of_the_spec_is_built_in() {
        let schema = &spec()["connectionSpecification"];
        for zone in schema["properties"]["timezone"]["enum"].as_array().expect("a list") {
            assert_eq!(config(json!({ "timezone": zone })).expect("valid").timezone.name(), zone);
        }
    }

    #[test]
    fn values_arrive_in_every_form_that_runners_send() {
        for ids in [json!("1, 2"), json!([1, 2]), json!(["1", "2"]), json!("[1,2]"), json!("[\"1\",\"2\"]"), json!(" 1,2 ")] {
            assert_eq!(config(json!({"advertiser_ids": ids})).expect("valid").advertiser_ids, [1, 2], "{ids}");
        }
        assert_eq!(config(json!({"publisher_ids": 7})).expect("valid").publisher_ids, [7]);
        for regions in [json!(["GB", "DE"]), json!("GB,DE"), json!("[\"GB\",\"DE\"]")] {
            assert_eq!(config(json!({"regions": regions})).expect("valid").regions, ["GB", "DE"], "{regions}");
        }
        for days in [json!(7), json!("7"), json!(7.0)] {
            assert_eq!(config(json!({"lookback_days": days})).expect("valid").lookback_days, 7, "{days}");
        }
        for yes in [json!(true), json!("true"), json!("True")] {
            assert!(config(json!({"include_basket_products": yes})).expect("valid").include_basket_products, "{yes}");
        }
        let odd = json!({"end_date": null, "timezone": "", "_limit": 3, "something_else": {"a": 1}, "lookback_days": null, "regions": ""});
        assert_eq!(config(odd).expect("valid"), config(json!({})).expect("valid"));
    }

    #[test]
    fn values_that_people_write_are_understood() {
        for token in [
            "Bearer 5up3r-53cr3t-t0k3n",
            " \"5up3r-53cr3t-t0k3n\" ",
            "'bearer 5up3r-53cr3t-t0k3n'\n",
            "Bearer '5up3r-53cr3t-t0k3n'",
        ] {
            assert_eq!(config(json!({"api_token": token})).expect("valid").api_token.expose(), "5up3r-53cr3t-t0k3n", "{token}");
        }
        for date in ["2026-10-25", " 2026-10-25 ", "2026-10-25T00:00:00Z", "2026-10-25T00:00:00", "2026-10-25 00:00:00.000+00:00"]
        {
            assert_eq!(config(json!({"start_date": date})).expect("valid").start_date.to_string(), "2026-10-25", "{date}");
        }
        for ids in [json!("1;2"), json!("1 2"), json!(" 1\n2\n"), json!("1, ;2,"), json!(["1 ", "2;"]), json!("[ \"1\", 2 ]")] {
            assert_eq!(config(json!({"advertiser_ids": ids})).expect("valid").advertiser_ids, [1, 2], "{ids}");
        }
        for regions in [json!("gb;de"), json!(["uk", "De"]), json!("UK de GB"), json!("[\"gb\",\"de\"]")] {
            assert_eq!(config(json!({"regions": regions})).expect("valid").regions, ["GB", "DE"], "{regions}");
        }
        assert_eq!(config(json!({"timezone": "europe/london"})).expect("valid").timezone, Tz::Europe__London);
        assert_eq!(config(json!({"stats_date_type": "Validation"})).expect("valid").stats_date_type, DateType::Validation);
    }

    const ZONES: &str = "UTC, Europe/London, Europe/Dublin, Europe/Paris, Europe/Berlin, Europe/Helsinki, Canada/Eastern, Canada/Central, Canada/Mountain, Canada/Pacific, US/Eastern, US/Central, US/Mountain, US/Pacific, America/Sao_Paulo, Australia/Sydney";
    const REGIONS: &str = "AT, AU, BE, BR, BU, CA, CH, DE, DK, ES, FI, FR, GB, IE, IT, NL, NO, PL, SE, US";

    #[test]
    fn wrong_values_give_one_sentence_with_key_value_and_remedy() {
        let long = "7".repeat(200);
        for (changes, wanted) in [
            (json!({"start_date": "2026-02-30"}), "`start_date` is \"2026-02-30\", which is not a calendar date.".to_owned()),
            (json!({"start_date": "01/02/2026"}), "`start_date` is \"01/02/2026\"; it must be a date as YYYY-MM-DD.".into()),
            (
                json!({"start_date": "2026-10-25T07:30:00Z"}),
                "`start_date` is \"2026-10-25T07:30:00Z\"; it must be a date as YYYY-MM-DD.".into(),
            ),
            (json!({"start_date": 20_260_101}), "`start_date` is \"20260101\"; it must be a date as YYYY-MM-DD.".into()),
            (json!({"start_date": "1999-12-31"}), "`start_date` 1999-12-31 is before Awin existed. Set a later day.".into()),
            (json!({"start_date": null}), "`start_date` is missing. It must be a date as YYYY-MM-DD.".into()),
            (json!({"start_date": true}), "`start_date` is true; it must be a date as YYYY-MM-DD.".into()),
            (
                json!({"end_date": "2025-12-31"}),
                "`end_date` 2025-12-31 is before `start_date` 2026-01-01. Set an end on or after the start, or leave the end empty for today.".into(),
            ),
            (json!({"end_date": {}}), "`end_date` is {}; it must be a date as YYYY-MM-DD.".into()),
            (json!({"timezone": "Mars/Olympus"}), format!("`timezone` is \"Mars/Olympus\"; it must be one of {ZONES}.")),
            (
                json!({"timezone": "America/New_York"}),
                format!("`timezone` is \"America/New_York\". Did you mean US/Eastern? It must be one of {ZONES}."),
            ),
            (
                json!({"timezone": "Europe/Londno"}),
                format!("`timezone` is \"Europe/Londno\". Did you mean Europe/London? It must be one of {ZONES}."),
            ),
            (json!({"timezone": 3}), format!("`timezone` is \"3\"; it must be one of {ZONES}.")),
            (json!({"regions": ["GB", "XX"]}), format!("`regions` is \"XX\"; it must be a list of any of {REGIONS}.")),
            (
                json!({"regions": ["Germany"]}),
                format!("`regions` is \"Germany\". Did you mean DE? It must be a list of any of {REGIONS}."),
            ),
            (json!({"regions": 3}), format!("`regions` is 3; it must be a list of any of {REGIONS}.")),
            (
                json!({"advertiser_ids": "12,x"}),
                "`advertiser_ids` is \"12,x\"; it must be account IDs separated by commas, such as 12345, 67890.".into(),
            ),
            (
                json!({"advertiser_ids": {"a": 1}}),
                "`advertiser_ids` is {\"a\":1}; it must be account IDs separated by commas, such as 12345, 67890.".into(),
            ),
            (
                json!({"publisher_ids": -1}),
                "`publisher_ids` is \"-1\"; it must be account IDs separated by commas, such as 12345, 67890.".into(),
            ),
            (json!({"publisher_ids": long}), format!("`publisher_ids` contains {}…, which is not an account ID.", &long[..100])),
            (json!({"lookback_days": 401}), "`lookback_days` is 401; it must be a whole number from 0 to 400.".into()),
            (json!({"lookback_days": -1}), "`lookback_days` is -1; it must be a whole number from 0 to 400.".into()),
            (json!({"lookback_days": 1.5}), "`lookback_days` is 1.5; it must be a whole number from 0 to 400.".into()),
            (json!({"lookback_days": "many"}), "`lookback_days` is \"many\"; it must be a whole number from 0 to 400.".into()),
            (
                json!({"stats_date_type": "amendment"}),
                "`stats_date_type` is \"amendment\"; it must be one of transaction, validation.".into(),
            ),
            (
                json!({"include_basket_products": "perhaps"}),
                "`include_basket_products` is \"perhaps\"; it must be `true` or `false`.".into(),
            ),
            (json!({"requests_per_minute": 0}), "`requests_per_minute` is 0; it must be a whole number from 1 to 1000.".into()),
            (
                json!({"api_url": "http://api.awin.com"}),
                "`api_url` is \"http://api.awin.com\"; it must be https://host, or http://localhost:port.".into(),
            ),
            (json!({"api_url": "https://[:]"}), "`api_url` is \"https://[:]\", which is not a valid URL (invalid IPv6 address). Leave it out to use Awin's.".into()),
            (json!({"api_token": ""}), "`api_token` is empty. Paste the token from ui.awin.com/awin-api.".into()),
            (json!({"api_token": " "}), "`api_token` is empty. Paste the token from ui.awin.com/awin-api.".into()),
            (json!({"api_token": null}), "`api_token` is missing. Paste the token from ui.awin.com/awin-api.".into()),
            (
                json!({"api_token": ["5up3r-53cr3t-t0k3n"]}),
                "`api_token` must be a text in quotes. Paste the token from ui.awin.com/awin-api.".into(),
            ),
            (
                json!({"api_token": "5up3r 53cr3t"}),
                "`api_token` contains spaces or other characters that cannot occur in a token. Copy it again from ui.awin.com/awin-api.".into(),
            ),
            (
                json!({"lookback_days": "x".repeat(90) + "5up3r-53cr3t-t0k3n"}),
                format!("`lookback_days` is \"{}****\"; it must be a whole number from 0 to 400.", "x".repeat(90)),
            ),
        ] {
            let failure = config(&changes).expect_err(&changes.to_string());
            assert_eq!(failure.message, wanted, "{changes}");
            assert!(!failure.message.contains("5up3r"), "{failure}");
        }
    }

    #[test]
    fn several_wrong_keys_are_told_at_once() {
        let failure = config(json!({"start_date": "x", "lookback_days": 999})).expect_err("two wrong keys");
        assert!(failure.message.contains("`start_date`") && failure.message.contains("`lookback_days`"), "{failure}");
    }

    #[test]
    fn what_is_not_a_json_object_is_refused_without_quoting_it() {
        for text in ["", "{", "[]", "null", "\"5up3r-53cr3t\"", "{\"api_token\": 5up3r}"] {
            let failure = Config::parse(text).expect_err(text);
            assert!(!failure.message.contains("5up3r"), "{failure}");
        }
    }

    #[test]
    fn only_loopback_hosts_may_be_reached_without_tls() {
        for good in ["https://proxy.example/awin", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:80"] {
            assert!(config(json!({"api_url": good})).is_ok(), "{good}");
        }
        for bad in [
            "http://proxy.example",
            "ftp://x",
            "http://127.0.0.1.evil.example",
            "https://user:pw@host",
            "http://localhost.evil.example",
        ] {
            assert!(config(json!({"api_url": bad})).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_token_shows_in_no_debug_output() {
        assert!(!format!("{:?}", config(json!({})).expect("valid")).contains("5up3r"));
    }
}
