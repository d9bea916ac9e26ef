//! Iterators of every type, from memory and from storage.

use super::*;
use crate::Error;

#[tokio::test]
async fn gives_back_what_was_put_in_order() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn) = world.with_stream(1).await;
        let receipts = put_all(&engine, &arn, numbered(0..50)).await;
        assert!(receipts.is_sorted_by(|a, b| a.sequence_number < b.sequence_number));
        let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
        let records = read_from(&engine, start, 7).await.unwrap();
        assert!(texts(&records).into_iter().eq(numbered(0..50)));
        let numbers = records.iter().map(|record| record.sequence_number);
        assert!(numbers.eq(receipts.iter().map(|receipt| receipt.sequence_number)));
        assert_eq!(records[0].partition_key, "key");
    }
}

#[tokio::test]
async fn a_batch_is_spread_over_the_shards_and_keeps_its_order() {
    let world = World::new();
    let (engine, arn) = world.with_stream(4).await;
    let entries: Vec<_> = (0..400).map(|n| entry(&format!("key{}", n % 40), n.to_string())).collect();
    let receipts = engine.put_records(&arn, &entries, false).await.unwrap();
    let mut seen = 0;
    for shard in 0..4 {
        let id = format!("shardId-{shard:012}");
        let start =
            engine.get_shard_iterator(&arn, &id, &StartingPosition::TrimHorizon, false).await.unwrap();
        let records = read_from(&engine, start, 10_000).await.unwrap();
        let places: Vec<usize> = texts(&records).iter().map(|text| text.parse().unwrap()).collect();
        assert!(places.is_sorted() && !places.is_empty());
        for (place, record) in places.iter().zip(&records) {
            let receipt = receipts[*place].clone().unwrap();
            assert_eq!(
                (receipt.shard_id.to_string(), receipt.sequence_number),
                (id.clone(), record.sequence_number)
            );
        }
        seen += places.len();
    }
    assert_eq!(seen, 400);
}

#[tokio::test]
async fn an_explicit_hash_key_replaces_the_partition_keys() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    for (hash, shard) in [(0, 0), (u128::MAX / 2, 0), (u128::MAX / 2 + 1, 1), (u128::MAX, 1)] {
        let mut entry = entry("same", "x");
        entry.explicit_hash_key = Some(millstream_model::HashKey(hash));
        let receipt = engine.put_record(&arn, entry, None, false).await.unwrap();
        assert_eq!(receipt.shard_id.index(), shard);
    }
}

#[tokio::test]
async fn every_iterator_type_starts_where_it_should() {
    for world in [World::new(), World::without_tail()] {
        let (engine, arn) = world.with_stream(1).await;
        let mut receipts = Vec::new();
        for data in numbered(0..10) {
            receipts.push(put(&engine, &arn, &data).await.unwrap());
            world.clock.advance(Duration::from_secs(1));
        }
        let fifth = receipts[5].sequence_number.to_string();
        let at = |secs: u64| {
            StartingPosition::AtTimestamp(millstream_model::Timestamp::from_unix(
                START + Duration::from_secs(secs),
            ))
        };
        let starts = [
            (StartingPosition::TrimHorizon, 0),
            (StartingPosition::AtSequenceNumber(fifth.clone()), 5),
            (StartingPosition::AfterSequenceNumber(fifth), 6),
            (at(3), 3),
            (at(0), 0),
            (at(10), 10),
            (StartingPosition::Latest, 10),
        ];
        let mut iterators = Vec::new();
        for (start, first) in starts {
            iterators.push((iterator(&engine, &arn, start).await, first));
        }
        put_all(&engine, &arn, numbered(10..12)).await;
        for (iterator, first) in iterators {
            let records = read_from(&engine, iterator, 100).await.unwrap();
            assert!(
                texts(&records).into_iter().eq(numbered(first..12)),
                "from {first}: {:?}",
                texts(&records)
            );
        }
    }
}

