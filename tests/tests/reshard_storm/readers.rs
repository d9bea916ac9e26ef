//! Readers of both kinds. Each reads every shard from its beginning, a child when all its parents are read.

use aws_sdk_kinesis::types::{
    ChildShard, ConsumerStatus, ShardFilter, ShardFilterType, ShardIteratorType, StartingPosition,
    SubscribeToShardEventStream,
};

use crate::lineage::Lineage;
use crate::{STREAM, STREAM_ARN, Storm};

/// Registers consumers and waits until they are ACTIVE; gives their ARNs.
pub(crate) async fn register(storm: &Storm, count: usize) -> Vec<String> {
    let mut arns = Vec::new();
    for number in 0..count {
        let call = storm.client.register_stream_consumer().stream_arn(STREAM_ARN);
        let registered = call.consumer_name(format!("subscriber-{number}")).send().await.unwrap();
        let arn = registered.consumer().unwrap().consumer_arn().to_owned();
        let described = storm.client.describe_stream_consumer().consumer_arn(&arn).send().await.unwrap();
        assert_eq!(*described.consumer_description().unwrap().consumer_status(), ConsumerStatus::Active);
        arns.push(arn);
    }
    arns
}

async fn roots(storm: &Storm) -> Vec<String> {
    let oldest = ShardFilter::builder().r#type(ShardFilterType::AtTrimHorizon).build().unwrap();
    let listed = storm.client.list_shards().stream_name(STREAM).shard_filter(oldest).send().await.unwrap();
    listed.shards().iter().map(|shard| shard.shard_id().to_owned()).collect()
}

/// A shard that a poller reads.
struct Polled {
    shard: String,
    iterator: String,
}

/// Takes turns among its shards until the storm is over and none gives anything more.
pub(crate) async fn poll(storm: &Storm, name: &str) {
    let roots = roots(storm).await;
    let mut lineage = Lineage::starting_with(roots.clone());
    let mut reading = Vec::new();
    for shard in roots {
        reading.push(begin(storm, shard).await);
    }
    loop {
        let was_over = storm.is_over();
        let (mut next, mut was_quiet) = (Vec::new(), true);
        for polled in reading {
            let page = storm.client.get_records().shard_iterator(&polled.iterator).send().await.unwrap();
            was_quiet &= page.records().is_empty();
            page.records().iter().for_each(|record| storm.journal.give(name, &polled.shard, record));
            assert_eq!(page.next_shard_iterator().is_none(), !page.child_shards().is_empty());
            match page.next_shard_iterator {
                Some(iterator) => next.push(Polled { iterator, ..polled }),
                None => {
                    was_quiet = false;
                    for child in lineage.end(&polled.shard, page.child_shards.as_deref().unwrap_or_default())
                    {
                        next.push(begin(storm, child).await);
                    }
                }
            }
        }
        reading = next;
        if was_over && was_quiet {
            return;
        }
    }
}

async fn begin(storm: &Storm, shard: String) -> Polled {
    let call = storm.client.get_shard_iterator().stream_name(STREAM).shard_id(&shard);
    let given = call.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
    Polled { shard, iterator: given.shard_iterator.unwrap() }
}

/// Subscribes to all its shards at once.
pub(crate) async fn subscribe(storm: &Storm, name: &str, consumer: &str) {
    let roots = roots(storm).await;
    let mut lineage = Lineage::starting_with(roots.clone());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut open = 0;
    let tasks = millstream_runtime::TaskSet::default();
    let start = |shard: String| {
        let (storm, name, consumer, tell) =
            (storm.clone(), name.to_owned(), consumer.to_owned(), tell.clone());
        tasks.spawn("subscription", millstream_runtime::OnFailure::Log, async move {
            let children = read_subscribed(&storm, &name, &consumer, &shard).await;
            let _ = tell.send((shard, children));
            Ok::<_, std::convert::Infallible>(())
        });
    };
    for shard in roots {
        open += 1;
        start(shard);
    }
    while open > 0 {
        let (shard, children) = told.recv().await.unwrap();
        open -= 1;
        let Some(children) = children else { continue };
        for child in lineage.end(&shard, &children) {
            open += 1;
            start(child);
        }
    }
}

/// Reads a shard to its end, and gives its children; or until the storm is over and it has nothing more.
async fn read_subscribed(storm: &Storm, name: &str, consumer: &str, shard: &str) -> Option<Vec<ChildShard>> {
    let start = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().unwrap();
    let call = storm.client.subscribe_to_shard().consumer_arn(consumer).shard_id(shard);
    let mut events = call.starting_position(start).send().await.unwrap().event_stream;
    loop {
        let was_over = storm.is_over();
        let event = events.recv().await.unwrap().expect("the subscription does not end before the shard");
        let SubscribeToShardEventStream::SubscribeToShardEvent(event) = event else { panic!("{event:?}") };
        event.records().iter().for_each(|record| storm.journal.give(name, shard, record));
        // The SDK shows a member that the model requires as an empty text when it is absent.
        assert_eq!(event.continuation_sequence_number().is_empty(), !event.child_shards().is_empty());
        if !event.child_shards().is_empty() {
            assert!(events.recv().await.unwrap().is_none(), "the stream of events ends with the shard");
            return Some(event.child_shards().to_vec());
        }
        if was_over && event.records().is_empty() && event.millis_behind_latest() == 0 {
            return None;
        }
    }
}
