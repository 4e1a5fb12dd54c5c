//! The harness: run the binary, look at its messages, build tables from them, compare them with the sandbox's truth.

pub mod connection;
pub mod connector;
pub mod echo;
pub mod exact;
pub mod faulty;
pub mod mirror;
pub mod money;
pub mod person;
pub mod plain;
pub mod protocol;
pub mod setup;
pub mod story;
pub mod tables;
pub mod unseen;
pub mod virtually;
pub mod worlds;

pub use connection::Connection;
pub use connector::{Connector, Output};
pub use story::Story;
pub use tables::{Tables, assert_in_sync};

/// The configuration of properties that compare two implementations over random texts: a fixed seed, so that a change is never
/// blamed for what it did not do, unless `PROPTEST_RNG_SEED` names another.
pub fn seeded() -> proptest::test_runner::Config {
    let config = proptest::test_runner::Config::default();
    let is_named = std::env::var_os("PROPTEST_RNG_SEED").is_some();
    if is_named {
        config
    } else {
        proptest::test_runner::Config { rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_124), ..config }
    }
}
