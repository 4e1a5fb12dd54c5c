//! Writing JSON as text, so that every number keeps the digits that the world holds.

use std::fmt::{Display, Write};

use crate::decimal::Decimal;

/// An object under way. Call [`Object::close`] when it is complete.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
    ascii: bool,
}

impl<'a> Object<'a> {
    /// Opens an object at the end of `out`; with `ascii`, other characters are written as `\u` escapes.
    pub(crate) fn open(out: &'a mut String, ascii: bool) -> Self {
        out.push('{');
        Self { out, empty: true, ascii }
    }

    /// Writes the key of the value that is to follow in the buffer handed back. Keys need no escapes.
    pub(crate) fn key(&mut self, key: &str) -> &mut String {
        self.out.push_str(if self.empty { "\"" } else { ",\"" });
        self.empty = false;
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// A value that is JSON as it displays: a number, a boolean, or text already rendered.
    pub(crate) fn raw(&mut self, key: &str, value: impl Display) {
        let out = self.key(key);
        // Writing to a String does not fail.
        let _ = write!(out, "{value}");
    }

    pub(crate) fn null(&mut self, key: &str) {
        self.key(key).push_str("null");
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        let ascii = self.ascii;
        push_text(self.key(key), value, ascii);
    }

    pub(crate) fn maybe_text(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.null(key),
        }
    }

    pub(crate) fn maybe_raw(&mut self, key: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.raw(key, value),
            None => self.null(key),
        }
    }

    /// `{"amount": …, "currency": …}`
    pub(crate) fn money(&mut self, key: &str, amount: Decimal, currency: &str) {
        self.raw(key, format_args!(r#"{{"amount":{amount},"currency":"{currency}"}}"#));
    }

    pub(crate) fn maybe_money(&mut self, key: &str, amount: Option<Decimal>, currency: &str) {
        match amount {
            Some(amount) => self.money(key, amount, currency),
            None => self.null(key),
        }
    }

    /// An array of texts.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, key: &str, values: &[T]) {
        let ascii = self.ascii;
        let out = self.key(key);
        array(out, values, |out, value| {
            push_text(out, value.as_ref(), ascii);
        });
    }

    /// An array of objects.
    pub(crate) fn objects<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Object<'_>, T),
    ) {
        let ascii = self.ascii;
        let out = self.key(key);
        array(out, items, |out, item| {
            let mut object = Object::open(out, ascii);
            write(&mut object, item);
            object.close();
        });
    }

    /// A nested object.
    pub(crate) fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        let ascii = self.ascii;
        let mut object = Object::open(self.key(key), ascii);
        write(&mut object);
        object.close();
    }

    pub(crate) fn close(self) {
        self.out.push('}');
    }
}

/// The text of one object.
pub(crate) fn object(write: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = String::new();
    let mut object = Object::open(&mut out, false);
    write(&mut object);
    object.close();
    out
}

/// Appends an array to `out`, one element per item.
pub(crate) fn array<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// Appends `text` as a JSON string.
pub(crate) fn push_text(out: &mut String, text: &str, ascii: bool) {
    out.push('"');
    if text.bytes().all(is_plain) {
        out.push_str(text);
    } else {
        push_escaped(out, text, ascii);
    }
    out.push('"');
}

/// Stands for itself, with and without `ascii`.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'/')
}

fn push_escaped(out: &mut String, text: &str, ascii: bool) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '/' if ascii => out.push_str("\\/"),
            other if other < ' ' || (ascii && !other.is_ascii()) => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_escaping_read_back_as_the_text() {
        let text = "a\"b\\c\nd\té/\u{1}\u{1f600}";
        for ascii in [false, true] {
            let mut out = String::new();
            push_text(&mut out, text, ascii);
            assert_eq!(out.is_ascii(), ascii);
            assert_eq!(serde_json::from_str::<String>(&out).expect("a string"), text);
        }
    }
}
