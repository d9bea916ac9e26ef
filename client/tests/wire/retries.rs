//! Retries as a caller sees them: how often the service is asked, how long is waited, and what comes out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use millstream_client::{
    Attempts, Capacity, Error, NewRecord, NewStream, RetryPolicy, Retrying, StreamApi, StreamRef, Verdict,
};
use millstream_runtime::{SeededEntropy, SystemClock};
use proptest::prelude::*;

use crate::scripted_server::{HastyClock, Reply, ScriptedServer};

fn stream() -> StreamRef {
    "orders".parse().unwrap()
}

fn new_stream() -> NewStream {
    NewStream { name: "orders".parse().unwrap(), capacity: Capacity::OnDemand, tags: BTreeMap::new() }
}

async fn retrying(server: &ScriptedServer) -> (Retrying, Arc<HastyClock>) {
    let clock = Arc::new(HastyClock::default());
    let api = server.connect(SystemClock::shared()).await;
    (Retrying::new(Arc::new(api), RetryPolicy::default(), clock.clone(), SeededEntropy::shared(7)), clock)
}

#[tokio::test]
async fn a_read_is_repeated_until_it_succeeds() {
    let server = ScriptedServer::start(vec![
        Reply::error(500, "InternalFailure"),
        Reply::error(400, "LimitExceededException"),
        Reply::Close,
        Reply::ok(r#"{"StreamNames":[],"HasMoreStreams":false}"#),
    ])
    .await;
    let (api, clock) = retrying(&server).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let api = api.on_retry(Box::new(move |error| telling.lock().unwrap().push(error.is_throttle())));
    assert!(api.list_streams(None).await.unwrap().items.is_empty());
    assert_eq!((server.seen().len(), clock.slept().len()), (4, 3));
    assert_eq!(*told.lock().unwrap(), [false, true, false]);
}

#[tokio::test]
async fn patience_ends() {
    let server = ScriptedServer::start(vec![]).await;
    let (api, clock) = retrying(&server).await;
    let error = api.list_streams(None).await.unwrap_err();
    assert!(matches!(error, Error::ServiceUnavailable { .. }), "{error:?}");
    let slept: Duration = clock.slept().iter().sum();
    assert!(slept <= Duration::from_secs(60) && slept > Duration::from_secs(50), "{slept:?}");
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let server = ScriptedServer::start(vec![Reply::error(400, "ResourceNotFoundException")]).await;
    let (api, _) = retrying(&server).await;
    assert!(api.describe_stream_summary(&stream()).await.is_err());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn creating_is_not_repeated_after_a_lost_reply() {
    let server = ScriptedServer::start(vec![Reply::Close, Reply::ok("")]).await;
    let (api, _) = retrying(&server).await;
    let error = api.create_stream(&new_stream()).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionLost(_)), "{error:?}");
    assert_eq!(server.seen().len(), 1);
    let (api, _) = retrying(&server).await;
    api.create_stream(&new_stream()).await.unwrap();
}

#[tokio::test]
async fn creating_is_repeated_after_a_throttle() {
    let server =
        ScriptedServer::start(vec![Reply::error(400, "LimitExceededException"), Reply::ok("")]).await;
    let (api, _) = retrying(&server).await;
    api.create_stream(&new_stream()).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn single_entries_are_not_repeated() {
    let throttled = r#"{"Records":[{"ErrorCode":"ProvisionedThroughputExceededException"}]}"#;
    let server = ScriptedServer::start(vec![Reply::ok(throttled)]).await;
    let (api, _) = retrying(&server).await;
    let record =
        NewRecord { partition_key: "a".to_owned(), explicit_hash_key: None, data: Bytes::from_static(b"x") };
    let outcomes = api.put_records(&stream(), &[record]).await.unwrap();
    assert!(outcomes[0].as_ref().unwrap_err().is_throttle());
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_throttle_ends_a_streak_of_transient_failures() {
    let policy = RetryPolicy { throttled_patience: Duration::MAX, ..RetryPolicy::default() };
    let (lost, throttle) = (Error::ConnectionLost(String::new()), Error::Throttling(String::new()));
    let at = Duration::from_secs;
    let mut attempts = Attempts::new(policy);
    assert!(matches!(attempts.failed(&lost, at(0), 0), Verdict::RetryAfter(_)));
    assert!(matches!(attempts.failed(&throttle, at(50), 0), Verdict::RetryAfter(_)));
    assert!(matches!(attempts.failed(&lost, at(100), 0), Verdict::RetryAfter(_)));
    assert!(matches!(attempts.failed(&lost, at(159), 0), Verdict::RetryAfter(_)));
    assert_eq!(attempts.failed(&lost, at(161), 0), Verdict::GiveUp);
    assert!(matches!(attempts.failed(&throttle, at(9_999_999), 0), Verdict::RetryAfter(_)));
}

proptest! {
    /// Whoever obeys gives up in time: within the patience, and not before a wait would overrun it.
    #[test]
    fn waits_fit_the_patience(randoms in prop::collection::vec(any::<u64>(), 1..500)) {
        let policy = RetryPolicy::default();
        let lost = Error::ConnectionLost(String::new());
        let (mut attempts, mut now) = (Attempts::new(policy), Duration::from_secs(5));
        for random in randoms {
            match attempts.failed(&lost, now, random) {
                Verdict::RetryAfter(delay) => {
                    prop_assert!(delay <= policy.transient.cap);
                    now += delay;
                    prop_assert!(now <= Duration::from_secs(65));
                }
                Verdict::GiveUp => {
                    prop_assert!(now + policy.transient.cap > Duration::from_secs(65));
                    break;
                }
            }
        }
    }
}
