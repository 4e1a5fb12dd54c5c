//! What the runner hands over: the configured catalog and the state, in every form in which runners write them.
//!
//! Both files may be large (foreign schemas, whole logs of STATE messages), so they are read as they stream by: what decides
//! nothing is passed over, never kept.

mod catalog;
mod state;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

pub use catalog::{ConfiguredCatalog, ConfiguredStream};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _, Serialize};
use serde_json::value::RawValue;
pub use state::InputState;

/// How a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Everything, each time.
    FullRefresh,
    /// What is new or may have changed since the state.
    Incremental,
}

/// What is wrong with a JSON text, and where, without quoting any of it.
pub(crate) fn explain_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = if error.is_data() { "a value of the wrong type" } else { text.strip_suffix(&place).unwrap_or(&text) };
    let what = what.replace("EOF while parsing", "it ends in the middle of");
    format!("{what} at line {}, column {}", error.line(), error.column())
}

/// Hands the elements of an array on one by one.
struct Elements<T, F>(F, PhantomData<T>);

impl<T, F: FnMut(T)> Elements<T, F> {
    fn new(take: F) -> Self {
        Self(take, PhantomData)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Elements<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}

/// Hands the members of an object on one by one.
struct Members<F>(F);

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((Key(name), value)) = members.next_entry()? {
            (self.0)(name, value);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Key<'t>(#[serde(borrow)] Cow<'t, str>);

/// Calls `take` with each member of `object`. False if it is not an object.
fn each_member<'t>(object: &'t RawValue, take: impl FnMut(Cow<'t, str>, &'t RawValue)) -> bool {
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Members(take)).is_ok()
}

/// Calls `take` with each element of `array`. False if it is not an array.
fn each_element<'t>(array: &'t RawValue, take: impl FnMut(&'t RawValue)) -> bool {
    serde_json::Deserializer::from_str(array.get()).deserialize_seq(Elements::new(take)).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// JSON in which the words of catalogs and states come up again and again.
    fn value() -> impl Strategy<Value = Value> {
        let word = || {
            prop::sample::select(vec![
                "type",
                "STATE",
                "state",
                "STREAM",
                "stream",
                "stream_descriptor",
                "stream_state",
                "name",
                "GLOBAL",
                "global",
                "shared_state",
                "stream_states",
                "LEGACY",
                "data",
                "streams",
                "catalog",
                "sync_mode",
                "incremental",
                "cursor_field",
                "version",
                "accounts",
                "supported_sync_modes",
            ])
            .prop_map(str::to_owned)
        };
        let leaf = prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), word().prop_map(Value::from)];
        leaf.prop_recursive(6, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((word(), inner), 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
        #[test]
        fn any_file_is_read_or_answered_with_a_sentence(value in value(), cut in any::<prop::sample::Index>()) {
            let text = value.to_string();
            let half = &text[..cut.index(text.len())];
            for text in [&text, half] {
                let catalog = ConfiguredCatalog::parse(text).err();
                let state = InputState::parse(text, |name| name == "stream").err();
                for failure in [catalog, state].into_iter().flatten() {
                    prop_assert!(failure.message.ends_with('.'), "{}", failure);
                }
            }
        }
    }
}
