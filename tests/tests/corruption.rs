//! Damaged data files: whatever is done to one of them, the server names it or is not harmed.
//!
//! A data directory with every kind of file is copied, one file of the copy is damaged, and a server is started
//! on it. It must refuse to start and say what is wrong, or serve every acknowledged record unaltered, or answer
//! the reads that would miss one with an error, and log it. What it must never do is to end a read early as if
//! there were no more.
//!
//! `MILLSTREAM_CYCLES` is the number of cases (300; the long run takes 10,000), `MILLSTREAM_SEED` repeats a
//! run.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::damage::{Damage, files_of, kind_of};
use millstream_tests::ledger::Ledger;
use millstream_tests::load::Writers;
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::{Server, StartFailure, pause_for};
use millstream_tests::wire::{Failure, Wire};
use millstream_tests::{ServerOptions, anchor};
use tempfile::{TempDir, tempdir};

const STREAM: &str = "damaged";
const SHARDS: usize = 3;
const WRITERS: usize = 3;
/// The first run of a store writes enough for several flushes, the second adds to it.
const RUNS_BYTES: [usize; 2] = [4 << 20, 1 << 20];
const FILL_LIMIT: Duration = Duration::from_secs(60);

fn options(directory: &Path) -> ServerOptions {
    ServerOptions::new(directory).without_limits().config("[memory]\nwrite_buffer_mib = 1\n")
}

/// A data directory, one that it was before, and what must be readable from it.
struct Original {
    name: &'static str,
    directory: TempDir,
    before: TempDir,
    ledger: Ledger,
}

impl Original {
    /// `killed` leaves a log that was not flushed; a clean stop leaves little in it.
    fn make(killed: bool) -> Self {
        let (directory, before) = (tempdir().unwrap(), tempdir().unwrap());
        let options = options(directory.path());
        let mut server = options.start();
        let mut wire = Wire::connect(server.address()).unwrap();
        wire.create_stream(STREAM, SHARDS).unwrap();
        let mut ledger = Ledger::new(STREAM, wire.shards(STREAM).unwrap());
        let mut writers = Writers::new(STREAM, WRITERS);
        // Written over two runs, so that there are files of several generations.
        fill(&server, &mut writers, &mut ledger, RUNS_BYTES[0]);
        assert!(server.terminate().success());
        copy(&directory.path().join("data"), &before.path().join("data"));
        server = options.start();
        fill(&server, &mut writers, &mut ledger, RUNS_BYTES[1]);
        anchor::settle(&server);
        if killed {
            server.kill();
        } else {
            assert!(server.terminate().success());
        }
        Self { name: if killed { "killed" } else { "stopped" }, directory, before, ledger }
    }

    fn files(&self) -> Vec<PathBuf> {
        files_of(&self.directory.path().join("data"))
    }
}

/// Writes until so many bytes are acknowledged.
fn fill(server: &Server, writers: &mut Writers, ledger: &mut Ledger, bytes: usize) {
    let mut wire = Wire::connect(server.address()).unwrap();
    let clock = SystemClock::shared();
    let end = clock.monotonic() + FILL_LIMIT;
    let mut acknowledged = 0;
    while acknowledged < bytes {
        assert!(clock.monotonic() < end, "{acknowledged} bytes within {FILL_LIMIT:?}");
        let load = writers.start(server.address());
        pause_for(Duration::from_millis(100));
        let sent = writers.stop(load);
        assert!(sent.refused.is_empty());
        acknowledged += sent.acknowledged.iter().map(|(id, _)| id.content().len()).sum::<usize>();
        ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
    }
    ledger.check_new(&mut wire).unwrap().assert_none("before any damage");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// How the server took a damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    /// It did not start, and said why.
    RefusedToStart,
    /// It served, but for reads that would have missed something, which failed and were logged: in some
    /// shards, or in all.
    FailedReads { all: bool },
    /// It served, until it came upon the damage in the background; it named it, and ended.
    Ended,
    /// Every record was there, unaltered.
    Harmless,
}

