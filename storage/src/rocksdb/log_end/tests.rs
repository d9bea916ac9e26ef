//! Logs made by hand, as power cuts and bad disks leave them.

use tempfile::TempDir;

use super::*;
use crate::rocksdb::log_format::tests::append;

/// A batch of `count` changes that fills `bytes`.
fn batch(first: u64, count: u32, durable: u64, bytes: usize) -> Vec<u8> {
    let mut batch = [&first.to_le_bytes()[..], &count.to_le_bytes(), &[LOG_DATA, 8]].concat();
    batch.extend(watermark(durable));
    batch.resize(batch.len() + bytes, 7);
    batch
}

fn log(batches: &[Vec<u8>]) -> Vec<u8> {
    let mut log = Vec::new();
    batches.iter().for_each(|batch| append(&mut log, batch));
    log
}

/// A store whose tables reach sequence 10, with these logs from number 5 on.
fn store(logs: &[&[u8]]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("CURRENT"), "MANIFEST-000004\n").unwrap();
    fs::write(directory.path().join("MANIFEST-000004"), log(&[vec![2, 5, 4, 10]])).unwrap();
    // Long since in the tables; whatever is in it does not count.
    fs::write(directory.path().join("000003.log"), "not even a log").unwrap();
    for (log, number) in logs.iter().zip(5..) {
        fs::write(directory.path().join(format!("{number:06}.log")), log).unwrap();
    }
    directory
}

fn sizes(store: &TempDir) -> Vec<u64> {
    logs(store.path(), 5).unwrap().iter().map(|log| fs::metadata(log).unwrap().len()).collect()
}

#[test]
fn a_whole_log_is_left_alone() {
    let (first, second) =
        (log(&[batch(11, 2, 10, 40_000)]), log(&[batch(13, 1, 12, 5), batch(14, 3, 13, 5)]));
    let store = store(&[&first, &second, b""]);
    assert_eq!(mend(store.path(), 16, false), Ok(()));
    assert_eq!(sizes(&store), [first.len() as u64, second.len() as u64, 0]);
}

#[test]
fn what_was_never_durable_is_cut_off() {
    let durable = log(&[batch(11, 2, 10, 40_000)]);
    let unsynced = log(&[batch(11, 2, 10, 40_000), batch(13, 1, 12, 100_000), batch(14, 1, 12, 10)]);
    let hole = {
        let mut log = unsynced.clone();
        log[65_536..98_304].fill(0);
        log
    };
    let zeros = [&durable[..], &[0; 9_000]].concat();
    let half = unsynced[..unsynced.len() - 3_000].to_vec();
    let garbage = [&durable[..], &[0xa5; 100]].concat();
    for torn in [hole, zeros, half, garbage] {
        let store = store(&[&torn, &log(&[batch(15, 1, 12, 10)])]);
        assert_eq!(mend(store.path(), 12, false), Ok(()));
        assert_eq!(sizes(&store), [durable.len() as u64]);
        assert_eq!(mend(store.path(), 12, false), Ok(()), "once more");
    }
}

#[test]
fn damage_to_what_was_durable_is_named() {
    let batches = [batch(11, 2, 10, 40_000), batch(13, 1, 12, 50_000), batch(14, 1, 13, 10)];
    let next = log(&[batch(15, 1, 14, 10)]);
    // The anchor says so; a batch behind it in the same log; a batch in the next log.
    for (anchored, batches, later) in
        [(13, &batches[..2], &[][..]), (10, &batches, &[]), (10, &batches[..2], &next)]
    {
        let mut log = log(batches);
        log[70_000] ^= 1;
        let store = store(&[&log, later]);
        let error = mend(store.path(), anchored, false).unwrap_err();
        let named = matches!(&error, Error::Corrupt { what } if what.contains("000005.log"));
        assert!(named, "{error}");
        assert_eq!(sizes(&store).len(), 2, "nothing is touched");
        assert_eq!(mend(store.path(), anchored, true), Ok(()), "unless an operator says so");
    }
}

#[test]
fn a_missing_log_or_a_missing_end_is_named() {
    let next = log(&[batch(21, 1, 20, 10)]);
    let without_first = store(&[&next]);
    assert!(matches!(mend(without_first.path(), 10, false), Err(Error::Lost { .. })));
    let without_middle = store(&[&log(&[batch(11, 5, 10, 10)]), &next]);
    assert!(matches!(mend(without_middle.path(), 10, false), Err(Error::Corrupt { .. })));
    let without_end = store(&[&log(&[batch(11, 5, 10, 10)])]);
    assert!(matches!(mend(without_end.path(), 16, false), Err(Error::Lost { .. })));
    assert_eq!(mend(without_end.path(), 15, false), Ok(()));
}

#[test]
fn half_an_edit_of_the_manifest_is_cut_off() {
    let store = store(&[&log(&[batch(11, 5, 10, 10)])]);
    let path = store.path().join("MANIFEST-000004");
    let whole = fs::read(&path).unwrap();
    let torn = log(&[vec![2, 5, 4, 10], vec![7; 500]]);
    fs::write(&path, &torn[..torn.len() - 100]).unwrap();
    assert_eq!(mend(store.path(), 15, false), Ok(()));
    assert_eq!(fs::read(&path).unwrap(), whole);
}
