//! One pass over a row's bytes, copying what fits the schema and mending what does not.

use std::borrow::Cow;
use std::ops::Range;

use super::condenser::{MAX_TEXT, RawRow};
use super::conversions;
use super::name::name;
use super::notes::RowNotes;
use super::repairs::{mend_row, mend_surrogates, mended, shrink};
use super::scanner::{self, JsonError, Scanned, byte, expect, kind_of, skip_space, string, syntax, utf8};
use super::schema::{Field, Kind, Schema};
use super::splitter::MAX_ROW;
use crate::protocol::{Change, ChangeKind, ChangeReason};

/// Unknown fields of more bytes than this are not all kept. A text among them that was cut has more.
const MAX_OTHERS: usize = MAX_TEXT;

impl Schema {
    /// Appends the fields of the row at the start of `raw` to `out`, each as `,"name":value`, and returns the row's length.
    ///
    /// On an error `out` is as it was.
    pub fn transcode(&self, raw: RawRow<'_>, out: &mut Vec<u8>, notes: &mut RowNotes) -> Scanned {
        notes.clear(self.slot_count);
        let RawRow { text: b, left_out } = raw;
        let start = out.len();
        let end = Transcoder { schema: self, b, left_out, from: 0, out, path: Vec::new(), notes }.row();
        let end = end.and_then(|end| utf8(&b[..end]).map(|_| end));
        if end.is_err() {
            out.truncate(start);
            return end;
        }
        if out.len() - start > MAX_ROW {
            shrink(out, start, &mut notes.changes);
        }
        mend_row(out, start, &mut notes.changes);
        if mend_surrogates(&mut notes.others) {
            notes.changes.push(mended(&self.others));
        }
        end
    }
}

struct Transcoder<'a> {
    schema: &'a Schema,
    b: &'a [u8],
    left_out: &'a [usize],
    /// Everything before this position of `b` has been dealt with; what follows, up to the scanner, is to be copied as it is.
    from: usize,
    out: &'a mut Vec<u8>,
    path: Vec<&'a str>,
    notes: &'a mut RowNotes,
}

impl<'a> Transcoder<'a> {
    fn row(&mut self) -> Scanned {
        let (schema, b) = (self.schema, self.b);
        if let Some(kind) = kind_of(byte(b, 0)?) {
            scanner::value(b, 0)?;
            return Err(JsonError::Shape(format!("a row is not an object but {kind}")).into());
        }
        // `separator` is the `{` or `,` before a field; `copied` the end of the last known field, up to which `b[from..]`
        // is to be copied. A comma is copied with the fields around it where both are known and nothing stands between.
        let mut separator = 0;
        let mut copied = None;
        let mut seen = 0u128;
        let mut guess = 0;
        let mut key = skip_space(b, 1);
        if byte(b, key)? == b'}' {
            return Ok(key + 1);
        }
        loop {
            let (key_end, known) = name(b, key, &schema.fields, guess)?;
            let colon = skip_space(b, key_end);
            let start = skip_space(b, expect(b, colon, b':', "`:`")?);
            let end;
            if let Some(index) = known {
                let field = &schema.fields[index];
                guess = index + 1;
                if seen & (1 << index) != 0 {
                    return Err(JsonError::Shape(format!("a row has the field `{}` twice", field.name)).into());
                }
                seen |= 1 << index;
                if copied != Some(separator) || key != separator + 1 {
                    self.copy_to(copied);
                    self.out.push(b',');
                    self.from = key;
                }
                if start != key_end + 1 {
                    self.replace(key_end, start, b":");
                }
                self.path.push(&field.name);
                end = self.value(&field.kind, start)?;
                self.path.pop();
                copied = Some(end);
                if let Some(slot) = schema.slots[index] {
                    self.notes.captured[slot] = Some(start..end);
                }
            } else {
                let (value_end, as_is) = scanner::value(b, start)?;
                end = value_end;
                if self.notes.others.len() + end - key <= MAX_OTHERS && !self.is_left_out(start) {
                    let RowNotes { others, other_names, .. } = &mut *self.notes;
                    if !others.is_empty() {
                        others.push(b',');
                    }
                    others.extend_from_slice(&b[key..key_end]);
                    others.push(b':');
                    other_names.push(key + 1..key_end - 1);
                    if as_is {
                        others.extend_from_slice(&b[start..end]);
                    } else if scanner::compact(&b[start..end], others) {
                        self.changed_others(ChangeKind::Nulled, ChangeReason::SourceSerializationError);
                    }
                } else {
                    self.changed_others(ChangeKind::Truncated, ChangeReason::SourceRecordSizeLimitation);
                }
            }
            separator = skip_space(b, end);
            match byte(b, separator)? {
                b',' => key = skip_space(b, separator + 1),
                b'}' => {
                    self.copy_to(copied);
                    return Ok(separator + 1);
                }
                _ => return Err(syntax(separator, "`,` or `}`")),
            }
        }
    }

