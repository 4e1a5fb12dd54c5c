//! The configuration: what was typed becomes what it means.
//!
//! `spec.json` is the only description: it is served by `spec`, it validates here, and its defaults are the defaults. The
//! JSON, parsed once, is put into the spec's types, validated, and then becomes real dates, zones and ids.

mod coerce;
mod explain;
mod names;
mod raw;

use std::fmt;
use std::sync::LazyLock;

use chrono::NaiveDate;
use chrono_tz::Tz;
pub use explain::nearest;
pub use raw::RawConfig;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::protocol::Failure;

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

static SPEC: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../spec.json")).expect("spec.json is compiled in and tested"));

/// The parsed `spec.json`.
pub fn spec() -> &'static Value {
    &SPEC
}

/// The zones on offer.
pub fn zones() -> Vec<Tz> {
    let schema = &spec()["connectionSpecification"];
    let zones = schema["properties"]["timezone"]["enum"].as_array().cloned().unwrap_or_default();
    zones.iter().filter_map(|zone| zone.as_str()?.parse().ok()).collect()
}

impl Config {
    /// The configuration in a file's text.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        RawConfig::parse(text)?.config()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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

    const IDS: &str =
        "Leave it empty to sync all accounts of the token: the connection test (`check`) lists them with the IDs to choose from.";

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
            (json!({"start_date": "1999-12-31"}), "`start_date` 1999-12-31 is before Awin existed. Set 2000-01-01 or a later day.".into()),
            (json!({"start_date": null}), "`start_date` is missing. It must be a date as YYYY-MM-DD.".into()),
            (json!({"start_date": true}), "`start_date` is true; it must be a date as YYYY-MM-DD.".into()),
            (
                json!({"end_date": "2025-12-31"}),
                "`end_date` 2025-12-31 is before `start_date` 2026-01-01. Set `end_date` to that day or later, or leave it empty to read up to today.".into(),
            ),
            (json!({"end_date": {}}), "`end_date` is {}; it must be a date as YYYY-MM-DD.".into()),
            (json!({"timezone": "Mars/Olympus"}), format!("`timezone` is \"Mars/Olympus\"; it must be one of {ZONES} (UTC if left out).")),
            (
                json!({"timezone": "America/New_York"}),
                format!("`timezone` is \"America/New_York\". Did you mean US/Eastern? It must be one of {ZONES} (UTC if left out)."),
            ),
            (
                json!({"timezone": "Europe/Londno"}),
                format!("`timezone` is \"Europe/Londno\". Did you mean Europe/London? It must be one of {ZONES} (UTC if left out)."),
            ),
            (json!({"timezone": 3}), format!("`timezone` is \"3\"; it must be one of {ZONES} (UTC if left out).")),
            (json!({"regions": ["GB", "XX"]}), format!("`regions` contains \"XX\"; it must be a list of any of {REGIONS}, or empty to detect them.")),
            (
                json!({"regions": ["Germany"]}),
                format!("`regions` contains \"Germany\". Did you mean DE? It must be a list of any of {REGIONS}, or empty to detect them."),
            ),
            (json!({"regions": 3}), format!("`regions` is 3; it must be a list of any of {REGIONS}, or empty to detect them.")),
            (
                json!({"advertiser_ids": "12,x"}),
                format!("`advertiser_ids` is \"12,x\"; it must be account IDs separated by commas, such as 12345, 67890. {IDS}"),
            ),
            (
                json!({"advertiser_ids": {"a": 1}}),
                format!("`advertiser_ids` is {{\"a\":1}}; it must be account IDs separated by commas, such as 12345, 67890. {IDS}"),
            ),
            (
                json!({"publisher_ids": -1}),
                format!("`publisher_ids` is \"-1\"; it must be account IDs separated by commas, such as 12345, 67890. {IDS}"),
            ),
            (json!({"publisher_ids": long}), format!("`publisher_ids` contains {}…, which is not an account ID. {IDS}", &long[..100])),
            (json!({"lookback_days": 401}), "`lookback_days` is 401; it must be a whole number from 0 to 400.".into()),
            (json!({"lookback_days": -1}), "`lookback_days` is -1; it must be a whole number from 0 to 400.".into()),
            (json!({"lookback_days": 1.5}), "`lookback_days` is 1.5; it must be a whole number from 0 to 400.".into()),
            (json!({"lookback_days": "many"}), "`lookback_days` is \"many\"; it must be a whole number from 0 to 400.".into()),
            (
                json!({"stats_date_type": "amendment"}),
                "`stats_date_type` is \"amendment\"; it must be one of transaction, validation (transaction if left out).".into(),
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
                "`api_token` must be a string in quotes. Paste the token from ui.awin.com/awin-api.".into(),
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

    /// Values of every type, those of the right form among them.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (0i64..500).prop_map(Value::from),
            "[0-9]{4}-[0-9]{2}-[0-9]{2}( 00:00:00Z?)?".prop_map(Value::from),
            "[0-9 ,;]{0,12}".prop_map(Value::from),
            "(https?://)?[a-z:/@\\[\\].0-9]{0,12}".prop_map(Value::from),
            "(de|UK|utc|Europe/Paris|true|validation|Bearer x)".prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key(), inner), 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn key() -> impl Strategy<Value = String> {
        let ours: Vec<String> = coerce::properties(&spec()["connectionSpecification"]).map(|(key, _)| key.clone()).collect();
        prop_oneof![8 => prop::sample::select(ours), 1 => "(advertiserId|token|config|account|start)", 1 => "\\PC{0,8}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
        #[test]
        fn any_configuration_is_read_or_answered_without_its_token(
            map in prop::collection::vec((key(), value()), 0..8),
            start in prop_oneof![Just(json!("2026-01-01")), value()],
        ) {
            let mut config: serde_json::Map<String, Value> = map.into_iter().collect();
            config.insert("api_token".into(), "5up3r-53cr3t-t0k3n".into());
            config.insert("start_date".into(), start);
            let raw = RawConfig::parse(&Value::Object(config).to_string()).expect("an object");
            for failure in [raw.unknown_keys().err(), raw.config().err()].into_iter().flatten() {
                prop_assert!(failure.message.ends_with(['.', '?']) && !failure.message.contains("5up3r"), "{}", failure);
            }
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
