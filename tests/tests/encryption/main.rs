//! Encryption at rest as its user and its operator see it: what lies on the disk, what clients are told, and what
//! becomes of both with another master key.
//!
//! The client is the AWS SDK for Rust.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod calls;
mod disk;
mod master_key;
mod session;
