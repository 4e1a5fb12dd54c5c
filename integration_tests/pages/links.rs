//! Links between the pages: each leads to a file of the repository, and to a heading that is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{is_page, pages, root};

/// The lines of `page` that are not code.
fn prose(page: &str) -> Vec<&str> {
    let mut is_code = false;
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    };
    page.lines().filter(is_prose).collect()
}

/// Where the links and pictures of `page` lead.
fn targets(page: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(page) {
        // What stands between backticks is no link.
        let text: String = line.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "code" }).collect();
        targets.extend(text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
    }
    targets
}

/// The anchors of the headings of `page`, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(page).into_iter().filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let is_kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let anchor: String = heading.chars().filter(is_kept).map(|c| if c == ' ' { '-' } else { c }).collect();
        let again = (1..).map(|count| format!("{anchor}-{count}"));
        let free = std::iter::once(anchor.clone()).chain(again).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

/// What is wrong with the links of `page`, which stands in `file`.
fn broken(file: &Path, page: &str) -> Vec<String> {
    let is_broken = |target: &String| {
        if target.starts_with("https://") {
            return false;
        }
        let (path, anchor) = target.split_once('#').map_or((target.as_str(), None), |(path, anchor)| (path, Some(anchor)));
        let file = if path.is_empty() { file.to_owned() } else { file.with_file_name(path) };
        let Some(anchor) = anchor else { return !file.exists() };
        !is_page(&file) || !fs::read_to_string(&file).is_ok_and(|page| anchors(&page).contains(anchor))
    };
    targets(page).into_iter().filter(is_broken).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    for (file, page) in pages() {
        let broken = broken(&file, &page);
        assert!(broken.is_empty(), "{} has links that lead nowhere: {broken:?}", file.display());
    }
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let file = root().join("docs/design.md");
    let page = "# A `code`, twice\n# A code, twice\n[a](design.md#a-run) [b](#nowhere) ![c](gone.svg) [d](../README.md) \
                [e](https://x.org) `[f](no)` [g](../LICENSE) [h](design.md#gone) [i](http://x.org)\n```\n[j](no)\n```\n";
    assert_eq!(broken(&file, page), ["#nowhere", "gone.svg", "design.md#gone", "http://x.org"]);
    assert_eq!(anchors(page), ["a-code-twice", "a-code-twice-1"].map(str::to_owned).into());
}
