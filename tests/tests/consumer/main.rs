//! The consumer SDK against the real server: streams and lease table on one endpoint, one consumer or a few.
//!
//! Whole fleets, in processes of their own and beside the KCL, are in `kcl`; fleets on a clock that tests move are the
//! SDK's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod examples;
mod members;
mod positions;
mod scene;
mod takeover;
