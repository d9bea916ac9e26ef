//! Which of a stream's shard-level metrics are counted, and what the replies say of it.

use super::*;

const ALL: [&str; 7] = [
    "IncomingBytes",
    "OutgoingRecords",
    "IteratorAgeMilliseconds",
    "IncomingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
    "OutgoingBytes",
];

async fn monitor(world: &World, operation: &str, metrics: &[&str]) -> (Json, Json) {
    let body = json!({"StreamName": "orders", "ShardLevelMetrics": metrics});
    let mut answer = world.call(operation, body).await.unwrap();
    assert_eq!((&answer["StreamName"], &answer["StreamARN"]), (&json!("orders"), &json!(STREAM)));
    (answer["CurrentShardLevelMetrics"].take(), answer["DesiredShardLevelMetrics"].take())
}

#[tokio::test]
async fn metrics_before_and_after_are_told() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let (enable, disable) = ("EnableEnhancedMonitoring", "DisableEnhancedMonitoring");
        let some = ["IncomingBytes", "OutgoingRecords"];
        assert_eq!(
            monitor(&world, enable, &["OutgoingRecords", "IncomingBytes"]).await,
            (json!([]), json!(some))
        );
        for (operation, description) in
            [("DescribeStream", "StreamDescription"), ("DescribeStreamSummary", "StreamDescriptionSummary")]
        {
            let answer = world.call(operation, json!({"StreamName": "orders"})).await.unwrap();
            assert_eq!(answer[description]["EnhancedMonitoring"], json!([{"ShardLevelMetrics": some}]));
        }
        assert_eq!(monitor(&world, enable, &["ALL"]).await, (json!(some), json!(ALL)));
        assert_eq!(monitor(&world, disable, &["IncomingBytes"]).await, (json!(ALL), json!(ALL[1..])));
        assert_eq!(monitor(&world, disable, &["ALL"]).await, (json!(ALL[1..]), json!([])));
    }
}

#[tokio::test]
async fn what_is_no_metric_or_no_stream_is_refused() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        for operation in ["EnableEnhancedMonitoring", "DisableEnhancedMonitoring"] {
            for (body, code) in [
                (json!({"StreamName": "orders", "ShardLevelMetrics": []}), "ValidationException"),
                (json!({"StreamName": "orders", "ShardLevelMetrics": ["All"]}), "ValidationException"),
                (json!({"StreamName": "orders"}), "ValidationException"),
                (json!({"ShardLevelMetrics": ["ALL"]}), "InvalidArgumentException"),
                (json!({"StreamName": "missing", "ShardLevelMetrics": ["ALL"]}), "ResourceNotFoundException"),
            ] {
                assert_eq!(world.call(operation, body).await.unwrap_err().0, code);
            }
        }
    }
}

#[tokio::test]
async fn shards_are_shown_only_while_they_are_monitored() {
    let world = World::with_stream(Format::Json).await;
    assert!(!world.metrics.show().contains("shard_id"));
    monitor(&world, "EnableEnhancedMonitoring", &["ALL"]).await;
    let entry = |data| json!({"PartitionKey": "k", "ExplicitHashKey": "0", "Data": data});
    let records = json!({"StreamName": "orders", "Records": [entry("1"), entry("22")]});
    world.call("PutRecords", records).await.unwrap();
    world.clock.advance(Duration::from_secs(2));
    let start = json!({"StreamName": "orders", "ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = world.call("GetShardIterator", start).await.unwrap();
    world.call("GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await.unwrap();
    let labels = |shard| {
        format!(
            "stream_name=\"orders\",region=\"us-east-1\",account=\"000000000000\",shard_id=\"shardId-{shard:012}\""
        )
    };
    let shown = world.metrics.show();
    for (name, counts) in [
        ("incoming_bytes_total", [5, 0]),
        ("incoming_records_total", [2, 0]),
        ("outgoing_bytes_total", [5, 0]),
        ("outgoing_records_total", [2, 0]),
        ("write_provisioned_throughput_exceeded_total", [0, 0]),
        ("read_provisioned_throughput_exceeded_total", [0, 0]),
        ("iterator_age_milliseconds", [2000, 0]),
    ] {
        for (shard, count) in counts.iter().enumerate() {
            let line = format!("millstream_shard_{name}{{{}}} {count}", labels(shard));
            assert!(shown.lines().any(|shown| shown == line), "{line} is not in\n{shown}");
        }
    }
    monitor(&world, "DisableEnhancedMonitoring", &["IncomingBytes"]).await;
    let shown = world.metrics.show();
    assert!(!shown.contains("shard_incoming_bytes") && shown.contains("shard_incoming_records"), "{shown}");
    monitor(&world, "DisableEnhancedMonitoring", &["ALL"]).await;
    assert!(!world.metrics.show().contains("millstream_shard"));
}
