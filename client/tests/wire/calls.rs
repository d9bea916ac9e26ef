//! What goes out, what comes back, and what every way of failing is called.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use millstream_client::{
    Capacity, Error, NewRecord, NewStream, Next, ShardFilter, ShardIterator, StartingPosition, StreamApi,
    StreamRef,
};
use millstream_model::{HashKey, ShardId, Timestamp};
use millstream_runtime::{ManualClock, SystemClock};

use crate::scripted_server::{Reply, ScriptedServer, connect};

const SEQUENCE: &str = "49590338271490256608559692538361571095921575989136588898";

fn stream() -> StreamRef {
    "orders".parse().unwrap()
}

#[tokio::test]
async fn a_stream_is_created_with_what_was_asked() {
    let server = ScriptedServer::start(vec![Reply::ok(""), Reply::ok("")]).await;
    let api = server.connect(SystemClock::shared()).await;
    let mut stream = NewStream {
        name: "orders".parse().unwrap(),
        capacity: Capacity::Provisioned { shards: 8 },
        tags: BTreeMap::new(),
    };
    api.create_stream(&stream).await.unwrap();
    stream.capacity = Capacity::OnDemand;
    stream.tags.insert("team".to_owned(), "ops".to_owned());
    api.create_stream(&stream).await.unwrap();
    let bodies: Vec<_> = server.seen().into_iter().map(|seen| seen.body).collect();
    let provisioned =
        r#"{"StreamName":"orders","ShardCount":8,"StreamModeDetails":{"StreamMode":"PROVISIONED"}}"#;
    let on_demand =
        r#"{"StreamName":"orders","StreamModeDetails":{"StreamMode":"ON_DEMAND"},"Tags":{"team":"ops"}}"#;
    assert_eq!(bodies, [provisioned, on_demand]);
}

#[tokio::test]
async fn records_go_out_and_their_outcomes_come_back() {
    let reply = format!(
        r#"{{"FailedRecordCount":1,"Records":[
            {{"ShardId":"shardId-000000000006","SequenceNumber":"{SEQUENCE}"}},
            {{"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate exceeded"}}]}}"#
    );
    let server = ScriptedServer::start(vec![Reply::ok(&reply)]).await;
    let api = server.connect(SystemClock::shared()).await;
    let record = |key: &str, explicit_hash_key| NewRecord {
        partition_key: key.to_owned(),
        explicit_hash_key,
        data: Bytes::from_static(b"\x00\xff"),
    };
    let outcomes =
        api.put_records(&stream(), &[record("a", None), record("b", Some(HashKey(7)))]).await.unwrap();
    let stored = outcomes[0].as_ref().unwrap();
    assert_eq!((stored.shard, stored.sequence_number.as_str()), (ShardId::new(6).unwrap(), SEQUENCE));
    assert!(outcomes[1].as_ref().unwrap_err().is_throttle());
    let body = &server.seen()[0].body;
    assert!(body.contains(r#"{"Data":"AP8=","PartitionKey":"a"}"#), "{body}");
    assert!(body.contains(r#""ExplicitHashKey":"7""#), "{body}");
}

#[tokio::test]
async fn records_come_in_as_they_were() {
    let page = format!(
        r#"{{"Records":[{{"SequenceNumber":"{SEQUENCE}","ApproximateArrivalTimestamp":1704067200.123,
            "Data":"AP8=","PartitionKey":"a"}}],"NextShardIterator":"next","MillisBehindLatest":17}}"#
    );
    let end = r#"{"Records":[],"MillisBehindLatest":0,"ChildShards":[{"ShardId":"shardId-000000000008",
        "ParentShards":["shardId-000000000006"],"HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"9"}}]}"#;
    let server = ScriptedServer::start(vec![Reply::ok(&page), Reply::ok(end)]).await;
    let api = server.connect(SystemClock::shared()).await;
    let page = api.get_records(&stream(), &ShardIterator("first".to_owned()), 100).await.unwrap();
    assert_eq!(page.records[0].approximate_arrival, Timestamp::from_millis(1_704_067_200_123));
    assert_eq!(&page.records[0].data[..], b"\x00\xff");
    assert_eq!(page.millis_behind_latest, 17);
    assert_eq!(page.next, Next::Iterator(ShardIterator("next".to_owned())));
    let end = api.get_records(&stream(), &ShardIterator("next".to_owned()), 100).await.unwrap();
    let Next::ShardEnd { children } = end.next else { panic!("{end:?}") };
    assert_eq!(children[0].parents, [ShardId::new(6).unwrap()]);
    assert_eq!(server.seen()[0].body, r#"{"ShardIterator":"first","Limit":100}"#);
}

