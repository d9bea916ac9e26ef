//! Logs made by hand, as power cuts and bad disks leave them.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
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
    let half = unsynced[..unsynced.len() - 3_000].to_vec();
    let garbage = [&durable[..], &[0xa5; 100]].concat();
    for torn in [hole, half, garbage] {
        let store = store(&[&torn, &log(&[batch(15, 1, 12, 10)])]);
        assert_eq!(mend(store.path(), 12, false), Ok(()));
        assert_eq!(sizes(&store), [durable.len() as u64]);
        assert_eq!(mend(store.path(), 12, false), Ok(()), "once more");
    }
}

#[test]
fn zeros_up_to_the_end_are_no_damage() {
    let first = log(&[batch(11, 2, 10, 40_000)]);
    let second = log(&[batch(13, 1, 12, 5)]);
    let with_zeros = |log: &[u8]| [log, &[0; 100_000]].concat();
    let [first_store, second_store] = [&second[..], &log(&[batch(15, 1, 12, 5)])]
        .map(|second| store(&[&with_zeros(&first), &with_zeros(second)]));
    assert_eq!(mend(first_store.path(), 13, false), Ok(()));
    assert_eq!(sizes(&first_store), [first.len() as u64, second.len() as u64]);
    assert!(!first_store.path().join("000005.torn").exists(), "there is nothing to keep");
    // Of what was never durable one batch is there, and the one before it is not.
    assert_eq!(mend(second_store.path(), 12, false), Ok(()));
    assert_eq!(sizes(&second_store), [first.len() as u64, 0]);
    // What was durable is missed as anywhere else.
    let followed = store(&[&with_zeros(&first), &log(&[batch(15, 1, 14, 5)])]);
    assert!(matches!(mend(followed.path(), 10, false), Err(Error::Corrupt { .. })));
    let lost = store(&[&with_zeros(&first)]);
    assert!(matches!(mend(lost.path(), 13, false), Err(Error::Lost { .. })));
    assert_eq!(sizes(&lost), [first.len() as u64 + 100_000], "a start that is refused changes nothing");
}

