//! Modes, warm throughput, record sizes and distribution, member by member.

use super::*;

const MIB: usize = 1024 * 1024;
const ELASTIC: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/elastic";
const OF_ORDERS: &str = "stream orders under account 000000000000";

fn mode(mode: &str) -> Json {
    json!({"StreamMode": mode})
}

fn switch(stream: &str, to: &str) -> Json {
    json!({"StreamARN": stream, "StreamModeDetails": mode(to)})
}

async fn create_on_demand(world: &World, more: Json) -> Result<Json, Refused> {
    let mut body = json!({"StreamName": "elastic", "StreamModeDetails": mode("ON_DEMAND")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("CreateStream", body).await
}

async fn enable_commitment(world: &World) {
    let body = json!({"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}});
    world.call("UpdateAccountSettings", body).await.unwrap();
}

async fn summary(world: &World, stream: &str) -> Json {
    let body = json!({"StreamARN": stream});
    world.call("DescribeStreamSummary", body).await.unwrap()["StreamDescriptionSummary"].take()
}

#[tokio::test]
async fn a_mode_is_switched() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        assert_eq!(world.call("UpdateStreamMode", switch(STREAM, "ON_DEMAND")).await, Ok(Json::Null));
        let shown = summary(&world, STREAM).await;
        assert_eq!((&shown["StreamModeDetails"], &shown["OpenShardCount"]), (&mode("ON_DEMAND"), &json!(2)));
        assert_eq!(shown["RecordDistributionStrategy"], "USER_PARTITION_KEY");
        let text = format!("Request is invalid. S{} is already in On-Demand mode.", &OF_ORDERS[1..]);
        let again = world.call("UpdateStreamMode", switch(STREAM, "ON_DEMAND")).await;
        assert_eq!(again, refused("ValidationException", &text));
        world.call("UpdateStreamMode", switch(STREAM, "PROVISIONED")).await.unwrap();
        assert_eq!(summary(&world, STREAM).await.get("RecordDistributionStrategy"), None);
        let text =
            format!("The mode of {OF_ORDERS} was switched 2 times within 24 hours, which is the limit.");
        let third = world.call("UpdateStreamMode", switch(STREAM, "ON_DEMAND")).await;
        assert_eq!(third, refused("LimitExceededException", &text));
        let gone = world.call("UpdateStreamMode", switch(ELASTIC, "ON_DEMAND")).await;
        let text = "Stream elastic under account 000000000000 not found.";
        assert_eq!(gone, refused("ResourceNotFoundException", text));
        let wrong =
            world.call("UpdateStreamMode", switch("arn:aws:kinesis:x:000000000000:stream/a/b", "ON_DEMAND"));
        assert_eq!(wrong.await.unwrap_err().0, "InvalidArgumentException");
        let wrong = world.call("UpdateStreamMode", switch(STREAM, "MANUAL")).await.unwrap_err();
        assert_eq!(wrong.0, "ValidationException");
    }
}

#[tokio::test]
async fn throughput_is_warmed() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let text = "WarmThroughputMiBps requires MinimumThroughputBillingCommitment to be enabled for the account \
                    000000000000 in us-east-1.";
        let refused_here = create_on_demand(&world, json!({"WarmThroughputMiBps": 7})).await;
        assert_eq!(refused_here, refused("InvalidArgumentException", text));
        create_on_demand(&world, json!({"WarmThroughputMiBps": 0})).await.unwrap();
        assert_eq!(summary(&world, ELASTIC).await.get("WarmThroughput"), None);
        let warm = |mib: i64| json!({"StreamName": "elastic", "WarmThroughputMiBps": mib});
        let refused_here = world.call("UpdateStreamWarmThroughput", warm(7)).await;
        assert_eq!(refused_here, refused("ValidationException", text));

        enable_commitment(&world).await;
        let answer = world.call("UpdateStreamWarmThroughput", warm(7)).await;
        let expected = json!({
            "StreamARN": ELASTIC, "StreamName": "elastic", "WarmThroughput": {"TargetMiBps": 7, "CurrentMiBps": 4},
        });
        assert_eq!(answer, Ok(expected));
        let shown = summary(&world, ELASTIC).await;
        assert_eq!(shown["WarmThroughput"], json!({"TargetMiBps": 7, "CurrentMiBps": 7}));
        assert_eq!(shown["OpenShardCount"], 7);
        world.call("UpdateStreamWarmThroughput", warm(0)).await.unwrap();
        assert_eq!(
            summary(&world, ELASTIC).await["WarmThroughput"],
            json!({"TargetMiBps": 0, "CurrentMiBps": 4})
        );

        let text = "WarmThroughputMiBps cannot be greater than 10240. Requested warm throughput: 10241";
        let over = world.call("UpdateStreamWarmThroughput", warm(10_241)).await;
        assert_eq!(over, refused("LimitExceededException", text));
        let text = format!("WarmThroughputMiBps is not supported for {OF_ORDERS} in Provisioned mode.");
        let body = json!({"StreamName": "orders", "WarmThroughputMiBps": 7});
        let provisioned = world.call("UpdateStreamWarmThroughput", body).await;
        assert_eq!(provisioned, refused("ValidationException", &text));
        let (code, _) = world.call("UpdateStreamWarmThroughput", warm(-1)).await.unwrap_err();
        assert_eq!(code, "ValidationException");

        let mut body = switch(STREAM, "ON_DEMAND");
        body["WarmThroughputMiBps"] = json!(3);
        world.call("UpdateStreamMode", body).await.unwrap();
        assert_eq!(
            summary(&world, STREAM).await["WarmThroughput"],
            json!({"TargetMiBps": 3, "CurrentMiBps": 3})
        );
    }
}

