//! What can go wrong with leases, in words that say what was found instead.

use millstream_lease::{Error, Lease, LeaseKey, Lost, WorkerId};

#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseFailure {
    #[error("{0}")]
    Table(#[from] Error),
    #[error("{0} is no table of leases: its key is another one than leaseKey")]
    NotOfLeases(String),
    #[error("there is no lease {lease} in table {table}")]
    NoSuchLease { table: String, lease: String },
    #[error("{shard} is a shard of more than one stream: name one of {}", names(keys))]
    Ambiguous { shard: String, keys: Vec<LeaseKey> },
    #[error("{key} was removed meanwhile; nothing was written")]
    Gone { key: LeaseKey },
    #[error("somebody was faster and nothing was written: {0}")]
    Changed(Box<Lease>),
    #[error("{0}: its shard was processed to its end, so nobody needs the lease")]
    Finished(LeaseKey),
    #[error("{0} has no owner already")]
    Unowned(LeaseKey),
    #[error("{key} is being handed over from {from} to {to} already; without --graceful it goes at once")]
    InHandoff { key: LeaseKey, from: WorkerId, to: String },
    #[error("{0} has no owner who could hand it over; without --graceful it goes at once")]
    NobodyHandsOver(LeaseKey),
    #[error(
        "no worker {0} reports in this table or holds a lease of it; --force writes the name all the same"
    )]
    UnknownWorker(WorkerId),
}

impl LeaseFailure {
    pub(super) fn lost(key: &LeaseKey, lost: Lost) -> Self {
        match lost {
            Lost::Gone => Self::Gone { key: key.clone() },
            Lost::Changed(found) => Self::Changed(found),
        }
    }

    /// See [`crate::exit`].
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Table(Error::TableMissing(_))
            | Self::NotOfLeases(_)
            | Self::NoSuchLease { .. }
            | Self::Gone { .. } => 4,
            Self::Table(error) if error.is_retryable() => 3,
            _ => 1,
        }
    }

    /// Whether no answer came, so that the endpoint may be the wrong one.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Table(Error::Unavailable(_)))
    }
}

fn names(keys: &[LeaseKey]) -> String {
    keys.iter().map(LeaseKey::as_str).collect::<Vec<_>>().join(", ")
}
