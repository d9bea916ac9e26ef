//! Real clients, unmodified, against the real binary: each goes through one scenario over HTTP and over TLS,
//! and the server's metrics tell which protocol it spoke.
//!
//! The scenarios of other languages are in `tests/clients/<name>/`; `tools/clients` installs what they need. Each
//! checks values by itself and says on which step it failed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod awscli;
mod capacity;
mod programs;
mod rust_sdk;
