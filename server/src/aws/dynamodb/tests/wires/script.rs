//! Every operation once, in an order in which each does what it is there for.

use std::collections::BTreeSet;
use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::{Value as Json, json};

use super::{Both, Operation};
use crate::aws::dynamodb::generated as tables;
use crate::aws::dynamodb::streams::generated as streams;
use crate::aws::requests::Node;

const ORDERS: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/orders";
const CHANGES: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/changes";

/// Longer than tables, indexes and destinations take to become what they are asked to be; changes are kept for 24 hours,
/// and iterators for fifteen minutes.
const SETTLED: Duration = Duration::from_secs(120);

fn node(body: &Json) -> Node {
    Node::of_json(body, &|name, text| (name == "B").then(|| STANDARD.decode_to_vec(text).unwrap()))
}

async fn ask(both: &Both, operation: Operation, body: Json) -> Json {
    let answer = both.ask(operation, &node(&body)).await.unwrap();
    let answer = answer.unwrap_or_else(|| panic!("protobuf has no form for {operation:?} {body}"));
    both.pass(SETTLED);
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    answer.unwrap_or_else(|error| panic!("{operation:?} {body}: {error:?}"))
}

/// The tables `orders`, with the index `by_v`, and `events`, and the stream `changes`.
pub(super) async fn prepare(both: &Both) {
    both.in_json.create_stream("changes").await;
    both.in_protobuf.create_stream("changes").await;
    let create = Operation::Tables(tables::Operation::CreateTable);
    ask(both, create, orders()).await;
    let events = json!({
        "TableName": "events", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "k", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"},
        ],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
    });
    ask(both, create, events).await;
}

