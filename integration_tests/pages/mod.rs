//! The pages that people read: what stands in them is there, and works.
//!
//! `links`: links and anchors. `commands`: commands, configurations and YAML. `figures`: texts and figures that come from elsewhere.

mod commands;
mod figures;
mod links;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// The pages at the top and those in `docs/`, and their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let files = |folder: PathBuf| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = files(root()).chain(files(root().join("docs"))).filter(|file| is_page(file)).collect();
    files.sort();
    assert!(files.len() > 15, "{files:?}");
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(file).expect("a page"))).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A piece of code between fences.
struct Block {
    /// What stands behind the opening fence: the language, and perhaps a word on its part in the page.
    info: String,
    text: String,
}

/// The blocks of code of `page`, in order.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut indent = None;
    for line in page.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (indent, fence) {
            (None, Some(info)) => {
                indent = Some(line.len() - line.trim_start().len());
                blocks.push(Block { info: info.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => indent = None,
            (Some(indent), None) => {
                let text = &mut blocks.last_mut().expect("an open block").text;
                text.push_str(line.get(indent..).unwrap_or_default());
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The cells of the rows of the tables of `page`.
fn rows(page: &str) -> Vec<Vec<&str>> {
    page.lines().filter_map(|line| Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect())).collect()
}

/// What stands between backticks in `text`.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
