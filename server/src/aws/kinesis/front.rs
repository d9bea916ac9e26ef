//! Kinesis on the wire: AWS's order of checks, and the form of every answer.
//!
//! The checks, in AWS's order: method, body, content type, well-formedness, operation, signature, types,
//! constraints. Which error wins when several apply is visible to clients, so the order is kept. Whatever does not
//! say which service it means is answered here, as AWS's front door for Kinesis would.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};
use millstream_engine::LiveEngine;
use millstream_runtime::{Clock, SystemClock};
use tokio::sync::OwnedSemaphorePermit;

use super::generated::{
    CBOR_CONTENT_TYPE, Input, JSON_CONTENT_TYPE, Operation, SubscribeToShardInput, TARGET_PREFIX, dispatch,
};
use super::service::{Audible, Kinesis};
use crate::aws::answer::{self, Answer};
use crate::aws::call::Call;
use crate::aws::caller::{Caller, caller};
use crate::aws::codec::{ApiError, Format, ProtocolError, Refusal, protobuf};
use crate::aws::event_stream::EventStream;
use crate::aws::front::{TARGET, is_preflight};
use crate::aws::reception::Reception;
use crate::aws::request_id::REQUEST_ID;
use crate::faults::{Cut, Target};
use crate::http::body::{Received, Reply};

/// Before the first byte of a subscription over HTTP/1.1. The AWS SDK for Go (smithy-go 1.28) closes the body of its
/// request as soon as it sees an answer; if Go's transport has yet to find that the body is at its end, some
/// microseconds later, it takes that for a failure and breaks the connection off, with the subscription in it. AWS is
/// never as quick as that. By the machine's time, whatever clock the server has: the race is in the client's process.
const BEFORE_EVENTS: Duration = Duration::from_millis(10);

const EXTENDED_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// Answers Kinesis's API.
#[derive(Clone, Debug)]
pub(crate) struct KinesisFront {
    pub(crate) engine: LiveEngine,
    pub(crate) reception: Reception,
}

/// What an operation came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Bytes, with the turn in which they were made if there may be many.
    Output {
        bytes: Vec<u8>,
        turn: Option<OwnedSemaphorePermit>,
    },
    Events(EventStream),
}

impl KinesisFront {
    pub(in crate::aws) async fn answer(&self, parts: &Parts, body: Incoming) -> Answer {
        let answer = self.checked(parts, body).await;
        let ids = &self.reception.ids;
        let answer = answer.with(REQUEST_ID, ids.request_id());
        // A browser that asks whether it may call is answered before there is a call.
        if is_preflight(parts) { answer } else { answer.with(EXTENDED_ID, ids.extended_id()) }
    }

    async fn checked(&self, parts: &Parts, body: Incoming) -> Answer {
        if is_preflight(parts) {
            return Answer::empty(StatusCode::OK);
        }
        if parts.method != Method::POST {
            return no_operation_named();
        }
        let received = match self.reception.receive(body).await {
            Ok(received) => received,
            Err(status) => return Answer::empty(status),
        };
        if received.bytes.is_empty() {
            return answer_to_nothing(parts);
        }
        match Wire::of(parts) {
            Wire::Aws(format) => self.answer_in(format, parts, received).await,
            Wire::PlainJson => plain_json(&received.bytes),
            Wire::Other if operation(&parts.headers).is_some() => unknown_operation_in_xml(),
            Wire::Other => no_operation_named(),
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
                let answer = Answer::new(StatusCode::OK, Reply::streamed(events));
                answer.of_type(EventStream::CONTENT_TYPE).to(operation.map(Call::Kinesis))
            }
            Ok(Outcome::Output { bytes, turn }) => {
                let permit = self.reception.budget.reserve(bytes.len()).await;
                drop(turn);
                let answer = Answer::new(StatusCode::OK, Reply::new(bytes, permit));
                answer.of_type(content_type(format)).to(operation.map(Call::Kinesis))
            }
            Err(error) => error_answer(&error, format, operation),
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
        let caller = caller(parts, &self.reception.default_account)?;
        self.perform(&caller, input?, format).await
    }

