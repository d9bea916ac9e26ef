//! How much a producer sends to one shard: pure, told the time.
//!
//! Two buckets, of records and of bytes, hold a share of the shard's quota. Where others write to the shard too, the
//! share is too much, and the service says so by throttling: then the rate falls at once, and rises again slowly, so
//! that the producer settles a little below what is left for it instead of sending in vain.
//!
//! Without a share nothing is held back, since a service may have other quotas than AWS, or none; until it throttles.

use std::time::Duration;

use millstream_model::limits::{SHARD_WRITE_BYTES_PER_SECOND, SHARD_WRITE_RECORDS_PER_SECOND};
use millstream_runtime::{RetryAfter, TokenBucket};

/// Thousandths that the rate keeps when the service throttles.
const KEPT: u64 = 850;
/// Throttles within this are of one and the same moment: the calls in flight met it together.
const DECREASE_INTERVAL: Duration = Duration::from_millis(250);
/// How often the rate rises, and by how many thousandths of the full one: from the least to the full in 24 s.
const INCREASE_INTERVAL: Duration = Duration::from_millis(250);
const INCREASE: u64 = 10;
/// Thousandths of the full rate below which it does not fall, so that the end of a throttle is noticed.
const FACTOR_MIN: u64 = 40;
const FACTOR_FULL: u64 = 1_000;
/// What a rested bucket holds: so many milliseconds of its rate. Much less than the second that the service's hold,
/// because what is sent in bursts is throttled in bursts where others write too.
const BURST_MILLIS: u64 = 250;
/// Percent of the quota that a shard without a share gets once it throttles (the default of `RateLimit`).
const THROTTLED_PERCENT: u32 = 150;
/// How long the full rate has to go without a throttle before it is not held to any more, where there is no share.
const RELEASE_AFTER: Duration = Duration::from_secs(10);

/// The pace of one shard.
#[derive(Debug)]
pub(crate) struct Limiter {
    records: TokenBucket,
    bytes: TokenBucket,
    /// At the full rate.
    records_per_second: u64,
    bytes_per_second: u64,
    /// Thousandths of the full rates that are in force.
    factor: u64,
    decreased: Option<Duration>,
    changed: Duration,
    /// Nobody asked for a limit; only throttles bring one about.
    is_lenient: bool,
    /// Nothing is held back now.
    is_free: bool,
}

impl Limiter {
    /// `percent` of a shard's quota; 100 is all of it, and more makes sure that nothing of it is left. `None` holds
    /// nothing back before the first throttle.
    pub(crate) fn new(percent: Option<u32>, now: Duration) -> Self {
        let is_lenient = percent.is_none();
        let percent = percent.unwrap_or(THROTTLED_PERCENT);
        let share = |quota: u64| (quota * u64::from(percent) / 100).max(1);
        let records_per_second = share(SHARD_WRITE_RECORDS_PER_SECOND);
        let bytes_per_second = share(SHARD_WRITE_BYTES_PER_SECOND);
        let bucket = |rate: u64| TokenBucket::new((rate * BURST_MILLIS / 1_000).max(1), rate, now);
        Self {
            records: bucket(records_per_second),
            bytes: bucket(bytes_per_second),
            records_per_second,
            bytes_per_second,
            factor: FACTOR_FULL,
            decreased: None,
            changed: now,
            is_lenient,
            is_free: is_lenient,
        }
    }

    /// Whether something may be sent now. A record of any size may: its cost is a debt that what follows waits out.
    pub(crate) fn check(&mut self, now: Duration) -> Result<(), RetryAfter> {
        self.recover(now);
        if self.is_free {
            return Ok(());
        }
        self.records.check(now)?;
        self.bytes.check(now)
    }

    /// Something is sent.
    pub(crate) fn charge(&mut self, now: Duration, bytes: usize) {
        if self.is_free {
            return;
        }
        self.records.charge(now, 1);
        self.bytes.charge(now, bytes as u64);
    }

    /// The service refused something for the shard's quota.
    pub(crate) fn throttled(&mut self, now: Duration) {
        self.recover(now);
        if self.decreased.is_some_and(|at| now < at + DECREASE_INTERVAL) {
            return;
        }
        self.decreased = Some(now);
        self.changed = now;
        if std::mem::take(&mut self.is_free) {
            // What the quota is was not known before: this is the first step down.
            return;
        }
        self.set_factor(now, (self.factor * KEPT / 1_000).max(FACTOR_MIN));
    }

    /// The share of the full rate that is in force, 0 to 1.
    #[allow(clippy::cast_precision_loss)] // at most 1000
    pub(crate) fn share(&self) -> f64 {
        self.factor as f64 / FACTOR_FULL as f64
    }

    fn recover(&mut self, now: Duration) {
        if self.factor == FACTOR_FULL {
            let is_quiet = self.decreased.is_none_or(|at| now >= at + RELEASE_AFTER);
            self.is_free = self.is_lenient && is_quiet;
            return;
        }
        let steps = now.saturating_sub(self.changed).as_millis() / INCREASE_INTERVAL.as_millis();
        if steps == 0 {
            return;
        }
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.changed = now;
        self.set_factor(now, self.factor.saturating_add(steps.saturating_mul(INCREASE)).min(FACTOR_FULL));
    }

