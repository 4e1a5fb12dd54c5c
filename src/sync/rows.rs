//! From a row of Awin to a RECORD line: frame it, decide whether it belongs, add what the connector adds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::Write as _;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::Config;
use crate::env::now_millis;
use crate::protocol::{Change, ChangeKind, ChangeReason, Descriptor, Emitter, Level};
use crate::row::{self, Row, Shape, ShapeOptions, Splitter, Step, Stop, text_of};
use crate::streams::{AccountId, Moment, Part, Source, Span, Stream, json_schema};

/// A set of values that are hashes already.
type HashesOf<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;

/// What one run notes about the rows of a stream, told once at its end.
#[derive(Debug, Default)]
struct Notes {
    /// Unknown fields.
    new_fields: BTreeMap<String, u64>,
    /// Changed fields and how often.
    changes: BTreeMap<(String, &'static str), u64>,
    /// Rows outside of the configured range.
    left_out: u64,
    /// Reports: rows that share their key with another row of the same answer.
    same_key: u64,
}

/// A part of a key of more bytes than this stands there as its hash.
const MAX_KEY_PART: usize = 1000;

/// Writes the RECORD lines of a stream.
pub struct RowWriter {
    stream: &'static Stream,
    shape: Shape,
    row: Row,
    head: Vec<u8>,
    prefix: Vec<u8>,
    days: [String; 2],
    zone: chrono_tz::Tz,
    part: Option<Part>,
    row_id: Vec<u8>,
    key_prefix: String,
    /// Rows of the part that were written. They come again if a window is asked again because its answer broke off, on the
    /// seam of two windows, and in another lane; they are not written again unless they have changed.
    written: HashSet<u64, BuildHasherDefault<Identity>>,
    /// Those on the seams of the window, kept when the others are forgotten.
    seam: Vec<u64>,
    seams: [String; 2],
    keys: HashesOf<u32>,
    /// Sum of the hashes of the answer's rows, in any order.
    digest: u64,
    notes: Notes,
    /// Rows written in all.
    pub records: u64,
    /// Whether the window held a row with status `deleted`.
    pub saw_deleted: bool,
}

/// Rows of a part that are remembered beyond their window: a few megabytes at most.
const REMEMBERED: usize = 100_000;

/// Capture slots of events, in the order given to [`ShapeOptions::captured`]; the key's first field is slot 0.
const STAMP: usize = 1;
const STATUS: usize = 2;

impl RowWriter {
    /// A writer for `stream` as `descriptor` names it.
    pub fn new(stream: &'static Stream, descriptor: &Descriptor, config: &Config) -> Self {
        let captured = match &stream.source {
            Source::Events(events) => vec![stream.primary_key[0], events.stamp, events.status],
            Source::Report(report) => {
                let date = if report.days_per_call > 1 { Some("date") } else { None };
                date.into_iter().chain(report.row_key.iter().copied()).collect()
            }
            Source::Reference(_) => vec![stream.primary_key[0]],
        };
        let options =
            ShapeOptions { added: stream.added, captured: &captured, null_texts: stream.null_texts, zone: config.timezone };
        let name = serde_json::to_string(&descriptor.name).unwrap_or_default();
        let namespace = descriptor.namespace.as_ref().and_then(|namespace| serde_json::to_string(namespace).ok());
        let namespace = namespace.map_or(String::new(), |namespace| format!("\"namespace\":{namespace},"));
        let last_day = config.end_date.map_or_else(|| "9999-12-31".to_owned(), |day| day.to_string());
        Self {
            stream,
            shape: Shape::new(&json_schema(stream), options),
            row: Row::default(),
            head: format!("{{\"type\":\"RECORD\",\"record\":{{\"stream\":{name},{namespace}\"data\":{{").into_bytes(),
            prefix: Vec::new(),
            days: [config.start_date.to_string(), last_day],
            zone: config.timezone,
            part: None,
            row_id: Vec::new(),
            key_prefix: String::new(),
            written: HashSet::default(),
            seam: Vec::new(),
            seams: Default::default(),
            keys: HashMap::default(),
            digest: 0,
            notes: Notes::default(),
            records: 0,
            saw_deleted: false,
        }
    }

