//! Leases as rows, attribute by attribute as KCL 3.x has them.

use std::collections::BTreeSet;

use millstream_model::{HashKey, HashKeyRange};

use super::attribute::{CHECKPOINT_OWNER, ENTITY_TYPE, LEASE_COUNTER, LEASE_KEY, LEASE_OWNER};
use super::{BadRow, EntityType, Reader, Row, Value};
use crate::checkpoint::{Checkpoint, Position};
use crate::lease::{Lease, PendingCheckpoint, StreamOfLease};
use crate::names::ShardName;

pub(crate) const OWNER_SWITCHES: &str = "ownerSwitchesSinceCheckpoint";
pub(crate) const CHECKPOINT: &str = "checkpoint";
pub(crate) const SUB_SEQUENCE: &str = "checkpointSubSequenceNumber";
pub(crate) const PENDING_CHECKPOINT: &str = "pendingCheckpoint";
pub(crate) const PENDING_SUB_SEQUENCE: &str = "pendingCheckpointSubSequenceNumber";
pub(crate) const PENDING_STATE: &str = "pendingCheckpointState";
pub(crate) const PARENTS: &str = "parentShardId";
pub(crate) const CHILDREN: &str = "childShardIds";
pub(crate) const START_HASH_KEY: &str = "startingHashKey";
pub(crate) const END_HASH_KEY: &str = "endingHashKey";
pub(crate) const THROUGHPUT: &str = "throughputKBps";
pub(crate) const STREAM_NAME: &str = "streamName";
pub(crate) const SHARD_ID: &str = "shardId";

/// The whole row, as it is created. Nothing empty is ever written: DynamoDB refuses it.
pub(crate) fn to_row(lease: &Lease) -> Row {
    let mut row = lease.unknown.clone();
    let mut put = |name: &str, value| row.insert(name.to_owned(), value);
    put(LEASE_KEY, Value::text(&lease.key));
    put(ENTITY_TYPE, Value::text(EntityType::Lease.as_str()));
    put(LEASE_COUNTER, Value::number(lease.counter));
    put(OWNER_SWITCHES, Value::number(lease.owner_switches_since_checkpoint));
    for (name, value) in checkpoint_values(&lease.checkpoint) {
        put(name, value);
    }
    if let Some(owner) = &lease.owner {
        put(LEASE_OWNER, Value::text(owner));
    }
    if let Some(owner) = &lease.checkpoint_owner {
        put(CHECKPOINT_OWNER, Value::text(owner));
    }
    if let Some(pending) = &lease.pending {
        put(PENDING_CHECKPOINT, Value::text(&pending.checkpoint.position));
        put(PENDING_SUB_SEQUENCE, Value::number(pending.checkpoint.sub_sequence));
        if let Some(state) = &pending.state {
            put(PENDING_STATE, Value::B(state.clone()));
        }
    }
    for (name, shards) in [(PARENTS, &lease.parents), (CHILDREN, &lease.children)] {
        if !shards.is_empty() {
            put(name, shards_value(shards));
        }
    }
    if let Some(range) = lease.hash_range {
        for (name, value) in hash_range_values(range) {
            put(name, value);
        }
    }
    if let Some(throughput) = lease.throughput_kbps {
        put(THROUGHPUT, Value::fraction(throughput));
    }
    if let Some(stream) = &lease.stream {
        for (name, value) in stream_values(stream) {
            put(name, value);
        }
    }
    row
}

