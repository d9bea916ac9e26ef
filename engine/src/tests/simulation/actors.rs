//! Those who write and those who read.

use std::collections::{BTreeMap, BTreeSet};

use millstream_model::ShardId;

use super::dice::Dice;
use super::history::Name;
use super::stage::Stage;
use crate::tests::{call, entry};
use crate::{
    ConsumerKey, Error, ListShards, Part, PutEntry, ShardFilter, ShardsFrom, StartingPosition, Subscribe,
};

const PUTS: u64 = 25;
const KEYS: u64 = 3;

/// Puts records of its own keys, one or several at a time. What fails is not put again.
pub(super) async fn write(stage: Stage, writer: u64, mut dice: Dice) {
    let _presence = stage.writer();
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    let mut next = |dice: &mut Dice| -> (Name, PutEntry) {
        let key = format!("writer-{writer}-{}", dice.below(KEYS));
        let place = places.entry(key.clone()).or_default();
        *place += 1;
        ((key.clone(), *place), entry(&key, format!("{key}#{place}")))
    };
    for _ in 0..PUTS {
        dice.dawdle(20).await;
        let engine = stage.engine();
        if dice.chance(2) {
            let (name, entry) = next(&mut dice);
            match engine.put_record(&stage.arn, entry, None, false).await {
                Ok(receipt) => {
                    stage.history.lock().acknowledge(name, receipt.shard_id, receipt.sequence_number);
                }
                Err(_) => stage.history.lock().fail(name),
            }
            continue;
        }
        let count = 1 + dice.below(6);
        let (names, entries): (Vec<_>, Vec<_>) = (0..count).map(|_| next(&mut dice)).unzip();
        match engine.put_records(&stage.arn, &entries, false).await {
            Ok(outcomes) => {
                for (name, outcome) in names.into_iter().zip(outcomes) {
                    match outcome {
                        Ok(receipt) => {
                            stage.history.lock().acknowledge(name, receipt.shard_id, receipt.sequence_number);
                        }
                        Err(_) => stage.history.lock().fail(name),
                    }
                }
            }
            Err(_) => names.into_iter().for_each(|name| stage.history.lock().fail(name)),
        }
    }
}

/// Reads every shard from its beginning, a child after all its parents, as the KCL does: children are known from the
/// end of their parents alone.
pub(super) async fn poll(stage: Stage, poller: u64, mut dice: Dice) {
    let _presence = stage.reader();
    let name = format!("poller-{poller}");
    let mut lineage = Lineage::starting(&stage);
    while let Some(shard) = lineage.next(&mut dice) {
        dice.dawdle(10).await;
        let last = lineage.last.get(&shard).cloned();
        let start = last.map_or(StartingPosition::TrimHorizon, StartingPosition::AfterSequenceNumber);
        match poll_shard(&stage, &name, shard, start, &mut lineage, &mut dice).await {
            Ok(()) if stage.is_last_act() && lineage.is_quiet(&shard) => lineage.leave(shard),
            // A power cut ends what is under way; the next engine knows the shard as well. And where the clock jumps,
            // iterators grow old.
            Ok(()) | Err(Error::Unavailable(_) | Error::Internal(_) | Error::ExpiredIterator(_)) => {}
            Err(error) => panic!("{name} reading {shard}: {error}"),
        }
    }
}

/// Reads for a while, or to the end of the shard.
async fn poll_shard(
    stage: &Stage,
    name: &str,
    shard: ShardId,
    start: StartingPosition,
    lineage: &mut Lineage,
    dice: &mut Dice,
) -> crate::Result<()> {
    let was_last_act = stage.is_last_act();
    let engine = stage.engine();
    let mut iterator = engine.get_shard_iterator(&stage.arn, &shard.to_string(), &start, false).await?;
    for _ in 0..=dice.below(4) {
        let page =
            engine.get_records(call(&iterator, Some(1 + usize::try_from(dice.below(20)).unwrap()))).await?;
        for record in &page.records {
            stage.history.lock().read(name, shard, record);
            lineage.last.insert(shard, record.sequence_number.to_string());
        }
        assert_eq!(page.next_iterator.is_none(), !page.children.is_empty());
        let Some(next) = page.next_iterator else {
            lineage.end(shard, page.children.into_iter().map(|child| (child.id, child.parents)));
            return Ok(());
        };
        if was_last_act && page.records.is_empty() {
            lineage.quiet.insert(shard);
            return Ok(());
        }
        iterator = next;
        dice.dawdle(5).await;
    }
    Ok(())
}

