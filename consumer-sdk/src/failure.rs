//! What follows when a processor fails: a pure decision, and where records go that are given up on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millstream_runtime::Backoff;

use crate::processor::{BoxError, ShardOfStream};
use crate::record::UserRecord;

/// How often a failed call is repeated, and what then.
#[derive(Clone, Debug)]
pub struct FailurePolicy {
    /// Waits before repetitions.
    pub backoff: Backoff,
    /// Repetitions after the first failure.
    pub retries_max: u32,
    /// What becomes of records that failed that often.
    pub then: AfterRetries,
}

impl Default for FailurePolicy {
    /// Ten repetitions within about two minutes.
    fn default() -> Self {
        Self {
            backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(30) },
            retries_max: 10,
            then: AfterRetries::StopShard,
        }
    }
}

impl PartialEq for FailurePolicy {
    fn eq(&self, other: &Self) -> bool {
        let kind = |policy: &Self| std::mem::discriminant(&policy.then);
        (self.backoff, self.retries_max, kind(self)) == (other.backoff, other.retries_max, kind(other))
    }
}

/// What becomes of records that cannot be processed.
#[derive(Clone, Debug)]
pub enum AfterRetries {
    /// The shard stops, and its state says why. This worker keeps the lease, because others would fail as well; it
    /// begins again when the worker starts anew, or where the lease is moved to.
    StopShard,
    /// Each remaining record of the batch is given alone once more, and what fails is left out and logged.
    Skip,
    /// As [`Self::Skip`], and what fails is put there first.
    DeadLetter(Arc<dyn DeadLetters>),
}

/// Takes records that could not be processed.
#[async_trait]
pub trait DeadLetters: fmt::Debug + Send + Sync {
    /// Keeps a record. Is tried again until it succeeds, so a record may come twice.
    async fn put(&self, shard: &ShardOfStream, record: &UserRecord, reason: &str) -> Result<(), BoxError>;
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    RetryAfter(Duration),
    GiveUp,
}

impl FailurePolicy {
    /// After so many failures in a row, from 1. `random` is drawn from all of `u64`.
    pub(crate) fn verdict(&self, failures: u32, random: u64) -> Verdict {
        if failures > self.retries_max {
            return Verdict::GiveUp;
        }
        Verdict::RetryAfter(self.backoff.delay(failures.saturating_sub(1), random))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gives_up_after_the_last_retry_and_not_before(retries_max in 0_u32..50, random: u64) {
            let policy = FailurePolicy { retries_max, ..FailurePolicy::default() };
            for failures in 1..=retries_max {
                let Verdict::RetryAfter(wait) = policy.verdict(failures, random) else { panic!("{failures}") };
                prop_assert!(wait <= policy.backoff.cap);
            }
            prop_assert_eq!(policy.verdict(retries_max + 1, random), Verdict::GiveUp);
        }
    }
}
