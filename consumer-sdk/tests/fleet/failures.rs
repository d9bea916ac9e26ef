//! What consumers do when processors fail, reads fail, and streams are replaced.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use millstream_client::Error as ReadError;
use millstream_consumer_sdk::{
    AfterRetries, BoxError, CheckpointError, CheckpointPolicy, ConsumerSettings, DeadLetters, Error,
    OnRecreatedStream, ShardOfStream, ShardState, UserRecord,
};
use millstream_model::HashKey;
use parking_lot::Mutex;

use super::fleet::{FAILOVER, Fleet};
use super::{SECOND, fan_out, polling};

/// More often than any policy tries.
const ALWAYS: u32 = u32::MAX;

fn quickly(settings: &mut ConsumerSettings) {
    polling(settings);
    settings.failures.retries_max = 3;
    settings.failures.backoff.cap = SECOND;
}

#[derive(Debug, Default)]
struct Letters {
    kept: Mutex<Vec<String>>,
    /// So many more are refused.
    refusals: Mutex<u32>,
}

#[async_trait]
impl DeadLetters for Letters {
    async fn put(&self, _: &ShardOfStream, record: &UserRecord, reason: &str) -> Result<(), BoxError> {
        let mut refusals = self.refusals.lock();
        if *refusals > 0 {
            *refusals -= 1;
            return Err("full".into());
        }
        self.kept.lock().push(format!("{} {reason}", record.sequence_number));
        Ok(())
    }
}

#[tokio::test]
async fn a_failing_processor_is_tried_again_and_then_its_shard_stops() {
    let mut fleet = Fleet::new(2);
    let records = fleet.stream.put_everywhere();
    fleet.ledger.poison.lock().insert(records[0], 2);
    fleet.start(quickly);
    fleet.until(SECOND * 20, |fleet| fleet.all_processed(&records)).await;
    fleet.each_once(&records);

    let poison = fleet.stream.put(0);
    fleet.ledger.poison.lock().insert(poison, ALWAYS);
    let behind = fleet.stream.put(0);
    let stopped = |fleet: &Fleet| !fleet.status(0).is_healthy();
    fleet.until(SECOND * 20, stopped).await;
    let shard = fleet.status(0).shards[0].clone();
    assert_eq!(shard.state, ShardState::Stopped { error: "poison".to_owned() });
    assert_eq!(shard.checkpoint.to_string(), records[0].to_string(), "what was processed is stored");
    let other = fleet.stream.put(1);
    fleet.until(SECOND * 5, |fleet| fleet.all_processed(&[other])).await;
    fleet.run(FAILOVER * 3).await;
    assert_eq!(fleet.times(&[poison, behind]), [0, 0], "nothing was passed over");
    fleet.stop(0).await.unwrap();
}

/// What a lost processor had in work and did not checkpoint comes again, for one that is made anew.
#[tokio::test]
async fn a_lost_processor_is_followed_by_another_behind_the_last_checkpoint() {
    let mut fleet = Fleet::new(2);
    let records = fleet.stream.put_everywhere();
    *fleet.ledger.is_fatal.lock() = true;
    fleet.start(|settings| {
        quickly(settings);
        settings.checkpoints = CheckpointPolicy::Manual;
        settings.failures.then = AfterRetries::Skip;
    });
    fleet.until(SECOND * 20, |fleet| fleet.all_processed(&records)).await;
    let next = fleet.stream.put(0);
    fleet.ledger.poison.lock().insert(next, 2);
    fleet.until(SECOND * 20, |fleet| fleet.all_processed(&[next])).await;
    assert_eq!(fleet.times(&[records[0], records[1], next]), [3, 1, 1]);
    let starts = fleet.ledger.starts.lock().clone();
    let again: Vec<_> = starts[2..].iter().map(|start| start.checkpoint.to_string()).collect();
    assert_eq!(again, ["TRIM_HORIZON"; 2]);

    let poison = fleet.stream.put(0);
    fleet.ledger.poison.lock().insert(poison, ALWAYS);
    fleet.until(SECOND * 30, |fleet| !fleet.status(0).is_healthy()).await;
    let shards = fleet.status(0).shards;
    assert_eq!(shards[0].state, ShardState::Stopped { error: "lost".to_owned() });
    assert_eq!((shards[0].records_skipped, shards[1].state.clone()), (0, ShardState::Processing));
    fleet.stop(0).await.unwrap();
}

