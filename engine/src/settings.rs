//! What an operator may change about the engine.

use std::time::Duration;

use crate::limits::Limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub limits: Limits,
    pub delays: Delays,
    /// Bytes of the newest blocks that are kept in memory for readers, over all shards.
    pub tail_bytes_max: usize,
    /// Bytes of records that may wait to become durable; further puts wait for room.
    pub in_flight_bytes_max: usize,
    /// Between two looks for expired records.
    pub trim_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::AWS,
            delays: Delays::default(),
            tail_bytes_max: 64 * 1024 * 1024,
            in_flight_bytes_max: 64 * 1024 * 1024,
            trim_interval: Duration::from_secs(60),
        }
    }
}

/// How long a stream stays in a passing state. AWS takes seconds to minutes; tests and most users want 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    pub create: Duration,
    pub update: Duration,
    pub delete: Duration,
}
