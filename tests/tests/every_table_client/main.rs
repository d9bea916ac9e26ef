//! Every operation on tables with each unmodified client against the real binary: all go through the same steps, and
//! docs/compatibility.md has a column of what each showed.
//!
//! What is sent and what is to come back is in `steps`, once for all clients. Every member and every error is the
//! business of `every_table_operation`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

#[path = "../every_client/awscli.rs"]
mod awscli;
#[path = "../every_client/each.rs"]
mod each;
mod rust_sdk;
mod steps;

use millstream_tests::raw::Request;
use millstream_tests::{Session, Transport};
use serde_json::json;

/// The stream that is the destination of a table. It is not a table's client that creates it.
const CHANGES: &str = "changes";

fn session() -> Session {
    let session = Session::with(Transport::Http, |options| options.without_limits().with_passing_states());
    let stream = json!({ "StreamName": CHANGES, "ShardCount": 1 });
    let created = Request::json("CreateStream", stream.to_string()).send(session.server.address()).unwrap();
    assert_eq!(created.status, 200, "{}", created.text());
    session
}
