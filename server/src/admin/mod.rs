//! The admin port: health and metrics for those who run the server, and the test API for those who test
//! their own code against it.
//!
//! gRPC's way to it is `grpc/admin.rs`, on the same port. Health is answered on both ports. Everything below `/admin/` may change what the server holds, so it can
//! be switched off, and is refused to web pages: a browser says in `Origin` that a page is asking.

mod answer;
mod clock;
mod faults;
mod health;
mod snapshot;
mod test_api;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use crate::http::Handler;
use crate::http::body::Reply;
use crate::init::InitScripts;
use crate::metrics::Metrics;

pub(crate) use answer::Refusal;
use answer::{json, text};
pub(crate) use clock::{Change, Clocks, Moment, Shown};
pub(crate) use health::Health;
pub(crate) use snapshot::{Load, Pieces, STALL_LIMIT, Saves};
pub(crate) use test_api::TestApi;

const PATHS: &str = "GET /health/live, /health/ready, /metrics or /admin/init; GET or POST /admin/clock; \
                     GET, POST or DELETE /admin/faults; DELETE /admin/faults/ID; POST /admin/reset, \
                     /admin/snapshot or /admin/snapshot/load";

/// Serves the admin port.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) health: Health,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) init: Arc<InitScripts>,
    pub(crate) test_api: TestApi,
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
            (&Method::GET, "/admin/init") => json(StatusCode::OK, &self.init.show()),
            (_, path) if path.starts_with("/admin/") => {
                self.test_api.handle(request).await.unwrap_or_else(Response::from)
            }
            _ => text(StatusCode::NOT_FOUND, "text/plain", format!("{PATHS}\n")),
        }
    }
}
