//! The fast way to fit rows to a schema against the plain way, over every variant and over random JSON.

use awin_sandbox::{Demo, Kind, instant};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use source_awin::json::{Envelope, JsonError, RowNotes, Schema, SchemaOptions, Splitter, Step};
use source_awin::streams::{STREAMS, Stream, find, json_schema};

use crate::support::exact;
use crate::support::plain::{Fitted, fit};

pub fn schema(stream: &Stream) -> Schema {
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

pub const ENVELOPE: Envelope =
    Envelope { rows: "result", wrapper: "body", members: &["totalRowsAvailable"], reason: "error", takes_null: true };

/// The fast way, its text read back.
fn fast(schema: &Schema, text: &[u8]) -> Result<Fitted, JsonError> {
    let (mut out, mut row) = (Vec::new(), RowNotes::default());
    let length = schema.transcode(text.into(), &mut out, &mut row).map_err(|stop| *stop)?;
    assert_eq!(text[length..].iter().filter(|byte| !byte.is_ascii_whitespace()).count(), 0);
    let object = |members: &[u8]| -> Map<String, Value> {
        let text = format!("{{{}}}", std::str::from_utf8(members).expect("utf-8"));
        let value = exact::read(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        value.as_object().expect("an object").clone()
    };
    let members = out.strip_prefix(b",").unwrap_or(&out);
    let nulled = row.changes.iter().map(|change| change.field.clone()).collect();
    Ok(Fitted { data: object(members), others: object(&row.others), nulled })
}

pub fn plain(stream: &Stream, row: &Map<String, Value>) -> Fitted {
    fit(&json_schema(stream), stream.added, stream.null_texts, Tz::Europe__Berlin, row)
}

#[track_caller]
fn assert_alike(stream: &Stream, row: &Map<String, Value>) {
    let wanted = plain(stream, row);
    for text in [serde_json::to_string(row), serde_json::to_string_pretty(row)] {
        let text = exact::unmarked(&text.expect("values serialize"));
        let got = fast(&schema(stream), text.as_bytes()).expect("a row");
        assert_eq!(got, wanted, "{}: {}", stream.name, json!(row));
    }
}

/// Values of every JSON type, among them those that are nearly of another.
pub fn leaves() -> Vec<Value> {
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
    texts.iter().map(|text| exact::read(text).expect("JSON")).collect()
}

/// Cargo unites the features of all crates that it builds together: a test crate's choice would change the connector.
#[test]
fn the_connector_is_tested_with_the_features_that_it_ships_with() {
    let number: serde_json::Number = serde_json::from_str("19.990").expect("a number");
    assert_eq!(number.to_string(), "19.99", "`arbitrary_precision` is on");
}

fn has_exponent(value: &Value) -> bool {
    exact::number(value).is_some_and(|digits| digits.contains(['e', 'E']))
}

#[test]
fn every_field_of_every_stream_takes_every_value_as_the_plain_way_does() {
    for stream in STREAMS {
        let schema = json_schema(stream);
        let names: Vec<String> = schema["properties"].as_object().expect("properties").keys().cloned().collect();
        assert!(names.len() <= 128);
        for name in names.iter().map(String::as_str).chain(["unknown", "acc\u{f6}untId"]) {
            for leaf in leaves() {
                if has_exponent(&leaf) {
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
    let leaf = prop_oneof![4 => proptest::sample::select(leaves()).prop_filter("no exponents", |leaf| !has_exponent(leaf)), 1 => ".{0,12}".prop_map(Value::from), 1 => any::<i64>().prop_map(Value::from)];
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

pub fn names(schema: &Value) -> Vec<String> {
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
        let body = exact::unmarked(&body);
        let stream = &STREAMS[0];
        let wanted: Vec<Map<String, Value>> = rows.as_array().expect("rows").iter().map(|row| plain(stream, row.as_object().expect("a row")).data).collect();
        let got = split(stream, body.as_bytes(), piece).expect("whole");
        prop_assert_eq!(got.into_iter().map(|row| row.data).collect::<Vec<_>>(), wanted);
        let cut = cut % body.trim_end().len();
        prop_assert_eq!(split(stream, &body.as_bytes()[..cut], piece).err(), Some(JsonError::Incomplete));
    }
}

/// The rows of a body that comes in pieces.
pub fn split(stream: &Stream, body: &[u8], piece: usize) -> Result<Vec<Fitted>, JsonError> {
    let schema = schema(stream);
    let mut splitter = Splitter::new(ENVELOPE);
    let mut rows = Vec::new();
    let mut pieces = body.chunks(piece);
    loop {
        let next = pieces.next();
        let ended = next.is_none();
        splitter.feed(next.unwrap_or_default());
        loop {
            let step = splitter.next(ended, |raw| {
                let length = schema.transcode(raw, &mut Vec::new(), &mut RowNotes::default())?;
                rows.push(fast(&schema, &raw.text[..length])?);
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
    let schema = schema(stream);
    let (mut out, mut row) = (Vec::with_capacity(1 << 20), RowNotes::default());
    let (mut fitting, mut fields) = (0, 0);
    for text in rows {
        let used = allocation_counter::measure(|| {
            out.clear();
            schema.transcode(text.as_bytes().into(), &mut out, &mut row).expect("a row");
        });
        // Rows of other shapes are converted, which may cost something.
        if row.others.is_empty() && out.ends_with(&text.as_bytes()[1..text.len() - 1]) {
            fitting += 1;
            fields += serde_json::from_str::<Map<String, Value>>(&text).expect("an object").len();
            assert!(used.count_total <= 2, "{used:?}");
        }
    }
    assert!(fitting > 50 && fields > 30 * fitting, "{fitting} rows, {fields} fields");
}
