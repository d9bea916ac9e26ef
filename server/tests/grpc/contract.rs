//! One trait, two wires: the same script over both gives the same, and has every call of the trait, which may be left
//! out of an implementation. Retries are in between, as in the SDKs.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_client::aws::AwsSettings;
use millstream_client::{
    Capacity, ConsumerStatus, Error, NewRecord, NewStream, Next, RetryPolicy, Retrying, ShardFilter,
    StartingPosition as From, StreamApi, StreamRef, Then,
};
use millstream_model::ShardId;

use super::*;

const WIRES: [&str; 2] = ["http", "grpc"];

/// A new server, over one of the wires.
async fn over(wire: &str) -> (World, Arc<dyn StreamApi>) {
    let world = World::new().await;
    let settings = AwsSettings {
        endpoint_url: Some(world.url(wire)),
        region: Some("us-east-1".to_owned()),
        ..AwsSettings::default()
    };
    let clock = SystemClock::shared();
    let api = millstream_client::connect(&settings, clock.clone()).await.unwrap();
    let retrying = Retrying::new(api, RetryPolicy::default(), clock, SystemEntropy::shared());
    (world, Arc::new(retrying))
}

fn record(key: &str, data: &'static [u8]) -> NewRecord {
    NewRecord { partition_key: key.to_owned(), explicit_hash_key: None, data: data.into() }
}

fn shard(number: u64) -> ShardId {
    ShardId::parse_lenient(&format!("shardId-{number:012}")).unwrap()
}

#[tokio::test]
async fn streams_and_tags() {
    for wire in WIRES {
        let (_world, api) = over(wire).await;
        let tags = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        let capacity = Capacity::Provisioned { shards: 3 };
        let new = NewStream { name: "flights".parse().unwrap(), capacity, tags: tags.clone() };
        api.create_stream(&new).await.unwrap();
        assert!(matches!(api.create_stream(&new).await, Err(Error::ResourceInUse(_))), "{wire}");
        let flights: StreamRef = "flights".parse().unwrap();
        let summary = api.describe_stream_summary(&flights).await.unwrap();
        assert_eq!((summary.open_shards, summary.retention_hours, summary.consumers), (3, 24, 0));
        assert_eq!(summary.created.as_millis() / 1000, START.as_secs());
        let names: Vec<_> =
            api.all_streams().await.unwrap().into_iter().map(|listing| listing.name.to_string()).collect();
        assert_eq!(names, ["flights", "orders"]);
        let shards = api.all_shards(&flights, ShardFilter::AtLatest).await.unwrap();
        assert_eq!(shards.len(), 3);
        assert!(shards.iter().all(|shard| shard.is_open() && shard.parent.is_none()));
        api.increase_retention(&flights, 48).await.unwrap();
        api.decrease_retention(&flights, 30).await.unwrap();
        assert!(matches!(api.decrease_retention(&flights, 31).await, Err(Error::InvalidArgument(_))));
        api.add_tags(&flights, &BTreeMap::from([("x".to_owned(), String::new())])).await.unwrap();
        api.remove_tags(&flights, &["team".to_owned()]).await.unwrap();
        let left = api.all_tags(&StreamRef::Arn(summary.arn)).await.unwrap();
        assert_eq!(left, BTreeMap::from([("x".to_owned(), String::new())]));
        api.delete_stream(&flights, false).await.unwrap();
        let gone = api.describe_stream_summary(&flights).await.unwrap_err();
        assert_eq!(
            gone,
            Error::ResourceNotFound("Stream flights under account 000000000000 not found.".to_owned())
        );
    }
}

#[tokio::test]
async fn records_and_subscriptions() {
    for wire in WIRES {
        let (world, api) = over(wire).await;
        let orders: StreamRef = "orders".parse().unwrap();
        let records = [record("a", b"one"), record("b", b""), record("c", &[0, 255])];
        let outcomes = api.put_records(&orders, &records).await.unwrap();
        let numbers: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap().sequence_number).collect();
        assert!(api.put_records(&orders, &[record("", b"x")]).await.is_err());
        let iterator = api.get_shard_iterator(&orders, shard(0), &From::TrimHorizon).await.unwrap();
        let page = api.get_records(&orders, &iterator, 2).await.unwrap();
        let got: Vec<_> =
            page.records.iter().map(|record| (record.partition_key.as_str(), record.data.to_vec())).collect();
        assert_eq!(got, [("a", b"one".to_vec()), ("b", Vec::new())]);
        assert_eq!(page.records[0].approximate_arrival.as_millis() / 1000, START.as_secs());
        let Next::Iterator(next) = page.next else { panic!("{:?}", page.next) };
        let page = api.get_records(&orders, &next, 10).await.unwrap();
        assert_eq!(
            page.records.iter().map(|record| &record.sequence_number).collect::<Vec<_>>(),
            [&numbers[2]]
        );
        let missing = api.get_shard_iterator(&orders, shard(7), &From::Latest).await.unwrap_err();
        assert!(matches!(missing, Error::ResourceNotFound(_)), "{missing:?}");

        let StreamRef::Arn(arn) = STREAM_ARN.parse().unwrap() else { panic!("it is an ARN") };
        let name = "app".parse().unwrap();
        let consumer = api.register_stream_consumer(&arn, &name).await.unwrap();
        assert_eq!(api.describe_stream_consumer(&arn, &name).await.unwrap().status, ConsumerStatus::Active);
        let from = From::AfterSequenceNumber(numbers[0].clone());
        let mut events = api.subscribe_to_shard(&consumer.arn, shard(0), &from).await.unwrap();
        let event = soon(events.next_event()).await.unwrap().unwrap();
        assert_eq!(event.records.len(), 2, "{wire}");
        assert!(matches!(event.then, Then::ContinueAfter(_)));
        let refused = api.subscribe_to_shard(&consumer.arn, shard(0), &from).await.unwrap_err();
        assert!(matches!(refused, Error::ResourceInUse(_)), "{refused:?}");
        drop(world);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    for wire in WIRES {
        let settings = AwsSettings {
            endpoint_url: Some(format!("{wire}://127.0.0.1:1")),
            region: Some("us-east-1".to_owned()),
            ..AwsSettings::default()
        };
        let api = millstream_client::connect(&settings, SystemClock::shared()).await.unwrap();
        let error = soon(api.list_streams(None)).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{wire}: {error:?}");
    }
}
