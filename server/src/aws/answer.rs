//! What a front answers, before the headers that every answer has.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::call::Call;
use crate::http::body::Reply;

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Reply,
    /// What the answer is counted under.
    pub(super) call: Option<Call>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: Reply) -> Self {
        Self { status, headers: HeaderMap::new(), body, call: None }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, Reply::default())
    }

    pub(super) fn text(status: StatusCode, content_type: &'static str, text: impl Into<Bytes>) -> Self {
        Self::new(status, Reply::new(text, None)).of_type(content_type)
    }

    pub(super) fn of_type(mut self, content_type: &'static str) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }

    pub(super) fn to(self, call: Option<Call>) -> Self {
        Self { call, ..self }
    }

    /// Adds a header. A text that no header can have is left out; ours are all ASCII.
    pub(super) fn with(mut self, name: HeaderName, value: String) -> Self {
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// The status of an error.
pub(super) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
