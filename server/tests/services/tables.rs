//! Tables and items over the wire, as lease coordinators use them: with the parameters that came before expressions and
//! with expressions.

use hyper::Method;
use millstream_server::Server;
use serde_json::{Value as Json, json};

use super::client::send;
use super::dynamodb::call;
use super::server;

const PACKAGE: &str = "com.amazonaws.dynamodb.v20120810#";

pub(crate) async fn ok(server: &Server, operation: &str, body: Json) -> Json {
    let answer = call(server, operation, &body).await;
    assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.text());
    if answer.body.is_empty() { Json::Null } else { answer.json() }
}

/// The error's type without its package, and the whole error.
pub(crate) async fn refused(server: &Server, operation: &str, body: Json) -> (String, Json) {
    let answer = call(server, operation, &body).await;
    assert_eq!(answer.status, 400, "{operation} {body}: {}", answer.text());
    let error = answer.json();
    let kind = error["__type"].as_str().unwrap();
    (kind.rsplit('#').next().unwrap().to_owned(), error)
}

/// A server with a table of leases.
async fn with_leases() -> Server {
    let server = server().await;
    let body = json!({
        "TableName": "leases",
        "AttributeDefinitions": [{"AttributeName": "leaseKey", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "Tags": [{"Key": "team", "Value": "a"}],
    });
    let made = ok(&server, "CreateTable", body.clone()).await;
    let table = &made["TableDescription"];
    assert_eq!(table["TableArn"], "arn:aws:dynamodb:eu-west-1:123456789012:table/leases");
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    let (kind, error) = refused(&server, "CreateTable", body).await;
    assert_eq!(
        (kind.as_str(), &error["message"]),
        ("ResourceInUseException", &json!("Table already exists: leases"))
    );
    let described = ok(&server, "DescribeTable", json!({"TableName": "leases"})).await;
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
    assert_eq!(described["Table"]["WarmThroughput"]["ReadUnitsPerSecond"], 12_000);
    server
}

fn lease(owner: &str, counter: u32) -> Json {
    json!({"leaseKey": {"S": "shard-0"}, "leaseOwner": {"S": owner}, "leaseCounter": {"N": counter.to_string()}})
}

#[tokio::test]
async fn answers_call_a_table_as_the_request_does_and_transactions_show_no_empty_items() {
    let server = with_leases().await;
    let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/leases";
    let put = json!({"TableName": arn, "Item": lease("a", 1), "ReturnConsumedCapacity": "TOTAL"});
    assert_eq!(ok(&server, "PutItem", put).await["ConsumedCapacity"]["TableName"], arn);
    let scan = json!({"TableName": "leases", "ReturnConsumedCapacity": "TOTAL"});
    assert_eq!(ok(&server, "Scan", scan).await["ConsumedCapacity"]["TableName"], "leases");
    let key = json!({"leaseKey": {"S": "shard-0"}});
    let batch = json!({"RequestItems": {arn: {"Keys": [key]}}, "ReturnConsumedCapacity": "TOTAL"});
    assert_eq!(ok(&server, "BatchGetItem", batch).await["ConsumedCapacity"][0]["TableName"], arn);

    let get = json!({"TableName": arn, "Key": key, "ProjectionExpression": "nothing"});
    let body = json!({"TransactItems": [{"Get": get}], "ReturnConsumedCapacity": "TOTAL"});
    let got = ok(&server, "TransactGetItems", body).await;
    assert_eq!(got["Responses"], json!([{}]));
    assert_eq!(got["ConsumedCapacity"][0]["TableName"], arn);
    let get = json!({"TableName": "leases", "Key": key, "ProjectionExpression": "nothing"});
    assert_eq!(ok(&server, "GetItem", get).await, json!({"Item": {}}));

    let encrypted = json!({
        "TableName": "more",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"Enabled": true, "SSEType": "AES256"},
    });
    let (kind, error) = refused(&server, "CreateTable", encrypted).await;
    let text = "One or more parameter values were invalid: SSEType AES256 is not supported";
    assert_eq!((kind.as_str(), &error["message"]), ("ValidationException", &json!(text)));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_lease_is_made_renewed_lost_and_taken() {
    let server = with_leases().await;
    let key = json!({"leaseKey": {"S": "shard-0"}});
    let create =
        json!({"TableName": "leases", "Item": lease("a", 1), "Expected": {"leaseKey": {"Exists": false}}});
    assert_eq!(ok(&server, "PutItem", create.clone()).await, json!({}));
    assert_eq!(refused(&server, "PutItem", create).await.0, "ConditionalCheckFailedException");

    let renew = |counter: &str| {
        json!({
            "TableName": "leases", "Key": key, "ReturnValues": "ALL_NEW", "ReturnConsumedCapacity": "TOTAL",
            "Expected": {"leaseCounter": {"Value": {"N": counter}}, "leaseOwner": {"Value": {"S": "a"}}},
            "AttributeUpdates": {"leaseCounter": {"Action": "ADD", "Value": {"N": "1"}}, "checkpointOwner": {"Action": "DELETE"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        })
    };
    let renewed = ok(&server, "UpdateItem", renew("1")).await;
    assert_eq!(renewed["Attributes"], lease("a", 2));
    assert_eq!(renewed["ConsumedCapacity"], json!({"TableName": "leases", "CapacityUnits": 1.0}));
    let (kind, error) = refused(&server, "UpdateItem", renew("1")).await;
    assert_eq!(kind, "ConditionalCheckFailedException");
    assert_eq!(error["__type"], format!("{PACKAGE}{kind}"));
    assert_eq!(
        (&error["message"], &error["Item"]),
        (&json!("The conditional request failed"), &lease("a", 2))
    );

    let take = json!({
        "TableName": "leases", "Key": key, "ReturnValues": "UPDATED_OLD",
        "UpdateExpression": "SET leaseOwner = :b", "ConditionExpression": "#o = :a",
        "ExpressionAttributeNames": {"#o": "leaseOwner"},
        "ExpressionAttributeValues": {":a": {"S": "a"}, ":b": {"S": "b"}},
    });
    assert_eq!(ok(&server, "UpdateItem", take).await["Attributes"], json!({"leaseOwner": {"S": "a"}}));
    let get =
        json!({"TableName": "leases", "Key": key, "ConsistentRead": true, "AttributesToGet": ["leaseOwner"]});
    assert_eq!(ok(&server, "GetItem", get).await, json!({"Item": {"leaseOwner": {"S": "b"}}}));
    let delete = json!({"TableName": "leases", "Key": key, "ReturnValues": "ALL_OLD"});
    assert_eq!(ok(&server, "DeleteItem", delete).await["Attributes"], lease("b", 2));
    assert_eq!(ok(&server, "GetItem", json!({"TableName": "leases", "Key": key})).await, json!({}));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn several_items_are_written_and_read_at_once() {
    let server = with_leases().await;
    let put = |key: &str| json!({"PutRequest": {"Item": {"leaseKey": {"S": key}}}});
    let written =
        ok(&server, "BatchWriteItem", json!({"RequestItems": {"leases": [put("a"), put("b")]}})).await;
    assert_eq!(written, json!({"UnprocessedItems": {}}));
    let keys = json!([{"leaseKey": {"S": "a"}}, {"leaseKey": {"S": "z"}}]);
    let got = ok(&server, "BatchGetItem", json!({"RequestItems": {"leases": {"Keys": keys}}})).await;
    assert_eq!(got, json!({"Responses": {"leases": [{"leaseKey": {"S": "a"}}]}, "UnprocessedKeys": {}}));

    let check = |key: &str| {
        json!({"ConditionCheck": {"TableName": "leases", "Key": {"leaseKey": {"S": key}},
               "ConditionExpression": "attribute_exists(leaseKey)"}})
    };
    let new = json!({"Put": {"TableName": "leases", "Item": {"leaseKey": {"S": "c"}}}});
    let transact = |items: Json| json!({"TransactItems": items});
    assert_eq!(ok(&server, "TransactWriteItems", transact(json!([check("a"), new]))).await, json!({}));
    let (kind, error) =
        refused(&server, "TransactWriteItems", transact(json!([check("z"), check("a")]))).await;
    assert_eq!(kind, "TransactionCanceledException");
    let text = "Transaction cancelled, please refer cancellation reasons for specific reasons \
                [ConditionalCheckFailed, None]";
    assert_eq!(error["Message"], text);
    let failed = json!({"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"});
    assert_eq!(error["CancellationReasons"], json!([failed, {"Code": "None"}]));
    let gets: Json = ["c", "z"]
        .iter()
        .map(|key| json!({"Get": {"TableName": "leases", "Key": {"leaseKey": {"S": key}}}}))
        .collect();
    let got = ok(&server, "TransactGetItems", transact(gets)).await;
    assert_eq!(got, json!({"Responses": [{"Item": {"leaseKey": {"S": "c"}}}, {}]}));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn tables_have_tags_policies_expiry_and_backups() {
    let server = with_leases().await;
    let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/leases";
    let tags = ok(&server, "ListTagsOfResource", json!({"ResourceArn": arn})).await;
    assert_eq!(tags, json!({"Tags": [{"Key": "team", "Value": "a"}]}));
    assert_eq!(
        ok(&server, "UntagResource", json!({"ResourceArn": arn, "TagKeys": ["team"]})).await,
        Json::Null
    );
    let (kind, _) = refused(&server, "ListTagsOfResource", json!({"ResourceArn": "leases"})).await;
    assert_eq!(kind, "ValidationException");

    let by_name = json!({"TableName": "leases"});
    let expiry = ok(&server, "DescribeTimeToLive", by_name.clone()).await;
    assert_eq!(expiry, json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}));
    let specification = json!({"Enabled": true, "AttributeName": "until"});
    let body = json!({"TableName": "leases", "TimeToLiveSpecification": specification});
    let set = ok(&server, "UpdateTimeToLive", body).await;
    assert_eq!(set, json!({"TimeToLiveSpecification": specification}));

    let body = json!({"TableName": "leases", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    let backups = ok(&server, "UpdateContinuousBackups", body).await;
    let recovery = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    assert_eq!(recovery["PointInTimeRecoveryStatus"], "ENABLED");
    let (kind, error) = refused(&server, "DescribeContinuousBackups", json!({"TableName": "other"})).await;
    assert_eq!(
        (kind.as_str(), &error["message"]),
        ("TableNotFoundException", &json!("Table not found: other"))
    );

    let (kind, _) = refused(&server, "GetResourcePolicy", json!({"ResourceArn": arn})).await;
    assert_eq!(kind, "PolicyNotFoundException");
    let limits = ok(&server, "DescribeLimits", json!({})).await;
    assert_eq!(limits["TableMaxReadCapacityUnits"], 40_000);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn tables_are_listed_changed_and_gone() {
    let server = with_leases().await;
    let update = json!({
        "TableName": "leases",
        "AttributeDefinitions": [
            {"AttributeName": "leaseKey", "AttributeType": "S"}, {"AttributeName": "leaseOwner", "AttributeType": "S"},
        ],
        "GlobalSecondaryIndexUpdates": [{"Create": {
            "IndexName": "by-owner",
            "KeySchema": [{"AttributeName": "leaseOwner", "KeyType": "HASH"}, {"AttributeName": "leaseKey", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }}],
    });
    let updated = ok(&server, "UpdateTable", update).await;
    let index = &updated["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexName"], &index["IndexStatus"]), (&json!("by-owner"), &json!("CREATING")));
    assert_eq!(ok(&server, "ListTables", json!({})).await, json!({"TableNames": ["leases"]}));
    let deleted = ok(&server, "DeleteTable", json!({"TableName": "leases"})).await;
    assert_eq!(deleted["TableDescription"]["TableStatus"], "DELETING");
    assert!(deleted["TableDescription"].get("KeySchema").is_none());
    let (kind, error) = refused(&server, "DescribeTable", json!({"TableName": "leases"})).await;
    let text = "Requested resource not found: Table: leases not found";
    assert_eq!((kind.as_str(), &error["message"]), ("ResourceNotFoundException", &json!(text)));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_reset_takes_the_tables_with_it() {
    let server = with_leases().await;
    let answer = send(server.admin_address(), Method::POST, "/admin/reset", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(ok(&server, "ListTables", json!({})).await, json!({"TableNames": []}));
    server.stop().await.unwrap();
}
