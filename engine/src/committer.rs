//! Makes what the shards' writers have packed durable, in groups.
//!
//! A group collects the shards that were written to while the group before it was on its way. Its blocks
//! become one storage batch, so all shards share one fsync. Replies and publication wait for that; nothing
//! else does.
//!
//! When a batch fails (a full disk), every number given since is void: the committer refuses new records,
//! fails what waits, and goes on once storage takes writes again and the affected logs have been read anew.

mod group;
mod recovery;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use millstream_runtime::{OnFailure, SharedClock, TaskSet};
use millstream_storage::{Commit, Slot, WriteSet};
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) use group::Group;

use crate::error::{Error, Result};
use crate::keyspace::{record_key, time_index};
use crate::shard::Shard;
use crate::shard::tail::TailBudget;
use crate::shard::writer::{Sealed, SealedBlock};

/// Commits on their way at once: one being synced while the next is being written. More would make the
/// groups smaller and win nothing.
const IN_FLIGHT_MAX: usize = 2;

/// After so much the committer looks whether the group before is durable, whose callers need not wait for the
/// encryption of others' records. Takes a quarter of a millisecond.
const ENCRYPTED_BYTES_AT_ONCE: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Committer {
    slot: Arc<dyn Slot>,
    clock: SharedClock,
    tails: TailBudget,
    open: Mutex<OpenGroup>,
    /// Somebody joined the open group.
    joined: Notify,
}

/// The group that shards join now.
#[derive(Debug, Default)]
struct OpenGroup {
    group: Arc<Group>,
    /// Set while nothing may join.
    refusing: Option<Error>,
    /// For good.
    closing: bool,
}

/// Blocks on their way, to be published when they are durable.
#[derive(Debug)]
struct Batch {
    group: Arc<Group>,
    shards: Vec<(Arc<Shard>, Sealed)>,
}

type Ordering = Pin<Box<dyn Future<Output = (Batch, Result<Commit>)> + Send>>;
type Durability = Pin<Box<dyn Future<Output = (Batch, Result<()>)> + Send>>;

impl Committer {
    pub(crate) fn new(slot: Arc<dyn Slot>, clock: SharedClock, tail_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            slot,
            clock,
            tails: TailBudget::new(tail_bytes_max),
            open: Mutex::default(),
            joined: Notify::new(),
        })
    }

    /// Runs until `tasks` is told to stop and everything that joined is durable.
    pub(crate) fn start(self: &Arc<Self>, tasks: &TaskSet) {
        let (committer, stop) = (self.clone(), tasks.clone());
        tasks.spawn("committer", OnFailure::Shutdown, async move {
            committer.run(&stop).await;
            Ok::<_, Infallible>(())
        });
    }

    /// Adds a shard that has just opened a block to the group that will commit it. The caller holds the
    /// shard's writer, so the block is not missed.
    pub(crate) fn join(&self, shard: &Arc<Shard>) -> Result<Arc<Group>> {
        let open = self.open.lock();
        if let Some(error) = &open.refusing {
            return Err(error.clone());
        }
        if open.group.join(shard.clone()) {
            self.joined.notify_one();
        }
        Ok(open.group.clone())
    }

    /// Whether records are taken at present.
    pub(crate) fn check(&self) -> Result<()> {
        self.open.lock().refusing.clone().map_or(Ok(()), Err)
    }

    /// Takes nothing more; what has joined is still committed.
    pub(crate) fn close(&self) {
        let mut open = self.open.lock();
        open.closing = true;
        open.refusing = Some(Error::Unavailable("the server is shutting down".to_owned()));
    }

    async fn run(&self, tasks: &TaskSet) {
        let mut ordering: Option<Ordering> = None;
        let mut in_flight: VecDeque<Durability> = VecDeque::new();
        loop {
            let has_room = ordering.is_none() && in_flight.len() < IN_FLIGHT_MAX;
            let idle = ordering.is_none() && in_flight.is_empty();
            let failed = tokio::select! {
                biased;
                (batch, durable) = front(&mut in_flight) => {
                    in_flight.pop_front();
                    self.settle(batch, durable)
                }
                (batch, ordered) = pending(&mut ordering) => {
                    ordering = None;
                    match ordered {
                        Ok(commit) => {
                            in_flight.push_back(Box::pin(async move {
                                let durable = commit.durable().await;
                                (batch, durable.map_err(Error::from))
                            }));
                            None
                        }
                        Err(error) => self.settle(batch, Err(error)),
                    }
                }
                () = self.joined.notified(), if has_room => {
                    ordering = self.submit();
                    None
                }
                () = tasks.stopping(), if idle => {
                    match self.submit() {
                        Some(last) => ordering = Some(last),
                        None => return,
                    }
                    None
                }
            };
            if let Some(failure) = failed {
                let under_way = (ordering.take(), std::mem::take(&mut in_flight));
                self.recover(failure, under_way, tasks).await;
            }
        }
    }

    /// Seals the blocks of the open group and submits them; a new group is open from then on.
    fn submit(&self) -> Option<Ordering> {
        let group = std::mem::take(&mut self.open.lock().group);
        let mut batch = Batch { shards: Vec::new(), group };
        let mut shards = batch.group.take_shards();
        // In the order of their keys, so that each entry goes into storage near the one before it.
        shards.sort_unstable_by_key(|shard| shard.uid());
        for shard in shards {
            let Some(sealed) = shard.writer.lock().seal() else { continue };
            batch.shards.push((shard, sealed));
        }
        if batch.shards.is_empty() {
            // Shards had opened blocks and put nothing into them.
            batch.group.finish(Ok(()));
            return None;
        }
        let slot = self.slot.clone();
        Some(Box::pin(async move {
            let ordered = order(&*slot, &batch.shards).await;
            (batch, ordered)
        }))
    }

    /// Publishes a batch that is durable and tells its group. Gives back what failed.
    fn settle(&self, batch: Batch, outcome: Result<()>) -> Option<recovery::Failure> {
        let Batch { group, shards } = batch;
        if let Err(error) = outcome {
            let shards = shards.into_iter().map(|(shard, _)| shard).collect();
            return Some(recovery::Failure { error, group, shards });
        }
        for (shard, Sealed { blocks, end }) in shards {
            self.tails.publish(&shard, blocks.iter().map(|sealed| sealed.block.clone()), end);
        }
        group.finish(Ok(()));
        None
    }
}