    /// Carries out what a caller asks, whichever wire it came by.
    pub(crate) async fn perform(
        &self,
        caller: &Caller,
        input: Input,
        format: Format,
    ) -> Result<Outcome, ApiError> {
        let target = self.interfere(caller, &input).await?;
        // Only now: a call that is held back on purpose must hold up none but itself.
        let turn = match input.operation() {
            Operation::GetRecords => self.reception.budget.large_answer().await,
            _ => None,
        };
        let mut out = Vec::new();
        let events = dispatch(&self.service().await?, caller, input, format, &mut out).await?;
        Ok(match events {
            None => Outcome::Output { bytes: out, turn },
            Some(events) => {
                let cut = target.and_then(|target| self.reception.faults.on_subscription(&target));
                Outcome::Events(match cut {
                    Some(cut) => events.cut(cut, self.reception.clock.clone()),
                    None => events,
                })
            }
        })
    }

    /// A subscription whose events are not AWS's, and where it is to break off on purpose. One that does not begin
    /// uses up no rule.
    pub(crate) async fn subscribe(
        &self,
        caller: &Caller,
        input: SubscribeToShardInput,
    ) -> Result<(Audible, Option<Cut>), ApiError> {
        let input = Input::SubscribeToShard(input);
        let target = self.interfere(caller, &input).await?;
        let Input::SubscribeToShard(input) = input else {
            return Err(ApiError::bare(ProtocolError::InternalFailure));
        };
        let subscription = Audible::subscribe(&self.service().await?, input).await?;
        Ok((subscription, target.and_then(|target| self.reception.faults.on_subscription(&target))))
    }

    /// The service for this call alone: the content may be replaced, and then there is another engine.
    pub(crate) async fn service(&self) -> Result<Kinesis, ApiError> {
        let Reception { faults, clock, .. } = &self.reception;
        let engine = self.engine.current().await?;
        Ok(Kinesis { engine, faults: faults.clone(), clock: clock.clone() })
    }

    /// Delays or refuses a call where that was asked for. Gives what the call is about if anything was asked for.
    pub(crate) async fn interfere(&self, caller: &Caller, input: &Input) -> Result<Option<Target>, ApiError> {
        if self.reception.faults.is_quiet() {
            return Ok(None);
        }
        let target = Target::of(&self.engine.current().await?, caller, input);
        self.reception.interfere(&target).await?;
        Ok(Some(target))
    }
}

fn error_answer(error: &ApiError, format: Format, operation: Option<Operation>) -> Answer {
    let mut bytes = Vec::new();
    error.encode_to(format, &mut bytes);
    let answer = Answer::new(answer::status(error.status()), Reply::new(bytes, None));
    answer.of_type(content_type(format)).to(operation.map(Call::Kinesis))
}

/// AWS's front door speaks XML to those who say nothing that it knows.
pub(in crate::aws) fn no_operation_named() -> Answer {
    let text = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be \
                authorized</Message>\n</AccessDeniedException>\n";
    Answer::text(StatusCode::FORBIDDEN, "application/xml", text)
}

fn unknown_operation_in_xml() -> Answer {
    Answer::text(StatusCode::NOT_FOUND, "application/xml", "<UnknownOperationException/>\n")
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

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Json => JSON_CONTENT_TYPE,
        Format::Cbor => CBOR_CONTENT_TYPE,
        Format::Protobuf(_) => protobuf::CONTENT_TYPE,
    }
}

fn operation(headers: &HeaderMap) -> Option<Operation> {
    let target = headers.get(TARGET)?.to_str().ok()?;
    let (prefix, name) = target.split_once('.')?;
    if prefix == TARGET_PREFIX { Operation::from_name(name) } else { None }
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
    error_answer(&ApiError::bare(code), format, operation)
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

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn shown_type(answer: &Answer) -> Option<&str> {
        answer.headers.get(CONTENT_TYPE)?.to_str().ok()
    }

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
                assert_eq!(
                    (shown_type(&answer), answer.call),
                    (Some(answered), operation.map(Call::Kinesis))
                );
            }
        }
    }
}
