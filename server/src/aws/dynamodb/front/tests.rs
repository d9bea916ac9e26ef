use hyper::Request;

use super::*;

fn parts(headers: &[(&str, &str)]) -> Parts {
    let request = Request::post("/");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

#[test]
fn operations_are_those_of_the_service_that_is_named() {
    for (target, expected) in [
        ("DynamoDB_20120810.Scan", Some(Call::DynamoDb(Operation::Scan))),
        ("DynamoDB_20120810.GetRecords", None),
        ("DynamoDBStreams_20120810.GetRecords", Some(Call::DynamoDbStreams(streams::Operation::GetRecords))),
        ("DynamoDBStreams_20120810.Scan", None),
        ("DynamoDB_20111205.Scan", None),
        ("Scan", None),
    ] {
        assert_eq!(call(&parts(&[(TARGET, target)])), expected, "{target}");
    }
}

#[test]
fn two_content_types_are_taken() {
    for (value, expected) in [
        ("application/x-amz-json-1.0", Some("application/x-amz-json-1.0")),
        ("application/x-amz-json-1.0; charset=utf-8", Some("application/x-amz-json-1.0")),
        ("application/json", Some("application/json")),
        ("application/x-amz-json-1.1", None),
        ("text/plain", None),
    ] {
        assert_eq!(content_type(&parts(&[("content-type", value)])), expected, "{value}");
    }
}

#[test]
fn health_is_told_for_the_region_of_the_host() {
    let told = |host: &str| Draft::healthy(&parts(&[("host", host)])).bytes;
    assert_eq!(told("localhost:4567"), "healthy: dynamodb.us-east-1.amazonaws.com ");
    assert_eq!(told("dynamodb.eu-west-1.amazonaws.com"), "healthy: dynamodb.eu-west-1.amazonaws.com ");
}
