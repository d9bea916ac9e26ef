//! The client against a server that says what it is told.

#![allow(clippy::unwrap_used, clippy::panic)] // the lints spare test functions, not what serves them

mod calls;
mod retries;
mod scripted_server;