#[tokio::test]
async fn records_may_be_larger() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        let put = |bytes: usize| {
            let body = json!({"StreamName": "orders", "PartitionKey": "k", "Data": "x".repeat(bytes - 1)});
            world.call("PutRecord", body)
        };
        let resize = |kib: i64| {
            world.call("UpdateMaxRecordSize", json!({"StreamARN": STREAM, "MaxRecordSizeInKiB": kib}))
        };
        assert_eq!(put(2 * MIB).await.unwrap_err().0, "InvalidArgumentException");
        assert_eq!(resize(2_048).await, Ok(Json::Null));
        assert_eq!(summary(&world, STREAM).await["MaxRecordSizeInKiB"], 2_048);
        put(2 * MIB).await.unwrap();
        assert_eq!(put(2 * MIB + 1).await.unwrap_err().0, "InvalidArgumentException");
        for (kib, rule) in [(1_023, "greater than or equal to 1024"), (10_241, "less than or equal to 10240")]
        {
            let text = format!(
                "1 validation error detected: Value '{kib}' at 'maxRecordSizeInKiB' failed to satisfy constraint: Member \
                 must have value {rule}"
            );
            assert_eq!(resize(kib).await, refused("ValidationException", &text));
        }
        let nameless = world.call("UpdateMaxRecordSize", json!({"MaxRecordSizeInKiB": 2_048})).await;
        assert_eq!(nameless.unwrap_err().0, "InvalidArgumentException");
    }
}

