//! What a run with subscribers tells beside what every run tells.

use serde::{Deserialize, Serialize};

use super::result::{Latency, Spread};

/// What only subscribers see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushResult {
    /// Each with a subscription to every shard of its stream.
    pub consumers: u64,
    pub subscriptions: u64,
    /// Millions of bytes of record data that a consumer was brought a second, over all consumers.
    pub consumer_mb_per_second: Spread,
    /// Milliseconds from a put's acknowledgement to the event with its record, for each record and consumer. 0 for
    /// a record that was brought before its acknowledgement.
    pub after_acknowledgement: Latency,
    /// How many of these came before the acknowledgement.
    pub ahead_of_acknowledgement: u64,
    /// Subscriptions that the target ended, as it does after 5 minutes, and that were made again.
    pub renewals: u64,
    pub idle: Option<IdleResult>,
}

/// What subscriptions cost through which no record comes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdleResult {
    pub subscriptions: u64,
    /// Of the process given with `--target-pid`, before the first subscription was made.
    pub target_rss_before_bytes: Option<u64>,
    /// By how much the process had grown when the measurement ended, divided by the idle subscriptions. What else
    /// made it grow is not told apart: measure without consumers, on a process that has just started.
    pub target_bytes_each: Option<f64>,
}
