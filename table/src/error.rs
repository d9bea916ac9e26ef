//! What the table service answers when it does not do what was asked: DynamoDB's exceptions, with AWS's
//! words.

use std::fmt;

use millstream_storage::{Error as StorageError, ErrorKind};

use crate::item::{CorruptItem, Item};
use crate::number::NumberError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Variants mirror DynamoDB's exceptions; the text is what AWS sends where it is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Validation(String),
    /// To clients the same; but a transaction is not canceled with it as the reason: it is refused.
    #[error("{0}")]
    EmptyKey(String),
    #[error("{0}")]
    ResourceNotFound(String),
    #[error("{0}")]
    ResourceInUse(String),
    /// The one exception of the backup operations for a table that is not there.
    #[error("{0}")]
    TableNotFound(String),
    /// There is no resource policy, or not in the revision that was expected.
    #[error("{0}")]
    PolicyNotFound(String),
    /// `item` is what the condition was tried on, for callers who ask to see it.
    #[error("The conditional request failed")]
    ConditionalCheckFailed { item: Option<Box<Item>> },
    #[error(
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
         provisioning level with the UpdateTable API."
    )]
    ProvisionedThroughputExceeded { reasons: Vec<ThrottlingReason> },
    /// A table that pays per request, beyond the most that it was to take.
    #[error("Throughput exceeds the maximum OnDemandThroughput configured on table or index")]
    Throttling { reasons: Vec<ThrottlingReason> },
    #[error("{0}")]
    LimitExceeded(String),
    #[error("Collection size exceeded.")]
    ItemCollectionSizeLimitExceeded,
    /// One reason for each action, in the request's order.
    #[error(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes(reasons)
    )]
    TransactionCanceled { reasons: Vec<CancellationReason> },
    #[error("Transaction is ongoing for the item")]
    TransactionConflict,
    #[error("{0}")]
    TransactionInProgress(String),
    /// A token was given before, with other parameters.
    #[error("{0}")]
    IdempotentParameterMismatch(String),
    /// An iterator of a table's stream is too old to be used.
    #[error("{0}")]
    ExpiredIterator(String),
    /// Records of a table's stream that are no longer kept.
    #[error("{0}")]
    TrimmedDataAccess(String),
    /// Not now: the disk is full, or the server is starting or stopping. Nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// Ours or the disk's fault. The text is for the log; clients get AWS's general one.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// The most frequent beginning of DynamoDB's complaints about parameters.
    pub(crate) fn invalid_parameter(what: impl fmt::Display) -> Self {
        Self::Validation(format!("One or more parameter values were invalid: {what}"))
    }
}

impl From<NumberError> for Error {
    fn from(error: NumberError) -> Self {
        Self::Validation(error.to_string())
    }
}

impl From<CorruptItem> for Error {
    fn from(error: CorruptItem) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error.kind() {
            ErrorKind::Refused | ErrorKind::Uncertain => Self::Unavailable(error.to_string()),
            ErrorKind::Conflict | ErrorKind::Fatal => Self::Internal(error.to_string()),
        }
    }
}

/// Which limit of which table or index throttled a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottlingReason {
    /// As in `TableReadProvisionedThroughputExceeded`.
    pub reason: String,
    /// An ARN.
    pub resource: String,
}

/// Why one action of a transaction was, or would have been, carried out or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancellationReason {
    pub code: CancellationCode,
    pub message: Option<String>,
    /// What the condition was tried on, if the action asked to see it.
    pub item: Option<Item>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CancellationCode {
    /// This action was not what stood in the way.
    #[default]
    None,
    ConditionalCheckFailed,
    ItemCollectionSizeLimitExceeded,
    TransactionConflict,
    ProvisionedThroughputExceeded,
    ThrottlingError,
    ValidationError,
}

impl CancellationCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ConditionalCheckFailed => "ConditionalCheckFailed",
            Self::ItemCollectionSizeLimitExceeded => "ItemCollectionSizeLimitExceeded",
            Self::TransactionConflict => "TransactionConflict",
            Self::ProvisionedThroughputExceeded => "ProvisionedThroughputExceeded",
            Self::ThrottlingError => "ThrottlingError",
            Self::ValidationError => "ValidationError",
        }
    }
}

fn codes(reasons: &[CancellationReason]) -> String {
    reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_transaction_names_the_code_of_every_action() {
        let failed = CancellationReason {
            code: CancellationCode::ConditionalCheckFailed,
            ..CancellationReason::default()
        };
        let error = Error::TransactionCanceled { reasons: vec![failed, CancellationReason::default()] };
        let text = "Transaction cancelled, please refer cancellation reasons for specific reasons \
                    [ConditionalCheckFailed, None]";
        assert_eq!(error.to_string(), text);
    }
}
