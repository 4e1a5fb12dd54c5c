//! Takes secrets out of texts, however they are written there: as they are, escaped as in JSON (once or several times),
//! percent-encoded, in base64, or in any mixture of these.
//!
//! The work is at most the length of the text times that of the secrets, whatever a hostile server writes.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// What stands in the place of a secret.
const MASK: &str = "****";
/// Bytes of a secret that are worth hiding where its beginning is not there.
const LEAST_REST: usize = 6;
/// Bytes of the longest writing of a character: `\u002f`.
const LONGEST_WRITING: usize = 6;

/// Secrets that no text may show.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The secrets and their base64, without backslashes: those escape, so any number of them is passed over in a text.
    forms: Vec<Vec<u8>>,
}

impl Secrets {
    /// From now on `secret` is taken out.
    pub fn add(&mut self, secret: &str) {
        // Hiding a text of one or two letters would garble every message and protect nothing.
        if secret.len() < 4 {
            return;
        }
        self.add_form(secret.as_bytes());
        // What stands before it shifts the letters of base64 by one of three amounts.
        for (shift, foreign) in [(0, 0), (1, 2), (2, 3)] {
            let bytes: Vec<u8> = [&[0; 2][..shift], secret.as_bytes()].concat();
            let own = foreign..bytes.len() * 8 / 6;
            for text in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
                self.add_form(&text.as_bytes()[own.clone()]);
            }
        }
    }

    fn add_form(&mut self, form: &[u8]) {
        let form: Vec<u8> = form.iter().copied().filter(|byte| *byte != b'\\').collect();
        if !form.is_empty() && !self.forms.contains(&form) {
            self.forms.push(form);
        }
    }

    /// `text` with every secret masked.
    pub fn redact(&self, text: &str) -> String {
        self.masked(text, false).into_owned()
    }

    /// The first `chars` characters of `text`, with every secret masked, also one that reaches beyond them, and the rest of one
    /// that began before them. Only what is shown is searched, so `text` may be of any length.
    pub fn redacted_excerpt(&self, text: &[u8], chars: usize) -> String {
        let longest = self.forms.iter().map(Vec::len).max().unwrap_or_default();
        let searched = &text[..text.len().min(4 * chars + LONGEST_WRITING * longest)];
        let is_cut = searched.len() < text.len();
        let searched = String::from_utf8_lossy(searched);
        let rest = self.end_of_rest(searched.as_bytes());
        let mask = if rest > 0 { MASK } else { "" };
        let masked = format!("{mask}{}", self.masked(searched.get(rest..).unwrap_or_default(), is_cut));
        masked.chars().take(chars).collect()
    }

    /// Where the rest of a secret ends that began before `text`; 0 if there is none that is worth hiding.
    fn end_of_rest(&self, text: &[u8]) -> usize {
        let rests = self.forms.iter().flat_map(|form| (1..=form.len().saturating_sub(LEAST_REST)).map(move |from| &form[from..]));
        rests.filter_map(|rest| end_of_writing(text, 0, rest, false)).max().unwrap_or_default()
    }

    fn masked<'t>(&self, text: &'t str, is_cut: bool) -> Cow<'t, str> {
        self.forms.iter().fold(Cow::Borrowed(text), |text, form| match mask(&text, form, is_cut) {
            Some(masked) => Cow::Owned(masked),
            None => text,
        })
    }
}

/// `text` with every writing of `form` masked; `None` if it holds none. If it `is_cut`, a beginning of one at its end counts.
fn mask(text: &str, form: &[u8], is_cut: bool) -> Option<String> {
    let bytes = text.as_bytes();
    let mut masked = String::new();
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        if let Some(end) = end_of_writing(bytes, at, form, is_cut) {
            masked.push_str(&text[from..at]);
            masked.push_str(MASK);
            (from, at) = (end, end);
        } else {
            // No writing begins at any of the backslashes here either: they were passed over just now.
            at = after_backslashes(bytes, at) + 1;
        }
    }
    if masked.is_empty() {
        return None;
    }
    masked.push_str(&text[from..]);
    Some(masked)
}

/// Where the longest writing of `form` ends that begins at `start`, whichever characters of it are escaped, and how.
fn end_of_writing(text: &[u8], start: usize, form: &[u8], is_cut: bool) -> Option<usize> {
    let (first, others) = form.split_first()?;
    // More than one only where a `%` of the form may be written as itself or as `%25`, and the like.
    let mut ends = Vec::new();
    let mut is_open = add_ends(text, start, *first, &mut ends);
    for c in others {
        for at in std::mem::take(&mut ends) {
            is_open |= add_ends(text, at, *c, &mut ends);
        }
        if ends.is_empty() {
            break;
        }
    }
    if is_open && is_cut { Some(text.len()) } else { ends.into_iter().max() }
}

