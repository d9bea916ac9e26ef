//! The server as an operator's init system sees it: ready, stopped in time, killed, started again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use millstream_tests::ServerOptions;
use tempfile::tempdir;

fn get(address: SocketAddr, path: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn health_is_on_both_ports_and_metrics_on_the_admin_port() {
    let directory = tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).start();
    for address in [server.address(), server.admin_address()] {
        for path in ["/health/live", "/health/ready", "/_localstack/health"] {
            assert!(get(address, path).starts_with("HTTP/1.1 200"), "{address} {path}");
        }
    }
    assert!(get(server.admin_address(), "/metrics").contains("# EOF"));
    assert!(!get(server.address(), "/metrics").starts_with("HTTP/1.1 200"));
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
    assert!(get(server.address(), "/health/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn two_servers_do_not_share_a_data_directory() {
    let directory = tempdir().unwrap();
    let _first = ServerOptions::new(directory.path()).start();
    let failure = ServerOptions::new(directory.path()).try_start().unwrap_err();
    assert!(failure.status.is_some_and(|status| !status.success()), "{failure}");
    assert!(failure.log.contains("another process"), "{failure}");
}
