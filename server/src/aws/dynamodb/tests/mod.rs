//! The generated types, the codec and attribute values together, as a client sees them.

mod operations;
mod protobuf;
mod types;
mod values;
mod wires;

use bytes::Bytes;

use super::generated::{Input, Operation};
use crate::aws::codec::{Format, Refusal};

fn decode(operation: Operation, body: &str) -> Result<Input, Refusal> {
    Input::decode(operation, Format::Json, &Bytes::copy_from_slice(body.as_bytes()))
}
