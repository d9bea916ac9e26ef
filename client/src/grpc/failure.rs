//! From a status to our errors, by the exception's name in its details.

use std::error::Error as _;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::aws::failure::of_transport;
use crate::error::Error;

/// Where `ErrorInfo` has the status that the AWS wire would have answered.
const HTTP_STATUS: &str = "http_status";

/// What a failed call means.
pub(super) fn of_status(status: &Status) -> Error {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == millstream_proto::ERROR_DOMAIN);
    if let Some(info) = info {
        let http_status = info.metadata.get(HTTP_STATUS).and_then(|text| text.parse().ok()).unwrap_or(400);
        return Error::of_code(Some(&info.reason), status.message(), http_status);
    }
    if let Some(error) = status.source().and_then(of_transport) {
        return error;
    }
    let message = status.message().to_owned();
    match status.code() {
        Code::Unavailable => Error::ServiceUnavailable { status: 503, message },
        Code::ResourceExhausted => Error::Throttling(message),
        Code::Internal | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded | Code::Aborted => {
            Error::ConnectionLost(message)
        }
        code => Error::Refused { code: format!("{code:?}"), status: 400, message },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn with_info(domain: &str, reason: &str, http_status: &str) -> Error {
        let metadata = HashMap::from([(HTTP_STATUS.to_owned(), http_status.to_owned())]);
        let details = ErrorDetails::with_error_info(reason, domain, metadata);
        of_status(&Status::with_error_details(Code::InvalidArgument, "m", details))
    }

    #[test]
    fn the_exception_says_more_than_the_code() {
        let text = || "m".to_owned();
        let domain = millstream_proto::ERROR_DOMAIN;
        assert_eq!(with_info(domain, "LimitExceededException", "400"), Error::LimitExceeded(text()));
        assert_eq!(
            with_info(domain, "Strange", "502"),
            Error::ServiceUnavailable { status: 502, message: text() }
        );
        let other = with_info("elsewhere", "LimitExceededException", "400");
        assert!(matches!(other, Error::Refused { .. }), "{other:?}");
    }

    #[test]
    fn without_an_exception_the_code_must_do() {
        assert!(of_status(&Status::unavailable("m")).is_retryable());
        assert!(!of_status(&Status::internal("m")).has_no_side_effects());
        assert!(!of_status(&Status::unimplemented("m")).is_retryable());
    }
}
