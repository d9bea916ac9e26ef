//! How long to wait before the next attempt: exponential, capped, with full jitter.

use std::time::Duration;

/// Waits of up to `base * 2^attempt`, never above `cap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
}

impl Backoff {
    /// The wait before attempt number `attempt` (0 is the first retry), for a `random` drawn from all of
    /// `u64`. Spreads evenly between zero and the bound, so that clients which failed together part.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        let bound = self.base.saturating_mul(factor).min(self.cap);
        let bound_nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let nanos = u128::from(bound_nanos) * u128::from(random) / u128::from(u64::MAX);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap() {
        let backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1) };
        let longest: Vec<_> = (0..5).map(|attempt| backoff.delay(attempt, u64::MAX).as_millis()).collect();
        assert_eq!(longest, [100, 200, 400, 800, 1000]);
        assert_eq!(backoff.delay(99, u64::MAX), Duration::from_secs(1));
        assert_eq!(backoff.delay(3, 0), Duration::ZERO);
    }
}
