//! CloudWatch on the wire, in the three protocols that its clients speak: JSON 1.0, RPC v2 CBOR and query.
//!
//! Nothing waits between the end of a body and its answer, so that what is inflated is never more than one body
//! for each thread.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::HeaderName;
use hyper::http::request::Parts;

use super::generated::{Exception, Input, JSON_CONTENT_TYPE, Operation, TARGET_PREFIX};
use super::service;
use crate::aws::answer::{self, Answer};
use crate::aws::call::Call;
use crate::aws::caller::caller;
use crate::aws::codec::{ApiError, ErrorCode, Format, ProtocolError, Refusal, encode, protobuf};
use crate::aws::front::TARGET;
use crate::aws::gzip::{GzipError, inflated};
use crate::aws::query::{ErrorText, of_protocol};
use crate::aws::reception::Reception;
use crate::aws::request_id::REQUEST_ID;
use crate::http::body::Reply;
use crate::metrics::ReportedMetrics;

/// What stands before the operation's name in the path of RPC v2.
pub(in crate::aws) const RPC_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";

/// The largest request, before it was compressed: that of AWS.
pub(in crate::aws) const BODY_BYTES_MAX: usize = 1024 * 1024;

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
const CBOR: &str = "application/cbor";
const XML: &str = "text/xml";
const PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
/// The code that clients of the query protocol know an error by.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// Takes metrics in.
#[derive(Debug)]
pub(crate) struct CloudWatchFront {
    pub(crate) reception: Reception,
    pub(crate) reported: Arc<ReportedMetrics>,
}

impl CloudWatchFront {
    pub(in crate::aws) async fn answer_json(&self, parts: &Parts, body: Incoming) -> Answer {
        let target = parts.headers.get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.strip_prefix(TARGET_PREFIX).and_then(|rest| rest.strip_prefix('.'));
        let operation = operation.and_then(Operation::from_name);
        self.answer(parts, body, Format::Json, operation).await
    }

    pub(in crate::aws) async fn answer_rpc(&self, parts: &Parts, body: Incoming) -> Answer {
        let operation = parts.uri.path().strip_prefix(RPC_PATH).and_then(Operation::from_name);
        let answer = self.answer(parts, body, Format::Cbor, operation).await;
        answer.with(PROTOCOL, "rpc-v2-cbor".to_owned())
    }

    async fn answer(
        &self,
        parts: &Parts,
        body: Incoming,
        format: Format,
        operation: Option<Operation>,
    ) -> Answer {
        let id = self.reception.ids.request_id();
        let received = match self.reception.receive(body).await {
            Ok(received) => received,
            Err(status) => return Answer::empty(status).with(REQUEST_ID, id),
        };
        let answer = match inflated(parts, &received.bytes, BODY_BYTES_MAX) {
            Err(GzipError::TooLarge) => Answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
            Err(GzipError::Malformed) => error_answer(&Refusal::Malformed.into(), format),
            Ok(body) => match self.take(parts, &body, format, operation) {
                Ok(()) => Answer::empty(StatusCode::OK).of_type(content_type(format)),
                Err(error) => error_answer(&error, format),
            },
        };
        answer.to(operation.map(Call::CloudWatch)).with(REQUEST_ID, id)
    }

    fn take(
        &self,
        parts: &Parts,
        body: &Bytes,
        format: Format,
        operation: Option<Operation>,
    ) -> Result<(), ApiError> {
        let operation = operation.ok_or_else(|| ApiError::bare(ProtocolError::UnknownOperation))?;
        let input = Input::decode(operation, format, body);
        // A body that cannot be read at all comes before a missing signature, a wrong value after it.
        if input == Err(Refusal::Malformed) {
            return Err(Refusal::Malformed.into());
        }
        caller(parts, &self.reception.default_account)?;
        let Input::PutMetricData(input) = input?;
        service::put_metric_data(&self.reported, self.reception.clock.monotonic(), input)
    }

    /// Parameters of the query protocol, made a body of JSON.
    pub(in crate::aws) fn answer_query(&self, parts: &Parts, body: &Bytes, request_id: &str) -> Answer {
        let operation = Operation::PutMetricData;
        let answer = match self.take(parts, body, Format::Json, Some(operation)) {
            Ok(()) => {
                let xml = format!(
                    "<PutMetricDataResponse xmlns=\"{NAMESPACE}\">\n  <ResponseMetadata>\n    \
                     <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</PutMetricDataResponse>\n"
                );
                Answer::text(StatusCode::OK, XML, xml)
            }
            Err(error) => {
                let (text, status) = match query_code(&error) {
                    Some((code, true)) => (ErrorText::sender(code, message(&error)), StatusCode::BAD_REQUEST),
                    Some((code, false)) => {
                        (ErrorText::receiver(code, message(&error)), StatusCode::INTERNAL_SERVER_ERROR)
                    }
                    None => of_protocol(&error),
                };
                Answer::text(status, XML, text.to_xml(NAMESPACE, request_id))
            }
        };
        answer.to(Some(Call::CloudWatch(operation)))
    }
}

fn message(error: &ApiError) -> String {
    error.message().unwrap_or_default().to_owned()
}

/// The code of the query protocol, and whether the sender is at fault.
fn query_code(error: &ApiError) -> Option<(&'static str, bool)> {
    if error.code() == ProtocolError::Validation.code() {
        return Some(("ValidationError", true));
    }
    Some(match Exception::from_code(error.code())? {
        Exception::InvalidParameterCombination => ("InvalidParameterCombination", true),
        Exception::InvalidParameterValue => ("InvalidParameterValue", true),
        Exception::MissingRequiredParameter => ("MissingParameter", true),
        Exception::InternalServiceFault => ("InternalServiceError", false),
    })
}

fn error_answer(error: &ApiError, format: Format) -> Answer {
    let mut bytes = Vec::new();
    encode(format, error, &mut bytes);
    let answer =
        Answer::new(answer::status(error.status()), Reply::new(bytes, None)).of_type(content_type(format));
    match query_code(error) {
        Some((code, true)) => answer.with(QUERY_ERROR, format!("{code};Sender")),
        Some((code, false)) => answer.with(QUERY_ERROR, format!("{code};Receiver")),
        None => answer,
    }
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Json => JSON_CONTENT_TYPE,
        Format::Cbor => CBOR,
        Format::Protobuf(_) => protobuf::CONTENT_TYPE,
    }
}
