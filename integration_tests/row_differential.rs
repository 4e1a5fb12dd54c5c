//! The splitter and the transcoder against `serde_json`: they accept the same bodies and find the same rows in them.

use std::fmt;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use source_awin::json::JsonError;
use source_awin::streams::{Stream, find, json_schema};

use crate::row_path::{leaves, names, plain, split};
use crate::support::exact;
use crate::support::plain::Fitted;
use crate::support::seeded;

/// Nesting that is refused for sure; less than half of it is taken for sure.
const TOO_DEEP: usize = 120;

/// The members of an object, in their order, with those that come twice.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'t> Visitor<'t> for Collect {
            type Value = Members<'t>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Members<'t>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The rows of `body` by way of `serde_json`; on an error, whether the body just ends early.
fn rows_of(body: &[u8]) -> Result<Vec<String>, bool> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if MARK.starts_with(body) {
        return Err(true);
    }
    let body = body.strip_prefix(MARK).unwrap_or(body);
    let text: &RawValue = serde_json::from_slice(body).map_err(|error| error.is_eof() || is_cut_number(body))?;
    let text = mended(text.get());
    if depth(&text) >= TOO_DEEP {
        return Err(false);
    }
    let (mut lists, mut is_null) = (Vec::new(), false);
    if text.starts_with('[') {
        lists.push(text);
    } else {
        look_into(&text, &mut lists, &mut is_null)?;
    }
    match &lists[..] {
        [list] => {
            let rows: Vec<&RawValue> = serde_json::from_str(list).map_err(|_| false)?;
            Ok(rows.into_iter().map(|row| row.get().to_owned()).collect())
        }
        [] if is_null => Ok(Vec::new()),
        _ => Err(false),
    }
}

/// Whether a digit more would make sense of it: `serde_json` calls a number that is cut a syntax error.
fn is_cut_number(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(&[body, b"0"].concat()).is_err_and(|error| error.is_eof())
}

fn look_into(text: &str, lists: &mut Vec<String>, is_null: &mut bool) -> Result<(), bool> {
    let Members(members) = serde_json::from_str(text).map_err(|_| false)?;
    for (name, value) in members {
        let value = value.get();
        match value.as_bytes()[0] {
            b'[' if name == "body" || name == "result" => lists.push(value.to_owned()),
            b'n' if name == "body" || name == "result" => *is_null = true,
            b'{' if name == "body" => look_into(value, lists, is_null)?,
            _ => {}
        }
    }
    Ok(())
}

/// The row as the plain way fits it; `None` if it is refused.
fn fitted(stream: &Stream, row: &str) -> Option<Fitted> {
    let Members(members) = serde_json::from_str(row).ok()?;
    let known: Vec<&String> = members.iter().map(|(name, _)| name).filter(|name| is_known(stream, name)).collect();
    if known.iter().enumerate().any(|(index, name)| known[..index].contains(name)) {
        return None;
    }
    let value = |(name, value): (String, &RawValue)| (name, in_range(exact::read(value.get()).expect("JSON")));
    Some(plain(stream, &members.into_iter().map(value).collect::<Map<_, _>>()))
}

fn is_known(stream: &Stream, name: &str) -> bool {
    !stream.added.contains(&name) && !json_schema(stream)["properties"][name].is_null()
}

/// With null for the numbers that `serde_json` cannot hold.
fn in_range(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(in_range).collect(),
        other if exact::number(&other).is_some_and(|digits| serde_json::from_str::<f64>(&digits).is_err()) => Value::Null,
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, in_range(value))).collect(),
        other => other,
    }
}

