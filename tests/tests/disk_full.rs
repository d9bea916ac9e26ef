//! A full disk: puts answer 5xx within a second and lose nothing, reads and trimming work, and puts work again
//! once there is room, without a restart.
//!
//! Once the data lies on a small file system in memory, which takes a mount that not every machine permits; once
//! writes fail with ENOSPC by way of `src/disk.rs` although the file system seems to have room.
//! `MILLSTREAM_CYCLES` is the number of rounds (12; the long run takes
//! 500), `MILLSTREAM_SEED` repeats a run.

// What fails in a function of a test fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{self, Command};
use std::time::Duration;

use millstream_runtime::SystemClock;
use millstream_tests::disk::Disk;
use millstream_tests::ledger::Ledger;
use millstream_tests::load::{Sent, Writers};
use millstream_tests::random::{Random, cycles, seed};
use millstream_tests::server::{Server, pause, pause_for};
use millstream_tests::wire::{Failure, Wire};
use millstream_tests::{ServerOptions, skips};
use serde_json::json;
use tempfile::tempdir;

const PROBE: &str = "probe";
const SHARDS: usize = 2;
const WRITERS: usize = 3;
const DISK_MIB: u64 = 96;
/// The promises.
const REFUSAL_LIMIT: Duration = Duration::from_secs(1);
const RECOVERY_LIMIT: Duration = Duration::from_secs(10);
/// What is taken may wait its turn on a busy machine, but not for ever.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// A disk without any room is noticed within this, while there is load.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);
/// Records fill the disk within this.
const FILL_LIMIT: Duration = Duration::from_secs(60);

/// A small file system at this path, or `None` where mounting is not permitted. It hangs on the open file that comes
/// back and has no place among the machine's mounts, so that it goes with the test, however that ends.
fn mount(at: &Path) -> Option<fs::File> {
    fs::create_dir_all(at).unwrap();
    let size = format!("size={DISK_MIB}m");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        return None;
    }
    let root = fs::File::open(at).unwrap();
    assert!(Command::new("umount").arg("-l").arg(at).status().unwrap().success());
    fs::remove_dir(at).unwrap();
    symlink(format!("/proc/{}/fd/{}", process::id(), root.as_raw_fd()), at).unwrap();
    Some(root)
}

fn options(directory: &Path) -> ServerOptions {
    ServerOptions::new(directory).without_limits().config("[memory]\nwrite_buffer_mib = 4\n")
}

/// A server on a disk that fills up, with a new stream in every round.
struct Campaign {
    options: ServerOptions,
    server: Server,
    report: Report,
}

#[derive(Debug, Default)]
struct Report {
    acknowledged: u64,
    refused: usize,
    slowest_answer: Duration,
    slowest_refusal: Duration,
    slowest_recovery: Duration,
}

/// One stream, and what was acknowledged of it.
struct Round {
    stream: String,
    ledger: Ledger,
    writers: Writers,
}

impl Campaign {
    fn begin(options: ServerOptions) -> Self {
        let server = options.start();
        Wire::connect(server.address()).unwrap().create_stream(PROBE, 1).unwrap();
        Self { options, server, report: Report::default() }
    }

    fn wire(&self) -> Wire {
        let wire = Wire::connect(self.server.address());
        wire.unwrap_or_else(|failure| panic!("{failure}\n{}", self.server.log()))
    }

    fn round(&self, number: u64) -> Round {
        let stream = format!("round-{number}");
        // Room comes back bit by bit, while files go that nobody needs.
        self.when_there_is_room("for a new stream", |wire| wire.create_stream(&stream, SHARDS));
        let ledger = Ledger::new(&stream, self.wire().shards(&stream).unwrap());
        let writers = Writers::new(&stream, WRITERS);
        Round { stream, ledger, writers }
    }

    /// Notes what became of the load. Whatever was refused was refused in time, and with 5xx.
    fn account(&mut self, round: &mut Round, sent: Sent) {
        self.report.acknowledged += sent.acknowledged.len() as u64;
        self.report.refused += sent.refused.len();
        self.report.slowest_answer = self.report.slowest_answer.max(sent.slowest);
        for refused in &sent.refused {
            assert!(matches!(refused, Failure::Refused { status: 500.., .. }), "refused with {refused}");
        }
        self.report.slowest_refusal = self.report.slowest_refusal.max(sent.slowest_refused);
        let took = sent.slowest_refused;
        assert!(took < REFUSAL_LIMIT, "a refusal took {took:?}\n{}", self.server.log());
        let took = sent.slowest;
        assert!(took < ANSWER_LIMIT, "an answer took {took:?}\n{}", self.server.log());
        round.ledger.acknowledge(sent.acknowledged).assert_none("acknowledgements");
    }

    /// Everything that was acknowledged can be read.
    fn check(&self, round: &mut Round, when: &str) {
        let new =
            round.ledger.check_new(&mut self.wire()).unwrap_or_else(|failure| panic!("{when}: {failure}"));
        new.assert_none(when);
        let all =
            round.ledger.check_all(&mut self.wire()).unwrap_or_else(|failure| panic!("{when}: {failure}"));
        all.assert_none(when);
    }

    /// Waits until the server has noticed that the disk is full.
    fn refuses(&self) {
        let clock = SystemClock::shared();
        let end = clock.monotonic() + NOTICE_LIMIT;
        while self.wire().put_record(PROBE, "probe", b"probe").is_ok() {
            assert!(clock.monotonic() < end, "the disk is full, and puts are taken\n{}", self.server.log());
            pause();
        }
    }

