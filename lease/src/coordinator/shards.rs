//! Leases for shards: making those that are missing, ending shards, removing what is finished.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Shared;
use super::leading::Leading;
use super::ownership::{CheckpointError, Ownership};
use crate::checkpoint::Checkpoint;
use crate::cleanup;
use crate::error::Result;
use crate::lease::Lease;
use crate::names::{LeaseKey, ShardName, StreamIdentifier};
use crate::shard_sync::{self, AtShardEnd, Creation, Shard};
use crate::store::{Cas, Metadata, NewCheckpoint};

/// What became of the end of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndOfShard {
    /// The children have leases, the end is stored, and the lease is given back.
    Done,
    /// A merged shard's other parent has no lease yet. Try again later, or give the lease back.
    WaitFor { child: ShardName, parent: ShardName },
}

impl Shared {
    /// Makes the leases that are missing, if it is time to look. True if any were made.
    pub(super) async fn sync_shards(self: &Arc<Self>, leading: &mut Leading, leases: &[Lease]) -> bool {
        let now = self.parts.clock.monotonic();
        let due =
            leading.synced_at.is_none_or(|at| now.saturating_sub(at) >= self.settings.shard_sync_interval);
        let mut made = false;
        for (index, stream) in self.streams().into_iter().enumerate() {
            let leases = of_stream(leases, stream.as_ref());
            let hole = leading.holes.get_mut(index).and_then(|watch| watch.look(&leases));
            if due || hole.is_some() || leases.is_empty() {
                made |= self.sync_stream(stream.as_ref(), &leases).await;
            }
        }
        if due {
            leading.synced_at = Some(now);
        }
        made
    }

    fn streams(&self) -> Vec<Option<StreamIdentifier>> {
        let streams = &self.settings.streams;
        if streams.is_empty() { vec![None] } else { streams.iter().cloned().map(Some).collect() }
    }

    async fn sync_stream(&self, stream: Option<&StreamIdentifier>, leases: &[Lease]) -> bool {
        let initial = self.settings.initial_position;
        let at = shard_sync::selects_position(leases).then_some(initial);
        let shards = match self.parts.shards.shards(stream, at).await {
            Ok(shards) => shards,
            Err(error) => {
                tracing::warn!(%error, "the shards cannot be listed");
                return false;
            }
        };
        self.fill_hash_ranges(&shards, leases).await;
        match shard_sync::plan(&shards, leases, initial, stream) {
            Ok(creations) => {
                let some = !creations.is_empty();
                self.create(&creations).await;
                some
            }
            Err(inconsistent) => {
                tracing::warn!(%inconsistent, "the listed shards are not believed");
                false
            }
        }
    }

    async fn create(&self, creations: &[Creation]) {
        for Creation { lease, reason } in creations {
            match self.parts.store.create(lease).await {
                Ok(Cas::Applied(_)) => tracing::info!(lease = %lease.key, %reason, "a lease was made"),
                // Another worker made it, or a row is there that cannot be read.
                Ok(Cas::Lost(_)) => {}
                Err(error) => {
                    tracing::warn!(lease = %lease.key, %reason, %error, "a lease could not be made");
                }
            }
        }
    }

    /// Rows of old KCL versions lack the range of their shard.
    async fn fill_hash_ranges(&self, shards: &[Shard], leases: &[Lease]) {
        for lease in leases.iter().filter(|lease| lease.hash_range.is_none() && !lease.is_finished()) {
            let shard = shards.iter().find(|shard| shard.name == lease.shard());
            let Some(hash_range) = shard.and_then(|shard| shard.hash_range) else { continue };
            let metadata = Metadata { hash_range: Some(hash_range), ..Metadata::default() };
            if let Err(error) = self.parts.store.update_metadata(lease, &metadata).await {
                tracing::warn!(lease = %lease.key, %error, "a hash range could not be added");
            }
        }
    }

    /// Removes leases that nobody needs, if it is time to look.
    pub(super) async fn clean_up(&self, leading: &mut Leading, leases: &[Lease]) {
        let now = self.parts.clock.monotonic();
        let since = leading.cleaned_at.get_or_insert(now);
        if now.saturating_sub(*since) < self.settings.cleanup_interval {
            return;
        }
        *since = now;
        for stream in self.streams() {
            let leases = of_stream(leases, stream.as_ref());
            let known = match self.parts.shards.shards(stream.as_ref(), None).await {
                Ok(shards) => Some(shards.into_iter().map(|shard| shard.name).collect::<BTreeSet<_>>()),
                Err(_) => None,
            };
            for removal in cleanup::plan(&leases, known.as_ref()) {
                let (lease, reason) = (&removal.lease.key, removal.reason);
                match self.parts.store.delete(&removal.lease).await {
                    Ok(Cas::Applied(_)) => tracing::info!(%lease, %reason, "a lease was removed"),
                    Ok(Cas::Lost(_)) => {}
                    Err(error) => tracing::warn!(%lease, %reason, %error, "a lease could not be removed"),
                }
            }
        }
    }
}

fn of_stream(leases: &[Lease], stream: Option<&StreamIdentifier>) -> Vec<Lease> {
    let is_of = |lease: &&Lease| lease.stream.as_ref().map(|stream| &stream.stream) == stream;
    leases.iter().filter(is_of).cloned().collect()
}

impl Ownership {
    /// The parents that have to be processed to their end before this shard may be read.
    pub async fn waits_for(&self) -> Result<Vec<ShardName>> {
        let parents = self.leases_of(self.gained().parents.iter().collect()).await?;
        Ok(shard_sync::waits_for(self.gained(), &parents).into_iter().cloned().collect())
    }

    /// Ends the shard after its last record was processed: leases for its children first, then the end.
    pub async fn end_shard(&self, children: &[Shard]) -> Result<EndOfShard, CheckpointError> {
        let names = children.iter().flat_map(|child| child.parents.iter().chain([&child.name]));
        let known = self.leases_of(names.collect()).await?;
        match shard_sync::at_shard_end(self.gained(), children, &known) {
            AtShardEnd::WaitFor { child, parent } => return Ok(EndOfShard::WaitFor { child, parent }),
            AtShardEnd::Create(creations) => {
                for creation in creations {
                    // Lost means that the other parent's worker was first.
                    let _ = self.store().create(&creation.lease).await?;
                }
            }
        }
        let children = children.iter().map(|child| child.name.clone()).collect();
        self.checkpoint(&NewCheckpoint { checkpoint: Checkpoint::SHARD_END, children }).await?;
        self.give_back().await?;
        self.look_now();
        Ok(EndOfShard::Done)
    }

    async fn leases_of(&self, names: BTreeSet<&ShardName>) -> Result<Vec<Lease>> {
        let stream = self.gained().stream.as_ref().map(|stream| &stream.stream);
        let mut leases = Vec::new();
        for name in names {
            let key = stream.map_or_else(|| LeaseKey::of_shard(name), |stream| stream.lease_key(name));
            leases.extend(self.store().get(&key).await?);
        }
        Ok(leases)
    }
}
