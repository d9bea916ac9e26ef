//! What is left when all has grown old.

use std::time::Duration;

use millstream_model::SequenceNumber;
use millstream_storage::{KeyRange, ScanOptions};

use super::chaos::{CLOCK_JUMP_MAX, PASSING_STREAM, all_shards, assert_tiles, open_shards};
use super::dice::Dice;
use super::stage::Stage;
use crate::tests::{arn, entry, read_from};
use crate::{ShardDescription, StartingPosition, keyspace};

/// What a stream keeps its records for, unless it is told otherwise.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// When all has grown old: nothing is served, nothing is kept but open shards, whenever the power fails, and they go
/// on with their numbers.
pub(super) async fn expire(stage: &Stage, dice: &mut Dice) {
    const ROUNDS_MAX: u32 = 40;
    stage.hold_anchors(false);
    // There, or not.
    let _ = stage.while_syncing(stage.engine().delete_stream(&arn(PASSING_STREAM))).await;
    stage.clock.advance(RETENTION + CLOCK_JUMP_MAX * 2);
    for round in 0.. {
        assert!(round < ROUNDS_MAX, "something is never removed: {:?}", all_shards(stage));
        stage.while_syncing(stage.engine().tidy_up()).await.unwrap();
        if rows(stage, keyspace::SHARD).await == open_shards(stage).len()
            && rows(stage, keyspace::RECORD_BLOCK).await == 0
        {
            break;
        }
        if dice.chance(4) {
            stage.cut_power(dice.below(u64::MAX), 0).await;
        }
    }
    stage.cut_power(dice.below(u64::MAX), 0).await;
    let open = open_shards(stage);
    assert_tiles(&open);
    assert_eq!(open, all_shards(stage));
    for shard in open {
        assert_eq!(read(stage, &shard).await, Vec::new());
        let mut late = entry("late", "late");
        late.explicit_hash_key = Some(shard.range.start());
        let engine = stage.engine();
        let receipt = stage.while_syncing(engine.put_record(&stage.arn, late, None, false)).await.unwrap();
        stage.history.lock().assert_newer_than_all(receipt.sequence_number, shard.id);
        assert_eq!(read(stage, &shard).await, [receipt.sequence_number]);
    }
}

async fn rows(stage: &Stage, tag: u8) -> usize {
    let rows = KeyRange::prefix(&[tag]);
    stage.engine().inner.slot.scan(rows, ScanOptions::default()).await.unwrap().entries.len()
}

async fn read(stage: &Stage, shard: &ShardDescription) -> Vec<SequenceNumber> {
    let engine = stage.engine();
    let start = StartingPosition::TrimHorizon;
    let iterator = engine.get_shard_iterator(&stage.arn, &shard.id.to_string(), &start, false).await.unwrap();
    let records = read_from(&engine, iterator, 10).await.unwrap();
    records.into_iter().map(|record| record.sequence_number).collect()
}
