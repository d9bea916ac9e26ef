//! Agents on files and a stream in memory, and a clock that stands still until it is moved: what each rule promises, and
//! then writers that rotate and truncate, and agents that crash, by seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod behaviour;
mod simulation;
mod store;
mod stream;
mod tree;
mod world;
