//! Whether the server lives and can do its work; answered on both ports.

use hyper::{Method, Response, StatusCode};
use millstream_engine::Engine;

use super::answer::text;
use crate::http::body::Reply;

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

fn json(status: StatusCode, body: String) -> Response<Reply> {
    text(status, "application/json", body)
}