#[test]
#[allow(clippy::print_stderr)]
fn damage_is_named_or_harmless() {
    let mut random = Random::new(seed());
    let originals = [Original::make(true), Original::make(false)];
    let mut taken: BTreeMap<(String, String), BTreeMap<Taken, u64>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut partly = 0;
    for (original, file, damage) in plan(&originals, cycles(300), &mut random) {
        let what = format!("{} of {} ({})", damage.name(), kind_of(&file), original.name);
        match try_damage(original, &file, damage, &mut random) {
            Ok(Some(found)) => {
                partly += u64::from(found == Taken::FailedReads { all: false });
                let key = (kind_of(&file), damage.name().to_owned());
                *taken.entry(key).or_default().entry(found).or_default() += 1;
            }
            Ok(None) => {}
            Err(finding) => wrong.push(format!("{what}, {}: {finding}", file.display())),
        }
    }
    for ((kind, damage), taken) in &taken {
        eprintln!("{kind:10} {damage:16} {taken:?}");
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken.values().any(|taken| taken.contains_key(&Taken::RefusedToStart)));
    assert!(partly > 0, "no damage was confined to some shards, while the others served");
}

/// Every damage to every kind of file at least once, the rest by chance.
fn plan<'a>(
    originals: &'a [Original],
    cases: u64,
    random: &mut Random,
) -> Vec<(&'a Original, PathBuf, Damage)> {
    let mut plan = Vec::new();
    for original in originals {
        let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for file in original.files() {
            kinds.entry(kind_of(&file)).or_default().push(file);
        }
        for files in kinds.values() {
            plan.extend(Damage::ALL.map(|damage| (original, random.pick(files).clone(), damage)));
        }
    }
    while (plan.len() as u64) < cases {
        let original = random.pick(originals);
        let file = random.pick(&original.files()).clone();
        // What is regenerated anyway has been tried above.
        if ["LOG", "OPTIONS", "IDENTITY", "LOCK", "OWNER", "tls"].contains(&kind_of(&file).as_str()) {
            continue;
        }
        plan.push((original, file, *random.pick(&Damage::ALL)));
    }
    plan
}

/// `None` when the file cannot be damaged so; the finding, when the server took it wrongly.
fn try_damage(
    original: &Original,
    file: &Path,
    damage: Damage,
    random: &mut Random,
) -> Result<Option<Taken>, String> {
    let directory = tempdir().unwrap();
    let data = directory.path().join("data");
    copy(&original.directory.path().join("data"), &data);
    let relative = file.strip_prefix(original.directory.path()).unwrap();
    let older = original.before.path().join(relative);
    if !damage.apply(&directory.path().join(relative), &older, random) {
        return Ok(None);
    }
    serve_damaged(original, directory.path()).map(Some)
}

/// Starts a server on damaged data, and reads everything.
fn serve_damaged(original: &Original, directory: &Path) -> Result<Taken, String> {
    let server = match options(directory).try_start() {
        Ok(server) => server,
        Err(failure) if names_damage(&failure) => return Ok(Taken::RefusedToStart),
        Err(failure) => return Err(failure.to_string()),
    };
    read_and_write(original, &server).or_else(|finding| {
        let log = server.log();
        let ended = log.contains("storage failed") && log.contains("Corruption: ");
        if ended && !finding.starts_with(IN_SILENCE) { Ok(Taken::Ended) } else { Err(finding) }
    })
}

const IN_SILENCE: &str = "served in silence";

