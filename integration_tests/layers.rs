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
