//! Tables that feed Kinesis streams, from the request that switches it on to the records that readers get.

use std::collections::BTreeMap;
use std::time::Duration;

use base64_simd::STANDARD as BASE64;
use hyper::Method;
use millstream_runtime::ManualClock;
use millstream_server::Server;
use serde_json::{Value as Json, json};

use super::client::{send, signed};
use super::tables::{ok, refused};
use super::{server, server_with_clock};

const STREAM_ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/changes";
/// Each lets the server do what is due, and time pass.
const TURNS_MAX: usize = 2_000;

async fn kinesis(server: &Server, operation: &str, body: Json) -> Json {
    let mut headers = signed("kinesis");
    headers.push(("content-type", "application/x-amz-json-1.1".to_owned()));
    headers.push(("x-amz-target", format!("Kinesis_20131202.{operation}")));
    let answer = send(server.address(), Method::POST, "/", &headers, body.to_string()).await;
    assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.text());
    if answer.body.is_empty() { Json::Null } else { answer.json() }
}

async fn make_stream(server: &Server, shards: u32) {
    kinesis(server, "CreateStream", json!({"StreamName": "changes", "ShardCount": shards})).await;
}

async fn make_table(server: &Server) {
    let body = json!({
        "TableName": "orders",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    ok(server, "CreateTable", body).await;
}

fn destination() -> Json {
    json!({"TableName": "orders", "StreamArn": STREAM_ARN})
}

async fn enable(server: &Server) {
    let enabled = ok(server, "EnableKinesisStreamingDestination", destination()).await;
    assert_eq!(enabled["DestinationStatus"], "ENABLING");
}

async fn put(server: &Server, id: &str, count: usize) {
    let item = json!({"id": {"S": id}, "n": {"N": count.to_string()}});
    ok(server, "PutItem", json!({"TableName": "orders", "Item": item})).await;
}

/// As many records of the stream as are expected, each with its partition key, shard by shard.
async fn records(server: &Server, clock: &ManualClock, expected: usize) -> Vec<(String, Json)> {
    let shards = kinesis(server, "ListShards", json!({"StreamName": "changes"})).await;
    let shards = shards["Shards"].as_array().unwrap();
    let mut iterators = Vec::new();
    for shard in shards {
        let from = json!({"StreamName": "changes", "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        iterators
            .push((kinesis(server, "GetShardIterator", from).await["ShardIterator"].clone(), Vec::new()));
    }
    for _ in 0..TURNS_MAX {
        // Enough for one call of each shard.
        clock.advance(Duration::from_secs(6));
        for (iterator, read) in &mut iterators {
            let page = kinesis(server, "GetRecords", json!({"ShardIterator": iterator})).await;
            *iterator = page["NextShardIterator"].clone();
            for record in page["Records"].as_array().unwrap() {
                let data = BASE64.decode_to_vec(record["Data"].as_str().unwrap()).unwrap();
                let key = record["PartitionKey"].as_str().unwrap().to_owned();
                read.push((key, serde_json::from_slice(&data).unwrap()));
            }
        }
        if iterators.iter().map(|(_, read)| read.len()).sum::<usize>() >= expected {
            return iterators.into_iter().flat_map(|(_, read)| read).collect();
        }
    }
    panic!("{expected} records did not come: {iterators:?}");
}

/// What happened to each item, in the order of the records.
fn histories(records: &[(String, Json)]) -> BTreeMap<String, Vec<usize>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (_, record) in records {
        let image = &record["dynamodb"]["NewImage"];
        let id = image["id"]["S"].as_str().unwrap().to_owned();
        all.entry(id).or_default().push(image["n"]["N"].as_str().unwrap().parse().unwrap());
    }
    all
}

#[tokio::test]
async fn changes_come_as_records_of_json() {
    let (server, clock) = server_with_clock().await;
    make_table(&server).await;
    make_stream(&server, 1).await;
    put(&server, "before", 1).await;
    enable(&server).await;
    put(&server, "a", 1).await;
    ok(&server, "DeleteItem", json!({"TableName": "orders", "Key": {"id": {"S": "a"}}})).await;
    let got = records(&server, &clock, 2).await;
    assert_eq!(got.len(), 2, "{got:?}");
    assert_eq!(got[0].0, got[1].0);
    let (mut inserted, removed) = (got[0].1.clone(), &got[1].1);
    let id = inserted["eventID"].take();
    assert!(
        id.as_str().unwrap().split('-').map(str::len).eq([8, 4, 4, 4, 12]) && id != removed["eventID"],
        "{id}"
    );
    let item = json!({"id": {"S": "a"}, "n": {"N": "1"}});
    assert_eq!(
        inserted,
        json!({
            "awsRegion": "eu-west-1", "eventID": null, "eventName": "INSERT", "userIdentity": null,
            "recordFormat": "application/json", "tableName": "orders", "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_700_000_000_000_u64, "Keys": {"id": {"S": "a"}},
                "NewImage": item, "SizeBytes": 9,
            },
        })
    );
    assert_eq!((&removed["eventName"], &removed["dynamodb"]["OldImage"]), (&json!("REMOVE"), &item));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_destination_is_described_changed_and_switched_off() {
    let (server, clock) = server_with_clock().await;
    make_table(&server).await;
    let (kind, error) = refused(&server, "EnableKinesisStreamingDestination", destination()).await;
    let text = "User does not have a permission to use kinesis stream";
    assert_eq!((kind.as_str(), &error["message"]), ("ValidationException", &json!(text)));
    let other = json!({"TableName": "others", "StreamArn": STREAM_ARN});
    let (kind, _) = refused(&server, "EnableKinesisStreamingDestination", other).await;
    assert_eq!(kind, "ResourceNotFoundException");

    make_stream(&server, 2).await;
    enable(&server).await;
    let described = ok(&server, "DescribeKinesisStreamingDestination", json!({"TableName": "orders"})).await;
    let active = json!({
        "StreamArn": STREAM_ARN, "DestinationStatus": "ACTIVE", "ApproximateCreationDateTimePrecision": "MILLISECOND",
    });
    assert_eq!(described, json!({"TableName": "orders", "KinesisDataStreamDestinations": [active]}));
    assert_eq!(
        refused(&server, "EnableKinesisStreamingDestination", destination()).await.0,
        "ValidationException"
    );

    let mut finer = destination();
    finer["UpdateKinesisStreamingConfiguration"] =
        json!({"ApproximateCreationDateTimePrecision": "MICROSECOND"});
    let updated = ok(&server, "UpdateKinesisStreamingDestination", finer.clone()).await;
    assert_eq!(updated["DestinationStatus"], "UPDATING");
    assert_eq!(updated["UpdateKinesisStreamingConfiguration"], finer["UpdateKinesisStreamingConfiguration"]);
    put(&server, "a", 1).await;
    let got = records(&server, &clock, 1).await;
    let change = &got[0].1["dynamodb"];
    assert_eq!(change["ApproximateCreationDateTime"], 1_700_000_000_000_000_u64);
    assert_eq!(change["ApproximateCreationDateTimePrecision"], "MICROSECOND");

    let disabled = ok(&server, "DisableKinesisStreamingDestination", destination()).await;
    assert_eq!(disabled["DestinationStatus"], "DISABLING");
    put(&server, "b", 1).await;
    enable(&server).await;
    put(&server, "c", 1).await;
    let got = records(&server, &clock, 2).await;
    let items: Vec<_> = histories(&got).into_keys().collect();
    assert_eq!(items, ["a", "c"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_not_there_gets_everything_when_it_is() {
    let (server, clock) = server_with_clock().await;
    make_table(&server).await;
    make_stream(&server, 1).await;
    enable(&server).await;
    kinesis(&server, "DeleteStream", json!({"StreamName": "changes"})).await;
    for count in 1..=5 {
        put(&server, "a", count).await;
        put(&server, "b", count).await;
        clock.advance(Duration::from_secs(20));
    }
    make_stream(&server, 3).await;
    let got = records(&server, &clock, 10).await;
    let all: Vec<_> = (1..=5).collect();
    assert_eq!(histories(&got), BTreeMap::from([("a".to_owned(), all.clone()), ("b".to_owned(), all)]));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_busy_stream_refuses_comes_later_and_in_order() {
    let (server, clock) = server_with_clock().await;
    make_table(&server).await;
    make_stream(&server, 1).await;
    enable(&server).await;
    // Each change but the first has two images, and so is more than 250 KB; a shard takes 1 MiB in a second.
    let (changes, text) = (20, "x".repeat(130_000));
    for count in 1..=changes {
        for id in ["a", "b"] {
            let item = json!({"id": {"S": id}, "n": {"N": count.to_string()}, "text": {"S": text}});
            ok(&server, "PutItem", json!({"TableName": "orders", "Item": item})).await;
        }
    }
    let got = records(&server, &clock, 2 * changes).await;
    let all: Vec<_> = (1..=changes).collect();
    assert_eq!(histories(&got), BTreeMap::from([("a".to_owned(), all.clone()), ("b".to_owned(), all)]));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_reset_ends_the_deliveries_and_new_ones_begin() {
    let (server, clock) = server_with_clock().await;
    for round in 0..2 {
        make_table(&server).await;
        make_stream(&server, 1).await;
        enable(&server).await;
        let id = format!("item-{round}");
        put(&server, &id, 1).await;
        let got = records(&server, &clock, 1).await;
        assert_eq!(histories(&got), BTreeMap::from([(id, vec![1])]));
        // What is left behind must be for nobody.
        kinesis(&server, "DeleteStream", json!({"StreamName": "changes"})).await;
        put(&server, "lost", 1).await;
        let answer = send(server.admin_address(), Method::POST, "/admin/reset", &[], "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_stream_that_is_not_there() {
    let server = server().await;
    make_table(&server).await;
    make_stream(&server, 1).await;
    enable(&server).await;
    kinesis(&server, "DeleteStream", json!({"StreamName": "changes"})).await;
    put(&server, "a", 1).await;
    server.stop().await.unwrap();
}
