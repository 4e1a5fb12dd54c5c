//! Keys that this connector does not have. Most are ours under another name, and a few decide which data is read: those are
//! errors, since to pass over `advertiserId` would read every account. All others are passed over with a WARN.

use serde_json::{Map, Value};

use super::coerce::{in_type_of, properties};
use super::explain::{likeness, nearest};
use crate::protocol::Failure;

/// What other connectors and people call our keys, in lower case and without punctuation.
const OTHER_NAMES: &[(&str, &[&str])] = &[
    (
        "api_token",
        &[
            "accesstoken",
            "apiaccesstoken",
            "apikey",
            "auth",
            "authorization",
            "authtoken",
            "awinapitoken",
            "awintoken",
            "bearertoken",
            "key",
            "oauth2token",
            "oauthtoken",
            "token",
        ],
    ),
    (
        "start_date",
        &[
            "begindate",
            "datefrom",
            "from",
            "fromdate",
            "mindate",
            "replicationstartdate",
            "since",
            "start",
            "startdatetime",
            "starttime",
        ],
    ),
    (
        "end_date",
        &[
            "dateto",
            "end",
            "enddatetime",
            "endtime",
            "maxdate",
            "replicationenddate",
            "stop",
            "stopdate",
            "to",
            "todate",
            "until",
        ],
    ),
    ("advertiser_ids", &["advertiser", "advertiserid", "advertisers", "merchant", "merchantid", "merchantids", "merchants"]),
    ("publisher_ids", &["affiliate", "affiliateid", "affiliateids", "affiliates", "publisher", "publisherid", "publishers"]),
    ("timezone", &["tz", "zone"]),
    ("regions", &["countries", "country", "market", "markets", "region"]),
    (
        "lookback_days",
        &[
            "attributionwindow",
            "attributionwindowdays",
            "conversionwindow",
            "lookback",
            "lookbackwindow",
            "lookbackwindowdays",
            "lookbackwindowindays",
        ],
    ),
    ("stats_date_type", &["datetype"]),
    ("include_basket_products", &["basketproducts", "showbasketproducts"]),
    ("requests_per_minute", &["callsperminute", "maxrequestsperminute", "ratelimit", "throttle"]),
    ("api_url", &["apibaseurl", "apihost", "baseurl", "endpoint", "host", "url"]),
];

/// An account, of one side or the other.
const EITHER_SIDE: &[&str] = &["account", "accountid", "accountids", "accounts", "brand", "brandid", "brandids", "id", "ids"];

/// What other connectors let the user choose.
const CHOSEN_HERE: &[&str] = &["batchsizedays", "pagesize", "requestbatchsizedays", "step", "stepincrement", "windowindays"];

/// Keys that do not change which rows are read.
const HARMLESS: &[&str] = &["api_url", "include_basket_products", "lookback_days", "requests_per_minute"];

/// Least likeness to one of our keys of what is taken for it.
const MISTYPED: f64 = 0.8;

/// What stands for the token, and for a date that is missing, in a configuration that is shown.
const MASK: &str = "****";
const NO_DATE: &str = "YYYY-MM-DD";

/// Unknown keys that are named, at most.
const MAX_NAMED: usize = 10;

/// Looks at the keys of `raw` that the schema does not have. Each gives a sentence for a WARN; an error is about those that
/// would change which data is read.
pub(super) fn review(schema: &Value, raw: &Map<String, Value>) -> Result<Vec<String>, Failure> {
    let is_set = |key: &str| raw.get(key).is_some_and(|value| !is_empty(value));
    let unknown: Vec<(&String, Option<&str>)> = raw
        .iter()
        .filter(|(key, value)| !key.starts_with('_') && !is_empty(value) && schema["properties"].get(key.as_str()).is_none())
        .map(|(key, _)| (key, meaning(schema, key)))
        .collect();
    let names_accounts = is_set("advertiser_ids") || is_set("publisher_ids");
    if let Some((key, _)) = unknown.iter().find(|(key, _)| !names_accounts && EITHER_SIDE.contains(&plain(key).as_str())) {
        return Err(Failure::config(format!(
            "`{}` is not a key of this connector. Put the IDs into `advertiser_ids` or `publisher_ids`.",
            shown(key)
        )));
    }
    let decisive = |ours: &str| !is_set(ours) && !HARMLESS.contains(&ours);
    let renamed: Vec<(&String, &str)> =
        unknown.iter().filter_map(|(key, ours)| Some((*key, ours.filter(|ours| decisive(ours))?))).collect();
    // Only a configuration without a token is another connector's: any other may hold objects of a runner.
    let inner = if is_set("api_token") { None } else { unknown.iter().find(|(key, _)| has_keys(schema, &raw[*key])) };
    match (&renamed[..], inner) {
        ([], None) => Ok(warnings(schema, &unknown, is_set)),
        ([(key, ours)], None) => {
            Err(Failure::config(format!("`{}` is not a key of this connector. Rename it to `{ours}`.", shown(key))))
        }
        (_, inner) => {
            let why = match inner {
                Some((key, _)) => format!("The configuration has its keys inside `{}`.", shown(key)),
                None => "The configuration has the keys of another connector.".to_owned(),
            };
            let ours = Value::Object(translated(schema, raw)).to_string();
            let marks = [(MASK, "your token"), (NO_DATE, "the first day to read")].into_iter();
            let marks: Vec<String> =
                marks.filter(|(mark, _)| ours.contains(mark)).map(|(mark, what)| format!("{mark} stands for {what}")).collect();
            let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
            Err(Failure::config(format!("{why} Write it as {ours}{marks}.")))
        }
    }
}

