//! Resets and snapshots: what is there afterwards, what whoever is at work meanwhile is told, and crashes.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::FutureExt;
use millstream_runtime::{OnFailure, TaskSet};
use proptest::prelude::*;

use super::*;
use crate::{Error, LiveEngine, Loaded, SnapshotError, SnapshotSource};

impl World {
    async fn live(&self) -> LiveEngine {
        self.live_on(self.slot().await).await.unwrap()
    }

    async fn live_on(&self, slot: Arc<dyn Slot>) -> Result<LiveEngine> {
        LiveEngine::open(
            slot,
            self.settings.clone(),
            self.clock.shared(),
            SeededEntropy::shared(7),
            self.keys.clone(),
        )
        .await
    }
}

/// Pieces of a snapshot, and perhaps an error behind them.
struct Pieces(VecDeque<std::result::Result<Bytes, String>>);

#[async_trait]
impl SnapshotSource for Pieces {
    async fn next(&mut self) -> Option<std::result::Result<Bytes, String>> {
        self.0.pop_front()
    }
}

fn pieces(bytes: &[u8], size: usize) -> Pieces {
    Pieces(bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect())
}

async fn save(live: &LiveEngine) -> Vec<u8> {
    let mut saved = live.save_snapshot().await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = saved.next().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

async fn load(live: &LiveEngine, bytes: &[u8]) -> std::result::Result<Loaded, SnapshotError> {
    live.load_snapshot(pieces(bytes, 1000)).await
}

async fn create(live: &LiveEngine, name: &str, records: std::ops::Range<u32>) {
    let engine = live.current().await.unwrap();
    engine.create_stream(provisioned(&arn(name), 2)).await.unwrap();
    put_all(&engine, &arn(name), numbered(records)).await;
}

#[tokio::test]
async fn whoever_waits_is_given_the_next_engine() {
    let world = World::new();
    let live = world.live().await;
    let first = live.current().await.unwrap();
    let mut retired = std::pin::pin!(live.retired(&first));
    assert!(retired.as_mut().now_or_never().is_none());
    let (next, (), ()) =
        tokio::join!(live.successor(&first), retired, async { live.reset(|| ()).await.unwrap() });
    let next = next.unwrap();
    assert!(next.is(&live.current().await.unwrap()) && !next.is(&first));
    assert!(next.slot().get(b"k").await.is_ok() && first.slot().get(b"k").await.is_err());
    let (last, closed) = tokio::join!(live.successor(&next), live.close());
    closed.unwrap();
    assert!(last.is_none());
}

async fn names(live: &LiveEngine) -> Vec<String> {
    let engine = live.current().await.unwrap();
    let streams = engine.metrics();
    streams.into_iter().map(|(arn, _)| arn.name.as_str().to_owned()).collect()
}

/// Every record of a stream's shards.
async fn records(live: &LiveEngine, name: &str) -> Vec<String> {
    let engine = live.current().await.unwrap();
    let mut all = Vec::new();
    for shard in [SHARD, "shardId-000000000001"] {
        let start = StartingPosition::TrimHorizon;
        let iterator = engine.get_shard_iterator(&arn(name), shard, &start, false).await.unwrap();
        all.extend(texts(&read_from(&engine, iterator, 100).await.unwrap()));
    }
    all
}

/// All that storage holds, but for what says how often it was replaced and which change was the last.
async fn stored(slot: &dyn Slot) -> Vec<(Bytes, Bytes)> {
    let (mut export, mut all) = (slot.export().await.unwrap(), Vec::new());
    while let Some(page) = export.next_page().await.unwrap() {
        all.extend(page.into_iter().map(|entry| (entry.key, entry.value)));
    }
    all.retain(|(key, _)| ![crate::keyspace::REPLACEMENT, crate::keyspace::CHANGE].contains(&key[0]));
    all
}

#[tokio::test]
async fn a_reset_leaves_a_fresh_server() {
    let world = World::new();
    let slot = world.slot().await;
    let live = world.live_on(slot.clone()).await.unwrap();
    create(&live, "orders", 0..10).await;
    let engine = live.current().await.unwrap();
    let old = iterator(&engine, &arn("orders"), StartingPosition::TrimHorizon).await;
    live.reset(|| ()).await.unwrap();
    assert_eq!(names(&live).await, [""; 0]);
    assert_eq!(stored(&*slot).await.len(), 1, "there is more than the store's own row");
    assert_eq!(crate::keyspace::replacement_row::split_marks(slot.marks()).0, [].into());
    // Those who still hold the old engine find nothing, and change nothing.
    assert!(matches!(put(&engine, &arn("orders"), "late").await, Err(Error::ResourceNotFound(_))));
    assert!(matches!(engine.create_stream(provisioned(&arn("late"), 1)).await, Err(Error::Unavailable(_))));
    assert_eq!(names(&live).await, [""; 0]);
    // The same name is another stream, which old iterators do not fit.
    create(&live, "orders", 20..23).await;
    assert!(live.current().await.unwrap().get_records(call(&old, None)).await.is_err());
    assert!(records(&live, "orders").await.into_iter().eq(numbered(20..23)));
    live.close().await.unwrap();
    let live = world.live().await;
    assert!(records(&live, "orders").await.into_iter().eq(numbered(20..23)));
}

#[tokio::test]
async fn a_snapshot_brings_back_what_was() {
    let world = World::without_tail();
    let live = world.live().await;
    create(&live, "orders", 0..10).await;
    let engine = live.current().await.unwrap();
    let old = iterator(&engine, &arn("orders"), StartingPosition::TrimHorizon).await;
    let bytes = save(&live).await;
    put_all(&engine, &arn("orders"), numbered(10..15)).await;
    create(&live, "later", 0..1).await;
    let later = iterator(&engine, &arn("later"), StartingPosition::TrimHorizon).await;

    let loaded = load(&live, &bytes).await.unwrap();
    assert_eq!(loaded.bytes, bytes.len() as u64);
    assert_eq!(loaded.made_millis, u64::try_from(START.as_millis()).unwrap());
    assert_eq!(names(&live).await, ["orders"]);
    assert!(records(&live, "orders").await.into_iter().eq(numbered(0..10)));
    let engine = live.current().await.unwrap();
    assert!(engine.get_records(call(&old, None)).await.is_ok(), "the stream is that of the iterator");
    create(&live, "another", 0..1).await;
    let error = engine.get_records(call(&later, None)).await.unwrap_err();
    assert!(matches!(error, Error::ResourceNotFound(_)), "{error}");
    // Numbers go on above all that were given, those included that the snapshot does not have.
    put_all(&engine, &arn("orders"), numbered(10..12)).await;
    live.close().await.unwrap();
    let live = world.live().await;
    assert!(records(&live, "orders").await.into_iter().eq(numbered(0..12)));
}

#[tokio::test]
async fn a_snapshot_can_be_loaded_elsewhere_again_and_again() {
    let (here, there) = (World::new(), World::without_tail());
    let live = here.live().await;
    create(&live, "orders", 0..200).await;
    let bytes = save(&live).await;
    let slot = there.slot().await;
    let other = there.live_on(slot.clone()).await.unwrap();
    create(&other, "mine", 0..3).await;
    for _ in 0..3 {
        load(&other, &bytes).await.unwrap();
        assert_eq!(names(&other).await, ["orders"]);
        let mut found = records(&other, "orders").await;
        found.sort_by_key(|text| text[1..].parse::<u32>().unwrap());
        assert!(found.into_iter().eq(numbered(0..200)));
    }
    let staged = stored(&*slot).await.iter().any(|(key, _)| key[0] == crate::keyspace::STAGED);
    assert!(!staged, "something still waits");
    other.reset(|| ()).await.unwrap();
    assert_eq!(names(&other).await, [""; 0]);
}

#[tokio::test]
async fn a_snapshot_that_is_not_whole_changes_nothing() {
    let world = World::new();
    let slot = world.slot().await;
    let live = world.live_on(slot.clone()).await.unwrap();
    create(&live, "orders", 0..10).await;
    let bytes = save(&live).await;
    create(&live, "later", 0..1).await;
    let before = stored(&*slot).await;
    let mut changed = bytes.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    assert!(matches!(load(&live, &changed).await, Err(SnapshotError::Damaged(_))));
    assert!(matches!(load(&live, &bytes[..middle]).await, Err(SnapshotError::Truncated(_))));
    assert_eq!(load(&live, b"PK").await, Err(SnapshotError::NotASnapshot));
    let mut broken_off = pieces(&bytes[..middle], 100);
    broken_off.0.push_back(Err("gone".to_owned()));
    assert_eq!(live.load_snapshot(broken_off).await, Err(SnapshotError::BrokenOff("gone".to_owned())));
    assert_eq!(stored(&*slot).await, before);
    assert_eq!(names(&live).await, ["later", "orders"]);
}

/// Bytes of a snapshot with these entries, each checksum right.
fn forged(entries: &[(Bytes, Bytes)]) -> Vec<u8> {
    use crate::snapshot::format::{Encoder, Frame};
    let mut encoder = Encoder::default();
    let frames = [
        Frame::Begin { made_millis: 1 },
        Frame::Entries(entries.to_vec()),
        Frame::End { entries: entries.len() as u64 },
    ];
    frames.iter().flat_map(|frame| encoder.encode(frame)).collect()
}

#[tokio::test]
async fn a_snapshot_that_no_engine_can_be_opened_on_changes_nothing() {
    let world = World::new();
    let slot = world.slot().await;
    let live = world.live_on(slot.clone()).await.unwrap();
    create(&live, "orders", 0..10).await;
    let before = stored(&*slot).await;
    // No store's row; a stream's row that is none; a shard that lost the middle of its log is not looked for here.
    for (entries, word) in [
        (Vec::new(), "rows of it are missing"),
        ([before.clone(), vec![(Bytes::from_static(&[0x12]), Bytes::new())]].concat(), ""),
        (
            before
                .iter()
                .map(|(key, value)| {
                    if key[0] == crate::keyspace::STREAM {
                        (key.clone(), Bytes::from_static(b"\xff"))
                    } else {
                        (key.clone(), value.clone())
                    }
                })
                .collect(),
            "a stream's row",
        ),
        (vec![(Bytes::from_static(&[crate::keyspace::STAGED, 1]), Bytes::new())], "does not belong"),
        (before.iter().rev().cloned().collect(), "does not belong"),
    ] {
        let outcome = load(&live, &forged(&entries)).await;
        if word.is_empty() {
            // A row that only a newer program knows is kept.
            outcome.unwrap();
            continue;
        }
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
        assert_eq!(names(&live).await, ["orders"]);
    }
    assert!(records(&live, "orders").await.into_iter().eq(numbered(0..10)));
}

#[tokio::test]
async fn whoever_is_at_work_during_a_reset_finds_no_stream() {
    let world = World::new();
    let live = world.live().await;
    create(&live, "orders", 0..1).await;
    let tasks = TaskSet::default();
    let unexpected = Arc::new(parking_lot::Mutex::new(Vec::new()));
    for _ in 0..4 {
        let (live, stop, unexpected) = (live.clone(), tasks.clone(), unexpected.clone());
        tasks.spawn("writer", OnFailure::Log, async move {
            while !stop.is_stopping() {
                let put = match live.current().await {
                    Ok(engine) => put(&engine, &arn("orders"), "x").await,
                    Err(error) => Err(error),
                };
                if let Err(error) = put
                    && !matches!(error, Error::ResourceNotFound(_))
                {
                    unexpected.lock().push(error);
                }
                tokio::task::yield_now().await;
            }
            Ok::<_, std::convert::Infallible>(())
        });
    }
    for round in 0..20 {
        tokio::task::yield_now().await;
        live.reset(|| ()).await.unwrap();
        assert_eq!(names(&live).await, [""; 0]);
        create(&live, "orders", round..round + 1).await;
    }
    tasks.shutdown();
    assert!(tasks.join(&millstream_runtime::SystemClock::default(), Duration::from_secs(10)).await);
    assert_eq!(*unexpected.lock(), []);
}

#[tokio::test]
async fn one_at_a_time() {
    struct Endless(bool);
    #[async_trait]
    impl SnapshotSource for Endless {
        async fn next(&mut self) -> Option<std::result::Result<Bytes, String>> {
            if std::mem::replace(&mut self.0, true) {
                std::future::pending::<()>().await;
            }
            Some(Ok(Bytes::from_static(b"MSTR")))
        }
    }
    let world = World::new();
    let live = world.live().await;
    let loading = live.load_snapshot(Endless(false));
    let meanwhile = async {
        tokio::task::yield_now().await;
        assert_eq!(live.reset(|| unreachable!("nothing is given up")).await, Err(SnapshotError::Busy));
        create(&live, "orders", 0..3).await;
        assert_eq!(save(&live).await[..8], *b"MSTRSNAP");
        live.close().await.unwrap();
    };
    let (loaded, ()) = tokio::join!(loading, meanwhile);
    assert!(matches!(loaded, Err(SnapshotError::Engine(Error::Unavailable(_)))), "{loaded:?}");
    assert!(live.current().await.is_err());
}

#[tokio::test]
async fn a_disk_that_is_full_fails_a_load_and_leaves_what_was() {
    let world = World::new();
    let live = world.live().await;
    create(&live, "orders", 0..10).await;
    let bytes = save(&live).await;
    world.faults().disk_full(true);
    assert!(matches!(load(&live, &bytes).await, Err(SnapshotError::Engine(Error::Unavailable(_)))));
    assert!(live.reset(|| ()).await.is_err());
    world.faults().disk_full(false);
    assert!(records(&live, "orders").await.into_iter().eq(numbered(0..10)));
    put_all(&live.current().await.unwrap(), &arn("orders"), numbered(10..11)).await;
    live.reset(|| ()).await.unwrap();
    assert_eq!(names(&live).await, [""; 0]);
}

/// Lets through so many commits and trims, and then ends, as a crash would.
#[derive(Debug)]
struct Dying {
    slot: Arc<dyn Slot>,
    left: std::sync::atomic::AtomicUsize,
}

impl Dying {
    fn step(&self) -> millstream_storage::Result<()> {
        use std::sync::atomic::Ordering::SeqCst;
        let step = self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        step.map(drop).map_err(|_| millstream_storage::Error::Closed)
    }
}

#[async_trait]
impl Slot for Dying {
    fn epoch(&self) -> u64 {
        self.slot.epoch()
    }

    async fn commit(
        &self,
        writes: millstream_storage::WriteSet,
    ) -> millstream_storage::Result<millstream_storage::Commit> {
        self.step()?;
        self.slot.commit(writes).await
    }

    fn watch(&self) -> tokio::sync::watch::Receiver<millstream_storage::Durable> {
        self.slot.watch()
    }

    fn ended(&self) -> tokio::sync::watch::Receiver<Option<millstream_storage::Error>> {
        self.slot.ended()
    }

    async fn get(&self, key: &[u8]) -> millstream_storage::Result<Option<Bytes>> {
        self.slot.get(key).await
    }

    async fn scan(
        &self,
        range: millstream_storage::KeyRange,
        options: millstream_storage::ScanOptions,
    ) -> millstream_storage::Result<millstream_storage::Entries> {
        self.slot.scan(range, options).await
    }

    async fn trim(&self, prefix: &[u8], below: &[u8]) -> millstream_storage::Result<()> {
        self.step()?;
        self.slot.trim(prefix, below).await
    }

    fn marks_at_open(&self) -> &millstream_storage::Marks {
        self.slot.marks_at_open()
    }

    fn marks(&self) -> millstream_storage::Marks {
        self.slot.marks()
    }

    async fn export(&self) -> millstream_storage::Result<millstream_storage::Export> {
        self.slot.export().await
    }

    async fn verify_owner(&self) -> millstream_storage::Result<()> {
        self.slot.verify_owner().await
    }

    async fn close(&self) -> millstream_storage::Result<()> {
        self.slot.close().await
    }
}

/// Runs a replacement that dies after `steps`, with the marks of before left behind if `stale`. Gives what a
/// restart finds.
async fn after_a_crash(load_snapshot: bool, steps: usize, stale: bool) -> Vec<String> {
    let world = World::new();
    let slot = world.slot().await;
    let live = world.live_on(slot.clone()).await.unwrap();
    create(&live, "old", 0..4).await;
    let bytes = save(&live).await;
    put_all(&live.current().await.unwrap(), &arn("old"), numbered(4..6)).await;
    create(&live, "new", 0..2).await;
    live.close().await.unwrap();

    let slot = world.slot().await;
    let dying = Arc::new(Dying { slot: slot.clone(), left: usize::MAX.into() });
    let live = world.live_on(dying.clone()).await.unwrap();
    let before = slot.marks();
    dying.left.store(steps, std::sync::atomic::Ordering::SeqCst);
    // It dies somewhere, or it does not.
    if load_snapshot {
        let _ = load(&live, &bytes).await;
    } else {
        let _ = live.reset(|| ()).await;
    }
    if stale {
        let mut writes = millstream_storage::WriteSet::new();
        slot.marks().into_keys().for_each(|name| writes.mark(name, Bytes::new()));
        before.into_iter().for_each(|(name, value)| writes.mark(name, value));
        writes.put(crate::keyspace::key(crate::keyspace::PROBE, &[]), Bytes::new());
        slot.commit(writes).await.unwrap().durable().await.unwrap();
    }
    drop(live);
    let live = world.live().await;
    let found = names(&live).await;
    for name in &found {
        let expected = if *name == "new" {
            0..2
        } else if found.len() == 2 {
            0..6
        } else {
            0..4
        };
        assert!(records(&live, name).await.into_iter().eq(numbered(expected)), "{name} after {steps} steps");
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_crash_at_any_step_leaves_the_old_content_or_the_new(load_snapshot: bool, steps in 0_usize..40, stale: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(after_a_crash(load_snapshot, steps, stale));
        let old = found == ["new", "old"];
        let new = if load_snapshot { found == ["old"] } else { found.is_empty() };
        prop_assert!(old || new, "{:?}", found);
        prop_assert!(new || steps < 30, "it should have been over");
    }
}
