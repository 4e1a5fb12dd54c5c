//! Answers that are an object: what is in it, each member as it is written.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::awin::CallError;

/// Members beside a list of rows that are put into each row.
const MAX_BESIDE: usize = 50;
/// Bytes of one of them.
const MAX_BESIDE_BYTES: usize = 64 * 1024;

/// What stands under `body`, if the answer is wrapped.
pub(super) fn unwrapped(text: &[u8]) -> Result<&RawValue, CallError> {
    let bare: &RawValue = serde_json::from_slice(text).map_err(|_| CallError::Shape("the answer is not JSON".into()))?;
    if !bare.get().starts_with('{') {
        return Err(CallError::Shape("the answer is not an object".into()));
    }
    Ok(member(bare, "body")?.unwrap_or(bare))
}

/// One member of an object.
pub(super) fn member<'t>(object: &'t RawValue, key: &'static str) -> Result<Option<&'t RawValue>, CallError> {
    Beside::read(object, key, 0).map(|object| object.rows)
}

/// The members of an object: one list (or whatever stands there), and a few others beside it.
pub(super) struct Beside<'t> {
    pub(super) rows: Option<&'t RawValue>,
    pub(super) members: Vec<(String, String)>,
}

impl<'t> Beside<'t> {
    pub(super) fn of(object: &'t RawValue, key: &'static str) -> Result<Self, CallError> {
        Self::read(object, key, MAX_BESIDE)
    }

    fn read(object: &'t RawValue, key: &'static str, most: usize) -> Result<Self, CallError> {
        let mut deserializer = serde_json::Deserializer::from_str(object.get());
        let read = deserializer.deserialize_map(MembersOf { key, most });
        read.map_err(|error| CallError::Shape(format!("the answer is not the object that was expected ({error})")))
    }
}

struct MembersOf {
    key: &'static str,
    /// How many other members there may be; of none, they are passed over.
    most: usize,
}

impl<'t> Visitor<'t> for MembersOf {
    type Value = Beside<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Beside<'t>, A::Error> {
        let mut members = BTreeMap::new();
        let mut rows = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.key {
                rows = Some(map.next_value::<&RawValue>()?);
            } else if self.most == 0 {
                map.next_value::<IgnoredAny>()?;
            } else if members.len() == self.most {
                return Err(serde::de::Error::custom(format!("it has more than {} members beside the rows", self.most)));
            } else {
                let value = map.next_value::<&RawValue>()?.get();
                if name.len() + value.len() > MAX_BESIDE_BYTES {
                    return Err(serde::de::Error::custom("a member beside the rows is too large"));
                }
                members.insert(name, value.to_owned());
            }
        }
        Ok(Beside { rows, members: members.into_iter().collect() })
    }
}

/// The object `row` with more members in front. What is not an object stays as it is: it is refused later.
pub(super) fn with_members(row: &[u8], members: &[(String, String)]) -> Vec<u8> {
    let Some(rest) = row.trim_ascii_start().strip_prefix(b"{") else { return row.to_vec() };
    let texts: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str()))).collect();
    let comma = if texts.is_empty() || rest.trim_ascii_start().starts_with(b"}") { "" } else { "," };
    [b"{", texts.join(",").as_bytes(), comma.as_bytes(), rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_the_rows_is_put_into_them_as_written() {
        let text = br#"{"advertiser": 1, "publisher": 2, "ratesStart": "x", "more": 1.50, "groups": [{"groupId": 3.0}, {}]}"#;
        let text = unwrapped(text).expect("JSON");
        let object = Beside::of(text, "groups").expect("an object");
        assert_eq!(object.rows.map(RawValue::get), Some(r#"[{"groupId": 3.0}, {}]"#));
        let beside: Vec<_> = object.members.into_iter().filter(|(name, _)| name != "advertiser" && name != "publisher").collect();
        assert_eq!(with_members(br#"{"groupId": 3.0}"#, &beside), br#"{"more":1.50,"ratesStart":"x","groupId": 3.0}"#);
        assert_eq!(with_members(b"{}", &beside), br#"{"more":1.50,"ratesStart":"x"}"#);
        assert_eq!(with_members(b" {}", &[]), b"{}");
        assert_eq!(with_members(b"7", &beside), b"7");
    }

    #[test]
    fn more_members_than_rows_can_be_given_are_an_error_and_not_left_out() {
        let text = |count: usize| {
            let members: Vec<String> = (0..count).map(|number| format!(r#""m{number}":{number}"#)).collect();
            format!(r#"{{"groups":[],{}}}"#, members.join(","))
        };
        let kept = |count: usize| {
            let text = text(count);
            let object = unwrapped(text.as_bytes()).expect("JSON");
            Beside::of(object, "groups").map(|object| object.members.len())
        };
        assert_eq!(kept(MAX_BESIDE), Ok(MAX_BESIDE));
        let error = kept(MAX_BESIDE + 1).expect_err("one too many");
        assert!(error.to_string().contains("more than 50 members beside the rows"), "{error}");
    }

    #[test]
    fn a_wrapped_answer_is_unwrapped_and_nothing_else_is_an_answer() {
        assert_eq!(unwrapped(br#"{"body": {"a": 1}, "status": 1}"#).expect("JSON").get(), r#"{"a": 1}"#);
        for odd in ["null", "7", "[]", "\"x\""] {
            assert!(unwrapped(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
