//! Which operation is meant, and what is said when none is.

use millstream_tests::raw::{CBOR, JSON, Request};

use super::{Expected, Host, MALFORMED, UNKNOWN_OPERATION, error};

const NO_OPERATION: Expected = Expected::Other(
    403,
    Some("application/xml"),
    "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be \
     authorized</Message>\n</AccessDeniedException>\n",
);
const UNKNOWN_IN_XML: Expected =
    Expected::Other(404, Some("application/xml"), "<UnknownOperationException/>\n");

#[test]
fn operations_that_are_not_there() {
    let host = Host::start();
    for target in [
        "Kinesis_20131202.Nothing",
        "Kinesis_20131202.",
        "Kinesis_20131202",
        "Kinesis_20131202.liststreams",
        "Kinesis_20131202.ListStreams.",
        "Kinesis_20131202..ListStreams",
        "Kinesis_20131201.ListStreams",
        "ListStreams",
        ".",
        "",
        "\u{e9}.\u{e9}",
    ] {
        for content_type in [JSON, CBOR] {
            let body: &[u8] = if content_type == JSON { b"{}" } else { b"\xa0" };
            let request = Request::call("", content_type, body).with("x-amz-target", target);
            host.expect(target, &request, &UNKNOWN_OPERATION);
            // Nobody asks for a signature before the operation is known.
            host.expect(target, &request.clone().without("authorization"), &UNKNOWN_OPERATION);
            let request = Request::call("", content_type, "not well-formed").with("x-amz-target", target);
            host.expect(target, &request, &MALFORMED);
            let request = Request::call("", content_type, "").with("x-amz-target", target);
            host.expect(target, &request, &UNKNOWN_OPERATION);
        }
    }
    let without = Request::json("", "{}").without("x-amz-target");
    host.expect("no target", &without, &UNKNOWN_OPERATION);
    host.finish();
}

#[test]
fn operations_that_are_not_built() {
    let host = Host::start();
    let body = r#"{"QueueARN": "arn:aws:kinesis:us-east-1:000000000000:queue/orders"}"#;
    let expected = error("InvalidArgumentException", "DescribeQueue is not built yet.");
    host.expect("DescribeQueue", &Request::json("DescribeQueue", body), &expected);
    // What is wrong with the request is told nevertheless.
    let text = "1 validation error detected: Value null at 'queueARN' failed to satisfy constraint: Member must \
                not be null";
    host.expect("DescribeQueue", &Request::json("DescribeQueue", "{}"), &error("ValidationException", text));
    host.finish();
}

#[test]
fn content_types() {
    let host = Host::start();
    let request = |content_type: &str| Request::call("ListStreams", content_type, "{}");
    for content_type in [JSON, "application/x-amz-json-1.1; charset=utf-8", "application/x-amz-json-1.1;"] {
        host.expect(content_type, &request(content_type), &Expected::Success);
    }
    for content_type in ["text/plain", "application/xml", "", "\u{e9}", "a/b; c/d"] {
        host.expect(content_type, &request(content_type), &UNKNOWN_IN_XML);
        let nothing = request(content_type).with("x-amz-target", "Nothing");
        host.expect(content_type, &nothing, &NO_OPERATION);
        // A body that is not there comes before what it would have been.
        host.expect(content_type, &Request::call("ListStreams", content_type, ""), &MALFORMED);
        let nothing = Request::call("", content_type, "").without("x-amz-target");
        host.expect(content_type, &nothing, &UNKNOWN_OPERATION);
    }
    let without = Request::json("ListStreams", "{}").without("content-type");
    host.expect("no content type", &without, &UNKNOWN_IN_XML);

    // The JSON of another protocol, answered in its form.
    let plain = |body: &str| Request::call("ListStreams", "application/json", body);
    let answer = |status, text| Expected::Other(status, Some("application/json"), text);
    let unknown =
        r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#;
    host.expect("plain", &plain("{}"), &answer(404, unknown));
    let malformed =
        r#"{"Output":{"__type":"com.amazon.coral.service#SerializationException"},"Version":"1.0"}"#;
    host.expect("plain", &plain("{"), &answer(400, malformed));
    host.finish();
}

#[test]
fn methods_and_paths() {
    let host = Host::start();
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"] {
        let request = Request::json("ListStreams", "{}").method(method);
        host.expect(method, &request, &NO_OPERATION);
    }
    // AWS does not look at the path.
    for target in ["/", "//", "/any/path", "/?a=b", "/%00", "*", "http://elsewhere/"] {
        let request = Request::json("ListStreams", "{}").target(target);
        host.expect(target, &request, &Expected::Success);
    }
    host.finish();
}

#[test]
fn browsers_are_let_in() {
    let host = Host::start();
    let origin = "http://example.com";
    let preflight = Request::bare("OPTIONS", "")
        .header("origin", origin)
        .header("access-control-request-headers", "x-amz-target")
        .header("access-control-request-method", "POST");
    let answer = preflight.send(host.address()).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-amz-target"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(answer.header("access-control-max-age"), Some("172800"));
    assert_eq!(answer.header("x-amz-id-2"), None);
    let answer = Request::json("ListStreams", "{}").header("origin", origin).send(host.address()).unwrap();
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(
        answer
            .header("access-control-expose-headers")
            .is_some_and(|names| names.contains("x-amzn-RequestId"))
    );
    assert!(answer.header("x-amz-id-2").is_some());
    host.finish();
}

/// Success has the request's content type too, with and without a body.
#[test]
fn answers_have_the_format_of_the_request() {
    let host = Host::start();
    for (request, content_type) in [
        (Request::json("ListStreams", "{}"), JSON),
        (Request::json("ListStreams", "{}").with("content-type", "application/x-amz-json-1.1; a=b"), JSON),
        (Request::cbor("ListStreams", *b"\xbf\xff"), CBOR),
        (Request::json("AddTagsToStream", r#"{"StreamName": "orders", "Tags": {"a": "b"}}"#), JSON),
    ] {
        let answer = request.send(host.address()).unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)));
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    }
    host.finish();
}