/// Reads like [`poll`], by subscriptions that it gives up now and then, be it in the middle of waiting.
pub(super) async fn subscribe(stage: Stage, subscriber: u64, mut dice: Dice) {
    let _presence = stage.reader();
    let name = format!("subscriber-{subscriber}");
    let mut lineage = Lineage::starting(&stage);
    while let Some(shard) = lineage.next(&mut dice) {
        dice.dawdle(10).await;
        // Where to go on is the same number whether it is to be admitted or not.
        let start = match lineage.last.get(&shard).cloned() {
            None => StartingPosition::TrimHorizon,
            Some(number) if dice.chance(2) => StartingPosition::AtSequenceNumber(number),
            Some(number) => StartingPosition::AfterSequenceNumber(number),
        };
        match follow_shard(&stage, &name, shard, start, &mut lineage, &mut dice).await {
            Ok(()) if stage.is_last_act() && lineage.is_quiet(&shard) => lineage.leave(shard),
            Ok(()) | Err(Error::Unavailable(_) | Error::Internal(_)) => {}
            Err(error) => panic!("{name} following {shard}: {error}"),
        }
    }
}

async fn follow_shard(
    stage: &Stage,
    name: &str,
    shard: ShardId,
    start: StartingPosition,
    lineage: &mut Lineage,
    dice: &mut Dice,
) -> crate::Result<()> {
    let was_last_act = stage.is_last_act();
    let engine = stage.engine();
    let consumer = engine.describe_consumer(ConsumerKey::Name(&stage.arn, &name.parse().unwrap()))?.arn;
    let (shard_id, dry_run) = (shard.to_string(), false);
    let mut subscription =
        engine.subscribe(Subscribe { consumer: &consumer, shard_id: &shard_id, start, dry_run }).await?;
    for _ in 0..=dice.below(5) {
        let event = if was_last_act {
            subscription.next().await
        } else {
            tokio::select! {
                biased;
                event = subscription.next() => event,
                () = dice.dawdle(40) => continue,
            }
        };
        let Some(event) = event.transpose()? else { return Ok(()) };
        let records: Vec<_> = event.parts.iter().flat_map(Part::records).collect();
        records.iter().for_each(|record| stage.history.lock().read(name, shard, record));
        assert_eq!(event.continuation.is_none(), !event.children.is_empty());
        let Some(continuation) = event.continuation else {
            lineage.end(shard, event.children.into_iter().map(|child| (child.id, child.parents)));
            assert!(subscription.next().await.is_none(), "the subscription ends with its shard");
            return Ok(());
        };
        lineage.last.insert(shard, continuation.to_string());
        if was_last_act && records.is_empty() && event.millis_behind_latest == 0 {
            lineage.quiet.insert(shard);
            return Ok(());
        }
        dice.dawdle(5).await;
    }
    Ok(())
}

/// Which shards a reader may read: those without parents, and those whose parents it has read to the end.
pub(super) struct Lineage {
    reading: BTreeSet<ShardId>,
    ended: BTreeSet<ShardId>,
    known: BTreeSet<ShardId>,
    waiting: BTreeMap<ShardId, Vec<ShardId>>,
    /// Those that gave nothing more when all was written.
    quiet: BTreeSet<ShardId>,
    pub(super) last: BTreeMap<ShardId, String>,
}

impl Lineage {
    pub(super) fn starting(stage: &Stage) -> Self {
        let filter = ShardFilter::AtTrimHorizon;
        let from = ShardsFrom::Start { arn: &stage.arn, filter, after: None, stream_created: None };
        let page = stage.engine().list_shards(ListShards { from, shards_max: None }).unwrap();
        let reading: BTreeSet<_> = page.shards.iter().map(|shard| shard.id).collect();
        Self {
            known: reading.clone(),
            reading,
            ended: BTreeSet::new(),
            waiting: BTreeMap::new(),
            quiet: BTreeSet::new(),
            last: BTreeMap::new(),
        }
    }

    /// Any of those that may be read.
    fn next(&self, dice: &mut Dice) -> Option<ShardId> {
        let count = self.reading.len() as u64;
        let place = dice.below(count.max(1));
        self.reading.iter().nth(usize::try_from(place).unwrap()).copied()
    }

    pub(super) fn end(&mut self, shard: ShardId, children: impl Iterator<Item = (ShardId, Vec<ShardId>)>) {
        self.reading.remove(&shard);
        self.ended.insert(shard);
        for (child, parents) in children {
            assert!(parents.contains(&shard));
            if self.known.insert(child) {
                self.waiting.insert(child, parents);
            }
        }
        let ended = &self.ended;
        let ready =
            self.waiting.extract_if(.., |_, parents| parents.iter().all(|parent| ended.contains(parent)));
        self.reading.extend(ready.map(|(child, _)| child));
    }

    fn is_quiet(&self, shard: &ShardId) -> bool {
        self.quiet.contains(shard)
    }

    fn leave(&mut self, shard: ShardId) {
        self.reading.remove(&shard);
    }
}
