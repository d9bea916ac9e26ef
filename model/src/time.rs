//! Points in time as Kinesis counts them: whole milliseconds since the Unix epoch.
//!
//! Where "now" comes from is the business of the `runtime` crate; this module only names and compares.

use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const EPOCH: Self = Self(0);

    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From the time that has passed since the Unix epoch; the part below a millisecond is dropped.
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The same point a duration later; stays at the end of time instead of overflowing.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The same point a duration earlier; stays at the epoch instead of underflowing.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// Milliseconds from `earlier` to here; 0 when `earlier` is not earlier.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stays_within_the_range() {
        let now = Timestamp::from_millis(1_500);
        assert_eq!(now.plus(Duration::from_millis(500)).as_secs(), 2);
        assert_eq!(now.minus(Duration::from_secs(9)), Timestamp::EPOCH);
        assert_eq!(Timestamp::from_millis(u64::MAX).plus(Duration::MAX).as_millis(), u64::MAX);
        assert_eq!(Timestamp::EPOCH.millis_since(now), 0);
    }

    #[test]
    fn shows_seconds_with_milliseconds() {
        assert_eq!(Timestamp::from_millis(1_704_067_200_005).to_string(), "1704067200.005");
    }
}
