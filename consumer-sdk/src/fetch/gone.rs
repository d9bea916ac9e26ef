//! What it means that something was not found: the stream is gone or another one, or the shard has expired.

use millstream_client::{ChildShard, Error, Result, Shard, ShardFilter, StreamApi};
use millstream_model::ShardId;

use crate::stream::{Ended, Stream};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Stream(Ended),
    /// All its records were removed by retention. `children` are those that are still listed.
    ShardExpired {
        children: Vec<ChildShard>,
    },
    /// Stream and shard are there.
    Not,
}

pub(super) async fn judge(api: &dyn StreamApi, stream: &Stream, shard: ShardId) -> Result<Gone> {
    if let Some(end) = stream.look(api).await? {
        return Ok(Gone::Stream(end));
    }
    let shards = match api.all_shards(&stream.name, ShardFilter::FromTrimHorizon).await {
        Err(Error::ResourceNotFound(_)) => return Ok(Gone::Stream(Ended::Deleted)),
        shards => shards?,
    };
    if shards.iter().any(|listed| listed.id == shard) {
        return Ok(Gone::Not);
    }
    Ok(Gone::ShardExpired { children: children_of(shard, &shards) })
}

/// The shards in a listing that continue `parent`.
pub(crate) fn children_of(parent: ShardId, shards: &[Shard]) -> Vec<ChildShard> {
    let continues = |shard: &&Shard| shard.parents().any(|of| of == parent);
    let child = |shard: &Shard| ChildShard {
        id: shard.id,
        parents: shard.parents().collect(),
        hash_key_range: shard.hash_key_range,
    };
    shards.iter().filter(continues).map(child).collect()
}
