//! JSON as text, in the ways in which it can be written.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

/// `value` as text.
pub(crate) fn text(value: &impl Serialize) -> String {
    written(value, CompactFormatter)
}

/// The same with all characters beyond ASCII, and slashes, as escapes.
pub(crate) fn ascii(value: &impl Serialize) -> String {
    written(value, Ascii(CompactFormatter))
}

/// (Nothing that is rendered here fails to serialize.)
fn written(value: &impl Serialize, formatter: impl Formatter) -> String {
    /// Most rows fit.
    const CAPACITY: usize = 2048;

    let mut out = Vec::with_capacity(CAPACITY);
    let written = value.serialize(&mut Serializer::with_formatter(&mut out, formatter));
    written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_default()
}

struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(odd) = rest.chars().position(|character| !matches!(character, ' '..='.' | '0'..='~')) {
            // All characters before it take one byte.
            let (plain, escaped) = rest.split_at(odd);
            writer.write_all(plain.as_bytes())?;
            let mut characters = escaped.chars();
            match characters.next() {
                Some('/') => writer.write_all(b"\\/")?,
                other => {
                    for unit in other.unwrap_or_default().encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }
}

/// The same JSON over many lines, with the same digits. (`serde_json` would read the numbers, and write them its own way.)
pub(crate) fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for character in text.chars() {
        let opened = out.ends_with(['{', '[']) && !in_string;
        match character {
            _ if in_string => {
                in_string = escaped || character != '"';
                escaped = character == '\\' && !escaped;
            }
            '}' | ']' => {
                depth -= 1;
                if !opened {
                    new_line(&mut out, depth);
                }
            }
            _ => {
                if opened {
                    new_line(&mut out, depth);
                }
                in_string = character == '"';
                depth += usize::from(matches!(character, '{' | '['));
            }
        }
        out.push(character);
        match character {
            ',' if !in_string => new_line(&mut out, depth),
            ':' if !in_string => out.push(' '),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "a\"b\\c\nd\té/\u{1}\u{1f600}{[:,";

    #[test]
    fn both_ways_of_escaping_read_back_as_the_text() {
        assert!(!text(&ODD).is_ascii() && ascii(&ODD).is_ascii() && ascii(&ODD).contains("\\/"));
        for text in [text(&ODD), ascii(&ODD)] {
            assert_eq!(serde_json::from_str::<String>(&text).expect("a string"), ODD);
        }
    }

    #[test]
    fn indented_json_is_what_serde_json_writes() {
        let value = serde_json::json!({"a": [], "b": {}, "c": [1, [2], {"d": ODD}], "e\"": "\\"});
        assert_eq!(indented(&value.to_string()), serde_json::to_string_pretty(&value).expect("JSON"));
        assert_eq!(indented("[19.990]"), "[\n  19.990\n]");
    }
}
