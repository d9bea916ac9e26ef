//! A dry run passes every check that the call itself would, and changes nothing.

use super::*;

const PASSED: &str = "Request would have succeeded, but DryRun flag is set.";

#[tokio::test]
async fn a_dry_run_ends_where_the_call_would_begin() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let start = json!({"StreamName": "orders", "ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = world.call("GetShardIterator", start.clone()).await.unwrap()["ShardIterator"].take();
        let record = json!({"PartitionKey": "k", "Data": "x"});
        for (operation, body) in [
            ("PutRecord", json!({"StreamName": "orders", "PartitionKey": "k", "Data": "x"})),
            ("PutRecords", json!({"StreamName": "orders", "Records": [record]})),
            ("GetShardIterator", start),
            ("GetRecords", json!({"ShardIterator": iterator})),
        ] {
            let mut dry = body.clone();
            dry["DryRun"] = json!(true);
            let answer = world.call(operation, dry.clone()).await;
            assert_eq!(answer, refused("DryRunOperationException", PASSED), "{operation}");
            dry["StreamARN"] = json!("arn:aws:kinesis:us-east-1:000000000000:stream/missing");
            assert_ne!(world.call(operation, dry).await.unwrap_err().0, "DryRunOperationException");
            let mut wet = body;
            wet["DryRun"] = json!(false);
            assert!(world.call(operation, wet).await.is_ok(), "{operation}");
        }
        let page = world.call("GetRecords", json!({"ShardIterator": iterator})).await.unwrap();
        let other = json!({"StreamName": "orders", "ShardId": "1", "ShardIteratorType": "TRIM_HORIZON"});
        let other = world.call("GetShardIterator", other).await.unwrap();
        let other = world.call("GetRecords", json!({"ShardIterator": other["ShardIterator"]})).await.unwrap();
        let records = |page: &Json| page["Records"].as_array().unwrap().len();
        assert_eq!(records(&page) + records(&other), 2);
    }
}
