//! `millstream multilang` under programs of KCL for other languages, unmodified and from their registries, and the ways in
//! which they are started.
//!
//! Each test has a server of its own for stream and lease table, and judges a daemon by what its child processes print.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod daemon;
mod kcljs;
mod kclpy;

use std::time::Duration;

use millstream_tests::wire::Wire;
use millstream_tests::{Session, Transport};
use serde_json::json;

use daemon::{Daemon, Program};

const STREAM: &str = "words";

/// A stream of two shards, and what was put into it.
struct Stream<'a> {
    session: &'a Session,
    keys: Vec<String>,
}

impl<'a> Stream<'a> {
    fn new(session: &'a Session) -> Self {
        wire(session).create_stream(STREAM, 2).unwrap();
        Self { session, keys: Vec::new() }
    }

    /// Puts records whose keys are found nowhere else.
    fn put(&mut self, count: usize) {
        let mut wire = wire(self.session);
        for _ in 0..count {
            let key = format!("key-{}-", self.keys.len());
            wire.put_record(STREAM, &key, b"some words").unwrap();
            self.keys.push(key);
        }
    }

    fn split_first(&self) {
        let middle = (1_u128 << 126).to_string();
        let shard = "shardId-000000000000";
        let input = json!({ "StreamName": STREAM, "ShardToSplit": shard, "NewStartingHashKey": middle });
        wire(self.session).call("SplitShard", &input).unwrap();
    }

    fn wait_until_all_is_processed(&self, daemons: &[&Daemon]) {
        daemons.last().unwrap().wait("all is processed", || {
            let text: String = daemons.iter().map(|daemon| daemon.printed()).collect();
            self.keys.iter().all(|key| times(&text, key) > 0)
        });
    }
}

fn wire(session: &Session) -> Wire {
    Wire::connect(session.server.address()).unwrap()
}

/// How often a record was processed.
fn times(printed: &str, key: &str) -> usize {
    printed.matches(&format!("Record (Partition Key: {key},")).count()
}

/// All records are processed, a split is followed, and a daemon that starts again goes on where the last one ended.
fn live(session: &Session, program: &Program) {
    let mut stream = Stream::new(session);
    stream.put(200);
    let mut first = Daemon::start(session, program, "first");
    stream.wait_until_all_is_processed(&[&first]);
    stream.split_first();
    stream.put(100);
    stream.wait_until_all_is_processed(&[&first]);
    first.wait("the parent has ended", || first.printed().contains("Shard has ended"));
    first.stop();

    stream.put(100);
    let mut second = Daemon::start(session, program, "second");
    stream.wait_until_all_is_processed(&[&first, &second]);
    second.stop();
    let text = first.printed() + &second.printed();
    let repeated: Vec<_> = stream.keys.iter().filter(|key| times(&text, key) != 1).collect();
    assert_eq!(repeated, Vec::<&String>::new(), "graceful ends repeat nothing");
}

#[test]
fn kclpy_under_its_own_launcher() {
    let session = Session::with(Transport::Http, |options| options);
    let Some(kclpy) = kclpy::Installed::new(&session) else { return };
    live(&session, &kclpy.launched("sample_kclpy_app.py"));
}

#[test]
fn kclpy_directly() {
    let session = Session::with(Transport::Http, |options| options);
    let Some(kclpy) = kclpy::Installed::new(&session) else { return };
    live(&session, &kclpy.directly("sample_kclpy_app.py", ""));
}

#[test]
fn aws_kcl_under_its_own_launcher() {
    let session = Session::with(Transport::Http, |options| options);
    let Some(program) = kcljs::launched(&session) else { return };
    live(&session, &program);
}

#[test]
fn aws_kcl_directly() {
    let session = Session::with(Transport::Http, |options| options);
    let Some(program) = kcljs::directly(&session) else { return };
    live(&session, &program);
}

/// A child that is killed is followed by another one, and nothing that it had in work is lost; the others do not notice.
#[test]
fn a_child_that_dies_ends_nothing_else() {
    let session = Session::with(Transport::Http, |options| options);
    let Some(kclpy) = kclpy::Installed::new(&session) else { return };
    let mut stream = Stream::new(&session);
    stream.put(50);
    let mut daemon =
        Daemon::start(&session, &kclpy.directly("sample_kclpy_app.py", "taskBackoffTimeMillis = 10"), "only");
    stream.wait_until_all_is_processed(&[&daemon]);
    let before = daemon.children();
    let [(shard, killed), (other, kept)] = &before[..] else { panic!("{before:?}") };
    daemon::kill(*killed);
    stream.put(50);
    stream.wait_until_all_is_processed(&[&daemon]);
    let after = daemon.children();
    let begun = |name: &String| after.iter().filter(|(shard, _)| shard == name).count();
    daemon.wait("another child begins", || daemon.children().len() == 3);
    assert!(after.contains(&(other.clone(), *kept)) && begun(other) == 1, "{after:?} {shard}");
    daemon.stop();
}

