//! Requests made up from the service model, in all formats; for tests and fuzzers alone.

#![cfg_attr(fuzzing, allow(dead_code))] // some of it only tests want
#![allow(clippy::panic, clippy::unwrap_used)] // the model is known to be whole
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)] // test data may be cut

mod body;
mod model;
pub(crate) mod protobuf;
mod tape;

#[cfg(test)]
pub(crate) use body::Node;
#[cfg(test)]
pub(crate) use model::{Shape, input_of, output_of};
pub(crate) use tape::Tape;
