//! Amazon Kinesis Data Streams on the wire: its operations, their inputs and outputs, generated from the
//! service model, and the service that carries them out on the engine.

pub(crate) mod front;
#[allow(clippy::too_many_lines)] // a line for each operation, and nobody reads them one after the other
pub mod generated;
pub(crate) mod service;

#[cfg(test)]
mod tests;
