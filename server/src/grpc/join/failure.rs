//! How a member's call ends, and what the server's own refusals are to the SDK that reads for it.

use millstream_client::Error as ClientError;
use millstream_client::error::KmsFault;
use millstream_group::Error;
use millstream_lease::Error as LeaseError;
use tonic::Status;

use crate::aws::codec::{ApiError, ProtocolError};
use crate::aws::kinesis::generated::Exception;
use crate::grpc::status::of_error;

/// The status of a call that ended so.
pub(super) fn status_of(error: Error) -> Status {
    let text = error.to_string();
    of_error(&match error {
        Error::InvalidArgument(text) => ApiError::new(Exception::InvalidArgument, text),
        Error::Stream { error, .. } => of_client(error),
        Error::StreamDeleted(_) => ApiError::new(Exception::ResourceNotFound, text),
        Error::StreamRecreated(_) | Error::AnotherMode(_) | Error::Replaced => {
            ApiError::new(Exception::ResourceInUse, text)
        }
        Error::Full(_) => ApiError::new(Exception::LimitExceeded, text),
        Error::Leases(error) => of_lease(&error),
        Error::Unavailable(text) => ApiError::new(ProtocolError::ServiceUnavailable, text),
        Error::BrokenOff(text) => return Status::cancelled(text),
        Error::Failed => ApiError::new(ProtocolError::InternalFailure, text),
    })
}

fn of_lease(error: &LeaseError) -> ApiError {
    let text = error.to_string();
    match error {
        // It has another key than leases have.
        LeaseError::Refused { code, .. } if code == "ValidationException" => {
            let text = format!("The application's table is not one of leases: {text}");
            ApiError::new(Exception::ResourceInUse, text)
        }
        LeaseError::Throttled(_) => ApiError::new(Exception::ProvisionedThroughputExceeded, text),
        LeaseError::Unavailable(_) => ApiError::new(ProtocolError::ServiceUnavailable, text),
        LeaseError::TableMissing(_) => ApiError::new(Exception::ResourceNotFound, text),
        // A table of the application's name that is another's, say.
        LeaseError::Refused { .. } | LeaseError::BadRow(_) => ApiError::new(Exception::ResourceInUse, text),
        LeaseError::Misuse(_) => ApiError::new(Exception::InvalidArgument, text),
        LeaseError::CheckpointGoesBack { .. } => ApiError::new(ProtocolError::InternalFailure, text),
    }
}

/// The exception that a client's error came from.
fn of_client(error: ClientError) -> ApiError {
    let text = error.to_string();
    match error {
        ClientError::AccessDenied(text) => ApiError::new(Exception::AccessDenied, text),
        ClientError::ExpiredIterator(text) => ApiError::new(Exception::ExpiredIterator, text),
        ClientError::ExpiredNextToken(text) => ApiError::new(Exception::ExpiredNextToken, text),
        ClientError::InvalidArgument(text) => ApiError::new(Exception::InvalidArgument, text),
        ClientError::Kms { fault, message } => ApiError::new(of_kms(fault), message),
        ClientError::LimitExceeded(text) => ApiError::new(Exception::LimitExceeded, text),
        ClientError::ProvisionedThroughputExceeded(text) => {
            ApiError::new(Exception::ProvisionedThroughputExceeded, text)
        }
        ClientError::ResourceInUse(text) => ApiError::new(Exception::ResourceInUse, text),
        ClientError::ResourceNotFound(text) => ApiError::new(Exception::ResourceNotFound, text),
        ClientError::Throttling(text) => ApiError::new(ProtocolError::Throttling, text),
        ClientError::Validation(text) => ApiError::new(Exception::Validation, text),
        ClientError::ServiceUnavailable { message, .. } => {
            ApiError::new(ProtocolError::ServiceUnavailable, message)
        }
        ClientError::InternalFailure(_)
        | ClientError::Unauthenticated { .. }
        | ClientError::Refused { .. }
        | ClientError::Configuration(_)
        | ClientError::Credentials(_)
        | ClientError::NotOffered(_)
        | ClientError::Unsendable(_)
        | ClientError::Unreachable(_)
        | ClientError::Untrusted(_)
        | ClientError::ConnectionLost(_)
        | ClientError::TimedOut(_)
        | ClientError::UnreadableReply(_) => ApiError::new(ProtocolError::InternalFailure, text),
    }
}

fn of_kms(fault: KmsFault) -> Exception {
    match fault {
        KmsFault::AccessDenied => Exception::KmsAccessDenied,
        KmsFault::Disabled => Exception::KmsDisabled,
        KmsFault::InvalidState => Exception::KmsInvalidState,
        KmsFault::NotFound => Exception::KmsNotFound,
        KmsFault::OptInRequired => Exception::KmsOptInRequired,
        KmsFault::Throttling => Exception::KmsThrottling,
    }
}

/// What a refusal would have been to a client at the other end of a wire.
pub(super) fn to_client(error: &ApiError) -> ClientError {
    ClientError::of_code(Some(error.code()), error.message().unwrap_or_default(), error.status())
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;

    #[test]
    fn an_exception_comes_through_as_it_was() {
        for (exception, code) in [
            (Exception::ResourceNotFound, Code::NotFound),
            (Exception::InvalidArgument, Code::InvalidArgument),
            (Exception::LimitExceeded, Code::ResourceExhausted),
            (Exception::KmsNotFound, Code::NotFound),
        ] {
            let refused = ApiError::new(exception, "because");
            let stream = "orders".parse().unwrap();
            let status = status_of(Error::Stream { stream, error: to_client(&refused) });
            assert_eq!((status.code(), status.message()), (code, "because"));
            assert_eq!(status.get_error_details().error_info().unwrap().reason, refused.code());
        }
    }

    #[test]
    fn every_end_has_its_code() {
        let code = |error| status_of(error).code();
        assert_eq!(code(Error::Full(3)), Code::ResourceExhausted);
        assert_eq!(code(Error::Replaced), Code::FailedPrecondition);
        assert_eq!(code(Error::Unavailable("stopping")), Code::Unavailable);
        assert_eq!(code(Error::StreamDeleted("orders".parse().unwrap())), Code::NotFound);
        assert_eq!(code(Error::BrokenOff("gone".to_owned())), Code::Cancelled);
        assert_eq!(code(Error::Failed), Code::Internal);
    }
}
