//! Bodies that mean harm: without an end, of gigabytes in a few bytes, or with the token in them.

use std::io::Write;
use std::iter;

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use serde_json::json;

use crate::answer::{Body, Reply};
use crate::fault::Filler;

const MEBIBYTE: usize = 1 << 20;
/// An endless body is sent in blocks of about this size.
const BLOCK: usize = 1 << 14;

/// The true reply, whose first list does not end.
pub(crate) fn endless(reply: Reply, filler: Filler) -> Reply {
    let text = match &reply.body {
        Body::Json(text) => text,
        // A stream of rows can be asked for without an end.
        Body::Stream(_) if filler == Filler::Rows => return reply,
        Body::Html(_) | Body::Empty | Body::Stream(_) => "[]",
    };
    let (start, end) = first_list(text);
    let rows = &text[start..end];
    let (opening, block) = if filler == Filler::Blanks || rows.is_empty() {
        (&text[..start], " ".repeat(BLOCK))
    } else {
        (&text[..end], format!(",{rows}").repeat(BLOCK / rows.len() + 1))
    };
    let blocks = iter::once(Bytes::from(opening.to_owned())).chain(iter::repeat(Bytes::from(block)));
    Reply { body: Body::Stream(Box::new(blocks)), ..reply }
}

/// Where the elements of the first array in a JSON text begin and end. (Without one: at its end.)
fn first_list(text: &str) -> (usize, usize) {
    let (mut start, mut depth) = (None, 0);
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if in_string => {
                in_string = escaped || byte != b'"';
                escaped = byte == b'\\' && !escaped;
            }
            b'"' => in_string = true,
            b'[' => {
                start = start.or(Some(at + 1));
                depth += 1;
            }
            b']' => {
                depth -= 1;
                if let Some(start) = start.filter(|_| depth == 0) {
                    return (start, at);
                }
            }
            _ => {}
        }
    }
    (text.len(), text.len())
}

/// An empty array of so many mebibytes of spaces, packed.
///
/// One packed mebibyte is repeated: it refers to nothing before itself, and ends at a whole byte.
pub(crate) fn gzip_bomb(mebibytes: u64) -> Reply {
    let spaces = vec![b' '; MEBIBYTE];
    let [mut checksum, of_spaces, of_end] = [&b"["[..], &spaces, b"]"].map(|part| {
        let mut crc = Crc::new();
        crc.update(part);
        crc
    });
    for _ in 0..mebibytes {
        checksum.combine(&of_spaces);
    }
    checksum.combine(&of_end);
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let opening = [&header[..], &deflated(b"[", false)].concat();
    let block = Bytes::from(deflated(&spaces, false));
    // The format keeps the size modulo 2^32, as this count does.
    let ending = [deflated(b"]", true), checksum.sum().to_le_bytes().into(), checksum.amount().to_le_bytes().into()].concat();
    let times = usize::try_from(mebibytes).unwrap_or(usize::MAX);
    let blocks = iter::once(Bytes::from(opening)).chain(iter::repeat_n(block, times)).chain(iter::once(ending.into()));
    Reply::stream(blocks).header("content-encoding", "gzip")
}

/// A piece of a deflate stream; the last one closes it.
fn deflated(content: &[u8], last: bool) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(content);
    if last {
        return encoder.finish().unwrap_or_default();
    }
    let _ = encoder.flush();
    encoder.get_ref().clone()
}

/// The token in headers, and in an envelope that is cut within it.
pub(crate) fn echo(status: u16, token: &str) -> Reply {
    let text = json!({"error": "invalid.token", "description": format!("The token {token} is not valid")}).to_string();
    let middle = text.find(token).unwrap_or_default() + token.len() / 2;
    let (first, second) = text.as_bytes().split_at(middle);
    let chunks = [Bytes::copy_from_slice(first), Bytes::copy_from_slice(second)];
    Reply { status, ..Reply::stream(chunks.into_iter()) }
        .header("www-authenticate", format!("Bearer error_description=\"{token}\""))
        .header("x-token", token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_list_is_found_whatever_its_texts_hold() {
        let rows = |text: &'static str| {
            let (start, end) = first_list(text);
            &text[start..end]
        };
        assert_eq!(rows(r#"[{"a":"]\"["},[1]]"#), r#"{"a":"]\"["},[1]"#);
        assert_eq!(rows(r#"{"x":"[","result":[1,2],"more":[3]}"#), "1,2");
        assert_eq!((rows("[]"), rows("{}"), rows("")), ("", "", ""));
    }
}
