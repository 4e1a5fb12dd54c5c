//! The checklist of the protocol names a test for every line that tests can check, and the tests are there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The test functions in all sources below `folder`, by name, each with the comments above it.
fn tests_in(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            tests_in(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("UTF-8");
            let (mut is_test, mut comments) = (false, String::new());
            for line in text.lines().map(str::trim) {
                match line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
                    Some((name, _)) if is_test => {
                        *found.entry(name.to_owned()).or_default() += &std::mem::take(&mut comments);
                        is_test = false;
                    }
                    _ if line == "#[test]" => is_test = true,
                    _ if line.starts_with("//") => comments += line,
                    // Other attributes stand between.
                    _ if line.starts_with("#[") => {}
                    _ => (is_test, comments) = (false, String::new()),
                }
            }
        }
    }
}

fn tests() -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for folder in ["integration_tests", "src"] {
        tests_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut tests);
    }
    assert!(tests.len() > 100, "{}", tests.len());
    tests
}

const PAGE: &str = include_str!("../docs/checklist.md");

/// The rows of the page: number of the line and what is said of it.
fn rows() -> BTreeMap<u32, String> {
    let row = |line: &str| {
        let (number, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        Some((number.trim().parse().ok()?, rest.to_owned()))
    };
    let rows: Vec<(u32, String)> = PAGE.lines().filter_map(row).collect();
    assert_eq!(rows.len(), 89, "one row for each line");
    rows.into_iter().collect()
}

/// The names of tests in `text`: the words in code quotes that are made of several words.
fn named(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.matches('_').count() >= 2 && word.chars().all(|c| c == '_' || c.is_alphanumeric())).collect()
}

#[test]
fn every_line_of_the_checklist_names_tests_and_they_point_back() {
    let (tests, rows) = (tests(), rows());
    assert_eq!(rows.keys().copied().collect::<Vec<u32>>(), (1..=89).collect::<Vec<u32>>());
    for (number, row) in &rows {
        let points_back = |name: &&&str| tests.get(**name).is_some_and(|comments| comments.contains(&format!("[c{number}]")));
        let checked_here = (1..=79).contains(number) && !(70..=74).contains(number);
        assert!(
            !checked_here || named(row).iter().any(|name| points_back(&name)),
            "line {number} names no test that points back"
        );
    }
    for (name, comments) in &tests {
        let numbers = comments.split("[c").skip(1).filter_map(|rest| rest.split_once(']')?.0.parse::<u32>().ok());
        for number in numbers {
            let row = rows.get(&number).unwrap_or_else(|| panic!("{name} points at line {number}"));
            assert!(named(row).contains(&name.as_str()), "line {number} does not name {name}, which points at it");
        }
    }
}

#[test]
fn every_test_and_check_that_the_checklist_names_exists() {
    let tests = tests();
    for name in named(PAGE) {
        assert!(tests.contains_key(name), "there is no test `{name}`");
    }
    let quoted = PAGE.split('`').skip(1).step_by(2).map(Path::new);
    let files = quoted.filter(|word| word.extension().is_some_and(|extension| extension == "py"));
    let runners = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration_tests/runners");
    let missing: Vec<&Path> = files.filter(|file| !runners.join(file).exists()).collect();
    assert!(missing.is_empty(), "there is no {missing:?}");
}