pub(crate) fn checkpoint_values(checkpoint: &Checkpoint) -> [(&'static str, Value); 2] {
    [(CHECKPOINT, Value::text(&checkpoint.position)), (SUB_SEQUENCE, Value::number(checkpoint.sub_sequence))]
}

pub(crate) fn hash_range_values(range: HashKeyRange) -> [(&'static str, Value); 2] {
    [(START_HASH_KEY, Value::text(range.start())), (END_HASH_KEY, Value::text(range.end()))]
}

pub(crate) fn stream_values(stream: &StreamOfLease) -> [(&'static str, Value); 2] {
    [(STREAM_NAME, Value::text(&stream.stream)), (SHARD_ID, Value::text(&stream.shard))]
}

pub(crate) fn shards_value(shards: &BTreeSet<ShardName>) -> Value {
    Value::Ss(shards.iter().map(ToString::to_string).collect())
}

/// Understands a row that is a lease, written by KCL 1.x, 2.x, 3.x or Millstream.
pub(crate) fn of_row(row: Row) -> Result<Lease, BadRow> {
    let mut reader = Reader::new(row, LEASE_KEY);
    let key = reader.parsed(LEASE_KEY)?;
    let key = reader.required(LEASE_KEY, key)?;
    reader.take(ENTITY_TYPE);
    let checkpoint = checkpoint(&mut reader, CHECKPOINT, SUB_SEQUENCE)?;
    let checkpoint = reader.required(CHECKPOINT, checkpoint)?;
    let counter = reader.whole(LEASE_COUNTER)?;
    Ok(Lease {
        key,
        owner: reader.parsed(LEASE_OWNER)?,
        checkpoint_owner: reader.parsed(CHECKPOINT_OWNER)?,
        counter: reader.required(LEASE_COUNTER, counter)?,
        checkpoint,
        pending: pending(&mut reader)?,
        owner_switches_since_checkpoint: reader.whole(OWNER_SWITCHES)?.unwrap_or(0),
        parents: reader.texts(PARENTS)?,
        children: reader.texts(CHILDREN)?,
        hash_range: hash_range(&mut reader)?,
        throughput_kbps: reader.fraction(THROUGHPUT)?,
        stream: stream(&mut reader)?,
        unknown: reader.into_rest(),
    })
}

fn checkpoint(reader: &mut Reader, name: &str, sub_name: &str) -> Result<Option<Checkpoint>, BadRow> {
    let position = reader.parsed::<Position>(name)?;
    let sub_sequence = reader.whole(sub_name)?.unwrap_or(0);
    Ok(position.map(|position| Checkpoint { position, sub_sequence }))
}

fn pending(reader: &mut Reader) -> Result<Option<PendingCheckpoint>, BadRow> {
    let checkpoint = checkpoint(reader, PENDING_CHECKPOINT, PENDING_SUB_SEQUENCE)?;
    let state = match reader.take(PENDING_STATE) {
        Some(Value::B(state)) => Some(state),
        // KCL writes the sub-sequence number here when it creates a row, where the state should stand.
        None | Some(Value::N(_) | Value::Null) => None,
        Some(value) => {
            return Err(
                reader.bad(PENDING_STATE, format!("should be of type B and is {}", value.type_name()))
            );
        }
    };
    Ok(checkpoint.map(|checkpoint| PendingCheckpoint { checkpoint, state }))
}

/// KCL before 1.14 and 2.3 wrote none; half of one is none either.
fn hash_range(reader: &mut Reader) -> Result<Option<HashKeyRange>, BadRow> {
    let start = reader.parsed::<HashKey>(START_HASH_KEY)?;
    let end = reader.parsed::<HashKey>(END_HASH_KEY)?;
    let (Some(start), Some(end)) = (start, end) else { return Ok(None) };
    match HashKeyRange::new(start, end) {
        Some(range) => Ok(Some(range)),
        None => Err(reader.bad(START_HASH_KEY, format!("is {start}, above the range's end {end}"))),
    }
}

fn stream(reader: &mut Reader) -> Result<Option<StreamOfLease>, BadRow> {
    let stream = reader.parsed(STREAM_NAME)?;
    let shard = reader.parsed(SHARD_ID)?;
    match (stream, shard) {
        (Some(stream), Some(shard)) => Ok(Some(StreamOfLease { stream, shard })),
        (Some(_), None) => Err(reader.bad(SHARD_ID, "is missing beside streamName")),
        (None, Some(_)) => Err(reader.bad(STREAM_NAME, "is missing beside shardId")),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
