//! Snapshots by the command line: saved while others write, loaded into either storage, and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::load::Writers;
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::{binary, pause, pause_for};
use serde_json::json;

use super::{Host, STREAM, Storage, code};

/// Kills while a snapshot is being loaded.
const KILLS: u64 = 12;

impl Host {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn snapshot(&self, verb: &str, file: &Path) -> Output {
        let admin = format!("http://{}", self.server.admin_address());
        let mut command = Command::new(binary());
        command.args(["snapshot", verb]).arg(file).args(["--admin", &admin]).output().unwrap()
    }

    /// The partition keys of a stream's records.
    fn keys(&self, stream: &str) -> Vec<String> {
        let (mut wire, mut keys) = (self.wire(), Vec::new());
        for shard in wire.shards(stream).unwrap() {
            wire.read_after(stream, &shard, None, |record| keys.push(record.partition_key)).unwrap();
        }
        keys
    }

    fn save(&self, name: &str) -> PathBuf {
        let file = self.file(name);
        expect_success(&self.snapshot("save", &file));
        file
    }
}

fn expect_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Each writer sends its next batch when the last one was taken: so whatever was sent a batch before a record that is
/// there is there too.
fn expect_one_moment(keys: &[String]) {
    const BATCH_MAX: u64 = 20;
    let mut numbers: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for key in keys {
        let (writer, number) = key.split_once('-').unwrap();
        assert!(numbers.entry(writer).or_default().insert(number.parse().unwrap()), "{key} is there twice");
    }
    for (writer, numbers) in numbers {
        let last = numbers.last().copied().unwrap_or_default();
        let missing = (0..(last + 1).saturating_sub(BATCH_MAX)).find(|number| !numbers.contains(number));
        assert_eq!(missing, None, "of writer {writer}, of whom there is {last}");
    }
}

#[test]
fn what_was_saved_on_one_storage_is_loaded_into_another() {
    for (from, to) in
        [(Storage::Memory, Storage::Disk), (Storage::Disk, Storage::Memory), (Storage::Disk, Storage::Disk)]
    {
        let source = from.start();
        source.wire().create_stream(STREAM, 3).unwrap();
        source.wire().create_stream("empty", 1).unwrap();
        source.put(STREAM, 0..300);
        let before = source.records(STREAM);
        let file = source.save("a.snapshot");

        let mut host = to.start();
        host.wire().create_stream("mine", 1).unwrap();
        host.put("mine", 0..3);
        expect_success(&host.snapshot("load", &file));
        assert_eq!(host.streams(), ["empty", STREAM]);
        assert_eq!(host.records(STREAM), before);
        // At once, so that what the anchor says is still of before.
        host.server.kill();
        if matches!(to, Storage::Disk) {
            host.server.restart();
            assert_eq!(host.streams(), ["empty", STREAM]);
            assert_eq!(host.records(STREAM), before);
            host.put(STREAM, 300..310);
            host.server.restart();
            assert_eq!(host.records(STREAM).len(), 310);
        }
    }
}

#[test]
fn a_snapshot_of_a_server_at_work_is_of_one_moment() {
    let host = Storage::Disk.start();
    host.wire().create_stream(STREAM, 4).unwrap();
    let mut writers = Writers::new(STREAM, 3);
    let load = writers.start(host.server.address());
    // Each snapshot, with how many records there were for readers before it was saved.
    let mut files: Vec<(PathBuf, usize)> = Vec::new();
    for number in 0..3 {
        let before = files.last().map_or(0, |(_, before)| *before);
        let present = loop {
            let present = host.keys(STREAM).len();
            if present >= before + 100 {
                break present;
            }
            pause();
        };
        files.push((host.save(&format!("{number}.snapshot")), present));
    }
    let sent = writers.stop(load);
    assert!(sent.refused.is_empty(), "{}", sent.refused[0]);
    let all: BTreeSet<String> = host.keys(STREAM).into_iter().collect();
    let mut smaller = all.len();
    for (file, present) in files.iter().rev() {
        expect_success(&host.snapshot("load", file));
        let found = host.keys(STREAM);
        assert!(found.iter().all(|key| all.contains(key)));
        assert!((*present..=smaller).contains(&found.len()), "{present} <= {} <= {smaller}", found.len());
        expect_one_moment(&found);
        smaller = found.len();
    }
    // Numbers go on above those that were given before.
    host.put(STREAM, 0..10);
    assert_eq!(host.records(STREAM).len(), smaller + 10);
}

