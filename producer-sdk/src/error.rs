//! Why a producer could not start, and why a record was not put.

use std::sync::Arc;

use millstream_client::StreamRef;

use crate::receipt::{Attempt, Delivery};
use crate::record::Record;

/// What the functions of this crate give.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a producer could not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Configuration(String),
    /// The shards of the stream cannot be listed.
    #[error("stream {stream}: {error}")]
    Stream {
        /// The stream that was to be written to.
        stream: StreamRef,
        /// What the service said.
        error: millstream_client::Error,
    },
}

/// Why a record was not put, or is not known to have been put: [`Self::copies_max`] tells these apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The record has no valid form. It was not sent.
    #[error("{0}")]
    Invalid(&'static str),
    /// The record is larger than [`crate::ProducerSettings::max_user_record_size`]. It was not sent.
    #[error("a record of {bytes} bytes is larger than {bytes_max}")]
    TooLarge {
        /// Of the partition key, the data, and what goes with them.
        bytes: usize,
        /// As many are allowed.
        bytes_max: usize,
    },
    /// The record could not be compressed or encrypted. It was not sent.
    #[error("a record cannot be sealed: {0}")]
    Unsealed(String),
    /// The producer takes no records any more. It was not sent.
    #[error("the producer is closed")]
    Closed,
    /// The producer was closed, or dropped, before the record was acknowledged.
    #[error("the producer was closed before the record was acknowledged, after {} attempts", .0.attempts().len())]
    Abandoned(Undelivered),
    /// The record was not acknowledged within [`crate::ProducerSettings::record_ttl`].
    #[error("the record expired after {} attempts{}", .0.attempts().len(), last_error(.0.attempts()))]
    Expired(Undelivered),
    /// The service refused the record, or the call that it was in, and another attempt would not help.
    #[error("{error}")]
    Rejected {
        /// What the service said last.
        error: millstream_client::Error,
        /// What happened before.
        undelivered: Undelivered,
    },
}

/// A record that was sent, or was waiting to be, and was never acknowledged.
#[derive(Clone, Debug)]
pub struct Undelivered {
    delivery: Arc<Delivery>,
}

impl PartialEq for Undelivered {
    fn eq(&self, other: &Self) -> bool {
        self.attempts() == other.attempts()
    }
}

impl Eq for Undelivered {}

impl Undelivered {
    pub(crate) fn new(delivery: Arc<Delivery>) -> Self {
        Self { delivery }
    }

    /// What was tried, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.delivery.attempts
    }
}

impl PutError {
    /// What was tried, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Abandoned(undelivered)
            | Self::Expired(undelivered)
            | Self::Rejected { undelivered, .. } => undelivered.attempts(),
            Self::Invalid(_) | Self::TooLarge { .. } | Self::Unsealed(_) | Self::Closed => &[],
        }
    }

    /// How often the record may be in the stream nevertheless: as many of its attempts have an unknown end, because
    /// the reply was lost, or ended in a shard that the record does not belong to. 0 says that it certainly is not.
    #[must_use]
    pub fn copies_max(&self) -> usize {
        self.attempts().iter().filter(|attempt| attempt.may_have_stored()).count()
    }
}

/// Why [`crate::Producer::try_put`] did not take a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TryPutError {
    /// The budget is used up for now. The record is given back.
    #[error("the producer's budget is used up")]
    Full(Box<Record>),
    /// Waiting would not help.
    #[error(transparent)]
    Refused(#[from] PutError),
}

fn last_error(attempts: &[Attempt]) -> String {
    let last = attempts.iter().rev().find_map(Attempt::error);
    last.map(|error| format!("; the last one: {error}")).unwrap_or_default()
}
