//! The end of a shard: the processor is told, the shards that continue it get leases, and the end is stored.

use std::time::Duration;

use millstream_client::{ChildShard, ShardFilter};
use millstream_lease::coordinator::{CheckpointError, EndOfShard};
use millstream_lease::shard_sync::Shard;

use super::session::{Call, Session};
use super::{Interruption, Outcome, pause};
use crate::fetch::children_of;
use crate::shards;
use crate::status::ShardState;

/// Looks for children that the end of a shard did not tell of. A leader finds what is missed.
const LOOKS_MAX: u32 = 10;
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

impl Session {
    pub(super) async fn end(&mut self, told: Vec<ChildShard>) -> Outcome {
        self.status.is(ShardState::Ending);
        if let Err(halt) = self.persist(&Call::ShardEnded).await {
            return self.halted(halt).await;
        }
        self.status.is(ShardState::Ending);
        match self.store_end(told).await {
            Ok(()) => Outcome::Over,
            Err(Interruption::Drain) => Outcome::DrainAtEnd,
            Err(Interruption::Lost(reason)) => {
                tracing::warn!(shard = %self.shard.shard, %reason, "the shard's end was not stored");
                Outcome::Over
            }
        }
    }

    async fn store_end(&mut self, told: Vec<ChildShard>) -> Result<(), Interruption> {
        let children = self.children(told).await?;
        loop {
            match self.ownership.end_shard(&children).await {
                Ok(EndOfShard::Done) => {
                    tracing::info!(shard = %self.shard.shard, "the shard was processed to its end");
                    return Ok(());
                }
                Ok(EndOfShard::WaitFor { child, parent }) => {
                    tracing::info!(shard = %self.shard.shard, %child, %parent, "the end waits for the other parent's lease");
                }
                Err(CheckpointError::Lost(reason)) => return Err(Interruption::Lost(reason)),
                Err(CheckpointError::Store(error)) => {
                    tracing::warn!(shard = %self.shard.shard, %error, "the shard's end cannot be stored");
                }
            }
            let interval = self.parts.settings.parent_shard_poll_interval;
            pause(&self.parts.clock, interval, &mut self.orders).await?;
        }
    }

    /// The shards that continue this one, from a listing where its end did not tell.
    async fn children(&mut self, mut told: Vec<ChildShard>) -> Result<Vec<Shard>, Interruption> {
        let Some(id) = shards::id(&self.shard.shard) else { return Ok(Vec::new()) };
        let mut looks = 0;
        while told.is_empty() && looks < LOOKS_MAX {
            looks += 1;
            match self.parts.api.all_shards(&self.stream.name, ShardFilter::FromTrimHorizon).await {
                Ok(listed) => told = children_of(id, &listed),
                Err(error) => {
                    tracing::warn!(shard = %self.shard.shard, %error, "the shards cannot be listed");
                }
            }
            if told.is_empty() {
                pause(&self.parts.clock, LOOK_INTERVAL, &mut self.orders).await?;
            }
        }
        if told.is_empty() {
            tracing::warn!(shard = %self.shard.shard, "the shard has ended and nothing continues it");
        }
        // No id is empty text.
        Ok(told.iter().filter_map(|child| shards::of_child(child).ok()).collect())
    }
}
