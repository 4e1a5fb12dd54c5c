//! What a schema says of a wrong value, as a sentence on key, value and remedy.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use crate::protocol::{Failure, Secrets};

/// Characters of a wrong value that are shown.
const SHOWN: usize = 100;
/// Where the token is.
const TOKEN_REMEDY: &str = "Paste the token from ui.awin.com/awin-api.";
/// Where the IDs of accounts are.
pub(super) const IDS_REMEDY: &str =
    "Leave it empty to sync all accounts of the token: the connection test (`check`) lists them with the IDs to choose from.";

/// Checks `config` against the schema. The error is one sentence per wrong key, without `secrets`.
pub(super) fn validate(schema: &Value, config: &Map<String, Value>, secrets: &Secrets) -> Result<(), Failure> {
    let validator =
        jsonschema::options().should_validate_formats(true).build(schema).expect("spec.json is compiled in and tested");
    let config = Value::Object(config.clone());
    let mut sentences: Vec<String> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    for error in validator.iter_errors(&config) {
        let (key, sentence) = explain(schema, &error, secrets);
        // One sentence per key: an impossible date breaks its pattern and its format.
        if !keys.contains(&key) {
            keys.push(key);
            sentences.push(sentence);
        }
    }
    if sentences.is_empty() { Ok(()) } else { Err(Failure::config(sentences.join(" "))) }
}

/// The key at fault and the sentence.
fn explain(schema: &Value, error: &ValidationError<'_>, secrets: &Secrets) -> (String, String) {
    let path = error.instance_path().to_string();
    let key = match error.kind() {
        ValidationErrorKind::Required { property } => property.as_str().unwrap_or_default(),
        _ => path.trim_start_matches('/').split('/').next().unwrap_or_default(),
    };
    let property = &schema["properties"][key];
    let is_secret = property.get("airbyte_secret").is_some();
    let sentence = match error.kind() {
        ValidationErrorKind::Required { .. } if is_secret => format!("`{key}` is missing. {TOKEN_REMEDY}"),
        ValidationErrorKind::Required { .. } => format!("`{key}` is missing. It must be {}.", wanted(property)),
        ValidationErrorKind::Type { .. } if is_secret => format!("`{key}` must be a string in quotes. {TOKEN_REMEDY}"),
        _ if is_secret => format!("`{key}` is empty. {TOKEN_REMEDY}"),
        kind => {
            let value = error.instance();
            let shown = shown(&value.to_string(), secrets);
            let is = if path.matches('/').count() > 1 { "contains" } else { "is" };
            let remedy = if is_ids(property) { format!(" {IDS_REMEDY}") } else { String::new() };
            match (kind, value.as_str().and_then(|text| suggestion(text, property))) {
                (ValidationErrorKind::Format { .. }, _) => format!("`{key}` is {shown}, which is not a calendar date."),
                (_, Some(meant)) => format!("`{key}` {is} {shown}. Did you mean {meant}? It must be {}.", wanted(property)),
                (_, None) => format!("`{key}` {is} {shown}; it must be {}.{remedy}", wanted(property)),
            }
        }
    };
    (key.to_owned(), sentence)
}

/// A value as a message shows it.
pub(super) fn shown(value: &str, secrets: &Secrets) -> String {
    let mut shown = secrets.redacted_excerpt(value.as_bytes(), SHOWN);
    if value.len() > SHOWN && shown.chars().count() == SHOWN {
        shown.push('…');
    }
    shown
}

/// Whether a property takes IDs of accounts: of the texts with a form of their own, the one that is neither a date nor hidden.
fn is_ids(property: &Value) -> bool {
    property.get("pattern_descriptor").is_some() && property["format"] != "date" && property.get("airbyte_hidden").is_none()
}

