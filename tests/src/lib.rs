//! What the end-to-end tests share: the real binary as a child process, and where the real clients lie.
//!
//! Every test talks to a server of its own on free ports of 127.0.0.1, with a data directory of its own; a
//! server ends with the value that holds it. Not here: scenarios and checks, which are the tests' own.

#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on says so

pub mod clients;
pub mod memory;
pub mod raw;
pub mod server;

pub use server::{Server, ServerOptions};