fn depth(text: &str) -> usize {
    let (mut deepest, mut open, mut in_text, mut escaped) = (0, 0usize, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_text = !in_text,
            '[' | '{' if !in_text => open += 1,
            ']' | '}' if !in_text => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// With the replacement character for halves of surrogate pairs, which `serde_json` refuses in texts.
fn mended(text: &str) -> String {
    let code = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut mended, mut at) = (String::new(), 0);
    while let Some(next) = text[at..].chars().next() {
        let (length, is_half) = match (next, code(at), code(at + 6)) {
            ('\\', Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            ('\\', Some(0xd800..=0xdfff), _) => (6, true),
            ('\\', Some(_), _) => (6, false),
            ('\\', None, _) => (2, false),
            _ => (next.len_utf8(), false),
        };
        mended += if is_half { "\\ufffd" } else { &text[at..at + length] };
        at += length;
    }
    mended
}

/// How the two differ over `body`: one takes it and the other does not, or they find other rows in it.
fn difference(body: &[u8], piece: usize, compares_values: bool) -> Option<String> {
    let stream = find("transactions").expect("the stream");
    let wanted = rows_of(body);
    let ends_early = wanted == Err(true);
    let wanted: Option<Vec<Fitted>> = wanted.ok().and_then(|rows| rows.iter().map(|row| fitted(stream, row)).collect());
    let got = split(stream, body, piece);
    let is_alike = match (&got, &wanted) {
        (Ok(got), Some(wanted)) => {
            let values = |rows: &[Fitted]| rows.iter().map(|row| (row.data.clone(), row.others.clone())).collect::<Vec<_>>();
            got.len() == wanted.len() && (!compares_values || values(got) == values(wanted))
        }
        (Err(JsonError::Incomplete), None) => ends_early,
        (Err(_), None) => true,
        _ => false,
    };
    (!is_alike).then(|| format!("{}\n in pieces of {piece}: {got:?}\n wanted: {wanted:?}", String::from_utf8_lossy(body)))
}

const HARD_CASES: &[&str] = &[
    // Where the rows stand.
    "[]",
    "[ ]",
    " \t\r\n[ {} ]\n",
    "\u{feff}[]",
    "\u{feff} []",
    " \u{feff}[]",
    "\u{feff}\u{feff}[]",
    "\u{feff}",
    r#"{"body":[]}"#,
    r#"{"result":[]}"#,
    r#"{"body":null}"#,
    r#"{"body":{"result":null}}"#,
    r#"{"body":{}}"#,
    r#"{"body":{"body":[{"id":1}]},"x":1}"#,
    r#"{"body":{"result":[{"id":1}],"x":[{}]},"x":{"body":[{"id":2}]}}"#,
    r#"{"body":null,"result":[{"id":1}]}"#,
    r#"{"result":[{"id":1}],"body":null}"#,
    r#"{"result":[{"id":1}],"body":[]}"#,
    r#"{"body":[{"id":1}],"body":[{"id":2}]}"#,
    r#"{"body":"[]"}"#,
    r#"{"body":1,"result":[]}"#,
    r#"{"\u0062ody":[{"id":1}]}"#,
    r#"{"Body":[]}"#,
    r#"{"":[],"body":[]}"#,
    // What is not JSON.
    "",
    " ",
    "[",
    "[{",
    "[{}",
    "[{},",
    "[{},]",
    "[,{}]",
    "[{} {}]",
    "[{}]]",
    "[{}],",
    "[{}][]",
    "[{}}",
    "{\"body\":[}",
    "{\"body\":[],}",
    "{\"body\" []}",
    "{,\"body\":[]}",
    "{body:[]}",
    "{\"x\":nul,\"body\":[]}",
    "{\"x\":01,\"body\":[]}",
    "{\"x\":\"\t\",\"body\":[]}",
    "[{\"a\":1,}]",
    "[{\"a\"}]",
    "[{\"a\":}]",
    "[{a:1}]",
    "[{'a':1}]",
    "[{\"a\":1 \"b\":2}]",
    "[{\"a\":+1}]",
    "[{\"a\":.5}]",
    "[{\"a\":1.}]",
    "[{\"a\":1e}]",
    "[{\"a\":0x1}]",
    "[{\"a\":01}]",
    "[{\"a\":- 1}]",
    "[{\"a\":1 2}]",
    "[{\"a\":NaN}]",
    "[{\"a\":-Infinity}]",
    "[{\"a\":True}]",
    "[{\"a\":nulll}]",
    "[{\"a\":\"\\x\"}]",
    "[{\"a\":\"\\u12\"}]",
    "[{\"a\":\"\n\"}]",
    "[{\"a\":\"\0\"}]",
    "[{}]\0",
    "[{}]\u{a0}",
    "[\u{b}{}]",
    "[/**/{}]",
    "<html></html>",
    "null",
    "1",
    "\"[]\"",
    // What is not a row.
    "[null]",
    "[1]",
    "[[]]",
    "[{},[]]",
    "[\"{}\"]",
    // Names that come twice, or are written in other ways.
    r#"[{"id":1,"id":1}]"#,
    r#"[{"id":1,"\u0069d":2}]"#,
    r#"[{"\u0069d":7, "u\u0072l":"x"}]"#,
    r#"[{"saleAmount":{"\u0061mount":"1.50","currency":5}}]"#,
    r#"[{"new":1,"new":2}]"#,
    r#"[{"new":1,"n\u0065w":2}]"#,
    r#"[{"saleAmount":{"amount":1,"amount":"2"}}]"#,
    r#"[{"":1,"\"":2,"\\":3,"\/":4}]"#,
    // Halves of surrogate pairs.
    r#"[{"url":"\ud83d\ude00","siteName":"\ud83d","campaign":"\ude00\ud83d","orderRef":"\ud83d\u0041\uDE00"}]"#,
    r#"[{"url":"\\ud83d","new":"\\\ud83d","\ud83d":1}]"#,
    r#"{"x":"\ud83d","body":[]}"#,
    // Numbers.
    r#"[{"id":12345678901234567890123,"new":-0,"saleAmount":0.10,"orderRef":1.0}]"#,
    r#"[{"id":1e999,"new":[1E+400,{"a":-1e999}],"saleAmount":-1e999,"orderRef":1e999}]"#,
    r#"{"x":1e999,"body":[]}"#,
];

#[test]
fn the_hard_cases_are_taken_and_refused_as_serde_json_does() {
    let mut differences = Vec::new();
    let deep = |count: usize| format!("[{{\"new\":{}{}}}]", "[".repeat(count), "]".repeat(count));
    let wrapped = |count: usize| format!("{}[]{}", "{\"body\":".repeat(count), "}".repeat(count));
    let long = [deep(50), deep(150), wrapped(50), wrapped(150)];
    for body in HARD_CASES.iter().copied().chain(long.iter().map(String::as_str)) {
        for piece in [1, 2, 3, 7, body.len().max(1)] {
            differences.extend(difference(body.as_bytes(), piece, true));
        }
    }
    for body in [
        &b"[{\"url\":\"\xff\"}]"[..],
        b"[{\"new\":\"\xc3\"}]",
        b"[{\"\xe2\x82\":1}]",
        b"{\"x\":\"\xff\",\"body\":[]}",
        b"\xff",
        b"\xef\xbb[]",
    ] {
        differences.extend([1, body.len()].into_iter().find_map(|piece| difference(body, piece, true)));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\n\t\r ")]
}

/// A value, as text; white space, names that come twice and all.
fn value() -> impl Strategy<Value = String> {
    let texts = leaves().into_iter().map(|leaf| leaf.to_string()).filter(|text| text.starts_with('"') || !text.contains('e'));
    let mut leaves: Vec<String> = texts.chain(["null", "true", "false"].map(str::to_owned)).collect();
    leaves.extend([r#""\ud83d""#, r#""a\udE00\\ud83d""#, r#""\ud83d\ude00""#, "1e999", "-9E+400"].map(str::to_owned));
    leaves.push("9".repeat(400));
    leaves.push(format!("{}1{}", "[".repeat(40), "]".repeat(40)));
    let leaf = prop_oneof![20 => proptest::sample::select(leaves), 1 => Just(format!("{}{}", "[".repeat(150), "]".repeat(150)))];
    leaf.prop_recursive(3, 16, 5, |inner| {
        let items = proptest::collection::vec((space(), inner.clone(), space()), 0..4);
        let list = items.prop_map(|items| {
            let items: Vec<String> = items.into_iter().map(|(before, item, after)| format!("{before}{item}{after}")).collect();
            format!("[{}]", items.join(","))
        });
        prop_oneof![list, object(inner, 0..4)]
    })
}

fn object(value: impl Strategy<Value = String>, count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let mut known = names(&json_schema(find("transactions").expect("the stream")));
    known.sort_unstable();
    known.dedup();
    let quoted = proptest::sample::select(known).prop_map(|name| format!("\"{name}\""));
    let odd = [r#""new""#, r#""newer""#, r#""\u0069d""#, r#""u\u0072l""#, r#""body""#, r#""""#, r#""\ud83d""#];
    let name = prop_oneof![8 => quoted, 2 => proptest::sample::select(odd.to_vec()).prop_map(str::to_owned)];
    proptest::collection::vec((space(), name, space(), value, space()), count).prop_map(|members| {
        let member = |(a, name, b, value, c): (_, _, _, _, _)| format!("{a}{name}{b}:{b}{value}{c}");
        format!("{{{}}}", members.into_iter().map(member).collect::<Vec<String>>().join(","))
    })
}

fn body() -> impl Strategy<Value = String> {
    let around = [
        "#",
        " # ",
        "\u{feff}#",
        r#"{"body":#}"#,
        r#"{"x":{"body":[]},"result" : # , "totalRowsAvailable":3}"#,
        r#"{"body":{"result":#,"x":[[],{}]},"y":"\ud83d"}"#,
        r#"{"body":null,"result":#}"#,
        r#"{"\u0062ody":#}"#,
        r#"{"x":#}"#,
        r#"{"body":#,"result":#}"#,
        "[#]",
    ];
    let rows = proptest::collection::vec((space(), object(value(), 0..6), space()), 0..4);
    let weights = around.iter().enumerate().map(|(index, text)| (if index < 8 { 4 } else { 1 }, Just(*text))).collect();
    (proptest::strategy::Union::new_weighted(weights), rows).prop_map(|(around, rows)| {
        let rows: Vec<String> = rows.into_iter().map(|(before, row, after)| format!("{before}{row}{after}")).collect();
        exact::unmarked(&around.replace('#', &format!("[{}]", rows.join(","))))
    })
}

proptest! {
    // The same bodies in every run; `PROPTEST_RNG_SEED` looks further.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..seeded() })]

    #[test]
    fn random_bodies_have_the_same_rows(body in body(), piece in 1usize..50) {
        prop_assert_eq!(difference(body.as_bytes(), piece, true), None);
    }

    #[test]
    fn damaged_bodies_are_taken_or_refused_alike(
        body in body(),
        piece in 1usize..50,
        at in any::<proptest::sample::Index>(),
        damage in 0..3,
        byte in proptest::sample::select(b"{}[],:\"\\0e.-+ \x00\xff\x80tfnu/\n".to_vec()),
    ) {
        let mut body = body.into_bytes();
        let at = at.index(body.len());
        match damage {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            _ => drop(body.remove(at)),
        }
        // The plain way knows no exponents, which damage can make.
        prop_assert_eq!(difference(&body, piece, false), None);
    }

    #[test]
    fn bodies_that_are_cut_are_incomplete(body in body(), piece in 1usize..50, at in any::<proptest::sample::Index>()) {
        prop_assert_eq!(difference(&body.as_bytes()[..at.index(body.len())], piece, true), None);
    }
}