    fn set_factor(&mut self, now: Duration, factor: u64) {
        self.factor = factor;
        self.records.set_rate(now, (self.records_per_second * factor / FACTOR_FULL).max(1));
        self.bytes.set_rate(now, (self.bytes_per_second * factor / FACTOR_FULL).max(1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    /// Sends records of so many bytes whenever it may, for a time; the service lets through what `quota` holds.
    /// Gives what was stored and what was throttled.
    fn run(limiter: &mut Limiter, quota: &mut TokenBucket, from: Duration, seconds: u32) -> (u64, u64) {
        let (mut stored, mut throttled) = (0, 0);
        for step in 0..seconds * 100 {
            let now = from + STEP * step;
            while limiter.check(now).is_ok() {
                limiter.charge(now, 100);
                if quota.take(now, 1).is_ok() {
                    stored += 1;
                } else {
                    throttled += 1;
                    limiter.throttled(now);
                }
            }
        }
        (stored, throttled)
    }

    #[test]
    fn alone_it_has_its_share() {
        let mut limiter = Limiter::new(Some(100), Duration::ZERO);
        let (sent, _) =
            run(&mut limiter, &mut TokenBucket::new(1 << 40, 0, Duration::ZERO), Duration::ZERO, 10);
        assert!((9_900..=10_300).contains(&sent), "{sent}");
    }

    #[test]
    fn beside_others_it_takes_what_they_leave_and_little_is_in_vain() {
        for left in [200, 500, 900] {
            let mut limiter = Limiter::new(Some(150), Duration::ZERO);
            let mut quota = TokenBucket::new(left, left, Duration::ZERO);
            run(&mut limiter, &mut quota, Duration::ZERO, 10);
            let (stored, throttled) = run(&mut limiter, &mut quota, Duration::from_secs(10), 60);
            assert!(stored >= left * 60 * 85 / 100, "{stored} of {left}/s");
            assert!(throttled * 20 <= stored, "{throttled} in vain, {stored} stored");
        }
    }

    #[test]
    fn when_others_are_gone_it_has_its_share_again_before_long() {
        let mut limiter = Limiter::new(Some(100), Duration::ZERO);
        for second in 0..100 {
            limiter.throttled(Duration::from_secs(second) / 2);
        }
        assert!(limiter.share() < 0.2, "{}", limiter.share());
        let mut quota = TokenBucket::new(1_000, 1_000, Duration::ZERO);
        run(&mut limiter, &mut quota, Duration::from_secs(50), 25);
        assert!(limiter.share() > 0.9, "{}", limiter.share());
    }

    #[test]
    fn without_a_share_only_throttles_hold_it_back_and_not_for_ever() {
        let second = Duration::from_secs(1);
        let mut limiter = Limiter::new(None, Duration::ZERO);
        for _ in 0..1_000_000 {
            assert_eq!(limiter.check(Duration::ZERO), Ok(()));
            limiter.charge(Duration::ZERO, 1 << 20);
        }
        limiter.throttled(second);
        let (sent, _) = run(&mut limiter, &mut TokenBucket::new(1 << 40, 0, second), second, 5);
        assert!((7_000..=8_500).contains(&sent), "{sent} at 1,500 a second");
        let mut quota = TokenBucket::new(1_000, 1_000, second * 6);
        let (stored, throttled) = run(&mut limiter, &mut quota, second * 6, 60);
        assert!(stored > 55_000 && throttled * 10 <= stored, "{throttled} in vain, {stored} stored");
        // Nobody throttles any more.
        for later in 66..120 {
            let _ = limiter.check(second * later);
        }
        for _ in 0..1_000_000 {
            assert_eq!(limiter.check(second * 120), Ok(()));
            limiter.charge(second * 120, 1 << 20);
        }
    }

    #[test]
    fn a_large_record_is_sent_and_waited_for() {
        let mut limiter = Limiter::new(Some(100), Duration::ZERO);
        limiter.charge(Duration::ZERO, 10 << 20);
        let RetryAfter(wait) = limiter.check(Duration::ZERO).unwrap_err();
        assert!((Duration::from_secs(9)..Duration::from_secs(10)).contains(&wait), "{wait:?}");
    }

    proptest! {
        #[test]
        fn it_never_exceeds_its_share_by_more_than_a_burst_and_a_record(
            percent in 1_u32..200,
            steps in prop::collection::vec((0_u64..100, 1_usize..60_000, any::<bool>()), 1..300),
        ) {
            let mut limiter = Limiter::new(Some(percent), Duration::ZERO);
            let (mut now, mut bytes_sent, mut records_sent) = (Duration::ZERO, 0, 0);
            for (millis, bytes, is_throttled) in steps {
                now += Duration::from_millis(millis);
                if limiter.check(now).is_ok() {
                    limiter.charge(now, bytes);
                    bytes_sent += bytes as u64;
                    records_sent += 1;
                    if is_throttled {
                        limiter.throttled(now);
                    }
                }
            }
            let millis = u64::try_from(now.as_millis()).unwrap() + BURST_MILLIS;
            let percent = u64::from(percent);
            prop_assert!(records_sent <= 1_000 * percent * millis / 100_000 + 2, "{}", records_sent);
            prop_assert!(bytes_sent <= (1 << 20) * percent * millis / 100_000 + 60_002, "{}", bytes_sent);
        }

        #[test]
        fn what_it_says_to_wait_is_enough(bytes in 1_usize..2_000_000, throttles in 0_u32..50) {
            let mut limiter = Limiter::new(Some(100), Duration::ZERO);
            let mut now = Duration::ZERO;
            for _ in 0..throttles {
                now += Duration::from_millis(300);
                limiter.throttled(now);
            }
            limiter.charge(now, bytes);
            if let Err(RetryAfter(wait)) = limiter.check(now) {
                prop_assert_eq!(limiter.check(now + wait), Ok(()));
            }
        }
    }
}
