//! Reading by being sent: subscriptions, one after another.
//!
//! A subscription ends after five minutes, which is nothing to speak of: the next one begins where it ended, a moment
//! later, so that shards that began together part.

use std::time::Duration;

use millstream_client::{Error, Subscription, SubscriptionEvent, Then};
use millstream_model::ConsumerArn;
use millstream_runtime::Entropy;

use super::{Fetcher, Left};

/// The longest wait before the next subscription.
const JITTER_MAX: Duration = Duration::from_millis(250);
/// For how long the service keeps a consumer from subscribing again, and a little more.
const TAKEOVER: Duration = Duration::from_millis(1_100);

impl Fetcher {
    /// Reads one subscription to its end.
    pub(super) async fn subscribe(&mut self, consumer: &ConsumerArn) -> Left {
        self.queue.room().await;
        let opened_at = self.now();
        let from = self.cursor.position().clone();
        let mut subscription = match self.parts.api.subscribe_to_shard(consumer, self.shard, &from).await {
            Ok(subscription) => subscription,
            Err(error) => return self.not_subscribed(&error).await,
        };
        self.cursor.opened(opened_at);
        self.status.retrieves("fan-out");
        self.follow(subscription.as_mut()).await
    }

    async fn follow(&mut self, subscription: &mut dyn Subscription) -> Left {
        loop {
            // Whoever does not read holds the service up, not its memory.
            self.queue.room().await;
            let silence = self.parts.settings.subscription_silence;
            let event = match self.parts.clock.timeout(silence, subscription.next_event()).await {
                Some(Ok(Some(event))) => event,
                Some(Ok(None)) => {
                    self.part().await;
                    return Left::Anew;
                }
                None => {
                    tracing::info!(shard = %self.name, "a subscription fell silent");
                    return Left::Anew;
                }
                // Another worker may have taken the shard over, and connections break: both are everyday.
                Some(Err(Error::ResourceInUse(_) | Error::ConnectionLost(_))) => {
                    tracing::debug!(shard = %self.name, "a subscription was broken off");
                    self.part().await;
                    return Left::Anew;
                }
                Some(Err(error @ Error::ResourceNotFound(_))) => return self.not_found(&error).await,
                Some(Err(error)) => {
                    self.back_off("a subscription failed", &error).await;
                    return Left::Anew;
                }
            };
            if let Some(end) = self.take(event) {
                return end;
            }
        }
    }

    fn take(&mut self, event: SubscriptionEvent) -> Option<Left> {
        self.push(event.records, event.millis_behind_latest);
        match event.then {
            Then::ContinueAfter(number) => {
                self.cursor.read(&number);
                None
            }
            Then::ShardEnd { children } => Some(Left::AtEnd(children)),
        }
    }

    async fn part(&self) {
        let random = <dyn Entropy>::next_u64(self.parts.entropy.as_ref());
        let nanos = u64::try_from(JITTER_MAX.as_nanos()).unwrap_or(u64::MAX);
        self.parts.clock.sleep(Duration::from_nanos(random % nanos.max(1))).await;
    }

    async fn not_subscribed(&mut self, error: &Error) -> Left {
        match error {
            // The last holder's subscription still stands, for five seconds at most.
            Error::ResourceInUse(_) => {
                tracing::debug!(shard = %self.name, %error, "the last subscription still stands");
                self.parts.clock.sleep(TAKEOVER).await;
                Left::Anew
            }
            error if error.is_throttle() => {
                self.status.failed_to_read(error);
                self.parts.clock.sleep(TAKEOVER).await;
                self.part().await;
                Left::Anew
            }
            // The consumer or the shard: polling will tell.
            Error::ResourceNotFound(_) | Error::InvalidArgument(_) | Error::Validation(_) => {
                tracing::warn!(shard = %self.name, %error, "no subscription; the shard is polled");
                self.status.failed_to_read(error);
                Left::Unusable
            }
            error => {
                self.back_off("there is no subscription", error).await;
                Left::Anew
            }
        }
    }
}
