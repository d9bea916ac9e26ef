//! From an HTTP request to the service that it means, and the headers that every answer has. What speaks gRPC goes to
//! its own front.
//!
//! What a service makes of a request, its order of checks and the form of its answers are its front's.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Request, Response, Version};
use millstream_runtime::SharedClock;

use super::answer::Answer;
use super::cloudwatch::front::CloudWatchFront;
use super::dynamodb::front::DynamoDbFront;
use super::front::Front;
use super::kinesis::front::KinesisFront;
use super::query::QueryFront;
use crate::admin::Health;
use crate::grpc::{GrpcFront, is_grpc};
use crate::http::Handler;
use crate::http::body::Reply;
use crate::metrics::{ProtocolLabels, RequestMetrics};

/// Answers the AWS APIs.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) kinesis: KinesisFront,
    pub(crate) dynamodb: DynamoDbFront,
    pub(crate) cloudwatch: CloudWatchFront,
    pub(crate) query: QueryFront,
    pub(crate) grpc: GrpcFront,
    pub(crate) health: Health,
    pub(crate) metrics: Arc<RequestMetrics>,
    pub(crate) clock: SharedClock,
}

impl Router {
    /// The futures are boxed: only one of them is needed, and together they would be as large as the largest.
    async fn answer(&self, parts: &Parts, body: Incoming) -> Answer {
        match Front::of(parts) {
            Front::Kinesis => Box::pin(self.kinesis.answer(parts, body)).await,
            Front::DynamoDb => Box::pin(self.dynamodb.answer(parts, body)).await,
            Front::CloudWatch => Box::pin(self.cloudwatch.answer_json(parts, body)).await,
            Front::CloudWatchRpc => Box::pin(self.cloudwatch.answer_rpc(parts, body)).await,
            Front::Query => Box::pin(self.query.answer(parts, body, &self.cloudwatch)).await,
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
        if is_grpc(&parts.headers) {
            let protocol = protocol(&parts);
            let answered = Box::pin(self.grpc.answer(&parts, body)).await;
            let took = self.clock.monotonic().saturating_sub(started);
            self.metrics.note(answered.call, protocol, answered.http_status, took);
            return answered.response;
        }
        let Answer { status, headers, body, call } = self.answer(&parts, body).await;
        let took = self.clock.monotonic().saturating_sub(started);
        self.metrics.note(call, protocol(&parts), status.as_u16(), took);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        if parts.headers.contains_key(ORIGIN) {
            add_cors(response.headers_mut(), &parts.headers);
        }
        response
    }
}

fn protocol(parts: &Parts) -> ProtocolLabels {
    let http = match parts.version {
        Version::HTTP_2 => "2",
        Version::HTTP_11 => "1.1",
        _ => "1.0",
    };
    let value = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = match value.split(';').next().unwrap_or_default().trim() {
        "application/x-amz-json-1.1" | "application/x-amz-json-1.0" => "json",
        "application/x-amz-cbor-1.1" | "application/cbor" => "cbor",
        "application/x-www-form-urlencoded" => "query",
        "application/grpc" | "application/grpc+proto" => "protobuf",
        _ => "other",
    };
    ProtocolLabels { http, format }
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
