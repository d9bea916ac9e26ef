//! Entries of PutRecords that are to fail, beside others that are put.

use super::*;

fn rule(world: &World, rule: Json) {
    world.faults.add(vec![serde_json::from_value(rule).unwrap()]).unwrap();
}

fn two_entries(stream: &str) -> Json {
    let entry = |key: &str| json!({"PartitionKey": key, "Data": ""});
    json!({"StreamARN": stream, "Records": [entry("a"), entry("b")]})
}

#[tokio::test]
async fn nobody_knows_beforehand_where_a_stream_that_spreads_its_records_puts_one() {
    for format in FORMATS {
        let world = World::new(format, Settings::default()).await;
        let create = json!({
            "StreamName": "elastic", "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
            "RecordDistributionStrategy": "AUTO",
        });
        world.call("CreateStream", create).await.unwrap();
        for shard in 0..4 {
            rule(&world, json!({"shard": format!("shardId-{shard:012}"), "error": "throttling"}));
        }
        let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/elastic";
        let answer = world.call("PutRecords", two_entries(stream)).await.unwrap();
        assert_eq!(answer["FailedRecordCount"], 0);
    }
}

#[tokio::test]
async fn the_answer_is_that_of_an_encrypted_stream_even_if_no_entry_is_put() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let start = json!({"StreamARN": STREAM, "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
        world.call("StartStreamEncryption", start).await.unwrap();
        rule(&world, json!({"operation": "PutRecords", "entries": true, "error": "throttling"}));
        let answer = world.call("PutRecords", two_entries(STREAM)).await.unwrap();
        assert_eq!((&answer["FailedRecordCount"], &answer["EncryptionType"]), (&json!(2), &json!("KMS")));
    }
}
