//! How a call ended: AWS's exceptions as gRPC's codes, with the exception in the details.
//!
//! The code says what a client that knows nothing of Kinesis may do. Who knows it finds the exception's name as the
//! reason of `google.rpc.ErrorInfo`. `google.rpc.RetryInfo` says when to try again, where that is known.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use hyper::header::{HeaderMap, HeaderValue};
use millstream_proto::v1;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt, pb};

use crate::aws::codec::{ApiError, ErrorCode, protobuf};

/// A status is sent as a header, and clients take 8 KiB of all headers together: this much of a text fits twice, in
/// percent signs and in base64.
const TEXT_BYTES_MAX: usize = 1200;

/// What an exception may say beside its text, in base64 and with the longest text.
const EXCEPTION_BYTES_MAX: usize = 1536;

const CANCELED: &str = "TransactionCanceledException";

/// A shard's throughput and the rates of calls are counted by the second.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The metadata of `ErrorInfo` with the status that the AWS wire would have answered.
const HTTP_STATUS: &str = "http_status";

pub(super) fn refused(code: impl ErrorCode, text: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(code, text)
}

/// The status of a call that AWS would have answered so.
pub(super) fn of_error(error: &ApiError) -> Status {
    let code = code_of(error.code(), error.status());
    let mut details = ErrorDetails::new();
    let http_status = (HTTP_STATUS.to_owned(), error.status().to_string());
    details.set_error_info(error.code(), millstream_proto::ERROR_DOMAIN, HashMap::from([http_status]));
    if code == Code::ResourceExhausted {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    let text = clipped(error.message().unwrap_or(error.code()));
    let status = Status::with_error_details(code, text.clone(), details);
    match exception(error) {
        Some(exception) => with_exception(&status, text, exception),
        None => status,
    }
}

/// What else the exception says, as far as there is room for it.
fn exception(error: &ApiError) -> Option<prost_types::Any> {
    let mut value = protobuf::details(error)?;
    if value.len() > EXCEPTION_BYTES_MAX && error.code() == CANCELED {
        value = without_items(&value)?;
    }
    let type_url = format!("type.googleapis.com/{}.{}", millstream_proto::PACKAGE, error.code());
    (value.len() <= EXCEPTION_BYTES_MAX).then_some(prost_types::Any { type_url, value })
}

/// The reasons without what is large in them: first the items, then the texts.
fn without_items(canceled: &[u8]) -> Option<Vec<u8>> {
    let mut canceled = v1::TransactionCanceledException::decode(canceled).ok()?;
    canceled.cancellation_reasons.iter_mut().for_each(|reason| reason.item.clear());
    if canceled.encoded_len() > EXCEPTION_BYTES_MAX {
        canceled.cancellation_reasons.iter_mut().for_each(|reason| reason.message = None);
    }
    Some(canceled.encode_to_vec())
}

fn with_exception(status: &Status, text: String, exception: prost_types::Any) -> Status {
    // The bytes were written a moment ago.
    let mut details = pb::Status::decode(status.details()).unwrap_or_default();
    details.details.push(exception);
    Status::with_details(status.code(), text, details.encode_to_vec().into())
}

/// What a call that went as it should ends with.
pub(super) fn ok() -> HeaderMap {
    HeaderMap::from_iter([(super::reply::GRPC_STATUS, HeaderValue::from_static("0"))])
}

/// What ends a call, to be sent behind its messages or in front of none.
pub(super) fn trailers(status: &Status) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if status.add_header(&mut headers).is_err() {
        // Texts are encoded so that they are valid headers; were one not, the code alone says enough.
        headers = HeaderMap::new();
        headers.insert(super::reply::GRPC_STATUS, HeaderValue::from(status.code() as i32));
    }
    headers
}

fn code_of(exception: &str, http_status: u16) -> Code {
    match exception {
        "ResourceNotFoundException" | "KMSNotFoundException" | "TableNotFoundException" => Code::NotFound,
        "ExpiredIteratorException" | "ExpiredNextTokenException" | "TrimmedDataAccessException" => {
            Code::OutOfRange
        }
        "InvalidArgumentException" | "ValidationException" | "SerializationException" => {
            Code::InvalidArgument
        }
        "AccessDeniedException" | "KMSAccessDeniedException" => Code::PermissionDenied,
        "LimitExceededException"
        | "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "KMSThrottlingException" => Code::ResourceExhausted,
        "TransactionCanceledException"
        | "TransactionConflictException"
        | "TransactionInProgressException" => Code::Aborted,
        "UnknownOperationException" => Code::Unimplemented,
        "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "UnrecognizedClientException" => Code::Unauthenticated,
        "ServiceUnavailableException" => Code::Unavailable,
        _ if http_status >= 500 => Code::Internal,
        // What is wrong is not the request but the state of what it is about.
        _ => Code::FailedPrecondition,
    }
}

/// As much of a text as a header takes.
fn clipped(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT_BYTES_MAX)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::codec::ProtocolError;
    use crate::aws::kinesis::generated::Exception;

    #[test]
    fn a_status_carries_the_exception() {
        let error = ApiError::new(Exception::ProvisionedThroughputExceeded, "Rate exceeded");
        let status = of_error(&error);
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "Rate exceeded"));
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "ProvisionedThroughputExceededException");
        assert_eq!((info.domain.as_str(), info.metadata["http_status"].as_str()), ("millstream", "400"));
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(RETRY_DELAY));
        let bare = of_error(&ApiError::bare(ProtocolError::InternalFailure));
        assert_eq!((bare.code(), bare.message()), (Code::Internal, "InternalFailure"));
        assert!(bare.get_error_details().retry_info().is_none());
    }

    #[test]
    fn headers_stay_small_whatever_the_text_is() {
        for text in ["x".repeat(100_000), "é".repeat(50_000), "\u{1}\n".repeat(50_000)] {
            let headers = trailers(&of_error(&ApiError::new(ProtocolError::Validation, text)));
            let bytes: usize =
                headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
            assert!(bytes < 8 * 1024, "{bytes}");
            assert_eq!(headers["grpc-status"], "3");
        }
    }
}
