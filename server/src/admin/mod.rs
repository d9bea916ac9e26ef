//! The admin port: health and metrics for those who run the server, and the test API for those who test
//! their own code against it.
//!
//! Health is answered on both ports. Everything below `/admin/` may change what the server holds, so it can
//! be switched off, and is refused to web pages: a browser says in `Origin` that a page is asking.

mod answer;
mod clock;
mod health;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::ORIGIN;
use hyper::{Method, Request, Response, StatusCode};
use millstream_runtime::{AdjustableClock, SharedClock};

use crate::http::Handler;
use crate::http::body::Reply;
use crate::metrics::Metrics;

use answer::{Answer, Refusal, json, read_json, text};
use clock::Clocks;
pub(crate) use health::Health;

const OFF: &str = "The test API is off, because whoever reaches it can remove everything that this server holds. \
                   --test-api, MILLSTREAM_TEST_API=true or test_api = true switches it on.";
const NOT_FOR_PAGES: &str = "Requests of web pages, which carry an Origin, are refused here.";
const PATHS: &str = "GET /health/live, /health/ready or /metrics; GET or POST /admin/clock\n";

/// Serves the admin port.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) health: Health,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) test_api: TestApi,
}

/// What lets a test change the server that it runs against.
#[derive(Debug)]
pub(crate) struct TestApi {
    enabled: bool,
    clocks: Clocks,
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Reply> {
        if let Some(answer) = self.health.answer(request.method(), request.uri().path()) {
            return answer;
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => {
                let shown = self.metrics.show();
                text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", shown)
            }
            (_, path) if path.starts_with("/admin/") => {
                self.test_api.handle(request).await.unwrap_or_else(Response::from)
            }
            _ => text(StatusCode::NOT_FOUND, "text/plain", PATHS.to_owned()),
        }
    }
}

impl TestApi {
    pub(crate) fn new(enabled: bool, clock: AdjustableClock, machine: SharedClock) -> Self {
        Self { enabled, clocks: Clocks { engine: clock, machine } }
    }

    async fn handle(&self, request: Request<Incoming>) -> Answer {
        if request.headers().contains_key(ORIGIN) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, NOT_FOR_PAGES));
        }
        if !self.enabled {
            return Err(Refusal::new(StatusCode::FORBIDDEN, OFF));
        }
        let (parts, body) = request.into_parts();
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/admin/clock") => Ok(json(StatusCode::OK, &self.clocks.show())),
            (&Method::POST, "/admin/clock") => {
                self.clocks.change(&read_json(body, &self.clocks.machine).await?)?;
                Ok(json(StatusCode::OK, &self.clocks.show()))
            }
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, PATHS.trim_end())),
        }
    }
}
