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

/// A status is sent as headers, and clients take 8 KiB of all of them together: this much of a text fits twice, in
/// percent signs and in base64.
const TEXT_BYTES_MAX: usize = 1200;

/// What the text and the details have together, with room for the names of headers and for what HTTP adds.
const STATUS_BYTES_MAX: usize = 7 * 1024 + 512;

/// The metadata of `ErrorInfo` that says that the text or the exception has less than on the AWS wire, or is left out.
const CLIPPED: &str = "clipped";

const CANCELED: &str = "TransactionCanceledException";

/// A shard's throughput and the rates of calls are counted by the second.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What the AWS wire leaves unsaid of a body that it cannot read.
const MALFORMED: &str = "The message is malformed, or of another type than the call takes.";

/// The metadata of `ErrorInfo` with the status that the AWS wire would have answered.
const HTTP_STATUS: &str = "http_status";

pub(super) fn refused(code: impl ErrorCode, text: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(code, text)
}

/// The status of a call that AWS would have answered so.
pub(super) fn of_error(error: &ApiError) -> Status {
    let code = code_of(error.code(), error.status());
    let unsaid = if error.code() == "SerializationException" { MALFORMED } else { error.code() };
    let whole = error.message().unwrap_or(unsaid);
    let text = clipped(whole);
    let (exception, has_less) = exception(error, &text);
    let is_clipped = has_less || text != whole;
    let mut details = ErrorDetails::new();
    let mut metadata = HashMap::from([(HTTP_STATUS.to_owned(), error.status().to_string())]);
    if is_clipped {
        metadata.insert(CLIPPED.to_owned(), "true".to_owned());
    }
    details.set_error_info(error.code(), millstream_proto::ERROR_DOMAIN, metadata);
    if is_throttled(error.code(), whole) {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    let status = Status::with_error_details(code, text.clone(), details);
    match exception {
        Some(exception) => with_exception(&status, text, exception),
        None => status,
    }
}

/// What else the exception says, as far as there is room for it beside the text, and whether that is less than all.
fn exception(error: &ApiError, text: &str) -> (Option<prost_types::Any>, bool) {
    let Some(value) = protobuf::details(error) else { return (None, false) };
    let type_url = format!("type.googleapis.com/{}.{}", millstream_proto::PACKAGE, error.code());
    let room = room_beside(text, type_url.len());
    let shorter = || without_items(&value, room).filter(|_| error.code() == CANCELED);
    let (value, is_clipped) = match value.len() <= room {
        true => (Some(value), false),
        false => (shorter(), true),
    };
    (value.map(|value| prost_types::Any { type_url, value }), is_clipped)
}

/// How many bytes an exception may have, which is sent in base64, beside the text, which is sent as it is, or three
/// bytes for one, and once more in base64.
fn room_beside(text: &str, type_url: usize) -> usize {
    // `ErrorInfo` and `RetryInfo`, and what stands around all of them.
    const OTHERS: usize = 320;
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'%';
    let escaped = text.bytes().map(|byte| if is_plain(&byte) { 1 } else { 3 }).sum::<usize>();
    let in_base64 = STATUS_BYTES_MAX.saturating_sub(escaped) / 4 * 3;
    in_base64.saturating_sub(text.len() + type_url + OTHERS)
}

/// The reasons without what is large in them: first the items, then the texts. `None` if they are too long even so.
fn without_items(canceled: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut canceled = v1::TransactionCanceledException::decode(canceled).ok()?;
    canceled.cancellation_reasons.iter_mut().for_each(|reason| reason.item.clear());
    if canceled.encoded_len() > room {
        canceled.cancellation_reasons.iter_mut().for_each(|reason| reason.message = None);
    }
    (canceled.encoded_len() <= room).then(|| canceled.encode_to_vec())
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

/// Whether the same call may well be taken a second later. `LimitExceededException` says both that calls come too fast and
/// that there is too much of something; only its text, which is AWS's, tells which.
fn is_throttled(exception: &str, text: &str) -> bool {
    match exception {
        "LimitExceededException" => text.starts_with("Rate exceeded"),
        _ => code_of(exception, 400) == Code::ResourceExhausted,
    }
}

/// As much of a text as a header takes: its beginning and its end, which says what is wrong with what is shown before.
fn clipped(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let (head, tail) = (TEXT_BYTES_MAX / 2, text.len() - TEXT_BYTES_MAX / 2);
    format!("{}…{}", &text[..text.floor_char_boundary(head)], &text[text.ceil_char_boundary(tail)..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::codec::ProtocolError;
    use crate::aws::dynamodb::attribute_value::AttributeValue;
    use crate::aws::dynamodb::generated::{CancellationReason, TransactionCanceledException};
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
        for (text, is_throttled) in
            [("Rate exceeded for account 1.", true), ("The policy is too long.", false)]
        {
            let status = of_error(&ApiError::new(Exception::LimitExceeded, text));
            assert_eq!(status.code(), Code::ResourceExhausted);
            assert_eq!(status.get_error_details().retry_info().is_some(), is_throttled, "{text}");
        }
        let bare = of_error(&ApiError::bare(ProtocolError::InternalFailure));
        assert_eq!((bare.code(), bare.message()), (Code::Internal, "InternalFailure"));
        assert!(bare.get_error_details().retry_info().is_none());
        assert_eq!(of_error(&ApiError::bare(ProtocolError::Serialization)).message(), MALFORMED);
    }

    fn header_bytes(headers: &HeaderMap) -> usize {
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
    }

    #[test]
    fn headers_stay_small_whatever_the_text_is() {
        for text in ["x".repeat(100_000), "é".repeat(50_000), "\u{1}\n".repeat(50_000)] {
            let headers = trailers(&of_error(&ApiError::new(ProtocolError::Validation, text)));
            assert!(header_bytes(&headers) < 8 * 1024, "{}", header_bytes(&headers));
            assert_eq!(headers["grpc-status"], "3");
        }
    }

    #[test]
    fn a_long_text_keeps_its_end_and_is_told_to_be_less() {
        let text = format!("Value '{}' failed: it is too long", "é".repeat(5_000));
        let status = of_error(&ApiError::new(ProtocolError::Validation, text));
        assert!(status.message().starts_with("Value 'é") && status.message().ends_with("it is too long"));
        assert!(status.get_error_details().error_info().unwrap().metadata.contains_key(CLIPPED));
        // What stands for the rest is longer than that.
        for (bytes, is_clipped) in [(TEXT_BYTES_MAX, false), (TEXT_BYTES_MAX + 1, true)] {
            let status = of_error(&ApiError::new(ProtocolError::Validation, "x".repeat(bytes)));
            let details = status.get_error_details();
            assert_eq!(details.error_info().unwrap().metadata.contains_key(CLIPPED), is_clipped);
        }
    }

    #[test]
    fn all_reasons_of_a_canceled_transaction_have_room_for_their_codes() {
        let code = "ConditionalCheckFailed";
        let reason = |item_bytes: usize| CancellationReason {
            code: Some(code.into()),
            message: Some("The conditional request failed".into()),
            item: Some([("a".into(), AttributeValue::S("x".repeat(item_bytes).into()))].into()),
        };
        for (count, item_bytes, has_items, has_texts) in
            [(3, 500, true, true), (25, 1_000, false, true), (100, 1, false, false)]
        {
            let reasons: Vec<_> = (0..count).map(|_| reason(item_bytes)).collect();
            let text = format!("Transaction cancelled [{}]", vec![code; count].join(", "));
            let canceled = TransactionCanceledException { cancellation_reasons: Some(reasons) };
            let status = of_error(&canceled.error(text));
            let headers = trailers(&status);
            assert!(header_bytes(&headers) < 8 * 1024, "{}", header_bytes(&headers));
            let clipped = status.get_error_details().error_info().unwrap().metadata.contains_key(CLIPPED);
            assert_eq!(clipped, !has_items);
            let details = pb::Status::decode(status.details()).unwrap().details;
            let shown = v1::TransactionCanceledException::decode(&*details.last().unwrap().value).unwrap();
            assert_eq!(shown.cancellation_reasons.len(), count);
            for reason in shown.cancellation_reasons {
                assert_eq!(reason.code.as_deref(), Some(code));
                assert_eq!((!reason.item.is_empty(), reason.message.is_some()), (has_items, has_texts));
            }
        }
    }
}
