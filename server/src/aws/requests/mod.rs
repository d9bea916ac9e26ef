//! Requests made up from the services' models, in all formats; for tests and fuzzers alone.

#![cfg_attr(fuzzing, allow(dead_code))] // some of it only tests want
#![allow(clippy::panic, clippy::unwrap_used)] // the model is known to be whole
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)] // test data may be cut

mod body;
#[cfg(test)]
pub(crate) mod likeness;
mod model;
pub(crate) mod protobuf;
mod tape;

#[cfg(test)]
pub(crate) use body::Node;
pub(crate) use model::Model;
#[cfg(test)]
pub(crate) use model::Shape;
pub(crate) use tape::Tape;
