//! ListStreams and DescribeStream.

use std::collections::BTreeSet;

use millstream_model::{AccountId, Region};
use millstream_storage::{KeyRange, ScanOptions};

use crate::arn::{TableArn, TableName};
use crate::error::{Error, Result};
use crate::key::KeySchema;
use crate::keyspace::change_row::sequence_of;
use crate::keyspace::stream_row::{self, stream_key};
use crate::keyspace::{CHANGE, Sequence, TableUid, corrupt, part_prefix};
use crate::meta::TableStream;
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
    pub keys: KeySchema,
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
    pub(crate) keys: KeySchema,
    pub(crate) stream: TableStream,
    pub(crate) trimmed_below: Sequence,
    pub(crate) shards: Vec<Shard>,
    /// Changes below are all there or will never come. Of shards that ended this holds of all changes.
    pub(crate) end: Sequence,
}

impl Tables {
    /// The streams behind `start`, which need not be there; those of one name if a table is named. Those of deleted
    /// tables are among them as long as they can be read.
    pub fn list_streams(
        &self,
        account: &AccountId,
        region: &Region,
        table: Option<TableName>,
        start: Option<&StreamArn>,
        limit: usize,
    ) -> Result<StreamsPage> {
        let all = self.inner.stream_arns(account, region, table.as_ref());
        if let (Some(name), true) = (table, all.is_empty()) {
            self.inner.find(&TableArn { account: account.clone(), region: region.clone(), name })?;
        }
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
        Ok(StreamDescription { arn: call.stream, stream: found.stream, keys: found.keys, shards, last })
    }
}

impl Inner {
    pub(crate) async fn find_stream(&self, arn: &StreamArn) -> Result<FoundStream> {
        // First of all: a shard that is open in what is read after this has no other changes below.
        let end = self.sequences.end();
        let not_found =
            || Error::ResourceNotFound(format!("Requested resource not found: Stream: {arn} not found"));
        let (uid, keys, stream) = self.look_for_stream(arn).ok_or_else(not_found)?;
        let shards = self.shards(uid, &stream).await?;
        let (trimmed_below, shards) = (shards.trimmed_below, shards.list(uid, &stream));
        Ok(FoundStream { uid, keys, stream, trimmed_below, shards, end })
    }

    /// Tables before orphans: what a deletion takes from the ones it has added to the others.
    fn look_for_stream(&self, arn: &StreamArn) -> Option<(TableUid, KeySchema, TableStream)> {
        if let Some(table) = self.catalog.by_arn(&arn.table) {
            let meta = table.meta();
            if let Some(stream) = meta.streams.iter().find(|stream| stream.label() == arn.label) {
                return Some((table.uid, meta.keys.clone(), *stream));
            }
        }
        let orphan = self.orphans.readable(arn, self.now())?;
        Some((orphan.table_uid, orphan.keys.clone(), orphan.stream))
    }

    fn stream_arns(
        &self,
        account: &AccountId,
        region: &Region,
        name: Option<&TableName>,
    ) -> BTreeSet<StreamArn> {
        let has_name = |table: &TableArn| name.is_none_or(|name| table.name == *name);
        let mut all = BTreeSet::new();
        for table in self.catalog.of(account, region).iter().filter(|table| has_name(&table.arn)) {
            let arn = |stream: &TableStream| StreamArn { table: table.arn.clone(), label: stream.label() };
            all.extend(table.meta().streams.iter().map(arn));
        }
        let orphans = self.orphans.all_readable(self.now());
        let is_owned = |table: &TableArn| table.account == *account && table.region == *region;
        all.extend(orphans.into_iter().filter(|one| is_owned(&one.table) && has_name(&one.table)));
        all
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
                // Whatever it was, if it is trimmed.
                let trimmed = found.trimmed_below.saturating_sub(1);
                Some(last.transpose()?.unwrap_or(trimmed).max(shard.first))
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
