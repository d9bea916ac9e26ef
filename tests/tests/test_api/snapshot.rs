//! Snapshots by the command line: saved while others write, loaded into either storage, and crashes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use millstream_tests::load::Writers;
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::{binary, pause_for};
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

    fn save(&self, name: &str) -> PathBuf {
        let file = self.file(name);
        expect_success(&self.snapshot("save", &file));
        file
    }
}

fn expect_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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
    let mut files = Vec::new();
    for number in 0..3 {
        pause_for(Duration::from_millis(100));
        files.push(host.save(&format!("{number}.snapshot")));
    }
    let sent = writers.stop(load);
    assert!(sent.refused.is_empty(), "{}", sent.refused[0]);
    let all = host.records(STREAM);
    let mut smaller = 0;
    for file in files.iter().rev() {
        expect_success(&host.snapshot("load", file));
        let found = host.records(STREAM);
        assert!(found.iter().all(|record| all.contains(record)));
        assert!(smaller == 0 || found.len() <= smaller, "a later moment had less");
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
    let mut new = 0;
    for _ in 0..cycles(KILLS).min(1000) {
        let mut host = Storage::Disk.start();
        host.wire().create_stream("old", 2).unwrap();
        host.put("old", 0..50);
        let admin = format!("http://{}", host.server.admin_address());
        let mut load = Command::new(binary());
        load.args(["snapshot", "load"]).arg(&file).args(["--admin", &admin]);
        let mut load =
            load.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().unwrap();
        pause_for(Duration::from_millis(random.within(0..900)));
        host.server.kill();
        load.wait().unwrap();
        host.server.restart();
        match host.streams().as_slice() {
            [name] if name == "old" => assert_eq!(host.records("old").len(), 50),
            [name] if name == "new" => {
                new += 1;
                assert_eq!(host.records("new").len(), 200);
            }
            other => panic!("{other:?}"),
        }
        host.wire().create_stream("another", 1).unwrap();
        host.server.restart();
        assert_eq!(host.streams().len(), 2);
    }
    assert!(new <= cycles(KILLS), "{new} of the loads were through");
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