#[tokio::test]
async fn records_take_turns_among_the_shards() {
    for format in FORMATS {
        let world = World::with_stream(format).await;
        create_on_demand(&world, json!({"RecordDistributionStrategy": "AUTO"})).await.unwrap();
        assert_eq!(summary(&world, ELASTIC).await["RecordDistributionStrategy"], "AUTO");
        // A hash key that is none does not matter where none matters.
        let no_key = "340282366920938463463374607431768211456";
        let records = json!([{"Data": "a"}, {"Data": "b", "PartitionKey": "k"}, {"Data": "c", "ExplicitHashKey": no_key}]);
        let answer =
            world.call("PutRecords", json!({"StreamName": "elastic", "Records": records})).await.unwrap();
        assert_eq!(answer["FailedRecordCount"], 0);
        let last = world.call("PutRecord", json!({"StreamName": "elastic", "Data": "d"})).await.unwrap();
        let entries = answer["Records"].as_array().unwrap();
        let mut shards: Vec<_> =
            entries.iter().chain([&last]).map(|entry| entry["ShardId"].to_string()).collect();
        shards.sort();
        shards.dedup();
        assert_eq!(shards.len(), 4);

        let mut keys = Vec::new();
        for shard in 0..4 {
            let body = json!({
                "StreamName": "elastic", "ShardId": format!("shardId-{shard:012}"), "ShardIteratorType": "TRIM_HORIZON",
            });
            let iterator = world.call("GetShardIterator", body).await.unwrap()["ShardIterator"].take();
            let page = world.call("GetRecords", json!({"ShardIterator": iterator})).await.unwrap();
            keys.push(page["Records"][0].get("PartitionKey").cloned());
        }
        keys.sort_by_key(|key| key.is_some());
        assert_eq!(keys, [None, None, None, Some(json!("k"))]);

        let text = "SequenceNumberForOrdering is not supported for stream elastic under account 000000000000, whose \
                    RecordDistributionStrategy is AUTO.";
        let body = json!({"StreamName": "elastic", "Data": "e", "SequenceNumberForOrdering": last["SequenceNumber"]});
        assert_eq!(world.call("PutRecord", body).await, refused("InvalidArgumentException", text));
        let strategy =
            |stream: &str, name: &str| json!({"StreamARN": stream, "RecordDistributionStrategy": name});
        let operation = "UpdateStreamRecordDistributionStrategy";
        assert_eq!(world.call(operation, strategy(ELASTIC, "USER_PARTITION_KEY")).await, Ok(Json::Null));
        let text = "1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: Member must \
                    not be null";
        let keyless = world.call("PutRecord", json!({"StreamName": "elastic", "Data": "e"})).await;
        assert_eq!(keyless, refused("ValidationException", text));
        let text =
            format!("RecordDistributionStrategy AUTO is not supported for {OF_ORDERS} in Provisioned mode.");
        assert_eq!(
            world.call(operation, strategy(STREAM, "AUTO")).await,
            refused("InvalidArgumentException", &text)
        );
        let body = json!({"StreamName": "third", "ShardCount": 1, "RecordDistributionStrategy": "AUTO"});
        assert_eq!(world.call("CreateStream", body).await.unwrap_err().0, "InvalidArgumentException");
    }
}

#[tokio::test]
async fn a_stream_that_is_being_changed_is_not_changed() {
    for format in FORMATS {
        let mut settings = Settings::default();
        settings.delays.update = Duration::from_secs(1);
        let world = World::new(format, settings).await;
        create_on_demand(&world, json!({})).await.unwrap();
        world.call("UpdateStreamMode", switch(ELASTIC, "PROVISIONED")).await.unwrap();
        let text = "Stream elastic under account 000000000000 not ACTIVE, instead in state UPDATING";
        for (operation, body) in [
            ("UpdateStreamMode", switch(ELASTIC, "ON_DEMAND")),
            ("UpdateMaxRecordSize", json!({"StreamARN": ELASTIC, "MaxRecordSizeInKiB": 2_048})),
            ("UpdateStreamWarmThroughput", json!({"StreamARN": ELASTIC, "WarmThroughputMiBps": 5})),
            (
                "UpdateStreamRecordDistributionStrategy",
                json!({"StreamARN": ELASTIC, "RecordDistributionStrategy": "AUTO"}),
            ),
        ] {
            assert_eq!(
                world.call(operation, body).await,
                refused("ResourceInUseException", text),
                "{operation}"
            );
        }
        world.clock.advance(Duration::from_secs(1));
        world.call("UpdateStreamMode", switch(ELASTIC, "ON_DEMAND")).await.unwrap();
    }
}
