//! What every storage engine promises, as tests that all of them run.
//!
//! Each test gets a fresh backend from the caller. Promises that need a crash are tested per engine, and
//! from outside the process.

#![allow(clippy::unwrap_used)] // a broken promise ends the test that runs the suite

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Backend, Entries, Entry, Error, Export, KeyRange, ScanOptions, Slot, SlotId, WriteSet};

/// Runs the whole suite. Panics at the first broken promise.
#[allow(clippy::missing_panics_doc)]
pub async fn run<B, F>(make: impl Fn() -> F)
where
    B: Backend,
    F: Future<Output = B>,
{
    gives_back_what_was_put(&make().await).await;
    the_last_change_of_a_batch_counts(&make().await).await;
    refuses_a_batch_whose_expects_do_not_hold(&make().await).await;
    sees_earlier_batches_when_checking_expects(&make().await).await;
    scans_in_order_within_limits(&make().await).await;
    trims_below_a_key(&make().await).await;
    keeps_everything_across_opens(&make().await).await;
    fences_by_epoch(&make().await).await;
    positions_rise_with_the_order(&make().await).await;
    is_closed_after_close(&make().await).await;
    keeps_large_and_empty_values(&make().await).await;
    anchors_the_marks_of_what_is_durable(&make().await).await;
    exports_one_moment(&make().await).await;
    an_export_that_is_not_read_holds_nobody_up(&make().await).await;
}

async fn open(backend: &dyn Backend) -> Arc<dyn Slot> {
    backend.open(SlotId(0), None).await.unwrap()
}

fn puts(pairs: &[(&str, &str)]) -> WriteSet {
    let mut writes = WriteSet::new();
    for (key, value) in pairs {
        writes.put(key.to_string(), value.to_string());
    }
    writes
}

async fn write(slot: &dyn Slot, writes: WriteSet) {
    slot.store(writes).await.unwrap();
}