#[test]
fn a_file_that_is_no_whole_snapshot_is_refused_and_changes_nothing() {
    let host = Storage::Disk.start();
    host.wire().create_stream(STREAM, 1).unwrap();
    host.put(STREAM, 0..20);
    let file = host.save("whole.snapshot");
    let whole = fs::read(&file).unwrap();
    let bad = host.file("bad.snapshot");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (bytes, word) in [
        (&flipped[..], "damaged"),
        (&whole[..whole.len() - 1], "ends before its end"),
        (b"{}", "This is no snapshot"),
        (b"", "This is no snapshot"),
    ] {
        fs::write(&bad, bytes).unwrap();
        let output = host.snapshot("load", &bad);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(word), "{said}");
        assert_eq!(host.records(STREAM).len(), 20);
    }
    let output = host.snapshot("load", &host.file("none.snapshot"));
    assert_eq!(output.status.code(), Some(1));
    let nobody = Command::new(binary())
        .args(["snapshot", "save", "x", "--admin", "http://127.0.0.1:9"])
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(3));
    assert!(!Path::new("x.part").exists() && !Path::new("x").exists());
}

/// `kill -9` while a snapshot is being loaded: afterwards there is all of the old content or all of the new.
#[test]
fn a_load_that_is_killed_leaves_the_old_content_or_the_new() {
    let mut random = Random::new(seed());
    let source = Storage::Memory.start();
    source.wire().create_stream("new", 4).unwrap();
    let big = "x".repeat(200_000);
    for number in 0..200_u32 {
        source.wire().put_record("new", &number.to_string(), format!("{number}{big}").as_bytes()).unwrap();
    }
    let file = source.save("a.snapshot");
    // First the ends, which show that either content can be left: a kill at once, and one behind the load. The latter
    // also says how long a load takes here, so that the others come while there is one.
    let ends = [After::TheBeginning, After::TheLoad];
    let mut took_ms = 0;
    let mut left = BTreeSet::new();
    let rounds = cycles(KILLS).clamp(2, 1000);
    let others = (2..rounds).map(|_| After::AShare(random.within(0..110)));
    for after in ends.into_iter().chain(others) {
        let mut host = Storage::Disk.start();
        host.wire().create_stream("old", 2).unwrap();
        host.put("old", 0..50);
        let admin = format!("http://{}", host.server.admin_address());
        let mut load = Command::new(binary());
        load.args(["snapshot", "load"]).arg(&file).args(["--admin", &admin]);
        let clock = SystemClock::shared();
        let began = clock.monotonic();
        let mut load =
            load.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().unwrap();
        match after {
            After::TheBeginning => {}
            After::TheLoad => {
                assert!(load.wait().unwrap().success());
                took_ms = u64::try_from((clock.monotonic() - began).as_millis()).unwrap();
            }
            After::AShare(percent) => pause_for(Duration::from_millis(took_ms * percent / 100)),
        }
        host.server.kill();
        load.wait().unwrap();
        host.server.restart();
        let streams = host.streams();
        match streams.as_slice() {
            [name] if name == "old" => assert_eq!(host.records("old").len(), 50),
            [name] if name == "new" => assert_eq!(host.records("new").len(), 200),
            other => panic!("{other:?}"),
        }
        if matches!(after, After::TheLoad) {
            assert_eq!(streams, ["new"], "a load that was acknowledged is gone");
        }
        left.extend(streams);
        host.wire().create_stream("another", 1).unwrap();
        host.server.restart();
        assert_eq!(host.streams().len(), 2);
    }
    assert_eq!(left.into_iter().collect::<Vec<_>>(), ["new", "old"]);
}

/// When the server is killed.
#[derive(Clone, Copy, Debug)]
enum After {
    TheBeginning,
    TheLoad,
    /// Percent of the time that a load takes.
    AShare(u64),
}

#[test]
fn what_was_deleted_is_back_and_what_was_made_is_gone() {
    let host = Storage::Memory.start();
    let mut wire = host.wire();
    wire.create_stream(STREAM, 1).unwrap();
    host.put(STREAM, 0..5);
    let file = host.save("a.snapshot");
    wire.call("DeleteStream", &json!({ "StreamName": STREAM })).unwrap();
    wire.create_stream("later", 1).unwrap();
    expect_success(&host.snapshot("load", &file));
    assert_eq!(host.records(STREAM), ["r0", "r1", "r2", "r3", "r4"]);
    assert_eq!(code(wire.put_record("later", "k", b"data")), "ResourceNotFoundException");
}