#[tokio::test]
async fn records_are_left_out_only_where_a_policy_says_so() {
    let letters = Arc::new(Letters::default());
    *letters.refusals.lock() = 2;
    for then in [AfterRetries::Skip, AfterRetries::DeadLetter(letters.clone())] {
        let mut fleet = Fleet::new(1);
        let records: Vec<_> = (0..5).map(|_| fleet.stream.put(0)).collect();
        fleet.ledger.poison.lock().insert(records[1], ALWAYS);
        fleet.start(|settings| {
            quickly(settings);
            settings.failures.then = then;
        });
        let rest = [records[2], records[3], records[4]];
        fleet.until(SECOND * 60, |fleet| fleet.all_processed(&rest)).await;
        assert_eq!(fleet.times(&[records[1]]), [0]);
        fleet.run(SECOND * 6).await;
        let shard = fleet.status(0).shards[0].clone();
        assert_eq!((shard.records_skipped, shard.state), (1, ShardState::Processing));
        assert_eq!(shard.checkpoint.to_string(), records[4].to_string());
    }
    assert_eq!(*letters.kept.lock(), ["2 poison"]);
}

/// A container of two members, the second of which names a partition key that is not there.
fn half_readable() -> Bytes {
    let message = b"\x0a\x03key\x1a\x05\x08\x00\x1a\x01a\x1a\x05\x08\x07\x1a\x01b";
    // The digest at its end is what shards are chosen by: MD5.
    let digest = HashKey::of_partition_key(message).0.to_be_bytes();
    [&[0xf3, 0x89, 0x9a, 0xc2], &message[..], &digest].concat().into()
}

#[tokio::test]
async fn a_member_that_cannot_be_read_is_not_passed_over_in_silence() {
    let letters = Arc::new(Letters::default());
    let all = [AfterRetries::StopShard, AfterRetries::Skip, AfterRetries::DeadLetter(letters.clone())];
    for then in all {
        let stops = matches!(then, AfterRetries::StopShard);
        let mut fleet = Fleet::new(1);
        let before = fleet.stream.put(0);
        let records = [before, fleet.stream.put_data(0, Some(half_readable())), fleet.stream.put(0)];
        fleet.start(|settings| {
            quickly(settings);
            settings.failures.then = then;
        });
        if stops {
            fleet.until(SECOND * 20, |fleet| !fleet.status(0).is_healthy()).await;
            fleet.run(FAILOVER).await;
            assert_eq!(fleet.times(&records), [1, 1, 0], "what comes before it");
            assert_eq!(fleet.status(0).shards[0].checkpoint.to_string(), records[1].to_string());
            continue;
        }
        fleet.until(SECOND * 20, |fleet| fleet.all_processed(&records)).await;
        fleet.run(SECOND * 6).await;
        assert_eq!(fleet.times(&records), [1, 1, 1]);
        let shard = fleet.status(0).shards[0].clone();
        assert_eq!((shard.records_skipped, shard.state), (1, ShardState::Processing));
        assert_eq!(shard.checkpoint.to_string(), records[2].to_string());
    }
    let kept = letters.kept.lock();
    assert!(kept.len() == 1 && kept[0].starts_with("2 "), "{kept:?}");
}

#[tokio::test]
async fn a_token_does_not_outlive_its_lease() {
    let mut fleet = Fleet::new(1);
    let manual = |settings: &mut ConsumerSettings| {
        polling(settings);
        settings.checkpoints = CheckpointPolicy::Manual;
    };
    fleet.start(manual);
    let records: Vec<_> = (0..3).map(|_| fleet.stream.put(0)).collect();
    fleet.until(SECOND * 5, |fleet| fleet.all_processed(&records)).await;
    let tokens = fleet.ledger.tokens.lock().clone();
    tokens[1].checkpoint().await.unwrap();
    assert!(matches!(tokens[0].checkpoint().await, Err(CheckpointError::OutOfBounds { .. })));
    fleet.stop(0).await.unwrap();
    assert!(!tokens[2].is_valid());
    assert!(matches!(tokens[2].checkpoint().await, Err(CheckpointError::Over)));
    fleet.start(manual);
    fleet.until(SECOND * 20, |fleet| fleet.times(&records) == [1, 1, 2]).await;
}

