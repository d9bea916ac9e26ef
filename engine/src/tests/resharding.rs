//! Splits, merges and new shard counts, with records before, during and after them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use millstream_model::{HashKey, HashKeyRange, ShardId};
use millstream_runtime::{OnFailure, SystemClock, TaskSet};

use super::*;
use crate::{
    ChildShard, Error, ListShards, ShardDescription, ShardFilter, ShardsFrom, SplitPoint, StreamStatus,
};

const MIDDLE: HashKey = HashKey(1 << 127);

fn id(index: u32) -> ShardId {
    ShardId::new(index).unwrap()
}

fn list(engine: &Engine, arn: &StreamArn, filter: ShardFilter) -> Vec<ShardDescription> {
    let from = ShardsFrom::Start { arn, filter, after: None, stream_created: None };
    engine.list_shards(ListShards { from, shards_max: None }).unwrap().shards
}

fn ids(shards: &[ShardDescription]) -> Vec<u32> {
    shards.iter().map(|shard| shard.id.index()).collect()
}

fn assert_tiles(mut shards: Vec<ShardDescription>) {
    shards.sort_by_key(|shard| shard.range.start());
    assert_eq!(shards.first().unwrap().range.start(), HashKey::MIN);
    assert_eq!(shards.last().unwrap().range.end(), HashKey::MAX);
    assert!(shards.windows(2).all(|pair| pair[0].range.end().0 + 1 == pair[1].range.start().0));
}

/// Reads a shard to its end; its children, if it has ended.
async fn drain(
    engine: &Engine,
    arn: &StreamArn,
    shard: &str,
    start: StartingPosition,
) -> (Vec<String>, Vec<ChildShard>) {
    let mut next = engine.get_shard_iterator(arn, shard, &start, false).await.unwrap();
    let mut all = Vec::new();
    loop {
        let page = engine.get_records(call(&next, Some(3))).await.unwrap();
        all.extend(texts(&page.records));
        assert_eq!(page.next_iterator.is_none(), !page.children.is_empty());
        match page.next_iterator {
            None => return (all, page.children),
            Some(_) if page.records.is_empty() => return (all, page.children),
            Some(iterator) => next = iterator,
        }
    }
}

#[tokio::test]
async fn a_split_hands_the_hash_keys_to_two_children() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn) = world.with_stream(1).await;
        put_all(&engine, &arn, numbered(0..10)).await;
        engine.split_shard(&arn, "shardId-0", MIDDLE).await.unwrap();
        let after = put_all(&engine, &arn, numbered(10..20)).await;
        assert!(after.iter().all(|receipt| receipt.shard_id.index() > 0));

        let shards = list(&engine, &arn, ShardFilter::FromTrimHorizon);
        assert_eq!(ids(&shards), [0, 1, 2]);
        let parent = &shards[0];
        assert!(parent.ending_sequence_number.unwrap() < after[0].sequence_number);
        assert_eq!((shards[1].range.end().0 + 1, shards[2].range.start()), (MIDDLE.0, MIDDLE));
        for child in &shards[1..] {
            assert_eq!((child.parent, child.adjacent_parent), (Some(id(0)), None));
            assert!(child.ending_sequence_number.is_none());
            assert!(child.starting_sequence_number > parent.ending_sequence_number.unwrap());
        }
        let (texts, children) = drain(&engine, &arn, SHARD, StartingPosition::TrimHorizon).await;
        assert!(texts.into_iter().eq(numbered(0..10)));
        let expected = shards[1..].iter().map(|child| ChildShard {
            id: child.id,
            parents: vec![id(0)],
            range: child.range,
        });
        assert!(children.into_iter().eq(expected));
        assert_eq!(engine.describe_stream_summary(&arn).unwrap().open_shards, 2);
    }
}

#[tokio::test]
async fn a_merge_makes_one_child_of_two_neighbours() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    let ends = |receipt: Receipt| receipt.shard_id.index();
    let before = ends(put(&engine, &arn, "before").await.unwrap());
    engine.merge_shards(&arn, "shardId-000000000000", "shardId-000000000001").await.unwrap();
    assert_eq!(ends(put(&engine, &arn, "after").await.unwrap()), 2);
    let child = ChildShard { id: id(2), parents: vec![id(0), id(1)], range: HashKeyRange::FULL };
    for parent in [0, 1] {
        let (texts, children) =
            drain(&engine, &arn, &id(parent).to_string(), StartingPosition::TrimHorizon).await;
        assert_eq!(texts.len(), usize::from(parent == before));
        assert_eq!(children, std::slice::from_ref(&child));
    }
    let shards = list(&engine, &arn, ShardFilter::AtLatest);
    assert_eq!((shards[0].parent, shards[0].adjacent_parent), (Some(id(0)), Some(id(1))));
}

