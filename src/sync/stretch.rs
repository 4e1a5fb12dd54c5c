//! Long stretches of a report, which may have no rows at all: asked for as a whole before they are read day by day.

use super::lookup;
use crate::awin::{Client, Patience};
use crate::config::Config;
use crate::streams::{Page, Partition, Role, Slice, Stream, Window};

/// Stretches that have no rows.
#[derive(Default)]
pub(super) struct Empty(Vec<(Partition, Window)>);

impl Empty {
    /// `window` of `partition` has no rows.
    pub(super) fn add(&mut self, partition: &Partition, window: Window) {
        self.0.push((partition.clone(), window));
    }

    /// Whether `slice` is a day of such a stretch.
    pub(super) fn holds(&self, slice: &Slice) -> bool {
        let Some(day) = slice.window().filter(|_| slice.lane.role == Role::Main) else { return false };
        let is_here = |(partition, window): &(Partition, Window)| {
            *partition == slice.partition && window.from <= day.from && day.to <= window.to
        };
        self.0.iter().any(is_here)
    }
}

/// Whether `slice`, a long stretch, has no rows: Awin answers with an empty list. A 204 is too little to pass over so many days
/// for. False also if it cannot be found out.
pub(super) async fn is_empty(client: &Client, config: &Config, stream: &Stream, slice: &Slice) -> bool {
    let request = stream.endpoint.request(slice, &Page::FIRST, config);
    let count = |rows: &mut u64, _: &[u8]| {
        *rows += 1;
        Ok(())
    };
    let found = lookup::rows(client, request, "body", Patience::Little, 0, count).await;
    found.is_ok_and(|found| found.has_body && found.what == 0)
}
