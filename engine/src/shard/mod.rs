//! One shard: its log's writer, the part of the log that is in memory, and its limits.
//!
//! [`writer`] numbers and packs records, [`tail`] holds the newest durable blocks, [`reader`] serves both
//! from there and from storage. An idle shard is this struct and nothing else: no task, no buffer.

pub(crate) mod reader;
pub(crate) mod tail;
pub(crate) mod writer;

use std::sync::Arc;

use millstream_model::{SequenceNumber, ShardId, Timestamp};
use parking_lot::Mutex;

use crate::encryption::keyring::Keyring;
use crate::error::Result;
use crate::keyspace::record_key::record_key;
use crate::keyspace::shard_row::ShardMeta;
use crate::keyspace::tail_row::LogEnd;
use crate::keyspace::{ShardUid, StreamUid, corrupt};
use crate::limits::ReadLimits;
use crate::record_block::{RecordBlock, StoredBlock};
use tail::Tail;
use writer::Writer;

#[derive(Debug)]
pub(crate) struct Shard {
    uid: ShardUid,
    id: ShardId,
    meta: ShardMeta,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) tail: Mutex<Tail>,
    pub(crate) read_limits: Mutex<ReadLimits>,
    /// Its stream's.
    keys: Arc<Keyring>,
}

impl Shard {
    /// A shard whose log is empty.
    pub(crate) fn new(stream: StreamUid, meta: ShardMeta, keys: Arc<Keyring>) -> Self {
        let end = LogEnd { index: 1, offset: 0, last_arrival: meta.created };
        Self::with_log(stream, meta, end, keys)
    }

    /// A shard whose log goes on at `end`.
    pub(crate) fn with_log(stream: StreamUid, meta: ShardMeta, end: LogEnd, keys: Arc<Keyring>) -> Self {
        Self {
            uid: ShardUid::new(stream, meta.index),
            id: ShardId::new(meta.index).unwrap_or(ShardId::MAX),
            meta,
            writer: Mutex::new(Writer::new(end)),
            tail: Mutex::new(Tail::new(end)),
            read_limits: Mutex::default(),
            keys,
        }
    }

    pub(crate) fn uid(&self) -> ShardUid {
        self.uid
    }

    pub(crate) fn id(&self) -> ShardId {
        self.id
    }

    pub(crate) fn meta(&self) -> &ShardMeta {
        &self.meta
    }

    /// The number of the record with this index that arrived at this time.
    pub(crate) fn sequence_number(&self, index: u64, arrival: Timestamp) -> SequenceNumber {
        SequenceNumber {
            shard_created_secs: self.meta.created.as_secs(),
            shard_index: self.meta.index,
            index,
            time_secs: arrival.as_secs(),
        }
    }

    pub(crate) fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// A block of this shard's log, in clear.
    pub(crate) fn read_block(&self, block: StoredBlock) -> Result<RecordBlock> {
        let index = block.header().first_index();
        let opened = match block.epoch() {
            None => block.into_clear(),
            Some(epoch) => block.decrypt(self.keys.for_reading(epoch)?, self.uid),
        };
        opened.map_err(|error| corrupt(&error.to_string(), &record_key(self.uid, index)))
    }

    pub(crate) fn starting_sequence_number(&self) -> SequenceNumber {
        SequenceNumber::shard_start(self.meta.index, self.meta.created.as_secs())
    }
}
