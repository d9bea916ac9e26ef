//! The frames of events against what the generated code makes of the same events.

use std::sync::Arc;

use aws_smithy_eventstream::frame::read_message_from;
use millstream_engine::{
    CreateStream, Distribution, Engine, EphemeralKey, Limits, PutEntry, RegisterConsumer, Settings,
    StartingPosition,
};
use millstream_model::{ConsumerArn, Record, StreamArn};
use millstream_runtime::{ManualClock, SeededEntropy};
use millstream_storage::memory::MemoryBackend;
use millstream_storage::{Backend, SlotId};
use proptest::prelude::*;

use super::*;

async fn engine() -> (Engine, StreamArn) {
    let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
    let settings = Settings { limits: Limits::OFF, ..Settings::default() };
    let clock = ManualClock::starting_at(std::time::Duration::from_millis(1_700_000_000_123));
    let keys = Arc::new(EphemeralKey::new(SeededEntropy::shared(8)));
    let engine = Engine::open(slot, settings, clock.shared(), SeededEntropy::shared(7), keys).await.unwrap();
    let arn: StreamArn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders".parse().unwrap();
    let call = CreateStream {
        arn: arn.clone(),
        shard_count: Some(1),
        mode: None,
        tags: std::collections::BTreeMap::new(),
        record_kib_max: None,
        warm_mib: 0,
        distribution: Distribution::default(),
    };
    engine.create_stream(call).await.unwrap();
    (engine, arn)
}

async fn consumer(engine: &Engine, stream: &StreamArn, name: &str) -> ConsumerArn {
    let tags = std::collections::BTreeMap::new();
    let call = RegisterConsumer { stream: stream.clone(), name: name.parse().unwrap(), tags };
    engine.register_consumer(call).await.unwrap().arn
}

async fn subscription(engine: &Engine, consumer: &ConsumerArn) -> Subscription {
    let start = StartingPosition::TrimHorizon;
    engine.subscribe(Subscribe { consumer, shard_id: "0", start, dry_run: false }).await.unwrap()
}

/// The whole event as the generated code encodes it.
fn expected(event: &Event) -> Vec<u8> {
    let all: Vec<Record> = event.parts.iter().flat_map(Part::records).collect();
    let whole = SubscribeToShardEvent {
        records: all.into_iter().map(records::wire).collect(),
        continuation_sequence_number: event.continuation.map(|number| number.to_string().into()),
        millis_behind_latest: i64::try_from(event.millis_behind_latest).unwrap(),
        child_shards: shards::children(&event.children),
    };
    let mut json = Vec::new();
    encode(Format::Json, &whole, &mut json);
    json
}

fn payload(frame: Frame) -> Vec<u8> {
    let mut bytes = Bytes::from(frame.into_pieces().concat());
    // The decoder checks both checksums.
    let message = read_message_from(&mut bytes).unwrap();
    assert!(bytes.is_empty());
    message.payload().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_pieces_of_an_event_are_what_it_is_as_a_whole(
        calls in prop::collection::vec(
            prop::collection::vec((".{1,20}", prop::collection::vec(any::<u8>(), 0..60)), 1..6), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (engine, arn) = engine().await;
            let mut subscriptions = Vec::new();
            for name in ["a", "b"] {
                subscriptions.push(subscription(&engine, &consumer(&engine, &arn, name).await).await);
            }
            let mut count = 0;
            for call in calls {
                count += call.len();
                let entry = |(key, data): (String, Vec<u8>)| PutEntry {
                    partition_key: key.into(),
                    explicit_hash_key: None,
                    data: data.into(),
                };
                let entries: Vec<_> = call.into_iter().map(entry).collect();
                engine.put_records(&arn, &entries, false).await.unwrap();
            }
            // The last event brings who took over and no record.
            engine.split_shard(&arn, "0", millstream_model::HashKey(1 << 127)).await.unwrap();
            for subscription in &mut subscriptions {
                let mut brought = 0;
                while let Some(event) = subscription.next().await {
                    let event = event.unwrap();
                    brought += event.parts.iter().map(Part::record_count).sum::<usize>();
                    let made = payload(event_frame(&event));
                    assert_eq!(String::from_utf8(made).unwrap(), String::from_utf8(expected(&event)).unwrap());
                }
                assert_eq!(brought, count);
            }
        });
    }
}

#[test]
fn errors_that_streams_do_not_know_are_internal_failures() {
    for (error, code) in [
        (Error::ResourceNotFound("x".into()), "ResourceNotFoundException"),
        (Error::ResourceInUse("x".into()), "ResourceInUseException"),
        (Error::KmsInvalidState("x".into()), "KMSInvalidStateException"),
        (Error::Internal("x".into()), "InternalFailureException"),
        (Error::Unavailable("x".into()), "InternalFailureException"),
        (Error::InvalidArgument("x".into()), "InternalFailureException"),
    ] {
        assert_eq!(in_stream(error).code(), code);
    }
    assert_eq!(in_stream(Error::Internal("secret".into())).message(), Some("Internal Service Failure"));
}
