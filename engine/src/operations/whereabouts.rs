//! Which stream and shard a call is about, for whoever has to know that before the call is carried out.
//!
//! Nothing is checked, admitted or counted here: what is not known is `None`, and the call itself will say why.

use millstream_model::{HashKey, ShardId, StreamArn};

use crate::capacity::Distribution;
use crate::engine::Engine;

impl Engine {
    /// The stream and the shard that an iterator reads. `None` when it has expired or is none.
    #[must_use]
    pub fn shard_of_iterator(&self, iterator: &str) -> Option<(StreamArn, ShardId)> {
        let token = self.inner.sealer.open_iterator(iterator, self.inner.now()).ok()?;
        let stream = self.inner.catalog.by_uid(token.stream)?;
        Some((stream.arn.clone(), ShardId::new(token.shard)?))
    }

    /// The shard that would take a record with this hash key now. `None` for a stream that spreads its records by
    /// itself: which shard takes one is decided when it is put.
    #[must_use]
    pub fn shard_of_hash_key(&self, arn: &StreamArn, hash_key: HashKey) -> Option<ShardId> {
        let stream = self.inner.catalog.by_arn(arn)?;
        if stream.meta().capacity.distribution == Distribution::Auto {
            return None;
        }
        let shards = stream.shards();
        let place = shards.routing.place_of(hash_key)?;
        Some(shards.routing.shard_at(place).id())
    }
}
