//! Health and metrics, for those who run the server.
//!
//! Health is answered on both ports. Nothing here changes anything.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use millstream_engine::Engine;

use crate::http::Handler;
use crate::http::body::Reply;
use crate::metrics::Metrics;

/// Answers whether the server lives and can do its work.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) engine: Engine,
}

impl Health {
    /// `None` for what is not a question about health.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Response<Reply>> {
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        match path {
            "/health/live" => Some(json(StatusCode::OK, r#"{"status":"live"}"#.to_owned())),
            "/health/ready" => Some(self.ready()),
            "/_localstack/health" => Some(localstack()),
            _ => None,
        }
    }

    /// Ready to take records; reads may work even when it is not.
    fn ready(&self) -> Response<Reply> {
        match self.engine.check_writable() {
            Ok(()) => json(StatusCode::OK, r#"{"status":"ready"}"#.to_owned()),
            Err(error) => {
                let reason = error.to_string().escape_debug().to_string();
                let text = format!(r#"{{"status":"unavailable","reason":"{reason}"}}"#);
                json(StatusCode::SERVICE_UNAVAILABLE, text)
            }
        }
    }
}

/// What scripts written for LocalStack wait for.
fn localstack() -> Response<Reply> {
    let version = env!("CARGO_PKG_VERSION");
    let text =
        format!(r#"{{"services":{{"kinesis":"available"}},"edition":"millstream","version":"{version}"}}"#);
    json(StatusCode::OK, text)
}

/// Serves the admin port.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) health: Health,
    pub(crate) metrics: Arc<Metrics>,
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Reply> {
        if let Some(answer) = self.health.answer(request.method(), request.uri().path()) {
            return answer;
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => {
                let text = self.metrics.show();
                respond(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
            }
            _ => {
                let text = "GET /health/live, /health/ready or /metrics\n".to_owned();
                respond(StatusCode::NOT_FOUND, "text/plain", text)
            }
        }
    }
}

fn json(status: StatusCode, text: String) -> Response<Reply> {
    respond(status, "application/json", text)
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Response<Reply> {
    let mut response = Response::new(Reply::new(text, None));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
