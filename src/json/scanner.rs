//! A JSON scanner over bytes: finds where values end, allocates nothing, refuses what is not JSON.
//!
//! All functions take a buffer and the position of a value's first byte, and return the position after the value.

/// Why scanning stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// The buffer ends inside the value: with more bytes it may be fine.
    Incomplete,
    /// These bytes are not JSON.
    Syntax {
        /// Position in the buffer.
        at: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// JSON, but not of the shape that the API documents.
    Shape(String),
}

/// The position after what was scanned. The error is boxed so that the position comes back in a register.
pub(super) type Scanned = Result<usize, Box<JsonError>>;

/// Nesting that no API answer reaches; deeper is refused, not recursed into.
pub(super) const MAX_DEPTH: usize = 64;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "as in `Scanned`")]
pub(super) fn syntax(at: usize, expected: &'static str) -> Box<JsonError> {
    Box::new(JsonError::Syntax { at, expected })
}

#[cold]
#[expect(clippy::unnecessary_box_returns, reason = "as in `Scanned`")]
fn incomplete() -> Box<JsonError> {
    Box::new(JsonError::Incomplete)
}

/// The byte at `i`, or [`JsonError::Incomplete`].
pub(super) fn byte(b: &[u8], i: usize) -> Result<u8, Box<JsonError>> {
    b.get(i).copied().ok_or_else(incomplete)
}

/// The position after any white space.
#[inline]
pub(super) fn skip_space(b: &[u8], mut i: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = b.get(i) {
        i += 1;
    }
    i
}

/// The position after the one byte `wanted`.
pub(super) fn expect(b: &[u8], i: usize, wanted: u8, expected: &'static str) -> Scanned {
    if byte(b, i)? == wanted { Ok(i + 1) } else { Err(syntax(i, expected)) }
}

/// What the value that begins with `first` is, if not an object.
pub(super) fn kind_of(first: u8) -> Option<&'static str> {
    match first {
        b'{' => None,
        b'[' => Some("an array"),
        b'"' => Some("a text"),
        b'n' => Some("null"),
        b't' | b'f' => Some("true or false"),
        _ => Some("a number"),
    }
}

/// The position after a string whose opening quote is at `i`.
pub(super) fn string(b: &[u8], i: usize) -> Scanned {
    let mut i = expect(b, i, b'"', "a string")?;
    loop {
        i = special(b, i);
        match byte(b, i)? {
            b'"' => return Ok(i + 1),
            b'\\' => {
                i += match byte(b, i + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' => {
                        for digit in i + 2..i + 6 {
                            if !byte(b, digit)?.is_ascii_hexdigit() {
                                return Err(syntax(digit, "four hexadecimal digits"));
                            }
                        }
                        6
                    }
                    _ => return Err(syntax(i + 1, "an escape")),
                };
            }
            _ => return Err(syntax(i, "no raw control character in a string")),
        }
    }
}

/// The bytes as text.
pub(super) fn utf8(b: &[u8]) -> Result<&str, Box<JsonError>> {
    std::str::from_utf8(b).map_err(|error| syntax(error.valid_up_to(), "UTF-8"))
}

/// The text of a string with its quotes, if it has escapes.
#[cold]
pub(super) fn unescaped(quoted: &[u8]) -> Option<String> {
    memchr::memchr(b'\\', quoted)?;
    serde_json::from_slice(quoted).ok()
}

/// Position of the next quote, backslash or control character, eight bytes at a time.
pub(super) fn special(b: &[u8], mut i: usize) -> usize {
    while let Some(chunk) = b.get(i..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * 0x22);
        let slash = word ^ (ONES * 0x5c);
        // The classic test for a zero byte; false marks appear only above a true one, and only the lowest counts.
        let hit =
            (quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash | word.wrapping_sub(ONES * 0x20) & !word)
                & HIGH;
        if hit != 0 {
            return i + (hit.trailing_zeros() / 8) as usize;
        }
        i += 8;
    }
    while let Some(&c) = b.get(i) {
        if c == b'"' || c == b'\\' || c < 0x20 {
            break;
        }
        i += 1;
    }
    i
}

