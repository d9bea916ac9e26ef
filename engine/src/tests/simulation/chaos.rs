//! Those who change the stream, break things, and let time pass.

use std::time::Duration;

use millstream_model::HashKey;

use super::dice::Dice;
use super::stage::{A_WHILE, Stage};
use crate::tests::START;
use crate::{ListShards, ShardDescription, ShardFilter, ShardsFrom};

const RESHARDS: u64 = 8;
const SHARDS_MAX: usize = 12;

/// Splits, merges and counts at random.
pub(super) async fn reshard(stage: Stage, mut dice: Dice) {
    let _presence = stage.writer();
    for _ in 0..RESHARDS {
        dice.dawdle(60).await;
        let shards = open_shards(&stage);
        assert_tiles(&shards);
        let engine = stage.engine();
        let place = usize::try_from(dice.below(shards.len() as u64)).unwrap();
        let (shard, id) = (&shards[place], shards[place].id.to_string());
        let changed = match (dice.below(3), shards.get(place + 1)) {
            (0, Some(upper)) => engine.merge_shards(&stage.arn, &id, &upper.id.to_string()).await,
            (1, _) => {
                let target = 1 + u32::try_from(dice.below(SHARDS_MAX as u64)).unwrap();
                engine.update_shard_count(&stage.arn, target).await.map(drop)
            }
            _ if shards.len() >= SHARDS_MAX => continue,
            _ => {
                let width = shard.range.end().0 - shard.range.start().0;
                let at = HashKey(shard.range.start().0 + 2 + dice.wide() % (width - 3));
                engine.split_shard(&stage.arn, &id, at).await
            }
        };
        let mut history = stage.history.lock();
        history.note(("reshard", changed.is_ok()));
        history.count(
            |report| if changed.is_ok() { &mut report.reshards } else { &mut report.reshards_refused },
        );
    }
}

fn open_shards(stage: &Stage) -> Vec<ShardDescription> {
    let from = ShardsFrom::Start {
        arn: &stage.arn,
        filter: ShardFilter::AtLatest,
        after: None,
        stream_created: None,
    };
    let mut shards = stage.engine().list_shards(ListShards { from, shards_max: None }).unwrap().shards;
    shards.sort_by_key(|shard| shard.range.start());
    shards
}

fn assert_tiles(shards: &[ShardDescription]) {
    assert_eq!(shards.first().unwrap().range.start(), HashKey::MIN);
    assert_eq!(shards.last().unwrap().range.end(), HashKey::MAX);
    assert!(shards.windows(2).all(|pair| pair[0].range.end().0 + 1 == pair[1].range.start().0));
}

/// Fills the disk, fails commits, cuts the power and turns the clock.
pub(super) async fn fail(stage: Stage, mut dice: Dice) {
    while !stage.is_last_act() {
        dice.dawdle(120).await;
        let fault = dice.below(5);
        stage.history.lock().note(("fault", fault));
        match fault {
            0 => {
                stage.history.lock().count(|report| &mut report.disks_full);
                stage.faults.disk_full(true);
                dice.dawdle(30).await;
                stage.faults.disk_full(false);
            }
            1 => {
                stage.history.lock().count(|report| &mut report.commits_failed);
                let error = millstream_storage::Error::Uncertain { reason: "planned".into() };
                stage.faults.fail_commits(Some(error));
                dice.dawdle(10).await;
                stage.faults.fail_commits(None);
            }
            2 if dice.chance(2) => {
                stage.history.lock().count(|report| &mut report.power_cuts);
                stage.cut_power(dice.below(u64::MAX)).await;
            }
            3 => {
                stage.history.lock().count(|report| &mut report.clock_jumps);
                // An hour forward or back: the wall clock alone, as an operator would.
                stage
                    .clock
                    .jump_to(START + Duration::from_secs(dice.below(7200)) - Duration::from_secs(3600));
            }
            _ => {}
        }
    }
}

/// Turns the disk and the clock until all is written, and then until all is read.
pub(super) async fn drive(stage: &Stage, dice: &mut Dice) {
    const STEPS_MAX: u32 = 200_000;
    for _ in 0..STEPS_MAX {
        tokio::task::yield_now().await;
        assert!(!stage.tasks.is_stopping(), "an actor failed");
        if dice.chance(3) {
            stage.sync();
        }
        if dice.chance(8) {
            stage.clock.advance(Duration::from_millis(dice.below(50)));
        }
        if stage.is_last_act() {
            stage.clock.advance(A_WHILE);
            if stage.readers_left() == 0 {
                assert_tiles(&open_shards(stage));
                return;
            }
        } else if stage.writers_left() == 0 {
            stage.begin_last_act();
            stage.faults.disk_full(false);
            stage.faults.fail_commits(None);
        }
    }
    panic!("the run does not end: {} writers, {} readers", stage.writers_left(), stage.readers_left());
}