#[tokio::test]
async fn the_end_of_a_closed_shard_is_told_whatever_the_reader_starts_with() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let receipts = put_all(&engine, &arn, numbered(0..3)).await;
    let waiting = iterator(&engine, &arn, StartingPosition::Latest).await;
    world.clock.advance(Duration::from_secs(5));
    engine.split_shard(&arn, "shardId-0", MIDDLE).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    let ending = list(&engine, &arn, ShardFilter::FromTrimHorizon)[0].ending_sequence_number.unwrap();
    let last = receipts[2].sequence_number.to_string();
    let starts = [
        StartingPosition::Latest,
        StartingPosition::AfterSequenceNumber(last),
        StartingPosition::AtSequenceNumber(ending.to_string()),
        StartingPosition::AfterSequenceNumber(ending.to_string()),
        StartingPosition::AtTimestamp(now_on(&world)),
    ];
    for start in starts {
        let (texts, children) = drain(&engine, &arn, SHARD, start.clone()).await;
        assert_eq!((texts.len(), children.len()), (0, 2), "{start:?}");
    }
    let page = engine.get_records(call(&waiting, None)).await.unwrap();
    assert_eq!((page.records.len(), page.next_iterator, page.children.len()), (0, None, 2));
}

fn now_on(world: &World) -> millstream_model::Timestamp {
    use millstream_runtime::Clock;
    millstream_model::Timestamp::from_unix(world.clock.now())
}

