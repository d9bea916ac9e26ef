//! Those who change the stream, break things, and let time pass.

use std::time::Duration;

use millstream_model::HashKey;

use super::dice::Dice;
use super::stage::{A_WHILE, Stage};
use crate::tests::{START, arn, entry, provisioned};
use crate::{ListShards, ShardDescription, ShardFilter, ShardsFrom};

const RESHARDS: u64 = 8;
const SHARDS_MAX: usize = 12;
/// The wall clock's, forward and back.
pub(super) const CLOCK_JUMP_MAX: Duration = Duration::from_secs(3600);
const KEY: &str = "alias/aws/kinesis";
pub(super) const PASSING_STREAM: &str = "passing";
const PASSING_STREAMS: u64 = 6;

/// Splits, merges and counts at random.
pub(super) async fn reshard(stage: Stage, mut dice: Dice) {
    let _presence = stage.writer();
    for _ in 0..RESHARDS {
        dice.dawdle(60).await;
        let shards = open_shards(&stage);
        assert_tiles(&shards);
        let engine = stage.engine();
        if stage.is_encrypting && dice.chance(2) {
            let changed = match dice.chance(2) {
                true => engine.start_encryption(&stage.arn, KEY).await,
                false => engine.stop_encryption(&stage.arn, KEY).await,
            };
            stage.history.lock().note(("encryption", changed.is_ok()));
            if changed.is_ok() {
                stage.history.lock().count(|report| &mut report.encryption_changes);
            }
        }
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

/// Creates another stream and deletes it while it is written to, again and again.
pub(super) async fn come_and_go(stage: Stage, mut dice: Dice, mut patience: Dice) {
    let _presence = stage.writer();
    let arn = arn(PASSING_STREAM);
    for _ in 0..PASSING_STREAMS {
        dice.dawdle(60).await;
        let engine = stage.engine();
        let created = engine.create_stream(provisioned(&arn, 1 + u32::from(dice.chance(2)))).await;
        if stage.is_encrypting {
            // Fails where the creation did.
            let _ = engine.start_encryption(&arn, KEY).await;
        }
        let puts = async {
            for number in 0..1 + dice.below(8) {
                // Until the stream is gone, or the power.
                if engine.put_record(&arn, entry(&number.to_string(), "x"), None, false).await.is_err() {
                    break;
                }
            }
        };
        let delete = async {
            patience.dawdle(20).await;
            engine.delete_stream(&arn).await
        };
        let ((), deleted) = tokio::join!(puts, delete);
        stage.history.lock().note(("passing", created.is_ok(), deleted.is_ok()));
        if deleted.is_ok() {
            stage.history.lock().count(|report| &mut report.deletions);
        }
    }
}

pub(super) fn open_shards(stage: &Stage) -> Vec<ShardDescription> {
    shards(stage, ShardFilter::AtLatest)
}

/// Also those that are closed, until they have expired.
pub(super) fn all_shards(stage: &Stage) -> Vec<ShardDescription> {
    shards(stage, ShardFilter::FromTrimHorizon)
}

fn shards(stage: &Stage, filter: ShardFilter) -> Vec<ShardDescription> {
    let from = ShardsFrom::Start { arn: &stage.arn, filter, after: None, stream_created: None };
    let mut shards = stage.engine().list_shards(ListShards { from, shards_max: None }).unwrap().shards;
    shards.sort_by_key(|shard| shard.range.start());
    shards
}

pub(super) fn assert_tiles(shards: &[ShardDescription]) {
    assert_eq!(shards.first().unwrap().range.start(), HashKey::MIN);
    assert_eq!(shards.last().unwrap().range.end(), HashKey::MAX);
    assert!(shards.windows(2).all(|pair| pair[0].range.end().0 + 1 == pair[1].range.start().0));
}

/// Fills the disk, fails commits, cuts the power and turns the clock.
pub(super) async fn fail(stage: Stage, mut dice: Dice) {
    loop {
        dice.dawdle(120).await;
        if stage.is_last_act() {
            return;
        }
        let fault = dice.below(5);
        stage.history.lock().note(("fault", fault));
        stage.hold_anchors(dice.chance(2));
        match fault {
            0 => {
                stage.history.lock().count(|report| &mut report.disks_full);
                stage.faults.disk_full(true);
                dice.dawdle(30).await;
                stage.faults.disk_full(false);
            }
            1 => {
                stage.history.lock().count(|report| &mut report.commits_failed);
                // Whether they were stored or not is the same to those who are told.
                if dice.chance(2) {
                    stage.faults.answer_uncertain(true);
                } else {
                    let error = millstream_storage::Error::Uncertain { reason: "planned".into() };
                    stage.faults.fail_commits(Some(error));
                }
                dice.dawdle(10).await;
                stage.faults.fail_commits(None);
                stage.faults.answer_uncertain(false);
            }
            2 if dice.chance(2) => {
                stage.history.lock().count(|report| &mut report.power_cuts);
                let kept = usize::try_from(dice.below(4)).unwrap();
                stage.cut_power(dice.below(u64::MAX), kept).await;
            }
            3 => {
                stage.history.lock().count(|report| &mut report.clock_jumps);
                // An hour forward or back: the wall clock alone, as an operator would.
                stage.clock.jump_to(START + Duration::from_secs(dice.below(7200)) - CLOCK_JUMP_MAX);
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
            stage.faults.disk_full(false);
            stage.faults.fail_commits(None);
            stage.faults.answer_uncertain(false);
            // Before the logs were read again, it is open what of the failed writes is there.
            if stage.engine().check_writable().is_ok() {
                stage.begin_last_act();
            }
        }
    }
    panic!("the run does not end: {} writers, {} readers", stage.writers_left(), stage.readers_left());
}
