//! The flights of 2013 out of New York, keyed by tail number, through `millstream put` into 8 shards and back with
//! boto3 and with `millstream tail`: every flight exactly once, each aircraft's flights in order. Then all of them
//! a second time, with the server killed in the middle: nothing that was acknowledged is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod checks;
mod interrupted;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use millstream_tests::{Server, ServerOptions, clients, server};
use tempfile::TempDir;

use checks::{Flight, Found};

const STREAM: &str = "flights";
const SHARDS: usize = 8;
const KEY_FIELD: &str = "tailnum";

/// A server, and the clients that talk to it.
struct Airport {
    server: Server,
    python: PathBuf,
    /// For each run of a client.
    patience: Duration,
    directory: TempDir,
}

impl Airport {
    fn millstream(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&server::binary());
        command.args(arguments);
        command
    }

    fn flights_py(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.python.join("venv/bin/python"));
        command.arg(clients::sources().join("python/flights.py")).args(arguments);
        command
    }

    fn command(&self, program: &Path) -> Command {
        clients::command_within(self.patience, program, &self.server.http())
    }

    /// The flights of one day, or of all, as a CSV file.
    fn export(&self, day: Option<&str>) -> PathBuf {
        let file = self.directory.path().join("flights.csv");
        let file_name = file.to_str().unwrap();
        let arguments: Vec<_> = ["export", file_name].into_iter().chain(day).collect();
        text(&mut self.flights_py(&arguments));
        file
    }

    fn read_with_boto3(&self) -> Vec<Found> {
        checks::found(&text(&mut self.flights_py(&["read", STREAM])))
    }

    fn read_with_tail(&self) -> Vec<Found> {
        checks::found(&text(&mut self.millstream(&["tail", STREAM, "-o", "ndjson"])))
    }
}

/// What a program that must succeed prints.
fn text(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{error}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// `piece` is how many flights the second run has on the way when the server is killed, or a bit more.
fn fly(day: Option<&str>, count: usize, piece: usize, patience: Duration) {
    let Some(python) = clients::require("python") else { return };
    let directory = tempfile::tempdir().unwrap();
    let server = ServerOptions::new(directory.path()).without_limits().start();
    let mut airport = Airport { server, python, patience, directory };
    let file = airport.export(day);
    let (header, flights) = read_csv(&file);
    assert_eq!(flights.len(), count);

    text(&mut airport.millstream(&["stream", "create", STREAM, "--shards", &SHARDS.to_string(), "--wait"]));
    text(&mut airport.millstream(&["put", STREAM, "--key-field", KEY_FIELD, file.to_str().unwrap()]));
    let first = airport.read_with_boto3();
    checks::assert_each_once_and_in_order(&first, &flights);
    let tailed = airport.read_with_tail();
    checks::assert_each_once_and_in_order(&tailed, &flights);

    let acknowledged = interrupted::put(&mut airport, &header, &flights, piece);
    for all in [airport.read_with_boto3(), airport.read_with_tail()] {
        let second = checks::without(all, &first);
        checks::assert_nothing_acknowledged_is_missing(&second, &acknowledged, &flights);
    }
}

fn read_csv(file: &Path) -> (String, Vec<Flight>) {
    let text = fs::read_to_string(file).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    (header.to_owned(), rows.lines().map(|row| Flight::new(header, row)).collect())
}

#[test]
fn one_day_of_flights_survives_a_kill() {
    fly(Some("2013-1-1"), 842, 40, Duration::from_secs(300));
}

#[test]
#[ignore = "takes minutes; `make test-year` runs it"]
fn the_whole_year_of_flights_survives_a_kill() {
    fly(None, 336_776, 5000, Duration::from_secs(3600));
}
