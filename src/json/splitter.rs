//! Finds the rows in a body that arrives in pieces.
//!
//! A body is a bare array of rows, or an object in which the array stands under a key that the caller names. Of the object's
//! other members only those are kept that the caller asks for. Whatever a body holds, no more than a few megabytes of it are
//! held at a time: a row that is larger than [`MAX_ROW`] is condensed while it comes in.

use std::borrow::Cow;

use super::condenser::{Condenser, RawRow};
use super::scanner::{self, JsonError, MAX_DEPTH, Scanned, byte, expect, kind_of, skip_space, string, syntax, unescaped, utf8};

/// A row of more bytes than this is condensed: long texts are cut, other long values left out.
pub(super) const MAX_ROW: usize = 2 << 20;
/// A member of a wrapping object of more bytes than this is skipped while it comes in.
const MAX_MEMBER: usize = 64 << 10;
/// Scalars of a wrapping object longer than this are not kept.
const MAX_SCALAR: usize = 8 << 10;
/// Names of members and reasons are shown up to this length.
const MAX_SHOWN: usize = 256;
/// So many names of members are kept for a message.
const MAX_NAMES: usize = 8;

/// What an object around the rows looks like.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// Key of the array of rows.
    pub rows: &'static str,
    /// Another key of it, or of an object that holds it.
    pub wrapper: &'static str,
    /// Scalars beside the rows that [`Splitter::member`] is asked for; `a.b` is the member `b` of an object `a`.
    pub members: &'static [&'static str],
    /// Where an object without rows says why it has none.
    pub reason: &'static str,
    /// Whether null in the place of the rows is an empty list.
    pub takes_null: bool,
}

/// What the splitter needs or has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Feed more bytes.
    More,
    /// A row was handed on.
    Row,
    /// The body is complete.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// After a byte order mark, if there was one.
    Top,
    /// After `{`: a member or `}` follows.
    FirstMember,
    /// After `,` in an object.
    Member,
    /// In a member that is too large to be held.
    LargeMember,
    /// After a member: `,` or `}` follows.
    AfterMember,
    /// After `[`: a row or `]` follows.
    FirstRow,
    /// After `,` in the array.
    Row,
    /// In a row that is too large to be held.
    LargeRow,
    /// After a row: `,` or `]` follows.
    AfterRow,
    /// Everything is closed; only white space may follow.
    Closed,
}

