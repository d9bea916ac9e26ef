//! What an account has set for all its streams in a region: whether it is committed to a minimum throughput.
//!
//! With the commitment, on-demand streams are "Advantage": they can be kept warm, and have more consumers. An account
//! that never set anything is not in here. As with streams, a state ends by the clock and not by a task.

use std::collections::HashMap;

use millstream_model::{AccountId, Region, Timestamp, limits as aws};
use parking_lot::RwLock;

/// Whether an account is committed to pay for a minimum throughput (MinimumThroughputBillingCommitment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitmentStatus {
    Disabled,
    Enabled,
    /// It was disabled within the first 24 hours, and ends with them.
    EnabledUntilEarliestAllowedEnd,
}

/// An account's commitment as callers see it. Without one ever made, it has no times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitmentDescription {
    pub status: CommitmentStatus,
    pub started_at: Option<Timestamp>,
    /// Absent until it has ended.
    pub ended_at: Option<Timestamp>,
    /// 24 hours after the start.
    pub earliest_allowed_end_at: Option<Timestamp>,
}

/// An account's commitment as it is persisted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commitment {
    pub(crate) started: Option<Timestamp>,
    /// When it ends, or has ended.
    pub(crate) ends: Option<Timestamp>,
}

impl Commitment {
    pub(crate) fn status(self, now: Timestamp) -> CommitmentStatus {
        match (self.started, self.ends) {
            (None, _) => CommitmentStatus::Disabled,
            (Some(_), None) => CommitmentStatus::Enabled,
            (Some(_), Some(ends)) if now < ends => CommitmentStatus::EnabledUntilEarliestAllowedEnd,
            (Some(_), Some(_)) => CommitmentStatus::Disabled,
        }
    }

    pub(crate) fn describe(self, now: Timestamp) -> CommitmentDescription {
        let status = self.status(now);
        CommitmentDescription {
            status,
            started_at: self.started,
            ended_at: self.ends.filter(|_| status == CommitmentStatus::Disabled),
            earliest_allowed_end_at: self.earliest_end(),
        }
    }

    /// Begins, or goes on as if it had not been going to end. Nothing, where it is enabled.
    pub(crate) fn enable(self, now: Timestamp) -> Self {
        match self.status(now) {
            CommitmentStatus::Disabled => Self { started: Some(now), ends: None },
            CommitmentStatus::Enabled | CommitmentStatus::EnabledUntilEarliestAllowedEnd => {
                Self { ends: None, ..self }
            }
        }
    }

    /// Ends as soon as it may. Nothing, where it has ended or is about to.
    pub(crate) fn disable(self, now: Timestamp) -> Self {
        match self.status(now) {
            CommitmentStatus::Enabled => Self { ends: self.earliest_end().max(Some(now)), ..self },
            CommitmentStatus::Disabled | CommitmentStatus::EnabledUntilEarliestAllowedEnd => self,
        }
    }

    fn earliest_end(self) -> Option<Timestamp> {
        self.started.map(|started| started.plus(aws::COMMITMENT_MIN))
    }
}

/// The accounts that have set something, by region.
#[derive(Debug, Default)]
pub(crate) struct Accounts(RwLock<HashMap<(AccountId, Region), Commitment>>);

impl Accounts {
    pub(crate) fn commitment(&self, account: &AccountId, region: &Region) -> Commitment {
        let key = (account.clone(), region.clone());
        self.0.read().get(&key).copied().unwrap_or_default()
    }

    /// Shows what has been persisted.
    pub(crate) fn set(&self, account: AccountId, region: Region, commitment: Commitment) {
        self.0.write().insert((account, region), commitment);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hours: u32) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).plus(HOUR * hours)
    }

    fn times(commitment: Commitment, now: Timestamp) -> [Option<Timestamp>; 3] {
        let CommitmentDescription { started_at, ended_at, earliest_allowed_end_at, .. } =
            commitment.describe(now);
        [started_at, ended_at, earliest_allowed_end_at]
    }

    #[test]
    fn nothing_was_ever_set() {
        let never = Commitment::default();
        assert_eq!(never.status(at(0)), CommitmentStatus::Disabled);
        assert_eq!(times(never, at(0)), [None; 3]);
        assert_eq!(never.disable(at(0)), never);
    }

    #[test]
    fn it_lasts_a_day_at_least_and_then_ends_by_itself() {
        let enabled = Commitment::default().enable(at(0));
        assert_eq!(enabled.status(at(1000)), CommitmentStatus::Enabled);
        assert_eq!(times(enabled, at(1)), [Some(at(0)), None, Some(at(24))]);
        assert_eq!(enabled.enable(at(5)), enabled);

        let ending = enabled.disable(at(3));
        assert_eq!(ending.status(at(23)), CommitmentStatus::EnabledUntilEarliestAllowedEnd);
        assert_eq!(times(ending, at(23)), [Some(at(0)), None, Some(at(24))]);
        assert_eq!(ending.disable(at(23)), ending);
        assert_eq!(ending.status(at(24)), CommitmentStatus::Disabled);
        assert_eq!(times(ending, at(24)), [Some(at(0)), Some(at(24)), Some(at(24))]);
        assert_eq!(ending.disable(at(30)), ending);

        let again = ending.enable(at(30));
        assert_eq!(times(again, at(30)), [Some(at(30)), None, Some(at(54))]);
    }

    #[test]
    fn an_end_to_come_can_be_taken_back() {
        let enabled = Commitment::default().enable(at(0));
        let kept = enabled.disable(at(3)).enable(at(4));
        assert_eq!(kept, enabled);
        assert_eq!(kept.status(at(100)), CommitmentStatus::Enabled);
    }

    #[test]
    fn after_a_day_it_ends_at_once() {
        let ended = Commitment::default().enable(at(0)).disable(at(40));
        assert_eq!(ended.status(at(40)), CommitmentStatus::Disabled);
        assert_eq!(times(ended, at(41)), [Some(at(0)), Some(at(40)), Some(at(24))]);
    }
}
