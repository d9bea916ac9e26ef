//! What a table's error is to a client.

use millstream_table::{CancellationReason as Reason, Error, ThrottlingReason as Throttled};

use super::values::attributes;
use crate::aws::codec::{ApiError, ProtocolError};
use crate::aws::dynamodb::generated::{
    CancellationReason, ConditionalCheckFailedException, Exception, ProvisionedThroughputExceededException,
    ThrottlingException, ThrottlingReason, TransactionCanceledException,
};
use crate::aws::dynamodb::streams::generated::Exception as StreamsException;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let said = error.to_string();
        match error {
            Error::Validation(text) | Error::EmptyKey(text) => Self::new(ProtocolError::Validation, text),
            Error::ResourceNotFound(text) => Self::new(Exception::ResourceNotFound, text),
            Error::ResourceInUse(text) => Self::new(Exception::ResourceInUse, text),
            Error::TableNotFound(text) => Self::new(Exception::TableNotFound, text),
            Error::ConditionalCheckFailed { item } => {
                let item = item.map(|item| attributes(*item));
                ConditionalCheckFailedException { item }.error(said)
            }
            Error::PolicyNotFound(text) => Self::new(Exception::PolicyNotFound, text),
            Error::ProvisionedThroughputExceeded { reasons: all } => {
                ProvisionedThroughputExceededException { throttling_reasons: reasons(all) }.error(said)
            }
            Error::Throttling { reasons: all } => {
                ThrottlingException { throttling_reasons: reasons(all) }.error(said)
            }
            Error::LimitExceeded(text) => Self::new(Exception::LimitExceeded, text),
            Error::ItemCollectionSizeLimitExceeded => {
                Self::new(Exception::ItemCollectionSizeLimitExceeded, said)
            }
            Error::TransactionCanceled { reasons } => {
                let reasons = reasons.into_iter().map(reason).collect();
                TransactionCanceledException { cancellation_reasons: Some(reasons) }.error(said)
            }
            Error::TransactionConflict => Self::new(Exception::TransactionConflict, said),
            Error::TransactionInProgress(text) => Self::new(Exception::TransactionInProgress, text),
            Error::IdempotentParameterMismatch(text) => {
                Self::new(Exception::IdempotentParameterMismatch, text)
            }
            Error::ExpiredIterator(text) => Self::new(StreamsException::ExpiredIterator, text),
            Error::TrimmedDataAccess(text) => Self::new(StreamsException::TrimmedDataAccess, text),
            Error::Unavailable(text) => Self::new(ProtocolError::ServiceUnavailable, text),
            Error::Internal(text) => {
                // AWS tells clients nothing; the operator wants to know.
                tracing::error!(%text, "a request failed inside");
                Self::new(Exception::InternalServerError, "Internal server error")
            }
        }
    }
}

fn reasons(all: Vec<Throttled>) -> Option<Vec<ThrottlingReason>> {
    let shown = all.into_iter().map(|Throttled { reason, resource }| ThrottlingReason {
        reason: Some(reason.into()),
        resource: Some(resource.into()),
    });
    Some(shown.collect::<Vec<_>>()).filter(|shown| !shown.is_empty())
}

fn reason(reason: Reason) -> CancellationReason {
    CancellationReason {
        item: reason.item.map(attributes),
        code: Some(reason.code.as_str().into()),
        message: reason.message.map(Into::into),
    }
}
