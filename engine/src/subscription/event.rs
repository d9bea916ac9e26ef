//! What a subscriber is given.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use millstream_model::{Record, SequenceNumber, Timestamp};

use super::rendering::{Contents, Form, Rendering, Renderings};
use crate::record_block::{BlockError, BlockRecord, RecordBlock};
use crate::shard::{ChildShard, Shard};

/// Records of a shard, and where to go on behind them.
#[derive(Debug)]
pub struct Event {
    /// Empty when there was nothing for a while.
    pub parts: Vec<Part>,
    /// Where the next subscription may start, be it at or after this number. Absent at the end of a closed shard.
    pub continuation: Option<SequenceNumber>,
    /// How far the subscriber is behind the end of the shard; 0 at the end.
    pub millis_behind_latest: u64,
    /// Those that took over from a closed shard, when its last record was delivered, and only then.
    pub children: Vec<ChildShard>,
}

/// Consecutive records of an event.
pub struct Part {
    source: Source,
    contents: Contents,
}

enum Source {
    Block {
        shard: Arc<Shard>,
        block: RecordBlock,
        /// Of a block of the shard's tail, which other subscribers are given as well.
        shared: Option<Shared>,
    },
    Picked(Vec<Record>),
}

/// Where subscribers leave a rendering for each other.
pub(super) struct Shared {
    pub(super) rendering: Arc<Rendering>,
    pub(super) renderings: Arc<Renderings>,
}

impl Part {
    /// Every record is looked at once, be it for another subscriber, so that what is given out later is known to be
    /// readable.
    pub(super) fn of_block(
        shard: Arc<Shard>,
        block: RecordBlock,
        shared: Option<Shared>,
    ) -> Result<Self, BlockError> {
        let contents = match &shared {
            Some(shared) => shared.rendering.contents(|| contents(&block)),
            None => contents(&block),
        }?;
        Ok(Self { source: Source::Block { shard, block, shared }, contents })
    }

    /// `None` when there is no record.
    pub(super) fn of_records(records: Vec<Record>) -> Option<Self> {
        let contents = Contents {
            records: records.len(),
            bytes: records.iter().map(|record| record.size() as u64).sum(),
            last_arrival: records.last()?.approximate_arrival,
        };
        Some(Self { source: Source::Picked(records), contents })
    }

    /// How many records there are; at least one.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.contents.records
    }

    /// Data and partition keys of all records.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.contents.bytes
    }

    pub(super) fn last_arrival(&self) -> Timestamp {
        self.contents.last_arrival
    }

    /// In order.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let (block, picked) = match &self.source {
            Source::Block { shard, block, .. } => (Some((shard, block)), None),
            Source::Picked(records) => (None, Some(records)),
        };
        // Every record of the block was read before.
        let of_block = block.into_iter().flat_map(|(shard, block)| {
            block.records().flatten().map(|record| record_of(shard, block, record))
        });
        of_block.chain(picked.into_iter().flatten().cloned())
    }

    /// The form in which the records are sent, which `render` makes of them unless it was made for another
    /// subscriber.
    pub fn rendered(&self, form: Form, render: impl FnOnce(&Self) -> Bytes) -> Bytes {
        match &self.source {
            // A single subscriber shares with nobody.
            Source::Block { shard, shared: Some(shared), .. } if shard.has_many_subscriptions() => {
                shared.renderings.get_or_make(&shared.rendering, form, || render(self))
            }
            Source::Block { .. } | Source::Picked(_) => render(self),
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} records)", self.contents.records)
    }
}

fn contents(block: &RecordBlock) -> Result<Contents, BlockError> {
    let mut contents = Contents { records: 0, bytes: 0, last_arrival: block.base_time() };
    for record in block.records() {
        let record = record?;
        contents.records += 1;
        contents.bytes += (record.data.len() + record.partition_key.len()) as u64;
        contents.last_arrival = record.arrival;
    }
    Ok(contents)
}

fn record_of(shard: &Shard, block: &RecordBlock, record: BlockRecord) -> Record {
    let BlockRecord { index, arrival, partition_key, data } = record;
    let sequence_number = shard.sequence_number(index, arrival);
    let encrypted = block.is_encrypted();
    Record { sequence_number, approximate_arrival: arrival, partition_key, data, encrypted }
}
