//! Named points at which a crash test lets the process die: around all that must not be done by half. Not in release builds.

/// The process is at the point `name`. If a test wants it to, it dies there, as if it were killed.
#[cfg(debug_assertions)]
pub(crate) fn reach(name: &'static str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use crate::env;

    static POINT: LazyLock<Option<(String, u64)>> = LazyLock::new(env::dies_at);
    static HITS: AtomicU64 = AtomicU64::new(0);
    if let Some((_, hit)) = POINT.as_ref().filter(|(point, _)| point == name)
        && HITS.fetch_add(1, Ordering::Relaxed) + 1 == *hit
    {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn reach(_name: &'static str) {}
