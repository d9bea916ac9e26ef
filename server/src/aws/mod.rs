//! The AWS wire: what a request's bytes mean, and what bytes answer it.
//!
//! Above this floor there are typed inputs and outputs only; no handler sees JSON, CBOR or a model
//! constraint. Sockets and HTTP's own rules are not here.

pub(crate) mod caller;
pub mod codec;
pub mod event_stream;
pub mod kinesis;
pub(crate) mod policy;
pub(crate) mod request_id;
pub(crate) mod router;
mod validation;
