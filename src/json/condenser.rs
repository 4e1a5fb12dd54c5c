//! Shortens values that are too large to be held, while they come in.
//!
//! What is kept is checked by whoever reads it next. What is left out is only read as far as it takes to find its end, so
//! rubbish inside of it goes unnoticed.

use super::scanner::{JsonError, MAX_DEPTH, Scanned, special, syntax};

/// A text of more bytes than this is cut, another value of a condensed row left out.
pub(super) const MAX_TEXT: usize = 256 << 10;
/// Once a condensed row has so many bytes, it keeps short values only.
const FULL: usize = 2 << 20;
/// What counts as short then.
const SHORT: usize = 1 << 10;
/// A condensed row of more bytes than this is refused: it is a heap of tiny fields.
const MAX_CONDENSED: usize = 4 << 20;

/// A row as it came in, or condensed.
#[derive(Debug, Clone, Copy)]
pub struct RawRow<'b> {
    /// Its JSON text, perhaps with more after it.
    pub text: &'b [u8],
    /// Where a `null` stands for a value that was left out, in ascending order.
    pub left_out: &'b [usize],
}

impl<'b> From<&'b [u8]> for RawRow<'b> {
    fn from(text: &'b [u8]) -> Self {
        Self { text, left_out: &[] }
    }
}

/// Takes one value in pieces and keeps what is short of it.
#[derive(Debug, Default)]
pub(super) struct Condenser {
    kept: Vec<u8>,
    left_out: Vec<usize>,
    /// Arrays and objects that are open.
    depth: usize,
    text: Text,
    /// The field of the row whose value is coming in.
    field: Option<Field>,
    keeps_nothing: bool,
    done: bool,
}

#[derive(Debug)]
struct Field {
    /// Where its value begins in what is kept.
    start: usize,
    limit: usize,
    fate: Fate,
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Whole,
    /// A text of which the beginning is kept.
    Cut,
    LeftOut,
}

/// Where the condenser stands in a text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    /// After a backslash.
    Escape,
    /// Before so many hexadecimal digits.
    Digits(u8),
}

impl Condenser {
    /// Keeps the fields of an object, those with long values cut (texts) or as `null` (other values).
    pub(super) fn of_row() -> Self {
        Self::default()
    }

    /// Keeps nothing of a text, an array or an object.
    pub(super) fn of_nothing() -> Self {
        Self { keeps_nothing: true, ..Self::default() }
    }

    /// Whether the end of the value has come in.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The condensed row.
    pub(super) fn row(&self) -> RawRow<'_> {
        RawRow { text: &self.kept, left_out: &self.left_out }
    }

    /// Takes bytes up to the end of the value; returns their number.
    pub(super) fn take(&mut self, b: &[u8]) -> Scanned {
        let mut i = 0;
        while i < b.len() && !self.done {
            i = match self.text {
                Text::Outside => self.outside(b, i)?,
                Text::Inside => self.inside(b, i)?,
                Text::Escape | Text::Digits(_) => {
                    self.keep(&b[i..=i]);
                    self.text = match self.text {
                        Text::Escape if b[i] == b'u' => Text::Digits(4),
                        Text::Digits(left) if left > 1 => Text::Digits(left - 1),
                        _ => Text::Inside,
                    };
                    i + 1
                }
            };
            if self.kept.len() > MAX_CONDENSED {
                let what = format!("a row has more than {MAX_CONDENSED} bytes, even without its long values");
                return Err(JsonError::Shape(what).into());
            }
        }
        Ok(i)
    }

    /// Over one byte between texts.
    fn outside(&mut self, b: &[u8], i: usize) -> Scanned {
        let byte = b[i];
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {
                // One stays inside a value: it parts what must not grow together.
                let is_first = self.field.as_ref().is_some_and(|field| field.start == self.kept.len());
                if !is_first && self.kept.last() != Some(&b' ') {
                    self.keep(b" ");
                }
                return Ok(i + 1);
            }
            b'{' | b'[' if self.depth == MAX_DEPTH => return Err(syntax(i, "less nesting")),
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    (self.field, self.done) = (None, true);
                }
            }
            b',' if self.depth == 1 => self.field = None,
            b'"' => self.text = Text::Inside,
            _ => {}
        }
        self.keep(&b[i..=i]);
        if byte == b':' && self.depth == 1 && self.field.is_none() {
            let start = self.kept.len();
            // Longer than the longest that is kept, so that who reads it knows that it was cut.
            let limit = if start < FULL { MAX_TEXT + 2 } else { SHORT };
            self.field = Some(Field { start, limit, fate: Fate::Whole });
        }
        Ok(i + 1)
    }

    /// In a text, up to its end or after the next backslash.
    fn inside(&mut self, b: &[u8], i: usize) -> Scanned {
        let end = special(b, i);
        self.keep(&b[i..end]);
        match b.get(end) {
            None => return Ok(end),
            Some(b'\\') => {
                self.keep(b"\\");
                self.text = Text::Escape;
            }
            Some(b'"') => {
                self.text = Text::Outside;
                if self.depth == 1 && self.field.as_ref().is_some_and(|field| field.fate == Fate::Cut) {
                    self.kept.push(b'"');
                } else {
                    self.keep(b"\"");
                }
                self.done = self.depth == 0;
            }
            Some(_) => return Err(syntax(end, "no raw control character in a string")),
        }
        Ok(end + 1)
    }

    /// Keeps `bytes`, as far as the field has room for them.
    fn keep(&mut self, bytes: &[u8]) {
        if self.keeps_nothing {
            return;
        }
        let Some(field) = &mut self.field else { return self.kept.extend_from_slice(bytes) };
        if field.fate != Fate::Whole {
            return;
        }
        let room = (field.start + field.limit).saturating_sub(self.kept.len());
        let is_long_text = self.kept.get(field.start) == Some(&b'"') && field.limit > MAX_TEXT;
        if bytes.len() <= room || is_long_text && self.text != Text::Inside {
            // Escapes and the closing quote stay whole.
            self.kept.extend_from_slice(bytes);
        } else if is_long_text {
            let rest = bytes[room..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
            self.kept.extend_from_slice(&bytes[..room + rest]);
            if room + rest < bytes.len() {
                field.fate = Fate::Cut;
            }
        } else {
            field.fate = Fate::LeftOut;
            self.kept.truncate(field.start);
            self.kept.extend_from_slice(b"null");
            self.left_out.push(field.start);
        }
    }
}
