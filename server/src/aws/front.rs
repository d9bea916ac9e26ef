//! Which service a request means: every service of the port is told by the request's head alone.

use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use hyper::http::request::Parts;

use super::{cloudwatch, dynamodb};

pub(super) const TARGET: &str = "x-amz-target";

/// What the query protocol's parameters come as.
const FORM: &str = "application/x-www-form-urlencoded";

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// Also whatever names no service.
    Kinesis,
    /// With its streams.
    DynamoDb,
    /// In JSON.
    CloudWatch,
    /// In RPC v2 CBOR, where the path names the operation.
    CloudWatchRpc,
    /// STS and CloudWatch, which the parameter `Action` tells apart.
    Query,
}

impl Front {
    pub(super) fn of(parts: &Parts) -> Self {
        if parts.uri.path().starts_with(cloudwatch::front::RPC_PATH) {
            return Self::CloudWatchRpc;
        }
        let target = header(parts, TARGET).and_then(|target| target.split_once('.'));
        match target.map(|(service, _)| service) {
            Some(dynamodb::generated::TARGET_PREFIX | dynamodb::streams::generated::TARGET_PREFIX) => {
                return Self::DynamoDb;
            }
            Some(cloudwatch::generated::TARGET_PREFIX) => return Self::CloudWatch,
            Some(_) => return Self::Kinesis,
            None => {}
        }
        let content_type = header(parts, CONTENT_TYPE).unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        let query = parts.uri.query().unwrap_or_default();
        match parts.method {
            Method::POST if content_type == FORM => Self::Query,
            Method::GET if query.split('&').any(|pair| pair.starts_with("Action=")) => Self::Query,
            Method::OPTIONS => Self::Kinesis,
            _ if content_type == dynamodb::generated::JSON_CONTENT_TYPE || is_for_dynamodb(parts) => {
                Self::DynamoDb
            }
            _ => Self::Kinesis,
        }
    }
}

/// Whether a request without a target was signed for DynamoDB, or sent to a host of that name.
fn is_for_dynamodb(parts: &Parts) -> bool {
    let host = header(parts, HOST).unwrap_or_default();
    let signature = header(parts, AUTHORIZATION).unwrap_or_default();
    signature.contains("/dynamodb/aws4_request")
        || host.starts_with("dynamodb.")
        || host.starts_with("streams.dynamodb.")
}

fn header(parts: &Parts, name: impl hyper::header::AsHeaderName) -> Option<&str> {
    parts.headers.get(name)?.to_str().ok()
}

/// A browser that asks whether it may call.
pub(super) fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && parts.headers.contains_key(ORIGIN)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn services_are_told_apart() {
        let json = ("content-type", "application/x-amz-json-1.0");
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let signed =
            ("authorization", "AWS4-HMAC-SHA256 Credential=a/20260102/us-east-1/dynamodb/aws4_request");
        let rpc = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
        type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Front);
        let cases: &[Case<'_>] = &[
            ("POST", "/", &[(TARGET, "Kinesis_20131202.PutRecord")], Front::Kinesis),
            ("POST", "/", &[(TARGET, "DynamoDB_20120810.PutItem"), json], Front::DynamoDb),
            ("POST", "/", &[(TARGET, "DynamoDBStreams_20120810.GetRecords"), json], Front::DynamoDb),
            (
                "POST",
                "/",
                &[(TARGET, "GraniteServiceVersion20100801.PutMetricData"), json],
                Front::CloudWatch,
            ),
            ("POST", rpc, &[("smithy-protocol", "rpc-v2-cbor")], Front::CloudWatchRpc),
            ("POST", "/", &[form], Front::Query),
            ("GET", "/?Version=2011-06-15&Action=GetCallerIdentity", &[], Front::Query),
            ("POST", "/", &[json], Front::DynamoDb),
            ("POST", "/", &[json, (TARGET, "Nothing.At")], Front::Kinesis),
            ("GET", "/", &[], Front::Kinesis),
            ("GET", "/", &[signed], Front::DynamoDb),
            ("GET", "/", &[("host", "dynamodb.us-east-1.amazonaws.com")], Front::DynamoDb),
            ("GET", "/", &[("host", "localhost:4567")], Front::Kinesis),
            ("OPTIONS", "/", &[("origin", "http://example.com")], Front::Kinesis),
        ];
        for (method, uri, headers, front) in cases {
            assert_eq!(Front::of(&parts(method, uri, headers)), *front, "{method} {uri} {headers:?}");
        }
    }

    #[test]
    fn a_preflight_is_a_browsers() {
        let parts = |method, headers: &[(&str, &str)]| parts(method, "/", headers);
        assert!(is_preflight(&parts("OPTIONS", &[("origin", "http://example.com")])));
        assert!(!is_preflight(&parts("OPTIONS", &[])));
        assert!(!is_preflight(&parts("POST", &[("origin", "http://example.com")])));
    }
}
