//! The configuration: what was typed becomes what it means.
//!
//! `spec.json` is the only description: it is served by `spec`, it validates here, and its defaults are the defaults. Two
//! steps: the raw JSON is put into the spec's types (runners send numbers as text, lists of ids as JSON arrays, unset keys
//! as null) and validated; then it becomes real dates, zones and ids.

use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use chrono_tz::Tz;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use reqwest::Url;
use serde_json::{Map, Value};

use crate::protocol::{Failure, explain_json};

/// The `spec.json` of this version, as text.
pub const SPEC: &str = include_str!("../spec.json");

/// A text that never shows itself.
#[derive(Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Config {
    /// Reads the configuration file's text. The error is one sentence per wrong key and never holds the token.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if text.trim().is_empty() {
            return Err(Failure::config("The configuration is empty. Give one JSON object with the keys of `spec`."));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let what = explain_json(&error);
            Failure::config(format!("The configuration is not JSON: {what}. Give one JSON object with the keys of `spec`."))
        })?;
        let Value::Object(raw) = value else {
            return Err(Failure::config("The configuration is not a JSON object. Give one JSON object with the keys of `spec`."));
        };
        let schema = &spec()["connectionSpecification"];
        let typed = with_defaults(in_types_of(schema, raw), schema);
        validate(schema, &typed)?;
        Self::from_valid(&typed)
    }

    /// The token in a raw configuration, so that it can be hidden before anything is said about the rest.
    pub fn token_in(text: &str) -> Option<Secret> {
        let value: Value = serde_json::from_str(text).ok()?;
        match value.get("api_token")? {
            Value::String(token) => Some(Secret(token.trim().to_owned())),
            Value::Number(token) => Some(Secret(token.to_string())),
            _ => None,
        }
    }

    fn from_valid(config: &Map<String, Value>) -> Result<Self, Failure> {
        let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default().trim();
        let number = |key: &str| config.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        let api_token = text("api_token").to_owned();
        if api_token.is_empty() || !api_token.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(Failure::config(
                "`api_token` is empty or holds blanks or other characters that a token has not. Copy it again from ui.awin.com/awin-api.",
            ));
        }
        let start_date = date("start_date", text("start_date"))?;
        let end_date = Some(text("end_date")).filter(|text| !text.is_empty()).map(|text| date("end_date", text)).transpose()?;
        if let Some(end_date) = end_date.filter(|end_date| *end_date < start_date) {
            return Err(Failure::config(format!(
                "`end_date` {end_date} is before `start_date` {start_date}. Set an end on or after the start, or leave the end empty for today."
            )));
        }
        if start_date.year() < FIRST_YEAR {
            return Err(wrong("start_date", text("start_date"), "when there was no Awin", "Give a later day."));
        }
        let base = text("api_url").trim_end_matches('/');
        if base.contains('@') {
            return Err(Failure::config("`api_url` holds a user or password, which Awin does not take. Give the address alone."));
        }
        let api_url = Url::parse(base)
            .map_err(|e| wrong("api_url", base, &format!("which is no address ({e})"), "Leave it out to use Awin's."))?;
        Ok(Self {
            api_token: Secret(api_token),
            start_date,
            end_date,
            advertiser_ids: ids("advertiser_ids", text("advertiser_ids"))?,
            publisher_ids: ids("publisher_ids", text("publisher_ids"))?,
            timezone: text("timezone")
                .parse()
                .map_err(|_| wrong("timezone", text("timezone"), "which is not known", "Choose one of `spec`."))?,
            regions: strings(config.get("regions")),
            lookback_days: number("lookback_days"),
            stats_date_type: if text("stats_date_type") == "validation" { DateType::Validation } else { DateType::Transaction },
            include_basket_products: config.get("include_basket_products") == Some(&Value::Bool(true)),
            requests_per_minute: number("requests_per_minute"),
            api_url,
        })
    }
}

fn strings(list: Option<&Value>) -> Vec<String> {
    let mut strings: Vec<String> = Vec::new();
    for text in list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !strings.iter().any(|known| known == text) {
            strings.push(text.to_owned());
        }
    }
    strings
}

fn date(key: &str, text: &str) -> Result<NaiveDate, Failure> {
    text.parse().map_err(|_| wrong(key, text, "which is no day of the calendar", "Give a date as YYYY-MM-DD."))
}

