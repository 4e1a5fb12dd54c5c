//! Finds out which field of a schema a name in a row is.

use super::scanner::{JsonError, string, unescaped};
use super::schema::Field;

/// The position after the name at `i`, and which of `fields` it is. Rows list their fields in a steady order, so `guess` is nearly
/// always right.
#[inline]
pub(super) fn name(b: &[u8], i: usize, fields: &[Field], guess: usize) -> Result<(usize, Option<usize>), Box<JsonError>> {
    if let Some(field) = fields.get(guess)
        && begins_with(&b[i..], field.quoted.as_bytes())
    {
        return Ok((i + field.quoted.len(), Some(guess)));
    }
    other_name(b, i, fields, guess)
}

#[cold]
fn other_name(b: &[u8], i: usize, fields: &[Field], guess: usize) -> Result<(usize, Option<usize>), Box<JsonError>> {
    let end = string(b, i)?;
    let (before, after) = fields.split_at(guess.min(fields.len()));
    let is_it = |field: &Field| field.quoted.as_bytes() == &b[i..end];
    let index = after.iter().position(is_it).map(|index| before.len() + index).or_else(|| before.iter().position(is_it));
    let index = index.or_else(|| unescaped(&b[i..end]).and_then(|name| fields.iter().position(|field| field.name == name)));
    Ok((end, index))
}

/// `starts_with` for names, which are short: in words of eight bytes, the last one over the one before it, and without a call.
#[inline]
fn begins_with(text: &[u8], name: &[u8]) -> bool {
    let Some(text) = text.get(..name.len()) else { return false };
    match (text.last_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(end), Some(wanted)) => {
            end == wanted && text.as_chunks::<8>().0.iter().zip(name.as_chunks::<8>().0).all(|(a, b)| a == b)
        }
        _ => text == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::schema::Kind;

    #[test]
    fn a_name_is_found_wherever_it_stands_and_no_other_is_taken_for_it() {
        let field = |name: &str| Field { name: name.to_owned(), quoted: format!("\"{name}\""), kind: Kind::Any };
        let fields: Vec<Field> = ["id", "amount", "saleAmount", "commissionAmount", "x"].into_iter().map(field).collect();
        for (text, found) in [
            (r#""id":1"#, Some(0)),
            (r#""amount":1"#, Some(1)),
            (r#""saleAmount":1"#, Some(2)),
            (r#""commissionAmount":1"#, Some(3)),
            (r#""x":1"#, Some(4)),
            (r#""commission\u0041mount":1"#, Some(3)),
            // As long, and the same at the end, in the middle or at the beginning.
            (r#""dommissionAmount":1"#, None),
            (r#""commission_mount":1"#, None),
            (r#""commissionAmounu":1"#, None),
            (r#""SaleAmount":1"#, None),
            (r#""amounu":1"#, None),
            // Longer and shorter.
            (r#""amounts":1"#, None),
            (r#""amoun":1"#, None),
            (r#""y":1"#, None),
        ] {
            for guess in 0..=fields.len() {
                let (end, index) = name(text.as_bytes(), 0, &fields, guess).expect("a name");
                assert_eq!((&text[end..], index), (":1", found), "{text} with guess {guess}");
            }
        }
        assert!(name(b"\"am", 0, &fields, 1).is_err(), "cut off");
    }
}
