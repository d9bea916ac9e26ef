//! The services beside Kinesis on its port, on a server in this process: who answers, in which form, with which
//! headers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod client;
mod cloudwatch;
mod destinations;
mod dynamodb;
mod streams;
mod sts;
mod tables;

use std::time::Duration;

use millstream_runtime::{ManualClock, SeededEntropy};
use millstream_server::settings::StorageKind;
use millstream_server::{Secrets, Server, Settings};

/// 2023-11-14T22:13:20Z
const START: Duration = Duration::from_secs(1_700_000_000);

async fn server() -> Server {
    server_with_clock().await.0
}

async fn server_with_clock() -> (Server, ManualClock) {
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin_listen: "127.0.0.1:0".parse().unwrap(),
        storage: StorageKind::Memory,
        ..Settings::default()
    };
    let clock = ManualClock::starting_at(START);
    let secrets = Secrets::none();
    let server = Server::start(&settings, &secrets, clock.shared(), SeededEntropy::shared(5)).await.unwrap();
    (server, clock)
}