    /// Copies what is due up to `end`, the end of the last known field.
    fn copy_to(&mut self, end: Option<usize>) {
        if let Some(end) = end {
            self.out.extend_from_slice(&self.b[self.from..end]);
        }
    }

    /// Puts `text` in the place of `b[start..end]`.
    fn replace(&mut self, start: usize, end: usize, text: &[u8]) {
        self.out.extend_from_slice(&self.b[self.from..start]);
        self.out.extend_from_slice(text);
        self.from = end;
    }

    /// The position after white space, which is dropped.
    fn space(&mut self, i: usize) -> usize {
        let end = skip_space(self.b, i);
        if end != i {
            self.replace(i, end, b"");
        }
        end
    }

    fn value(&mut self, kind: &'a Kind, i: usize) -> Scanned {
        let b = self.b;
        match (byte(b, i)?, kind) {
            (b'"', _) => {
                let end = string(b, i)?;
                self.text(kind, i, end);
                Ok(end)
            }
            (b'-' | b'0'..=b'9', _) => {
                let end = scanner::number(b, i)?;
                self.number(kind, i, end);
                Ok(end)
            }
            (b'n', _) => {
                let end = scanner::literal(b, i, "null")?;
                if self.is_left_out(i) {
                    self.changed(ChangeKind::Nulled, ChangeReason::SourceRecordSizeLimitation);
                }
                Ok(end)
            }
            (b't', _) => scanner::literal(b, i, "true").inspect(|&end| self.truth(kind, i, end)),
            (b'f', _) => scanner::literal(b, i, "false").inspect(|&end| self.truth(kind, i, end)),
            (b'{', Kind::Object(fields)) => self.object(fields, i),
            (b'[', Kind::Array(items)) => self.array(items, i),
            _ => {
                let (end, as_is) = scanner::value(b, i)?;
                if *kind != Kind::Any {
                    self.nullify(i, end);
                } else if !as_is {
                    self.replace(i, end, b"");
                    if scanner::compact(&b[i..end], self.out) {
                        self.changed(ChangeKind::Nulled, ChangeReason::SourceSerializationError);
                    }
                }
                Ok(end)
            }
        }
    }

    fn object(&mut self, fields: &'a [Field], i: usize) -> Scanned {
        let b = self.b;
        let mut guess = 0;
        let mut i = self.space(i + 1);
        if byte(b, i)? == b'}' {
            return Ok(i + 1);
        }
        loop {
            let (key_end, found) = name(b, i, fields, guess)?;
            i = self.space(key_end);
            i = expect(b, i, b':', "`:`")?;
            i = self.space(i);
            if let Some(index) = found {
                guess = index + 1;
                self.path.push(&fields[index].name);
                i = self.value(&fields[index].kind, i)?;
                self.path.pop();
            } else {
                i = self.value(&Kind::Any, i)?;
            }
            i = self.space(i);
            match byte(b, i)? {
                b',' => i = self.space(i + 1),
                b'}' => return Ok(i + 1),
                _ => return Err(syntax(i, "`,` or `}`")),
            }
        }
    }

    fn array(&mut self, items: &'a Kind, i: usize) -> Scanned {
        let b = self.b;
        let mut i = self.space(i + 1);
        if byte(b, i)? == b']' {
            return Ok(i + 1);
        }
        loop {
            i = self.value(items, i)?;
            i = self.space(i);
            match byte(b, i)? {
                b',' => i = self.space(i + 1),
                b']' => return Ok(i + 1),
                _ => return Err(syntax(i, "`,` or `]`")),
            }
        }
    }

    /// A string at `start..end`, quotes included.
    fn text(&mut self, kind: &Kind, start: usize, end: usize) {
        let quoted = &self.b[start..end];
        let text = &quoted[1..quoted.len() - 1];
        match kind {
            Kind::String | Kind::NullableText | Kind::Any if text.len() > MAX_TEXT => self.cut_text(start, end),
            Kind::String | Kind::Any => {}
            Kind::NullableText => {
                if text == b"null" {
                    self.replace(start, end, b"null");
                }
            }
            Kind::Stamp => match conversions::stamp(text, self.schema.zone) {
                Some(Cow::Borrowed(_)) => {}
                Some(Cow::Owned(stamp)) => self.replace(start, end, &[b"\"", &stamp[..], b"\""].concat()),
                None => self.nullify(start, end),
            },
            Kind::Date => {
                let date = conversions::date(text);
                if text.len() != 10 || date.is_none() {
                    let date = date.map(|date| format!("\"{date}\""));
                    self.replace_or_nullify(start, end, date.as_deref());
                }
            }
            Kind::Integer => {
                let integer = conversions::integer(text);
                self.replace_or_nullify(start, end, integer.as_deref());
            }
            Kind::Number => {
                let number = std::str::from_utf8(text).ok().filter(|text| conversions::is_number(text.as_bytes()));
                self.replace_or_nullify(start, end, number);
            }
            Kind::Boolean => {
                let truth = conversions::boolean(text);
                self.replace_or_nullify(start, end, truth);
            }
            Kind::Object(_) if conversions::is_number(text) && self.is_money(kind) => {
                self.wrap_amount(start, end, start + 1..end - 1);
            }
            Kind::Object(_) | Kind::Array(_) => self.nullify(start, end),
        }
    }

