//! Shards, how to select them, and where to begin to read them.

use millstream_model::{HashKeyRange, ShardId, Timestamp};

use super::SequenceNumber;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    pub id: ShardId,
    /// The shard that was split, or the first of two that were merged.
    pub parent: Option<ShardId>,
    /// The second of two shards that were merged.
    pub adjacent_parent: Option<ShardId>,
    pub hash_key_range: HashKeyRange,
    pub starting_sequence_number: SequenceNumber,
    /// Set once the shard is closed.
    pub ending_sequence_number: Option<SequenceNumber>,
}

impl Shard {
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ending_sequence_number.is_none()
    }

    /// The shards that this one continues: none, one after a split, two after a merge.
    pub fn parents(&self) -> impl Iterator<Item = ShardId> {
        [self.parent, self.adjacent_parent].into_iter().flatten()
    }
}

/// A shard that continues one which has been read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildShard {
    pub id: ShardId,
    pub parents: Vec<ShardId>,
    pub hash_key_range: HashKeyRange,
}

/// Which shards to list. An endpoint older than filters lists all that are retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardFilter {
    /// All that are retained, open and closed.
    FromTrimHorizon,
    /// Those that were open at the oldest retained point in time.
    AtTrimHorizon,
    /// Those that are open now.
    AtLatest,
    /// Those that were open at a point in time.
    AtTimestamp(Timestamp),
    /// Those that were open at a point in time or later.
    FromTimestamp(Timestamp),
    /// Those whose ids sort after this one.
    AfterShard(ShardId),
}

/// Where in a shard to begin to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartingPosition {
    /// The oldest retained record.
    TrimHorizon,
    /// After the newest record.
    Latest,
    AtSequenceNumber(SequenceNumber),
    AfterSequenceNumber(SequenceNumber),
    /// The first record that arrived at this time or later.
    AtTimestamp(Timestamp),
}
