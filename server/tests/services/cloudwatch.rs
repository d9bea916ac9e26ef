//! Metrics that clients report, in each protocol, and where they are seen.

use std::io::Write;

use ciborium::cbor;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Method;
use millstream_server::Server;
use serde_json::json;

use super::client::{Answer, send, signed};
use super::server;

const RPC: &str = "/service/GraniteServiceVersion20100801/operation/PutMetricData";

async fn put_json(server: &Server, body: &serde_json::Value) -> Answer {
    let mut headers = signed("monitoring");
    headers.push(("content-type", "application/x-amz-json-1.0".to_owned()));
    headers.push(("x-amz-target", "GraniteServiceVersion20100801.PutMetricData".to_owned()));
    send(server.address(), Method::POST, "/", &headers, body.to_string()).await
}

async fn metrics(server: &Server) -> String {
    send(server.admin_address(), Method::GET, "/metrics", &[], "").await.text().to_owned()
}

#[tokio::test]
async fn each_protocol_adds_to_the_same_series() {
    let server = server().await;
    let answer = put_json(
        &server,
        &json!({"Namespace": "app", "MetricData": [
            {"MetricName": "MillisBehindLatest", "Unit": "Milliseconds", "Timestamp": 1_700_000_000.5,
             "Dimensions": [{"Name": "ShardId", "Value": "shardId-0"}, {"Name": "Operation", "Value": "ProcessTask"}],
             "StatisticValues": {"SampleCount": 2, "Sum": 30.0, "Minimum": 10, "Maximum": 20}},
        ]}),
    )
    .await;
    assert_eq!((answer.status, answer.text()), (200, ""));

    let datum = cbor!({"Namespace" => "app", "MetricData" => [
        {"MetricName" => "MillisBehindLatest", "Unit" => "Milliseconds", "Timestamp" => 1_700_000_000_i64,
         "Dimensions" => [{"Name" => "Operation", "Value" => "ProcessTask"}, {"Name" => "ShardId", "Value" => "shardId-0"}],
         "Value" => 5.5},
    ]});
    let mut body = Vec::new();
    ciborium::into_writer(&datum.unwrap(), &mut body).unwrap();
    let mut headers = signed("monitoring");
    headers.push(("content-type", "application/cbor".to_owned()));
    headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&body).unwrap();
    let plain = send(server.address(), Method::POST, RPC, &headers, body).await;
    headers.push(("content-encoding", "gzip".to_owned()));
    let compressed = send(server.address(), Method::POST, RPC, &headers, encoder.finish().unwrap()).await;
    for answer in [plain, compressed] {
        assert_eq!((answer.status, answer.header("smithy-protocol")), (200, "rpc-v2-cbor"), "{answer:?}");
    }

    let form = "Action=PutMetricData&Version=2010-08-01&Namespace=app\
                &MetricData.member.1.MetricName=MillisBehindLatest&MetricData.member.1.Unit=Milliseconds\
                &MetricData.member.1.Timestamp=2026-01-02T03%3A04%3A05Z\
                &MetricData.member.1.Dimensions.member.1.Name=Operation\
                &MetricData.member.1.Dimensions.member.1.Value=ProcessTask\
                &MetricData.member.1.Dimensions.member.2.Name=ShardId\
                &MetricData.member.1.Dimensions.member.2.Value=shardId-0\
                &MetricData.member.1.Values.member.1=1.5&MetricData.member.1.Values.member.2=2\
                &MetricData.member.1.Counts.member.1=2&MetricData.member.1.Counts.member.2=1";
    let mut headers = signed("monitoring");
    headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
    let answer = send(server.address(), Method::POST, "/", &headers, form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().starts_with("<PutMetricDataResponse "), "{}", answer.text());

    let shown = metrics(&server).await;
    let labels = "{namespace=\"app\",metric=\"MillisBehindLatest\",unit=\"Milliseconds\",\
                  operation=\"ProcessTask\",shard_id=\"shardId-0\"}";
    for line in [
        format!("millstream_cloudwatch_samples{labels} 7.0"),
        format!("millstream_cloudwatch_sum{labels} 46.0"),
        format!("millstream_cloudwatch_minimum{labels} 1.5"),
        format!("millstream_cloudwatch_maximum{labels} 2.0"),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn errors_have_a_code_for_each_protocol() {
    let server = server().await;
    let both = json!({"Namespace": "app", "MetricData": [{"MetricName": "m", "Value": 1, "Values": [1]}]});
    let answer = put_json(&server, &both).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("x-amzn-query-error"), "InvalidParameterCombination;Sender");
    let text = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(text.contains("MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive"));

    let mut headers = signed("monitoring");
    headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
    let form = "Action=PutMetricData&Version=2010-08-01&Namespace=app";
    let answer = send(server.address(), Method::POST, "/", &headers, form).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("<Code>MissingParameter</Code>"), "{}", answer.text());

    let long = json!({"Namespace": "app", "MetricData": [{"MetricName": "m".repeat(256), "Value": 1}]});
    let answer = put_json(&server, &long).await;
    assert_eq!(answer.header("x-amzn-query-error"), "ValidationError;Sender");

    let large = json!({"Namespace": "x".repeat(2 * 1024 * 1024)});
    assert_eq!(put_json(&server, &large).await.status, 413);
    server.stop().await.unwrap();
}
