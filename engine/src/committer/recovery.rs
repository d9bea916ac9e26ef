//! What the committer does after a batch failed.
//!
//! Numbers that were given behind the failed batch would leave a hole in their shards' logs. So nothing is
//! taken until every log concerned was read again, and that only after storage has taken a write: before,
//! it may not know itself what became of the batch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_runtime::TaskSet;
use millstream_storage::WriteSet;

use super::{Committer, Durability, Group, Ordering};
use crate::error::{Error, Result};
use crate::keyspace::tail_row::LogEnd;
use crate::keyspace::{self, ShardUid};
use crate::recovery::read_log_end;
use crate::shard::Shard;

/// Between two attempts to write. Half of what a caller may notice as slow.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// A batch that did not become durable.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) group: Arc<Group>,
    pub(super) shards: Vec<Arc<Shard>>,
}

impl Committer {
    /// Returns when records can be taken again, or when the engine stops.
    pub(super) async fn recover(
        &self,
        failure: Failure,
        under_way: (Option<Ordering>, VecDeque<Durability>),
        tasks: &TaskSet,
    ) {
        tracing::warn!(error = %failure.error, "a commit failed; no records are taken until storage recovers");
        let error = failure.error.clone();
        let mut shards = BTreeMap::new();
        self.fail(failure, &mut shards);
        // First what is under way: once records are refused, nothing of those before reaches storage any more.
        self.drain(under_way, &mut shards).await;
        self.close_open_group(&error, &mut shards);
        shards.values().for_each(|shard| shard.grown.notify_waiters());
        while let Err(error) = self.try_resume(&shards).await {
            tracing::debug!(%error, "storage does not take writes yet");
            tokio::select! {
                biased;
                () = tasks.stopping() => return,
                () = self.clock.sleep(RETRY_INTERVAL) => {}
            }
        }
        tracing::info!(shards = shards.len(), "storage takes writes again");
    }

    fn fail(&self, failure: Failure, shards: &mut BTreeMap<ShardUid, Arc<Shard>>) {
        let Failure { error, group, shards: failed } = failure;
        shards.extend(failed.into_iter().map(|shard| (shard.uid(), shard)));
        group.finish(Err(error));
    }

    /// From here on nothing joins. What had joined is dropped.
    fn close_open_group(&self, error: &Error, shards: &mut BTreeMap<ShardUid, Arc<Shard>>) {
        let group = {
            let mut open = self.open.lock();
            open.refusing.get_or_insert_with(|| Error::Unavailable(error.to_string()));
            std::mem::take(&mut open.group)
        };
        let joined = group.take_shards();
        for shard in &joined {
            // Void: the log is read again below.
            drop(shard.writer.lock().seal());
        }
        self.fail(Failure { error: error.clone(), group, shards: joined }, shards);
    }

    /// Waits for the commits that were under way.
    async fn drain(
        &self,
        (ordering, in_flight): (Option<Ordering>, VecDeque<Durability>),
        shards: &mut BTreeMap<ShardUid, Arc<Shard>>,
    ) {
        for durability in in_flight {
            let (batch, durable) = durability.await;
            if let Some(failure) = self.settle(batch, durable) {
                self.fail(failure, shards);
            }
        }
        if let Some(ordering) = ordering {
            let (batch, ordered) = ordering.await;
            let durable = match ordered {
                Ok(commit) => commit.durable().await.map_err(Error::from),
                Err(error) => Err(error),
            };
            if let Some(failure) = self.settle(batch, durable) {
                self.fail(failure, shards);
            }
        }
    }

    async fn try_resume(&self, shards: &BTreeMap<ShardUid, Arc<Shard>>) -> Result<()> {
        let mut probe = WriteSet::new();
        probe.put(keyspace::key(keyspace::PROBE, &[]), Bytes::new());
        self.slot.commit(probe).await?.durable().await?;
        let mut ends = Vec::with_capacity(shards.len());
        for shard in shards.values() {
            ends.push((shard, read_log_end(&*self.slot, shard.uid(), shard.meta().opened).await?));
        }
        for (shard, end) in ends {
            let from = |given: LogEnd| LogEnd { index: end.index.max(given.index), ..end };
            {
                // Numbers given in vain are not given again, as long as this process lives. The next one does not
                // know them; so no reader may come to stand behind them, and miss what they are given to then.
                let mut tail = shard.tail.lock();
                let shown = tail.end();
                tail.reset(from(shown));
            }
            let mut writer = shard.writer.lock();
            let given = writer.end();
            writer.reset(from(given));
            drop(writer);
            shard.grown.notify_waiters();
        }
        let mut open = self.open.lock();
        if !open.closing {
            open.refusing = None;
        }
        Ok(())
    }
}
