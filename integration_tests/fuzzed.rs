//! The fuzz targets of `fuzz/` without a fuzzer: over their corpus, and over texts that differ from it in a few places.
//! `PROPTEST_CASES` makes more of them.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::seeded;

/// What is put in: pieces of JSON that often matter, and bytes that should not be there.
const WORDS: [&[u8]; 30] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\\udc00",
    b"null",
    b"true",
    b"-",
    b"0",
    b"1e999",
    b".5",
    b"E+",
    b" ",
    b"\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\"error\":",
    b"\"body\":",
    b"\"pageItems\":",
    b"\"id\":",
    b"9999999999999999999",
    b"\"transactionDate\":",
];

#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, &'static [u8]),
    Replace(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

impl Edit {
    fn apply(&self, text: &mut Vec<u8>) {
        let at = |index: &Index, text: &[u8]| index.index(text.len() + 1);
        match self {
            Self::Insert(index, word) => drop(text.splice(at(index, text)..at(index, text), word.iter().copied())),
            Self::Replace(index, byte) => {
                let at = at(index, text);
                text.iter_mut().skip(at).take(1).for_each(|old| *old = *byte);
            }
            Self::Remove(index, length) => {
                let start = at(index, text);
                text.drain(start..(start + length).min(text.len()));
            }
            Self::Repeat(index, length) => {
                let start = at(index, text);
                let piece = text[start..(start + length).min(text.len())].to_vec();
                text.splice(start..start, piece);
            }
            Self::Cut(index) => text.truncate(at(index, text)),
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => (any::<Index>(), select(&WORDS[..])).prop_map(|(at, word)| Edit::Insert(at, word)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        3 => (any::<Index>(), 1..20usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (any::<Index>(), 1..60usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
        1 => any::<Index>().prop_map(Edit::Cut),
    ];
    prop::collection::vec(edit, 0..5)
}

/// Runs a target over its corpus, then over texts near to it.
fn fuzz(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("readable")).collect();
    for text in &corpus {
        target(text);
    }
    let cases = std::env::var("PROPTEST_CASES").map_or(3000, |text| text.parse().expect("a number"));
    // The same texts in every run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look further.
    let config = ProptestConfig { cases, failure_persistence: None, ..seeded() };
    proptest::test_runner::TestRunner::new(config)
        .run(&(select(corpus), edits()), |(mut text, edits)| {
            for edit in &edits {
                edit.apply(&mut text);
            }
            target(&text);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn any_configuration_is_read_or_answered_with_a_sentence() {
    fuzz("config", bodies::config);
}

#[test]
fn any_catalog_is_read_or_answered_with_a_sentence() {
    fuzz("catalog", bodies::catalog);
}

#[test]
fn any_state_is_read_or_answered_with_a_sentence() {
    fuzz("state", bodies::state);
}

#[test]
fn any_body_becomes_lines_that_every_reader_takes() {
    fuzz("body", bodies::body);
}

#[test]
fn a_body_may_be_cut_into_any_pieces() {
    fuzz("splitter", bodies::splitter);
}
