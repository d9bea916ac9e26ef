//! Bodies that are no JSON, or no CBOR.

use millstream_tests::raw::{CBOR, Connection, JSON, Request};

use super::{Expected, Host, MALFORMED, cbor, invalid};

/// Checks many bodies of one operation on one connection: a refused body must not spoil the next request.
fn check_all(host: &Host, operation: &str, content_type: &str, cases: &[(&str, Vec<u8>, Expected)]) {
    let mut connection = Connection::open(host.address()).unwrap();
    for (name, body, expected) in cases {
        let request = Request::call(operation, content_type, body.clone());
        connection.send(&request.bytes()).unwrap();
        let response = connection.response().unwrap_or_else(|error| panic!("{name}: {error}"));
        expected.check(name, &request, &response);
    }
}

fn malformed<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Vec<(&'static str, Vec<u8>, Expected)> {
    bodies.into_iter().map(|body| ("malformed", body.to_vec(), MALFORMED)).collect()
}

#[test]
fn malformed_json() {
    let host = Host::start();
    let whole = br#"{"StreamName":"orders","Data":"AP8=","PartitionKey":"p\u00e9\\","X":[1.5e3,{"y":null}]}"#;
    check_all(&host, "PutRecord", JSON, &malformed((0..whole.len()).map(|end| &whole[..end])));
    let bodies: [&[u8]; 44] = [
        b"{}x",
        b"{}{}",
        b"{},",
        b"{} }",
        b" ",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"null",
        b"true",
        b"1",
        b"\"x\"",
        b"{\"x\":NaN}",
        b"{\"x\":Infinity}",
        b"{\"x\":-Infinity}",
        b"{\"x\":01}",
        b"{\"x\":+1}",
        b"{\"x\":1.}",
        b"{\"x\":.5}",
        b"{\"x\":1e}",
        b"{\"x\":0x10}",
        b"{\"x\":-}",
        b"{\"x\":True}",
        b"{\"x\":undefined}",
        b"{\"x\":'a'}",
        b"{x:1}",
        b"{\"x\"}",
        b"{\"x\" 1}",
        b"{\"x\":1,}",
        b"{,}",
        b"{\"x\":[1,]}",
        b"{\"x\":[1}",
        b"{\"x\":{]}",
        b"{\"x\":1 /* no */}",
        b"{\"x\":1} // no",
        b"{\"x\":\"\n\"}",
        b"{\"x\":\"\\x\"}",
        b"{\"x\":\"\\u12\"}",
        b"{\"x\":\"\\ud800\"}",
        b"{\"x\":\"\\udc00\\ud800\"}",
        b"{\"x\":\"\xff\"}",
        b"{\"x\":\"\xc3\"}",
        b"{\"x\":\"\xc0\xaf\"}",
        b"{\"x\":\"\xed\xa0\x80\"}",
        b"{\"\xff\":1}",
    ];
    check_all(&host, "ListStreams", JSON, &malformed(bodies));
    host.finish();
}

#[test]
fn json_that_is_odd_and_right() {
    let host = Host::start();
    let low = invalid("limit", "'0'", "Member must have value greater than or equal to 1");
    let cases = [
        ("white space", b" \t\r\n{ \"Limit\" : 1 } \n".to_vec(), Expected::Success),
        ("null is absent", b"{\"Limit\":null}".to_vec(), Expected::Success),
        ("unknown members", b"{\"limit\":0,\"Nobody\":{\"knows\":[\"it\"]}}".to_vec(), Expected::Success),
        ("the last one counts", b"{\"Limit\":0,\"Limit\":1}".to_vec(), Expected::Success),
        ("the last one is wrong", b"{\"Limit\":1,\"Limit\":0}".to_vec(), low.clone()),
        ("a name in escapes", b"{\"\\u004cimit\":0}".to_vec(), low),
        ("a fraction", b"{\"Limit\":1.9}".to_vec(), Expected::Success),
        ("nothing", Vec::new(), MALFORMED),
    ];
    check_all(&host, "ListStreams", JSON, &cases);
    host.finish();
}