    /// A new window begins: `span` of `part`.
    pub fn begin(&mut self, part: &Part, span: Span, config: &Config) {
        let account = part.account;
        let is_same_part = self.part.as_ref() == Some(part);
        if !is_same_part {
            self.part = Some(part.clone());
            self.seam.clear();
        }
        self.prefix.clear();
        self.prefix.extend_from_slice(&self.head);
        self.prefix.extend_from_slice(format!("\"accountId\":{},\"accountType\":\"{}\"", account.id, account.kind).as_bytes());
        if let Source::Report(report) = &self.stream.source {
            self.prefix.extend_from_slice(format!(",\"timezone\":\"{}\"", self.zone).as_bytes());
            let region = part.region.as_deref();
            let mut key = format!("{}|{}", account.kind, account.id);
            if let Some(region) = region {
                key = format!("{key}|{region}");
            }
            if report.has_date_type {
                let day = span.first_day();
                self.prefix.extend_from_slice(
                    format!(",\"date\":\"{day}\",\"dateType\":\"{}\"", config.stats_date_type.as_str()).as_bytes(),
                );
                key = format!("{day}|{key}");
            } else if let Some(region) = region {
                self.prefix.extend_from_slice(format!(",\"region\":\"{region}\"").as_bytes());
            }
            self.key_prefix = key;
        }
        let text = |moment: Moment| moment.naive_local().format("%Y-%m-%dT%H:%M:%S").to_string();
        let (from, to) = (text(span.from), text(span.to));
        let seam = std::mem::take(&mut self.seam);
        let remembers = is_same_part && matches!(self.stream.source, Source::Events(_));
        if !remembers || self.written.len() > REMEMBERED {
            self.written.clear();
            // What stood on a seam can come again from the next window.
            self.written.extend(seam);
        }
        self.seams = [from, to];
        self.saw_deleted = false;
    }

    /// The rows of an account's reference data begin; of the token's own, if there is none.
    pub fn begin_reference(&mut self, account: Option<AccountId>) {
        self.prefix.clear();
        self.prefix.extend_from_slice(&self.head);
        if let Some(account) = account {
            self.prefix
                .extend_from_slice(format!("\"accountId\":{},\"accountType\":\"{}\"", account.id, account.kind).as_bytes());
        }
        self.written.clear();
    }

    /// Writes the line of a row that is there as a whole.
    pub fn row(&mut self, row: &str, lines: &mut Vec<u8>) -> Result<(), Stop> {
        self.write(row.as_bytes(), lines).map(|_| ())
    }

    /// An answer begins, perhaps not the first one for this window.
    pub fn begin_answer(&mut self) {
        self.keys.clear();
        self.digest = 0;
    }

    /// Tells answers with other rows apart, whatever became of the rows.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Takes the next row out of the splitter and writes its line, if the row belongs to the table.
    pub fn next(&mut self, splitter: &mut Splitter, ended: bool, lines: &mut Vec<u8>) -> Result<Step, Stop> {
        splitter.next(ended, |b| self.write(b, lines).map_err(Box::new))
    }

    fn write(&mut self, b: &[u8], lines: &mut Vec<u8>) -> Result<usize, Stop> {
        let start = lines.len();
        lines.extend_from_slice(&self.prefix);
        let body = lines.len();
        let framed = self.shape.frame(b, lines, &mut self.row).map_err(|stop| *stop).and_then(|length| {
            let keep = self.decide(&b[..length], lines, body)?;
            Ok((length, keep))
        });
        match framed {
            Ok((length, true)) => {
                self.records += 1;
                Ok(length)
            }
            Ok((length, false)) => {
                lines.truncate(start);
                Ok(length)
            }
            Err(stop) => {
                lines.truncate(start);
                Err(stop)
            }
        }
    }

