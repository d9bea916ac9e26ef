//! DynamoDB's protocol: headers, checksums and the order of checks.

use hyper::Method;
use millstream_server::Server;
use serde_json::{Value as Json, json};

use super::client::{Answer, send, signed};
use super::server;

/// The operations of AWS's models that are offered, as they are kept for the generator.
const MODELS: [(&str, &str); 2] = [
    ("DynamoDB_20120810", include_str!("../../../codegen/models/dynamodb-2012-08-10.json")),
    ("DynamoDBStreams_20120810", include_str!("../../../codegen/models/dynamodb-streams-2012-08-10.json")),
];

/// What every answer has, whatever it says.
fn check(answer: &Answer) {
    let checksum = crc32fast::hash(&answer.body).to_string();
    assert_eq!(answer.header("x-amz-crc32"), checksum, "{answer:?}");
    let id = answer.header("x-amzn-requestid");
    assert_eq!(id.len(), 52, "{answer:?}");
    assert!(id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{id}");
}

async fn post(server: &Server, headers: &[(&str, String)], body: &str) -> Answer {
    let answer = send(server.address(), Method::POST, "/", headers, body.to_owned()).await;
    check(&answer);
    answer
}

fn headers(target: &str) -> Vec<(&'static str, String)> {
    let mut headers = signed("dynamodb");
    headers.push(("content-type", "application/x-amz-json-1.0".to_owned()));
    headers.push(("x-amz-target", target.to_owned()));
    headers
}

pub(crate) async fn call(server: &Server, operation: &str, body: &Json) -> Answer {
    post(server, &headers(&format!("DynamoDB_20120810.{operation}")), &body.to_string()).await
}

pub(crate) async fn call_streams(server: &Server, operation: &str, body: &Json) -> Answer {
    post(server, &headers(&format!("DynamoDBStreams_20120810.{operation}")), &body.to_string()).await
}

#[tokio::test]
async fn every_operation_of_the_models_is_known() {
    let server = server().await;
    for (prefix, model) in MODELS {
        let model: Json = serde_json::from_str(model).unwrap();
        for operation in model["operations"].as_object().unwrap().keys() {
            let answer = post(&server, &headers(&format!("{prefix}.{operation}")), "[]").await;
            let kind = "com.amazon.coral.service#SerializationException";
            assert_eq!((answer.status, answer.json()), (400, json!({"__type": kind})), "{operation}");
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn endpoints_are_where_the_client_is() {
    let server = server().await;
    let answer = call(&server, "DescribeEndpoints", &json!({})).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-amz-json-1.0"));
    let endpoint = json!({"Address": server.address().to_string(), "CachePeriodInMinutes": 1440});
    assert_eq!(answer.json(), json!({"Endpoints": [endpoint]}));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn checks_come_in_awss_order() {
    let server = server().await;
    let framework = |name: &str| format!("com.amazon.coral.service#{name}");
    let unsigned = |target: &str| {
        vec![("content-type", "application/x-amz-json-1.0".to_owned()), ("x-amz-target", target.to_owned())]
    };
    // What is no JSON comes before an operation that is not there, and that before a missing signature.
    let answer = post(&server, &unsigned("DynamoDB_20120810.Nothing"), "{").await;
    assert_eq!(answer.json(), json!({"__type": framework("SerializationException")}));
    let answer = post(&server, &unsigned("DynamoDB_20120810.Nothing"), "{}").await;
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"__type": framework("UnknownOperationException")}))
    );
    let answer = post(&server, &unsigned("DynamoDB_20120810.GetItem"), "").await;
    let text = "Request is missing Authentication Token";
    let missing = json!({"__type": framework("MissingAuthenticationTokenException"), "message": text});
    assert_eq!(answer.json(), missing);
    let answer = post(&server, &headers("DynamoDB_20120810.GetItem"), "").await;
    assert_eq!(answer.json(), json!({"__type": framework("SerializationException")}));
    // A wrong type comes before a broken constraint.
    let answer = call(&server, "GetItem", &json!({"TableName": 1})).await;
    let text = "NUMBER_VALUE cannot be converted to String";
    assert_eq!(answer.json(), json!({"__type": framework("SerializationException"), "Message": text}));
    let answer = call(&server, "GetItem", &json!({})).await;
    let text = "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must \
                not be null; Value null at 'key' failed to satisfy constraint: Member must not be null";
    let kind = "com.amazon.coral.validate#ValidationException";
    assert_eq!(answer.json(), json!({"__type": kind, "message": text}));
    let answer = call(&server, "CreateTable", &json!({})).await;
    let text = "The parameter 'TableName' is required but was not present in the request";
    assert_eq!(answer.json(), json!({"__type": kind, "message": text}));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn other_requests_are_told_by_their_host_signature_or_type() {
    let server = server().await;
    let host = [("host", "dynamodb.us-east-1.amazonaws.com".to_owned())];
    let answer = send(server.address(), Method::GET, "/", &host, "").await;
    check(&answer);
    assert_eq!((answer.status, answer.text()), (200, "healthy: dynamodb.us-east-1.amazonaws.com "));
    assert_eq!(answer.header("x-amz-crc32"), "3128867991");
    let answer = send(server.address(), Method::PUT, "/", &signed("dynamodb"), "{}").await;
    check(&answer);
    assert_eq!((answer.status, answer.text()), (404, "<UnknownOperationException/>\n"));
    assert_eq!(answer.header("x-amz-crc32"), "3552371480");
    let mut plain = headers("DynamoDB_20120810.DescribeEndpoints");
    plain[2].1 = "application/json".to_owned();
    let answer = post(&server, &plain, "{}").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    // Kinesis answers as ever.
    let answer = send(server.address(), Method::GET, "/", &[], "").await;
    assert_eq!((answer.status, answer.header("x-amz-crc32")), (403, ""));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn bodies_and_browsers_are_answered_as_aws_does() {
    let server = server().await;
    let large = "x".repeat(16 * 1024 * 1024 + 1);
    let answer = post(&server, &headers("DynamoDB_20120810.PutItem"), &large).await;
    assert_eq!(answer.status, 413);
    let mut asking = headers("DynamoDB_20120810.DescribeEndpoints");
    asking.push(("origin", "http://example.com".to_owned()));
    let answer = post(&server, &asking, "{}").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn faults_are_for_tables_too() {
    let server = server().await;
    let rule =
        json!({"service": "dynamodb", "operation": "GetItem", "table": "leases", "error": "throttling"});
    let rule = rule.to_string();
    let made = send(server.admin_address(), Method::POST, "/admin/faults", &[], rule).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let key = json!({"k": {"S": "a"}});
    let named = json!({"TableName": "leases", "Key": key});
    let by_arn = json!({"TableName": "arn:aws:dynamodb:eu-west-1:123456789012:table/leases", "Key": key});
    for body in [named, by_arn] {
        let answer = call(&server, "GetItem", &body).await;
        let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
        assert_eq!((answer.status, &answer.json()["__type"]), (400, &json!(kind)));
    }
    let other = call(&server, "GetItem", &json!({"TableName": "other", "Key": key})).await;
    assert_ne!(
        other.json()["__type"],
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
    );
    server.stop().await.unwrap();
}
