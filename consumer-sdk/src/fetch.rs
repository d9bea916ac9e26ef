//! Reading one shard, ahead of its processor: by subscription where there is one, by polling otherwise.
//!
//! A [`Fetcher`] never ends by itself: it fills the shard's queue until it is dropped, and shows in the shard's state
//! what keeps it from reading. It gives up only where the service says of the checkpoint's number that it is none. It
//! passes over nothing; what it reads twice is dropped by whoever knows the checkpoint.

mod cursor;
mod fan_out;
mod gone;
mod pace;
mod polling;

use std::convert::Infallible;
use std::sync::Arc;

use millstream_client::{ChildShard, Error, Record};
use millstream_lease::ShardName;
use millstream_model::{ShardId, Timestamp};
use millstream_runtime::Entropy;
use tokio::sync::watch;

use crate::prefetch::{Fetched, Queue};
use crate::registration::Retrieving;
use crate::status::ShardStatus;
use crate::stream::Stream;
use crate::worker::Parts;

pub(crate) use self::cursor::Cursor;
use self::gone::Gone;
pub(crate) use self::gone::children_of;

/// Refusals of the number to begin at, in a row, before it is given up on: listings may be behind what they list.
const REFUSALS_MAX: u32 = 3;

/// What reads one shard.
pub(crate) struct Fetcher {
    pub(crate) parts: Arc<Parts>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) shard: ShardId,
    pub(crate) name: ShardName,
    pub(crate) queue: Arc<Queue>,
    pub(crate) status: Arc<ShardStatus>,
    pub(crate) retrieving: watch::Receiver<Retrieving>,
    pub(crate) cursor: Cursor,
    /// Until a subscription is refused in a way that will not change.
    pub(crate) may_subscribe: bool,
    /// Reads that failed since one succeeded.
    pub(crate) failures: u32,
}

/// What a way of reading leaves.
#[derive(Debug)]
enum Left {
    /// Everything of the shard was read.
    AtEnd(Vec<ChildShard>),
    /// The way is over; go on as is due then.
    Anew,
    /// The way is closed for this shard: another one.
    Unusable,
    /// There is none, and why.
    Unreadable(String),
}

impl Fetcher {
    /// Reads until it is dropped.
    pub(crate) async fn run(mut self) -> Infallible {
        loop {
            let now = self.retrieving.borrow().clone();
            let left = match now {
                Retrieving::FanOut(consumer) if self.may_subscribe => self.subscribe(&consumer).await,
                _ => self.poll().await,
            };
            match left {
                Left::AtEnd(children) => return self.last(Fetched::End { children }).await,
                Left::Unreadable(why) => return self.last(Fetched::Unreadable(why)).await,
                Left::Anew => {}
                Left::Unusable => self.may_subscribe = false,
            }
        }
    }

    async fn last(&self, fetched: Fetched) -> Infallible {
        self.queue.push(fetched);
        std::future::pending().await
    }

    /// Passes on what was read, if it is anything.
    fn push(&mut self, records: Vec<Record>, millis_behind_latest: u64) {
        self.failures = 0;
        self.status.read(&records, millis_behind_latest);
        let wants_empty =
            self.parts.settings.call_process_records_even_for_empty_record_list && self.queue.is_empty();
        if let Some(last) = records.last() {
            self.cursor.read(&last.sequence_number);
        } else if !wants_empty {
            return;
        }
        self.queue.push(Fetched::Records { records, millis_behind_latest });
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.parts.clock.now())
    }

    /// Shows a failure and waits.
    async fn back_off(&mut self, what: &str, error: &Error) {
        let wait = self
            .parts
            .settings
            .read_backoff
            .delay(self.failures, <dyn Entropy>::next_u64(self.parts.entropy.as_ref()));
        self.failures = self.failures.saturating_add(1);
        tracing::warn!(shard = %self.name, %error, failures = self.failures, "{what}");
        self.status.failed_to_read(error);
        self.parts.clock.sleep(wait.max(self.parts.settings.read_backoff.base / 2)).await;
    }

    /// Whether the service will say the same the next time: no number becomes one of the shard's by waiting.
    fn is_number_refused(&self, error: &Error) -> bool {
        self.cursor.is_at_number() && matches!(error, Error::InvalidArgument(_) | Error::Validation(_))
    }

    /// What it means that the service does not know the shard.
    async fn not_found(&mut self, error: &Error) -> Left {
        match gone::judge(self.parts.api.as_ref(), &self.stream, self.shard).await {
            Ok(Gone::ShardExpired { children }) => {
                tracing::warn!(shard = %self.name, "the shard's records have expired; it ends here");
                return Left::AtEnd(children);
            }
            Ok(Gone::Stream(end)) => {
                self.stream.end(end);
                // The consumer ends; until it does, nothing can be read.
                return std::future::pending().await;
            }
            Ok(Gone::Not) if self.is_number_refused(error) && self.failures >= REFUSALS_MAX => {
                return Left::Unreadable(format!("its checkpoint is no place to read on from: {error}"));
            }
            Ok(Gone::Not) => self.back_off("the shard is there and cannot be read", error).await,
            Err(error) => self.back_off("the stream cannot be described", &error).await,
        }
        Left::Anew
    }
}
