//! DynamoDB and its streams on the wire: AWS's order of checks, and the form of every answer.
//!
//! The checks, in AWS's order: method and content type, well-formedness, operation, signature, a body at all, types,
//! constraints. Every answer carries the checksum of its body as it is sent; two of AWS's SDKs refuse a wrong one.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use millstream_engine::LiveEngine;
use millstream_table::stream_of_iterator;
use tokio::sync::OwnedSemaphorePermit;

use super::errors::Packaged;
use super::generated::{self, Operation};
use super::live_tables::LiveTables;
use super::service::{DynamoDb, Requester};
use super::streams::generated as streams;
use crate::aws::answer::{self, Answer};
use crate::aws::call::Call;
use crate::aws::caller::caller;
use crate::aws::codec::{ApiError, Format, ProtocolError, Refusal, encode, is_well_formed};
use crate::aws::front::{TARGET, is_preflight};
use crate::aws::reception::Reception;
use crate::aws::request_id::REQUEST_ID;
use crate::faults::Target;
use crate::http::body::{Received, Reply};

const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");

/// Also taken, and given back.
const PLAIN_JSON: &str = "application/json";

/// Answers the APIs of DynamoDB and DynamoDB Streams.
#[derive(Clone, Debug)]
pub(crate) struct DynamoDbFront {
    pub(crate) tables: LiveTables,
    pub(crate) engine: LiveEngine,
    pub(crate) reception: Reception,
}

/// The input of any operation of either service.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // moved once on its way to the handler; a box would cost more
pub(crate) enum Input {
    Tables(generated::Input),
    Streams(streams::Input),
}

/// An answer whose bytes are still at hand.
#[derive(Debug)]
struct Draft {
    status: StatusCode,
    content_type: Option<&'static str>,
    bytes: Bytes,
    permit: Option<OwnedSemaphorePermit>,
    call: Option<Call>,
}

impl DynamoDbFront {
    pub(in crate::aws) async fn answer(&self, parts: &Parts, body: Incoming) -> Answer {
        let Draft { status, content_type, bytes, permit, call } = self.checked(parts, body).await;
        let checksum = crc32fast::hash(&bytes);
        let answer = Answer::new(status, Reply::new(bytes, permit)).to(call);
        let answer = content_type.into_iter().fold(answer, Answer::of_type);
        let id = self.reception.ids.long_request_id();
        answer.with(REQUEST_ID, id).with(CHECKSUM, checksum.to_string())
    }

    async fn checked(&self, parts: &Parts, body: Incoming) -> Draft {
        let received = match self.reception.receive(body).await {
            Ok(received) => received,
            Err(status) => return Draft::empty(status),
        };
        if is_preflight(parts) {
            return Draft::empty(StatusCode::OK);
        }
        if parts.method == Method::GET {
            return Draft::healthy(parts);
        }
        match content_type(parts) {
            Some(content_type) if parts.method == Method::POST => {
                self.answer_in(content_type, parts, received).await
            }
            _ => Draft::unknown_operation_in_xml(),
        }
    }

    async fn answer_in(&self, content_type: &'static str, parts: &Parts, received: Received) -> Draft {
        let call = call(parts);
        let outcome = self.carry_out(call, parts, &received.bytes).await;
        // Were it kept, requests that wait for room to grow and answers that wait for them would wait forever.
        drop(received);
        let (status, bytes, permit) = match outcome {
            Ok((bytes, turn)) => {
                let permit = self.reception.budget.reserve(bytes.len()).await;
                drop(turn);
                (StatusCode::OK, bytes, permit)
            }
            Err(error) => {
                let mut bytes = Vec::new();
                encode(Format::Json, &Packaged(&error), &mut bytes);
                (answer::status(error.status()), bytes, None)
            }
        };
        Draft { status, content_type: Some(content_type), bytes: bytes.into(), permit, call }
    }

    /// Gives the bytes of the answer, with the turn in which they were made if there may be many.
    async fn carry_out(
        &self,
        call: Option<Call>,
        parts: &Parts,
        body: &Bytes,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), ApiError> {
        let decoded = match call {
            _ if body.is_empty() => Err(Refusal::Malformed),
            Some(Call::DynamoDb(operation)) => {
                generated::Input::decode(operation, Format::Json, body).map(Input::Tables)
            }
            Some(Call::DynamoDbStreams(operation)) => {
                streams::Input::decode(operation, Format::Json, body).map(Input::Streams)
            }
            _ if is_well_formed(body, generated::NESTING_MAX) => Err(Refusal::Invalid(String::new())),
            _ => Err(Refusal::Malformed),
        };
        // A body that cannot be read at all comes before anything else, but one that is not there behind the signature.
        if decoded == Err(Refusal::Malformed) && !body.is_empty() {
            return Err(Refusal::Malformed.into());
        }
        if call.is_none() {
            return Err(ApiError::bare(ProtocolError::UnknownOperation));
        }
        let caller = caller(parts, &self.reception.default_account).map_err(in_own_words)?;
        self.perform(Requester { caller, host: host(parts) }, decoded?, Format::Json).await
    }

