//! Registering the application with a stream, so that its shards can be subscribed to.
//!
//! It goes on beside the reading: shards are polled until the consumer is registered, and where it cannot be.

use std::sync::Arc;
use std::time::Duration;

use millstream_client::{ConsumerStatus, Error, StreamApi};
use millstream_model::{ConsumerArn, ConsumerName};
use millstream_runtime::SharedClock;
use tokio::sync::watch;

use crate::stream::Stream;

/// Between two looks at a consumer that is being made.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Refusals for a limit, one a second, after which it is not the rate of calls that is meant but the number of consumers.
const REFUSALS_MAX: u32 = 10;
/// Before it is tried again where it could not be done.
const ANOTHER_TRY: Duration = Duration::from_secs(300);

/// How shards are read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Retrieving {
    Polling,
    FanOut(ConsumerArn),
}

/// What is to be done after an answer: a pure decision.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Subscribe(ConsumerArn),
    Register,
    LookAgain,
    /// Poll, and try again much later.
    FallBack,
}

/// After asking for the consumer.
fn after_look(found: &Result<millstream_client::StreamConsumer, Error>) -> Step {
    match found {
        Ok(consumer) if consumer.status == ConsumerStatus::Active => Step::Subscribe(consumer.arn.clone()),
        Ok(_) => Step::LookAgain,
        Err(Error::ResourceNotFound(_)) => Step::Register,
        Err(error) if error.is_retryable() => Step::LookAgain,
        Err(_) => Step::FallBack,
    }
}

/// After trying to register, with the refusals for a limit so far.
fn after_registering<T>(answer: &Result<T, Error>, refusals: u32) -> Step {
    match answer {
        Ok(_) | Err(Error::ResourceInUse(_)) => Step::LookAgain,
        Err(Error::LimitExceeded(_)) if refusals >= REFUSALS_MAX => Step::FallBack,
        Err(error) if error.is_retryable() => Step::LookAgain,
        Err(_) => Step::FallBack,
    }
}

/// Keeps `retrieving` up to date until it is known how to subscribe.
pub(crate) async fn register(
    api: Arc<dyn StreamApi>,
    stream: Arc<Stream>,
    name: ConsumerName,
    clock: SharedClock,
    retrieving: Arc<watch::Sender<Retrieving>>,
) {
    let mut refusals = 0;
    loop {
        let found = api.describe_stream_consumer(&stream.arn, &name).await;
        let mut step = after_look(&found);
        let mut failure = found.err();
        if step == Step::Register {
            let answer = api.register_stream_consumer(&stream.arn, &name).await;
            refusals += u32::from(matches!(answer, Err(Error::LimitExceeded(_))));
            step = after_registering(&answer, refusals);
            failure = answer.err();
        }
        match step {
            Step::Subscribe(arn) => {
                tracing::info!(stream = %stream.name, consumer = %name, "shards are subscribed to");
                retrieving.send_replace(Retrieving::FanOut(arn));
                return;
            }
            Step::Register | Step::LookAgain => clock.sleep(LOOK_INTERVAL).await,
            Step::FallBack => {
                let error = failure.map(|error| error.to_string()).unwrap_or_default();
                tracing::warn!(stream = %stream.name, consumer = %name, %error, "no consumer can be registered; shards are polled");
                refusals = 0;
                clock.sleep(ANOTHER_TRY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(error: fn(String) -> Error) -> Result<T, Error> {
        Err(error("said so".to_owned()))
    }

    #[test]
    fn a_full_stream_is_polled() {
        for refusals in 0..REFUSALS_MAX {
            assert_eq!(after_registering::<()>(&refused(Error::LimitExceeded), refusals), Step::LookAgain);
        }
        assert_eq!(after_registering::<()>(&refused(Error::LimitExceeded), REFUSALS_MAX), Step::FallBack);
        assert_eq!(after_registering::<()>(&refused(Error::AccessDenied), 0), Step::FallBack);
    }

    #[test]
    fn a_consumer_is_made_if_it_is_missing_and_waited_for() {
        let arn: ConsumerArn =
            "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/app:1700000000".parse().unwrap();
        let consumer = |status| Ok(millstream_client::StreamConsumer { arn: arn.clone(), status });
        assert_eq!(after_look(&refused(Error::ResourceNotFound)), Step::Register);
        assert_eq!(after_registering(&Ok(()), 0), Step::LookAgain);
        assert_eq!(after_registering::<()>(&refused(Error::ResourceInUse), 0), Step::LookAgain);
        assert_eq!(after_look(&consumer(ConsumerStatus::Creating)), Step::LookAgain);
        assert_eq!(after_look(&consumer(ConsumerStatus::Active)), Step::Subscribe(arn.clone()));
        assert_eq!(after_look(&refused(Error::Throttling)), Step::LookAgain);
    }
}