/// Finds rows. Holds the bytes of one piece of the body and of at most one row, condensed if need be.
#[derive(Debug)]
pub struct Splitter {
    envelope: Envelope,
    buffer: Vec<u8>,
    at: usize,
    /// With fewer bytes than this another try cannot succeed, or has just failed: keeps the work linear for rows larger
    /// than a piece.
    wanted: usize,
    place: Place,
    /// Objects to be closed.
    open: usize,
    condenser: Condenser,
    found_rows: bool,
    /// Null stands in the place of the rows: an empty list.
    found_null: bool,
    members: Vec<(&'static str, String)>,
    /// What an object without rows has instead, for a message.
    names: Vec<String>,
}

impl Splitter {
    /// For a body whose rows stand in `envelope`, if not in a bare array.
    pub fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            buffer: Vec::new(),
            at: 0,
            wanted: 1,
            place: Place::Start,
            open: 0,
            condenser: Condenser::of_nothing(),
            found_rows: false,
            found_null: false,
            members: Vec::new(),
            names: Vec::new(),
        }
    }

    /// Takes the next piece of the body.
    pub fn feed(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// A scalar member of the wrapping object, as text: one of those that the envelope names.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The beginning of what has not been taken yet, for a message.
    pub(crate) fn near(&self) -> String {
        String::from_utf8_lossy(&self.buffer[self.at..self.buffer.len().min(self.at + 1000)]).into_owned()
    }

    /// Goes on to the next row and lets `take` take it from the start of the bytes it gets. `ended` says that no more
    /// pieces will come.
    pub fn next(&mut self, ended: bool, mut take: impl FnMut(RawRow<'_>) -> Scanned) -> Result<Step, JsonError> {
        if !ended && self.buffer.len() - self.at < self.wanted {
            return Ok(Step::More);
        }
        loop {
            match self.step(ended, &mut take) {
                Ok(None) => {}
                Ok(Some(step)) => {
                    self.wanted = 1;
                    return Ok(step);
                }
                Err(stop) if *stop == JsonError::Incomplete && !ended => {
                    // Not past the length at which a row begins to be condensed.
                    self.wanted = (2 * (self.buffer.len() - self.at)).clamp(1, MAX_ROW + 1);
                    return Ok(Step::More);
                }
                Err(stop) => return Err(*stop),
            }
        }
    }

    /// One step forward. On an error nothing has moved but over white space and into a large value.
    fn step(&mut self, ended: bool, take: &mut impl FnMut(RawRow<'_>) -> Scanned) -> Result<Option<Step>, Box<JsonError>> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if !matches!(self.place, Place::Start | Place::LargeMember | Place::LargeRow) {
            self.at = skip_space(&self.buffer, self.at);
        }
        let (b, at) = (&self.buffer, self.at);
        let (end, place) = match self.place {
            Place::Start if b[at..].starts_with(MARK) => (at + MARK.len(), Place::Top),
            Place::Start if byte(b, at)? == MARK[0] && MARK.starts_with(&b[at..]) => return Err(JsonError::Incomplete.into()),
            Place::Start => (at, Place::Top),
            Place::Top => match byte(b, at)? {
                b'[' => (at + 1, self.open_rows()?),
                b'{' => (at + 1, self.open_object(at)?),
                b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                    return Err(JsonError::Shape("the answer is a bare value".into()).into());
                }
                _ => return Err(syntax(at, "JSON")),
            },
            Place::FirstMember if byte(b, at)? == b'}' => (at + 1, self.close()),
            Place::FirstMember | Place::Member => self.member_at(at)?,
            Place::LargeMember => {
                byte(b, at)?;
                let end = at + self.condenser.take(&b[at..])?;
                (end, if self.condenser.is_done() { Place::AfterMember } else { Place::LargeMember })
            }
            Place::AfterMember => match byte(b, at)? {
                b'}' => (at + 1, self.close()),
                b',' => (at + 1, Place::Member),
                _ => return Err(syntax(at, "`,` or `}`")),
            },
            Place::FirstRow if byte(b, at)? == b']' => (at + 1, self.after_rows()),
            Place::FirstRow | Place::Row => return self.row(take),
            Place::LargeRow => return self.large_row(take),
            Place::AfterRow => match byte(b, at)? {
                b']' => (at + 1, self.after_rows()),
                b',' => (at + 1, Place::Row),
                _ => return Err(syntax(at, "`,` or `]`")),
            },
            Place::Closed if at < b.len() => return Err(syntax(at, "the end of the answer")),
            Place::Closed if self.found_rows || self.found_null => return Ok(Some(Step::End)),
            // What may still follow decides what is wrong, wherever the body is cut.
            Place::Closed if !ended => return Err(JsonError::Incomplete.into()),
            Place::Closed => {
                let what = format!("the answer is an object without rows ({})", self.names.join(", "));
                return Err(JsonError::Shape(what).into());
            }
        };
        (self.at, self.place) = (end, place);
        Ok(None)
    }

    fn row(&mut self, take: &mut impl FnMut(RawRow<'_>) -> Scanned) -> Result<Option<Step>, Box<JsonError>> {
        let b = &self.buffer[self.at..];
        // Whether a row is condensed depends on its length alone, not on the pieces in which it came.
        match take(b[..b.len().min(MAX_ROW)].into()) {
            Err(stop) if *stop == JsonError::Incomplete && b.len() > MAX_ROW => {
                if let Some(kind) = kind_of(b[0]) {
                    return Err(JsonError::Shape(format!("a row is not an object but {kind}")).into());
                }
                (self.condenser, self.place) = (Condenser::of_row(), Place::LargeRow);
                Ok(None)
            }
            length => {
                self.at += length?;
                self.place = Place::AfterRow;
                Ok(Some(Step::Row))
            }
        }
    }

    fn large_row(&mut self, take: &mut impl FnMut(RawRow<'_>) -> Scanned) -> Result<Option<Step>, Box<JsonError>> {
        byte(&self.buffer, self.at)?;
        self.at += self.condenser.take(&self.buffer[self.at..])?;
        if !self.condenser.is_done() {
            return Ok(None);
        }
        let condenser = std::mem::take(&mut self.condenser);
        self.place = Place::AfterRow;
        match take(condenser.row()) {
            Ok(_) => Ok(Some(Step::Row)),
            Err(stop) if *stop == JsonError::Incomplete => Err(syntax(0, "a whole row")),
            Err(stop) => Err(stop),
        }
    }

    fn open_rows(&mut self) -> Result<Place, Box<JsonError>> {
        if std::mem::replace(&mut self.found_rows, true) {
            return Err(JsonError::Shape("the answer has two lists of rows".into()).into());
        }
        Ok(Place::FirstRow)
    }

    fn after_rows(&self) -> Place {
        if self.open == 0 { Place::Closed } else { Place::AfterMember }
    }

    fn open_object(&mut self, at: usize) -> Result<Place, Box<JsonError>> {
        if self.open == MAX_DEPTH {
            return Err(syntax(at, "less nesting"));
        }
        self.open += 1;
        Ok(Place::FirstMember)
    }

    fn close(&mut self) -> Place {
        self.open -= 1;
        self.after_rows()
    }

    /// Into the rows, a wrapped object or a large value, or over a member that is none of them.
    fn member_at(&mut self, key: usize) -> Result<(usize, Place), Box<JsonError>> {
        let b = &self.buffer;
        let is_large = b.len() - key > MAX_MEMBER;
        let head = || -> Result<_, Box<JsonError>> {
            let key_end = string(b, key)?;
            let start = skip_space(b, expect(b, skip_space(b, key_end), b':', "`:`")?);
            let name = match unescaped(&b[key..key_end]) {
                Some(name) => Cow::Owned(name),
                None => utf8(&b[key + 1..key_end - 1])?.into(),
            };
            Ok((name, start, byte(b, start)?))
        };
        let (name, start, first) = head().map_err(|stop| match *stop {
            JsonError::Incomplete if is_large => JsonError::Shape("a name in the answer is too long".into()).into(),
            _ => stop,
        })?;
        let wraps = name == self.envelope.wrapper;
        let holds_rows = wraps || name == self.envelope.rows;
        if first == b'[' && holds_rows {
            return Ok((start + 1, self.open_rows()?));
        }
        if first == b'{' && wraps {
            return Ok((start + 1, self.open_object(start)?));
        }
        let (end, place) = match scanner::value(b, start) {
            Ok((end, _)) => {
                utf8(&b[start..end])?;
                (end, Place::AfterMember)
            }
            Err(stop) if *stop == JsonError::Incomplete && is_large => {
                if !matches!(first, b'"' | b'{' | b'[') {
                    return Err(JsonError::Shape("a number in the answer is too long".into()).into());
                }
                self.condenser = Condenser::of_nothing();
                (start, Place::LargeMember)
            }
            Err(stop) => return Err(stop),
        };
        self.found_null |= self.envelope.takes_null && holds_rows && first == b'n';
        let is_kept = !matches!(first, b'{' | b'[') && place == Place::AfterMember && end - start <= MAX_SCALAR;
        let value = if is_kept { scanner::text_of(&b[start..end]) } else { b"" };
        if let Some(wanted) = self.envelope.members.iter().find(|wanted| **wanted == name)
            && self.members.iter().all(|(known, _)| known != wanted)
        {
            self.members.push((wanted, String::from_utf8_lossy(value).into_owned()));
        }
        if first == b'{' && place == Place::AfterMember {
            for (wanted, value) in nested(self.envelope.members, &name, &b[start..end]) {
                if self.members.iter().all(|(known, _)| *known != wanted) {
                    self.members.push((wanted, value));
                }
            }
        }
        if self.names.len() < MAX_NAMES {
            let shown = if name == self.envelope.reason { String::from_utf8_lossy(value) } else { name };
            self.names.push(shown.chars().take(MAX_SHOWN).collect());
        }
        Ok((end, place))
    }
}

/// Those of the `wanted` members that are numbers or texts in the object `text`, which is the member `name`.
fn nested(wanted: &[&'static str], name: &str, text: &[u8]) -> Vec<(&'static str, String)> {
    let inner = |wanted: &&'static str| Some((*wanted, wanted.strip_prefix(name)?.strip_prefix('.')?));
    let inner: Vec<_> = wanted.iter().filter_map(inner).collect();
    if inner.is_empty() || text.len() > MAX_SCALAR {
        return Vec::new();
    }
    let Ok(object) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text) else { return Vec::new() };
    let scalar = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    inner.into_iter().filter_map(|(wanted, member)| Some((wanted, scalar(object.get(member)?)?))).collect()
}
