//! ListStreams and DescribeStream.

use std::sync::Arc;

use millstream_model::{AccountId, Region};
use millstream_storage::{KeyRange, ScanOptions};

use crate::arn::{TableArn, TableName};
use crate::error::{Error, Result};
use crate::keyspace::change_row::sequence_of;
use crate::keyspace::stream_row::{self, stream_key};
use crate::keyspace::{CHANGE, Sequence, TableUid, corrupt, part_prefix};
use crate::meta::{TableMeta, TableStream};
use crate::stream::arn::StreamArn;
use crate::stream::shards::{Shard, Shards, sequence_number};
use crate::tables::{Inner, Tables};

/// The most streams, or shards, of one page.
pub const STREAMS_MAX: usize = 100;

/// A page of the streams of an account in a region, those of each table from the oldest on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamsPage {
    pub streams: Vec<StreamArn>,
    /// The last of the page, if more follow.
    pub last: Option<StreamArn>,
}

/// A DescribeStream call.
#[derive(Clone, Debug)]
pub struct DescribeStream {
    pub stream: StreamArn,
    /// Of shards; [`STREAMS_MAX`] at the most.
    pub limit: usize,
    /// Shows those behind this shard.
    pub start: Option<String>,
    /// Shows only children of this shard.
    pub children_of: Option<String>,
}

/// A stream with some of its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDescription {
    pub arn: StreamArn,
    pub stream: TableStream,
    pub meta: Arc<TableMeta>,
    pub shards: Vec<StreamShard>,
    /// The last shard that is shown, if more follow.
    pub last: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamShard {
    pub id: String,
    pub parent: Option<String>,
    pub first_sequence_number: String,
    /// Absent while the shard takes changes.
    pub last_sequence_number: Option<String>,
}

/// A stream as it was found, with all that is needed to read it.
pub(crate) struct FoundStream {
    pub(crate) uid: TableUid,
    pub(crate) meta: Arc<TableMeta>,
    pub(crate) stream: TableStream,
    pub(crate) trimmed_below: Sequence,
    pub(crate) shards: Vec<Shard>,
    /// Changes below are all there or will never come. Of shards that ended this holds of all changes.
    pub(crate) end: Sequence,
}

impl Tables {
    /// The streams behind `start`, which need not be there; those of one table if one is named.
    pub fn list_streams(
        &self,
        account: &AccountId,
        region: &Region,
        table: Option<TableName>,
        start: Option<&StreamArn>,
        limit: usize,
    ) -> Result<StreamsPage> {
        let tables = match table {
            Some(name) => {
                let arn = TableArn { account: account.clone(), region: region.clone(), name };
                vec![self.inner.find(&arn)?.table]
            }
            None => self.inner.catalog.of(account, region),
        };
        let now = self.inner.now();
        let mut all = Vec::new();
        for table in tables.iter().filter(|table| table.meta().status(now).is_some()) {
            for stream in &table.meta().streams {
                all.push(StreamArn { table: table.arn.clone(), label: stream.label() });
            }
        }
        all.sort_unstable();
        let mut behind = all.into_iter().filter(|arn| start.is_none_or(|start| arn > start));
        let streams: Vec<_> = behind.by_ref().take(limit.clamp(1, STREAMS_MAX)).collect();
        let last = behind.next().and_then(|_| streams.last().cloned());
        Ok(StreamsPage { streams, last })
    }

    pub async fn describe_stream(&self, call: DescribeStream) -> Result<StreamDescription> {
        let found = self.inner.find_stream(&call.stream).await?;
        let is_wanted = |shard: &&Shard| call.children_of.is_none() || shard.parent == call.children_of;
        let start = call.start.as_ref();
        let mut behind =
            found.shards.iter().filter(is_wanted).filter(|shard| start.is_none_or(|id| shard.id > *id));
        let shown: Vec<_> = behind.by_ref().take(call.limit.clamp(1, STREAMS_MAX)).collect();
        let last = behind.next().and_then(|_| shown.last().map(|shard| shard.id.clone()));
        let mut shards = Vec::with_capacity(shown.len());
        for shard in shown {
            shards.push(self.inner.stream_shard(&found, shard).await?);
        }
        Ok(StreamDescription { arn: call.stream, stream: found.stream, meta: found.meta, shards, last })
    }
}

impl Inner {
    pub(crate) async fn find_stream(&self, arn: &StreamArn) -> Result<FoundStream> {
        // First of all: a shard that is open in what is read after this has no other changes below.
        let end = self.sequences.end();
        let not_found =
            || Error::ResourceNotFound(format!("Requested resource not found: Stream: {arn} not found"));
        let found = self.find(&arn.table).map_err(|_| not_found())?;
        let stream = found.meta.streams.iter().find(|stream| stream.label() == arn.label);
        let stream = *stream.ok_or_else(not_found)?;
        let uid = found.table.uid;
        let shards = self.shards(uid, &stream).await?;
        let (trimmed_below, shards) = (shards.trimmed_below, shards.list(uid, &stream));
        Ok(FoundStream { uid, meta: found.meta, stream, trimmed_below, shards, end })
    }

    pub(crate) async fn shards(&self, table: TableUid, stream: &TableStream) -> Result<Shards> {
        let key = stream_key(table, stream.number);
        match self.slot.get(&key).await? {
            Some(row) => stream_row::decode(&key, &row),
            None => Ok(Shards::beginning(stream)),
        }
    }

    async fn stream_shard(&self, found: &FoundStream, shard: &Shard) -> Result<StreamShard> {
        let last = match shard.end {
            None => None,
            // The shard that ended with its stream: the last change that it got.
            Some(Sequence::MAX) => {
                let range = KeyRange::prefix(&part_prefix(CHANGE, found.uid, found.stream.number));
                let options = ScanOptions { entries_max: 1, reverse: true, ..ScanOptions::default() };
                let page = self.slot.scan(range, options).await?;
                let last = page.entries.first().map(|entry| {
                    sequence_of(&entry.key).ok_or_else(|| corrupt("a change's key", &entry.key))
                });
                Some(last.transpose()?.unwrap_or(0).max(shard.first))
            }
            Some(end) => Some(end.saturating_sub(1).max(shard.first)),
        };
        Ok(StreamShard {
            id: shard.id.clone(),
            parent: shard.parent.clone(),
            first_sequence_number: sequence_number(shard.first),
            last_sequence_number: last.map(sequence_number),
        })
    }
}