/// The position after a number. Only the byte after it shows that it has ended.
pub(super) fn number(b: &[u8], mut i: usize) -> Scanned {
    if byte(b, i)? == b'-' {
        i += 1;
    }
    i = match byte(b, i)? {
        b'0' => i + 1,
        b'1'..=b'9' => digits(b, i)?,
        _ => return Err(syntax(i, "a digit")),
    };
    if byte(b, i)? == b'.' {
        i = digits(b, i + 1)?;
    }
    if let b'e' | b'E' = byte(b, i)? {
        i += 1;
        if let b'+' | b'-' = byte(b, i)? {
            i += 1;
        }
        i = digits(b, i)?;
    }
    Ok(i)
}

fn digits(b: &[u8], start: usize) -> Scanned {
    let mut i = start;
    while byte(b, i)?.is_ascii_digit() {
        i += 1;
    }
    if i == start { Err(syntax(i, "a digit")) } else { Ok(i) }
}

/// Whether the valid number is larger than a double can be. Readers that hold numbers as doubles refuse a line that has one.
pub(super) fn is_out_of_range(number: &[u8]) -> bool {
    // A double has up to 309 digits before the point.
    let may_be = number.len() > 300 || number.iter().any(|c| matches!(c, b'e' | b'E'));
    may_be && serde_json::from_slice::<f64>(number).is_err()
}

/// The position after `word` (`null`, `true`, `false`).
#[inline]
pub(super) fn literal(b: &[u8], i: usize, word: &'static str) -> Scanned {
    if b[i..].starts_with(word.as_bytes()) {
        return Ok(i + word.len());
    }
    // Cut off, or another word.
    Err(if word.as_bytes().starts_with(&b[i..]) { incomplete() } else { syntax(i, word) })
}

/// The position after any value, and whether it can be copied as it is; if not, [`compact`] copies it.
pub(super) fn value(b: &[u8], i: usize) -> Result<(usize, bool), Box<JsonError>> {
    let mut as_is = true;
    let end = nested(b, i, &mut as_is, 0)?;
    Ok((end, as_is))
}

/// The position after the value at the start of `b`.
pub(crate) fn value_end(b: &[u8]) -> Scanned {
    value(b, 0).map(|(end, _)| end)
}

fn nested(b: &[u8], i: usize, as_is: &mut bool, depth: usize) -> Scanned {
    match byte(b, i)? {
        b'"' => string(b, i),
        b'-' | b'0'..=b'9' => number(b, i).inspect(|&end| *as_is &= !is_out_of_range(&b[i..end])),
        b'n' => literal(b, i, "null"),
        b't' => literal(b, i, "true"),
        b'f' => literal(b, i, "false"),
        _ if depth == MAX_DEPTH => Err(syntax(i, "less nesting")),
        b'[' => {
            let mut i = space(b, i + 1, as_is);
            if byte(b, i)? == b']' {
                return Ok(i + 1);
            }
            loop {
                i = space(b, nested(b, i, as_is, depth + 1)?, as_is);
                match byte(b, i)? {
                    b',' => i = space(b, i + 1, as_is),
                    b']' => return Ok(i + 1),
                    _ => return Err(syntax(i, "`,` or `]`")),
                }
            }
        }
        b'{' => {
            let mut i = space(b, i + 1, as_is);
            if byte(b, i)? == b'}' {
                return Ok(i + 1);
            }
            loop {
                i = space(b, string(b, i)?, as_is);
                i = space(b, expect(b, i, b':', "`:`")?, as_is);
                i = space(b, nested(b, i, as_is, depth + 1)?, as_is);
                match byte(b, i)? {
                    b',' => i = space(b, i + 1, as_is),
                    b'}' => return Ok(i + 1),
                    _ => return Err(syntax(i, "`,` or `}`")),
                }
            }
        }
        _ => Err(syntax(i, "a value")),
    }
}

fn space(b: &[u8], i: usize, as_is: &mut bool) -> usize {
    let end = skip_space(b, i);
    *as_is &= end == i;
    end
}

