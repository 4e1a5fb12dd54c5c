//! Finds the rows in a body that arrives in pieces.
//!
//! A body is a bare array of rows, or an object in which the array stands under the stream's key or under `body` (a wrapper
//! that Awin's schema shows and recorded answers do not have). Other members of the object are kept if they are scalars.

use super::json::{self, Scan, Stop, byte, expect, skip_space, string, syntax};

/// A row larger than this is taken for a defect, not for data.
const MAX_ROW: usize = 64 << 20;
/// Scalars of a wrapping object longer than this are not kept.
const MAX_SCALAR: usize = 256;

/// What the splitter needs or has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Feed more bytes.
    More,
    /// A row was handed to `frame`.
    Row,
    /// The body is complete.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// Behind `{`: a member or `}` follows.
    FirstMember,
    /// Behind a member: `,` or `}` follows.
    AfterMember,
    /// Behind `[`: a row or `]` follows.
    FirstRow,
    /// Behind a row: `,` or `]` follows.
    AfterRow,
    /// Everything is closed; only white space may follow.
    Behind,
}

/// Finds rows. Holds the bytes of at most one row and one piece of the body.
#[derive(Debug)]
pub struct Splitter {
    /// Key of the array of rows in an object.
    rows_key: &'static str,
    buffer: Vec<u8>,
    at: usize,
    /// With fewer bytes than this another try cannot succeed, or has just failed: keeps the work linear for rows larger
    /// than a piece.
    wanted: usize,
    place: Place,
    /// Objects to be closed.
    open: usize,
    found_rows: bool,
    members: Vec<(String, String)>,
}

impl Splitter {
    /// `rows_key` is where an object holds its rows, beside `body`.
    pub fn new(rows_key: &'static str) -> Self {
        Self {
            rows_key,
            buffer: Vec::new(),
            at: 0,
            wanted: 1,
            place: Place::Start,
            open: 0,
            found_rows: false,
            members: Vec::new(),
        }
    }

    /// Takes the next piece of the body.
    pub fn feed(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// A scalar member of the wrapping object, as text.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The beginning of what has not been taken yet, for a message.
    pub fn near(&self) -> String {
        String::from_utf8_lossy(&self.buffer[self.at..self.buffer.len().min(self.at + 1000)]).into_owned()
    }

    /// Goes on to the next row and lets `frame` take it from the start of the bytes it gets. `ended` says that no more
    /// pieces will come.
    pub fn next(&mut self, ended: bool, mut frame: impl FnMut(&[u8]) -> Scan) -> Result<Step, Stop> {
        if !ended && self.buffer.len() - self.at < self.wanted {
            return Ok(Step::More);
        }
        loop {
            match self.step(&mut frame) {
                Ok(None) => {}
                Ok(Some(step)) => {
                    self.wanted = 1;
                    return Ok(step);
                }
                Err(stop) if *stop == Stop::Incomplete && !ended => {
                    let waiting = self.buffer.len() - self.at;
                    if waiting > MAX_ROW {
                        return Err(Stop::Shape(format!("a row has more than {MAX_ROW} bytes")));
                    }
                    self.wanted = 2 * waiting.max(1);
                    return Ok(Step::More);
                }
                Err(stop) => return Err(*stop),
            }
        }
    }

    /// One step forward; on an error nothing has moved.
    fn step(&mut self, frame: &mut impl FnMut(&[u8]) -> Scan) -> Result<Option<Step>, Box<Stop>> {
        let b = &self.buffer;
        let at = skip_space(b, self.at);
        let (end, place) = match self.place {
            Place::Start => match byte(b, at)? {
                b'[' => (at + 1, Place::FirstRow),
                b'{' => {
                    self.open += 1;
                    (at + 1, Place::FirstMember)
                }
                0xef if self.at == 0 && b.starts_with(b"\xef\xbb\xbf") => (at + 3, Place::Start),
                0xef if b.len() < 3 => return Err(Stop::Incomplete.into()),
                b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                    return Err(Stop::Shape("the answer is a bare value".into()).into());
                }
                _ => return Err(syntax(at, "JSON")),
            },
            Place::FirstMember => match byte(b, at)? {
                b'}' => self.close(at),
                _ => self.open_member(at)?,
            },
            Place::AfterMember => match byte(b, at)? {
                b'}' => self.close(at),
                b',' => {
                    let key = skip_space(b, at + 1);
                    self.open_member(key)?
                }
                _ => return Err(syntax(at, "`,` or `}`")),
            },
            Place::FirstRow => match byte(b, at)? {
                b']' => (at + 1, self.behind_rows()),
                _ => return self.row(at, frame),
            },
            Place::AfterRow => match byte(b, at)? {
                b']' => (at + 1, self.behind_rows()),
                b',' => return self.row(skip_space(b, at + 1), frame),
                _ => return Err(syntax(at, "`,` or `]`")),
            },
            Place::Behind if at < b.len() => return Err(syntax(at, "the end of the answer")),
            Place::Behind if self.found_rows => return Ok(Some(Step::End)),
            Place::Behind => {
                let names: Vec<&str> =
                    self.members.iter().map(|(name, value)| if name == "error" { value } else { name }.as_str()).collect();
                return Err(Stop::Shape(format!("the answer is an object without rows ({})", names.join(", "))).into());
            }
        };
        if matches!(place, Place::FirstRow) {
            self.found_rows = true;
        }
        (self.at, self.place) = (end, place);
        Ok(None)
    }

    fn row(&mut self, start: usize, frame: &mut impl FnMut(&[u8]) -> Scan) -> Result<Option<Step>, Box<Stop>> {
        let length = frame(&self.buffer[start..])?;
        self.at = start + length;
        self.place = Place::AfterRow;
        Ok(Some(Step::Row))
    }

    fn behind_rows(&self) -> Place {
        if self.open == 0 { Place::Behind } else { Place::AfterMember }
    }

    fn close(&mut self, at: usize) -> (usize, Place) {
        self.open -= 1;
        (at + 1, if self.open == 0 { Place::Behind } else { Place::AfterMember })
    }

    /// Into the rows or a wrapping object, or over a member that is neither.
    fn open_member(&mut self, key: usize) -> Result<(usize, Place), Box<Stop>> {
        let b = &self.buffer;
        let key_end = string(b, key)?;
        let start = skip_space(b, expect(b, skip_space(b, key_end), b':', "`:`")?);
        let name = &b[key + 1..key_end - 1];
        let first = byte(b, start)?;
        let wraps = name == b"body";
        if first == b'n' && (wraps || name == self.rows_key.as_bytes()) {
            self.found_rows = true; // Null is an empty list.
        }
        if first == b'[' && !self.found_rows && (wraps || name == self.rows_key.as_bytes()) {
            return Ok((start + 1, Place::FirstRow));
        }
        if first == b'{' && wraps {
            self.open += 1;
            return Ok((start + 1, Place::FirstMember));
        }
        let (end, _) = json::value(b, start)?;
        let keep = !matches!(first, b'{' | b'[') && end - start <= MAX_SCALAR;
        let value = if keep { String::from_utf8_lossy(json::text_of(&b[start..end])).into_owned() } else { String::new() };
        self.members.push((String::from_utf8_lossy(name).into_owned(), value));
        Ok((end, Place::AfterMember))
    }
}