/// Adds the ends of the writings of `c` at `at`. True if the text ends within one.
fn add_ends(text: &[u8], at: usize, c: u8, ends: &mut Vec<usize>) -> bool {
    let next = after_backslashes(text, at);
    let rest = &text[next..];
    let [high, low] = [c >> 4, c & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    let writings = [&[c][..], &[b'%', high, low], &[b'u', b'0', b'0', high, low]];
    let is_escaped = next > at;
    let mut is_open = false;
    for writing in writings.into_iter().filter(|writing| writing.len() < 5 || is_escaped) {
        let begins = std::iter::zip(rest, writing).all(|(a, b)| a == b || (writing.len() > 1 && a.eq_ignore_ascii_case(b)));
        let end = next + writing.len();
        is_open |= begins && end > text.len();
        if begins && end <= text.len() && !ends.contains(&end) {
            ends.push(end);
        }
    }
    is_open
}

/// The end of the backslashes at `at`, plain or encoded.
fn after_backslashes(text: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        #[cfg(test)]
        tests::STEPS.set(tests::STEPS.get() + 1);
        let rest = &text[end..];
        let starts_with = |writing: &[u8]| rest.get(..writing.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(writing));
        end += match rest {
            [b'\\', ..] => 1,
            [b'%', ..] if starts_with(b"%5c") => 3,
            [b'u', ..] if end > at && starts_with(b"u005c") => 5,
            _ => return end,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

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
            assert_eq!(secrets.redacted_excerpt(text.as_bytes(), 100), text);
        }
    }

    #[test]
    fn an_excerpt_that_begins_within_a_secret_does_not_show_the_rest() {
        let secrets = secrets("7f3d9c1e-5b8a/4260");
        for text in ["f3d9c1e-5b8a/4260", "-5b8a\\/4260", "8a%2F4260"] {
            assert_eq!(secrets.redacted_excerpt(format!("{text}\"}}é").as_bytes(), 100), "****\"}é", "{text}");
        }
        for text in ["", "4260", "x-5b8a/4260", "éf3d9c1e"] {
            assert_eq!(secrets.redacted_excerpt(text.as_bytes(), 100), text);
        }
    }

    #[test]
    fn an_excerpt_shows_no_beginning_of_a_secret() {
        let secret = "sk-7f3d9c1e-5b8a-4260";
        for before in 0..40 {
            for writing in [secret.to_owned(), secret.replace('-', &"\\".repeat(5000)), secret.replace('-', "%2D")] {
                let text = format!("{}{writing}{}", "é".repeat(before), "x".repeat(5000));
                let shown = secrets(secret).redacted_excerpt(text.as_bytes(), 30);
                assert!(shown.chars().count() <= 30 && !shown.contains("sk"), "{before}: {shown}");
                assert!(shown.starts_with(&"é".repeat(before.min(30))), "{before}: {shown}");
            }
        }
        let much = format!("{secret} ").repeat(50);
        assert!(!secrets(secret).redacted_excerpt(much.as_bytes(), 30).contains("sk"));
    }

    thread_local! {
        /// Bytes of texts that were looked at.
        pub(super) static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    /// Each begins a secret again and again. Trying on from each byte would take minutes to days.
    #[test]
    fn a_megabyte_of_anything_takes_a_few_steps_for_each_byte() {
        let secrets = secrets("token-%\\x1");
        let pieces = ["\\", "%5C", "\\u005c", "t\\", "token-", "%74%6F", "%25", "dG9r"];
        // The short ones first: what takes long fails soon.
        for (length, piece) in [1 << 14, 1 << 20].into_iter().flat_map(|length| pieces.map(|piece| (length, piece))) {
            let text = piece.repeat(length / piece.len());
            STEPS.set(0);
            assert_eq!(secrets.redact(&text), text);
            let steps = STEPS.get() / (secrets.forms.len() * text.len());
            assert!(steps <= 3, "{steps} steps a byte and form for {piece}");
        }
    }

    /// One character of a secret, in any writing.
    fn writing(c: char, way: u8, backslashes: usize) -> String {
        let code = u32::from(c);
        let escape = "\\".repeat(backslashes);
        match way {
            0 if c == '\\' => "\\".repeat(backslashes + 1),
            0 => c.to_string(),
            1 => format!("{escape}%{code:02X}"),
            2 => format!("{escape}%{code:02x}"),
            3 => format!("\\{escape}u{code:04x}"),
            4 => format!("\\{escape}u{code:04X}"),
            _ => format!("\\{escape}{c}"),
        }
    }

    proptest! {
        #[test]
        fn a_planted_secret_is_never_left(
            secret in "[!-~]{8,40}",
            ways in prop::collection::vec((0u8..6, 0usize..4), 40),
            before in "[ -~é%]{0,20}",
            after in "[ -~é%]{0,20}",
        ) {
            let planted: String = std::iter::zip(secret.chars(), ways).map(|(c, (way, n))| writing(c, way, n)).collect();
            let text = format!("{before}{planted}{after}");
            let secrets = secrets(&secret);
            prop_assume!(!secrets.forms.iter().any(|form| form.len() < 4));
            for shown in [secrets.redact(&text), secrets.redacted_excerpt(text.as_bytes(), 1000)] {
                prop_assert!(shown.contains(MASK) && !shown.contains(&planted), "{shown}");
            }
            for chars in 0..text.len() {
                // What is shown is the beginning of what is shown without a limit, or masks more of it.
                let shown = secrets.redacted_excerpt(text.as_bytes(), chars);
                prop_assert!(!shown.contains(&planted) && shown.chars().count() <= chars);
            }
        }
    }
}
