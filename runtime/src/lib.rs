//! The only source of time, randomness, tasks and threads.
//!
//! Everything above asks a [`Clock`], an [`Entropy`] and a [`TaskSet`] that it was given, so a whole server
//! can run on a manual clock and a seed. The workspace's `clippy.toml` bans the direct calls. The pure
//! pieces that only make sense together with a clock ([`TokenBucket`], [`Backoff`]) live here too; they
//! take the time as an argument.

pub mod backoff;
pub mod clock;
pub mod delegate;
pub mod entropy;
pub mod tasks;
pub mod threads;
pub mod token_bucket;

pub use backoff::Backoff;
pub use clock::{AdjustableClock, Clock, ManualClock, SharedClock, SystemClock};
pub use delegate::Delegate;
pub use entropy::{Entropy, SeededEntropy, SharedEntropy, SystemEntropy};
pub use tasks::{OnFailure, TaskSet};
pub use token_bucket::{RetryAfter, TokenBucket};