    /// Whether the framed row is to be emitted; if so, its line is completed.
    fn decide(&mut self, row: &[u8], lines: &mut Vec<u8>, body: usize) -> Result<bool, Stop> {
        let mut on_seam = false;
        match &self.stream.source {
            Source::Events(events) => {
                self.require_key(row)?;
                if events.page_size.is_some() {
                    self.digest = self.digest.wrapping_add(xxh3_64(row));
                }
                let stamp = self.row.value(row, STAMP).filter(|raw| raw.starts_with(b"\""));
                let stamp = stamp.and_then(|raw| row::stamp(text_of(raw), self.zone));
                let stamp = stamp.ok_or_else(|| Stop::Shape(format!("a row has no `{}` that is a date", events.stamp)))?;
                let day = &stamp[..10];
                if day < self.days[0].as_bytes() || day > self.days[1].as_bytes() {
                    self.notes.left_out += 1;
                    return Ok(false);
                }
                on_seam = self.seams.iter().any(|seam| stamp.starts_with(seam.as_bytes()));
                self.saw_deleted |= self.row.value(row, STATUS) == Some(b"\"deleted\"");
            }
            Source::Report(report) => {
                self.row_id.clear();
                let mut slots = 0..;
                if report.days_per_call > 1 {
                    let is_sound = !self.row.changes.iter().any(|change| change.field == "date");
                    let date = self.row.value(row, 0).filter(|_| is_sound).map(text_of).and_then(|date| date.get(..10));
                    let date = date.ok_or_else(|| Stop::Shape("a row has no `date` that is one".into()))?;
                    self.row_id.extend_from_slice(date);
                    self.row_id.push(b'|');
                    slots = 1..;
                }
                self.row_id.extend_from_slice(self.key_prefix.as_bytes());
                for (slot, _) in slots.zip(report.row_key) {
                    self.row_id.push(b'|');
                    // What is not a scalar is null in its column.
                    let value = self.row.value(row, slot).filter(|raw| !raw.starts_with(b"{") && !raw.starts_with(b"["));
                    match text_of(value.unwrap_or_default()) {
                        long if long.len() > MAX_KEY_PART => {
                            self.row_id.extend_from_slice(format!("#{:016x}", xxh3_64(long)).as_bytes());
                        }
                        part => self.row_id.extend_from_slice(part),
                    }
                }
                row::mend_surrogates(&mut self.row_id);
                let count = self.keys.entry(xxh3_64(&self.row_id)).or_default();
                *count += 1;
                if *count > 1 {
                    // Not known to happen. Were it to, a shared key would lose numbers silently.
                    self.row_id.extend_from_slice(format!("#{count}").as_bytes());
                    self.notes.same_key += 1;
                }
                lines.extend_from_slice(b",\"rowId\":\"");
                lines.extend_from_slice(&self.row_id);
                lines.push(b'"');
            }
            Source::Reference(_) => self.require_key(row)?,
        }
        if !self.row.others.is_empty() {
            lines.extend_from_slice(b",\"otherFields\":{");
            lines.extend_from_slice(&self.row.others);
            lines.push(b'}');
        }
        if lines[body - 1] == b'{' {
            lines.remove(body); // The comma before the first field, where nothing stands before it.
        }
        let hash = xxh3_64(&lines[body..]);
        if !self.written.insert(hash) {
            return Ok(false);
        }
        if on_seam {
            self.seam.push(hash);
        }
        self.note(row);
        lines.extend_from_slice(b"},\"emitted_at\":");
        let _ = write!(lines, "{}", now_millis()); // Writing to a Vec cannot fail.
        if !self.row.changes.is_empty() {
            lines.extend_from_slice(b",\"meta\":{\"changes\":");
            lines.extend_from_slice(&serde_json::to_vec(&self.row.changes).unwrap_or_else(|_| b"[]".to_vec()));
            lines.push(b'}');
        }
        lines.extend_from_slice(b"}}\n");
        Ok(true)
    }

    fn require_key(&self, row: &[u8]) -> Result<(), Stop> {
        if self.row.is_integer(row, 0) {
            Ok(())
        } else {
            Err(Stop::Shape(format!("a row has no `{}`", self.stream.primary_key[0])))
        }
    }

    fn note(&mut self, row: &[u8]) {
        for name in &self.row.other_names {
            let name = String::from_utf8_lossy(&row[name.clone()]);
            match self.notes.new_fields.get_mut(&*name) {
                Some(count) => *count += 1,
                None => drop(self.notes.new_fields.insert(name.into_owned(), 1)),
            }
        }
        for Change { field, change, reason } in &self.row.changes {
            let what = match (change, reason) {
                (ChangeKind::Nulled, ChangeReason::SourceSerializationError) => "had a value of another type and is null there",
                (ChangeKind::Nulled, _) => "made its row too large and is null there",
                (ChangeKind::Truncated, _) => "was too long and is cut there",
            };
            *self.notes.changes.entry((field.clone(), what)).or_default() += 1;
        }
    }

    /// Tells what was odd about the rows, each thing once.
    pub fn tell(&mut self, emitter: &Emitter) {
        let notes = std::mem::take(&mut self.notes);
        let name = self.stream.name;
        for (field, count) in notes.new_fields {
            emitter.log(
                Level::Warn,
                format!("Awin sends a field `{field}` in `{name}` that this version does not know ({count} rows); it is kept in `otherFields`."),
            );
        }
        for ((field, what), count) in notes.changes {
            emitter.log(Level::Warn, format!("`{field}` of `{name}` {what} in {count} rows; `meta.changes` marks them."));
        }
        if notes.left_out > 0 {
            let count = notes.left_out;
            emitter.log(Level::Info, format!("{count} rows of `{name}` lie outside of the configured dates and were left out."));
        }
        if notes.same_key > 0 {
            let count = notes.same_key;
            emitter.log(
                Level::Warn,
                format!("{count} rows of `{name}` share all parts of their key with another row of the same day; their `rowId` ends in `#2` and so on."),
            );
        }
    }
}

/// The `null`-free member of a wrapping object as a number.
pub fn number_member(splitter: &Splitter, name: &str) -> Option<u64> {
    serde_json::from_str::<Value>(splitter.member(name)?).ok()?.as_u64()
}

/// Takes a hash for what it is.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