/// What a property takes, to follow "it must be".
fn wanted(property: &Value) -> String {
    let items = property.get("items").unwrap_or(property);
    let values: Vec<&str> = items.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if !values.is_empty() {
        let values = values.join(", ");
        let is_list = property["type"] == "array";
        return match property["default"].as_str() {
            _ if is_list => format!("a list of any of {values}, or empty to detect them"),
            Some(default) => format!("one of {values} ({default} if left out)"),
            None => format!("one of {values}"),
        };
    }
    if let (Some(minimum), Some(maximum)) = (property.get("minimum"), property.get("maximum")) {
        return format!("a whole number from {minimum} to {maximum}");
    }
    match property.get("pattern_descriptor").and_then(Value::as_str) {
        Some(form) if property["format"] == "date" => format!("a date as {form}"),
        Some(form) if is_ids(property) => format!("account IDs separated by commas, such as {form}"),
        Some(form) => form.to_owned(),
        None => "`true` or `false`".to_owned(),
    }
}

/// What else the values of the spec are called.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("America/New_York", "US/Eastern"),
    ("America/Detroit", "US/Eastern"),
    ("America/Chicago", "US/Central"),
    ("America/Denver", "US/Mountain"),
    ("America/Los_Angeles", "US/Pacific"),
    ("America/Toronto", "Canada/Eastern"),
    ("America/Montreal", "Canada/Eastern"),
    ("America/Winnipeg", "Canada/Central"),
    ("America/Edmonton", "Canada/Mountain"),
    ("America/Vancouver", "Canada/Pacific"),
    ("Australia/Melbourne", "Australia/Sydney"),
    ("Brazil/East", "America/Sao_Paulo"),
    ("EST", "US/Eastern"),
    ("CST", "US/Central"),
    ("MST", "US/Mountain"),
    ("PST", "US/Pacific"),
    ("CET", "Europe/Berlin"),
    ("BST", "Europe/London"),
    ("GB", "Europe/London"),
    ("GMT", "UTC"),
    ("Z", "UTC"),
    ("Zulu", "UTC"),
    ("Etc/UTC", "UTC"),
    ("Europe/Amsterdam", "Europe/Berlin"),
    ("Europe/Madrid", "Europe/Paris"),
    ("Europe/Rome", "Europe/Berlin"),
    ("Europe/Stockholm", "Europe/Berlin"),
    ("Europe/Vienna", "Europe/Berlin"),
    ("Europe/Zurich", "Europe/Berlin"),
    ("Austria", "AT"),
    ("Australia", "AU"),
    ("Belgium", "BE"),
    ("Brazil", "BR"),
    ("Canada", "CA"),
    ("Switzerland", "CH"),
    ("Germany", "DE"),
    ("Deutschland", "DE"),
    ("Denmark", "DK"),
    ("Spain", "ES"),
    ("Finland", "FI"),
    ("France", "FR"),
    ("United Kingdom", "GB"),
    ("Great Britain", "GB"),
    ("England", "GB"),
    ("Ireland", "IE"),
    ("Italy", "IT"),
    ("Netherlands", "NL"),
    ("Norway", "NO"),
    ("Poland", "PL"),
    ("Sweden", "SE"),
    ("United States", "US"),
    ("USA", "US"),
];

/// Least likeness of what is taken for a mistyped name, from 0 to 1.
const LIKENESS: f64 = 0.6;

/// The value of the enum of `property` that `text` is another name of, or nearly the name of.
fn suggestion<'s>(text: &str, property: &'s Value) -> Option<&'s str> {
    let values = property.get("items").unwrap_or(property).get("enum").and_then(Value::as_array)?;
    let values = || values.iter().filter_map(Value::as_str);
    let other = OTHER_NAMES.iter().filter(|(name, _)| name.eq_ignore_ascii_case(text));
    other.into_iter().find_map(|(_, meant)| values().find(|value| value == meant)).or_else(|| nearest(text, values()))
}

/// How much two names are alike, from 0 to 1.
pub(super) fn likeness(text: &str, name: &str) -> f64 {
    let text: String = text.chars().take(SHOWN).collect();
    strsim::normalized_damerau_levenshtein(&text.to_lowercase(), &name.to_lowercase())
}

/// The name that is most like `text`, if any is.
pub fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|name| (likeness(text, name), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