/// A daemon that is killed takes its children with it, and the next one goes on behind what they had checkpointed.
#[test]
fn a_daemon_that_is_killed_leaves_nothing_behind() {
    let session = Session::with(Transport::Http, |options| options);
    let Some(program) = kcljs::directly(&session) else { return };
    let mut stream = Stream::new(&session);
    stream.put(100);
    let mut first = Daemon::start(&session, &program, "first");
    stream.wait_until_all_is_processed(&[&first]);
    // Whoever is given these has checkpointed what came before.
    stream.put(100);
    stream.wait_until_all_is_processed(&[&first]);
    first.kill();
    let children = first.children();
    assert_eq!(children.len(), 2);
    stream.put(100);
    let mut second = Daemon::start(&session, &program, "second");
    stream.wait_until_all_is_processed(&[&first, &second]);
    second.wait("no child is left", || !children.iter().any(|(_, id)| daemon::runs(*id)));
    let printed = second.printed();
    let repeated: Vec<_> = stream.keys[..100].iter().filter(|key| times(&printed, key) > 0).collect();
    assert_eq!(repeated, Vec::<&String>::new(), "what is checkpointed does not come again");
    second.stop();
    assert!(!second.children().iter().any(|(_, id)| daemon::runs(*id)), "a child outlives its daemon");
}

/// A record that no child survives stops its shard, with a state that says why, and no other one.
#[test]
fn a_shard_that_cannot_be_processed_stops_alone() {
    let session = Session::with(Transport::Http, |options| options);
    let Some(kclpy) = kclpy::Installed::new(&session) else { return };
    let mut stream = Stream::new(&session);
    let script = kclpy.script("poisoned.py");
    let program = kclpy.directly(&script, "taskBackoffTimeMillis = 1\nretrievalMode = POLLING");
    let daemon = Daemon::start(&session, &program, "only");
    stream.put(20);
    stream.wait_until_all_is_processed(&[&daemon]);
    let poisoned = wire(&session).put_record(STREAM, "a", b"poison").unwrap().shard;
    daemon.wait("the shard is stopped", || daemon.log().contains("the shard is stopped"));
    assert!(daemon.log().contains("exit status: 7"), "{}", daemon.log());
    let mut last = 0;
    // Of many keys, some go to the other shard.
    let mut fresh = Vec::new();
    let mut puts = wire(&session);
    while fresh.len() < 20 {
        last += 1;
        let key = format!("late-{last}-");
        if puts.put_record(STREAM, &key, b"some words").unwrap().shard != poisoned {
            fresh.push(key);
        }
    }
    daemon.wait("the other shard goes on", || {
        let printed = daemon.printed();
        fresh.iter().all(|key| times(&printed, key) == 1)
    });
}

/// What is wrong with a file is said at once, and all of it.
#[test]
fn a_file_that_cannot_be_used_ends_the_daemon() {
    let session = Session::with(Transport::Http, |options| options);
    let file = session.directory().join("bad.properties");
    std::fs::write(&file, "executableName = no-such-program\nfailOverTimeMillis = 1\nmaxRecords = many\n")
        .unwrap();
    let refused = |arguments: &[&str]| {
        let output = session.command(millstream_tests::server::binary()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&["multilang", file.to_str().unwrap()]);
    for part in
        ["applicationName is missing", "streamName", "AwsCredentialsProvider is missing", "maxRecords"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let whole = "executableName = no-such-program\nstreamName = s\napplicationName = a\nfailOverTimeMillis = 1\n\
                 AwsCredentialsProvider = DefaultCredentialsProvider\n";
    std::fs::write(&file, whole).unwrap();
    let said = refused(&["-Xmx1g", "-cp", ".", daemon::CLASS, "-p", file.to_str().unwrap()]);
    assert!(said.contains("is failoverTimeMillis meant?"), "{said}");
    assert!(said.contains("\"no-such-program\" cannot be run: there is no such program in PATH"), "{said}");
}

/// Long enough for whatever must come, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(120);
