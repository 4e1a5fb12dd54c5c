//! The plain way to fit a row to a schema, by way of `serde_json::Value`: slow, obvious, written apart from the fast way.
//! It says what the fast way must do, and it is what the fast way is measured against.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde_json::{Map, Number, Value};

/// A row fitted to a schema.
#[derive(Debug, Default, PartialEq)]
pub struct Fitted {
    pub data: Map<String, Value>,
    pub others: Map<String, Value>,
    /// Paths of the fields that were nulled.
    pub nulled: Vec<String>,
}

/// Fits `row` to `schema`, of which the properties `added` are not Awin's.
pub fn fit(schema: &Value, added: &[&str], null_texts: &[&str], zone: Tz, row: &Map<String, Value>) -> Fitted {
    let mut fitted = Fitted::default();
    for (name, value) in row {
        match schema["properties"].get(name).filter(|_| !added.contains(&name.as_str())) {
            None => drop(fitted.others.insert(name.clone(), value.clone())),
            Some(_) if null_texts.contains(&name.as_str()) && value == "null" => {
                fitted.data.insert(name.clone(), Value::Null);
            }
            Some(schema) => {
                let value = value_of(schema, value, zone, name, &mut fitted.nulled);
                fitted.data.insert(name.clone(), value);
            }
        }
    }
    fitted
}

fn value_of(schema: &Value, value: &Value, zone: Tz, path: &str, nulled: &mut Vec<String>) -> Value {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return value.clone(),
    };
    let wanted = types.into_iter().find(|name| *name != "null").unwrap_or_default();
    let converted = match (wanted, value) {
        (_, Value::Null) => Some(Value::Null),
        ("string", Value::String(text)) => match schema["format"].as_str() {
            Some("date-time") => stamp(text, zone).map(Value::String),
            Some("date") => text.get(..10).filter(|day| day.parse::<NaiveDate>().is_ok()).map(Value::from),
            _ => Some(value.clone()),
        },
        ("string", Value::Number(_) | Value::Bool(_)) if schema["format"].is_null() => Some(Value::String(value.to_string())),
        ("integer", Value::Number(number)) if !number.to_string().contains(['.', 'e', 'E']) => Some(value.clone()),
        ("integer", Value::Number(number)) => integer(&number.to_string()),
        ("integer", Value::String(text)) => integer(text),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => Some(value.clone()),
        ("number", Value::String(text)) => {
            serde_json::from_str::<Number>(text).ok().filter(|number| number.to_string() == *text).map(Value::Number)
        }
        ("boolean", Value::String(text)) if text.eq_ignore_ascii_case("true") || text == "1" => Some(Value::Bool(true)),
        ("boolean", Value::String(text)) if text.eq_ignore_ascii_case("false") || text == "0" => Some(Value::Bool(false)),
        ("boolean", Value::Number(number)) if number.to_string() == "1" => Some(Value::Bool(true)),
        ("boolean", Value::Number(number)) if number.to_string() == "0" => Some(Value::Bool(false)),
        ("object", Value::Object(fields)) => {
            let fit = |(name, value): (&String, &Value)| match schema["properties"].get(name) {
                Some(schema) => (name.clone(), value_of(schema, value, zone, &format!("{path}.{name}"), nulled)),
                None => (name.clone(), value.clone()),
            };
            Some(Value::Object(fields.iter().map(fit).collect()))
        }
        ("object", Value::Number(_) | Value::String(_)) if is_money(schema) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let amount = serde_json::from_str::<Number>(&text).ok().filter(|number| number.to_string() == text);
            amount.map(|amount| serde_json::json!({"amount": amount, "currency": null}))
        }
        ("array", Value::Array(items)) => {
            Some(items.iter().map(|item| value_of(&schema["items"], item, zone, path, nulled)).collect())
        }
        _ => None,
    };
    converted.unwrap_or_else(|| {
        if !nulled.iter().any(|known| known == path) {
            nulled.push(path.to_owned());
        }
        Value::Null
    })
}

fn is_money(schema: &Value) -> bool {
    schema["properties"].as_object().is_some_and(|fields| fields.keys().eq(["amount", "currency"]))
}

/// The integer that a decimal text stands for, if it stands for one.
fn integer(text: &str) -> Option<Value> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let sound = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) && fraction.bytes().all(|c| c == b'0');
    if !sound {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let sign = if whole.starts_with('-') && !digits.is_empty() { "-" } else { "" };
    let text = format!("{sign}{}", if digits.is_empty() { "0" } else { digits });
    serde_json::from_str(&text).ok()
}

fn stamp(text: &str, zone: Tz) -> Option<String> {
    let iso = text.trim().replacen(' ', "T", 1);
    if let Ok(instant) = DateTime::parse_from_rfc3339(&iso) {
        return Some(instant.with_timezone(&zone).naive_local().format("%Y-%m-%dT%H:%M:%S%.f").to_string());
    }
    let stamp = iso.parse::<NaiveDateTime>().ok().or_else(|| iso.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0))?;
    Some(stamp.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
}
