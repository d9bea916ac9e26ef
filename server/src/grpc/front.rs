//! From a request's path to the operation that it means.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use tonic::Status;

use super::caller::caller;
use super::deadline::timeout;
use super::health::HealthService;
use super::join::Groups;
use super::messages::Messages;
use super::reflection::Reflection;
use super::reply::{self, expired};
use super::status::of_error;
use super::{put_stream, single, subscribe};
use crate::aws::call::Call;
use crate::aws::caller::Caller;
use crate::aws::codec::protobuf::Shapes;
use crate::aws::codec::{ApiError, Format, ProtocolError};
use crate::aws::dynamodb;
use crate::aws::dynamodb::front::DynamoDbFront;
use crate::aws::dynamodb::service::Requester;
use crate::aws::dynamodb::streams::generated as table_streams;
use crate::aws::kinesis::front::{KinesisFront, Outcome};
use crate::aws::kinesis::generated::{Input, Operation};
use crate::http::body::Reply;
use crate::http::keep_alive::Liveness;

const STREAMS: &str = "millstream.v1.Streams";
const RECORDS: &str = "millstream.v1.Records";
const TABLES: &str = "millstream.v1.Tables";
const TABLE_STREAMS: &str = "millstream.v1.TableStreams";

/// Answers gRPC.
#[derive(Debug)]
pub(crate) struct GrpcFront {
    pub(crate) kinesis: KinesisFront,
    pub(crate) tables: DynamoDbFront,
    pub(crate) groups: Groups,
    /// Whose streams are meant where a call does not say.
    pub(crate) default_caller: Caller,
    pub(crate) health: HealthService,
    pub(crate) reflection: Reflection,
}

/// What a call came to, and what it is counted under.
pub(crate) struct Answered {
    pub(crate) response: Response<Reply>,
    pub(crate) call: Option<Call>,
    /// The status that the AWS wire would have answered.
    pub(crate) http_status: u16,
}

/// Whether a request speaks gRPC, in whichever of its encodings.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const BEGINNING: &[u8] = b"application/grpc";
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.as_bytes().get(..BEGINNING.len()));
    value.is_some_and(|value| value.eq_ignore_ascii_case(BEGINNING))
}