fn ids(key: &str, text: &str) -> Result<Vec<u64>, Failure> {
    let mut ids = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let id = part.parse().map_err(|_| wrong(key, part, "which is no account id", "Give numbers separated by commas."))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn wrong(key: &str, value: &str, why: &str, remedy: &str) -> Failure {
    Failure::config(format!("`{key}` is {value:?}, {why}. {remedy}"))
}

/// The properties of the spec, in its order.
fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Puts values into the spec's types where the meaning is plain: `"28"` for 28, `[1, 2]` for `"1,2"`, `"GB, DE"` for a list.
/// Nulls, empty texts of optional keys, and keys of other tools (`_limit`) are left out.
fn in_types_of(schema: &Value, mut raw: Map<String, Value>) -> Map<String, Value> {
    raw.retain(|key, value| !key.starts_with('_') && !value.is_null());
    for (key, property) in properties(schema) {
        let Some(value) = raw.remove(key) else { continue };
        let wanted = property.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(value) = in_type(wanted, value, property.get("airbyte_secret").is_some()) {
            raw.insert(key.clone(), value);
        }
    }
    raw
}

fn in_type(wanted: &str, value: Value, secret: bool) -> Option<Value> {
    Some(match (wanted, value) {
        ("integer", Value::String(text)) if text.trim().is_empty() => return None,
        ("integer", Value::String(text)) => text.trim().parse::<i64>().map_or(Value::String(text), Value::from),
        ("integer", Value::Number(number)) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "whole and far below 2^53")]
            Some(float) if float.fract() == 0.0 && float.abs() < 1e9 => Value::from(float as i64),
            _ => Value::Number(number),
        },
        ("boolean", Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "" => return None,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text),
        },
        ("array", Value::String(text)) => match serde_json::from_str(&text) {
            Ok(list @ Value::Array(_)) => list,
            _ => text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect(),
        },
        ("string", Value::String(text)) if text.trim().is_empty() && !secret => return None,
        ("string", Value::String(text)) => match serde_json::from_str(&text) {
            Ok(list @ Value::Array(_)) => in_type(wanted, list, secret)?,
            _ => Value::String(text.trim().to_owned()),
        },
        ("string", Value::Number(number)) if !secret => Value::String(number.to_string()),
        ("string", Value::Array(list)) if list.iter().all(|item| item.is_string() || item.is_u64()) && !secret => {
            let items: Vec<String> =
                list.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            Value::String(items.join(","))
        }
        (_, value) => value,
    })
}

fn with_defaults(mut config: Map<String, Value>, schema: &Value) -> Map<String, Value> {
    for (key, property) in properties(schema) {
        if let Some(default) = property.get("default") {
            config.entry(key.clone()).or_insert_with(|| default.clone());
        }
    }
    config
}

fn validate(schema: &Value, config: &Map<String, Value>) -> Result<(), Failure> {
    let validator =
        jsonschema::options().should_validate_formats(true).build(schema).expect("spec.json is compiled in and tested");
    let config = Value::Object(config.clone());
    let mut sentences: Vec<String> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    for error in validator.iter_errors(&config) {
        let (key, sentence) = explain(schema, &error);
        // One sentence per key: an impossible date breaks its pattern and its format.
        if !keys.contains(&key) {
            keys.push(key);
            sentences.push(sentence);
        }
    }
    if sentences.is_empty() { Ok(()) } else { Err(Failure::config(sentences.join(" "))) }
}

