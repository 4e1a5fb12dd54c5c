//! The checklist of the protocol names a test for every line that tests can check, and the tests are there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Names of the test functions in all sources below `folder`.
fn tests_in(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            tests_in(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("UTF-8");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                match line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) {
                    Some((name, _)) if is_test => found.push(name.to_owned()),
                    _ if line == "#[test]" => is_test = true,
                    // Other attributes and comments stand between.
                    _ if line.starts_with("#[") || line.starts_with("//") => {}
                    _ => is_test = false,
                }
            }
        }
    }
}

/// The rows of the page: number of the line and what is said of it.
fn rows() -> BTreeMap<u32, String> {
    let page = include_str!("../docs/checklist.md");
    let row = |line: &str| {
        let (number, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        Some((number.trim().parse().ok()?, rest.to_owned()))
    };
    let rows: Vec<(u32, String)> = page.lines().filter_map(row).collect();
    assert_eq!(rows.len(), 89, "one row for each line");
    rows.into_iter().collect()
}

#[test]
fn every_line_of_the_checklist_names_tests_that_exist() {
    let mut tests = Vec::new();
    for folder in ["integration_tests", "src"] {
        tests_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut tests);
    }
    assert!(tests.len() > 100, "{}", tests.len());
    let rows = rows();
    assert_eq!(rows.keys().copied().collect::<Vec<u32>>(), (1..=89).collect::<Vec<u32>>());
    for (number, row) in &rows {
        // Names of tests are the words in code quotes that are made of several words.
        let named: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() >= 2).collect();
        for name in &named {
            assert!(tests.iter().any(|test| test == name), "line {number}: there is no test `{name}`");
        }
        let checked_here = (1..=69).contains(number) || (75..=79).contains(number);
        assert!(!checked_here || !named.is_empty(), "line {number} names no test");
    }
}
