//! From an HTTP request to an operation and back: AWS's order of checks, and the form of every answer.
//!
//! The checks, in AWS's order: method, body, content type, well-formedness, operation, signature, types,
//! constraints. Which error wins when several apply is visible to clients, so the order is kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Version};
use millstream_engine::LiveEngine;
use millstream_model::AccountId;
use millstream_runtime::{Clock, SharedClock, SystemClock};
use tokio::sync::OwnedSemaphorePermit;

use super::caller::{Caller, caller};
use super::codec::{ApiError, Format, ProtocolError, Refusal};
use super::event_stream::EventStream;
use super::kinesis::generated::{
    CBOR_CONTENT_TYPE, Input, JSON_CONTENT_TYPE, Operation, TARGET_PREFIX, dispatch,
};
use super::kinesis::service::Kinesis;
use super::request_id::RequestIds;
use crate::admin::Health;
use crate::faults::{Faults, Target, Verdict};
use crate::http::Handler;
use crate::http::body::{BodyBudget, BodyError, Received, Reply};
use crate::metrics::{ProtocolLabels, RequestMetrics};

/// Before the first byte of a subscription over HTTP/1.1. The AWS SDK for Go (smithy-go 1.28) closes the body of its
/// request as soon as it sees an answer; if Go's transport has yet to find that the body is at its end, some
/// microseconds later, it takes that for a failure and breaks the connection off, with the subscription in it. AWS is
/// never as quick as that. By the machine's time, whatever clock the server has: the race is in the client's process.
const BEFORE_EVENTS: Duration = Duration::from_millis(10);

const TARGET: &str = "x-amz-target";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// Answers the AWS APIs.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) engine: LiveEngine,
    pub(crate) faults: Arc<Faults>,
    pub(crate) health: Health,
    pub(crate) budget: BodyBudget,
    pub(crate) metrics: Arc<RequestMetrics>,
    pub(crate) clock: SharedClock,
    pub(crate) default_account: AccountId,
    pub(crate) ids: RequestIds,
}

/// What an operation came to.
#[derive(Debug)]
enum Outcome {
    /// Bytes, with the turn in which they were made if there may be many.
    Output {
        bytes: Vec<u8>,
        turn: Option<OwnedSemaphorePermit>,
    },
    Events(EventStream),
}

/// An answer before its headers.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    content_type: Option<&'static str>,
    body: Reply,
    /// What the answer is counted under.
    operation: Option<Operation>,
}

impl Router {
    async fn answer(&self, parts: &Parts, body: Incoming) -> Answer {
        if is_preflight(parts) {
            return Answer::empty(StatusCode::OK);
        }
        if parts.method != Method::POST {
            return Answer::no_operation_named();
        }
        let received = match self.budget.receive(body).await {
            Ok(received) => received,
            Err(BodyError::TooLarge) => return Answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
            Err(BodyError::TooSlow | BodyError::Broken) => return Answer::empty(StatusCode::REQUEST_TIMEOUT),
        };
        if received.bytes.is_empty() {
            return answer_to_nothing(parts);
        }
        match Wire::of(parts) {
            Wire::Aws(format) => self.answer_in(format, parts, received).await,
            Wire::PlainJson => plain_json(&received.bytes),
            Wire::Other if operation(&parts.headers).is_some() => Answer::unknown_operation_in_xml(),
            Wire::Other => Answer::no_operation_named(),
        }
    }

    async fn answer_in(&self, format: Format, parts: &Parts, received: Received) -> Answer {
        let operation = operation(&parts.headers);
        let outcome = match operation {
            Some(operation) => self.carry_out(operation, format, parts, &received.bytes).await,
            None => Err(not_an_operation(format, &received.bytes)),
        };
        // Were it kept, requests that wait for room to grow and answers that wait for them would wait forever.
        drop(received);
        match outcome {
            Ok(Outcome::Events(events)) => {
                if parts.version < Version::HTTP_2 {
                    SystemClock::default().sleep(BEFORE_EVENTS).await;
                }
                let content_type = Some(EventStream::CONTENT_TYPE);
                Answer { status: StatusCode::OK, content_type, body: Reply::streamed(events), operation }
            }
            Ok(Outcome::Output { bytes, turn }) => {
                let permit = self.budget.reserve(bytes.len()).await;
                drop(turn);
                let body = Reply::new(bytes, permit);
                Answer { status: StatusCode::OK, content_type: Some(content_type(format)), body, operation }
            }
            Err(error) => Answer::error(&error, format, operation),
        }
    }

