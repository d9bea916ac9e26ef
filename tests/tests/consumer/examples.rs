//! The examples of the SDK, as a newcomer would run them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use millstream_runtime::{Clock, SystemClock, threads};
use millstream_tests::Session;
use millstream_tests::server::{binary, pause};
use millstream_tests::wire::Wire;
use rusqlite::Connection;
use serde_json::Value;

use crate::scene::{STREAM, Scene};

/// For whatever must come, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(90);

struct Example {
    child: Child,
    lines: Receiver<String>,
}

fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let path = test.ancestors().nth(2).expect("target/profile/deps/test").join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not there: cargo build -p millstream-consumer-sdk --examples",
        path.display()
    );
    path
}

impl Example {
    fn start(session: &Session, name: &str, arguments: &[&str]) -> Self {
        // Without `timeout` in between, so that signals reach it: it is killed when this is dropped.
        let told = session.command(program(name));
        let environment = told.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut child = Command::new(program(name))
            .args(arguments)
            .envs(environment)
            .current_dir(session.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        threads::spawn("example", move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })
        .unwrap();
        Self { child, lines }
    }

    /// The next lines, in alphabetical order.
    fn lines(&self, count: usize) -> Vec<String> {
        let mut lines: Vec<_> = (0..count).map(|_| self.lines.recv_timeout(PATIENCE).unwrap()).collect();
        lines.sort();
        lines
    }

    fn interrupt(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn print_prints_and_goes_on_where_it_ended() {
    let scene = Scene::new(2);
    let shown = |records: &[String]| records.iter().map(|data| format!("{data} {data}")).collect::<Vec<_>>();
    let first = scene.put("first", 5);
    let mut example = Example::start(&scene.session, "print", &[STREAM]);
    assert_eq!(example.lines(5), shown(&first));
    example.interrupt();
    let second = scene.put("second", 5);
    let mut example = Example::start(&scene.session, "print", &[STREAM]);
    assert_eq!(example.lines(5), shown(&second));
    example.interrupt();
}

#[test]
fn streams_reads_several() {
    let scene = Scene::new(2);
    let mut wire = Wire::connect(scene.session.server.address()).unwrap();
    wire.create_stream("payments", 2).unwrap();
    wire.put_record("payments", "key", b"paid").unwrap();
    wire.put_record(STREAM, "key", b"ordered").unwrap();
    let mut example = Example::start(&scene.session, "streams", &[STREAM, "payments"]);
    assert_eq!(example.lines(2), ["orders key ordered", "payments key paid"]);
    example.interrupt();
    let keys = lease_keys(&scene.session, "printer-of-streams");
    assert_eq!(keys.len(), 4, "{keys:?}");
    for stream in [STREAM, "payments"] {
        for shard in ["shardId-000000000000", "shardId-000000000001"] {
            let is_it = |key: &String| key.contains(&format!(":{stream}:")) && key.ends_with(shard);
            assert_eq!(keys.iter().filter(|key| is_it(key)).count(), 1, "{keys:?}");
        }
    }
}

/// As KCL names the leases of an application that reads several streams: account, stream, the stream's creation in
/// seconds since 1970, and shard, with colons in between.
fn lease_keys(session: &Session, application: &str) -> Vec<String> {
    let listed = session.command(binary()).args(["lease", "ls", application, "-o", "json"]).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let keys: Vec<_> = rows.iter().map(|row| row["leaseKey"].as_str().unwrap().to_owned()).collect();
    for key in &keys {
        let parts: Vec<_> = key.split(':').collect();
        let [account, _, created, _] = parts[..] else { panic!("{key}") };
        assert!(account.len() == 12 && created.parse::<u64>().is_ok_and(|at| at > 1_600_000_000), "{key}");
    }
    keys
}

/// Amounts are added to what is there: any repetition and any loss would show.
#[test]
fn exactly_once_survives_crashes() {
    const CUSTOMERS: usize = 7;
    const CRASHES: usize = 3;
    let scene = Scene::new(2);
    let file = scene.session.directory().join("totals.sqlite");
    let mut expected = [0_i64; CUSTOMERS];
    let mut wire = Wire::connect(scene.session.server.address()).unwrap();
    let clock = SystemClock::default();
    let mut amount = 0;
    for crash in 0..=CRASHES {
        let mut example = Example::start(&scene.session, "exactly_once", &[STREAM, file.to_str().unwrap()]);
        let before = sum(&file);
        for _ in 0..200 {
            amount += 1;
            let customer = usize::try_from(amount).unwrap() % CUSTOMERS;
            wire.put_record(STREAM, &format!("customer-{customer}"), amount.to_string().as_bytes()).unwrap();
            expected[customer] += amount;
        }
        let deadline = clock.monotonic() + PATIENCE;
        let all: i64 = expected.iter().sum();
        // It crashes somewhere in the middle, but for the last time.
        while (crash < CRASHES && sum(&file) == before) || (crash == CRASHES && sum(&file) < all) {
            assert!(clock.monotonic() < deadline, "{} of {all}", sum(&file));
            wire.put_record(STREAM, "customer-0", b"0").unwrap();
            // A shard takes a thousand records a second.
            pause();
        }
        match crash == CRASHES {
            true => example.interrupt(),
            false => drop(example),
        }
    }
    let totals = Connection::open(&file).unwrap();
    for (customer, expected) in expected.into_iter().enumerate() {
        let total: i64 = totals
            .query_row(
                "SELECT amount FROM totals WHERE customer = ?1",
                [format!("customer-{customer}")],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(total, expected, "customer-{customer}");
    }
}

/// Of all totals so far; 0 where there is no table yet.
fn sum(file: &std::path::Path) -> i64 {
    let Ok(database) = Connection::open(file) else { return 0 };
    if database.busy_timeout(Duration::from_secs(10)).is_err() {
        return 0;
    }
    database.query_row("SELECT COALESCE(SUM(amount), 0) FROM totals", [], |row| row.get(0)).unwrap_or(0)
}
