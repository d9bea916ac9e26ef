//! A token bucket that is told the time: shard limits, table capacity and producers share it.

use std::time::Duration;

/// How long to wait until the refused cost would be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the limit for another {} ms", .0.as_millis())]
pub struct RetryAfter(pub Duration);

/// Refills at a steady rate up to its capacity; starts full. The unit of a token is the caller's (bytes,
/// records, calls). A clock that steps back adds nothing and takes nothing.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    capacity: u64,
    rate_per_second: u64,
    /// Billionths of a token, so that refills of a nanosecond are not lost. Negative after [`Self::charge`].
    balance_nanos: i128,
    refilled_at: Duration,
}

const NANOS: i128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket. `rate_per_second` of 0 never refills.
    #[must_use]
    pub fn new(capacity: u64, rate_per_second: u64, now: Duration) -> Self {
        let balance_nanos = i128::from(capacity) * NANOS;
        Self { capacity, rate_per_second, balance_nanos, refilled_at: now }
    }

    /// Takes `cost` tokens, or takes none and says how long until they are there. A cost above the
    /// capacity can never be met; the wait then is until the bucket is full.
    pub fn take(&mut self, now: Duration, cost: u64) -> Result<(), RetryAfter> {
        self.refill(now);
        let cost_nanos = i128::from(cost) * NANOS;
        if self.balance_nanos < cost_nanos {
            return Err(self.wait_for(cost_nanos.min(i128::from(self.capacity) * NANOS)));
        }
        self.balance_nanos -= cost_nanos;
        Ok(())
    }

    /// Makes the bucket larger or smaller. What a larger one holds more is there at once, as it would be in a bucket
    /// that had been that large from the start; a smaller one keeps what it has room for.
    pub fn resize(&mut self, now: Duration, capacity: u64) {
        if capacity == self.capacity {
            return;
        }
        self.refill(now);
        let full = i128::from(capacity) * NANOS;
        let grown = (full - i128::from(self.capacity) * NANOS).max(0);
        self.balance_nanos = self.balance_nanos.saturating_add(grown).min(full);
        self.capacity = capacity;
    }

    /// Refills at another rate from now on.
    pub fn set_rate(&mut self, now: Duration, rate_per_second: u64) {
        self.refill(now);
        self.rate_per_second = rate_per_second;
    }

    /// Whether it holds all it can: then a new bucket would be the same.
    pub fn is_full(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.balance_nanos == i128::from(self.capacity) * NANOS
    }

    /// Whether the bucket is out of debt; for costs that are known only afterwards, see [`Self::charge`].
    pub fn check(&mut self, now: Duration) -> Result<(), RetryAfter> {
        self.refill(now);
        if self.balance_nanos < 0 { Err(self.wait_for(0)) } else { Ok(()) }
    }

    /// Takes `cost` tokens even if that leaves a debt, which [`Self::check`] then waits out.
    pub fn charge(&mut self, now: Duration, cost: u64) {
        self.refill(now);
        self.balance_nanos -= i128::from(cost) * NANOS;
    }

    /// Forgets what is saved. A debt stays.
    pub fn empty(&mut self, now: Duration) {
        self.refill(now);
        self.balance_nanos = self.balance_nanos.min(0);
    }

    fn refill(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.refilled_at);
        let elapsed_nanos = i128::try_from(elapsed.as_nanos()).unwrap_or(i128::MAX);
        let refill = elapsed_nanos.saturating_mul(i128::from(self.rate_per_second));
        let full = i128::from(self.capacity) * NANOS;
        self.balance_nanos = self.balance_nanos.saturating_add(refill).min(full);
        self.refilled_at = self.refilled_at.max(now);
    }

    fn wait_for(&self, balance_nanos: i128) -> RetryAfter {
        let missing = balance_nanos - self.balance_nanos;
        let rate = i128::from(self.rate_per_second);
        if rate == 0 {
            return RetryAfter(Duration::MAX);
        }
        let nanos = (missing + rate - 1) / rate;
        RetryAfter(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn grants_up_to_capacity_then_at_the_rate() {
        let mut bucket = TokenBucket::new(10, 5, Duration::ZERO);
        assert_eq!(bucket.take(Duration::ZERO, 10), Ok(()));
        assert_eq!(bucket.take(Duration::ZERO, 1), Err(RetryAfter(Duration::from_millis(200))));
        assert_eq!(bucket.take(SECOND, 5), Ok(()));
        assert!(!bucket.is_full(SECOND * 2) && bucket.is_full(SECOND * 3));
        assert_eq!(bucket.take(SECOND * 100, 11), Err(RetryAfter(Duration::ZERO)));
    }

    #[test]
    fn a_debt_is_waited_out() {
        let mut bucket = TokenBucket::new(10, 2, Duration::ZERO);
        assert_eq!(bucket.check(Duration::ZERO), Ok(()));
        bucket.charge(Duration::ZERO, 20);
        assert_eq!(bucket.check(SECOND), Err(RetryAfter(SECOND * 4)));
        assert_eq!(bucket.check(SECOND * 5), Ok(()));
    }

    #[test]
    fn an_emptied_bucket_has_nothing_saved_and_keeps_its_debt() {
        let mut bucket = TokenBucket::new(10, 2, Duration::ZERO);
        bucket.empty(Duration::ZERO);
        assert_eq!(bucket.check(Duration::ZERO), Ok(()));
        assert!(bucket.take(Duration::ZERO, 1).is_err());
        bucket.charge(Duration::ZERO, 4);
        bucket.empty(Duration::ZERO);
        assert_eq!(bucket.check(Duration::ZERO), Err(RetryAfter(SECOND * 2)));
    }

    #[test]
    fn a_larger_bucket_holds_more_at_once_and_a_smaller_one_less() {
        let mut bucket = TokenBucket::new(10, 1, Duration::ZERO);
        assert_eq!(bucket.take(Duration::ZERO, 4), Ok(()));
        bucket.resize(Duration::ZERO, 100);
        assert!(bucket.take(Duration::ZERO, 97).is_err());
        assert_eq!(bucket.take(Duration::ZERO, 96), Ok(()));
        bucket.resize(SECOND * 50, 10);
        assert_eq!(bucket.take(SECOND * 50, 10), Ok(()));
        assert!(bucket.take(SECOND * 50, 1).is_err());
        bucket.charge(SECOND * 50, 5);
        bucket.resize(SECOND * 50, 7);
        assert_eq!(bucket.check(SECOND * 50), Err(RetryAfter(SECOND * 5)));
    }

    #[test]
    fn another_rate_counts_from_now_on() {
        let mut bucket = TokenBucket::new(10, 2, Duration::ZERO);
        bucket.charge(Duration::ZERO, 20);
        bucket.set_rate(SECOND, 4);
        assert_eq!(bucket.check(SECOND), Err(RetryAfter(SECOND * 2)));
        assert_eq!(bucket.check(SECOND * 3), Ok(()));
    }

    #[test]
    fn a_clock_that_steps_back_changes_nothing() {
        let mut bucket = TokenBucket::new(10, 10, SECOND * 10);
        assert_eq!(bucket.take(SECOND * 10, 10), Ok(()));
        assert!(bucket.take(SECOND, 1).is_err());
        assert_eq!(bucket.take(SECOND * 11, 10), Ok(()));
    }

    proptest! {
        #[test]
        fn never_grants_more_than_capacity_plus_rate(
            capacity in 1_u64..1_000, rate in 1_u64..1_000, steps in prop::collection::vec((0_u64..500, 1_u64..50), 1..200),
        ) {
            let mut bucket = TokenBucket::new(capacity, rate, Duration::ZERO);
            let (mut now, mut granted) = (Duration::ZERO, 0);
            for (millis, cost) in steps {
                now += Duration::from_millis(millis);
                if bucket.take(now, cost).is_ok() {
                    granted += cost;
                }
            }
            let most = capacity + rate * u64::try_from(now.as_millis()).unwrap() / 1000;
            prop_assert!(granted <= most, "{granted} of {most}");
        }

        #[test]
        fn what_it_says_to_wait_is_enough(capacity in 1_u64..1_000, rate in 1_u64..1_000, cost in 1_u64..1_000) {
            let cost = cost.min(capacity);
            let mut bucket = TokenBucket::new(capacity, rate, Duration::ZERO);
            bucket.charge(Duration::ZERO, capacity);
            let RetryAfter(wait) = bucket.take(Duration::ZERO, cost).unwrap_err();
            prop_assert_eq!(bucket.take(wait, cost), Ok(()));
        }
    }
}