    async fn carry_out(
        &self,
        operation: Operation,
        format: Format,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<Outcome, ApiError> {
        // A body that cannot be read at all comes before a missing signature, a wrong value after it.
        let input = match Input::decode(operation, format, body) {
            Err(Refusal::Malformed) => return Err(Refusal::Malformed.into()),
            input => input,
        };
        let caller = caller(parts, &self.default_account)?;
        let input = input?;
        let target = self.interfere(&caller, &input).await?;
        // Only now: a call that is held back on purpose must hold up none but itself.
        let turn = match operation {
            Operation::GetRecords => self.budget.large_answer().await,
            _ => None,
        };
        // For this request alone: the content may be replaced, and then there is another engine.
        let engine = self.engine.current().await?;
        let kinesis = Kinesis { engine, faults: self.faults.clone(), clock: self.clock.clone() };
        let mut out = Vec::new();
        let events = dispatch(&kinesis, &caller, input, format, &mut out).await?;
        Ok(match events {
            None => Outcome::Output { bytes: out, turn },
            Some(events) => Outcome::Events(self.cut(events, target.as_ref())),
        })
    }

    /// Delays or refuses a call where that was asked for. Gives what the call is about if anything was asked for.
    async fn interfere(&self, caller: &Caller, input: &Input) -> Result<Option<Target>, ApiError> {
        if self.faults.is_quiet() {
            return Ok(None);
        }
        let target = Target::of(&self.engine.current().await?, caller, input);
        let Verdict { delay, failure } = self.faults.on_call(&target);
        self.faults.wait(delay).await;
        if let Some(failure) = failure {
            return Err(failure.answer(&target));
        }
        Ok(Some(target))
    }

    /// A subscription that has begun, up to where it is to break off. One that does not begin uses up no rule.
    fn cut(&self, events: EventStream, target: Option<&Target>) -> EventStream {
        match target.and_then(|target| self.faults.on_subscription(target)) {
            Some(cut) => events.cut(cut, self.clock.clone()),
            None => events,
        }
    }

    fn add_headers(
        &self,
        response: &mut Response<Reply>,
        request: &Parts,
        content_type: Option<&'static str>,
    ) {
        let headers = response.headers_mut();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(self.ids.request_id())) {
            headers.insert(REQUEST_ID, id);
        }
        // A browser that asks whether it may call is answered before there is a call.
        if !is_preflight(request)
            && let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(self.ids.extended_id()))
        {
            headers.insert(EXTENDED_ID, id);
        }
        if request.headers.contains_key(ORIGIN) {
            add_cors(headers, &request.headers);
        }
    }
}

impl Handler for Router {
    async fn handle(&self, request: Request<Incoming>) -> Response<Reply> {
        let (parts, body) = request.into_parts();
        if let Some(answer) = self.health.answer(&parts.method, parts.uri.path()) {
            return answer;
        }
        let started = self.clock.monotonic();
        let Answer { status, content_type, body, operation } = self.answer(&parts, body).await;
        let took: Duration = self.clock.monotonic().saturating_sub(started);
        self.metrics.note(operation.map(Operation::name), protocol(&parts), status.as_u16(), took);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        self.add_headers(&mut response, &parts, content_type);
        response
    }
}

impl Answer {
    fn empty(status: StatusCode) -> Self {
        Self { status, content_type: None, body: Reply::default(), operation: None }
    }

    fn text(status: StatusCode, content_type: &'static str, text: &'static str) -> Self {
        let body = Reply::new(Bytes::from_static(text.as_bytes()), None);
        Self { status, content_type: Some(content_type), body, operation: None }
    }

    fn error(error: &ApiError, format: Format, operation: Option<Operation>) -> Self {
        let mut bytes = Vec::new();
        error.encode_to(format, &mut bytes);
        Self {
            status: StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type: Some(content_type(format)),
            body: Reply::new(bytes, None),
            operation,
        }
    }

    /// AWS's front door speaks XML to those who say nothing that it knows.
    fn no_operation_named() -> Self {
        let text = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be \
                    authorized</Message>\n</AccessDeniedException>\n";
        Self::text(StatusCode::FORBIDDEN, "application/xml", text)
    }

    fn unknown_operation_in_xml() -> Self {
        Self::text(StatusCode::NOT_FOUND, "application/xml", "<UnknownOperationException/>\n")
    }
}

/// What the content type says of the body.
enum Wire {
    Aws(Format),
    PlainJson,
    Other,
}

impl Wire {
    fn of(parts: &Parts) -> Self {
        let value = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match value.split(';').next().map(str::trim) {
            Some(JSON_CONTENT_TYPE) => Self::Aws(Format::Json),
            Some(CBOR_CONTENT_TYPE) => Self::Aws(Format::Cbor),
            Some("application/json") => Self::PlainJson,
            _ => Self::Other,
        }
    }
}

