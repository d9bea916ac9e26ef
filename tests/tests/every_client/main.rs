//! Every operation with each unmodified client against the real binary: all go through the same
//! steps, and docs/compatibility.md has a column of what each showed.
//!
//! What is sent and what is to come back is in `steps`, once for all clients. Every member and every error is the
//! business of `every_operation`, all that subscriptions do that of `fan_out`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod awscli;
mod each;
#[path = "../real_clients/rust_sdk/client.rs"]
mod rust_client;
mod rust_sdk;
mod steps;

use millstream_tests::{ServerOptions, Session, Transport};

/// The calls of all steps are more than AWS's rates would let through at once.
fn session() -> Session {
    Session::with(Transport::Http, ServerOptions::without_limits)
}