#[test]
fn a_first_batch_that_is_torn_is_cut_off() {
    // Its first fragment is whole, and says that all before it was durable; which is in the tables.
    let torn = &log(&[batch(11, 1, 10, 100_000)])[..70_000];
    let store = store(&[torn]);
    assert_eq!(mend(store.path(), 10, false), Ok(()));
    assert_eq!(sizes(&store), [0]);
    // Not so if another one behind it says that this one was durable, or if it is not the first at all.
    let followed = [torn, &log(&[batch(12, 1, 11, 10)])].map(<[u8]>::to_vec);
    let second = log(&[batch(12, 1, 11, 100_000)])[..70_000].to_vec();
    for logs in [&followed[..], &[second]] {
        let store = super::tests::store(&logs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert!(matches!(mend(store.path(), 10, false), Err(Error::Corrupt { .. })));
    }
}

#[test]
fn numbers_that_cannot_be_are_no_batches() {
    let store = store(&[&log(&[batch(u64::MAX, 2, 10, 10), batch(11, 1, 10, 10)])]);
    assert_eq!(mend(store.path(), 11, false), Ok(()));
    let last = [&[2, 5, 4][..], &[0xff; 9], &[1]].concat();
    fs::write(store.path().join("MANIFEST-000004"), log(&[last])).unwrap();
    assert_eq!(mend(store.path(), 11, false), Ok(()));
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
    assert_eq!(mend(without_first.path(), 10, true), Ok(()), "an operator may go on");
    let without_middle = store(&[&log(&[batch(11, 5, 10, 10)]), &next]);
    assert!(matches!(mend(without_middle.path(), 10, false), Err(Error::Corrupt { .. })));
    let without_end = store(&[&log(&[batch(11, 5, 10, 10)])]);
    assert!(matches!(mend(without_end.path(), 16, false), Err(Error::Lost { .. })));
    assert_eq!(mend(without_end.path(), 15, false), Ok(()));
}

#[test]
fn half_an_edit_of_the_manifest_is_cut_off() {
    // The second reaches into the next block, so that its first fragment is whole.
    for (edit, left) in [(500, 400), (40_000, 39_900)] {
        let store = store(&[&log(&[batch(11, 5, 10, 10)])]);
        let path = store.path().join("MANIFEST-000004");
        let whole = fs::read(&path).unwrap();
        let torn = log(&[vec![2, 5, 4, 10], vec![7; edit]]);
        let torn = &torn[..whole.len() + left];
        fs::write(&path, torn).unwrap();
        assert!(matches!(mend(store.path(), 16, false), Err(Error::Lost { .. })));
        assert_eq!(fs::read(&path).unwrap(), torn, "a start that is refused changes nothing");
        assert_eq!(mend(store.path(), 15, false), Ok(()));
        assert_eq!(fs::read(&path).unwrap(), whole);
        assert_eq!(fs::read(path.with_extension(CUT_OFF)).unwrap(), torn[whole.len()..]);
    }
}

#[test]
fn a_cut_that_a_crash_interrupted_is_made_again_and_keeps_all() {
    let torn = log(&[batch(11, 2, 10, 40_000), batch(13, 1, 12, 100_000)])[..90_000].to_vec();
    let later = log(&[batch(14, 1, 12, 10)]);
    let store = store(&[&torn, &later]);
    let path = |name| store.path().join(name);
    // So far it came: the later log was renamed, the first is as it was.
    fs::rename(path("000006.log"), path("000006.torn")).unwrap();
    fs::write(path("000003.torn"), "of an older cut").unwrap();
    assert_eq!(mend(store.path(), 12, false), Ok(()));
    assert_eq!(fs::read(path("000006.torn")).unwrap(), later);
    let end = usize::try_from(sizes(&store)[0]).unwrap();
    assert_eq!(fs::read(path("000005.torn")).unwrap(), torn[end..]);
    assert!(!path("000003.torn").exists());
}

#[test]
fn what_cannot_be_kept_is_cut_off_all_the_same() {
    let store = store(&[&[0xa5; 100]]);
    // Nothing can be written there, as on a full disk.
    fs::create_dir(store.path().join("000005.torn")).unwrap();
    assert_eq!(mend(store.path(), 10, false), Ok(()));
    assert_eq!(sizes(&store), [0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_without_harm(bytes in vec(any::<u8>(), 0..300), from in 0..300_usize) {
        let whole = whole_records(&bytes);
        prop_assert!(whole.end <= bytes.len());
        records_behind(&bytes, from);
        Manifest::default().apply(&bytes);
        // Whole by its checksum, and anything inside.
        let record = log(&[bytes]);
        for store in [store(&[&record]), store(&[])] {
            fs::write(store.path().join("MANIFEST-000004"), &record).unwrap();
            let _ = mend(store.path(), 10, true);
        }
    }

    #[test]
    fn mending_twice_is_mending_once(
        sizes in vec(0..60_000_usize, 1..5),
        damages in vec((any::<Index>(), any::<u8>()), 0..4),
        cut in any::<Index>(),
        accept_loss: bool,
    ) {
        let batches: Vec<_> = sizes.iter().zip(11..).map(|(size, first)| batch(first, 1, first - 1, *size)).collect();
        let (before, last) = batches.split_at(batches.len() - 1);
        let mut logs = [log(before), log(last)];
        let place = cut.index(logs.len());
        let damaged = &mut logs[place];
        for (at, byte) in damages.iter() {
            let at = at.index(damaged.len().max(1));
            damaged.get_mut(at).into_iter().for_each(|damaged| *damaged ^= byte);
        }
        damaged.truncate(cut.index(damaged.len() + 1));
        let store = store(&[&logs[0], &logs[1]]);
        let before = contents(&store);
        match mend(store.path(), 10, accept_loss) {
            Ok(()) => {
                let mended = contents(&store);
                prop_assert_eq!(mend(store.path(), 10, accept_loss), Ok(()));
                prop_assert_eq!(contents(&store), mended);
            }
            Err(_) => {
                prop_assert!(!accept_loss);
                prop_assert_eq!(contents(&store), before, "a start that is refused changes nothing");
            }
        }
    }
}

fn contents(store: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}