#[tokio::test]
async fn a_number_between_two_records_starts_at_the_next() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let receipts = put_all(&engine, &arn, numbered(0..3)).await;
    let mut between = receipts[1].sequence_number;
    between.time_secs += 1;
    for start in [StartingPosition::AtSequenceNumber, StartingPosition::AfterSequenceNumber] {
        let start = iterator(&engine, &arn, start(between.to_string())).await;
        assert_eq!(texts(&read_from(&engine, start, 10).await.unwrap()), ["r2"]);
    }
}

#[tokio::test]
async fn numbers_of_another_shard_or_stream_are_refused() {
    let world = World::new();
    let (engine, arn) = world.with_stream(2).await;
    let receipt = put(&engine, &arn, "x").await.unwrap();
    let (mut other_shard, mut other_stream) = (receipt.sequence_number, receipt.sequence_number);
    other_shard.shard_index = 1;
    other_stream.shard_index = 0;
    other_stream.shard_created_secs += 1;
    for (number, text) in [
        (
            other_shard.to_string(),
            "encodes shardId-000000000001, while it was used in a call to a shard with shardId-000000000000",
        ),
        (other_stream.to_string(), "is invalid because it did not come from this stream."),
        ("1234".to_owned() + &"9".repeat(60), "is invalid."),
    ] {
        let start = StartingPosition::AtSequenceNumber(number);
        let error = engine.get_shard_iterator(&arn, SHARD, &start, false).await.unwrap_err();
        assert!(matches!(&error, Error::InvalidArgument(message) if message.contains(text)), "{error}");
    }
}

#[tokio::test]
async fn iterators_can_be_used_again_until_they_expire() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..3)).await;
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    for _ in 0..2 {
        assert_eq!(engine.get_records(call(&start, None)).await.unwrap().records.len(), 3);
    }
    world.clock.advance(Duration::from_millis(300_001));
    assert!(matches!(engine.get_records(call(&start, None)).await, Err(Error::ExpiredIterator(_))));
}

#[tokio::test]
async fn tells_how_far_a_reader_is_behind() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..2)).await;
    world.clock.advance(Duration::from_secs(60));
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let page = engine.get_records(call(&start, Some(1))).await.unwrap();
    assert_eq!(page.millis_behind_latest, 60_000);
    let page = engine.get_records(call(&page.next_iterator.unwrap(), Some(1))).await.unwrap();
    assert_eq!(page.millis_behind_latest, 0);
}

#[tokio::test]
async fn a_reply_stays_below_ten_mebibytes() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    for _ in 0..12 {
        engine.put_record(&arn, entry("k", vec![0; 1_000_000]), None, false).await.unwrap();
    }
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    let page = engine.get_records(call(&start, None)).await.unwrap();
    assert_eq!(page.records.len(), 10);
    let rest = engine.get_records(call(&page.next_iterator.unwrap(), None)).await.unwrap();
    assert_eq!(rest.records.len(), 2);
}

#[tokio::test]
async fn an_iterator_does_not_outlive_its_stream() {
    let world = World::new();
    let (engine, arn) = world.with_stream(1).await;
    let start = iterator(&engine, &arn, StartingPosition::TrimHorizon).await;
    engine.delete_stream(&arn).await.unwrap();
    engine.create_stream(provisioned(&arn, 1)).await.unwrap();
    assert!(matches!(engine.get_records(call(&start, None)).await, Err(Error::ResourceNotFound(_))));
}

#[tokio::test]
async fn a_lost_block_is_an_error_and_not_the_end() {
    let world = World::without_tail();
    let (engine, arn) = world.with_stream(1).await;
    put_all(&engine, &arn, numbered(0..5)).await;
    for place in [1, 2, 4] {
        world.faults().drop_scanned_entry(Some(place));
        let error = read_all(&engine, &arn).await.unwrap_err();
        assert!(
            matches!(&error, Error::Internal(text) if text.contains("has lost its records")),
            "{place}: {error}"
        );
    }
    world.faults().drop_scanned_entry(None);
    world.faults().flip_scanned_bit(Some(3));
    let error = read_all(&engine, &arn).await.unwrap_err();
    assert!(matches!(&error, Error::Internal(text) if text.contains("checksum")), "{error}");
    world.faults().flip_scanned_bit(None);
    assert_eq!(read_all(&engine, &arn).await.unwrap().len(), 5);
}
