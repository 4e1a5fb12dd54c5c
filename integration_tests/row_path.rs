//! The fast way to fit rows to a schema against the plain way, over every variant and over random JSON.

use awin_sandbox::{Demo, Kind, instant};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use source_awin::json::{Envelope, JsonError, RowNotes, Schema, SchemaOptions, Splitter, Step};
use source_awin::streams::{STREAMS, Stream, find, json_schema};

use crate::support::plain::{Fitted, fit};

fn shape(stream: &Stream) -> Schema {
    let options = SchemaOptions {
        added: stream.added,
        captured: &[],
        null_texts: stream.null_texts,
        others: "otherFields",
        money: ["amount", "currency"],
        zone: Tz::Europe__Berlin,
    };
    Schema::new(&json_schema(stream), options)
}

const ENVELOPE: Envelope = Envelope { rows: "result", wrapper: "body", members: &["totalRowsAvailable"], reason: "error" };

/// The fast way, its text read back.
fn fast(shape: &Schema, text: &[u8]) -> Result<Fitted, JsonError> {
    let (mut out, mut row) = (Vec::new(), RowNotes::default());
    let length = shape.transcode(text.into(), &mut out, &mut row).map_err(|stop| *stop)?;
    assert_eq!(text[length..].iter().filter(|byte| !byte.is_ascii_whitespace()).count(), 0);
    let object = |members: &[u8]| -> Map<String, Value> {
        let text = format!("{{{}}}", std::str::from_utf8(members).expect("utf-8"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let members = out.strip_prefix(b",").unwrap_or(&out);
    let nulled = row.changes.iter().map(|change| change.field.clone()).collect();
    Ok(Fitted { data: object(members), others: object(&row.others), nulled })
}

fn plain(stream: &Stream, row: &Map<String, Value>) -> Fitted {
    fit(&json_schema(stream), stream.added, stream.null_texts, Tz::Europe__Berlin, row)
}

#[track_caller]
fn assert_alike(stream: &Stream, row: &Map<String, Value>) {
    let wanted = plain(stream, row);
    for text in [serde_json::to_vec(row), serde_json::to_vec_pretty(row)] {
        let got = fast(&shape(stream), &text.expect("values serialize")).expect("a row");
        assert_eq!(got, wanted, "{}: {}", stream.name, json!(row));
    }
}

/// Values of every JSON type, among them those that are nearly of another.
fn leaves() -> Vec<Value> {
    let texts = [
        "null",
        "true",
        "\"true\"",
        "\"FALSE\"",
        "0",
        "1",
        "90",
        "-0",
        "1349.00",
        "19.990",
        "5.5",
        "-7.0",
        "1e3",
        "12345678901234567890",
        "-9223372036854775809",
        "0.1",
        "1e-7",
        "\"\"",
        "\"null\"",
        "\"12\"",
        "\"100.50\"",
        "\"007\"",
        "\"x\"",
        "\"-1234567890123456789\"",
        "\"2026-01-10T09:12:00\"",
        "\"2026-01-10T09:12:00.250\"",
        "\"2026-01-10 09:12:00\"",
        "\"2026-01-10T09:12:00Z\"",
        "\"2026-01-10\"",
        "\"2026-02-30\"",
        "\"a\\\"b\\\\c\\n\\u00e9/\\/ü😀\"",
        "[]",
        "[1,\"a\",{}]",
        "{}",
        "{\"amount\":1.10,\"currency\":\"EUR\"}",
        "{\"amount\":\"1.10\",\"currency\":5,\"more\":[true]}",
        "[{\"key\":1,\"value\":\"v\"},{\"key\":\"k\",\"value\":null}]",
    ];
    texts.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

#[test]
fn every_field_of_every_stream_takes_every_value_as_the_plain_way_does() {
    for stream in STREAMS {
        let schema = json_schema(stream);
        let names: Vec<String> = schema["properties"].as_object().expect("properties").keys().cloned().collect();
        assert!(names.len() <= 128);
        for name in names.iter().map(String::as_str).chain(["unknown", "acc\u{f6}untId"]) {
            for leaf in leaves() {
                let exponent = leaf.to_string().contains('e') && leaf.is_number();
                if exponent {
                    continue; // The plain way knows no exponents; the fast way has a table of its own for them.
                }
                let row = Map::from_iter([
                    ("before".to_owned(), json!(1)),
                    (name.to_owned(), leaf),
                    ("after".to_owned(), json!(" {,] ")),
                ]);
                assert_alike(stream, &row);
            }
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![4 => proptest::sample::select(leaves()).prop_filter("no exponents", |leaf| !leaf.is_number() || !leaf.to_string().contains('e')), 1 => ".{0,12}".prop_map(Value::from), 1 => any::<i64>().prop_map(Value::from)];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(any_name(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Names from the schemas, and others.
fn any_name() -> impl Strategy<Value = String> {
    let known: Vec<String> = STREAMS.iter().flat_map(|stream| names(&json_schema(stream))).collect();
    prop_oneof![8 => proptest::sample::select(known), 1 => ".{0,6}"]
}

fn names(schema: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        all.push(name.clone());
        all.extend(names(property));
        all.extend(names(&property["items"]));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_rows_are_fitted_as_the_plain_way_does(
        stream in proptest::sample::select(STREAMS.iter().collect::<Vec<_>>()),
        row in proptest::collection::btree_map(any_name(), any_value(), 0..12),
    ) {
        assert_alike(stream, &row.into_iter().collect());
    }

    /// However a body is cut into pieces, the same rows come out; and a body that ends early is never taken for whole.
    #[test]
    fn pieces_and_breaks_of_a_body_change_nothing(
        rows in proptest::collection::vec(proptest::collection::btree_map(any_name(), any_value(), 0..4), 0..6),
        wrapper in 0usize..4,
        piece in 1usize..40,
        cut in 1usize..500,
    ) {
        let rows = Value::from(rows.into_iter().map(|row| Value::Object(row.into_iter().collect())).collect::<Vec<_>>());
        let body = match wrapper {
            0 => rows.to_string(),
            1 => json!({"statusCode": "OK", "body": rows, "more": {"x": [1]}}).to_string(),
            2 => format!("\u{feff} \n{rows:#} \n"),
            _ => json!({"totalPagesAvailable": 3, "result": rows}).to_string(),
        };
        let stream = &STREAMS[0];
        let wanted: Vec<Map<String, Value>> = rows.as_array().expect("rows").iter().map(|row| plain(stream, row.as_object().expect("a row")).data).collect();
        prop_assert_eq!(split(stream, body.as_bytes(), piece).expect("whole"), wanted);
        let cut = cut % body.trim_end().len();
        prop_assert_eq!(split(stream, &body.as_bytes()[..cut], piece).err(), Some(JsonError::Incomplete));
    }
}

fn split(stream: &Stream, body: &[u8], piece: usize) -> Result<Vec<Map<String, Value>>, JsonError> {
    let shape = shape(stream);
    let mut splitter = Splitter::new(ENVELOPE);
    let mut rows = Vec::new();
    let mut pieces = body.chunks(piece);
    loop {
        let next = pieces.next();
        let ended = next.is_none();
        splitter.feed(next.unwrap_or_default());
        loop {
            let step = splitter.next(ended, |raw| {
                let length = shape.transcode(raw, &mut Vec::new(), &mut RowNotes::default())?;
                rows.push(fast(&shape, &raw.text[..length])?.data);
                Ok(length)
            })?;
            match step {
                Step::Row => {}
                Step::End if ended => return Ok(rows),
                Step::More | Step::End => break,
            }
        }
    }
}

#[test]
fn odd_bodies_are_told_apart() {
    let stream = &STREAMS[0];
    for (body, wanted) in [
        ("", "incomplete"),
        ("<html></html>", "syntax"),
        ("null", "shape"),
        ("\"text\"", "shape"),
        ("{}", "shape"),
        (r#"{"error":"x","description":"y"}"#, "shape"),
        ("[1]", "shape"),
        (r#"[{"id":1}] x"#, "syntax"),
        (r#"[{"id":1},]"#, "syntax"),
        (r#"[{"id":1 "url":2}]"#, "syntax"),
        (r#"[{"id":1,"id":2}]"#, "shape"),
        ("[{\"url\":\"a\tb\"}]", "syntax"),
    ] {
        let got = match split(stream, body.as_bytes(), 7) {
            Ok(rows) => format!("{rows:?}"),
            Err(JsonError::Incomplete) => "incomplete".into(),
            Err(JsonError::Syntax { .. }) => "syntax".into(),
            Err(JsonError::Shape(_)) => "shape".into(),
        };
        assert_eq!(got, wanted, "{body}");
    }
    let invalid = [b"[{\"url\":\"".as_slice(), b"\xff\xfe", b"\"}]"].concat();
    assert!(matches!(split(stream, &invalid, 7), Err(JsonError::Syntax { expected: "UTF-8", .. })));
}

/// What fits its schema costs no memory of its own, however many fields a row has.
#[test]
fn no_field_is_allocated() {
    let world = Demo::new(5, instant("2026-11-20T15:30:00Z")).build();
    let (from, to) = ("2026-10-20".parse().expect("a date"), "2026-11-20".parse().expect("a date"));
    let rows = world.truth_transactions(Kind::Advertiser, 90210, Tz::UTC, from, to, false);
    let stream = find("transactions").expect("the stream");
    let shape = shape(stream);
    let (mut out, mut row) = (Vec::with_capacity(1 << 20), RowNotes::default());
    let (mut fitting, mut fields) = (0, 0);
    for values in rows {
        let text = values.to_string();
        let used = allocation_counter::measure(|| {
            out.clear();
            shape.transcode(text.as_bytes().into(), &mut out, &mut row).expect("a row");
        });
        // Rows of other shapes are converted, which may cost something.
        if row.others.is_empty() && out.ends_with(&text.as_bytes()[1..text.len() - 1]) {
            fitting += 1;
            fields += values.as_object().map_or(0, Map::len);
            assert!(used.count_total <= 2, "{used:?}");
        }
    }
    assert!(fitting > 50 && fields > 30 * fitting, "{fitting} rows, {fields} fields");
}

/// Readers hold numbers as doubles, and refuse the whole line for one that is too large.
#[test]
fn a_number_beyond_a_double_is_null_wherever_it_stands_and_others_stay_as_written() {
    let shape = shape(find("transactions").expect("the stream"));
    let digits = |first: &str, count: usize| format!("{first}{}", "0".repeat(count));
    let fields = ["id", "lapseTime", "commissionStatus", "amended", "saleAmount", "customParameters", "new"];
    let places = ["#", "[#]", r#"{"amount":#}"#, r#"{"a":[ 1, {"b":#} ]}"#, r#"[{"value":#}]"#];
    for (number, is_fine) in [
        ("1e308", true),
        ("-1.7976931348623157e308", true),
        ("1e309", false),
        ("-1E+999", false),
        ("1e-999", true),
        ("0e999", true),
        ("0.00001e312", true),
        ("10000e305", false),
        ("1e99999999999999999999", false),
        ("1e-99999999999999999999", true),
        (&*digits("1", 307), true),
        (&*digits("1", 309), false),
        (&*digits("-9", 399), false),
        (&*digits("0.", 400), true),
        ("1234567890123456789012345678901234567890", true),
        ("0.1234567890123456789012345678901234567890", true),
    ] {
        assert_eq!(serde_json::from_str::<f64>(number).is_ok(), is_fine, "{number}");
        for (field, place) in fields.iter().flat_map(|field| places.map(|place| (field, place))) {
            let value = place.replace('#', number);
            let (out, changes) =
                transcribe(&shape, [format!("[{{\"{field}\":{value}}}]").into_bytes()].into_iter()).expect("a row");
            let out = String::from_utf8(out).expect("UTF-8");
            if is_fine && *field == "new" {
                assert_eq!((out, &*changes), (format!("\"new\":{}", value.replace(' ', "")), ""));
            } else if !is_fine {
                let path = if *field == "new" { "otherFields" } else { field };
                let is_marked = changes.starts_with(path) && changes.ends_with(" Nulled SourceSerializationError; ");
                assert!(is_marked, "{field} {value}: {changes}");
                assert!(!out.contains(number) && out.contains("null"), "{field} {value}: {out}");
            }
        }
    }
    // As text, it is a number only where the schema wants one.
    for (field, value) in [("lapseTime", "1e400"), ("id", &digits("1", 400)), ("saleAmount", "1e999")] {
        let (out, changes) =
            transcribe(&shape, [format!("[{{\"{field}\":\"{value}\"}}]").into_bytes()].into_iter()).expect("a row");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), format!(",\"{field}\":null"));
        assert_eq!(changes, format!("{field} Nulled SourceSerializationError; "));
    }
    let mut row = RowNotes::default();
    let key = SchemaOptions {
        added: &[],
        captured: &["id"],
        null_texts: &[],
        others: "otherFields",
        money: ["amount", "currency"],
        zone: Tz::UTC,
    };
    let shape = Schema::new(&json_schema(find("transactions").expect("the stream")), key);
    for (number, is_key) in [("12345678901234567890123", true), ("1e5", true), (&*digits("1", 400), false), ("1e400", false)] {
        let text = format!("{{\"id\":{number}}}");
        shape.transcode(text.as_bytes().into(), &mut Vec::new(), &mut row).expect("a row");
        assert_eq!(row.is_integer(text.as_bytes(), 0), is_key, "{number}");
    }
}

/// A body too large to be held: `unit` many times between `head` and `tail`.
struct Huge {
    what: &'static str,
    head: &'static str,
    unit: &'static str,
    tail: &'static str,
    /// The change that marks the row, or how the body is refused.
    outcome: Result<&'static str, &'static str>,
}

const HUGE: usize = 30_000_000;

impl Huge {
    fn pieces(&self) -> impl Iterator<Item = Vec<u8>> {
        let middle = self.unit.repeat((64 << 10) / self.unit.len());
        let count = HUGE / middle.len();
        let parts = [(self.head, 1), (&middle, count), (self.tail, 1)].map(|(part, count)| (part.as_bytes().to_vec(), count));
        parts.into_iter().flat_map(|(part, count)| std::iter::repeat_n(part, count))
    }
}

/// What comes out of a body in `pieces`: the rows, and what was changed in them.
fn transcribe(shape: &Schema, pieces: impl Iterator<Item = Vec<u8>>) -> Result<(Vec<u8>, String), JsonError> {
    let mut splitter = Splitter::new(ENVELOPE);
    let (mut out, mut row, mut changes) = (Vec::new(), RowNotes::default(), Vec::new());
    for piece in pieces.map(Some).chain([None]) {
        let ended = piece.is_none();
        splitter.feed(&piece.unwrap_or_default());
        while splitter.next(ended, |raw| shape.transcode(raw, &mut out, &mut row))? == Step::Row {
            out.extend_from_slice(&row.others);
            for change in row.changes.drain(..) {
                changes.push(format!("{} {:?} {:?}; ", change.field, change.change, change.reason));
            }
        }
    }
    Ok((out, changes.concat()))
}

/// Whatever a hostile server answers, a few megabytes of it are held at a time.
#[test]
fn memory_stays_small_under_every_huge_body() {
    let shape = shape(find("transactions").expect("the stream"));
    let huge = |what, head, unit, tail, outcome| Huge { what, head, unit, tail, outcome };
    for body in [
        huge("a text", r#"[{"id":7,"url":""#, "x", r#""}]"#, Ok("url Truncated SourceFieldSizeLimitation; ")),
        huge("escapes", r#"[{"id":7,"url":""#, r"\n", r#""}]"#, Ok("url Truncated SourceFieldSizeLimitation; ")),
        huge("code points", r#"[{"id":7,"url":""#, r"\u00e9é", r#""}]"#, Ok("url Truncated SourceFieldSizeLimitation; ")),
        huge("a text for a date", r#"[{"id":7,"clickDate":""#, "x", r#""}]"#, Ok("clickDate Nulled SourceSerializationError; ")),
        huge("a number", r#"[{"id":7,"saleAmount":"#, "9", "}]", Ok("saleAmount Nulled SourceRecordSizeLimitation; ")),
        huge(
            "a list",
            r#"[{"id":7,"customParameters":["#,
            r#"{"key":"k","value":1},"#,
            "{}]}]",
            Ok("customParameters Nulled SourceRecordSizeLimitation; "),
        ),
        huge("a new text", r#"[{"id":7,"new":""#, "x", r#""}]"#, Ok("otherFields Truncated SourceRecordSizeLimitation; ")),
        huge("a new list", r#"[{"id":7,"new":["#, "1,", "1]}]", Ok("otherFields Truncated SourceRecordSizeLimitation; ")),
        huge("many new fields", r#"[{"id":7"#, r#","n":1"#, "}]", Err("a row has more than")),
        huge("a long name", r#"[{"id":7,""#, "n", r#"":1}]"#, Err("a row has more than")),
        huge("space in a row", r#"[{"id":7"#, " ", r#" , "url" : "x" }]"#, Ok("")),
        huge("space between rows", r#"[{"id":7},"#, " ", r#"{"id":8}]"#, Ok("")),
        huge("space around rows", r#"{"x":1, "#, "\n", r#" "body":[{"id":7}]}"#, Ok("")),
        huge("rows", "[", r#"{"id":7,"new":1},"#, r#"{"id":7}]"#, Ok("")),
        huge("a list for a row", "[[", "1,", "1]]", Err("a row is not an object but an array")),
        huge("a number for a row", "[1", "1", "]", Err("a row is not an object but a number")),
        huge("members", "{", r#""n":1,"#, r#""body":[{"id":7}]}"#, Ok("")),
        huge("members that are asked for", "{", r#""totalRowsAvailable":1,"#, r#""body":[{"id":7}]}"#, Ok("")),
        huge("members and no rows", "{", r#""n":1,"#, r#""n":1}"#, Err("the answer is an object without rows (n, n, n")),
        huge("a list beside the rows", r#"{"n":["#, "[],", r#"[]],"body":[{"id":7}]}"#, Ok("")),
        huge("a text beside the rows", r#"{"n":""#, "x", r#"","body":[{"id":7}]}"#, Ok("")),
        huge("a number beside the rows", r#"{"n":1"#, "1", r#","body":[{"id":7}]}"#, Err("a number in the answer")),
        huge("a long name beside the rows", r#"{""#, "x", r#"":1,"body":[{"id":7}]}"#, Err("a name in the answer")),
        huge("wrappers", "", r#"{"body":"#, "1", Err("less nesting")),
    ] {
        let mut result = Ok(Default::default());
        let used = allocation_counter::measure(|| result = transcribe(&shape, body.pieces()));
        let lines = if body.what == "rows" { HUGE as u64 } else { 0 };
        assert!(used.bytes_max < (20 << 20) + 4 * lines, "{}: {} bytes", body.what, used.bytes_max);
        match (result, body.outcome) {
            (Ok((out, changes)), Ok(wanted)) => {
                let out = String::from_utf8(out).expect("UTF-8");
                assert!(out.starts_with(r#","id":7"#) && changes == wanted, "{}: {changes}", body.what);
            }
            (Err(JsonError::Shape(what)), Err(wanted)) => assert!(what.starts_with(wanted), "{}: {what}", body.what),
            (Err(JsonError::Syntax { expected, .. }), Err(wanted)) => assert_eq!(expected, wanted, "{}", body.what),
            (result, _) => panic!("{}: {:?}", body.what, result.map(|(out, changes)| (out.len(), changes))),
        }
    }
}

/// A row that is condensed comes out the same however its body is cut, and but for its long values as it would have otherwise.
#[test]
fn a_large_row_keeps_all_that_is_short() {
    let stream = find("transactions").expect("the stream");
    let long = "\\u00e9é\\\\\u{1f600}".repeat(100_000);
    let list = r#"{"key":" k\"}]","value":1.50},"#.repeat(100_000);
    let short = r#""id" : 7, "siteName":"a \"b\" {[,", "commissionAmount":{"amount": 1.50, "currency":"EUR"}, "clickRefs":{"clickRef":"x y"}"#;
    let body = format!(
        r#"[{{"url":"{long}","customParameters":[{list}{{}}], {short} , "new":"{long}","newer":{{"a": [1, 2]}},"orderRef":"{long}" }} , {{"id":8}}]"#
    );
    let shape = shape(stream);
    let whole = transcribe(&shape, body.as_bytes().chunks(body.len()).map(<[u8]>::to_vec)).expect("rows");
    assert_eq!(
        whole.1,
        "url Truncated SourceFieldSizeLimitation; customParameters Nulled SourceRecordSizeLimitation; \
         otherFields Truncated SourceRecordSizeLimitation; orderRef Truncated SourceFieldSizeLimitation; "
    );
    let text = String::from_utf8(whole.0.clone()).expect("UTF-8");
    for kept in [
        r#","customParameters":null,"id":7,"siteName":"a \"b\" {[,","commissionAmount":{"amount":1.50,"currency":"EUR"},"#,
        r#","clickRefs":{"clickRef":"x y"},"orderRef":"\u00e9é"#,
        r#""newer":{"a":[1,2]},"id":8"#,
    ] {
        assert!(text.contains(kept), "{kept}");
    }
    for piece in [4096, 65_536, 99_991, 2 << 20, (2 << 20) + 1] {
        let cut = transcribe(&shape, body.as_bytes().chunks(piece).map(<[u8]>::to_vec)).expect("rows");
        assert!(cut == whole, "pieces of {piece}");
    }
}