/// The key that `key` stands for.
fn meaning<'s>(schema: &'s Value, key: &str) -> Option<&'s str> {
    let plain_key = plain(key);
    let is = |ours: &str| {
        plain(ours) == plain_key || OTHER_NAMES.iter().any(|(name, others)| *name == ours && others.contains(&plain_key.as_str()))
    };
    let ours = || properties(schema).map(|(ours, _)| ours.as_str());
    ours().find(|ours| is(ours)).or_else(|| ours().find(|ours| likeness(key, ours) >= MISTYPED))
}

/// Whether `value` is an object in which, at whatever depth, a token stands under one of its names.
fn has_keys(schema: &Value, value: &Value) -> bool {
    value.as_object().is_some_and(|map| {
        map.iter().any(|(key, value)| (!is_empty(value) && meaning(schema, key) == Some("api_token")) || has_keys(schema, value))
    })
}

/// The same configuration in our keys, with the token masked and what is missing as an example.
fn translated(schema: &Value, raw: &Map<String, Value>) -> Map<String, Value> {
    let mut found = Map::new();
    collect(schema, raw, &mut found);
    let mut translated = Map::new();
    for (key, property) in properties(schema) {
        let value = match found.remove(key) {
            Some(_) if property.get("airbyte_secret").is_some() => Some(MASK.into()),
            Some(value) => in_type_of(key, property, &value),
            None if key == "start_date" => Some(NO_DATE.into()),
            None => None,
        };
        translated.extend(value.map(|value| (key.clone(), value)));
    }
    translated
}

fn collect(schema: &Value, raw: &Map<String, Value>, found: &mut Map<String, Value>) {
    for (key, value) in raw.iter().filter(|(_, value)| !is_empty(value)) {
        match (meaning(schema, key), value) {
            (_, Value::Object(inner)) => collect(schema, inner, found),
            (Some(ours), value) if ours == key => drop(found.insert(key.clone(), value.clone())),
            (Some(ours), value) => drop(found.entry(ours).or_insert_with(|| value.clone())),
            (None, _) => {}
        }
    }
}

fn warnings(schema: &Value, unknown: &[(&String, Option<&str>)], is_set: impl Fn(&str) -> bool) -> Vec<String> {
    let ours = || properties(schema).map(|(key, _)| key.as_str());
    let mut warnings: Vec<String> = unknown
        .iter()
        .take(MAX_NAMED)
        .map(|(key, meant)| {
            let why = match meant.or_else(|| nearest(key, ours())) {
                _ if CHOSEN_HERE.contains(&plain(key).as_str()) => ": the connector chooses that itself.".to_owned(),
                Some(ours) if is_set(ours) => format!(": `{ours}` is set."),
                Some(ours) => format!(". Did you mean `{ours}`?"),
                None => ".".to_owned(),
            };
            format!("The unknown key `{}` is ignored{why}", shown(key))
        })
        .collect();
    if unknown.len() > MAX_NAMED {
        warnings.push(format!("{} more unknown keys are ignored.", unknown.len() - MAX_NAMED));
    }
    warnings
}

/// Everything under a key that stands for the token. In objects only if there is no token outside: they may be a runner's.
pub(super) fn tokens<'v>(schema: &Value, map: &'v Map<String, Value>, take: &mut impl FnMut(&'v Value)) {
    let has_token = map.get("api_token").is_some_and(|value| !is_empty(value));
    for (key, value) in map {
        match value {
            _ if meaning(schema, key) == Some("api_token") => take(value),
            Value::Object(inner) if !has_token => tokens(schema, inner, take),
            _ => {}
        }
    }
}

fn plain(key: &str) -> String {
    key.chars().take(60).filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn shown(key: &str) -> String {
    key.chars().take(60).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
