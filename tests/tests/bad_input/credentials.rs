//! Requests that are not signed, or in a way that nobody could read.

use millstream_tests::raw::{AUTHORIZATION, Request};

use super::{Expected, Host, error, wrong_type};

fn request() -> Request {
    Request::json("ListStreams", "{}")
}

fn signed(authorization: &str) -> Request {
    request().with("authorization", authorization)
}

fn incomplete(text: impl Into<String>) -> Expected {
    error("IncompleteSignatureException", text)
}

#[test]
fn headers() {
    let host = Host::start();
    let missing = error("MissingAuthenticationTokenException", "Missing Authentication Token");
    host.expect("none", &request().without("authorization"), &missing);
    let requires = |names: &[&str], header: &str| {
        let names = names.iter().map(|name| format!("Authorization header requires '{name}' parameter. "));
        incomplete(format!("{}Authorization={header}", names.collect::<String>()))
    };
    for (header, names) in [
        ("", &["Credential", "Signature", "SignedHeaders"][..]),
        ("AWS4-HMAC-SHA256", &["Credential", "Signature", "SignedHeaders"]),
        ("AWS4-HMAC-SHA256 Signature=b", &["Credential", "SignedHeaders"]),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e", &["Signature", "SignedHeaders"]),
        ("AWS4-HMAC-SHA256 SignedHeaders=a, Credential=b", &["Signature"]),
    ] {
        host.expect(header, &signed(header), &requires(names, header));
    }
    let no_date = format!(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
         Authorization={AUTHORIZATION}"
    );
    host.expect("no date", &request().without("x-amz-date"), &incomplete(no_date));
    let date = request().without("x-amz-date").header("date", "Fri, 02 Jan 2026 03:04:05 GMT");
    host.expect("another date", &date, &Expected::Success);
    let header = "AWS4-HMAC-SHA256 Credential";
    let text = format!(
        "'Credential' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
    );
    host.expect("no pair", &signed(header), &incomplete(text));
    for credential in ["a", "a/b/c/d", "a/b/c/d/e/f", ""] {
        let text = format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             '{credential}'"
        );
        let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        host.expect(credential, &signed(&header), &incomplete(text));
    }
    let header = "AWS4-HMAC-SHA256 Credential=a/20260102/no region/kinesis/aws4_request";
    let text = format!(
        "'region/kinesis/aws4_request' not a valid key=value pair (missing equal-sign) in Authorization header: \
         '{header}'."
    );
    host.expect("spaces", &signed(header), &incomplete(text));
    host.finish();
}

#[test]
fn queries() {
    let host = Host::start();
    let request = || request().without("authorization").without("x-amz-date");
    let whole = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20260102%2Fus-east-1%2Fkinesis%2Faws4_request\
                 &X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0";
    host.expect("presigned", &request().target(&format!("/?{whole}")), &Expected::Success);
    let names = ["Algorithm", "Credential", "Signature", "SignedHeaders", "Date"];
    for present in 1..names.len() {
        let query = names[..present].iter().map(|name| format!("X-Amz-{name}=a&")).collect::<String>();
        let missing = names[present..].iter();
        let missing =
            missing.map(|name| format!("AWS query-string parameters must include 'X-Amz-{name}'. "));
        let text = format!("{}Re-examine the query-string parameters.", missing.collect::<String>());
        host.expect(&query, &request().target(&format!("/?{query}")), &incomplete(text));
    }
    let both = signed(AUTHORIZATION).target(&format!("/?{whole}"));
    let text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
    host.expect("both", &both, &error("InvalidSignatureException", text));
    host.finish();
}

/// A body that cannot be read comes before the signature, a value of the wrong type after it.
#[test]
fn order() {
    let host = Host::start();
    let missing = error("MissingAuthenticationTokenException", "Missing Authentication Token");
    let unsigned = |body: &str| Request::json("ListStreams", body).without("authorization");
    host.expect("malformed", &unsigned("{"), &super::MALFORMED);
    host.expect("wrong type", &unsigned(r#"{"Limit": "x"}"#), &missing);
    host.expect("invalid", &unsigned(r#"{"Limit": 0}"#), &missing);
    let text = "class java.lang.String can not be converted to an Integer";
    host.expect("signed", &Request::json("ListStreams", r#"{"Limit": "x"}"#), &wrong_type(text));
    host.finish();
}

/// Account and region are those of the credential.
#[test]
fn scopes() {
    let host = Host::start();
    let describe = |key: &str, region: &str| {
        let header = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260102/{region}/kinesis/aws4_request, SignedHeaders=host, Signature=0"
        );
        Request::json("DescribeStreamSummary", r#"{"StreamName": "orders"}"#).with("authorization", header)
    };
    host.expect("ours", &describe("any key", "us-east-1"), &incomplete_key());
    host.expect("ours", &describe("AKIA", "us-east-1"), &Expected::Success);
    let not_found = |account: &str| {
        error("ResourceNotFoundException", format!("Stream orders under account {account} not found."))
    };
    host.expect("another region", &describe("AKIA", "eu-west-1"), &not_found("000000000000"));
    host.expect("another account", &describe("123456789012", "us-east-1"), &not_found("123456789012"));
    let text = "Credential should be scoped to a valid region, not 'no_region'. ";
    host.expect("no region", &describe("AKIA", "no_region"), &error("InvalidSignatureException", text));
    host.finish();
}

/// A key with a space in it ends at the space.
fn incomplete_key() -> Expected {
    let header = "AWS4-HMAC-SHA256 Credential=any key/20260102/us-east-1/kinesis/aws4_request, SignedHeaders=host, \
                  Signature=0";
    incomplete(format!(
        "'key/20260102/us-east-1/kinesis/aws4_request' not a valid key=value pair (missing equal-sign) in \
         Authorization header: '{header}'."
    ))
}
