//! The rows that the destination has as they are: a hash of each, of those that the next run will be shown again.
//!
//! An optimisation, not truth: only the last STATE of a run that read everything carries it, and whoever resumes without it sends
//! the rows once more. Each row is sent once more, unasked, when it leaves the look-back: that heals a destination that lost it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// Bits of a hash that are kept. Two different versions of a row are taken for one with a chance of n in 2^48.
const BITS: u32 = 48;

/// A hash in as few bytes as it has. There are as many as rows in the look-back.
type Kept = [u8; 6];

fn kept(hash: u64) -> Kept {
    let [_, _, kept @ ..] = hash.to_be_bytes();
    kept
}

fn unkept(kept: Kept) -> u64 {
    kept.into_iter().fold(0, |hash, byte| hash << 8 | u64::from(byte))
}

/// What was sent of one account.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// As of the last run, in order.
    before: Vec<Kept>,
    /// As of this run, by a hash of the row's key. Keys that share one cost a row, never lose one.
    now: BTreeMap<u32, Kept>,
    /// Whether there were more than can be remembered.
    is_too_much: bool,
}

/// Rows of an account that are remembered: about a megabyte in the state.
const MOST: usize = 160_000;
/// Rows of all accounts that are remembered while a stream is read: some 9 MB of memory, those of the last run included, by reckoning. Not all of them fit into the state.
pub(super) const MOST_OF_ALL: usize = 400_000;

impl Sent {
    /// As the state has it; nothing if it makes no sense.
    pub(super) fn of(text: &str) -> Self {
        Self { before: decode(text).unwrap_or_default().into_iter().map(kept).collect(), ..Self::default() }
    }

    /// Whether the destination has the row `key` as `hash` says. From here on it has. There is `room` for so many rows more.
    pub(super) fn has(&mut self, key: u64, hash: u64, room: &mut usize) -> bool {
        if self.is_too_much || self.now.len() >= MOST || *room == 0 {
            *room += self.now.len();
            *self = Self { is_too_much: true, ..Self::default() };
            return false;
        }
        let hash = kept(hash >> (u64::BITS - BITS));
        let [key @ .., _, _, _, _] = key.to_le_bytes();
        if let Some(last) = self.now.insert(u32::from_le_bytes(key), hash) {
            return last == hash;
        }
        *room -= 1;
        self.before.binary_search(&hash).is_ok()
    }

    /// As the state keeps it; `None` if it is too much.
    pub(super) fn text(&self) -> Option<String> {
        if self.is_too_much {
            return None;
        }
        let mut hashes: Vec<u64> = self.now.values().copied().map(unkept).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Some(encode(&hashes))
    }
}

/// What was sent, by account.
pub(super) type SentBy<K> = BTreeMap<K, Sent>;

/// Sorted hashes as their differences in a Rice code: the number of them and the parameter, then quotient and rest of each.
fn encode(hashes: &[u64]) -> String {
    if hashes.is_empty() {
        return String::new();
    }
    let mean = (1u64 << BITS) / hashes.len() as u64;
    let parameter = mean.max(2).ilog2();
    let mut bits = BitWriter::default();
    let mut last = 0;
    for hash in hashes {
        let difference = hash - last;
        last = *hash;
        for _ in 0..difference >> parameter {
            bits.push(true);
        }
        bits.push(false);
        for bit in (0..parameter).rev() {
            bits.push(difference >> bit & 1 == 1);
        }
    }
    format!("{}.{parameter}.{}", hashes.len(), BASE64_STANDARD_NO_PAD.encode(bits.bytes))
}

fn decode(text: &str) -> Option<Vec<u64>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut parts = text.splitn(3, '.');
    let count: usize = parts.next()?.parse().ok()?;
    let parameter: u32 = parts.next()?.parse().ok().filter(|parameter| *parameter <= BITS)?;
    let bytes = BASE64_STANDARD_NO_PAD.decode(parts.next()?).ok()?;
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    let mut hashes = Vec::new();
    let mut last = 0u64;
    // A count that lies runs out of bits.
    for _ in 0..count {
        let mut quotient = 0u64;
        while bits.next()? {
            quotient += 1;
        }
        let mut rest = 0u64;
        for _ in 0..parameter {
            rest = rest << 1 | u64::from(bits.next()?);
        }
        last = last.checked_add(quotient.checked_shl(parameter)? | rest)?;
        hashes.push(last);
    }
    Some(hashes)
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    used: u32,
}

impl BitWriter {
    fn push(&mut self, bit: bool) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let (true, Some(byte)) = (bit, self.bytes.last_mut()) {
            *byte |= 0x80 >> (self.used % 8);
        }
        self.used += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room() -> usize {
        MOST_OF_ALL
    }

    #[test]
    fn a_row_stays_home_as_long_as_it_is_what_was_sent_last() {
        let wide = |n: u64| n << 16;
        let mut first = Sent::default();
        assert!(!first.has(1, wide(10), &mut room()), "new");
        assert!(first.has(1, wide(10), &mut room()), "the same again, from another lane");
        assert!(!first.has(2, wide(20), &mut room()));
        let mut second = Sent::of(&first.text().expect("few"));
        assert!(second.has(1, wide(10), &mut room()));
        assert!(!second.has(2, wide(21), &mut room()), "changed");
        assert!(!second.has(2, wide(20), &mut room()), "and back again: the destination has the change by now");
        let mut third = Sent::of(&second.text().expect("few"));
        assert!(third.has(2, wide(20), &mut room()));
        assert!(!Sent::of("").has(1, wide(10), &mut room()));
        let mut many = Sent::default();
        assert!((0..MOST as u64 + 2).all(|key| !many.has(key, wide(key), &mut room())));
        assert!(!many.has(1, wide(1), &mut room()) && many.text().is_none(), "too many to be remembered");
        let (mut room, mut small, mut large) = (5, Sent::of(""), Sent::of(""));
        assert!((0..3).all(|key| !small.has(key, wide(key), &mut room)));
        assert!((0..3).all(|key| !large.has(key, wide(key), &mut room)), "what one account has is not there for the next");
        assert!(large.text().is_none() && small.text().is_some());
        assert_eq!(room, 2, "what is forgotten makes room");
    }

    #[test]
    fn what_makes_no_sense_is_as_if_nothing_was_sent() {
        for text in ["x", "3.4", "99999999999.40.AAAA", "1.99.AA", "2.3.!!"] {
            let mut sent = Sent::of(text);
            assert!(!sent.has(1, 2, &mut room()), "{text}");
        }
    }

    #[test]
    fn a_row_costs_less_than_seven_letters() {
        let hashes: Vec<u64> = (0..2000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16).collect();
        let mut sorted = hashes;
        sorted.sort_unstable();
        assert!(encode(&sorted).len() < 2000 * 7, "{}", encode(&sorted).len());
    }

    proptest! {
        #[test]
        fn hashes_are_read_back_as_they_were_written(hashes in proptest::collection::btree_set(0u64..1 << BITS, 0..300)) {
            let hashes: Vec<u64> = hashes.into_iter().collect();
            prop_assert_eq!(decode(&encode(&hashes)), Some(hashes));
        }
    }
}