/// What HTTP says to a request that means gRPC and cannot be that.
pub(super) fn misplaced(parts: &Parts) -> Option<StatusCode> {
    if parts.version != Version::HTTP_2 {
        return Some(StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    }
    if parts.method != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    (!is_protobuf(parts)).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// Whether a request speaks it in the one encoding that is understood here.
fn is_protobuf(parts: &Parts) -> bool {
    let value = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    ["application/grpc", "application/grpc+proto"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// A call of one of the services of this API.
#[derive(Clone, Copy, Debug)]
enum Route {
    Unary(Operation),
    OfTables(dynamodb::generated::Operation),
    OfTableStreams(table_streams::Operation),
    PutStream,
    Subscribe,
}

impl Route {
    fn of(service: &str, method: &str) -> Option<Self> {
        match (service, method) {
            (RECORDS, "PutStream") => Some(Self::PutStream),
            (RECORDS, "Subscribe") => Some(Self::Subscribe),
            (STREAMS | RECORDS, name) => Operation::from_name(name).map(Self::Unary),
            (TABLES, name) => dynamodb::generated::Operation::from_name(name).map(Self::OfTables),
            (TABLE_STREAMS, name) => table_streams::Operation::from_name(name).map(Self::OfTableStreams),
            _ => None,
        }
    }

    /// What the call is counted under.
    fn call(self) -> Call {
        match self {
            Self::Unary(operation) => Call::Kinesis(operation),
            Self::OfTables(operation) => Call::DynamoDb(operation),
            Self::OfTableStreams(operation) => Call::DynamoDbStreams(operation),
            Self::PutStream => Call::PutStream,
            Self::Subscribe => Call::Subscribe,
        }
    }
}

impl GrpcFront {
    pub(crate) async fn answer(&self, parts: &Parts, body: Incoming) -> Answered {
        if let Some(status) = misplaced(parts) {
            let mut response = Response::new(Reply::default());
            *response.status_mut() = status;
            return Answered { response, call: None, http_status: status.as_u16() };
        }
        let path = parts.uri.path().trim_start_matches('/').to_owned();
        let (service, method) = path.split_once('/').unwrap_or((&path, ""));
        let found = Shapes::of(&path).and_then(|shapes| Some((Route::of(service, method)?, shapes)));
        let is_join = path == Groups::PATH;
        let call = if is_join { Some(Call::Join) } else { found.as_ref().map(|(route, _)| route.call()) };
        let outcome = match (timeout(parts), found) {
            (Err(status), _) => Err(Failure::Status(status)),
            (Ok(deadline), _) if is_join => self.join(parts, deadline, body),
            (Ok(deadline), Some((route, shapes))) => {
                self.carry_out(route, shapes, parts, deadline, body).await
            }
            (Ok(deadline), None) => Ok(self.answer_beside(service, method, deadline, body).await),
        };
        let (response, http_status) = match outcome {
            Ok(response) => (response, 200),
            Err(Failure::Refused(error)) => (reply::failure(&of_error(&error)), error.status()),
            Err(Failure::Status(status)) => (reply::failure(&status), 400),
        };
        Answered { response, call, http_status }
    }

    /// A call that is no operation of AWS.
    fn join(
        &self,
        parts: &Parts,
        deadline: Option<Duration>,
        body: Incoming,
    ) -> Result<Response<Reply>, Failure> {
        let reception = &self.kinesis.reception;
        let caller = caller(parts, &self.default_caller)?;
        let messages = Messages::new(body, reception.budget.clone(), reception.clock.clone());
        let watching = parts.extensions.get::<Liveness>().map(Liveness::watch);
        let pieces = self.groups.answer(caller, messages, watching);
        Ok(reply::streamed(pieces, deadline, &reception.clock))
    }

    /// Health, reflection, and what is not there.
    async fn answer_beside(
        &self,
        service: &str,
        method: &str,
        deadline: Option<Duration>,
        body: Incoming,
    ) -> Response<Reply> {
        match service {
            HealthService::NAME => self.health.answer(method, deadline, body, &self.kinesis.reception).await,
            name if Reflection::NAMES.contains(&name) => self.reflection.answer(method, deadline, body),
            _ => reply::failure(&Status::unimplemented(format!("There is no call {service}/{method}."))),
        }
    }

    async fn carry_out(
        &self,
        route: Route,
        shapes: Shapes,
        parts: &Parts,
        deadline: Option<Duration>,
        body: Incoming,
    ) -> Result<Response<Reply>, Failure> {
        let caller = caller(parts, &self.default_caller)?;
        let clock = &self.kinesis.reception.clock;
        if let Route::PutStream = route {
            let messages = Messages::new(body, self.kinesis.reception.budget.clone(), clock.clone());
            let pieces = put_stream::pieces(self.kinesis.clone(), caller, shapes, messages);
            return Ok(reply::streamed(pieces, deadline, clock));
        }
        let begun = clock.monotonic();
        let requester = Requester { caller, host: parts.uri.authority().map(ToString::to_string) };
        let work = self.carry_out_unary(route, shapes, requester, body);
        let done = match deadline {
            None => work.await?,
            Some(limit) => clock.timeout(limit, work).await.ok_or_else(expired)??,
        };
        Ok(match done {
            Done::Answer(response) => *response,
            Done::Events(subscription) => {
                let left =
                    deadline.map(|limit| limit.saturating_sub(clock.monotonic().saturating_sub(begun)));
                reply::streamed(subscription.pieces(), left, clock)
            }
        })
    }

    /// A call that begins with one message.
    async fn carry_out_unary(
        &self,
        route: Route,
        shapes: Shapes,
        requester: Requester,
        body: Incoming,
    ) -> Result<Done, Failure> {
        let reception = &self.kinesis.reception;
        let message = single::receive(reception, body).await?;
        let format = Format::Protobuf(shapes);
        let outcome = match route {
            Route::Unary(operation) => {
                let input = decode(operation, format, &message.bytes)?;
                self.kinesis.perform(&requester.caller, input, format).await
            }
            Route::OfTables(operation) => {
                let input = dynamodb::generated::Input::decode(operation, format, &message.bytes);
                let input = dynamodb::front::Input::Tables(input.map_err(ApiError::from)?);
                let answer = self.tables.perform(requester, input, format).await;
                answer.map(|(bytes, turn)| Outcome::Output { bytes, turn })
            }
            Route::OfTableStreams(operation) => {
                let input = table_streams::Input::decode(operation, format, &message.bytes);
                let input = dynamodb::front::Input::Streams(input.map_err(ApiError::from)?);
                let answer = self.tables.perform(requester, input, format).await;
                answer.map(|(bytes, turn)| Outcome::Output { bytes, turn })
            }
            Route::Subscribe | Route::PutStream => {
                let input = decode(Operation::SubscribeToShard, format, &message.bytes)?;
                let Input::SubscribeToShard(input) = input else { return Err(misled()) };
                let events = subscribe::Events::begin(self.kinesis.clone(), &requester.caller, input).await?;
                return Ok(Done::Events(Box::new(events)));
            }
        };
        // Were it kept, requests that wait for room to grow and answers that wait for them would wait forever.
        drop(message);
        match outcome? {
            Outcome::Output { bytes, turn } => {
                let permit = reception.budget.reserve(bytes.len()).await;
                drop(turn);
                Ok(Done::Answer(Box::new(reply::message(&bytes, permit))))
            }
            Outcome::Events(_) => Err(misled()),
        }
    }
}

/// Subscriptions take another way than all other calls, which has ended here.
fn misled() -> Failure {
    ApiError::bare(ProtocolError::InternalFailure).into()
}

enum Done {
    Answer(Box<Response<Reply>>),
    Events(Box<subscribe::Events>),
}

/// Why there is no answer.
pub(super) enum Failure {
    Refused(ApiError),
    /// For reasons that only gRPC has.
    Status(Status),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

/// The input in a message.
pub(super) fn decode(operation: Operation, format: Format, message: &Bytes) -> Result<Input, ApiError> {
    Ok(Input::decode(operation, format, message)?)
}
