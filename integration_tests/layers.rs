//! Modules import in one direction only.

use std::fs;
use std::path::{Path, PathBuf};

/// Each may import from those before it.
const LAYERS: [&str; 11] =
    ["env", "terminal", "protocol", "config", "json", "awin", "streams", "sync", "commands", "process", "cli"];

#[test]
fn every_module_imports_only_from_those_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (index, layer) in LAYERS.iter().enumerate() {
        for file in files(&src, layer) {
            let text = fs::read_to_string(&file).expect("readable");
            for below in &LAYERS[index + 1..] {
                let import = format!("crate::{below}");
                let found = text.lines().find(|line| line.contains(&import) && !line.trim_start().starts_with("//"));
                assert_eq!(found, None, "{} imports from {below}", file.display());
            }
        }
    }
}

/// A layer that is not in the list would escape the rule.
#[test]
fn every_module_has_its_layer() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("readable");
    let modules: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut known = LAYERS.to_vec();
    let mut found = modules.clone();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known);
}

/// Within a folder, too: no circle, and no way around it.
#[test]
fn every_file_imports_only_from_those_above_it_in_its_folder() {
    for folder in ["sync", "streams"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let list = fs::read_to_string(path.join("mod.rs")).expect("readable");
        let order: Vec<&str> = list.lines().filter_map(module).collect();
        let direct =
            fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
        let mut found: Vec<String> = direct.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect();
        found.retain(|name| name != "mod");
        found.sort();
        let mut listed = order.clone();
        listed.sort_unstable();
        assert_eq!(found, listed, "every file of {folder} has its place");
        for (index, name) in order.iter().enumerate() {
            let text = fs::read_to_string(path.join(format!("{name}.rs"))).expect("readable");
            for import in imports_of_siblings(&text, folder) {
                let home = home_of(import, &order, &list);
                let home =
                    home.unwrap_or_else(|| panic!("{folder}/{name}.rs imports `{import}`, which its folder does not have"));
                assert!(
                    order[..index].contains(&home),
                    "{folder}/{name}.rs imports `{import}` from {home}, which is not above it"
                );
            }
        }
    }
}

#[test]
fn imports_are_found_in_every_writing() {
    let text = "use super::plan::Plan;\nuse super::{a::{b, c}, D, e as f};\n/// [`super::g`]\nfn h() { crate::sync::i::j(super::super::k) }\n\
                pub(super) fn l() {}\n#[cfg(test)]\nmod tests { use super::*; }\n";
    assert_eq!(imports_of_siblings(text, "sync"), ["plan", "a", "D", "e", "i", "super"]);
    let list = "mod plan;\npub mod a;\npub use plan::{Plan, plan};\npub(crate) use a::b;\n";
    let order: Vec<&str> = list.lines().filter_map(module).collect();
    assert_eq!(order, ["plan", "a"]);
    for (import, home) in [("a", Some("a")), ("Plan", Some("plan")), ("b", Some("a")), ("super", None), ("lan", None)] {
        assert_eq!(home_of(import, &order, list), home, "{import}");
    }
}

fn module(line: &str) -> Option<&str> {
    line.rsplit_once("mod ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"))?.1.strip_suffix(';')
}

/// What the code of a file, without its tests, takes from its folder: the first name of each path.
fn imports_of_siblings<'t>(text: &'t str, folder: &str) -> Vec<&'t str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for line_start in code.match_indices('\n').map(|(at, _)| at + 1).chain([0]) {
        let line = code[line_start..].lines().next().unwrap_or_default();
        if line.trim_start().starts_with("//") {
            continue;
        }
        for prefix in ["super::", &format!("crate::{folder}::")] {
            for (at, _) in line.match_indices(prefix) {
                // The second word of `super::super` belongs to the first.
                if !line[..at].ends_with("::") {
                    let path = line_start + at + prefix.len();
                    found.extend(heads(&code[path..]).into_iter().map(|head| (path, head)));
                }
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, head)| head).collect()
}

/// The first names of a path, or of those of a group in braces.
fn heads(text: &str) -> Vec<&str> {
    let head = |path: &'_ str| path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    let Some(group) = text.strip_prefix('{') else { return vec![&text[..head(text)]] };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        if (c == ',' || c == '}') && depth == 0 {
            let path = group[start..at].trim_start();
            found.extend(Some(&path[..head(path)]).filter(|head| !head.is_empty()));
            start = at + 1;
        }
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// The file of `order` that `import` is, or whose `import` the folder's list gives out.
fn home_of<'a>(import: &str, order: &[&'a str], list: &str) -> Option<&'a str> {
    let given = |name: &&&str| {
        let start = format!("use {name}::");
        let uses = list.split(&start).skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
        uses.flat_map(heads).any(|head| head == import)
    };
    order.iter().find(|name| **name == import).or_else(|| order.iter().find(given)).copied()
}

fn files(src: &Path, layer: &str) -> Vec<PathBuf> {
    let folder = src.join(layer);
    if !folder.is_dir() {
        return vec![src.join(format!("{layer}.rs"))];
    }
    files_in(&folder)
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}
