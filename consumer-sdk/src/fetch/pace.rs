//! How long to wait between two reads of a shard: pure.
//!
//! All pollers of a shard share five reads and 2 MB a second on AWS, and a server may allow more. So whoever is behind
//! reads as fast as it is let, and slows down where it is throttled.

use std::time::Duration;

/// What a shard allows one poller that has it alone.
const FIRST_SLOWDOWN: Duration = Duration::from_millis(200);
const SLOWEST: Duration = Duration::from_secs(2);
/// Below this, waiting is not worth a timer.
const NEGLIGIBLE: Duration = Duration::from_millis(5);

/// The pace of one poller.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    idle: Duration,
    /// The wait that throttles have taught.
    learned: Duration,
}

impl Pace {
    /// `idle` is the wait where nothing new is there.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { idle, learned: Duration::ZERO }
    }

    /// The wait after a read that brought `records` and ended so far behind the newest.
    pub(crate) fn after_read(&mut self, records: usize, millis_behind_latest: u64) -> Duration {
        if millis_behind_latest > 0 {
            // A read may pass over much and bring nothing.
            let least = if records == 0 { FIRST_SLOWDOWN / 4 } else { Duration::ZERO };
            let wait = self.learned.max(least);
            // Half of it is unlearned within some twelve reads that were not throttled.
            self.learned = self.learned.mul_f64(0.94);
            if self.learned < NEGLIGIBLE {
                self.learned = Duration::ZERO;
            }
            return wait;
        }
        // More is likely to come where something just came.
        if records > 0 { (self.idle / 2).max(self.learned) } else { self.idle.max(self.learned) }
    }

    /// The wait after a read that was refused for its rate.
    pub(crate) fn after_throttle(&mut self) -> Duration {
        self.learned = (self.learned * 2).clamp(FIRST_SLOWDOWN, SLOWEST);
        self.learned
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_is_behind_does_not_wait_until_it_is_throttled() {
        let mut pace = Pace::new(Duration::from_secs(1));
        assert_eq!(pace.after_read(100, 5_000), Duration::ZERO);
        assert_eq!(pace.after_throttle(), FIRST_SLOWDOWN);
        assert_eq!(pace.after_throttle(), FIRST_SLOWDOWN * 2);
        assert_eq!(pace.after_read(100, 5_000), FIRST_SLOWDOWN * 2);
        for _ in 0..200 {
            pace.after_read(100, 5_000);
        }
        assert_eq!(pace.after_read(100, 5_000), Duration::ZERO);
        assert_eq!(pace.after_read(0, 0), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn waits_are_bounded(
            idle in 0_u64..5_000,
            events in proptest::collection::vec(proptest::option::of((0_usize..10, 0_u64..10)), 0..100),
        ) {
            let idle = Duration::from_millis(idle);
            let mut pace = Pace::new(idle);
            for event in events {
                let wait = match event {
                    None => pace.after_throttle(),
                    Some((records, behind)) => pace.after_read(records, behind),
                };
                prop_assert!(wait <= idle.max(SLOWEST));
                prop_assert!(event.is_some() || wait >= FIRST_SLOWDOWN);
            }
        }
    }
}
