//! Writes the table reference and its picture, `docs/tables.md` and `docs/tables.svg`, from `catalog/` and the streams'
//! declarations. A test fails while they are not what this program writes.
//!
//! `cargo run --example tables`

mod columns;
mod diagram;
mod reference;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    std::fs::create_dir_all(&docs)?;
    std::fs::write(docs.join("tables.md"), reference::markdown())?;
    std::fs::write(docs.join("tables.svg"), diagram::svg())
}
