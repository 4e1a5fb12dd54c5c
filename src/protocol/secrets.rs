//! Takes secrets out of texts, however they are written there.

use std::str::Chars;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// What stands in the place of a secret.
const MASK: &str = "****";

/// Secrets that no text may show.
#[derive(Clone, Default)]
pub struct Secrets {
    texts: Vec<String>,
    /// Their base64, alone or behind something else (`Bearer `).
    encoded: Vec<String>,
}

impl Secrets {
    /// From now on `secret` is taken out.
    pub fn add(&mut self, secret: &str) {
        // Hiding a text of one or two letters would garble every message and protect nothing.
        if secret.len() < 4 || self.texts.iter().any(|known| known == secret) {
            return;
        }
        self.texts.push(secret.to_owned());
        // What stands before it shifts the letters of base64 by one of three amounts.
        for (shift, foreign) in [(0, 0), (1, 2), (2, 3)] {
            let bytes: Vec<u8> = [&[0; 2][..shift], secret.as_bytes()].concat();
            let own = foreign..bytes.len() * 8 / 6;
            for text in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
                self.encoded.push(text[own.clone()].to_owned());
            }
        }
    }

    /// `text` with every secret masked.
    pub fn redact(&self, text: &str) -> String {
        let text = self.texts.iter().fold(text.to_owned(), |text, secret| mask(text, secret));
        self.encoded.iter().fold(text, |text, form| text.replace(form.as_str(), MASK))
    }
}

fn mask(text: String, secret: &str) -> String {
    let mut masked = String::new();
    let mut from = 0;
    let mut at = 0;
    while at < text.len() {
        if let Some(length) = written(&text[at..], secret) {
            masked.push_str(&text[from..at]);
            masked.push_str(MASK);
            at += length;
            from = at;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if from == 0 {
        return text;
    }
    masked.push_str(&text[from..]);
    masked
}

/// Length of the writing of `secret` with which `text` begins, whichever characters of it are escaped, and how.
fn written(text: &str, secret: &str) -> Option<usize> {
    fn behind<'t>(text: &'t str, mut secret: Chars<'_>) -> Option<&'t str> {
        let Some(c) = secret.next() else { return Some(text) };
        character(text, c).into_iter().flatten().find_map(|rest| behind(rest, secret.clone()))
    }
    Some(text.len() - behind(text, secret.chars())?.len())
}

/// What follows each writing of `c` with which `text` begins: itself, behind backslashes, as `%2F`, `\u002f` or `&#47;`.
fn character(text: &str, c: char) -> [Option<&str>; 5] {
    let code = u32::from(c);
    let plain = text.trim_start_matches('\\');
    let is_escaped = plain.len() < text.len();
    let hex = |prefix: &str, digits: usize| {
        let number = plain.strip_prefix(prefix)?.get(..digits)?;
        (u32::from_str_radix(number, 16) == Ok(code)).then(|| &plain[prefix.len() + digits..])
    };
    let entity = || {
        let (name, rest) = plain.strip_prefix('&')?.split_once(';')?;
        let is_it = match (name, name.strip_prefix('#')) {
            ("quot", _) => c == '"',
            ("amp", _) => c == '&',
            ("lt", _) => c == '<',
            ("gt", _) => c == '>',
            ("apos", _) => c == '\'',
            (_, Some(number)) => {
                number.strip_prefix(['x', 'X']).map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16)) == Ok(code)
            }
            _ => false,
        };
        is_it.then_some(rest)
    };
    // Itself comes last: a `%` may be one, or the beginning of `%25`.
    [
        hex("%", 2),
        entity(),
        hex("u", 4).filter(|_| is_escaped),
        // A backslash is itself written as several: those before the next character are all its.
        if c == '\\' { Some(plain) } else { plain.strip_prefix(c) }.filter(|_| is_escaped),
        text.strip_prefix(c),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(secret: &str) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add(secret);
        secrets
    }

    #[test]
    fn a_secret_is_found_in_every_writing() {
        let secrets = secrets("a/\"b&\\c-1%2");
        for text in [
            r#"a/"b&\c-1%2"#,
            r#"a\/\"b&\\c-1%2"#,
            r#"a\\/\\\"b&\\\\c-1%2"#,
            "a%2F%22b%26%5Cc%2D1%252",
            "a%2f%22b%26%5cc-1%252",
            r"a\u002f\u0022b\u0026\u005Cc-1\u00252",
            r"a&#47;&quot;b&amp;\c&#x2D;1%2",
        ] {
            assert_eq!(secrets.redact(&format!("é{text}x{text}")), "é****x****", "{text}");
        }
    }

    #[test]
    fn base64_is_found_behind_anything() {
        let secrets = secrets("sk-7f3d9c1e?>");
        for before in ["", "x", "Bearer ", "user:", "\u{ff}"] {
            for text in [
                BASE64_STANDARD_NO_PAD.encode(format!("{before}sk-7f3d9c1e?>")),
                BASE64_URL_SAFE_NO_PAD.encode(format!("{before}sk-7f3d9c1e?>")),
            ] {
                let masked = secrets.redact(&text);
                assert!(masked.contains(MASK) && masked.len() <= before.len() * 4 / 3 + 7, "{text}: {masked}");
            }
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        let secrets = secrets("token-1");
        for text in ["", "token-2 \\\\ %2F & é", "token-", "GET /accounts?a=%41"] {
            assert_eq!(secrets.redact(text), text);
        }
    }
}
