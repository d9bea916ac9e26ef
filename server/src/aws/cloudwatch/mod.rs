//! Amazon CloudWatch, as far as clients report metrics to it: what they report is shown on the metrics page.

pub(crate) mod front;
#[allow(clippy::too_many_lines)] // a line for each operation, and nobody reads them one after the other
pub mod generated;
mod service;

#[cfg(test)]
mod tests;
