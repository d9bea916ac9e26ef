//! What the admin port is sent and what it answers: small JSON both ways, and errors that say what to do.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use millstream_runtime::SharedClock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::body::Reply;

/// The longest request is a list of faults.
const JSON_BYTES_MAX: usize = 256 * 1024;
/// From the head of a request to the end of its body.
const JSON_LIMIT: Duration = Duration::from_secs(10);

/// Why something was not done: a status, and a sentence for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

pub(super) type Answer = Result<Response<Reply>, Refusal>;

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Refusal> for Response<Reply> {
    fn from(refusal: Refusal) -> Self {
        json(refusal.status, &ErrorBody { error: &refusal.message })
    }
}

/// Reads a body that is one JSON value, whatever its content type says.
pub(super) async fn read_json<T, B>(body: B, clock: &SharedClock) -> Result<T, Refusal>
where
    T: DeserializeOwned,
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = clock.timeout(JSON_LIMIT, Limited::new(body, JSON_BYTES_MAX).collect()).await;
    let collected = collected
        .ok_or_else(|| Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body did not come in time."))?
        .map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body is larger than {JSON_BYTES_MAX} bytes."),
            ),
            None => Refusal::bad_request("The body broke off."),
        })?;
    serde_json::from_slice(&collected.to_bytes())
        .map_err(|error| Refusal::bad_request(format!("The body is not what is understood here: {error}")))
}

pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Reply> {
    match serde_json::to_string(value) {
        Ok(body) => text(status, "application/json", body + "\n"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{error}\n")),
    }
}

pub(super) fn text(status: StatusCode, content_type: &'static str, text: String) -> Response<Reply> {
    let mut response = Response::new(Reply::new(text, None));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
