//! How calls end: codes, exceptions, deadlines, and whose streams are meant.

use millstream_proto::v1::{
    DescribeLimitsRequest, DescribeStreamSummaryRequest, GetRecordsRequest, GetShardIteratorRequest,
    PutRecordsRequest,
};
use tonic::{Code, Request};

use super::*;

#[tokio::test]
async fn records_go_in_and_come_out() {
    let mut world = World::new().await;
    let number = world.put(b"one").await;
    let request = GetShardIteratorRequest {
        stream_name: Some("orders".to_owned()),
        shard_id: Some(SHARD.to_owned()),
        shard_iterator_type: Some(ShardIteratorType::AtSequenceNumber.into()),
        starting_sequence_number: Some(number.clone()),
        ..Default::default()
    };
    let iterator = world.records.get_shard_iterator(request).await.unwrap().into_inner().shard_iterator;
    let request = GetRecordsRequest { shard_iterator: iterator, ..Default::default() };
    let page = world.records.get_records(request).await.unwrap().into_inner();
    let [record] = &page.records[..] else { panic!("{page:?}") };
    assert_eq!(
        (&record.sequence_number, &record.data[..], record.partition_key()),
        (&number, &b"one"[..], "k")
    );
    assert_eq!(record.approximate_arrival_timestamp.unwrap().seconds, 1_700_000_000);
    assert_eq!(page.millis_behind_latest, Some(0));
}

#[tokio::test]
async fn an_exception_is_in_the_details() {
    let mut world = World::new().await;
    let missing = DescribeStreamSummaryRequest { stream_name: Some("missing".to_owned()), stream_arn: None };
    let status = world.streams.describe_stream_summary(missing).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "ResourceNotFoundException"));
    assert_eq!(status.message(), "Stream missing under account 000000000000 not found.");

    let empty = PutRecordsRequest { stream_name: Some("orders".to_owned()), ..Default::default() };
    let status = world.records.put_records(empty).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "ValidationException"));
    let text = "1 validation error detected: Value null at 'records' failed to satisfy constraint: Member must not be null";
    assert_eq!(status.message(), text);
}

#[tokio::test]
async fn a_throttled_call_says_when_to_try_again() {
    let mut world = World::limited(LimitsPreset::Aws).await;
    let request = || PutRecordRequest {
        stream_name: Some("orders".to_owned()),
        data: Some(vec![0; 700_000].into()),
        partition_key: Some("k".to_owned()),
        ..Default::default()
    };
    let mut throttled = None;
    for _ in 0..5 {
        throttled = world.records.put_record(request()).await.err().or(throttled);
    }
    let status = throttled.expect("a shard takes a mebibyte a second");
    let shown = (status.code(), reason(&status));
    assert_eq!(shown, (Code::ResourceExhausted, "ProvisionedThroughputExceededException".to_owned()));
    let details = status.get_error_details();
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
}

#[tokio::test]
async fn metadata_name_account_and_region() {
    let mut world = World::new().await;
    let mut request = Request::new(DescribeStreamSummaryRequest {
        stream_name: Some("orders".to_owned()),
        stream_arn: None,
    });
    request.metadata_mut().insert("millstream-region", "eu-west-1".parse().unwrap());
    let status = world.streams.describe_stream_summary(request).await.unwrap_err();
    assert_eq!(reason(&status), "ResourceNotFoundException");
    let mut request = Request::new(DescribeLimitsRequest {});
    request.metadata_mut().insert("millstream-account", "nobody".parse().unwrap());
    let status = world.streams.describe_limits(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

/// By the server's clock, which stands still until it is moved.
#[tokio::test]
async fn a_deadline_ends_a_call_that_streams() {
    let mut world = World::new().await;
    let consumer = world.consumer("app").await;
    world.put(b"one").await;
    let mut request = Request::new(from_horizon(&consumer));
    request.metadata_mut().insert("grpc-timeout", "2S".parse().unwrap());
    let mut events = world.records.subscribe(request).await.unwrap().into_inner();
    assert_eq!(soon(events.message()).await.unwrap().unwrap().records.len(), 1);
    world.clock.advance(Duration::from_secs(2));
    let status = soon(events.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

/// What nobody waits for any more is not begun, nor what would not end when its client wants it to.
#[tokio::test]
async fn a_deadline_that_is_over_or_none_lets_nothing_happen() {
    let mut world = World::new().await;
    let create = CreateStreamRequest {
        stream_name: Some("late".to_owned()),
        shard_count: Some(1),
        ..Default::default()
    };
    for (timeout, code) in [
        ("0n", Code::DeadlineExceeded),
        ("soon", Code::InvalidArgument),
        ("123456789S", Code::InvalidArgument),
    ] {
        let mut late = Request::new(create.clone());
        late.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        let status = world.streams.create_stream(late).await.unwrap_err();
        assert_eq!(status.code(), code, "{timeout}");
    }
    let asked = DescribeStreamSummaryRequest { stream_name: Some("late".to_owned()), ..Default::default() };
    assert_eq!(world.streams.describe_stream_summary(asked).await.unwrap_err().code(), Code::NotFound);
}
