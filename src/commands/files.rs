//! Configuration, catalog and state from disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::config::{Config, RawConfig};
use crate::protocol::{ConfiguredCatalog, Emitter, Failure, InputState};
use crate::streams;

/// Bytes of the largest configuration. Nobody writes a longer one, so a longer file is something else.
const MAX_CONFIG: u64 = 1 << 20;

/// The configuration in the file `path`, and what is to be warned of. Its token is hidden before anything is said about the rest.
pub fn config(path: &Path, emitter: &Emitter) -> Result<(Config, Vec<String>), Failure> {
    let raw = RawConfig::parse(&text("configuration", path, MAX_CONFIG)?).map_err(|failure| in_file(path, failure))?;
    raw.secrets().iter().for_each(|secret| emitter.hide(secret));
    let warnings = raw.unknown_keys()?;
    Ok((raw.config()?, warnings))
}

/// The configured catalog in the file `path`.
pub fn catalog(path: &Path) -> Result<ConfiguredCatalog, Failure> {
    ConfiguredCatalog::parse(&text("catalog", path, u64::MAX)?).map_err(|failure| in_file(path, failure))
}

/// The state in the file `path`.
pub fn state(path: &Path) -> Result<InputState, Failure> {
    let is_known = |name: &str| streams::find(name).is_some();
    InputState::parse(&text("state", path, u64::MAX)?, is_known).map_err(|failure| in_file(path, failure))
}

/// `failure` with the file that it is about.
fn in_file(path: &Path, failure: Failure) -> Failure {
    Failure { message: format!("{} The file is {}.", failure.message, path.display()), ..failure }
}

fn text(what: &str, path: &Path, limit: u64) -> Result<String, Failure> {
    let shown = path.display();
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes)).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "Make it readable for the user of this process (in the image: uid 1000), and the folders above it, too."
            }
            _ => "Check the path.",
        };
        Failure::config(format!("The {what} file {shown} cannot be read ({error}). {remedy}"))
    })?;
    if bytes.len() as u64 > limit {
        return Err(Failure::config(format!("The {what} file {shown} is larger than {limit} bytes. Check the path.")));
    }
    decoded(bytes)
        .ok_or_else(|| Failure::config(format!("The {what} file {shown} is not text in UTF-8 or UTF-16. Save it as UTF-8.")))
}

/// The text of a file in UTF-8 or UTF-16, with or without a byte order mark.
fn decoded(bytes: Vec<u8>) -> Option<String> {
    match &bytes[..] {
        [0xFF, 0xFE, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xFE, 0xFF, text @ ..] => utf16(text, u16::from_be_bytes),
        // JSON begins with a character of ASCII.
        text @ [ascii, 0, ..] if *ascii != 0 => utf16(text, u16::from_le_bytes),
        text @ [0, ascii, ..] if *ascii != 0 => utf16(text, u16::from_be_bytes),
        _ => {
            let mut text = String::from_utf8(bytes).ok()?;
            if text.starts_with('\u{feff}') {
                text.remove(0);
            }
            Some(text)
        }
    }
}

fn utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, []) = text.as_chunks::<2>() else { return None };
    char::decode_utf16(units.iter().map(|bytes| unit(*bytes))).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_that_editors_write_is_read() {
        let text = "{\"a\": \"é𝄞\"}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.into(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            [&b"\xFF\xFE"[..], &little].concat(),
            [&b"\xFE\xFF"[..], &big].concat(),
            little.clone(),
            big.clone(),
        ] {
            assert_eq!(decoded(bytes.clone()).as_deref(), Some(text), "{bytes:?}");
        }
        for bytes in [&b"\xE9"[..], b"{\"a\": \"\xE9\"}", b"\xFF\xFE\x00", b"\xFF\xFE\x00\xD8"] {
            assert_eq!(decoded(bytes.to_vec()), None, "{bytes:?}");
        }
        assert_eq!(decoded(vec![]).as_deref(), Some(""));
    }
}
