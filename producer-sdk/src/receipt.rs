//! What became of a record, and on which way.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use millstream_client::{Acknowledgement, Error, SequenceNumber};
use millstream_model::ShardId;

/// Says that a record is stored, and where.
#[derive(Clone, Debug)]
pub struct Receipt {
    delivery: Arc<Delivery>,
    stored: Acknowledgement,
    sub_sequence_number: u64,
    /// By the monotonic clock.
    asked: Duration,
    admitted: Duration,
}

/// One attempt to store the record, or the aggregated record that it was in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// From the end of the attempt before, or from when the record was ready to be sent: waiting for the shard's
    /// limits, for records before it, for a call to be free, and backing off.
    pub delay: Duration,
    /// How long the call took.
    pub duration: Duration,
    /// How it ended.
    pub outcome: AttemptOutcome,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It stored the record where the record belongs.
    Stored(Acknowledgement),
    /// It stored an aggregated record in a shard that some of its members do not belong to, because the stream was
    /// resharded meanwhile. Some consumers leave such a record out, so all its members are put again.
    StoredElsewhere(Acknowledgement),
    /// It failed, or its end is not known: [`Error::has_no_side_effects`] tells.
    Failed(Error),
}

impl Attempt {
    /// Why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match &self.outcome {
            AttemptOutcome::Failed(error) => Some(error),
            AttemptOutcome::Stored(_) | AttemptOutcome::StoredElsewhere(_) => None,
        }
    }

    /// Whether the record certainly is in the stream by this attempt.
    #[must_use]
    pub fn has_stored(&self) -> bool {
        self.error().is_none()
    }

    /// Whether the record may be in the stream by this attempt.
    #[must_use]
    pub fn may_have_stored(&self) -> bool {
        self.error().is_none_or(|error| !error.has_no_side_effects())
    }
}

/// Where a record's time went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageTimes {
    /// Waiting for room in the producer's budget.
    pub admission: Duration,
    /// In the container that was being filled.
    pub buffering: Duration,
    /// Ready to be sent, until it was sent for the first time: waiting for the shard's limits, for records before it,
    /// and for a call to be free.
    pub queueing: Duration,
    /// From when it was sent first until it was acknowledged: the calls, and what lay between them.
    pub sending: Duration,
}

impl StageTimes {
    /// From the call of the producer to the acknowledgement.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.admission + self.buffering + self.queueing + self.sending
    }
}

/// What all members of a container have in common once its fate is decided.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) end: End,
    pub(crate) attempts: Vec<Attempt>,
    /// Whether the members are in a container, which gives them sub-sequence numbers.
    pub(crate) is_container: bool,
    /// By the monotonic clock.
    pub(crate) sealed: Duration,
    pub(crate) sent: Option<Duration>,
    pub(crate) ended: Duration,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Stored(Acknowledgement),
    Rejected(Error),
    Expired,
    Abandoned,
}

impl Receipt {
    pub(crate) fn new(
        delivery: Arc<Delivery>,
        stored: Acknowledgement,
        place: u64,
        asked: Duration,
        admitted: Duration,
    ) -> Self {
        let sub_sequence_number = if delivery.is_container { place } else { 0 };
        Self { delivery, stored, sub_sequence_number, asked, admitted }
    }

    /// Of the record of the stream: all members of an aggregated record have the same.
    #[must_use]
    pub fn sequence_number(&self) -> &SequenceNumber {
        &self.stored.sequence_number
    }

    /// The place among the members of an aggregated record; 0 of a record that went alone.
    #[must_use]
    pub fn sub_sequence_number(&self) -> u64 {
        self.sub_sequence_number
    }

    /// Whether it is a member of an aggregated record.
    #[must_use]
    pub fn is_aggregated(&self) -> bool {
        self.delivery.is_container
    }

    /// Where the record is stored.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        self.stored.shard
    }

    /// What was tried, in order; the last one stored the record.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.delivery.attempts
    }

    /// How often the record is in the stream: at least as often as attempts were acknowledged, at most as often as
    /// that and attempts whose end is not known. `1..=1` of a record that was never tried again.
    #[must_use]
    pub fn copies(&self) -> RangeInclusive<usize> {
        let count = |counts: fn(&Attempt) -> bool| self.attempts().iter().filter(|&a| counts(a)).count();
        count(Attempt::has_stored)..=count(Attempt::may_have_stored)
    }

    /// Where the record's time went.
    #[must_use]
    pub fn times(&self) -> StageTimes {
        let Delivery { sealed, sent, ended, .. } = *self.delivery;
        let sent = sent.unwrap_or(ended);
        StageTimes {
            admission: self.admitted.saturating_sub(self.asked),
            buffering: sealed.saturating_sub(self.admitted),
            queueing: sent.saturating_sub(sealed.max(self.admitted)),
            sending: ended.saturating_sub(sent),
        }
    }
}