fn orders() -> Json {
    json!({
        "TableName": "orders",
        "AttributeDefinitions": [
            {"AttributeName": "k", "AttributeType": "S"}, {"AttributeName": "v", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by_v",
            "KeySchema": [{"AttributeName": "v", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["c"]},
            "ProvisionedThroughput": {"ReadCapacityUnits": 100, "WriteCapacityUnits": 100},
        }],
        "ProvisionedThroughput": {"ReadCapacityUnits": 100, "WriteCapacityUnits": 100},
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "SSESpecification": {"Enabled": true, "SSEType": "KMS"},
        "Tags": [{"Key": "team", "Value": "a"}],
        "DeletionProtectionEnabled": false,
    })
}

/// Asks for everything, and gives what was asked for.
pub(super) async fn run(both: &Both) -> BTreeSet<Operation> {
    prepare(both).await;
    let mut asked = BTreeSet::from([Operation::Tables(tables::Operation::CreateTable)]);
    for (name, body) in calls() {
        let operation = Operation::Tables(tables::Operation::from_name(name).unwrap());
        ask(both, operation, body).await;
        asked.insert(operation);
    }
    asked.extend(read_changes(both).await);
    for (name, body) in [
        ("DeleteItem", json!({"TableName": "orders", "Key": {"k": {"S": "a"}}, "ReturnValues": "ALL_OLD"})),
        ("DeleteTable", json!({"TableName": "orders"})),
    ] {
        let operation = Operation::Tables(tables::Operation::from_name(name).unwrap());
        ask(both, operation, body).await;
        asked.insert(operation);
    }
    asked
}

/// The stream of changes of `orders`, to which the calls before have written.
async fn read_changes(both: &Both) -> BTreeSet<Operation> {
    use streams::Operation::{DescribeStream, GetRecords, GetShardIterator, ListStreams};
    let listed = ask(both, Operation::Streams(ListStreams), json!({"TableName": "orders"})).await;
    let stream = listed["Streams"][0]["StreamArn"].clone();
    let described = ask(both, Operation::Streams(DescribeStream), json!({"StreamArn": stream})).await;
    let shard = described["StreamDescription"]["Shards"][0]["ShardId"].clone();
    let from = json!({"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = ask(both, Operation::Streams(GetShardIterator), from).await;
    let page = json!({"ShardIterator": iterator["ShardIterator"], "Limit": 10});
    let records = ask(both, Operation::Streams(GetRecords), page).await;
    assert!(records["Records"].as_array().is_some_and(|records| !records.is_empty()), "{records}");
    [ListStreams, DescribeStream, GetShardIterator, GetRecords].map(Operation::Streams).into()
}

fn calls() -> Vec<(&'static str, Json)> {
    let key = json!({"k": {"S": "a"}});
    let of_table = |more: Json| {
        let mut body = json!({"TableName": "orders"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let item = json!({
        "k": {"S": "a"}, "v": {"S": "x"}, "c": {"N": "1"}, "b": {"B": "AAEC"}, "t": {"BOOL": true},
        "z": {"NULL": true}, "l": {"L": [{"S": "one"}, {"M": {"deep": {"N": "-1.5"}}}]}, "e": {"L": []},
        "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]}, "m": {"M": {}},
    });
    let mut calls = vec![
        ("DescribeTable", of_table(json!({}))),
        ("ListTables", json!({"Limit": 1})),
        ("DescribeLimits", json!({})),
        ("DescribeEndpoints", json!({})),
    ];
    calls.extend(of_items(&key, &item, of_table));
    calls.extend(of_upkeep(of_table));
    calls
}

fn of_items(key: &Json, item: &Json, of_table: impl Fn(Json) -> Json) -> Vec<(&'static str, Json)> {
    let all = |body: Json| {
        let mut body = of_table(body);
        body["ReturnConsumedCapacity"] = json!("INDEXES");
        body
    };
    vec![
        ("PutItem", all(json!({"Item": item, "ReturnItemCollectionMetrics": "SIZE"}))),
        ("GetItem", all(json!({"Key": key, "ConsistentRead": true}))),
        (
            "UpdateItem",
            all(json!({
                "Key": key, "UpdateExpression": "SET #c = #c + :one", "ReturnValues": "UPDATED_NEW",
                "ExpressionAttributeNames": {"#c": "c"}, "ExpressionAttributeValues": {":one": {"N": "1"}},
            })),
        ),
        (
            "UpdateItem",
            of_table(json!({
                "Key": key, "AttributeUpdates": {"c": {"Action": "ADD", "Value": {"N": "1"}}},
                "Expected": {"v": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]}},
            })),
        ),
        (
            "Query",
            all(json!({
                "IndexName": "by_v", "Select": "ALL_PROJECTED_ATTRIBUTES", "KeyConditionExpression": "v = :v",
                "ExpressionAttributeValues": {":v": {"S": "x"}},
            })),
        ),
        ("Scan", all(json!({"FilterExpression": "attribute_exists(ss)", "TotalSegments": 2, "Segment": 0}))),
        (
            "BatchWriteItem",
            json!({"RequestItems": {
                "orders": [{"PutRequest": {"Item": {"k": {"S": "b"}}}}, {"DeleteRequest": {"Key": {"k": {"S": "c"}}}}],
                "events": [{"PutRequest": {"Item": {"k": {"S": "b"}, "n": {"N": "1"}}}}],
            }, "ReturnConsumedCapacity": "TOTAL"}),
        ),
        (
            "BatchGetItem",
            json!({"RequestItems": {
                "orders": {"Keys": [{"k": {"S": "b"}}, {"k": {"S": "none"}}], "ConsistentRead": true},
            }, "ReturnConsumedCapacity": "TOTAL"}),
        ),
        (
            "TransactWriteItems",
            json!({"ClientRequestToken": "once", "TransactItems": [
                {"Put": {"TableName": "orders", "Item": {"k": {"S": "d"}}}},
                {"Update": {
                    "TableName": "orders", "Key": key, "UpdateExpression": "SET d = :d",
                    "ExpressionAttributeValues": {":d": {"S": "d"}},
                }},
                {"Delete": {"TableName": "orders", "Key": {"k": {"S": "b"}}}},
                {"ConditionCheck": {
                    "TableName": "events", "Key": {"k": {"S": "b"}, "n": {"N": "1"}},
                    "ConditionExpression": "attribute_exists(k)",
                }},
            ]}),
        ),
        (
            "TransactGetItems",
            json!({"TransactItems": [
                {"Get": {"TableName": "orders", "Key": key, "ProjectionExpression": "d"}},
                {"Get": {"TableName": "orders", "Key": {"k": {"S": "b"}}}},
            ], "ReturnConsumedCapacity": "TOTAL"}),
        ),
    ]
}

fn of_upkeep(of_table: impl Fn(Json) -> Json) -> Vec<(&'static str, Json)> {
    let of_arn = |more: Json| {
        let mut body = json!({"ResourceArn": ORDERS});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "dynamodb:GetItem", "Resource": ORDERS,
    }]});
    let to_stream = || of_table(json!({"StreamArn": CHANGES}));
    vec![
        (
            "UpdateTable",
            of_table(json!({"ProvisionedThroughput": {"ReadCapacityUnits": 90, "WriteCapacityUnits": 100}})),
        ),
        (
            "UpdateTable",
            of_table(json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by_v"}}]})),
        ),
        (
            "UpdateTimeToLive",
            of_table(json!({"TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ends"}})),
        ),
        ("DescribeTimeToLive", of_table(json!({}))),
        ("TagResource", of_arn(json!({"Tags": [{"Key": "stage", "Value": "test"}]}))),
        ("UntagResource", of_arn(json!({"TagKeys": ["team"]}))),
        ("ListTagsOfResource", of_arn(json!({}))),
        ("PutResourcePolicy", of_arn(json!({"Policy": policy.to_string()}))),
        ("GetResourcePolicy", of_arn(json!({}))),
        ("DeleteResourcePolicy", of_arn(json!({}))),
        (
            "UpdateContinuousBackups",
            of_table(json!({"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}})),
        ),
        ("DescribeContinuousBackups", of_table(json!({}))),
        ("EnableKinesisStreamingDestination", to_stream()),
        (
            "UpdateKinesisStreamingDestination",
            of_table(json!({
                "StreamArn": CHANGES,
                "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": "MICROSECOND"},
            })),
        ),
        ("DescribeKinesisStreamingDestination", of_table(json!({}))),
        ("DisableKinesisStreamingDestination", to_stream()),
    ]
}