#[tokio::test]
async fn what_was_resharded_is_so_after_a_restart() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    put_all(&engine, &arn, numbered(0..10)).await;
    engine.merge_shards(&arn, "0", "1").await.unwrap();
    engine.update_shard_count(&arn, 2).await.unwrap();
    put_all(&engine, &arn, numbered(10..20)).await;
    let before = list(&engine, &arn, ShardFilter::FromTrimHorizon);
    engine.close().await.unwrap();

    let engine = world.open().await;
    assert_eq!(list(&engine, &arn, ShardFilter::FromTrimHorizon), before);
    let mut seen = 0;
    for shard in &before {
        let (texts, children) =
            drain(&engine, &arn, &shard.id.to_string(), StartingPosition::TrimHorizon).await;
        assert_eq!(children.is_empty(), shard.ending_sequence_number.is_none());
        seen += texts.len();
    }
    assert_eq!(seen, 20);
    engine.split_shard(&arn, "3", HashKey(1 << 125)).await.unwrap();
    assert_eq!(ids(&list(&engine, &arn, ShardFilter::FromTrimHorizon)), [0, 1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn the_shards_of_any_moment_tile_the_hash_keys() {
    let world = World::new();
    let (engine, arn) = world.with_stream(3).await;
    let mut moments = vec![now_on(&world)];
    for target in [6, 4, 2, 3, 5] {
        world.clock.advance(Duration::from_millis(1));
        engine.update_shard_count(&arn, target).await.unwrap();
        moments.push(now_on(&world));
        assert_eq!(list(&engine, &arn, ShardFilter::AtLatest).len(), target as usize);
        assert!(
            list(&engine, &arn, ShardFilter::AtLatest).len()
                == engine.describe_stream_summary(&arn).unwrap().open_shards
        );
    }
    for moment in moments {
        for millis in [moment.as_millis() - 1, moment.as_millis(), moment.as_millis() + 1] {
            let at = millstream_model::Timestamp::from_millis(millis);
            assert_tiles(list(&engine, &arn, ShardFilter::AtTimestamp(at)));
        }
    }
    for filter in [ShardFilter::AtTrimHorizon, ShardFilter::AtLatest] {
        assert_tiles(list(&engine, &arn, filter));
    }
    assert_eq!(ids(&list(&engine, &arn, ShardFilter::AtTrimHorizon)), [0, 1, 2]);
}

#[tokio::test]
async fn a_closed_shard_expires_with_its_last_record() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    engine.split_shard(&arn, "0", MIDDLE).await.unwrap();
    let day = Duration::from_secs(24 * 3600);
    world.clock.advance(day - Duration::from_millis(1));
    assert_eq!(ids(&list(&engine, &arn, ShardFilter::FromTrimHorizon)), [0, 1, 2]);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(ids(&list(&engine, &arn, ShardFilter::FromTrimHorizon)), [1, 2]);
    assert_eq!(ids(&list(&engine, &arn, ShardFilter::AtTrimHorizon)), [1, 2]);
    let gone = engine.get_shard_iterator(&arn, SHARD, &StartingPosition::TrimHorizon, false).await;
    let text = "Shard shardId-000000000000 in stream orders under account 000000000000 does not exist";
    assert_eq!(gone, Err(Error::ResourceNotFound(text.into())));
    assert!(matches!(engine.get_records(call(&start, None)).await, Err(Error::ExpiredIterator(_))));
    // Removed in two steps, between which a restart may come.
    engine.tidy_up().await.unwrap();
    engine.close().await.unwrap();
    let engine = world.open().await;
    for _ in 0..2 {
        engine.tidy_up().await.unwrap();
        world.clock.advance(Duration::from_secs(31));
    }
    engine.close().await.unwrap();
    let engine = world.open().await;
    engine.split_shard(&arn, "1", HashKey(1 << 126)).await.unwrap();
    assert_eq!(ids(&list(&engine, &arn, ShardFilter::FromTrimHorizon)), [1, 2, 3, 4]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_the_words_of_aws() {
    let mut world = World::new();
    world.settings.limits = Limits { calls_per_second: crate::CallLimits::OFF, ..Limits::AWS };
    world.settings.limits.shards_per_account = Some(6);
    let (engine, arn) = world.with_stream(2).await;
    let refused = |result: Result<()>| result.unwrap_err().to_string();
    let split = async |shard: &str, at: u128| refused(engine.split_shard(&arn, shard, HashKey(at)).await);
    let merge = async |lower: &str, upper: &str| refused(engine.merge_shards(&arn, lower, upper).await);
    let of = "in stream orders under account 000000000000";
    assert_eq!(split("x", 5).await, format!("Could not find shard x {of}."));
    assert_eq!(split("7", 5).await, format!("Could not find shard shardId-000000000007 {of}."));
    let (end, half) = (MIDDLE.0 - 1, MIDDLE.0);
    for (shard, at, start, end) in [
        ("0", 1, 0, end),
        ("0", end, 0, end),
        ("1", half + 1, half, u128::MAX),
        ("1", u128::MAX, half, u128::MAX),
    ] {
        assert_eq!(
            split(shard, at).await,
            format!(
                "NewStartingHashKey {at} used in SplitShard() on shard shardId-00000000000{shard} {of} is not both greater \
                 than one plus the shard's StartingHashKey {start} and less than the shard's EndingHashKey {end}."
            )
        );
    }
    // 2^128, which the wire lets through and no hash key reaches.
    let above = "340282366920938463463374607431768211456";
    let error = refused(engine.split_shard(&arn, "1", SplitPoint::from_number(above)).await);
    let (end, begins) = (u128::MAX, format!("NewStartingHashKey {above} used in SplitShard() on shard "));
    assert!(error.starts_with(&begins), "{error}");
    assert!(error.ends_with(&format!("less than the shard's EndingHashKey {end}.")), "{error}");
    assert_eq!(
        merge("1", "0").await,
        format!(
            "Shards shardId-000000000001 and shardId-000000000000 {of} are not an adjacent pair of shards eligible for merging"
        )
    );
    let update =
        async |target| engine.update_shard_count(&arn, target).await.map(drop).unwrap_err().to_string();
    assert_eq!(
        update(5).await,
        "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 2 Target \
         shard count: 5"
    );
    assert_eq!(
        update(7).await,
        "Target shard count or number of open shards cannot be greater than 6. Current open shard count: 2, Target shard \
         count: 7"
    );
    engine.merge_shards(&arn, "0", "1").await.unwrap();
    assert_eq!(
        split("0", 5).await,
        format!(
            "Shard shardId-000000000000 {of} has already been merged or split, and thus is not eligible for merging or splitting."
        )
    );
    let on_demand = super::arn("elastic");
    engine
        .create_stream(CreateStream {
            mode: Some(Mode::OnDemand),
            shard_count: None,
            ..provisioned(&on_demand, 1)
        })
        .await
        .unwrap();
    let error = Error::Validation(
        "Request is invalid. Stream elastic under account 000000000000 is in On-Demand mode.".into(),
    );
    assert_eq!(engine.split_shard(&on_demand, "0", HashKey(5)).await, Err(error.clone()));
    assert_eq!(engine.update_shard_count(&on_demand, 8).await.map(drop), Err(error));
}

#[tokio::test]
async fn a_count_is_updated_ten_times_a_day() {
    let mut world = World::new();
    world.settings.limits = Limits { calls_per_second: crate::CallLimits::OFF, ..Limits::AWS };
    let (engine, arn) = world.with_stream(2).await;
    for round in 0..10 {
        let updated = engine.update_shard_count(&arn, [4, 2][round % 2]).await.unwrap();
        assert_eq!(updated.before, [2, 4][round % 2]);
    }
    assert!(matches!(engine.update_shard_count(&arn, 4).await, Err(Error::LimitExceeded(_))));
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert!(engine.update_shard_count(&arn, 4).await.is_ok());
}

#[tokio::test]
async fn a_stream_is_updating_as_long_as_configured() {
    let mut world = World::new();
    world.settings.delays.update = Duration::from_secs(1);
    let (engine, arn) = world.with_stream(1).await;
    engine.split_shard(&arn, "0", MIDDLE).await.unwrap();
    assert_eq!(engine.describe_stream_summary(&arn).unwrap().status, StreamStatus::Updating);
    put(&engine, &arn, "x").await.unwrap();
    let refused = engine.split_shard(&arn, "1", HashKey(1 << 126)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Stream orders under account 000000000000 not ACTIVE, instead in state UPDATING"
    );
    world.clock.advance(Duration::from_secs(1));
    engine.split_shard(&arn, "1", HashKey(1 << 126)).await.unwrap();
}

#[tokio::test]
async fn a_split_that_storage_refuses_leaves_the_shard_as_it_was() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put(&engine, &arn, "before").await.unwrap();
    world.faults().disk_full(true);
    assert!(engine.split_shard(&arn, "0", MIDDLE).await.is_err());
    world.faults().disk_full(false);
    assert_eq!(put(&engine, &arn, "after").await.unwrap().shard_id, id(0));
    assert_eq!(read_all(&engine, &arn).await.unwrap(), ["before", "after"]);
    engine.split_shard(&arn, "0", MIDDLE).await.unwrap();
    assert!(put(&engine, &arn, "later").await.unwrap().shard_id > id(0));
}

/// Of a call whose one record is queued and whose other one waits for a reshard.
#[tokio::test]
async fn a_put_that_is_given_up_does_not_free_the_room_of_what_is_queued() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    let shards = engine.inner.find(&arn).unwrap().stream.shards().all.clone();
    let room = || engine.inner.room.available_permits();
    let all = room();
    shards[&1].writer.lock().hand_over();
    world.faults().hold_commits(true);
    let at = |place| PutEntry { explicit_hash_key: Some(HashKey(place)), ..entry("k", vec![0; 500_000]) };
    let entries = [at(0), at(u128::MAX)];
    tokio::select! {
        biased;
        put = engine.put_records(&arn, &entries, false) => panic!("{put:?}"),
        () = tokio::task::yield_now() => {}
    }
    assert!(!shards[&0].is_settled() && shards[&1].is_settled());
    let taken = all - room();
    assert!((488..=490).contains(&taken), "{taken} KiB of a record of 500,000 bytes");
    world.faults().hold_commits(false);
    while !shards[&0].is_settled() {
        tokio::task::yield_now().await;
    }
    assert_eq!(room(), all);
}

const STORM_WRITERS: usize = 8;

/// Reads all shards, a child behind its parents, until it has all that the writers put. Gives the generations of the
/// shards that held records: how many ancestors they had.
async fn read_through_a_storm(
    engine: Engine,
    arn: StreamArn,
    puts: u32,
    writing: Arc<AtomicUsize>,
) -> BTreeSet<u32> {
    let mut next = [0; STORM_WRITERS];
    // Pages without a record or an end since all was written.
    let mut empty = 0;
    let mut generations = BTreeSet::new();
    let mut open: Vec<(ShardId, u32, String)> = Vec::new();
    let (mut ended, mut waiting): (BTreeMap<ShardId, u32>, Vec<ChildShard>) = Default::default();
    open.push((id(0), 0, iterator(&engine, &arn, StartingPosition::TrimHorizon).await));
    while next != [puts; STORM_WRITERS] {
        let (shard, generation, place) = open.remove(0);
        let all_is_written = writing.load(Ordering::SeqCst) == 0;
        let page = engine.get_records(call(&place, Some(50))).await.unwrap();
        for record in texts(&page.records) {
            let (writer, number) = record.split_once(':').unwrap();
            let next = &mut next[writer.parse::<usize>().unwrap()];
            assert_eq!(number.parse::<u32>().unwrap(), *next, "of writer {writer} in {shard}");
            *next += 1;
            generations.insert(generation);
        }
        let is_empty = page.records.is_empty() && page.next_iterator.is_some();
        empty = if all_is_written && is_empty { empty + 1 } else { 0 };
        assert!(empty < 1000, "after {next:?} there is nothing more");
        if let Some(iterator) = page.next_iterator {
            open.push((shard, generation, iterator));
            tokio::task::yield_now().await;
            continue;
        }
        ended.insert(shard, generation);
        waiting.extend(page.children.into_iter().filter(|child| child.parents[0] == shard));
        for child in waiting.extract_if(.., |child| child.parents.iter().all(|of| ended.contains_key(of))) {
            let generation = 1 + child.parents.iter().map(|parent| ended[parent]).max().unwrap();
            let start = StartingPosition::TrimHorizon;
            let place = engine.get_shard_iterator(&arn, &child.id.to_string(), &start, false).await.unwrap();
            open.push((child.id, generation, place));
        }
    }
    generations
}

/// Eight writers and a reader while one shard is cut into many: every acknowledged record is in one shard, once, and
/// the records of a key are in order from parents to children.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_and_readers_go_on_during_a_storm() {
    const PUTS: u32 = 200;
    /// Nobody is so many puts further than a change of the shards, however the machine shares out its time.
    const PUTS_A_CHANGE: u32 = 50;
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let tasks = TaskSet::default();
    let writing = Arc::new(AtomicUsize::new(STORM_WRITERS));
    let [written, changes] = [0; 2].map(|none| Arc::new(AtomicUsize::new(none)));
    for writer in 0..STORM_WRITERS {
        let (engine, arn) = (engine.clone(), arn.clone());
        let (writing, written, changes) = (writing.clone(), written.clone(), changes.clone());
        tasks.spawn("writer", OnFailure::Shutdown, async move {
            for number in 0..PUTS {
                while changes.load(Ordering::SeqCst) < (number / PUTS_A_CHANGE) as usize {
                    tokio::task::yield_now().await;
                }
                let record = entry(&format!("writer-{writer}"), format!("{writer}:{number}"));
                engine.put_record(&arn, record, None, false).await?;
                written.fetch_add(1, Ordering::SeqCst);
            }
            writing.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, Error>(())
        });
    }
    let (tell, generations) = tokio::sync::oneshot::channel();
    let reading = read_through_a_storm(engine.clone(), arn.clone(), PUTS, writing.clone());
    tasks.spawn("reader", OnFailure::Shutdown, async move {
        tell.send(reading.await).map_err(|_| "nobody waits")
    });
    // As long as anybody writes, and not before somebody has, so that records meet every change.
    let is_over = || writing.load(Ordering::SeqCst) == 0 || tasks.is_stopping();
    let mut written_before = 0;
    for target in [2, 4, 8, 5, 3, 6, 1, 7].into_iter().cycle() {
        while written.load(Ordering::SeqCst) == written_before && !is_over() {
            tokio::task::yield_now().await;
        }
        if is_over() {
            break;
        }
        written_before = written.load(Ordering::SeqCst);
        engine.update_shard_count(&arn, target).await.unwrap();
        changes.fetch_add(1, Ordering::SeqCst);
        assert_tiles(list(&engine, &arn, ShardFilter::AtLatest));
    }
    assert!(!tasks.is_stopping(), "a writer or the reader failed");
    let generations = generations.await.expect("the reader has read all that was written");
    assert!(generations.len() > 1, "records of generations {generations:?} alone");
    tasks.shutdown();
    assert!(tasks.join(&*SystemClock::shared(), Duration::from_secs(60)).await);
}
