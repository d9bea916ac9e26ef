//! What the end-to-end tests share: the real binary as a child process, the real clients, and
//! load whose every acknowledgement is checked against what comes back.
//!
//! Every test talks to a server of its own on free ports of 127.0.0.1, with a data directory of its own; a
//! server ends with the value that holds it. Not here: scenarios and checks, which are the tests' own.

// This crate is there to fail when something is not as it should be.
#![allow(clippy::expect_used, clippy::panic)]

pub mod admin;
pub mod anchor;
pub mod clients;
pub mod compatibility;
pub mod damage;
pub mod disk;
pub mod ledger;
pub mod load;
pub mod memory;
pub mod operations;
pub mod programs;
pub mod random;
pub mod raw;
pub mod results;
pub mod server;
pub mod session;
pub mod shim;
pub mod skips;
pub mod told;
pub mod walk;
pub mod wire;

pub use server::{Server, ServerOptions};
pub use session::{Session, Transport};