fn protocol(parts: &Parts) -> ProtocolLabels {
    let http = match parts.version {
        Version::HTTP_2 => "2",
        Version::HTTP_11 => "1.1",
        _ => "1.0",
    };
    let format = match Wire::of(parts) {
        Wire::Aws(Format::Json) => "json",
        Wire::Aws(Format::Cbor) => "cbor",
        Wire::PlainJson | Wire::Other => "other",
    };
    ProtocolLabels { http, format }
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Json => JSON_CONTENT_TYPE,
        Format::Cbor => CBOR_CONTENT_TYPE,
    }
}

fn operation(headers: &HeaderMap) -> Option<Operation> {
    let target = headers.get(TARGET)?.to_str().ok()?;
    let (prefix, name) = target.split_once('.')?;
    if prefix == TARGET_PREFIX { Operation::from_name(name) } else { None }
}

fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && parts.headers.contains_key(ORIGIN)
}

/// A body that is not there is told before its content type is looked at: in CBOR, unless that is JSON.
fn answer_to_nothing(parts: &Parts) -> Answer {
    let format = match Wire::of(parts) {
        Wire::Aws(format) => format,
        Wire::PlainJson | Wire::Other => Format::Cbor,
    };
    let operation = operation(&parts.headers);
    let code = match operation {
        Some(_) => ProtocolError::Serialization,
        None => ProtocolError::UnknownOperation,
    };
    Answer::error(&ApiError::bare(code), format, operation)
}

/// A body that is not well-formed is told before an operation that does not exist.
fn not_an_operation(format: Format, body: &Bytes) -> ApiError {
    if !is_well_formed(format, body) {
        return Refusal::Malformed.into();
    }
    ApiError::bare(ProtocolError::UnknownOperation)
}

/// An input without members takes any structure.
fn is_well_formed(format: Format, body: &Bytes) -> bool {
    !matches!(Input::decode(Operation::DescribeLimits, format, body), Err(Refusal::Malformed))
}

/// Kinesis does not speak the older JSON protocol, and says so in its form.
fn plain_json(body: &Bytes) -> Answer {
    const SERIALIZATION: &str =
        r#"{"Output":{"__type":"com.amazon.coral.service#SerializationException"},"Version":"1.0"}"#;
    const UNKNOWN: &str =
        r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#;
    if is_well_formed(Format::Json, body) {
        Answer::text(StatusCode::NOT_FOUND, "application/json", UNKNOWN)
    } else {
        Answer::text(StatusCode::BAD_REQUEST, "application/json", SERIALIZATION)
    }
}

/// What browsers need, as AWS sends it.
fn add_cors(headers: &mut HeaderMap, request: &HeaderMap) {
    const EXPOSED: &str =
        "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.insert("access-control-expose-headers", HeaderValue::from_static(EXPOSED));
    for (asked, allowed) in [
        ("access-control-request-headers", "access-control-allow-headers"),
        ("access-control-request-method", "access-control-allow-methods"),
    ] {
        if let Some(value) = request.get(asked) {
            headers.insert(allowed, value.clone());
            headers.insert("access-control-max-age", HeaderValue::from_static("172800"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn nothing_is_answered_in_cbor_unless_json_was_meant() {
        for (content_type, answered) in [
            (JSON_CONTENT_TYPE, JSON_CONTENT_TYPE),
            ("application/x-amz-json-1.1; charset=utf-8", JSON_CONTENT_TYPE),
            (CBOR_CONTENT_TYPE, CBOR_CONTENT_TYPE),
            ("application/json", CBOR_CONTENT_TYPE),
            ("text/plain", CBOR_CONTENT_TYPE),
        ] {
            for (target, operation) in
                [("Kinesis_20131202.ListStreams", Some(Operation::ListStreams)), ("Nothing", None)]
            {
                let answer =
                    answer_to_nothing(&parts("POST", &[("content-type", content_type), (TARGET, target)]));
                assert_eq!(answer.status, StatusCode::BAD_REQUEST);
                assert_eq!((answer.content_type, answer.operation), (Some(answered), operation));
            }
        }
    }

    #[test]
    fn a_preflight_is_a_browsers() {
        assert!(is_preflight(&parts("OPTIONS", &[("origin", "http://example.com")])));
        assert!(!is_preflight(&parts("OPTIONS", &[])));
        assert!(!is_preflight(&parts("POST", &[("origin", "http://example.com")])));
    }
}
