//! Lease tables as their users have them: the store's contract against a server, and `millstream lease` on rows that
//! the store wrote, with the real binary.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod command;
mod scene;

use std::sync::Arc;

use millstream_lease::store::{Layout, contract};
use millstream_tests::ServerOptions;
use tempfile::tempdir;

use crate::scene::store;

#[tokio::test]
async fn the_store_keeps_its_contract_against_a_server() {
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).with_passing_states().start();
    for layout in [Layout::single("single"), Layout::three("three")] {
        contract::run(Arc::new(store(&server.http(), layout))).await;
    }
}
