//! From the table service's errors to ours.

use millstream_table::Error as TableError;

use crate::error::Error;
use crate::store::table::Table;

/// What a failed call on a table means.
pub(super) fn of_table(table: &Table, error: &TableError) -> Error {
    let message = error.to_string();
    match error {
        TableError::ProvisionedThroughputExceeded { .. }
        | TableError::Throttling { .. }
        | TableError::LimitExceeded(_)
        | TableError::TransactionConflict => Error::Throttled(message),
        TableError::ResourceNotFound(_) | TableError::TableNotFound(_) => {
            Error::TableMissing(table.name.clone())
        }
        // Whether something was written is not told apart: a commit whose end is not known counts as unavailable.
        TableError::Unavailable(_) | TableError::Internal(_) => Error::Unavailable(message),
        TableError::Validation(_) | TableError::EmptyKey(_) => validation(message),
        TableError::ResourceInUse(_) => refused("ResourceInUseException", message),
        TableError::PolicyNotFound(_) => refused("PolicyNotFoundException", message),
        TableError::ConditionalCheckFailed { .. } => refused("ConditionalCheckFailedException", message),
        TableError::ItemCollectionSizeLimitExceeded => {
            refused("ItemCollectionSizeLimitExceededException", message)
        }
        TableError::TransactionCanceled { .. } => refused("TransactionCanceledException", message),
        TableError::TransactionInProgress(_) => refused("TransactionInProgressException", message),
        TableError::IdempotentParameterMismatch(_) => {
            refused("IdempotentParameterMismatchException", message)
        }
        TableError::ExpiredIterator(_) => refused("ExpiredIteratorException", message),
        TableError::TrimmedDataAccess(_) => refused("TrimmedDataAccessException", message),
    }
}

/// A row that a table cannot hold.
pub(super) fn validation(message: String) -> Error {
    refused("ValidationException", message)
}

fn refused(code: &str, message: String) -> Error {
    Error::Refused { code: code.to_owned(), message }
}
