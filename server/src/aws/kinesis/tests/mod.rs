//! The generated types, the codec and the constraints together, as a client sees them.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // test data may be cut

mod agreement;
mod answers;
mod constraints;
mod limits;
mod outputs;
mod patterns;
mod protobuf;
mod service;
mod types;
mod vectors;

use bytes::Bytes;

use super::generated::{Input, Operation};
use crate::aws::codec::{Format, Refusal};

fn decode(operation: Operation, format: Format, body: impl Into<Vec<u8>>) -> Result<Input, Refusal> {
    Input::decode(operation, format, &Bytes::from(body.into()))
}

fn decode_json(operation: Operation, body: &str) -> Result<Input, Refusal> {
    decode(operation, Format::Json, body)
}
