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

/// All that a failed commit takes with it.
#[derive(Debug, Default)]
struct Void {
    /// Whose logs are to be read again.
    shards: BTreeMap<ShardUid, Arc<Shard>>,
    /// Who is to be told, and what.
    groups: Vec<(Arc<Group>, Error)>,
}

impl Void {
    fn add(&mut self, Failure { error, group, shards }: Failure) {
        self.shards.extend(shards.into_iter().map(|shard| (shard.uid(), shard)));
        self.groups.push((group, error));
    }

    /// Tells everyone who waits.
    fn tell(&mut self) {
        self.groups.drain(..).for_each(|(group, error)| group.finish(Err(error)));
        self.shards.values().for_each(|shard| shard.grown.notify_waiters());
    }
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
        let mut void = Void::default();
        void.add(failure);
        // First what is under way: once records are refused, nothing of those before reaches storage any more.
        self.drain(under_way, &mut void).await;
        self.close_open_group(&error, &mut void);
        // Now that they are: nobody who knows of a failure takes its outcome for settled before the logs are read.
        void.tell();
        let shards = void.shards;
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

    /// From here on nothing joins. What had joined is dropped.
    fn close_open_group(&self, error: &Error, void: &mut Void) {
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
        void.add(Failure { error: error.clone(), group, shards: joined });
    }

    /// Waits for the commits that were under way.
    async fn drain(&self, (ordering, in_flight): (Option<Ordering>, VecDeque<Durability>), void: &mut Void) {
        for durability in in_flight {
            let (batch, durable) = durability.await;
            if let Some(failure) = self.settle(batch, durable) {
                void.add(failure);
            }
        }
        if let Some(ordering) = ordering {
            let (batch, ordered) = ordering.await;
            let durable = match ordered {
                Ok(commit) => commit.durable().await.map_err(Error::from),
                Err(error) => Err(error),
            };
            if let Some(failure) = self.settle(batch, durable) {
                void.add(failure);
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
