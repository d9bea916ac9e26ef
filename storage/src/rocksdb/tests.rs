//! Promises of the RocksDB slot beyond the contract: recovery, lost logs, trimming, settings.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;

use super::{RocksBackend, Settings};
use crate::{Backend, Error, KeyRange, Result, ScanOptions, Slot, SlotId, WriteSet, contract};

/// A backend whose directory lives as long as it does.
#[derive(Debug)]
struct Temporary {
    _directory: TempDir,
    backend: RocksBackend,
}

#[async_trait::async_trait]
impl Backend for Temporary {
    async fn open(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<dyn Slot>> {
        self.backend.open(slot, expected_epoch).await
    }
}

async fn open(directory: &Path) -> Result<Arc<dyn Slot>> {
    RocksBackend::new(directory, Settings::default()).open(SlotId(0), None).await
}

async fn write(slot: &dyn Slot, key: &str, value: impl Into<Bytes>) {
    let mut writes = WriteSet::new();
    writes.append(key.to_owned(), value);
    writes.mark("last", key.to_owned());
    slot.commit(writes).await.unwrap().durable().await.unwrap();
}

/// Copies the directory while the store is open, as a crash would leave it.
fn crashed_copy(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "LOCK" {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

/// Waits until the anchor speaks of this key's write.
async fn anchored(directory: &Path, key: &str) {
    let files = crate::anchor::AnchorFiles::new(directory);
    let clock = millstream_runtime::SystemClock::shared();
    let noted = clock.timeout(Duration::from_secs(30), async {
        while files.read().unwrap().and_then(|anchor| anchor.marks.get(&b"last"[..]).cloned()).as_deref()
            != Some(key.as_bytes())
        {
            clock.sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(noted.await.is_some(), "the anchor does not get there");
}

fn logs(directory: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    logs.sort();
    logs
}

fn size_of(directory: &Path) -> u64 {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().map_or(0, |m| m.len())).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    contract::run(|| async {
        let directory = tempfile::tempdir().unwrap();
        let backend = RocksBackend::new(directory.path(), Settings::default());
        Temporary { _directory: directory, backend }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_writes_survive_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let slot = open(directory.path()).await.unwrap();
    for number in 0..100 {
        write(&*slot, &format!("k{number:03}"), vec![7; 2000]).await;
    }
    let copy = crashed_copy(directory.path());
    let slot = open(copy.path()).await.unwrap();
    let page = slot.scan(KeyRange::prefix(b"k"), ScanOptions::default()).await.unwrap();
    assert_eq!(page.entries.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_durable_writes_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let slot = open(directory.path()).await.unwrap();
    write(&*slot, "k1", "one").await;
    let before = fs::read(logs(directory.path()).last().unwrap()).unwrap();
    write(&*slot, "k2", "two").await;
    anchored(directory.path(), "k2").await;

    for (what, damage) in [("shorter", Some(before)), ("gone", None)] {
        let copy = crashed_copy(directory.path());
        let log = logs(copy.path()).pop().unwrap();
        match damage {
            Some(bytes) => fs::write(log, bytes).unwrap(),
            None => fs::remove_file(log).unwrap(),
        }
        let error = open(copy.path()).await.unwrap_err();
        assert!(matches!(error, Error::Lost { .. } | Error::Corrupt { .. }), "{what}: {error}");

        let settings = Settings { accept_loss: true, ..Settings::default() };
        let accepted = RocksBackend::new(copy.path(), settings).open(SlotId(0), None).await;
        assert!(accepted.is_ok(), "{what}: {accepted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_leaves_no_log_to_read() {
    let directory = tempfile::tempdir().unwrap();
    for trimmed in [false, true] {
        let slot = open(directory.path()).await.unwrap();
        write(&*slot, &format!("k{trimmed}"), vec![7; 2000]).await;
        if trimmed {
            slot.trim(b"k", b"kf").await.unwrap();
        }
        slot.close().await.unwrap();
        let left = logs(directory.path()).iter().map(|log| fs::metadata(log).unwrap().len()).sum::<u64>();
        assert_eq!(left, 0);
    }
    let slot = open(directory.path()).await.unwrap();
    assert_eq!(slot.get(b"ktrue").await.unwrap(), Some(vec![7; 2000].into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_anchor_and_a_foreign_one_are_named() {
    let (ours, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for directory in [&ours, &foreign] {
        let slot = open(directory.path()).await.unwrap();
        write(&*slot, "k", "v").await;
        slot.close().await.unwrap();
    }
    let anchors = ["ANCHOR-A", "ANCHOR-B"];
    for name in anchors {
        let _ = fs::copy(foreign.path().join(name), ours.path().join(name));
    }
    assert!(matches!(open(ours.path()).await, Err(Error::Lost { .. })));
    for name in anchors {
        let _ = fs::remove_file(ours.path().join(name));
    }
    assert!(matches!(open(ours.path()).await, Err(Error::Lost { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_there_is_never_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let slot = open(directory.path()).await.unwrap();
    write(&*slot, "k", "v").await;
    slot.close().await.unwrap();
    let files = || fs::read_dir(directory.path()).unwrap().count();
    for lost in [&["CURRENT"][..], &["ANCHOR-A", "ANCHOR-B"]] {
        lost.iter().for_each(|name| fs::remove_file(directory.path().join(name)).unwrap());
        let left = files();
        let error = open(directory.path()).await.unwrap_err();
        assert!(matches!(&error, Error::Lost { what } if what.contains("CURRENT")), "{error}");
        assert_eq!(files(), left, "what is left is for the operator");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_cut_short_is_made_up_for() {
    let whole = tempfile::tempdir().unwrap();
    open(whole.path()).await.unwrap().close().await.unwrap();
    // The first anchor stands alone before RocksDB makes its files, and with them before the identity.
    let cut_short = tempfile::tempdir().unwrap();
    let first = super::genesis::prepare(cut_short.path(), &crate::anchor::AnchorFiles::new(cut_short.path()));
    assert!(first.unwrap().is_new());
    fs::write(cut_short.path().join("MANIFEST-000001"), "half of it").unwrap();
    let slot = open(cut_short.path()).await.unwrap();
    write(&*slot, "k", "v").await;
    slot.close().await.unwrap();
    assert!(open(cut_short.path()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_the_log_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let slot = open(directory.path()).await.unwrap();
    for number in 0..50 {
        write(&*slot, &format!("k{number:03}"), vec![7; 2000]).await;
    }
    let copy = crashed_copy(directory.path());
    let log = logs(copy.path()).pop().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    bytes[10_000] ^= 1;
    fs::write(&log, bytes).unwrap();
    let error = open(copy.path()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn trimming_gives_space_back() {
    let directory = tempfile::tempdir().unwrap();
    let slot = open(directory.path()).await.unwrap();
    for number in 0..64 {
        write(&*slot, &format!("old{number:03}"), vec![7; 1 << 20]).await;
        write(&*slot, &format!("new{number:03}"), vec![8; 1 << 10]).await;
    }
    let full = size_of(directory.path());
    slot.trim(b"old", b"old999").await.unwrap();
    let give_up = Duration::from_secs(30);
    let clock = millstream_runtime::SystemClock::shared();
    let freed = clock.timeout(give_up, async {
        while size_of(directory.path()) * 4 > full {
            clock.sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(freed.await.is_some(), "{} of {full} bytes are left", size_of(directory.path()));
    let page = slot.scan(KeyRange::new("a", "z"), ScanOptions::default()).await.unwrap();
    assert_eq!(page.entries.len(), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_owner_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let slot = open(directory.path()).await.unwrap();
    // What the first is writing must not be taken for what a crash left.
    let log = logs(directory.path()).pop().unwrap();
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend([0xa5; 50]);
    fs::write(&log, &bytes).unwrap();
    let refused = open(directory.path()).await;
    assert!(matches!(refused, Err(Error::Failed { reason }) if reason.contains("another process")));
    assert_eq!(fs::read(&log).unwrap(), bytes);
    slot.close().await.unwrap();
    assert!(open(directory.path()).await.is_ok(), "closed, it is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_keeps_reads() {
    let directory = tempfile::tempdir().unwrap();
    let slot = open(directory.path()).await.unwrap();
    write(&*slot, "k", "v").await;
    slot.close().await.unwrap();
    drop(slot);
    let settings = Settings { reserve_bytes: u64::MAX / 4, ..Settings::default() };
    let slot = RocksBackend::new(directory.path(), settings).open(SlotId(0), None).await.unwrap();
    let mut writes = WriteSet::new();
    writes.append("k2", "v");
    assert!(matches!(slot.commit(writes).await, Err(Error::NoSpace { .. })));
    assert_eq!(slot.get(b"k").await.unwrap(), Some("v".into()));
    slot.trim(b"k", b"z").await.unwrap();
    assert_eq!(slot.get(b"k").await.unwrap(), None);
}