#[tokio::test]
async fn what_was_announced_is_told_to_the_next_processor() {
    let mut fleet = Fleet::new(1);
    *fleet.ledger.only_prepares.lock() = true;
    fleet.start(polling);
    let record = fleet.stream.put(0);
    fleet.run(SECOND * 20).await;
    fleet.crash(0).await;
    fleet.start(polling);
    fleet.until(FAILOVER * 4, |fleet| fleet.times(&[record]) == [2]).await;
    let starts = fleet.ledger.starts.lock().clone();
    assert_eq!(starts[0].pending, None);
    let pending = starts[1].pending.clone().unwrap();
    assert_eq!(
        (pending.checkpoint.to_string(), pending.state),
        (record.to_string(), Some(b"state".to_vec()))
    );
    assert!(starts[1].epoch > starts[0].epoch);
}

#[tokio::test]
async fn failed_reads_lose_nothing() {
    let mut fleet = Fleet::new(2);
    fleet.start(polling);
    let mut records = Vec::new();
    let text = || "said so".to_owned();
    for round in 0..30_u64 {
        records.extend(fleet.stream.put_everywhere());
        let fault = match round % 4 {
            0 => ReadError::ExpiredIterator(text()),
            1 => ReadError::ProvisionedThroughputExceeded(text()),
            2 => ReadError::TimedOut(Duration::from_secs(30)),
            _ => ReadError::AccessDenied(text()),
        };
        fleet.stream.fail_reads(vec![fault; 2]);
        fleet.run(SECOND / 2).await;
    }
    fleet.until(SECOND * 60, |fleet| fleet.all_processed(&records)).await;
    fleet.each_once(&records);
    fleet.in_order();
}

#[tokio::test]
async fn a_stream_that_was_created_again_is_another_one() {
    for retrieval in [polling, fan_out] {
        let mut fleet = Fleet::new(2);
        fleet.start(retrieval);
        let records = fleet.stream.put_everywhere();
        fleet.until(SECOND * 5, |fleet| fleet.all_processed(&records)).await;
        fleet.stream.recreate(1);
        let replaced = |outcome| matches!(outcome, Some(Err(Error::StreamRecreated { .. })));
        fleet.until(SECOND * 90, |fleet| replaced(fleet.outcome(0))).await;

        let refused = fleet.start(retrieval);
        fleet.until(SECOND * 5, |fleet| replaced(fleet.outcome(refused))).await;
        let of_new = fleet.stream.put(0);
        fleet.start(|settings| {
            retrieval(settings);
            settings.on_recreated_stream = OnRecreatedStream::Reset;
        });
        fleet.until(SECOND * 30, |fleet| fleet.all_processed(&[of_new])).await;
        fleet.each_once(&records);
    }
}

/// What the service says is no place in the shard becomes none by waiting, so somebody has to hear of it.
#[tokio::test]
async fn a_shard_stops_whose_checkpoint_is_no_place_to_read_on_from() {
    let mut fleet = Fleet::new(1);
    let first = fleet.stream.put(0);
    fleet.start(polling);
    fleet.until(SECOND * 5, |fleet| fleet.all_processed(&[first])).await;
    let refused = |times: usize| {
        let refusal = || ReadError::InvalidArgument("StartingSequenceNumber is invalid".into());
        let expired = ReadError::ExpiredIterator("it has expired".into());
        std::iter::repeat_with(refusal).take(times).chain([expired]).collect()
    };
    // A few times may be a service of which one part has not heard of the other.
    fleet.stream.fail_reads(refused(3));
    let second = fleet.stream.put(0);
    fleet.until(SECOND * 30, |fleet| fleet.all_processed(&[second])).await;
    fleet.stream.fail_reads(refused(4));
    fleet.until(SECOND * 30, |fleet| !fleet.status(0).is_healthy()).await;
    let ShardState::Stopped { error } = fleet.status(0).shards[0].state.clone() else { panic!() };
    assert!(
        error.starts_with("its checkpoint is no place to read on from") && error.ends_with("is invalid"),
        "{error}"
    );
    fleet.stop(0).await.unwrap();
}
