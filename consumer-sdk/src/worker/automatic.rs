//! When what was processed is to be stored without being asked for: pure.

use std::time::Duration;

use crate::settings::CheckpointPolicy;

#[derive(Clone, Debug)]
pub(super) struct Automatic {
    interval: Option<Duration>,
    /// Since when something processed is not stored.
    since: Option<Duration>,
}

impl Automatic {
    pub(super) fn new(policy: CheckpointPolicy) -> Self {
        let interval = match policy {
            CheckpointPolicy::Manual => None,
            CheckpointPolicy::Automatic { interval } => Some(interval),
        };
        Self { interval, since: None }
    }

    pub(super) fn is_on(&self) -> bool {
        self.interval.is_some()
    }

    /// Something was processed at monotonic time `now`.
    pub(super) fn processed(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// When to store it; `None` while there is nothing to store.
    pub(super) fn due_at(&self) -> Option<Duration> {
        Some(self.since?.saturating_add(self.interval?))
    }

    pub(super) fn stored(&mut self) {
        self.since = None;
    }

    /// It could not be stored at `now`; later.
    pub(super) fn postpone(&mut self, now: Duration) {
        self.since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn manual_is_never_due() {
        let mut manual = Automatic::new(CheckpointPolicy::Manual);
        manual.processed(Duration::from_secs(1));
        assert_eq!(manual.due_at(), None);
    }

    proptest! {
        /// The oldest record that is not stored decides, so nothing waits for longer than the interval.
        #[test]
        fn nothing_waits_for_longer_than_the_interval(interval in 0_u64..100, times in proptest::collection::vec(0_u64..50, 1..20)) {
            let interval = Duration::from_secs(interval);
            let mut automatic = Automatic::new(CheckpointPolicy::Automatic { interval });
            prop_assert_eq!(automatic.due_at(), None);
            let (mut now, first) = (Duration::from_secs(times[0]), Duration::from_secs(times[0]));
            for time in times {
                automatic.processed(now);
                prop_assert_eq!(automatic.due_at(), Some(first + interval));
                now += Duration::from_secs(time);
            }
            automatic.stored();
            prop_assert_eq!(automatic.due_at(), None);
        }
    }
}
