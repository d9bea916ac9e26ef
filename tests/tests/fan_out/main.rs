//! Enhanced fan-out with unmodified SDKs against the real binary: each goes through the same steps over HTTP and over
//! TLS, and docs/compatibility.md shows how far it got.
//!
//! The SDKs of other languages are driven through the programs `tests/clients/<language>/fan_out`, which do what they
//! are told and show what their SDK shows; `tools/clients` installs what they need. What is right is written here, once
//! for all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod consumers;
mod driver;
mod operator;
mod page;
mod positions;
mod refusals;
mod resharding;
mod restart;
#[path = "../real_clients/rust_sdk/client.rs"]
mod rust_client;
mod rust_sdk;
mod scene;
mod sdk;
mod shown;
mod time;
mod volume;

use millstream_tests::Transport;

use page::Row;
use scene::Scene;
use sdk::Sdk;

/// What is done with a clock that the test moves.
const STEPS: &[fn(&mut Scene)] = &[
    consumers::life,
    consumers::deregistration,
    positions::all_five,
    positions::continuation,
    time::heartbeats,
    time::five_minutes,
    time::takeover,
    resharding::split_and_merge,
    refusals::wrong_calls,
    volume::large_and_many,
];

/// With the machine's clock: silence, and the server's end in the middle.
const STEPS_IN_TIME: usize = 2;

#[allow(clippy::print_stderr)]
fn go_through(sdk: Sdk, transport: Transport) {
    let Some(mut scene) = Scene::with_still_clock(sdk, transport) else { return };
    for step in STEPS {
        step(&mut scene);
    }
    if sdk.knows_dry_run() {
        refusals::dry_run(&mut scene);
    }
    let http = scene.assert_spoke();

    let Some(mut scene) = Scene::with_running_clock(sdk, transport) else { return };
    time::silence(&mut scene);
    let broken = restart::in_the_middle(&mut scene);
    eprintln!("{} over {transport:?}: a broken connection is {broken:?}", sdk.name());
    let all = STEPS.len() + 1 + STEPS_IN_TIME;
    let passed = if sdk.knows_dry_run() { all } else { all - 1 };
    Row { sdk, transport, http, steps: (passed, all) }.assert_is_on_the_page();
}

#[test]
fn boto3_over_http() {
    go_through(Sdk::Boto3, Transport::Http);
}

#[test]
fn boto3_over_tls() {
    go_through(Sdk::Boto3, Transport::Https);
}

#[test]
fn javascript_over_http() {
    go_through(Sdk::JavaScript, Transport::Http);
}

#[test]
fn javascript_over_tls() {
    go_through(Sdk::JavaScript, Transport::Https);
}

#[test]
fn java_over_http() {
    go_through(Sdk::Java, Transport::Http);
}

#[test]
fn java_over_tls() {
    go_through(Sdk::Java, Transport::Https);
}

#[test]
fn go_over_http() {
    go_through(Sdk::Go, Transport::Http);
}

#[test]
fn go_over_tls() {
    go_through(Sdk::Go, Transport::Https);
}

#[test]
fn rust_over_http() {
    go_through(Sdk::Rust, Transport::Http);
}

#[test]
fn rust_over_tls() {
    go_through(Sdk::Rust, Transport::Https);
}
