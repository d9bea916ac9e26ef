//! The AWS wire: what a request's bytes mean, and what bytes answer it.
//!
//! Above this floor there are typed inputs and outputs only; no handler sees JSON, CBOR or a model
//! constraint. Authentication, HTTP and what the operations do are not here.

pub mod codec;
pub mod kinesis;
mod validation;