/// Appends the valid JSON text `b` without its white space, and with `null` for numbers out of range. True if there were any.
pub(super) fn compact(b: &[u8], out: &mut Vec<u8>) -> bool {
    let mut nulled = false;
    let mut i = 0;
    while i < b.len() {
        let end = match b[i] {
            b' ' | b'\n' | b'\r' | b'\t' => {
                i += 1;
                continue;
            }
            b'"' => string(b, i).unwrap_or(b.len()),
            b'-' | b'0'..=b'9' => {
                let end = number(b, i).unwrap_or(b.len());
                if is_out_of_range(&b[i..end]) {
                    out.extend_from_slice(b"null");
                    nulled = true;
                    i = end;
                    continue;
                }
                end
            }
            _ => i + 1,
        };
        out.extend_from_slice(&b[i..end]);
        i = end;
    }
    nulled
}

/// What a scalar says as text, still escaped as in JSON: a string without its quotes, anything else as it is.
pub(crate) fn text_of(scalar: &[u8]) -> &[u8] {
    scalar.strip_prefix(b"\"").and_then(|s| s.strip_suffix(b"\"")).unwrap_or(scalar)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(text: &str) -> Scanned {
        value(text.as_bytes(), 0).map(|(end, _)| end)
    }

    #[test]
    fn values_end_where_json_says() {
        for (text, length) in [
            ("null,", 4),
            ("true]", 4),
            ("false ", 5),
            ("0,", 1),
            ("-12.50e+3}", 9),
            (r#""a\"b\\" "#, 8),
            (r#""é😀\u00e9" "#, 14),
            ("[1, [2], {}]x", 12),
            (r#"{"a" : {"b":[ ]}}x"#, 17),
        ] {
            assert_eq!(end(text), Ok(length), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "nul!",
            "[01]",
            "1.,",
            "1e,",
            "-x",
            "+1",
            ".5,",
            r#""\x""#,
            r#""\u12g4""#,
            "\"a\nb\"",
            "[1 2]",
            "[,]",
            "{1:2}",
            r#"{"a",}"#,
            "<html>",
            "[1,]",
            "'a'",
        ] {
            assert!(matches!(end(text).map_err(|stop| *stop), Err(JsonError::Syntax { .. })), "{text}: {:?}", end(text));
        }
        assert!(matches!(end(&"[".repeat(100)).map_err(|stop| *stop), Err(JsonError::Syntax { .. })), "nesting is bounded");
    }

    proptest! {
        /// The scanner and `serde_json` agree on what a value is, wherever the text is cut or damaged.
        #[test]
        fn agrees_with_serde_json(value in any_json(), cut in 0usize..2000, damage in proptest::option::of((0usize..2000, 0u8..128))) {
            let mut text = serde_json::to_vec(&value).expect("values serialize");
            if let Some((at, byte)) = damage {
                let at = at % text.len();
                text[at] = byte;
            }
            // A number at the very end needs the byte after it.
            text.push(b' ');
            let valid = serde_json::from_slice::<serde_json::Value>(&text).is_ok();
            // The damage may be white space in the place of the value's first byte.
            let scanned = super::value(&text, skip_space(&text, 0));
            let whole = scanned.as_ref().is_ok_and(|&(end, _)| skip_space(&text, end) == text.len());
            // serde_json also refuses lone surrogates and numbers out of a double's range, which are JSON by grammar.
            prop_assert!(whole || !valid, "{:?}", String::from_utf8_lossy(&text));
            if damage.is_none() {
                let cut = cut % text.len();
                let partial = super::value(&text[..cut], 0);
                let is_prefix = partial.as_ref().is_err_and(|stop| **stop == JsonError::Incomplete) || partial.is_ok_and(|(end, _)| skip_space(&text, end) == text.len());
                prop_assert!(is_prefix);
            }
        }

        #[test]
        fn compact_drops_white_space_and_nothing_else(value in any_json()) {
            let pretty = serde_json::to_vec_pretty(&value).expect("values serialize");
            let mut out = Vec::new();
            compact(&pretty, &mut out);
            prop_assert_eq!(String::from_utf8(out).expect("utf-8"), serde_json::to_string(&value).expect("values serialize"));
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e9..1e9f64).prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                proptest::collection::btree_map(".{0,8}", inner, 0..8)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
