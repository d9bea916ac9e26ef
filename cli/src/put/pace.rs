//! How fast one lane may go: how much it sends at once, and how long it waits after a failure.
//!
//! A shard that is used up refuses single records of a batch. Sending fewer at once and waiting a little
//! finds the shard's own rate from below; growing again step by step follows it up. Pure: told the time and
//! given random numbers.

use std::time::Duration;

use millstream_client::{Attempts, Error, RetryPolicy, Verdict};
use millstream_model::limits::PUT_RECORDS_ENTRIES_MAX;

#[derive(Clone, Debug)]
pub(crate) struct Pace {
    attempts: Attempts,
    entries: usize,
}

/// What a lane does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Go,
    Wait(Duration),
    /// Nothing more can come of this lane.
    Stop,
}

impl Pace {
    /// Gives up when the service fails for longer than `patience` without storing anything. Throttles never
    /// end it: they are the service at work, at its own speed.
    pub(crate) fn new(patience: Duration) -> Self {
        let policy = RetryPolicy {
            transient_patience: patience,
            throttled_patience: Duration::MAX,
            ..RetryPolicy::default()
        };
        Self { attempts: Attempts::new(policy), entries: PUT_RECORDS_ENTRIES_MAX }
    }

    /// How many records the next batch may hold.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// After a batch of which `stored` records were stored and the others failed with `errors`.
    pub(crate) fn after_batch(
        &mut self,
        stored: usize,
        errors: &[&Error],
        now: Duration,
        random: u64,
    ) -> Step {
        let sent = stored + errors.len();
        if stored > 0 {
            self.attempts.succeeded();
        }
        let Some(worst) = errors.iter().min_by_key(|error| mildness(error)) else {
            if sent >= self.entries {
                self.entries = (self.entries + self.entries / 4 + 1).min(PUT_RECORDS_ENTRIES_MAX);
            }
            return Step::Go;
        };
        if errors.iter().any(|error| error.is_throttle()) {
            self.entries = stored.max(sent / 2).max(1);
        }
        self.wait(worst, now, random)
    }

    /// After a call that failed as a whole, with a batch of `sent` records.
    pub(crate) fn after_failure(&mut self, error: &Error, sent: usize, now: Duration, random: u64) -> Step {
        if is_about_content(error) && sent > 1 {
            // One of them is at fault, or they are too much together: smaller batches will show.
            self.entries = sent / 2;
            return Step::Go;
        }
        if error.is_throttle() {
            self.entries = (sent / 2).max(1);
        }
        self.wait(error, now, random)
    }

    fn wait(&mut self, error: &Error, now: Duration, random: u64) -> Step {
        match self.attempts.failed(error, now, random) {
            Verdict::RetryAfter(delay) => Step::Wait(delay),
            Verdict::GiveUp => Step::Stop,
        }
    }
}

/// Orders the errors of a batch, the one that decides first: what can never succeed, then what says more
/// than "too fast".
pub(crate) fn mildness(error: &Error) -> (bool, bool) {
    (error.is_retryable(), error.is_throttle())
}

fn is_about_content(error: &Error) -> bool {
    match error {
        Error::InvalidArgument(_) | Error::Validation(_) => true,
        Error::Refused { status, .. } => *status == 413,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn throttle() -> Error {
        Error::ProvisionedThroughputExceeded(String::new())
    }

    #[test]
    fn throttles_shrink_the_batch_and_success_lets_it_grow() {
        let mut pace = Pace::new(PATIENCE);
        let throttle = throttle();
        assert!(matches!(pace.after_batch(100, &[&throttle; 400], NOW, u64::MAX), Step::Wait(_)));
        assert_eq!(pace.entries(), 250);
        assert!(matches!(pace.after_batch(200, &[&throttle; 50], NOW, u64::MAX), Step::Wait(_)));
        assert_eq!(pace.entries(), 200);
        assert_eq!(pace.after_batch(200, &[], NOW, 0), Step::Go);
        assert_eq!(pace.entries(), 251);
        assert_eq!(pace.after_batch(10, &[], NOW, 0), Step::Go);
        assert_eq!(pace.entries(), 251, "a small batch proves nothing");
        assert!(matches!(pace.after_batch(0, &[&throttle], NOW, 0), Step::Wait(_)));
        assert_eq!(pace.entries(), 1);
    }

    #[test]
    fn throttles_are_waited_out_for_ever() {
        let mut pace = Pace::new(PATIENCE);
        for hour in 0..1000 {
            let step = pace.after_batch(0, &[&throttle()], Duration::from_secs(hour * 3600), u64::MAX);
            assert!(matches!(step, Step::Wait(delay) if delay <= Duration::from_secs(1)), "{step:?}");
        }
    }

    #[test]
    fn a_lost_service_is_waited_for_as_long_as_asked() {
        let mut pace = Pace::new(PATIENCE);
        let lost = Error::ConnectionLost(String::new());
        assert!(matches!(pace.after_failure(&lost, 9, NOW, 0), Step::Wait(_)));
        assert!(matches!(pace.after_failure(&lost, 9, NOW + PATIENCE, 0), Step::Wait(_)));
        assert_eq!(pace.after_failure(&lost, 9, NOW + PATIENCE * 2, 0), Step::Stop);
        let mut impatient = Pace::new(Duration::ZERO);
        assert_eq!(impatient.after_failure(&lost, 9, NOW, u64::MAX), Step::Stop);
    }

    #[test]
    fn one_record_that_cannot_succeed_decides() {
        let mut pace = Pace::new(PATIENCE);
        let refused =
            Error::Kms { fault: millstream_client::error::KmsFault::Disabled, message: String::new() };
        let throttle = throttle();
        assert_eq!(pace.after_batch(7, &[&throttle, &refused, &throttle], NOW, 0), Step::Stop);
    }

    #[test]
    fn a_refused_batch_is_halved_until_the_culprit_is_alone() {
        let mut pace = Pace::new(PATIENCE);
        let refused = Error::InvalidArgument(String::new());
        let mut sent = 500;
        while sent > 1 {
            assert_eq!(pace.after_failure(&refused, sent, NOW, 0), Step::Go);
            sent = pace.entries();
        }
        assert_eq!(pace.after_failure(&refused, 1, NOW, 0), Step::Stop);
        assert_eq!(pace.after_failure(&Error::AccessDenied(String::new()), 500, NOW, 0), Step::Stop);
    }
}
