//! A target that stores nothing and answers at once, to see what the generator can do by itself:
//!
//! ```text
//! cargo run --release --example null_target -- 127.0.0.1:4599 &
//! cargo run --release --example bench -- put --batch 1 --connections 64 --endpoint-url http://127.0.0.1:4599
//! ```

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use millstream_runtime::{OnFailure, TaskSet};
use tokio::net::TcpListener;

const PAGE_RECORDS: usize = 1000;
const RECORD_BYTES: usize = 1024;

/// Replies made beforehand. Put replies hold no records: nobody looks for them.
#[derive(Clone)]
struct Replies {
    page_json: Bytes,
    page_cbor: Bytes,
}

impl Replies {
    fn new() -> Self {
        let data = STANDARD.encode([0xa5; RECORD_BYTES]);
        let record = format!(r#"{{"SequenceNumber":"1","Data":"{data}","PartitionKey":"k"}}"#);
        let records = vec![record; PAGE_RECORDS].join(",");
        let page_json =
            format!(r#"{{"Records":[{records}],"NextShardIterator":"next","MillisBehindLatest":1}}"#);
        let mut page_cbor = b"\xbf\x67Records\x9f".to_vec();
        for _ in 0..PAGE_RECORDS {
            page_cbor.extend_from_slice(b"\xbf\x64Data\x59\x04\x00");
            page_cbor.extend_from_slice(&[0xa5; RECORD_BYTES]);
            page_cbor.extend_from_slice(b"\x6cPartitionKey\x61k\xff");
        }
        page_cbor.extend_from_slice(b"\xff\x71NextShardIterator\x64next\x72MillisBehindLatest\x01\xff");
        Self { page_json: Bytes::from(page_json), page_cbor: Bytes::from(page_cbor) }
    }

    fn to(&self, request: &Request<Incoming>) -> Bytes {
        let header = |name| request.headers().get(name).map_or(&b""[..], http::HeaderValue::as_bytes);
        let cbor = header("content-type") == b"application/x-amz-cbor-1.1";
        let operation = header("x-amz-target").rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        match operation {
            b"DescribeStreamSummary" => {
                Bytes::from_static(br#"{"StreamDescriptionSummary":{"StreamStatus":"ACTIVE"}}"#)
            }
            b"ListShards" => Bytes::from_static(br#"{"Shards":[{"ShardId":"shardId-000000000000"}]}"#),
            b"GetShardIterator" => Bytes::from_static(br#"{"ShardIterator":"first"}"#),
            b"GetRecords" if cbor => self.page_cbor.clone(),
            b"GetRecords" => self.page_json.clone(),
            b"PutRecord" if cbor => Bytes::from_static(b"\xa1\x6eSequenceNumber\x611"),
            b"PutRecord" => Bytes::from_static(br#"{"SequenceNumber":"1","ShardId":"s"}"#),
            b"PutRecords" if cbor => Bytes::from_static(b"\xa1\x71FailedRecordCount\x00"),
            b"PutRecords" => Bytes::from_static(br#"{"FailedRecordCount":0,"Records":[]}"#),
            b"DescribeTable" => Bytes::from_static(br#"{"Table":{"TableStatus":"ACTIVE"}}"#),
            b"BatchWriteItem" | b"UpdateItem" => Bytes::from_static(b"{}"),
            _ => Bytes::new(),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4599".to_owned());
    let listener = TcpListener::bind(address).await?;
    let replies = Replies::new();
    let tasks = TaskSet::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let replies = replies.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let reply = replies.to(&request);
            async move {
                let mut body = request.into_body();
                while let Some(Ok(_)) = body.frame().await {}
                Ok::<_, Infallible>(Response::new(Full::new(reply)))
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tasks.spawn("connection", OnFailure::Log, connection);
    }
}
