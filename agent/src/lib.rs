//! Follows files and puts what is appended to them into streams: lines, or records of many lines, as they are or made
//! into JSON.
//!
//! An [`AgentSettings`] is read from our TOML or from the Kinesis Agent's JSON ([`settings::understand`]), and [`run`] is
//! the agent. Every line that a file shows while it is followed is put once or more: the checkpoint moves on only behind
//! records that the stream has acknowledged, in their order, and says by what bytes a place in a file is known again. How
//! records are packed, paced and put again is the producer SDK's.

mod agent;
mod checkpoint;
mod conversion;
mod error;
mod figures;
pub mod files;
mod flow;
mod partition_key;
pub mod settings;
mod splitting;

pub use self::agent::{Components, run, run_with};
pub use self::checkpoint::{CheckpointFile, CheckpointStore, InvalidCheckpoint};
pub use self::error::{Error, Result};
pub use self::settings::AgentSettings;
