//! Records that become durable together, and those who wait for them.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, SetOnce};

use crate::error::Result;
use crate::shard::Shard;

#[derive(Debug, Default)]
pub(crate) struct Group {
    shards: Mutex<Vec<Arc<Shard>>>,
    outcome: SetOnce<Result<()>>,
    /// The bytes that the group's records take of the global bound; given back with the group, so that a
    /// caller who stops waiting does not free what is still queued.
    permits: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Group {
    /// Adds a shard. True when it is the first.
    pub(super) fn join(&self, shard: Arc<Shard>) -> bool {
        let mut shards = self.shards.lock();
        shards.push(shard);
        shards.len() == 1
    }

    pub(super) fn take_shards(&self) -> Vec<Arc<Shard>> {
        std::mem::take(&mut *self.shards.lock())
    }

    /// Hands the group a permit to hold until its outcome is known.
    pub(crate) fn hold(&self, permit: OwnedSemaphorePermit) {
        if self.outcome.get().is_some() {
            return;
        }
        let mut permits = self.permits.lock();
        match permits.as_mut() {
            Some(held) => held.merge(permit),
            None => *permits = Some(permit),
        }
    }

    /// Tells everyone who waits. The first outcome counts.
    pub(super) fn finish(&self, outcome: Result<()>) {
        // Only the committer finishes groups, and each once.
        let _ = self.outcome.set(outcome);
        self.permits.lock().take();
    }

    /// Waits until the group's records are durable, or have failed.
    pub(crate) async fn durable(&self) -> Result<()> {
        self.outcome.wait().await.clone()
    }
}
