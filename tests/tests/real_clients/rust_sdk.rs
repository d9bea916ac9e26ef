//! The scenario of the AWS SDK for Rust.

mod client;
mod records;
mod streams;

use std::error::Error as _;

use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::DateTime;
use millstream_runtime::SystemClock;
use millstream_tests::session::{Session, Transport};

const ACCOUNT: &str = "000000000000";
const STREAM: &str = "orders";
const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
const BINARY: &str = "orders-binary";
const BUSY: &str = "orders-busy";
const SHARDS: [&str; 3] = ["shardId-000000000000", "shardId-000000000001", "shardId-000000000002"];

fn assert_recent(time: Option<&DateTime>) {
    let seconds = time.expect("a time").as_secs_f64();
    let now = SystemClock::shared().now().as_secs_f64();
    assert!((now - seconds).abs() < 60.0, "{seconds} is not {now}");
}

/// The failure is of this kind, with this text in its message. `is_kind` is the SDK's own test for its type, for
/// operations that know it.
#[track_caller]
fn assert_refused<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
    result: Result<T, SdkError<E>>,
    code: &str,
    is_kind: impl FnOnce(&E) -> bool,
    text: &str,
) {
    let Err(failure) = result else { panic!("no {code}") };
    let status = failure.raw_response().map(|response| response.status().as_u16());
    assert_eq!(status, Some(400), "{failure:?}");
    assert!(failure.source().is_some());
    let error = failure.as_service_error().expect("an answer of the service");
    assert_eq!(error.code(), Some(code), "{error:?}");
    assert!(is_kind(error), "{error:?} is not typed");
    assert!(error.message().is_some_and(|message| message.contains(text)), "{error:?} does not say {text}");
}

async fn scenario(transport: Transport, protocol: &str) {
    // The SDK's waiters look every ten seconds, so a stream that is there at once saves that.
    let session = Session::new(transport, 0);
    let (client, impatient) = (
        client::client(&session, RetryConfig::standard()),
        client::client(&session, RetryConfig::disabled()),
    );
    streams::create(&client).await;
    streams::describe(&client).await;
    streams::list(&client).await;
    streams::list_shards(&client).await;
    records::put_record(&client).await;
    records::put_records(&client).await;
    records::get_records(&client).await;
    records::by_arn(&client).await;
    streams::tags(&client).await;
    streams::retention(&client).await;
    streams::errors(&client).await;
    records::errors(&client).await;
    records::throttles(&client, &impatient).await;
    streams::delete(&client).await;
    session.assert_spoke(&[protocol]);
}

#[tokio::test]
async fn rust_over_http() {
    scenario(Transport::Http, "1.1 json").await;
}

#[tokio::test]
async fn rust_over_tls() {
    scenario(Transport::Https, "2 json").await;
}