/// The oldest commit's outcome; pending forever when there is none.
async fn front(in_flight: &mut VecDeque<Durability>) -> (Batch, Result<()>) {
    match in_flight.front_mut() {
        Some(commit) => commit.await,
        None => std::future::pending().await,
    }
}

async fn pending(ordering: &mut Option<Ordering>) -> (Batch, Result<Commit>) {
    match ordering {
        Some(ordering) => ordering.await,
        None => std::future::pending().await,
    }
}

async fn order(slot: &dyn Slot, shards: &[(Arc<Shard>, Sealed)]) -> Result<Commit> {
    let writes = write_set(shards).await?;
    Ok(slot.commit(writes).await?)
}

/// The storage form of the shards' blocks: the blocks, due entries of the time index, and a mark for each
/// shard that says how far it has come. One kind of key after the other, each in its order.
async fn write_set(shards: &[(Arc<Shard>, Sealed)]) -> Result<WriteSet> {
    let mut writes = WriteSet::new();
    let mut encrypted_bytes = 0;
    for (shard, sealed) in shards {
        for SealedBlock { block, .. } in &sealed.blocks {
            let stored = block.to_stored(shard.uid()).map_err(|error| Error::Internal(error.to_string()))?;
            writes.append(record_key::record_key(shard.uid(), block.first_index()), stored);
            encrypted_bytes += if block.is_encrypted() { block.size() } else { 0 };
            if encrypted_bytes >= ENCRYPTED_BYTES_AT_ONCE {
                encrypted_bytes = 0;
                tokio::task::yield_now().await;
            }
        }
    }
    for (shard, sealed) in shards {
        for SealedBlock { block, .. } in sealed.blocks.iter().filter(|sealed| sealed.indexed) {
            let entry = time_index::time_key(shard.uid(), block.base_time());
            // The writer indexes at most one block of a millisecond, so the key is new.
            writes.append(entry, time_index::encode(block.first_index()));
        }
    }
    for (shard, sealed) in shards {
        writes.mark(shard.uid().mark_name(), sealed.end.encode());
    }
    Ok(writes)
}
