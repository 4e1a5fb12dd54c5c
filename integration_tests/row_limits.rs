//! What rows and bodies are bounded by: the size of what is held, the range of numbers.

use chrono_tz::Tz;
use source_awin::json::{JsonError, RowNotes, Schema, SchemaOptions, Splitter, Step};
use source_awin::streams::{find, json_schema};

use crate::row_path::{ENVELOPE, schema};

/// Readers hold numbers as doubles, and refuse the whole line for one that is too large.
#[test]
fn a_number_beyond_a_double_is_null_wherever_it_stands_and_others_stay_as_written() {
    let schema = schema(find("transactions").expect("the stream"));
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
                transcribe(&schema, [format!("[{{\"{field}\":{value}}}]").into_bytes()].into_iter()).expect("a row");
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
            transcribe(&schema, [format!("[{{\"{field}\":\"{value}\"}}]").into_bytes()].into_iter()).expect("a row");
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
    let schema = Schema::new(&json_schema(find("transactions").expect("the stream")), key);
    for (number, is_key) in [("12345678901234567890123", true), ("1e5", true), (&*digits("1", 400), false), ("1e400", false)] {
        let text = format!("{{\"id\":{number}}}");
        schema.transcode(text.as_bytes().into(), &mut Vec::new(), &mut row).expect("a row");
        assert_eq!(row.integer(text.as_bytes(), 0).is_some(), is_key, "{number}");
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
fn transcribe(schema: &Schema, pieces: impl Iterator<Item = Vec<u8>>) -> Result<(Vec<u8>, String), JsonError> {
    let mut splitter = Splitter::new(ENVELOPE);
    let (mut out, mut row, mut changes) = (Vec::new(), RowNotes::default(), Vec::new());
    for piece in pieces.map(Some).chain([None]) {
        let ended = piece.is_none();
        splitter.feed(&piece.unwrap_or_default());
        while splitter.next(ended, |raw| schema.transcode(raw, &mut out, &mut row))? == Step::Row {
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
    let schema = schema(find("transactions").expect("the stream"));
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
        let used = allocation_counter::measure(|| result = transcribe(&schema, body.pieces()));
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
    let schema = schema(stream);
    let whole = transcribe(&schema, body.as_bytes().chunks(body.len()).map(<[u8]>::to_vec)).expect("rows");
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
        let cut = transcribe(&schema, body.as_bytes().chunks(piece).map(<[u8]>::to_vec)).expect("rows");
        assert!(cut == whole, "pieces of {piece}");
    }
}

/// What is kept of a large row is as strictly read as any other.
#[test]
fn a_large_row_that_is_not_json_is_refused() {
    let schema = schema(find("transactions").expect("the stream"));
    let long = "x".repeat(3 << 20);
    let result = |row: &str| {
        let body = format!("[{}]", row.replace('#', &long));
        transcribe(&schema, body.as_bytes().chunks(50_000).map(<[u8]>::to_vec))
    };
    assert!(result(r##"{"url":"#","id":1}"##).is_ok());
    // The damage stands where the row is no longer held as a whole.
    for row in [
        r##"{"url":"#","id":1 2}"##,
        r##"{"url":"#","id":[1 2]}"##,
        r##"{"url":"#","id":-}"##,
        r##"{"url":"#","id":nul}"##,
        r##"{"url":"#","id":[1}}"##,
        r##"{"url":"#","id":1]"##,
        r##"{"url":"#","id":1,}"##,
        r##"{"url":"#" "id":1}"##,
        r##"{"url":"#","id" 1}"##,
        r##"{"url":"#","id":"\x"}"##,
        r##"{"url":"#","id":"\u00g0"}"##,
        r##"{"url":"#",id:1}"##,
        "{\"url\":\"#\",\"id\":\"\n\"}",
        "{\"url\":\"#\0\"}",
    ] {
        assert!(matches!(result(row), Err(JsonError::Syntax { .. })), "{row}: {:?}", result(row).map(|(_, changes)| changes));
    }
    let cut = format!("[{{\"id\":1,\"url\":\"{long}");
    assert_eq!(transcribe(&schema, [cut.into_bytes()].into_iter()), Err(JsonError::Incomplete));
    assert!(matches!(result(r##"{"id":1,"url":"#","id":2}"##), Err(JsonError::Shape(_))));
}
