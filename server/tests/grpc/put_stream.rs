//! Streaming put: answers in the order of the requests, each when its records are durable.

use futures_util::stream;
use millstream_proto::v1::{PutStreamRequest, PutStreamResponse};
use tonic::{Code, Status};

use super::*;

fn request(name: Option<&str>, entries: Vec<PutRecordsRequestEntry>) -> PutStreamRequest {
    PutStreamRequest { stream_name: name.map(str::to_owned), stream_arn: None, records: entries }
}

/// All answers, and how the call ended.
async fn answers(
    world: &mut World,
    requests: Vec<PutStreamRequest>,
) -> (Vec<PutStreamResponse>, Option<Status>) {
    let mut replies = world.records.put_stream(stream::iter(requests)).await.unwrap().into_inner();
    let mut answers = Vec::new();
    loop {
        match soon(replies.message()).await {
            Ok(Some(answer)) => answers.push(answer),
            Ok(None) => return (answers, None),
            Err(status) => return (answers, Some(status)),
        }
    }
}

#[tokio::test]
async fn each_request_is_answered_in_its_turn() {
    let mut world = World::new().await;
    let requests = (0..1000_usize).map(|number| {
        let name = (number == 0).then_some("orders");
        let entries = (0..=number % 3).map(|_| entry("k", number.to_string()));
        request(name, entries.collect())
    });
    let requests: Vec<_> = requests.collect();
    let counts: Vec<_> = requests.iter().map(|request| request.records.len()).collect();
    let (answers, status) = answers(&mut world, requests).await;
    assert!(status.is_none(), "{status:?}");
    let answered: Vec<_> = answers.iter().map(|answer| answer.records.len()).collect();
    assert_eq!(answered, counts);
    let results: Vec<_> = answers.iter().flat_map(|answer| &answer.records).collect();
    assert!(results.iter().all(|result| result.error_code.is_none() && result.shard_id() == SHARD));
    // One shard takes them in the order in which they were sent.
    let numbers: Vec<u128> =
        results.iter().map(|result| result.sequence_number()[18..].parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test]
async fn a_refused_request_does_not_end_the_call() {
    let mut world = World::new().await;
    let large = vec![0; 2 * 1024 * 1024];
    let requests = vec![
        request(Some("orders"), vec![entry("k", "a")]),
        request(None, Vec::new()),
        request(None, vec![entry("k", "b"), entry("k", large)]),
        request(Some("orders"), vec![entry("k", "c")]),
    ];
    let (answers, status) = answers(&mut world, requests).await;
    assert!(status.is_none(), "{status:?}");
    let shown: Vec<_> = answers
        .iter()
        .map(|answer| (answer.records.len(), answer.refusal.as_ref().map(|refusal| refusal.reason.as_str())))
        .collect();
    let invalid = Some("ValidationException");
    assert_eq!(shown[..2], [(1, None), (0, invalid)]);
    assert_eq!((shown[2].0, shown[3]), (0, (1, None)));
    assert!(shown[2].1.is_some());
}

#[tokio::test]
async fn a_call_is_about_one_stream() {
    let mut world = World::new().await;
    world.create("other", 1).await;
    let requests =
        vec![request(Some("orders"), vec![entry("k", "a")]), request(Some("other"), vec![entry("k", "b")])];
    let (got, status) = answers(&mut world, requests).await;
    let status = status.unwrap();
    // What was taken before is answered all the same.
    assert_eq!(
        (got.len(), status.code(), reason(&status).as_str()),
        (1, Code::InvalidArgument, "InvalidArgumentException")
    );

    let (got, status) = answers(&mut world, vec![request(Some("missing"), vec![entry("k", "a")])]).await;
    assert!(status.is_none());
    assert_eq!(got[0].refusal.as_ref().unwrap().reason, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_stream_may_be_named_in_either_way_and_a_name_that_is_none_names_nothing() {
    let mut world = World::new().await;
    let by_arn = |text: &str| PutStreamRequest {
        stream_arn: Some(text.to_owned()),
        ..request(None, vec![entry("k", "a")])
    };
    let named = |name| request(name, vec![entry("k", "a")]);
    let requests =
        vec![named(None), named(Some("no name")), named(Some("orders")), by_arn(STREAM_ARN), named(None)];
    let (got, status) = answers(&mut world, requests).await;
    assert!(status.is_none(), "{status:?}");
    let is_refused: Vec<_> = got.iter().map(|answer| answer.refusal.is_some()).collect();
    assert_eq!(is_refused, [true, true, false, false, false]);
    let other = STREAM_ARN.replace("us-east-1", "eu-west-1");
    let (got, status) = answers(&mut world, vec![named(Some("orders")), by_arn(&other)]).await;
    assert_eq!((got.len(), status.unwrap().code()), (1, Code::InvalidArgument));
}

#[tokio::test]
async fn without_requests_the_call_ends_after_a_while() {
    let mut world = World::new().await;
    let mut replies = world.records.put_stream(stream::pending()).await.unwrap().into_inner();
    let end = replies.message();
    let advance = async {
        a_moment().await;
        world.clock.advance(Duration::from_secs(301));
    };
    let (end, ()) = soon(futures_util::future::join(end, advance)).await;
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
}

/// Each request may be refused, the one that names the stream too.
#[tokio::test]
async fn a_refused_first_request_names_the_stream() {
    let mut world = World::new().await;
    let requests = vec![request(Some("orders"), vec![entry("", "a")]), request(None, vec![entry("k", "b")])];
    let (answers, status) = answers(&mut world, requests).await;
    assert!(status.is_none(), "{status:?}");
    assert_eq!(answers[0].refusal.as_ref().unwrap().reason, "ValidationException");
    assert_eq!((answers[1].records.len(), &answers[1].refusal), (1, &None));
}
