//! Requests made up from the service model, in both formats; for tests and fuzzers alone.

#![cfg_attr(fuzzing, allow(dead_code))] // some of it only tests want
#![allow(clippy::panic, clippy::unwrap_used)] // the model is known to be whole
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // test data may be cut

mod body;
mod model;
mod tape;

#[cfg(test)]
pub(crate) use body::Node;
#[cfg(test)]
pub(crate) use model::{Shape, input_of};
pub(crate) use tape::Tape;
