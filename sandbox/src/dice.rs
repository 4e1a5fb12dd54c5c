//! Chance that is the same on every run: everything random here follows from a seed.
//!
//! Written out, since worlds must stay the same for a seed, whatever a library's next version rolls; and most of what is
//! needed is no sequence, but a hash of a sale and a field.

/// A well spread hash of two numbers (the finaliser of splitmix64).
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A well spread hash of a text (FNV-1a, then [`mix`]).
pub(crate) fn mix_text(seed: u64, text: &str) -> u64 {
    let hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mix(seed, hash)
}

/// Element number `hash` of `items`, counted round and round.
pub(crate) fn choose<T>(hash: u64, items: &[T]) -> &T {
    &items[usize::try_from(hash % items.len() as u64).unwrap_or_default()]
}

/// The same for texts.
pub(crate) fn choose_text(hash: u64, texts: &[&'static str]) -> &'static str {
    choose::<&str>(hash, texts)
}

/// A generator of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: mix(seed, 1) }
    }

    /// A number from 0 to `sides - 1`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.state = mix(self.state, 2);
        self.state % sides
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.roll(high.abs_diff(low) + 1)).unwrap_or_default()
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    /// One of `items`.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        choose(self.roll(u64::MAX), items)
    }
}