    /// Carries out what somebody asks, whichever wire it came by. Gives the bytes of the answer, with the turn in which
    /// they were made if there may be many.
    pub(crate) async fn perform(
        &self,
        requester: Requester,
        input: Input,
        format: Format,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), ApiError> {
        let call = input.call();
        if !self.reception.faults.is_quiet() {
            let target = Target::of_table(call, &requester.caller, input.table().as_deref());
            self.reception.interfere(&target).await?;
        }
        // Only now: a call that is held back on purpose must hold up none but itself.
        let turn = match call {
            Call::DynamoDb(Operation::BatchGetItem | Operation::TransactGetItems) => {
                self.reception.budget.large_answer().await
            }
            _ => None,
        };
        // For this request alone: the content may be replaced, and then there are other tables.
        let service = DynamoDb { tables: self.tables.current().await?, engine: self.engine.clone() };
        let mut out = Vec::new();
        match input {
            Input::Tables(input) => {
                generated::dispatch(&service, &requester, input, format, &mut out).await?;
            }
            Input::Streams(input) => {
                streams::dispatch(&service, &requester, input, format, &mut out).await?;
            }
        }
        Ok((out, turn))
    }
}

impl Input {
    fn call(&self) -> Call {
        match self {
            Self::Tables(input) => Call::DynamoDb(input.operation()),
            Self::Streams(input) => Call::DynamoDbStreams(input.operation()),
        }
    }

    /// The table that the request says it is about, by a name, an ARN or an iterator.
    fn table(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Tables(input) => {
                let subject = input.subject();
                subject.table_name.or(subject.resource_arn).map(|name| Cow::Borrowed(&**name))
            }
            Self::Streams(input) => {
                let subject = input.subject();
                let read = subject.shard_iterator.and_then(|iterator| stream_of_iterator(iterator));
                let named = subject.table_name.or(subject.stream_arn).map(|name| Cow::Borrowed(&**name));
                named.or_else(|| read.map(|stream| Cow::Owned(stream.to_string())))
            }
        }
    }
}

impl Draft {
    fn empty(status: StatusCode) -> Self {
        Self { status, content_type: None, bytes: Bytes::new(), permit: None, call: None }
    }

    fn healthy(parts: &Parts) -> Self {
        let region = host(parts).and_then(|host| {
            let region =
                host.strip_prefix("dynamodb.").and_then(|rest| rest.strip_suffix(".amazonaws.com"))?;
            Some(region.to_owned())
        });
        let region = region.as_deref().unwrap_or("us-east-1");
        let text = format!("healthy: dynamodb.{region}.amazonaws.com ");
        Self { bytes: text.into(), ..Self::empty(StatusCode::OK) }
    }

    fn unknown_operation_in_xml() -> Self {
        let bytes = Bytes::from_static(b"<UnknownOperationException/>\n");
        Self { bytes, ..Self::empty(StatusCode::NOT_FOUND) }
    }
}

/// The content type, if it is one in which requests are taken. The answer has it too.
fn content_type(parts: &Parts) -> Option<&'static str> {
    let value = parts.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let value = value.split(';').next().map(str::trim);
    [generated::JSON_CONTENT_TYPE, PLAIN_JSON].into_iter().find(|known| value == Some(known))
}

fn call(parts: &Parts) -> Option<Call> {
    let (prefix, name) = parts.headers.get(TARGET)?.to_str().ok()?.split_once('.')?;
    match prefix {
        generated::TARGET_PREFIX => Operation::from_name(name).map(Call::DynamoDb),
        streams::TARGET_PREFIX => streams::Operation::from_name(name).map(Call::DynamoDbStreams),
        _ => None,
    }
}

/// The host and port that the client speaks to, in its own words.
fn host(parts: &Parts) -> Option<String> {
    let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| parts.uri.authority().map(hyper::http::uri::Authority::as_str)).map(str::to_owned)
}

/// Kinesis says it with fewer words.
fn in_own_words(error: ApiError) -> ApiError {
    if error.code() == "MissingAuthenticationTokenException" {
        let text = "Request is missing Authentication Token";
        return ApiError::new(ProtocolError::MissingAuthenticationToken, text);
    }
    error
}

#[cfg(test)]
mod tests;