/// The key at fault and a sentence on key, value and remedy.
fn explain(schema: &Value, error: &ValidationError<'_>) -> (String, String) {
    if let ValidationErrorKind::Required { property } = error.kind() {
        let key = property.as_str().unwrap_or_default().to_owned();
        let title = schema["properties"][&key]["title"].as_str().unwrap_or(&key);
        return (key.clone(), format!("`{key}` is missing. Fill in {title}."));
    }
    let path = error.instance_path().to_string();
    let key = path.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
    let property = &schema["properties"][&key];
    if property.get("airbyte_secret").is_some() {
        let title = property["title"].as_str().unwrap_or(&key);
        return (key.clone(), format!("`{key}` is empty or no text. Fill in {title} as a text in quotes."));
    }
    let allowed = property.get("enum").or_else(|| property["items"].get("enum")).and_then(Value::as_array);
    let remedy = if let Some(allowed) = allowed {
        let names: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        format!("Choose from {}.", names.join(", "))
    } else if let (Some(minimum), Some(maximum)) = (property.get("minimum"), property.get("maximum")) {
        format!("Give a whole number from {minimum} to {maximum}.")
    } else if let Some(descriptor) = property.get("pattern_descriptor").and_then(Value::as_str) {
        format!("Give it in the form {descriptor}.")
    } else {
        format!("Give a value of type {}.", property["type"].as_str().unwrap_or("string"))
    };
    let mut value = error.instance().to_string();
    if value.chars().count() > 100 {
        value = value.chars().take(100).chain(['…']).collect();
    }
    let why = match error.kind() {
        ValidationErrorKind::Type { .. } => "which is of the wrong type",
        ValidationErrorKind::Enum { .. } => "which Awin does not know",
        ValidationErrorKind::Minimum { .. } => "which is too small",
        ValidationErrorKind::Maximum { .. } => "which is too large",
        ValidationErrorKind::Format { .. } => "which is no day of the calendar",
        _ => "which has the wrong form",
    };
    (key.clone(), format!("`{key}` is {value}, {why}. {remedy}"))
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
    fn wrong_values_give_one_sentence_with_key_value_and_remedy() {
        for (changes, wanted) in [
            (
                json!({"start_date": "2026-02-30"}),
                "`start_date` is \"2026-02-30\", which is no day of the calendar. Give it in the form YYYY-MM-DD.",
            ),
            (
                json!({"start_date": "01/02/2026"}),
                "`start_date` is \"01/02/2026\", which has the wrong form. Give it in the form YYYY-MM-DD.",
            ),
            (
                json!({"start_date": 20_260_101}),
                "`start_date` is \"20260101\", which has the wrong form. Give it in the form YYYY-MM-DD.",
            ),
            (json!({"start_date": null}), "`start_date` is missing. Fill in Start date."),
            (json!({"start_date": true}), "`start_date` is true, which is of the wrong type. Give it in the form YYYY-MM-DD."),
            (
                json!({"end_date": "2025-12-31"}),
                "`end_date` 2025-12-31 is before `start_date` 2026-01-01. Set an end on or after the start, or leave the end empty for today.",
            ),
            (json!({"end_date": {}}), "`end_date` is {}, which is of the wrong type. Give it in the form YYYY-MM-DD."),
            (
                json!({"timezone": "Mars/Olympus"}),
                "`timezone` is \"Mars/Olympus\", which Awin does not know. Choose from UTC, Europe/London, ",
            ),
            (json!({"timezone": 3}), "`timezone` is \"3\", which Awin does not know. Choose from UTC, "),
            (json!({"regions": ["GB", "XX"]}), "`regions` is \"XX\", which Awin does not know. Choose from AT, AU, "),
            (json!({"regions": 3}), "`regions` is 3, which is of the wrong type. Choose from AT, AU, "),
            (
                json!({"advertiser_ids": "12,x"}),
                "`advertiser_ids` is \"12,x\", which has the wrong form. Give it in the form 12345, 67890.",
            ),
            (
                json!({"advertiser_ids": {"a": 1}}),
                "`advertiser_ids` is {\"a\":1}, which is of the wrong type. Give it in the form 12345, 67890.",
            ),
            (json!({"publisher_ids": -1}), "`publisher_ids` is \"-1\", which has the wrong form."),
            (
                json!({"publisher_ids": "99999999999999999999999"}),
                "`publisher_ids` is \"99999999999999999999999\", which is no account id.",
            ),
            (json!({"lookback_days": 401}), "`lookback_days` is 401, which is too large. Give a whole number from 0 to 400."),
            (json!({"lookback_days": -1}), "`lookback_days` is -1, which is too small. Give a whole number from 0 to 400."),
            (
                json!({"lookback_days": 1.5}),
                "`lookback_days` is 1.5, which is of the wrong type. Give a whole number from 0 to 400.",
            ),
            (json!({"lookback_days": "many"}), "`lookback_days` is \"many\", which is of the wrong type."),
            (
                json!({"stats_date_type": "amendment"}),
                "`stats_date_type` is \"amendment\", which Awin does not know. Choose from transaction, validation.",
            ),
            (
                json!({"include_basket_products": "perhaps"}),
                "`include_basket_products` is \"perhaps\", which is of the wrong type. Give a value of type boolean.",
            ),
            (
                json!({"requests_per_minute": 0}),
                "`requests_per_minute` is 0, which is too small. Give a whole number from 1 to 1000.",
            ),
            (
                json!({"api_url": "http://api.awin.com"}),
                "`api_url` is \"http://api.awin.com\", which has the wrong form. Give it in the form https://host, or http://localhost:port.",
            ),
            (json!({"api_token": ""}), "`api_token` is empty or no text. Fill in API token as a text in quotes."),
            (json!({"api_token": " "}), "`api_token` is empty or no text. Fill in API token as a text in quotes."),
            (json!({"api_token": null}), "`api_token` is missing. Fill in API token."),
            (
                json!({"api_token": ["5up3r-53cr3t-t0k3n"]}),
                "`api_token` is empty or no text. Fill in API token as a text in quotes.",
            ),
            (
                json!({"api_token": "5up3r 53cr3t"}),
                "`api_token` is empty or holds blanks or other characters that a token has not.",
            ),
        ] {
            let failure = config(&changes).expect_err(&changes.to_string());
            assert!(failure.message.starts_with(wanted), "{changes}\nwanted {wanted}\ngot    {failure}");
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
