//! JSON values that keep the digits of their numbers.
//!
//! `serde_json` reads a number into a float. Here a number that would not be written again as it was read (`19.990`, `-0`,
//! integers of 25 digits) becomes a text with a mark before it, so that values still differ when digits do.
//! (The feature `arbitrary_precision` would do as well, but cargo would build the connector under test with it.)

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Number, Value};

const MARK: &str = "\u{f8ff}#";

/// The value written as `text`.
pub fn read(text: &str) -> serde_json::Result<Value> {
    let mut marked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let (before, found) = rest.split_at(at);
        marked.push_str(before);
        let is_text = found.starts_with('"');
        let length = if is_text { string_length(found) } else { number_length(found) };
        let (token, after) = found.split_at(length);
        let is_kept = || serde_json::from_str::<Number>(token).is_ok_and(|number| number.to_string() == token);
        // Beyond a float, perhaps, but a number by its grammar.
        let is_number = || serde_json::from_str::<&RawValue>(token).is_ok();
        if is_text || is_kept() || !is_number() {
            marked.push_str(token);
        } else {
            marked.extend(["\"", MARK, token, "\""]);
        }
        rest = after;
    }
    marked.push_str(rest);
    serde_json::from_str(&marked)
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

fn number_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(text.len())
}

/// The JSON text of a value that was read here, with its numbers as they were.
pub fn unmarked(text: &str) -> String {
    let mark = format!("\"{MARK}");
    let mut pieces = text.split(&mark);
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (number, after) = piece.split_once('"').expect("the end of a marked number");
        whole.extend([number, after]);
    }
    whole
}

/// The same value as `serde_json` reads it: all numbers are numbers.
pub fn plain(value: &Value) -> Value {
    serde_json::from_str(&unmarked(&value.to_string())).expect("JSON")
}

/// The digits of a number.
pub fn number(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Number(number) => Some(number.to_string().into()),
        Value::String(text) => text.strip_prefix(MARK).map(Cow::from),
        _ => None,
    }
}

/// The number written as `text`, if it is one and nothing else.
pub fn number_of(text: &str) -> Option<Value> {
    read(text).ok().filter(|value| number(value).as_deref() == Some(text))
}
