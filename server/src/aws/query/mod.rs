//! AWS's query protocol: parameters in a form or a query, answers in XML. STS speaks nothing else, CloudWatch
//! speaks it too.

mod form;
mod xml;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

pub(crate) use self::form::Form;
pub(super) use self::xml::ErrorText;
use super::answer::Answer;
use super::cloudwatch::front::{BODY_BYTES_MAX, CloudWatchFront};
use super::codec::ApiError;
use super::gzip::inflated;
use super::kinesis::front::no_operation_named;
use super::reception::Reception;
use super::request_id::REQUEST_ID;
use super::sts;

/// Answers what is asked in the query protocol.
#[derive(Debug)]
pub(crate) struct QueryFront {
    pub(crate) reception: Reception,
}

impl QueryFront {
    pub(super) async fn answer(&self, parts: &Parts, body: Incoming, cloudwatch: &CloudWatchFront) -> Answer {
        let id = self.reception.ids.request_id();
        let received = match self.reception.receive(body).await {
            Ok(received) => received,
            Err(status) => return Answer::empty(status).with(REQUEST_ID, id),
        };
        // From here on nothing waits, so that what is inflated is never more than one body for each thread.
        let answer = match inflated(parts, &received.bytes, BODY_BYTES_MAX) {
            Ok(body) => self.carry_out(parts, &body, &id, cloudwatch),
            Err(_) => Answer::empty(StatusCode::PAYLOAD_TOO_LARGE),
        };
        answer.with(REQUEST_ID, id)
    }

    fn carry_out(&self, parts: &Parts, body: &Bytes, id: &str, cloudwatch: &CloudWatchFront) -> Answer {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let parameters = if parts.method == Method::GET { query } else { body };
        let Some(form) = Form::parse(parameters) else {
            let text = "The parameters are not well-formed.".to_owned();
            return sts::refused(&ErrorText::sender("MalformedQueryString", text), StatusCode::NOT_FOUND, id);
        };
        match form.action() {
            None => no_operation_named(),
            Some("GetCallerIdentity") => sts::get_caller_identity(parts, &self.reception, id),
            Some("PutMetricData") => cloudwatch.answer_query(parts, &form.into_json(), id),
            Some(other) => {
                let version = form.version().unwrap_or_default();
                let text = format!("Could not find operation {other} for version {version}");
                sts::refused(&ErrorText::sender("InvalidAction", text), StatusCode::BAD_REQUEST, id)
            }
        }
    }
}

/// An error of what comes before an operation, in the words of the query protocol: its codes lack the ending.
pub(super) fn of_protocol(error: &ApiError) -> (ErrorText, StatusCode) {
    let code = error.code().strip_suffix("Exception").unwrap_or(error.code());
    let text = ErrorText::sender(code, error.message().unwrap_or_default().to_owned());
    let status =
        if code == "MissingAuthenticationToken" { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
    (text, status)
}
