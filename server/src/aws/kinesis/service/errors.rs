//! What an engine's error is to a client.

use millstream_engine::Error;

use crate::aws::codec::{ApiError, ProtocolError};
use crate::aws::kinesis::generated::Exception;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::ResourceNotFound(text) => Self::new(Exception::ResourceNotFound, text),
            Error::ResourceInUse(text) => Self::new(Exception::ResourceInUse, text),
            Error::LimitExceeded(text) => Self::new(Exception::LimitExceeded, text),
            Error::InvalidArgument(text) => Self::new(Exception::InvalidArgument, text),
            Error::Validation(text) => Self::new(Exception::Validation, text),
            Error::ProvisionedThroughputExceeded(text) => {
                Self::new(Exception::ProvisionedThroughputExceeded, text)
            }
            Error::ExpiredIterator(text) => Self::new(Exception::ExpiredIterator, text),
            Error::ExpiredNextToken(text) => Self::new(Exception::ExpiredNextToken, text),
            Error::KmsAccessDenied(text) => Self::new(Exception::KmsAccessDenied, text),
            Error::KmsInvalidState(text) => Self::new(Exception::KmsInvalidState, text),
            Error::KmsNotFound(text) => Self::new(Exception::KmsNotFound, text),
            Error::DryRun(text) => Self::new(Exception::DryRunOperation, text),
            Error::Unavailable(text) => Self::new(ProtocolError::ServiceUnavailable, text),
            Error::Internal(text) => {
                // AWS tells clients nothing; the operator wants to know.
                tracing::error!(%text, "a request failed inside");
                Self::bare(ProtocolError::InternalFailure)
            }
        }
    }
}

pub(super) fn invalid_argument(text: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(Exception::InvalidArgument, text)
}