fn read_and_write(original: &Original, server: &Server) -> Result<Taken, String> {
    let mut wire = Wire::connect(server.address()).map_err(|failure| failure.to_string())?;
    let mut failed = 0;
    for shard in original.ledger.shards() {
        match original.ledger.check_shard(&mut wire, shard) {
            Ok(findings) if findings.lost.is_empty() && findings.wrong.is_empty() => {}
            Ok(findings) => return Err(format!("{IN_SILENCE}: {findings:?}\n{}", server.log())),
            Err(Failure::Refused { status: 500.., .. }) if server.log().contains("corrupt data") => {
                failed += 1;
            }
            Err(failure) => return Err(format!("{failure}\n{}", server.log())),
        }
    }
    // A server that started takes records.
    match wire.put_record(STREAM, "after", b"after") {
        Ok(_) => {}
        Err(Failure::Refused { status: 500.., .. }) if failed > 0 => {}
        Err(failure) => return Err(format!("takes no records: {failure}\n{}", server.log())),
    }
    match failed {
        0 => Ok(Taken::Harmless),
        _ => Ok(Taken::FailedReads { all: failed == SHARDS }),
    }
}

/// It ended by itself, with an error that says what is wrong with which file or shard.
fn names_damage(failure: &StartFailure) -> bool {
    let what = ["corrupt", "missing", "Corruption", "No such file", "anchor", ".pem", "do not fit"];
    failure.status.is_some_and(|status| status.code() == Some(1))
        && what.iter().any(|word| failure.log.contains(word))
}

/// What takes more than one file: the copy, its older self, and whether it must be refused.
type Accident = (&'static str, fn(&Path, &Path), bool);

/// The `store` directory of the data, and of its older self.
const ACCIDENTS: [Accident; 6] = [
    ("both anchors are gone", |store, _| remove(store, "ANCHOR-"), true),
    (
        "both anchors are older, which only makes them say less",
        |store, older| restore(store, older, "ANCHOR-"),
        false,
    ),
    (
        "CURRENT and MANIFEST are older",
        |store, older| {
            remove(store, "MANIFEST-");
            restore(store, older, "MANIFEST-");
            restore(store, older, "CURRENT");
        },
        true,
    ),
    (
        "all but the anchors are older",
        |store, older| {
            for file in files_of(store).iter().filter(|file| kind_of(file) != "ANCHOR") {
                fs::remove_file(file).unwrap();
            }
            files_of(older).iter().filter(|file| kind_of(file) != "ANCHOR").for_each(|file| {
                fs::copy(file, store.join(file.file_name().unwrap())).unwrap();
            });
        },
        true,
    ),
    (
        "all but the anchors are gone",
        |store, _| {
            for file in files_of(store).iter().filter(|file| kind_of(file) != "ANCHOR") {
                fs::remove_file(file).unwrap();
            }
        },
        true,
    ),
    (
        "CURRENT and both anchors are gone",
        |store, _| {
            remove(store, "ANCHOR-");
            remove(store, "CURRENT");
        },
        true,
    ),
];

fn remove(store: &Path, prefix: &str) {
    for file in files_of(store) {
        if file.file_name().unwrap().to_str().unwrap().starts_with(prefix) {
            fs::remove_file(file).unwrap();
        }
    }
}

fn restore(store: &Path, older: &Path, prefix: &str) {
    for file in files_of(older) {
        if file.file_name().unwrap().to_str().unwrap().starts_with(prefix) {
            fs::copy(&file, store.join(file.file_name().unwrap())).unwrap();
        }
    }
}

#[test]
fn accidents_with_several_files_are_named() {
    for original in [Original::make(true), Original::make(false)] {
        for (what, cause, refused) in ACCIDENTS {
            let directory = tempdir().unwrap();
            let data = directory.path().join("data");
            copy(&original.directory.path().join("data"), &data);
            cause(&data.join("store"), &original.before.path().join("data/store"));
            let taken = serve_damaged(&original, directory.path());
            let taken = taken.unwrap_or_else(|finding| panic!("{what} ({}): {finding}", original.name));
            assert_eq!(taken == Taken::RefusedToStart, refused, "{what} ({}): {taken:?}", original.name);
        }
    }
}
