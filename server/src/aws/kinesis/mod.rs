//! Amazon Kinesis Data Streams on the wire: its operations, their inputs and outputs, generated from the
//! service model.

pub mod generated;

#[cfg(test)]
mod tests;
