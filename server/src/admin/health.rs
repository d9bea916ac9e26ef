//! Whether the server lives and can do its work; answered on both ports.

use std::sync::Arc;

use hyper::{Method, Response, StatusCode};
use millstream_engine::LiveEngine;

use super::answer::text;
use crate::aws::dynamodb::live_tables::LiveTables;
use crate::http::body::Reply;
use crate::init::InitScripts;

#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) engine: LiveEngine,
    pub(crate) tables: LiveTables,
    pub(crate) init: Arc<InitScripts>,
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

    fn what_is_missing(&self) -> Option<String> {
        if let Some(script) = self.init.running() {
            return Some(format!("the init script {script} has not ended yet"));
        }
        // A reset is over before anybody could draw a conclusion.
        let engine = self.engine.try_current()?;
        let writable = engine.and_then(|engine| engine.check_writable());
        if let Err(error) = writable {
            return Some(error.to_string());
        }
        self.tables.check_open().err().map(|error| format!("the tables cannot be opened: {error}"))
    }

    /// Whether records are taken.
    pub(crate) fn is_ready(&self) -> bool {
        self.what_is_missing().is_none()
    }

    /// Ready to take records; reads may work even when it is not.
    fn ready(&self) -> Response<Reply> {
        match self.what_is_missing() {
            None => json(StatusCode::OK, r#"{"status":"ready"}"#.to_owned()),
            Some(reason) => {
                let reason = reason.escape_debug().to_string();
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

fn json(status: StatusCode, body: String) -> Response<Reply> {
    text(status, "application/json", body)
}
