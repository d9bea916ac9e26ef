//! The shards of the streams, as the coordinator of leases asks for them.

use std::sync::Arc;

use async_trait::async_trait;
use millstream_client::{ChildShard, ShardFilter, StreamApi};
use millstream_lease::ShardName;
use millstream_lease::StreamIdentifier;
use millstream_lease::coordinator::ShardSource;
use millstream_lease::names::EmptyName;
use millstream_lease::shard_sync::{InitialPosition, Shard};
use millstream_model::{ShardId, Timestamp};

use crate::stream::Stream;

#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) api: Arc<dyn StreamApi>,
    pub(crate) streams: Vec<Arc<Stream>>,
}

#[async_trait]
impl ShardSource for Listing {
    async fn shards(
        &self,
        stream: Option<&StreamIdentifier>,
        at: Option<InitialPosition>,
    ) -> Result<Vec<Shard>, String> {
        let found = self.streams.iter().find(|known| known.identifier.as_ref() == stream);
        let stream = found.ok_or("no such stream is read here")?;
        let filter = match at {
            None => ShardFilter::FromTrimHorizon,
            Some(InitialPosition::TrimHorizon) => ShardFilter::AtTrimHorizon,
            Some(InitialPosition::Latest) => ShardFilter::AtLatest,
            Some(InitialPosition::AtTimestamp(millis)) => {
                ShardFilter::AtTimestamp(Timestamp::from_millis(millis))
            }
        };
        // Leases made from another stream's shards would be about nothing.
        match stream.look(self.api.as_ref()).await {
            Ok(None) => {}
            Ok(Some(end)) => {
                stream.end(end);
                return Err("the stream is gone".to_owned());
            }
            Err(error) => return Err(error.to_string()),
        }
        let listed = self.api.all_shards(&stream.name, filter).await.map_err(|error| error.to_string())?;
        listed.iter().map(|shard| of_listed(shard).map_err(|error| error.to_string())).collect()
    }
}

fn of_listed(shard: &millstream_client::Shard) -> Result<Shard, EmptyName> {
    Ok(Shard {
        name: name(shard.id)?,
        parents: shard.parents().map(name).collect::<Result<_, _>>()?,
        hash_range: Some(shard.hash_key_range),
        is_open: shard.is_open(),
    })
}

/// A child as the end of its parent tells of it.
pub(crate) fn of_child(child: &ChildShard) -> Result<Shard, EmptyName> {
    Ok(Shard {
        name: name(child.id)?,
        parents: child.parents.iter().map(|parent| name(*parent)).collect::<Result<_, _>>()?,
        hash_range: Some(child.hash_key_range),
        is_open: true,
    })
}

fn name(id: ShardId) -> Result<ShardName, EmptyName> {
    id.to_string().parse()
}

/// The id that a lease's shard has, if that is one of Kinesis.
pub(crate) fn id(name: &ShardName) -> Option<ShardId> {
    ShardId::parse_lenient(name.as_str()).filter(|id| id.to_string() == name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_that_show_as_they_came_are_asked_for() {
        let shard = ShardId::new(3).unwrap();
        assert_eq!(id(&name(shard).unwrap()), Some(shard));
        for text in ["shardId-3", "3", "shardId-00000001545084650000-abcdef"] {
            assert_eq!(id(&text.parse().unwrap()), None, "{text}");
        }
    }
}
