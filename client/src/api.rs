//! The trait that every transport implements, and the nouns it speaks in.
//!
//! Names, ARNs, hash keys, shard ids and times are `model`'s, and so are sequence numbers: those that any endpoint
//! may have issued, of whatever structure, because a client has to carry them. A call is one request; following page
//! tokens is offered beside it ([`dyn StreamApi`]'s `all_…`).

mod consumer;
mod record;
mod shard;
mod stream;

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use millstream_model::{ConsumerArn, ConsumerName, ShardId, StreamArn, StreamName};
pub use millstream_model::{InvalidIssuedNumber as InvalidSequenceNumber, IssuedNumber as SequenceNumber};

pub use self::consumer::{ConsumerStatus, StreamConsumer, Subscription, SubscriptionEvent, Then};
pub(crate) use self::record::one_each;
pub use self::record::{Acknowledgement, EntryOutcome, NewRecord, Next, Record, RecordPage, ShardIterator};
pub use self::shard::{ChildShard, Shard, ShardFilter, StartingPosition};
pub use self::stream::{
    Capacity, InvalidStreamRef, NewStream, StreamListing, StreamMode, StreamRef, StreamStatus, StreamSummary,
};
use crate::error::{Error, Result};

/// Streams and their records, over any transport. A call that an implementation leaves out is refused with
/// [`Error::NotOffered`]; both wires have all of them.
#[allow(unused_variables, reason = "what an implementation leaves out needs no parameters")]
#[async_trait]
pub trait StreamApi: fmt::Debug + Send + Sync {
    /// Begins to create a stream; it can be used once its status is [`StreamStatus::Active`].
    async fn create_stream(&self, stream: &NewStream) -> Result<()> {
        Err(Error::NotOffered("create_stream"))
    }

    /// Begins to delete a stream with all its records. Without `with_consumers`, a stream that has
    /// registered consumers is refused.
    async fn delete_stream(&self, stream: &StreamRef, with_consumers: bool) -> Result<()> {
        Err(Error::NotOffered("delete_stream"))
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary> {
        Err(Error::NotOffered("describe_stream_summary"))
    }

    /// The streams of the account whose names sort after `after`.
    async fn list_streams(&self, after: Option<&StreamName>) -> Result<Page<StreamListing, StreamName>> {
        Err(Error::NotOffered("list_streams"))
    }

    /// One page of the shards that `filter` selects; `after` comes from the page before.
    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        after: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        Err(Error::NotOffered("list_shards"))
    }

    /// Writes up to 500 records and gives one outcome for each, in their order. Records of one call may be
    /// stored in any order, and some of them may fail.
    async fn put_records(&self, stream: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        Err(Error::NotOffered("put_records"))
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        Err(Error::NotOffered("get_shard_iterator"))
    }

    /// Up to `limit` records from an iterator on. It is not consumed: the same one gives the same records.
    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<RecordPage> {
        Err(Error::NotOffered("get_records"))
    }

    /// Begins to register a consumer with its own read capacity; it can subscribe once it is
    /// [`ConsumerStatus::Active`].
    async fn register_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        Err(Error::NotOffered("register_stream_consumer"))
    }

    async fn describe_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        Err(Error::NotOffered("describe_stream_consumer"))
    }

    /// Has a shard's records pushed. A consumer has one subscription to a shard: a new one ends the old one if that
    /// is five seconds old, and is refused otherwise.
    async fn subscribe_to_shard(
        &self,
        consumer: &ConsumerArn,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        Err(Error::NotOffered("subscribe_to_shard"))
    }

    /// Keeps records for longer, up to 8760 hours.
    async fn increase_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        Err(Error::NotOffered("increase_retention"))
    }

    /// Keeps records for less long, at least 24 hours; what is older is gone at once.
    async fn decrease_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        Err(Error::NotOffered("decrease_retention"))
    }

    /// Sets tags, replacing those of the same key.
    async fn add_tags(&self, stream: &StreamRef, tags: &BTreeMap<String, String>) -> Result<()> {
        Err(Error::NotOffered("add_tags"))
    }

    /// Removes tags; keys that are not there are ignored.
    async fn remove_tags(&self, stream: &StreamRef, keys: &[String]) -> Result<()> {
        Err(Error::NotOffered("remove_tags"))
    }

    /// The tags whose keys sort after `after`.
    async fn list_tags(
        &self,
        stream: &StreamRef,
        after: Option<&str>,
    ) -> Result<Page<(String, String), String>> {
        Err(Error::NotOffered("list_tags"))
    }
}

impl dyn StreamApi + '_ {
    /// Every stream of the account, by name.
    pub async fn all_streams(&self) -> Result<Vec<StreamListing>> {
        let (mut streams, mut after) = (Vec::new(), None);
        loop {
            let page = self.list_streams(after.as_ref()).await?;
            streams.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(streams),
            }
        }
    }

    /// Every shard that `filter` selects.
    pub async fn all_shards(&self, stream: &StreamRef, filter: ShardFilter) -> Result<Vec<Shard>> {
        let (mut shards, mut after) = (Vec::new(), None);
        loop {
            let page = self.list_shards(stream, filter, after.as_ref()).await?;
            shards.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(shards),
            }
        }
    }

    /// Every tag of a stream.
    pub async fn all_tags(&self, stream: &StreamRef) -> Result<BTreeMap<String, String>> {
        let (mut tags, mut after) = (BTreeMap::new(), None);
        loop {
            let page = self.list_tags(stream, after.as_deref()).await?;
            tags.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(tags),
            }
        }
    }
}

/// A part of a listing, and what to ask for the next part with; `None` at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, N = PageToken> {
    pub items: Vec<T>,
    pub next: Option<N>,
}

/// Where a listing goes on. Opaque, and valid for minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(pub String);
