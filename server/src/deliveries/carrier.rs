//! From one table to its stream.
//!
//! Entries of one item are never in the same call: were an earlier one refused, a later one could be taken, and
//! readers would see them the wrong way round.

use std::collections::HashSet;
use std::time::Duration;

use millstream_engine::{Engine, PutEntry, PutFailure};
use millstream_model::StreamArn;
use millstream_runtime::{Backoff, SharedClock, SharedEntropy, TaskSet};
use millstream_storage::ScanOptions;
use millstream_table::{Delivery, DestinationStatus, TableArn, Tables};

use super::record::entry;

/// As many entries as one call of PutRecords has.
const ENTRIES_MAX: usize = 500;
/// The most that the entries of a call have together, in bytes, unless the first has more by itself. Half of what
/// a call may have.
const CALL_BYTES: usize = 5 * 1024 * 1024;
/// The most that is read of a table at once, in bytes as they are stored, unless the first change has more.
const PAGE_BYTES: usize = 512 * 1024;
const PAGE: ScanOptions = ScanOptions { entries_max: ENTRIES_MAX, bytes_max: PAGE_BYTES, reverse: false };

const BACKOFF: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(10) };
/// A stream that is busy for a moment is nothing to tell an operator.
const QUIET_ATTEMPTS: u32 = 3;

#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) tables: Tables,
    pub(super) engine: Engine,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
    pub(super) tasks: TaskSet,
}

/// The carrying is over, for all tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped;

impl Carrier {
    /// Carries what the table has for its stream until it feeds none any more.
    pub(super) async fn carry(&self, table: &TableArn) -> Result<(), Stopped> {
        let mut attempt = 0;
        loop {
            let next = self.tables.next_for_destination(table, PAGE);
            match self.unless_stopped(next).await? {
                Ok(None) => return Ok(()),
                Ok(Some(delivery)) => match self.deliver(delivery).await? {
                    Ok(()) => attempt = 0,
                    Err(error) => self.back_off(&mut attempt, table, &error.to_string()).await?,
                },
                Err(error) => self.back_off(&mut attempt, table, &error.to_string()).await?,
            }
        }
    }

    /// Returns when the stream has all of it, or is not to get it any more. Fails when that cannot be noted: then
    /// the same will be delivered again.
    async fn deliver(&self, mut delivery: Delivery) -> Result<millstream_table::Result<()>, Stopped> {
        let changes = std::mem::take(&mut delivery.changes);
        let mut waiting: Vec<_> = changes.into_iter().map(|change| entry(&delivery, change)).collect();
        let mut attempt = 0;
        while !waiting.is_empty() {
            let put = self.put(&delivery.stream_arn, &mut waiting);
            match self.unless_stopped(put).await? {
                Ok(()) => attempt = 0,
                Err(reason) if self.is_wanted(&delivery) => {
                    self.back_off(&mut attempt, &delivery.table, &reason).await?;
                }
                Err(_) => return Ok(Ok(())),
            }
        }
        // Not to be broken off: another opening of the tables must not find this going on.
        Ok(self.tables.delivered(&delivery).await)
    }

    /// Puts the first of those that wait. What the stream did not take goes on waiting, in its order; then this fails.
    async fn put(&self, stream: &str, waiting: &mut Vec<PutEntry>) -> Result<(), String> {
        let stream: StreamArn = stream.parse().map_err(|_| format!("{stream} is no stream"))?;
        let call = &waiting[..first_call(waiting)];
        let put = self.engine.put_records(&stream, call, false).await;
        let outcomes = put.map_err(|error| error.to_string())?;
        let (mut outcomes, mut failure) = (outcomes.into_iter(), Ok(()));
        waiting.retain(|_| match outcomes.next() {
            Some(Ok(_)) => false,
            Some(Err(refused)) => {
                failure = Err(match refused {
                    PutFailure::Throttled(text) => text,
                    PutFailure::Internal => "the stream failed inside".to_owned(),
                });
                true
            }
            None => true,
        });
        failure
    }

    fn is_wanted(&self, delivery: &Delivery) -> bool {
        let is_off = |status| matches!(status, DestinationStatus::Disabling | DestinationStatus::Disabled);
        self.tables.describe_destinations(&delivery.table).is_ok_and(|destinations| {
            destinations.iter().any(|one| one.stream_arn == delivery.stream_arn && !is_off(one.status))
        })
    }

    async fn back_off(&self, attempt: &mut u32, table: &TableArn, reason: &str) -> Result<(), Stopped> {
        let delay = BACKOFF.delay(*attempt, self.entropy.next_u64());
        if *attempt < QUIET_ATTEMPTS {
            tracing::debug!(%table, reason, ?delay, "changes are delivered later");
        } else {
            tracing::warn!(%table, reason, ?delay, "changes still cannot be delivered, and wait");
        }
        *attempt = attempt.saturating_add(1);
        self.unless_stopped(self.clock.sleep(delay)).await
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            () = self.tasks.stopping() => Err(Stopped),
            done = work => Ok(done),
        }
    }
}

/// How many of the first entries may go in one call.
fn first_call(waiting: &[PutEntry]) -> usize {
    let (mut items, mut bytes) = (HashSet::new(), 0);
    let may_go = |entry: &&PutEntry| {
        bytes += entry.data.len() + entry.partition_key.len();
        items.insert(entry.partition_key.clone()) && (items.len() == 1 || bytes <= CALL_BYTES)
    };
    waiting.iter().take(ENTRIES_MAX).take_while(may_go).count()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn waiting(entries: &[(u8, usize)]) -> Vec<PutEntry> {
        let entry = |&(item, bytes): &(u8, usize)| PutEntry {
            partition_key: Bytes::copy_from_slice(&[item]),
            explicit_hash_key: None,
            data: vec![0; bytes].into(),
        };
        entries.iter().map(entry).collect()
    }

    proptest! {
        #[test]
        fn a_call_has_an_item_once_and_is_no_larger_than_it_may(
            entries in prop::collection::vec((any::<u8>(), 0..2_000_000_usize), 1..20),
        ) {
            let count = first_call(&waiting(&entries));
            prop_assert!(count >= 1);
            let call = &entries[..count];
            let items: HashSet<_> = call.iter().map(|(item, _)| item).collect();
            prop_assert_eq!(items.len(), count);
            let bytes = |entries: &[(u8, usize)]| entries.iter().map(|(_, bytes)| bytes + 1).sum::<usize>();
            prop_assert!(count == 1 || bytes(call) <= CALL_BYTES);
            // The next one could not have gone too.
            if let Some((item, _)) = entries.get(count) {
                prop_assert!(items.contains(item) || bytes(&entries[..=count]) > CALL_BYTES);
            }
        }
    }
}