#[tokio::test]
async fn listings_follow_their_pages() {
    let shard = |id: u32| {
        format!(
            r#"{{"ShardId":"shardId-{id:012}","HashKeyRange":{{"StartingHashKey":"0","EndingHashKey":"9"}},
                "SequenceNumberRange":{{"StartingSequenceNumber":"{SEQUENCE}"}}}}"#
        )
    };
    let server = ScriptedServer::start(vec![
        Reply::ok(&format!(r#"{{"Shards":[{}],"NextToken":"t"}}"#, shard(0))),
        Reply::ok(&format!(r#"{{"Shards":[{}]}}"#, shard(1))),
        Reply::ok(r#"{"StreamNames":["a","b"],"HasMoreStreams":true}"#),
        Reply::ok(r#"{"StreamNames":["c"],"HasMoreStreams":false}"#),
    ])
    .await;
    let api = server.connect(SystemClock::shared()).await;
    let api: &dyn StreamApi = &api;
    let shards = api.all_shards(&stream(), ShardFilter::AtLatest).await.unwrap();
    assert_eq!(shards.iter().map(|shard| shard.id.index()).collect::<Vec<_>>(), [0, 1]);
    let streams = api.all_streams().await.unwrap();
    assert_eq!(streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let bodies: Vec<_> = server.seen().into_iter().map(|seen| seen.body).collect();
    let first = r#"{"StreamName":"orders","ShardFilter":{"Type":"AT_LATEST"}}"#;
    assert_eq!(bodies, [first, r#"{"NextToken":"t"}"#, "{}", r#"{"ExclusiveStartStreamName":"b"}"#]);
}

#[tokio::test]
async fn an_arn_goes_out_as_one() {
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";
    let server = ScriptedServer::start(vec![Reply::ok(r#"{"ShardIterator":"i"}"#)]).await;
    let api = server.connect(SystemClock::shared()).await;
    let at = StartingPosition::AtTimestamp(Timestamp::from_millis(1_704_067_200_123));
    api.get_shard_iterator(&arn.parse().unwrap(), ShardId::new(0).unwrap(), &at).await.unwrap();
    let body = &server.seen()[0].body;
    assert!(body.contains(&format!(r#""StreamARN":"{arn}""#)) && !body.contains("StreamName"), "{body}");
    assert!(body.contains(r#""Timestamp":1704067200.123"#), "{body}");
}

/// What the server does, and what the error is to be.
type Case = (Reply, fn(&Error) -> bool);

#[tokio::test]
async fn every_way_of_failing_has_its_name() {
    let said = || "said so".to_owned();
    let cases: Vec<Case> = vec![
        (Reply::error(400, "ResourceNotFoundException"), |e| matches!(e, Error::ResourceNotFound(_))),
        (Reply::error(400, "com.amazonaws.kinesis#LimitExceededException"), Error::is_throttle),
        (Reply::error(400, "InvalidSignatureException"), |e| matches!(e, Error::Unauthenticated { .. })),
        (Reply::error(500, "InternalFailure"), |e| matches!(e, Error::InternalFailure(_))),
        (Reply::Say(503, "<html>".to_owned()), |e| {
            matches!(e, Error::ServiceUnavailable { status: 503, .. })
        }),
        (Reply::Say(200, "<html>".to_owned()), |e| matches!(e, Error::UnreadableReply(_))),
        (Reply::BreakOff, |e| matches!(e, Error::ConnectionLost(_))),
        (Reply::Close, |e| matches!(e, Error::ConnectionLost(_))),
    ];
    for (reply, expected) in cases {
        let server = ScriptedServer::start(vec![reply.clone()]).await;
        let api = server.connect(SystemClock::shared()).await;
        let error = api.describe_stream_summary(&stream()).await.unwrap_err();
        assert!(expected(&error), "{reply:?} gave {error:?}");
        assert_eq!(server.seen().len(), 1, "one call is one attempt");
        if let Error::ResourceNotFound(message) = error {
            assert_eq!(message, said());
        }
    }
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_unreachable() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let api = connect(&format!("http://{free}"), SystemClock::shared()).await;
    let error = api.list_streams(None).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)) && error.has_no_side_effects(), "{error:?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let server = ScriptedServer::start(vec![Reply::Hang]).await;
    let clock = ManualClock::starting_at(Duration::ZERO);
    let api = server.connect(clock.shared()).await;
    let arrived = async {
        while server.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(30));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = api.list_streams(None) => {
            assert_eq!(outcome.unwrap_err(), Error::TimedOut(Duration::from_secs(30)));
        }
        () = arrived => {}
    }
}
