//! Reading by asking: an iterator, and records from it on.

use millstream_client::{Error, Next, ShardIterator};

use super::pace::Pace;
use super::{Fetcher, Left};
use crate::registration::Retrieving;

/// What comes of one request.
enum Step {
    Iterator(ShardIterator),
    Leave(Left),
    /// The iterator is worth nothing: another one from where reading stands.
    AnotherIterator,
}

impl Fetcher {
    /// Polls until the shard ends or there is a better way.
    pub(super) async fn poll(&mut self) -> Left {
        self.status.retrieves("polling");
        let mut pace = Pace::new(self.parts.settings.idle_time_between_reads);
        let mut iterator: Option<ShardIterator> = None;
        loop {
            self.queue.room().await;
            let step = match iterator.take() {
                None => self.open().await,
                Some(iterator) => self.read(iterator, &mut pace).await,
            };
            match step {
                Step::Iterator(next) => iterator = Some(next),
                Step::AnotherIterator => {}
                Step::Leave(left) => return left,
            }
            // Who began at the newest record and has seen none knows its place by its iterator alone.
            let may_leave = self.may_subscribe && !self.cursor.is_early();
            if may_leave && matches!(*self.retrieving.borrow(), Retrieving::FanOut(_)) {
                return Left::Anew;
            }
        }
    }

    async fn open(&mut self) -> Step {
        let opened_at = self.now();
        let from = self.cursor.position().clone();
        match self.parts.api.get_shard_iterator(&self.stream.name, self.shard, &from).await {
            Ok(iterator) => {
                self.cursor.opened(opened_at);
                Step::Iterator(iterator)
            }
            // A number that another stream gave is no place in this one.
            Err(error @ (Error::ResourceNotFound(_) | Error::InvalidArgument(_) | Error::Validation(_))) => {
                Step::Leave(self.not_found(&error).await)
            }
            Err(error) => {
                self.back_off("there is no iterator", &error).await;
                Step::AnotherIterator
            }
        }
    }

    async fn read(&mut self, iterator: ShardIterator, pace: &mut Pace) -> Step {
        match self.parts.api.get_records(&self.stream.name, &iterator, self.parts.settings.max_records).await
        {
            Ok(page) => {
                let count = page.records.len();
                self.push(page.records, page.millis_behind_latest);
                match page.next {
                    Next::ShardEnd { children } => Step::Leave(Left::AtEnd(children)),
                    Next::Iterator(next) => {
                        self.parts.clock.sleep(pace.after_read(count, page.millis_behind_latest)).await;
                        Step::Iterator(next)
                    }
                }
            }
            Err(Error::ExpiredIterator(_)) => Step::AnotherIterator,
            Err(error) if error.is_throttle() => {
                self.status.failed_to_read(&error);
                self.parts.clock.sleep(pace.after_throttle()).await;
                Step::Iterator(iterator)
            }
            Err(error @ Error::ResourceNotFound(_)) => Step::Leave(self.not_found(&error).await),
            Err(error) => {
                self.back_off("records cannot be read", &error).await;
                // Whatever is wrong, another iterator is no worse.
                if error.is_retryable() { Step::Iterator(iterator) } else { Step::AnotherIterator }
            }
        }
    }
}
