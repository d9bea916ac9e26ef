//! The stretch of time that counts.

use std::time::Duration;

/// Monotonic points: load starts, measuring starts, both end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: Duration,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

impl Window {
    pub(crate) fn starting_at(start: Duration, warm_up: Duration, duration: Duration) -> Self {
        let from = start + warm_up;
        Self { start, from, until: from + duration }
    }

    pub(crate) fn contains(&self, point: Duration) -> bool {
        (self.from..self.until).contains(&point)
    }

    pub(crate) fn measured(&self) -> Duration {
        self.until - self.from
    }
}
