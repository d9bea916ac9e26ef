//! Waiting until the shards that this one continues were processed to their end.

use super::{Interruption, Worker, pause};
use crate::status::{ShardState, ShardStatus};

impl Worker {
    pub(super) async fn wait_for_parents(&mut self, status: &ShardStatus) -> Result<(), Interruption> {
        loop {
            match self.ownership.waits_for().await {
                Ok(parents) if parents.is_empty() => return Ok(()),
                Ok(parents) => status.is(ShardState::WaitingForParents(parents)),
                Err(error) => {
                    tracing::warn!(lease = %self.ownership.key(), %error, "the parents' leases cannot be read");
                }
            }
            let interval = self.parts.settings.parent_shard_poll_interval;
            pause(&self.parts.clock, interval, &mut self.orders).await?;
        }
    }
}