    /// Waits until puts work again.
    fn recovers(&mut self, when: &str) {
        let took = self.when_there_is_room(when, |wire| wire.put_record(PROBE, "probe", b"probe").map(drop));
        self.report.slowest_recovery = self.report.slowest_recovery.max(took);
    }

    /// Calls until the server has room for it again, and gives how long that took.
    fn when_there_is_room(&self, when: &str, call: impl Fn(&mut Wire) -> Result<(), Failure>) -> Duration {
        let clock = SystemClock::shared();
        let began = clock.monotonic();
        loop {
            let outcome = call(&mut self.wire());
            let took = clock.monotonic().saturating_sub(began);
            match outcome {
                Ok(()) => return took,
                Err(Failure::Refused { status: 500.., .. }) if took < RECOVERY_LIMIT => pause(),
                Err(failure) => panic!("{when}: {failure} after {took:?}\n{}", self.server.log()),
            }
        }
    }

    fn delete(&self, round: &Round) {
        let deleted = self.wire().call("DeleteStream", &json!({ "StreamName": round.stream }));
        deleted.unwrap_or_else(|failure| panic!("trimming does not work: {failure}\n{}", self.server.log()));
    }

    /// Somebody else fills the disk while records are on their way, and frees it again.
    fn filled_by_another(&mut self, number: u64, disk: &FullDisk<'_>, random: &mut Random) {
        let mut round = self.round(number);
        let load = round.writers.start(self.server.address());
        pause_for(Duration::from_millis(random.within(10..150)));
        disk.fill(*random.pick(&[0, 64 << 10, 1 << 20, 17 << 20]));
        pause_for(Duration::from_millis(random.within(50..300)));
        disk.fill(0);
        self.refuses();
        pause_for(Duration::from_millis(100));
        let sent = round.writers.stop(load);
        self.account(&mut round, sent);
        self.check(&mut round, "while the disk is full");
        disk.free();
        self.recovers("with room again");
        let load = round.writers.start(self.server.address());
        pause_for(Duration::from_millis(50));
        let sent = round.writers.stop(load);
        self.account(&mut round, sent);
        self.check(&mut round, "with room again");
        if random.once_in(3) {
            self.server.kill();
            self.server = self.options.start();
            self.check(&mut round, "after a restart");
        }
        self.delete(&round);
    }

    /// Records fill the disk, until a stream is deleted.
    fn filled_by_records(&mut self, number: u64) {
        let mut round = self.round(number);
        let load = round.writers.start(self.server.address());
        let clock = SystemClock::shared();
        let give_up = clock.monotonic() + FILL_LIMIT;
        while self.wire().put_record(PROBE, "probe", b"probe").is_ok() {
            assert!(clock.monotonic() < give_up, "the disk does not fill up");
            pause_for(Duration::from_millis(20));
        }
        pause_for(Duration::from_millis(300));
        let sent = round.writers.stop(load);
        self.account(&mut round, sent);
        self.check(&mut round, "while the disk is full");
        self.delete(&round);
        self.recovers("after a stream was deleted");
    }

    #[allow(clippy::print_stderr)]
    fn end(self) {
        eprintln!("{:?}", self.report);
        assert!(self.report.refused > 0, "no writer ever met the full disk");
    }
}

/// What makes the disk full.
enum FullDisk<'a> {
    /// A file on the same file system.
    Filler(&'a Path),
    /// The file that tells the shim to refuse writes.
    Switch(&'a Path),
}

impl FullDisk<'_> {
    fn fill(&self, leave_bytes: u64) {
        match self {
            Self::Filler(file) => fill(file, leave_bytes),
            Self::Switch(file) => fs::write(file, "").unwrap(),
        }
    }

    fn free(&self) {
        let (Self::Filler(file) | Self::Switch(file)) = self;
        fs::remove_file(file).unwrap();
    }
}

/// Fills whatever is left.
fn fill(file: &Path, leave_bytes: u64) {
    let mut bytes: u64 = DISK_MIB << 20;
    while bytes >= 4096 {
        let file = fs::File::options().create(true).append(true).open(file).unwrap();
        let length = file.metadata().unwrap().len();
        let chunk = vec![0; usize::try_from(bytes).unwrap()];
        if std::io::Write::write_all(&mut &file, &chunk).is_err() {
            file.set_len(length).unwrap();
            bytes /= 2;
        }
    }
    let file = fs::File::options().write(true).open(file).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(leave_bytes)).unwrap();
}

#[test]
fn a_full_disk_refuses_loses_nothing_and_heals() {
    let mut random = Random::new(seed());
    let directory = tempdir().unwrap();
    let mounted = directory.path().join("data");
    let Some(_mount) = mount(&mounted) else {
        skips::note("a disk that is really full", "run the tests as root, who may mount one");
        return;
    };
    let filler = mounted.join("filler");
    let mut campaign = Campaign::begin(options(directory.path()));
    for number in 0..cycles(12) {
        if number % 4 == 3 {
            campaign.filled_by_records(number);
        } else {
            campaign.filled_by_another(number, &FullDisk::Filler(&filler), &mut random);
        }
    }
    campaign.end();
}

#[test]
fn writes_that_meet_a_full_disk_lose_nothing_and_heal() {
    let mut random = Random::new(seed());
    let directory = tempdir().unwrap();
    let switch = directory.path().join("full");
    let disk = Disk::new(directory.path());
    let options = disk.under(options(directory.path()), Some(&format!("full {}", switch.display())));
    let mut campaign = Campaign::begin(options);
    for number in 0..cycles(12) {
        campaign.filled_by_another(number, &FullDisk::Switch(&switch), &mut random);
    }
    campaign.end();
}
