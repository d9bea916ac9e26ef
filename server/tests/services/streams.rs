//! DynamoDB Streams over the wire.

use millstream_server::Server;
use serde_json::{Value as Json, json};

use super::dynamodb::call_streams;
use super::server;
use super::tables::ok;

async fn streams(server: &Server, operation: &str, body: Json) -> Json {
    let answer = call_streams(server, operation, &body).await;
    assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.text());
    answer.json()
}

/// Type without its package, and text.
async fn refused(server: &Server, operation: &str, body: Json) -> (String, String) {
    let answer = call_streams(server, operation, &body).await;
    assert_eq!(answer.status, 400, "{operation} {body}: {}", answer.text());
    let error = answer.json();
    let kind = error["__type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    (kind, error["message"].as_str().unwrap_or_default().to_owned())
}

const TABLE_ARN: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";

/// Makes a table with a stream, and tells the stream's ARN.
async fn with_stream(server: &Server) -> String {
    let body = json!({
        "TableName": "orders",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    });
    let made = ok(server, "CreateTable", body).await;
    made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_changes_of_a_table_are_read() {
    let server = server().await;
    let arn = with_stream(&server).await;
    let label = "2023-11-14T22:13:20.000";
    assert_eq!(arn, format!("{TABLE_ARN}/stream/{label}"));
    let listed = streams(&server, "ListStreams", json!({"TableName": "orders"})).await;
    let stream = json!({"StreamArn": arn, "TableName": "orders", "StreamLabel": label});
    assert_eq!(listed, json!({"Streams": [stream]}));

    let item = |count: &str| json!({"id": {"S": "a"}, "n": {"N": count}});
    for item in [item("1"), item("1"), item("2")] {
        ok(&server, "PutItem", json!({"TableName": "orders", "Item": item})).await;
    }
    let key = json!({"id": {"S": "a"}});
    ok(&server, "DeleteItem", json!({"TableName": "orders", "Key": key})).await;

    let described = streams(&server, "DescribeStream", json!({"StreamArn": arn})).await;
    let described = &described["StreamDescription"];
    assert_eq!(
        (&described["StreamStatus"], &described["StreamViewType"], &described["KeySchema"]),
        (
            &json!("ENABLED"),
            &json!("NEW_AND_OLD_IMAGES"),
            &json!([{"AttributeName": "id", "KeyType": "HASH"}])
        )
    );
    let shard = &described["Shards"][0];
    assert_eq!(shard["SequenceNumberRange"]["EndingSequenceNumber"], Json::Null);
    let from = json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = streams(&server, "GetShardIterator", from).await;
    let page = streams(&server, "GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await;
    let records = page["Records"].as_array().unwrap();
    let names: Vec<_> = records.iter().map(|record| record["eventName"].as_str().unwrap()).collect();
    assert_eq!(names, ["INSERT", "MODIFY", "REMOVE"]);
    let change = &records[1]["dynamodb"];
    assert_eq!((&change["OldImage"], &change["NewImage"]), (&item("1"), &item("2")));
    assert_eq!((&change["Keys"], &change["SizeBytes"]), (&key, &json!(15)));
    assert_eq!(change["ApproximateCreationDateTime"].as_f64(), Some(1_700_000_000.0));
    assert_eq!(
        (&records[1]["eventSource"], &records[1]["eventVersion"], &records[1]["awsRegion"]),
        (&json!("aws:dynamodb"), &json!("1.1"), &json!("eu-west-1"))
    );
    assert_eq!(
        (&records[1]["userIdentity"], &records[2]["dynamodb"]["NewImage"]),
        (&Json::Null, &Json::Null)
    );

    let after = json!({
        "StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
        "SequenceNumber": change["SequenceNumber"],
    });
    let iterator = streams(&server, "GetShardIterator", after).await;
    let rest = streams(&server, "GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await;
    assert_eq!(rest["Records"], json!([records[2]]));
    let next = json!({"ShardIterator": rest["NextShardIterator"], "Limit": 1});
    assert_eq!(streams(&server, "GetRecords", next).await["Records"], json!([]));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_was_switched_off_ends() {
    let server = server().await;
    let arn = with_stream(&server).await;
    let put = json!({"TableName": "orders", "Item": {"id": {"S": "a"}}});
    ok(&server, "PutItem", put).await;
    let off = json!({"TableName": "orders", "StreamSpecification": {"StreamEnabled": false}});
    ok(&server, "UpdateTable", off).await;
    let described = streams(&server, "DescribeStream", json!({"StreamArn": arn})).await;
    let described = &described["StreamDescription"];
    assert_eq!(described["StreamStatus"], "DISABLED");
    let shard = &described["Shards"][0];
    assert!(shard["SequenceNumberRange"]["EndingSequenceNumber"].is_string(), "{shard}");
    let from = json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = streams(&server, "GetShardIterator", from).await;
    let page = streams(&server, "GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await;
    assert_eq!(page["Records"].as_array().unwrap().len(), 1);
    assert_eq!(page["NextShardIterator"], Json::Null);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let server = server().await;
    let arn = with_stream(&server).await;
    let other = format!("{TABLE_ARN}/stream/2020-01-01T00:00:00.000");
    let not_found = (
        "ResourceNotFoundException".to_owned(),
        format!("Requested resource not found: Stream: {other} not found"),
    );
    assert_eq!(refused(&server, "DescribeStream", json!({"StreamArn": other})).await, not_found);
    let shard = "shardId-00000000000000000000-00000000";
    let from = |kind: &str| json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind});
    assert_eq!(refused(&server, "GetShardIterator", from("LATEST")).await.0, "ResourceNotFoundException");
    for kind in ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"] {
        assert_eq!(refused(&server, "GetShardIterator", from(kind)).await.0, "ValidationException");
    }
    for (operation, body) in [
        ("GetRecords", json!({"ShardIterator": "x"})),
        ("GetRecords", json!({"ShardIterator": "x", "Limit": 1001})),
        ("DescribeStream", json!({"StreamArn": arn, "Limit": 101})),
        ("DescribeStream", json!({"StreamArn": "x".repeat(40)})),
        ("ListStreams", json!({"Limit": 101})),
    ] {
        assert_eq!(refused(&server, operation, body).await.0, "ValidationException", "{operation}");
    }
    server.stop().await.unwrap();
}