#[test]
fn nesting() {
    let host = Host::start();
    let json = |open: &str, close: &str, levels: usize| {
        let body = format!("{}1{}", open.repeat(levels), close.repeat(levels));
        body.into_bytes()
    };
    let list = |levels: usize| [b"{\"x\":".to_vec(), json("[", "]", levels - 1), b"}".to_vec()].concat();
    let cases = [
        ("16 maps", json("{\"x\":", "}", 16), Expected::Success),
        ("17 maps", json("{\"x\":", "}", 17), MALFORMED),
        ("a million maps", json("{\"x\":", "}", 1_000_000), MALFORMED),
        ("16 lists", list(16), Expected::Success),
        ("17 lists", list(17), MALFORMED),
        ("a million lists", list(1_000_000), MALFORMED),
    ];
    check_all(&host, "ListStreams", JSON, &cases);

    let cbor = |levels: usize, open: &[u8], inside: &[u8]| [&open.repeat(levels), inside].concat();
    let cases = [
        ("16 maps", cbor(16, b"\xa1\x61x", b"\x01"), Expected::Success),
        ("17 maps", cbor(17, b"\xa1\x61x", b"\x01"), MALFORMED),
        ("a million maps", cbor(1_000_000, b"\xa1\x61x", b"\x01"), MALFORMED),
        ("a million open maps", cbor(1_000_000, b"\xbf\x61x", b""), MALFORMED),
        ("a million open lists", [b"\xa1\x61x", vec![0x9f; 1_000_000].as_slice()].concat(), MALFORMED),
        // Tags nest nothing.
        (
            "a million tags",
            [b"\xa1\x61x", vec![0xc1; 1_000_000].as_slice(), b"\x00"].concat(),
            Expected::Success,
        ),
    ];
    check_all(&host, "ListStreams", CBOR, &cases);
    host.finish();
}

#[test]
fn malformed_cbor() {
    let host = Host::start();
    let whole = cbor(&serde_json::json!({
        "StreamName": "orders", "PartitionKey": "pé", "X": [1, -500, 1.5, {"y": null}, true],
    }));
    check_all(&host, "PutRecord", CBOR, &malformed((0..whole.len()).map(|end| &whole[..end])));
    let huge = |first: u8| [&b"\xa1\x61x"[..], &[first | 27], &(1_u64 << 60).to_be_bytes()].concat();
    let huge: Vec<_> = [0x40, 0x60, 0x80, 0xa0].map(huge).into();
    check_all(&host, "ListStreams", CBOR, &malformed(huge.iter().map(Vec::as_slice)));
    let bodies: [&[u8]; 26] = [
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xff",
        b"\xbf",
        b"\xbf\x61x\xff",
        b"\xa1\x61x",
        b"\xa1\x61x\xff",
        b"\xa1\x01\x02",
        b"\xa1\x41x\x02",
        b"\xa1\xf6\x02",
        b"\xa0\x00",
        b"\x80",
        b"\x01",
        b"\x61x",
        b"\xf6",
        b"\xc1",
        b"\xdf\xa0",
        b"\xa1\x61x\x1c",
        b"\xa1\x61x\x1f",
        b"\xa1\x61x\xf8\x20",
        b"\xa1\x61x\xf9\x7e\x00",
        b"\xa1\x61x\xfa\x7f\x80\x00\x00",
        b"\xa1\x61x\x5f\x61a\xff",
        b"\xa1\x61x\x7f\x7f\x61a\xff\xff",
        b"\xa1\x61x\x7f\x61a",
        b"\xa1\x61x\x62\xc3\x28",
        b"\xa1\x61\xff\x01",
    ];
    check_all(&host, "ListStreams", CBOR, &malformed(bodies));
    host.finish();
}

#[test]
fn cbor_that_is_odd_and_right() {
    let host = Host::start();
    let low = invalid("limit", "'0'", "Member must have value greater than or equal to 1");
    let cases = [
        ("a map without length", b"\xbf\x65Limit\x01\xff".to_vec(), Expected::Success),
        ("a key in chunks", b"\xa1\x7f\x62Li\x63mit\xff\x00".to_vec(), low.clone()),
        ("a tag on everything", b"\xd9\xd9\xf7\xa1\x65Limit\xc1\x01".to_vec(), Expected::Success),
        ("a number in eight bytes", b"\xa1\x65Limit\x1b\0\0\0\0\0\0\0\0".to_vec(), low.clone()),
        ("half a float", b"\xa1\x65Limit\xf9\x3e\x00".to_vec(), Expected::Success),
        ("undefined is absent", b"\xa1\x65Limit\xf7".to_vec(), Expected::Success),
        ("the last one counts", b"\xa2\x65Limit\x01\x65Limit\x00".to_vec(), low),
        ("nothing", Vec::new(), MALFORMED),
    ];
    check_all(&host, "ListStreams", CBOR, &cases);
    host.finish();
}
