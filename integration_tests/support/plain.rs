//! The plain way to fit a row to a schema, by way of `serde_json::Value` (with exact numbers): slow, obvious, written apart from the fast way.
//! It says what the fast way must do, and it is what the fast way is measured against.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::exact;

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
    let digits = exact::number(value);
    let money = |amount: Value| is_money(schema).then(|| serde_json::json!({"amount": amount, "currency": null}));
    let converted = match (wanted, value, digits.as_deref()) {
        (_, Value::Null, _) => Some(Value::Null),
        ("string", _, Some(digits)) if schema["format"].is_null() => Some(Value::from(digits)),
        ("integer", _, Some(digits)) if digits.contains(['.', 'e', 'E']) => integer(digits),
        ("integer" | "number", _, Some(_)) => Some(value.clone()),
        ("boolean", _, Some("1")) => Some(Value::Bool(true)),
        ("boolean", _, Some("0")) => Some(Value::Bool(false)),
        ("object", _, Some(_)) => money(value.clone()),
        (_, _, Some(_)) => None,
        ("string", Value::String(text), _) => match schema["format"].as_str() {
            Some("date-time") => stamp(text, zone).map(Value::String),
            Some("date") => text.get(..10).filter(|day| day.parse::<NaiveDate>().is_ok()).map(Value::from),
            _ => Some(value.clone()),
        },
        ("string", Value::Bool(_), _) if schema["format"].is_null() => Some(Value::String(value.to_string())),
        ("integer", Value::String(text), _) => integer(text),
        ("boolean", Value::Bool(_), _) => Some(value.clone()),
        ("number", Value::String(text), _) => exact::number_of(text),
        ("boolean", Value::String(text), _) if text.eq_ignore_ascii_case("true") || text == "1" => Some(Value::Bool(true)),
        ("boolean", Value::String(text), _) if text.eq_ignore_ascii_case("false") || text == "0" => Some(Value::Bool(false)),
        ("object", Value::Object(fields), _) => {
            let fit = |(name, value): (&String, &Value)| match schema["properties"].get(name) {
                Some(schema) => (name.clone(), value_of(schema, value, zone, &format!("{path}.{name}"), nulled)),
                None => (name.clone(), value.clone()),
            };
            Some(Value::Object(fields.iter().map(fit).collect()))
        }
        ("object", Value::String(text), _) => exact::number_of(text).and_then(money),
        ("array", Value::Array(items), _) => {
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
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok().filter(|exponent| (-400..=400).contains(exponent))?;
    if exponent != 0 {
        // Move the point, one digit at a time.
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
        for _ in 0..exponent.abs() {
            if exponent > 0 {
                whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
            } else {
                let digit = whole.pop().filter(char::is_ascii_digit).unwrap_or('0');
                fraction.insert(0, digit);
            }
        }
        if whole.is_empty() || whole == "-" {
            whole.push('0');
        }
        return integer(&format!("{whole}.{fraction}"));
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let sound = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) && fraction.bytes().all(|c| c == b'0');
    if !sound {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let sign = if whole.starts_with('-') && !digits.is_empty() { "-" } else { "" };
    let text = format!("{sign}{}", if digits.is_empty() { "0" } else { digits });
    exact::number_of(&text)
}

fn stamp(text: &str, zone: Tz) -> Option<String> {
    let iso = text.trim().replacen(' ', "T", 1);
    if let Ok(instant) = DateTime::parse_from_rfc3339(&iso) {
        return Some(instant.with_timezone(&zone).naive_local().format("%Y-%m-%dT%H:%M:%S%.f").to_string());
    }
    let stamp = iso.parse::<NaiveDateTime>().ok().or_else(|| iso.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0))?;
    Some(stamp.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
}
