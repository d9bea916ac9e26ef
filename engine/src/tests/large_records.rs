//! Records of up to 10 MiB, from the stream's setting to the reader.

use super::*;
use crate::{CallLimits, Error, PutFailure, StreamStatus};

const MIB: usize = 1024 * 1024;

/// A record that takes so many bytes, key included.
fn record(bytes: usize) -> PutEntry {
    let data: Vec<u8> = (0..bytes - 1).map(|place| u8::try_from(place * 31 % 251).unwrap()).collect();
    entry("k", data)
}

#[tokio::test]
async fn a_record_of_ten_mebibytes_goes_through() {
    for mut world in [World::new(), World::without_tail()] {
        world.settings.in_flight_bytes_max = 11 * MIB;
        let (engine, arn) = world.with_stream(1).await;
        let large = record(10 * MIB);
        assert!(matches!(
            engine.put_record(&arn, large.clone(), None, false).await,
            Err(Error::InvalidArgument(_))
        ));
        engine.update_max_record_size(&arn, 10_240).await.unwrap();
        engine.put_record(&arn, large.clone(), None, false).await.unwrap();
        // One byte more than a PutRecords call may have.
        let over = [record(10 * MIB), entry("k", "")];
        assert_eq!(
            engine.put_records(&arn, &over, false).await,
            Err(Error::InvalidArgument("Records size exceeds 10 MB limit".into()))
        );
        let pair = [record(6 * MIB), record(4 * MIB)];
        assert!(engine.put_records(&arn, &pair, false).await.unwrap().iter().all(std::result::Result::is_ok));
        put(&engine, &arn, "small").await.unwrap();

        // A reply holds 10 MiB, so the first record has one of its own and the next two share one.
        let mut next = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
        let mut pages = Vec::new();
        for _ in 0..3 {
            let page = engine.get_records(call(&next, None)).await.unwrap();
            pages.push(page.records.iter().map(Record::size).collect::<Vec<_>>());
            if pages.len() == 1 {
                assert_eq!(page.records[0].data, large.data);
            }
            next = page.next_iterator.unwrap();
        }
        assert_eq!(pages, [vec![10 * MIB], vec![6 * MIB, 4 * MIB], vec!["small".len() + "key".len()]]);
    }
}

#[tokio::test]
async fn the_limit_is_the_streams_and_may_fall() {
    let mut world = World::new();
    world.settings.delays.update = Duration::from_secs(1);
    let (engine, arn) = world.with_stream(1).await;
    engine.update_max_record_size(&arn, 2_048).await.unwrap();
    assert_eq!(engine.describe_stream_summary(&arn).unwrap().status, StreamStatus::Updating);
    assert!(matches!(engine.update_max_record_size(&arn, 1_024).await, Err(Error::ResourceInUse(_))));
    assert!(engine.put_record(&arn, record(2 * MIB), None, false).await.is_ok());
    assert!(engine.put_record(&arn, record(2 * MIB + 1), None, false).await.is_err());
    world.clock.advance(Duration::from_secs(1));
    engine.update_max_record_size(&arn, 1_024).await.unwrap();
    assert!(engine.put_record(&arn, record(MIB + 1), None, false).await.is_err());
    // What is there stays.
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    assert_eq!(read_from(&engine, start, 10).await.unwrap()[0].size(), 2 * MIB);
    engine.close().await.unwrap();
    let engine = world.open().await;
    assert_eq!(engine.describe_stream_summary(&arn).unwrap().record_kib_max, 1_024);
}

#[tokio::test]
async fn a_rested_shard_takes_ten_mebibytes_at_once() {
    let mut world = World::new();
    world.settings.limits = Limits { calls_per_second: CallLimits::OFF, ..Limits::AWS };
    let (engine, arn) = world.with_stream(1).await;
    engine.update_max_record_size(&arn, 10_240).await.unwrap();
    let put = async |bytes| engine.put_record(&arn, record(bytes), None, false).await.map(drop);
    let text = "Rate exceeded for shard shardId-000000000000 in stream orders under account 000000000000.";
    let throttled = Err(Error::ProvisionedThroughputExceeded(text.into()));
    put(10 * MIB).await.unwrap();
    assert_eq!(put(2).await, throttled);
    // Then a mebibyte a second, for small records as for large ones.
    world.clock.advance(Duration::from_secs(1));
    put(MIB).await.unwrap();
    world.clock.advance(Duration::from_millis(2_999));
    assert_eq!(put(3 * MIB).await, throttled);
    world.clock.advance(Duration::from_millis(1));
    let batch = [record(2 * MIB), record(2 * MIB), record(MIB)];
    let outcomes = engine.put_records(&arn, &batch, false).await.unwrap();
    let failed = Err(PutFailure::Throttled(text.into()));
    assert!(outcomes[0].is_ok() && outcomes[1] == failed && outcomes[2].is_ok());
}
