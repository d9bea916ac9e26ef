//! One shard: its log's writer, the part of the log that is in memory, and its limits.
//!
//! [`writer`] numbers and packs records, [`tail`] holds the newest durable blocks, [`reader`] serves both
//! from there and from storage, whose blocks [`stored`] checks. An idle shard is this struct and nothing else: no task, no buffer.
//!
//! A shard is open from its creation on and closes once, when others take over its hash keys. It counts as closed
//! only when its last record is durable and in the tail, so whoever sees it closed sees where it ends.

pub(crate) mod reader;
pub(crate) mod stored;
pub(crate) mod tail;
pub(crate) mod writer;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use millstream_model::{HashKeyRange, SequenceNumber, ShardId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::encryption::keyring::Keyring;
use crate::error::Result;
use crate::keyspace::record_key::record_key;
use crate::keyspace::shard_row::{ShardMeta, ShardState};
use crate::keyspace::tail_row::LogEnd;
use crate::keyspace::{ShardUid, StreamUid, corrupt};
use crate::limits::ReadLimits;
use crate::monitoring::ShardCounters;
use crate::record_block::{RecordBlock, StoredBlock};
use reader::Position;
use tail::Tail;
use writer::Writer;

#[derive(Debug)]
pub(crate) struct Shard {
    uid: ShardUid,
    id: ShardId,
    meta: ShardMeta,
    closed: OnceLock<Timestamp>,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) tail: Mutex<Tail>,
    pub(crate) read_limits: Mutex<ReadLimits>,
    /// Its stream's.
    keys: Arc<Keyring>,
    /// Wakes those who wait for more to read: a block was published, the shard was closed, or its stream is gone.
    pub(crate) grown: Notify,
    /// How many subscriptions there are to the shard.
    pub(crate) subscriptions: AtomicUsize,
    /// The commit that told storage that nothing is left of the shard and it is not missed.
    pub(crate) forgotten: OnceLock<u64>,
    /// Counts only while the stream is monitored.
    pub(crate) counters: ShardCounters,
}

/// A shard that took over hash keys of a closed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildShard {
    pub id: ShardId,
    /// One after a split; after a merge two, the lower neighbour first.
    pub parents: Vec<ShardId>,
    pub range: HashKeyRange,
}

impl Shard {
    /// A shard whose log is empty.
    pub(crate) fn new(stream: StreamUid, meta: ShardMeta, keys: Arc<Keyring>) -> Self {
        let end = LogEnd { index: 1, offset: 0, last_arrival: meta.opened };
        Self::with_log(stream, ShardState { meta, closed: None }, end, keys)
    }

    /// A shard whose log goes on at `end`, or ended there.
    pub(crate) fn with_log(stream: StreamUid, state: ShardState, end: LogEnd, keys: Arc<Keyring>) -> Self {
        let ShardState { meta, closed } = state;
        Self {
            uid: ShardUid::new(stream, meta.index),
            id: shard_id(meta.index),
            meta,
            closed: closed.map(OnceLock::from).unwrap_or_default(),
            writer: Mutex::new(Writer::new(end)),
            tail: Mutex::new(Tail::new(end)),
            read_limits: Mutex::default(),
            keys,
            grown: Notify::new(),
            subscriptions: AtomicUsize::new(0),
            forgotten: OnceLock::new(),
            counters: ShardCounters::default(),
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

    /// When the shard stopped taking records. All that it took is durable and published then.
    pub(crate) fn closed(&self) -> Option<Timestamp> {
        self.closed.get().copied()
    }

    /// Closes the shard for good and tells those who wait at its end.
    pub(crate) fn set_closed(&self, at: Timestamp) {
        // A shard is closed once; a second time would change nothing.
        let _ = self.closed.set(at);
        self.grown.notify_waiters();
    }

    /// Whether all records that the shard was given are durable and published.
    pub(crate) fn is_settled(&self) -> bool {
        let given = self.writer.lock().end().offset;
        self.tail.lock().end().offset == given
    }

    /// Whether the shard was closed so long ago that none of its records is kept.
    pub(crate) fn is_expired(&self, horizon: Timestamp) -> bool {
        self.closed().is_some_and(|closed| closed <= horizon)
    }

    /// Whether the shard took records at that moment. Lives are half open, so that the shards of a stream tile the
    /// hash key space at any moment since its creation.
    pub(crate) fn was_open_at(&self, time: Timestamp) -> bool {
        self.meta.opened <= time && self.closed().is_none_or(|closed| time < closed)
    }

    /// Whether a reader who stands there has read all that a closed shard will ever hold.
    pub(crate) fn is_over_at(&self, position: Position) -> bool {
        self.closed().is_some() && position.index >= self.tail.lock().end().index
    }

    /// Whether what is made for one subscriber is of use to another.
    pub(crate) fn has_many_subscriptions(&self) -> bool {
        self.subscriptions.load(Ordering::Relaxed) > 1
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

    /// Absent while the shard is open.
    pub(crate) fn ending_sequence_number(&self) -> Option<SequenceNumber> {
        let closed = self.closed()?;
        Some(SequenceNumber::shard_end(self.meta.index, self.meta.created.as_secs(), closed.as_secs()))
    }

    pub(crate) fn as_child(&self) -> ChildShard {
        ChildShard {
            id: self.id,
            parents: self.meta.lineage.parents().map(shard_id).collect(),
            range: self.meta.range,
        }
    }
}

/// The id of a shard that was made here: its index was checked then.
pub(crate) fn shard_id(index: millstream_model::ShardIndex) -> ShardId {
    ShardId::new(index).unwrap_or(ShardId::MAX)
}