async fn get(slot: &dyn Slot, key: &str) -> Option<String> {
    slot.get(key.as_bytes()).await.unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

fn keys(page: &Entries) -> Vec<String> {
    page.entries.iter().map(|entry| String::from_utf8(entry.key.to_vec()).unwrap()).collect()
}

async fn gives_back_what_was_put(backend: &dyn Backend) {
    let slot = open(backend).await;
    write(&*slot, puts(&[("k1", "one"), ("k2", "two")])).await;
    assert_eq!(get(&*slot, "k1").await.as_deref(), Some("one"));
    assert_eq!(get(&*slot, "k3").await, None);
    let mut writes = puts(&[("k1", "uno")]);
    writes.delete("k2");
    writes.append("k3", "drei");
    write(&*slot, writes).await;
    assert_eq!(get(&*slot, "k1").await.as_deref(), Some("uno"));
    assert_eq!(get(&*slot, "k2").await, None);
    assert_eq!(get(&*slot, "k3").await.as_deref(), Some("drei"));
}

async fn the_last_change_of_a_batch_counts(backend: &dyn Backend) {
    let slot = open(backend).await;
    let mut writes = puts(&[("k1", "first"), ("k1", "last"), ("k2", "gone")]);
    writes.delete("k2");
    write(&*slot, writes).await;
    assert_eq!(get(&*slot, "k1").await.as_deref(), Some("last"));
    assert_eq!(get(&*slot, "k2").await, None);
}

async fn refuses_a_batch_whose_expects_do_not_hold(backend: &dyn Backend) {
    let slot = open(backend).await;
    let mut absent = puts(&[("k1", "one")]);
    absent.expect("k1", None);
    write(&*slot, absent.clone()).await;
    let refused = [slot.store(absent.clone()).await, slot.commit(absent).await.map(drop)];
    for refused in refused {
        assert!(matches!(refused, Err(Error::Conflict { key }) if key == "k1"));
    }

    let mut half = puts(&[("k1", "two"), ("k2", "two")]);
    half.expect("k1", Some(Bytes::from("one")));
    half.expect("k2", Some(Bytes::from("anything")));
    assert!(matches!(slot.commit(half).await, Err(Error::Conflict { key }) if key == "k2"));
    assert_eq!(get(&*slot, "k1").await.as_deref(), Some("one"));
    assert_eq!(get(&*slot, "k2").await, None);
}

async fn sees_earlier_batches_when_checking_expects(backend: &dyn Backend) {
    let slot = open(backend).await;
    write(&*slot, puts(&[("n", "0")])).await;
    let mut increments = Vec::new();
    for step in 0..50 {
        let mut writes = puts(&[("n", &(step + 1).to_string())]);
        writes.expect("n", Some(Bytes::from(step.to_string())));
        increments.push(slot.commit(writes).await.unwrap());
    }
    for increment in increments {
        increment.durable().await.unwrap();
    }
    assert_eq!(get(&*slot, "n").await.as_deref(), Some("50"));
}

async fn scans_in_order_within_limits(backend: &dyn Backend) {
    let slot = open(backend).await;
    write(&*slot, puts(&[("b", "2"), ("a", "1"), ("d", "4"), ("c", "3"), ("x", "0")])).await;
    let range = KeyRange::new("a", "e");
    let scan = |options| slot.scan(range.clone(), options);
    let all = ScanOptions::default();

    let page = scan(all).await.unwrap();
    assert_eq!((keys(&page).join(""), page.more), ("abcd".into(), false));
    let page = scan(ScanOptions { reverse: true, ..all }).await.unwrap();
    assert_eq!((keys(&page).join(""), page.more), ("dcba".into(), false));
    let page = scan(ScanOptions { entries_max: 2, ..all }).await.unwrap();
    assert_eq!((keys(&page).join(""), page.more), ("ab".into(), true));
    let page = scan(ScanOptions { entries_max: 1, reverse: true, ..all }).await.unwrap();
    assert_eq!((keys(&page).join(""), page.more), ("d".into(), true));
    let page = scan(ScanOptions { bytes_max: 3, ..all }).await.unwrap();
    assert_eq!((keys(&page).join(""), page.more), ("ab".into(), true));

    let page = slot.scan(KeyRange::new("e", "x"), all).await.unwrap();
    assert_eq!(page, Entries::default());
    let page = slot.scan(KeyRange::new("x", "a"), all).await.unwrap();
    assert_eq!(page, Entries::default());
    let page = slot.scan(KeyRange::prefix(b"x"), all).await.unwrap();
    assert_eq!(keys(&page), ["x"]);
}

async fn trims_below_a_key(backend: &dyn Backend) {
    let slot = open(backend).await;
    write(&*slot, puts(&[("p1", "1"), ("p2", "2"), ("p3", "3"), ("o9", "o"), ("q0", "q")])).await;
    slot.trim(b"p", b"p3").await.unwrap();
    let page = slot.scan(KeyRange::new("a", "z"), ScanOptions::default()).await.unwrap();
    assert_eq!(keys(&page), ["o9", "p3", "q0"]);
    slot.trim(b"p", b"p0").await.unwrap();
    slot.trim(b"p", b"z").await.unwrap();
    let page = slot.scan(KeyRange::new("a", "z"), ScanOptions::default()).await.unwrap();
    assert_eq!(keys(&page), ["o9", "q0"]);
    write(&*slot, puts(&[("p1", "again")])).await;
    assert_eq!(get(&*slot, "p1").await.as_deref(), Some("again"));
}

async fn keeps_everything_across_opens(backend: &dyn Backend) {
    let slot = open(backend).await;
    let mut writes = puts(&[("k1", "one"), ("k2", "two")]);
    writes.mark("m1", "far");
    write(&*slot, writes).await;
    let mut writes = puts(&[("k2", "zwei")]);
    writes.mark("m1", "farther");
    writes.mark("m2", "near");
    write(&*slot, writes).await;
    slot.close().await.unwrap();
    drop(slot);

    let slot = open(backend).await;
    assert_eq!(get(&*slot, "k1").await.as_deref(), Some("one"));
    assert_eq!(get(&*slot, "k2").await.as_deref(), Some("zwei"));
    let marks: Vec<_> = slot.marks_at_open().iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(marks, [(&b"m1"[..], &b"farther"[..]), (b"m2", b"near")]);
}

async fn fences_by_epoch(backend: &dyn Backend) {
    let slot = open(backend).await;
    let first = slot.epoch();
    slot.close().await.unwrap();
    drop(slot);
    let wrong = backend.open(SlotId(0), Some(first + 7)).await;
    assert!(matches!(wrong, Err(Error::Fenced { found, .. }) if found == first));
    let slot = backend.open(SlotId(0), Some(first)).await.unwrap();
    assert!(slot.epoch() > first);
    slot.verify_owner().await.unwrap();
}

async fn positions_rise_with_the_order(backend: &dyn Backend) {
    let slot = open(backend).await;
    let mut watch = slot.watch();
    let (mut last, mut commits) = (0, Vec::new());
    for number in 0..100 {
        let commit = slot.commit(puts(&[("n", &number.to_string())])).await.unwrap();
        assert!(commit.position() > last);
        last = commit.position();
        commits.push(commit);
    }
    for commit in commits {
        let position = commit.position();
        commit.durable().await.unwrap();
        watch.wait_for(|durable| durable.position >= position).await.unwrap();
    }
    assert_eq!(get(&*slot, "n").await.as_deref(), Some("99"));
}

async fn is_closed_after_close(backend: &dyn Backend) {
    let slot = open(backend).await;
    let mut ended = slot.ended();
    write(&*slot, puts(&[("k", "v")])).await;
    assert!(!ended.has_changed().unwrap(), "commits do not wake who waits for the end");
    slot.close().await.unwrap();
    assert!(matches!(slot.commit(puts(&[("k", "v")])).await, Err(Error::Closed)));
    assert!(matches!(slot.get(b"k").await, Err(Error::Closed)));
    assert!(matches!(slot.scan(KeyRange::new("a", "z"), ScanOptions::default()).await, Err(Error::Closed)));
    assert!(ended.wait_for(Option::is_some).await.is_ok());
    slot.close().await.unwrap();
}

async fn keeps_large_and_empty_values(backend: &dyn Backend) {
    let slot = open(backend).await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let mut writes = WriteSet::new();
    writes.append("large", large.clone());
    writes.append("empty", "");
    write(&*slot, writes).await;
    assert_eq!(slot.get(b"large").await.unwrap(), Some(large.into()));
    assert_eq!(slot.get(b"empty").await.unwrap(), Some(Bytes::new()));
}

async fn anchors_the_marks_of_what_is_durable(backend: &dyn Backend) {
    let slot = open(backend).await;
    for round in 0..2 {
        let mut writes = puts(&[("k", "v")]);
        writes.mark("m", round.to_string());
        let commit = slot.commit(writes).await.unwrap();
        let position = commit.position();
        commit.durable().await.unwrap();
        slot.watch().wait_for(|durable| durable.anchored >= position).await.unwrap();
        assert!(slot.ended().borrow().is_none());
    }
}

/// The keys and values of an export.
async fn read_all(mut export: Export) -> Vec<(String, usize)> {
    let mut all = Vec::new();
    while let Some(page) = export.next_page().await.unwrap() {
        assert!(!page.is_empty());
        all.extend(
            page.into_iter()
                .map(|Entry { key, value }| (String::from_utf8(key.to_vec()).unwrap(), value.len())),
        );
    }
    assert_eq!(export.next_page().await, Ok(None));
    all
}

async fn exports_one_moment(backend: &dyn Backend) {
    let slot = open(backend).await;
    assert_eq!(read_all(slot.export().await.unwrap()).await, []);
    let mut writes = WriteSet::new();
    for key in ["a", "b", "c", "d"] {
        writes.put(key, vec![7; 700_000]);
    }
    writes.mark("m", "1");
    write(&*slot, writes).await;
    let export = slot.export().await.unwrap();
    let mut later = puts(&[("a", "later"), ("e", "new")]);
    later.delete("b");
    later.mark("m", "2");
    write(&*slot, later).await;
    slot.trim(b"c", b"z").await.unwrap();
    assert_eq!(export.marks, [("m".into(), "1".into())].into());
    let large = |key: &str| (key.to_owned(), 700_000);
    assert_eq!(read_all(export).await, [large("a"), large("b"), large("c"), large("d")]);
    assert_eq!(slot.marks(), [("m".into(), "2".into())].into());
    let now = read_all(slot.export().await.unwrap()).await;
    assert_eq!(now, [("a".to_owned(), 5), large("d"), ("e".to_owned(), 3)]);
}

async fn an_export_that_is_not_read_holds_nobody_up(backend: &dyn Backend) {
    let slot = open(backend).await;
    let mut writes = WriteSet::new();
    for key in 0..20 {
        writes.put(format!("k{key}"), vec![7; 1_000_000]);
    }
    write(&*slot, writes).await;
    let mut unread = slot.export().await.unwrap();
    drop(slot.export().await.unwrap());
    write(&*slot, puts(&[("k", "v")])).await;
    slot.close().await.unwrap();
    assert_eq!(slot.export().await.err(), Some(Error::Closed));
    // What was read ahead may still come, and all of it where it is held; but no end that is none.
    let mut pages = 0;
    let mut end = unread.next_page().await;
    while let Ok(Some(page)) = end {
        pages += page.len();
        end = unread.next_page().await;
    }
    assert!(end == Err(Error::Closed) || pages == 20, "{pages} pages and {end:?}");
}
