//! The AWS wire: what a request's bytes mean, and what bytes answer it.
//!
//! Above this floor there are typed inputs and outputs only; no handler sees JSON, CBOR or a model
//! constraint. Sockets and HTTP's own rules are not here.

mod answer;
pub(crate) mod call;
pub(crate) mod caller;
pub mod cloudwatch;
pub mod codec;
pub mod dynamodb;
pub mod event_stream;
mod front;
mod gzip;
pub mod kinesis;
pub(crate) mod policy;
pub(crate) mod query;
pub(crate) mod reception;
pub(crate) mod request_id;
#[cfg(any(test, fuzzing))]
pub(crate) mod requests;
pub(crate) mod router;
pub(crate) mod sts;
mod validation;