    fn number(&mut self, kind: &Kind, start: usize, end: usize) {
        let number = &self.b[start..end];
        if scanner::is_out_of_range(number) {
            return self.nullify(start, end);
        }
        match kind {
            Kind::Any | Kind::Number => {}
            Kind::Integer => {
                if number.iter().any(|c| matches!(c, b'.' | b'e' | b'E')) {
                    let integer = conversions::integer(number);
                    self.replace_or_nullify(start, end, integer.as_deref());
                }
            }
            Kind::String | Kind::NullableText => self.quote(start, end),
            Kind::Boolean => {
                let truth = conversions::boolean(number);
                self.replace_or_nullify(start, end, truth);
            }
            Kind::Object(_) if self.is_money(kind) => self.wrap_amount(start, end, start..end),
            Kind::Object(_) | Kind::Stamp | Kind::Date | Kind::Array(_) => self.nullify(start, end),
        }
    }

    fn truth(&mut self, kind: &Kind, start: usize, end: usize) {
        match kind {
            Kind::Any | Kind::Boolean => {}
            Kind::String | Kind::NullableText => self.quote(start, end),
            _ => self.nullify(start, end),
        }
    }

    /// Whether `kind` is an amount with its currency, for which a bare amount can stand.
    fn is_money(&self, kind: &Kind) -> bool {
        matches!(kind, Kind::Object(fields) if fields.iter().map(|field| &field.name).eq(&self.schema.money))
    }

    fn wrap_amount(&mut self, start: usize, end: usize, digits: Range<usize>) {
        let [amount, currency] = &self.schema.money;
        self.replace(start, start, format!("{{\"{amount}\":").as_bytes());
        self.out.extend_from_slice(&self.b[digits]);
        self.out.extend_from_slice(format!(",\"{currency}\":null}}").as_bytes());
        self.from = end;
    }

    fn quote(&mut self, start: usize, end: usize) {
        self.replace(start, start, b"\"");
        self.out.extend_from_slice(&self.b[start..end]);
        self.out.push(b'"');
        self.from = end;
    }

    fn replace_or_nullify(&mut self, start: usize, end: usize, text: Option<&str>) {
        match text {
            Some(text) => self.replace(start, end, text.as_bytes()),
            None => self.nullify(start, end),
        }
    }

    fn nullify(&mut self, start: usize, end: usize) {
        self.replace(start, end, b"null");
        self.changed(ChangeKind::Nulled, ChangeReason::SourceSerializationError);
    }

    fn cut_text(&mut self, start: usize, end: usize) {
        let limit = start + MAX_TEXT;
        let mut i = start + 1;
        loop {
            let next = match self.b[i] {
                b'\\' if self.b[i + 1] == b'u' => i + 6,
                b'\\' => i + 2,
                lead => i + 1 + usize::from(lead >= 0xc0) + usize::from(lead >= 0xe0) + usize::from(lead >= 0xf0),
            };
            if next > limit {
                break;
            }
            i = next;
        }
        self.replace(i, end, b"\"");
        self.changed(ChangeKind::Truncated, ChangeReason::SourceFieldSizeLimitation);
    }

    /// Whether the `null` at `i` stands for a value that was too long to be held.
    fn is_left_out(&self, i: usize) -> bool {
        self.left_out.binary_search(&i).is_ok()
    }

    fn changed_others(&mut self, change: ChangeKind, reason: ChangeReason) {
        self.path.push(&self.schema.others);
        self.changed(change, reason);
        self.path.pop();
    }

    fn changed(&mut self, change: ChangeKind, reason: ChangeReason) {
        let field = self.path.join(".");
        // An array may break the same rule many times over; once is enough to know.
        if !self.notes.changes.iter().rev().any(|known| known.field == field && known.change == change) {
            self.notes.changes.push(Change { field, change, reason });
        }
    }
}
