//! Amazon DynamoDB and DynamoDB Streams on the wire: their operations, generated from the service models, and the
//! service that carries them out on tables.

pub mod attribute_value;
mod errors;
pub(crate) mod front;
#[allow(clippy::too_many_lines)] // a line for each operation, and nobody reads them one after the other
pub mod generated;
pub(crate) mod live_tables;
pub(crate) mod service;
pub mod streams;

#[cfg(test)]
mod tests;
