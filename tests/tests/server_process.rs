//! The server as an operator's init system sees it: ready, stopped in time, killed, started again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::net::SocketAddr;

use millstream_tests::ServerOptions;
use millstream_tests::raw::{Request, Response};
use tempfile::tempdir;

fn get(address: SocketAddr, path: &str) -> Response {
    Request::bare("GET", "").target(path).send(address).unwrap()
}

#[test]
fn health_is_on_both_ports_and_metrics_on_the_admin_port() {
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).start();
    for address in [server.address(), server.admin_address()] {
        for path in ["/health/live", "/health/ready", "/_localstack/health"] {
            assert_eq!(get(address, path).status, 200, "{address} {path}");
        }
    }
    assert!(get(server.admin_address(), "/metrics").text().contains("# EOF"));
    assert_ne!(get(server.address(), "/metrics").status, 200);
}

#[test]
fn it_ends_when_asked_and_comes_back_where_it_was() {
    let directory = tempdir().unwrap();
    let mut server = ServerOptions::new(directory.path()).start();
    let address = server.address();
    assert!(server.terminate().success());
    assert!(server.log().contains("stopped"), "{}", server.log());
    server.restart();
    assert_eq!(server.address(), address);
    server.kill();
    server.restart();
    assert_eq!(get(server.address(), "/health/ready").status, 200);
}

#[test]
fn two_servers_do_not_share_a_data_directory() {
    let directory = tempdir().unwrap();
    let _first = ServerOptions::new(directory.path()).start();
    let failure = ServerOptions::new(directory.path()).try_start().unwrap_err();
    assert!(failure.status.is_some_and(|status| !status.success()), "{failure}");
    assert!(failure.log.contains("another process"), "{failure}");
}
