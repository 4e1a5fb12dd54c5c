//! What a fuzzer asks of any bytes. `cargo fuzz` calls these where nightly Rust is; `integration_tests/fuzzed.rs` calls them
//! everywhere.

use std::sync::LazyLock;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::Value;
use source_awin::config::Config;
use source_awin::json::{Envelope, JsonError, Splitter, Step};
use source_awin::protocol::{ConfiguredCatalog, Descriptor, Failure, InputState, SyncMode};
use source_awin::streams::{AccountId, AccountKind, Cut, Partition, STREAMS, Slice, Stream, Window, find, midnight};
use source_awin::sync::{RecordWriter, StreamState, Tally};

static CONFIGURATION: LazyLock<Config> =
    LazyLock::new(|| Config::parse(r#"{"api_token":"t","start_date":"2026-01-01"}"#).expect("valid"));

/// An error is a sentence.
fn assert_says_something<T>(result: Result<T, Failure>) -> Option<T> {
    result.map_err(|failure| assert!(failure.message.len() > 10, "{:?}", failure.message)).ok()
}

/// Any configuration is read or answered with a sentence.
pub fn config(bytes: &[u8]) {
    if let Some(config) = std::str::from_utf8(bytes).ok().and_then(|text| assert_says_something(Config::parse(text))) {
        assert!((1..=1000).contains(&config.requests_per_minute) && config.lookback_days <= 400);
    }
}

/// Any catalog is read or answered with a sentence.
pub fn catalog(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_says_something(ConfiguredCatalog::parse(text));
    }
}

/// Any state is read or answered with a sentence, and one that is read is written as it was.
pub fn state(bytes: &[u8]) {
    let Some(input) = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| assert_says_something(InputState::parse(text, |name| find(name).is_some())))
    else {
        return;
    };
    for stream in STREAMS {
        let blob = input.streams.get(stream.name).map(AsRef::as_ref);
        let mode = if stream.is_incremental() { SyncMode::Incremental } else { SyncMode::FullRefresh };
        if let Some(mut known) = assert_says_something(StreamState::load(stream, blob, mode, None, &CONFIGURATION)) {
            let written = known.next_blob();
            let again: StreamState = serde_json::from_value(written).expect("a state that was written can be read");
            assert_eq!(again, known);
        }
    }
}

/// The lines that `body` becomes in `stream`, fed in pieces of `size` bytes, and how that ended.
fn lines_of(stream: &'static Stream, body: &[u8], size: usize) -> (Vec<Value>, Result<(), &'static str>) {
    let config = &*CONFIGURATION;
    let account = AccountId { kind: AccountKind::Publisher, id: 7 };
    let from = midnight(config.timezone, config.start_date);
    let window = Window { from, to: from + Duration::from_secs(31 * 86_400) };
    let cut = if stream.is_incremental() { Cut::Window(window) } else { Cut::Whole };
    let slice = Slice { partition: Partition::of(account), lane: &stream.lanes()[0], cut };
    let descriptor = Descriptor { name: stream.name.into(), namespace: None };
    let mut writer = RecordWriter::new(stream, &descriptor, &[], config, Tally::default());
    writer.begin(&slice);
    writer.begin_answer();
    let envelope = Envelope { rows: "pageItems", wrapper: "body", members: &[], reason: "error", takes_null: true };
    let (mut splitter, mut lines) = (Splitter::new(envelope), Vec::new());
    let mut pieces = body.chunks(size.max(1));
    let ended = 'body: loop {
        let piece = pieces.next();
        splitter.feed(piece.unwrap_or_default());
        loop {
            match writer.next(&mut splitter, piece.is_none(), &mut lines) {
                Ok(Step::Row) => {}
                Ok(Step::End) if piece.is_none() => break 'body Ok(()),
                Ok(Step::More | Step::End) if piece.is_none() => break 'body Err("more"),
                Ok(Step::More | Step::End) => break,
                Err(JsonError::Incomplete) => break 'body Err("incomplete"),
                Err(JsonError::Syntax { .. }) => break 'body Err("syntax"),
                Err(JsonError::Shape(_)) => break 'body Err("shape"),
            }
        }
    };
    let text = std::str::from_utf8(&lines).expect("lines are UTF-8");
    // A reader on serde_json takes every line.
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    for line in &mut lines {
        line["record"]["emitted_at"] = Value::Null;
    }
    (lines, ended)
}

/// The first byte picks the stream; the rest is the body. What is taken to its end is JSON for `serde_json` as well, and every
/// line that comes out is.
pub fn body(bytes: &[u8]) {
    let Some((pick, body)) = bytes.split_first() else { return };
    let stream = &STREAMS[usize::from(*pick) % STREAMS.len()];
    let (lines, ended) = lines_of(stream, body, usize::MAX);
    let plain = serde_json::from_slice::<IgnoredAny>(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    assert!(ended.is_err() || plain.is_ok(), "taken, but not JSON: {plain:?}");
    assert!(lines.iter().all(|line| line["type"] == "RECORD" && line["record"]["stream"] == stream.name));
}

/// The first byte picks the stream, the second the size of the pieces: wherever they are cut, the same comes out.
pub fn splitter(bytes: &[u8]) {
    let [pick, size, body @ ..] = bytes else { return };
    let stream = &STREAMS[usize::from(*pick) % STREAMS.len()];
    let whole = lines_of(stream, body, usize::MAX);
    let pieces = lines_of(stream, body, usize::from(*size) + 1);
    assert_eq!(pieces, whole);
}
