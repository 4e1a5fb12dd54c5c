//! The forms in which runners and people write values, put into the types of the spec where the meaning is plain: `"28"` for
//! 28, `[1, 2]` for `"1,2"`, `gb; uk` for a list of regions, `Bearer …` for a token.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::{Map, Value};

/// The properties of the spec, in its order.
pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The values of the spec's keys in the spec's types, with its defaults. Nulls and empty texts of optional keys count as absent.
pub(super) fn in_types_of(schema: &Value, raw: &Map<String, Value>) -> Map<String, Value> {
    let mut typed = Map::new();
    for (key, property) in properties(schema) {
        let given = raw.get(key).and_then(|value| in_type_of(key, property, value));
        if let Some(value) = given.or_else(|| property.get("default").cloned()) {
            typed.insert(key.clone(), value);
        }
    }
    typed
}

/// `value` in the type of `property`, or as it is if it means nothing there.
pub(super) fn in_type_of(key: &str, property: &Value, value: &Value) -> Option<Value> {
    let is_secret = property.get("airbyte_secret").is_some();
    let wanted = property.get("type").and_then(Value::as_str).unwrap_or_default();
    let unchanged = || Some(value.clone());
    match (wanted, value) {
        (_, Value::Null) => None,
        (_, Value::String(text)) if text.trim().is_empty() && !is_secret => None,
        ("integer", Value::String(text)) => text.trim().parse::<i64>().map_or_else(|_| unchanged(), |number| Some(number.into())),
        ("integer", Value::Number(number)) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "whole and far below 2^53")]
            Some(float) if float.fract() == 0.0 && float.abs() < 1e9 => Some(Value::from(float as i64)),
            _ => unchanged(),
        },
        ("boolean", Value::String(text)) => {
            text.trim().to_ascii_lowercase().parse::<bool>().map_or_else(|_| unchanged(), |is_true| Some(is_true.into()))
        }
        ("array", Value::String(text)) => Some(list(text, &property["items"])),
        ("array", Value::Array(items)) => Some(
            items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.clone(), |text| choice(text, &property["items"])))
                .collect(),
        ),
        ("string", Value::String(text)) if is_secret => Some(token(text).into()),
        ("string", Value::String(text)) if key.ends_with("_ids") => Some(ids(text).into()),
        ("string", Value::String(text)) if property["format"] == "date" => Some(date(text).into()),
        ("string", Value::String(text)) => Some(choice(text, property)),
        ("string", Value::Number(number)) if !is_secret => Some(Value::String(number.to_string())),
        ("string", Value::Array(items)) if key.ends_with("_ids") && items.iter().all(|id| id.is_string() || id.is_u64()) => {
            let items: Vec<String> = items.iter().map(|id| id.as_str().map_or_else(|| id.to_string(), ids)).collect();
            Some(items.join(",").into())
        }
        _ => unchanged(),
    }
}

/// A token as it was copied: from a header, from a line of JSON or of a shell.
pub(super) fn token(text: &str) -> &str {
    let mut token = text.trim();
    loop {
        let bare = token.split_at_checked(6).filter(|(scheme, rest)| {
            scheme.eq_ignore_ascii_case("bearer") && (rest.is_empty() || rest.starts_with(char::is_whitespace))
        });
        let bare = bare
            .map(|(_, rest)| rest)
            .or_else(|| ['"', '\''].iter().find_map(|quote| token.strip_prefix(*quote)?.strip_suffix(*quote)));
        match bare {
            Some(bare) => token = bare.trim(),
            None => return token,
        }
    }
}

fn is_between(c: char) -> bool {
    matches!(c, ',' | ';') || c.is_whitespace()
}

/// Ids with a comma between them. Also a JSON array as a text, which Meltano sends.
fn ids(text: &str) -> String {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']').replace('"', "");
    let ids: Vec<&str> = text.split(is_between).filter(|part| !part.is_empty()).collect();
    ids.join(",")
}

fn list(text: &str, items: &Value) -> Value {
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(list) => list.iter().map(|part| choice(part, items)).collect(),
        Err(_) => text.split(is_between).filter(|part| !part.is_empty()).map(|part| choice(part, items)).collect(),
    }
}

/// A day, also as its first second.
fn date(text: &str) -> String {
    let text = text.trim();
    let instant = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text).replacen(' ', "T", 1);
    match instant.parse::<NaiveDateTime>() {
        Ok(instant) if instant.time() == NaiveTime::MIN && instant.date() > NaiveDate::MIN => instant.date().to_string(),
        _ => text.to_owned(),
    }
}

/// One of the values of an enum, in whatever case; the United Kingdom under either of its codes. Any other text as it is.
fn choice(text: &str, property: &Value) -> Value {
    let text = text.trim();
    let mut values = property.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let wanted = if text.eq_ignore_ascii_case("uk") { "GB" } else { text };
    values.find(|value| value.eq_ignore_ascii_case(wanted)).unwrap_or(text).into()
}
