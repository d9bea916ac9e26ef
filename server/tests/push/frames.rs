//! What is sent, and in which order.

use super::*;

#[tokio::test]
async fn a_subscription_begins_brings_and_ends() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        world.put(b"first").await;
        let mut client = world.client(http).await;
        let mut events = soon(subscribe(&mut client, &app, "TRIM_HORIZON")).await;

        let event = soon(events.event()).await;
        let [record] = event["Records"].as_array().unwrap().as_slice() else { panic!("{event}") };
        assert_eq!(data(&event), [b"first"]);
        assert_eq!(record["PartitionKey"], "k");
        assert_eq!(record["ApproximateArrivalTimestamp"].to_string(), "1700000000.0");
        assert!(record.get("EncryptionType").is_none());
        assert_eq!(event["MillisBehindLatest"], 0);
        assert!(event.get("ChildShards").is_none());
        let number = event["ContinuationSequenceNumber"].as_str().unwrap().to_owned();
        assert!(number.as_str() > record["SequenceNumber"].as_str().unwrap());

        world.put(b"second").await;
        assert_eq!(data(&soon(events.event()).await), [b"second"]);

        world.clock.advance(Duration::from_secs(5));
        let beat = soon(events.event()).await;
        assert_eq!(beat["Records"], json!([]));
        assert!(beat["ContinuationSequenceNumber"].as_str().unwrap() > number.as_str());

        world.clock.advance(Duration::from_secs(295));
        assert!(soon(events.next()).await.is_none());
        // The connection is as good as before.
        let again = json!({"ConsumerARN": app, "ShardId": SHARD, "StartingPosition":
            {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number}});
        let mut events = soon(client.subscribe(&again)).await.unwrap();
        soon(events.next()).await.unwrap();
        assert_eq!(data(&soon(events.event()).await), [b"second"]);
    }
}

#[tokio::test]
async fn many_records_come_whole_and_in_order_to_all() {
    for http in BOTH {
        let mut world = World::new().await;
        let mut subscriptions = Vec::new();
        for name in ["a", "b", "c"] {
            let app = world.consumer(name).await;
            let mut client = world.client(http).await;
            let events = soon(subscribe(&mut client, &app, "LATEST")).await;
            subscriptions.push((client, events));
        }
        let large = |number: u32| [number.to_string().as_bytes(), &vec![b'.'; 200_000]].concat();
        for number in 0..20 {
            world.put(&large(number)).await;
        }
        for (_, events) in &mut subscriptions {
            let mut brought = Vec::new();
            while brought.len() < 20 {
                brought.extend(data(&soon(events.event()).await));
            }
            assert!(brought.into_iter().eq((0..20).map(large)));
        }
    }
}

#[tokio::test]
async fn an_error_inside_the_stream_is_its_last_frame() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        let mut client = world.client(http).await;
        let mut events = soon(subscribe(&mut client, &app, "LATEST")).await;
        world.call("DeregisterStreamConsumer", json!({"ConsumerARN": app})).await;
        let last = soon(events.next()).await.unwrap();
        assert_eq!(last.header(":message-type"), "exception");
        assert_eq!(last.kind(), "ResourceNotFoundException");
        assert_eq!(last.json(), json!({"message": "Consumer app, account 000000000000 not found."}));
        assert!(soon(events.next()).await.is_none());
    }
}

#[tokio::test]
async fn the_end_of_a_shard_names_its_children() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        let mut client = world.client(http).await;
        let mut events = soon(subscribe(&mut client, &app, "LATEST")).await;
        let middle = "170141183460469231731687303715884105728";
        let split = json!({"StreamName": "orders", "ShardToSplit": SHARD, "NewStartingHashKey": middle});
        world.call("SplitShard", split).await;
        let last = soon(events.event()).await;
        assert!(last.get("ContinuationSequenceNumber").is_none());
        let children = last["ChildShards"].as_array().unwrap();
        assert_eq!(children.len(), 2);
        assert_eq!(children[1]["ShardId"], "shardId-000000000002");
        assert_eq!(children[1]["ParentShards"], json!([SHARD]));
        assert_eq!(children[1]["HashKeyRange"]["StartingHashKey"], middle);
        assert!(soon(events.next()).await.is_none());
    }
}

#[tokio::test]
async fn errors_before_the_first_frame_are_answers_like_any_other() {
    for http in BOTH {
        let mut world = World::new().await;
        let app = world.consumer("app").await;
        let mut client = world.client(http).await;
        let _held = soon(subscribe(&mut client, &app, "LATEST")).await;
        let mut client = world.client(http).await;
        let mut refused = async |body: Json| {
            let (status, answer) = soon(client.subscribe(&body)).await.err().expect("an error");
            (status, answer["__type"].as_str().unwrap().to_owned(), answer["message"].to_string())
        };
        let (status, code, text) = refused(subscribe_body(&app, "LATEST")).await;
        assert_eq!((status, code.as_str()), (400, "ResourceInUseException"));
        let shown = format!(
            "\"Another active subscription exists for this consumer: 000000000000:orders:{SHARD}:app\""
        );
        assert_eq!(text, shown);
        let (_, code, _) = refused(subscribe_body(&app, "AT_SEQUENCE_NUMBER")).await;
        assert_eq!(code, "InvalidArgumentException");
        let (_, code, _) = refused(subscribe_body(stream_arn(), "LATEST")).await;
        assert_eq!(code, "ValidationException");
        let gone = app.replace("app:", "other:");
        let (_, code, _) = refused(subscribe_body(&gone, "LATEST")).await;
        assert_eq!(code, "ResourceNotFoundException");
        world.clock.advance(Duration::from_secs(5));
        let mut dry = subscribe_body(&app, "LATEST");
        dry["DryRun"] = json!(true);
        let (_, code, _) = refused(dry).await;
        assert_eq!(code, "DryRunOperationException");
    }
}

/// Clients that speak CBOR ask for streams in JSON; AWS fails for one that does not.
#[tokio::test]
async fn a_stream_in_cbor_is_a_failure_of_the_service() {
    let mut world = World::new().await;
    let app = world.consumer("app").await;
    let mut body = Vec::new();
    ciborium::into_writer(&subscribe_body(&app, "LATEST"), &mut body).unwrap();
    let (status, answer) = world.control.call_in_cbor("SubscribeToShard", body).await;
    let answer: Json = ciborium::from_reader(answer.as_ref()).unwrap();
    assert_eq!((status, answer), (500, json!({"__type": "InternalFailure"})));
}

#[tokio::test]
async fn what_consumers_are_brought_is_counted() {
    let mut world = World::new().await;
    let app = world.consumer("app").await;
    let mut client = world.client(Http::Two).await;
    let mut events = soon(subscribe(&mut client, &app, "LATEST")).await;
    world.put(b"data").await;
    soon(events.event()).await;
    let metrics = client::get(world.server.admin_address(), "/metrics").await;
    let labels =
        "{stream_name=\"orders\",region=\"us-east-1\",account=\"000000000000\",consumer_name=\"app\"}";
    for (name, value) in [
        ("subscribe_to_shard_success_total", 1),
        ("subscribe_to_shard_event_success_total", 1),
        ("subscribe_to_shard_event_records_total", 1),
        ("subscribe_to_shard_event_bytes_total", 5),
        ("subscribe_to_shard_event_milliseconds_behind_latest", 0),
    ] {
        let line = format!("millstream_{name}{labels} {value}");
        assert!(metrics.lines().any(|shown| shown == line), "{line} is not in\n{metrics}");
    }
}
