//! A time that a state lasts.

use std::time::Duration;

use crate::time::Timestamp;

/// From a moment on, and up to another. Over as well when the clock is set back behind its beginning: nothing
/// lasts longer than was asked for, whatever becomes of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Span {
    /// `None` for no time at all.
    #[must_use]
    pub fn starting(now: Timestamp, length: Duration) -> Option<Self> {
        (!length.is_zero()).then(|| Self { since: now, until: now.plus(length) })
    }

    /// As [`Self::starting`], and over at once for no time at all.
    #[must_use]
    pub fn of(now: Timestamp, length: Duration) -> Self {
        Self { since: now, until: now.plus(length) }
    }

    #[must_use]
    pub fn is_on(self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_ends_it() {
        let at = Timestamp::from_millis;
        let span = Span::starting(at(1_000), Duration::from_millis(500)).unwrap();
        let on = [at(999), at(1_000), at(1_499), at(1_500)].map(|now| span.is_on(now));
        assert_eq!(on, [false, true, true, false]);
        assert_eq!(Span::starting(at(1_000), Duration::ZERO), None);
        assert!(!Span::of(at(1_000), Duration::ZERO).is_on(at(1_000)));
    }
}
