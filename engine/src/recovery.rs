//! What the engine reads when it opens a store, and when a shard's log must be read again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use millstream_model::sequence_number::INDEX_MAX;
use millstream_model::{ConsumerName, ShardIndex, StreamArn, Timestamp};
use millstream_runtime::Entropy;
use millstream_storage::{Entry, KeyRange, ScanOptions, Slot, WriteSet};
use prost::Message;

use crate::account::Accounts;
use crate::consumer::{Consumer, ConsumerMeta};
use crate::encryption::keyring::Keyring;
use crate::encryption::recovery::StoredKeys;
use crate::encryption::vault::Vault;
use crate::error::{Error, Result};
use crate::keyspace::store_row::{FORMAT, StoreRow, store_key};
use crate::keyspace::tail_row::{LogEnd, tail_key};
use crate::keyspace::{
    self, ShardUid, StreamUid, account_row, consumer_row, record_key, shard_row, stream_row,
};
use crate::record_block::StoredBlock;
use crate::shard::Shard;
use crate::stream::Stream;

/// Indexes that each opening of a store has for itself, in every shard. Numbers that a crash took back were never
/// shown to anybody, but they are not given out again all the same: fewer than this can have been on their way.
const INDEX_GAP: u64 = 1 << 32;

/// All that a store holds, apart from records.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) store: StoreRow,
    pub(crate) streams: Vec<Stream>,
    /// Deleted streams whose data has yet to be removed, or just was.
    pub(crate) graves: Vec<StreamUid>,
    pub(crate) accounts: Accounts,
    /// With those that are to be stored under another master key, which has not happened yet.
    pub(crate) data_keys: StoredKeys,
}

/// The shards of a stream, and the keys that they share.
#[derive(Debug, Default)]
struct Logs {
    keys: Arc<Keyring>,
    shards: BTreeMap<ShardIndex, Arc<Shard>>,
}

pub(crate) async fn recover(slot: &dyn Slot, entropy: &dyn Entropy, vault: &Vault) -> Result<Recovered> {
    let store = read_or_make_store(slot, entropy).await?;
    let mut consumers = read_consumers(slot).await?;
    let mut data_keys = StoredKeys::read(slot).await?;
    let mut logs = read_logs(slot).await?;
    let mut streams = Vec::new();
    for Entry { key, value } in scan_all(slot, stream_row::all()).await? {
        let (arn, mut meta) = stream_row::decode(&key, &value)?;
        let Logs { keys, shards } = logs.remove(&meta.uid).unwrap_or_default();
        if let Some((last, _)) = shards.last_key_value() {
            meta.next_shard = meta.next_shard.max(last.saturating_add(1));
        }
        check_marks(slot, &arn, &shards)?;
        let consumers = consumers.remove(&meta.uid).unwrap_or_default();
        data_keys.unlock(vault, &arn, &meta, &keys);
        let stream = Stream::new(arn, meta, keys, shards);
        for (name, meta) in consumers {
            stream.consumers.insert(Consumer::new(stream.arn.clone(), name, meta));
        }
        streams.push(stream);
    }
    let graves = scan_all(slot, KeyRange::prefix(&[keyspace::GRAVE])).await?;
    let graves = graves.iter().map(|grave| grave_uid(&grave.key)).collect::<Result<Vec<_>>>()?;
    check_nothing_is_missed(slot, &streams, &graves)?;
    let accounts = Accounts::default();
    for Entry { key, value } in scan_all(slot, account_row::all()).await? {
        let (account, region, commitment) = account_row::decode(&key, &value)?;
        accounts.set(account, region, commitment);
    }
    Ok(Recovered { store, streams, graves, accounts, data_keys })
}

fn grave_uid(key: &[u8]) -> Result<StreamUid> {
    let uid = key.get(1..).and_then(|uid| uid.try_into().ok());
    uid.map(u32::from_be_bytes).ok_or_else(|| keyspace::corrupt("a deleted stream's row", key))
}

async fn read_or_make_store(slot: &dyn Slot, entropy: &dyn Entropy) -> Result<StoreRow> {
    if let Some(row) = slot.get(&store_key()).await? {
        let row = StoreRow::decode(row).map_err(|_| keyspace::corrupt("the store's row", &store_key()))?;
        if row.format != FORMAT {
            let format = row.format;
            return Err(Error::Internal(format!(
                "the store has format {format}; this program reads format {FORMAT}"
            )));
        }
        return Ok(row);
    }
    let token_key = Bytes::copy_from_slice(&entropy.bytes::<32>());
    let row = StoreRow { format: FORMAT, token_key, next_stream_uid: 1 };
    let mut writes = WriteSet::new();
    writes.put(store_key(), row.encode_to_vec());
    slot.commit(writes).await?.durable().await?;
    Ok(row)
}

async fn read_logs(slot: &dyn Slot) -> Result<HashMap<StreamUid, Logs>> {
    let mut logs: HashMap<_, Logs> = HashMap::new();
    for Entry { key, value } in scan_all(slot, shard_row::all()).await? {
        let (stream, state) = shard_row::decode(&key, &value)?;
        let meta = state.meta;
        let mut end = read_log_end(slot, ShardUid::new(stream, meta.index), meta.opened).await?;
        if state.closed.is_none() {
            end.index = first_index(slot.epoch(), end)
                .ok_or_else(|| keyspace::corrupt("the end of the log of the shard with the row", &key))?;
        }
        let logs = logs.entry(stream).or_default();
        let shard = Shard::with_log(stream, state, end, logs.keys.clone());
        logs.shards.insert(meta.index, Arc::new(shard));
    }
    Ok(logs)
}

/// The first index that this opening of the store gives in a shard whose log ends there. What is durable alone does
/// not tell it: the opening before may have given numbers behind the same end and lost all of them. Nor does the epoch
/// alone, for a snapshot brings logs from another store, whose epoch was higher. `None` if there are none left.
fn first_index(epoch: u64, end: LogEnd) -> Option<u64> {
    let of_epoch = epoch.checked_mul(INDEX_GAP)?;
    let behind_the_end = if end.offset > 0 { end.index.checked_add(INDEX_GAP)? } else { end.index };
    Some(of_epoch.max(behind_the_end)).filter(|index| *index < INDEX_MAX)
}

async fn read_consumers(slot: &dyn Slot) -> Result<HashMap<StreamUid, Vec<(ConsumerName, ConsumerMeta)>>> {
    let mut consumers: HashMap<_, Vec<_>> = HashMap::new();
    for Entry { key, value } in scan_all(slot, consumer_row::all()).await? {
        let (stream, name, meta) = consumer_row::decode(&key, &value)?;
        consumers.entry(stream).or_default().push((name, meta));
    }
    Ok(consumers)
}

/// Where a shard's log ends in storage: after its last block, or where it stood when it was trimmed empty.
pub(crate) async fn read_log_end(slot: &dyn Slot, shard: ShardUid, opened: Timestamp) -> Result<LogEnd> {
    let last = ScanOptions { entries_max: 1, reverse: true, ..ScanOptions::default() };
    let page = slot.scan(record_key::from(shard, 0), last).await?;
    if let Some(Entry { key, value }) = page.entries.into_iter().next() {
        let block = decode_block(&key, value)?;
        let last_arrival = block.last_arrival();
        let last_arrival =
            last_arrival.map_err(|_| keyspace::corrupt("the last record block of a shard", &key))?;
        let block = block.header();
        return Ok(LogEnd { index: block.end_index(), offset: block.end_offset(), last_arrival });
    }
    match slot.get(&tail_key(shard)).await? {
        Some(row) => {
            LogEnd::decode(&row).ok_or_else(|| keyspace::corrupt("a shard's tail", &tail_key(shard)))
        }
        None => Ok(LogEnd { index: 1, offset: 0, last_arrival: opened }),
    }
}

/// A block that also stands where it says that it does.
pub(crate) fn decode_block(key: &[u8], value: Bytes) -> Result<StoredBlock> {
    let block = StoredBlock::decode(value).map_err(|error| keyspace::corrupt(&error.to_string(), key))?;
    if record_key::first_index(key) != Some(block.header().first_index()) {
        return Err(keyspace::corrupt("a record block of another place", key));
    }
    Ok(block)
}

/// Every shard that had a mark must be there, or must have been deleted.
fn check_nothing_is_missed(slot: &dyn Slot, streams: &[Stream], graves: &[StreamUid]) -> Result<()> {
    let there: HashSet<_> = streams
        .iter()
        .flat_map(|stream| stream.shards().all.values().map(|shard| shard.uid()).collect::<Vec<_>>())
        .collect();
    let marked = slot.marks_at_open().keys().filter_map(|name| ShardUid::of_mark(name));
    let missed = marked.filter(|uid| !there.contains(uid) && !graves.contains(&uid.stream())).min();
    match missed {
        Some(ShardUid(uid)) => Err(Error::Internal(format!(
            "durable data is missing: the shard with uid {uid:#x} and all its records"
        ))),
        None => Ok(()),
    }
}

/// Compares how far each shard's log goes with how far it was durable.
fn check_marks(slot: &dyn Slot, arn: &StreamArn, shards: &BTreeMap<ShardIndex, Arc<Shard>>) -> Result<()> {
    for shard in shards.values() {
        let mark = slot.marks_at_open().get(&shard.uid().mark_name()).and_then(|mark| LogEnd::decode(mark));
        let found = shard.tail.lock().end();
        if let Some(mark) = mark.filter(|mark| found.offset < mark.offset) {
            return Err(Error::Internal(format!(
                "durable records are missing: {} of {arn} ends after {} records, but {} were durable",
                shard.id(),
                found.offset,
                mark.offset
            )));
        }
    }
    Ok(())
}

pub(crate) async fn scan_all(slot: &dyn Slot, mut range: KeyRange) -> Result<Vec<Entry>> {
    let mut all = Vec::new();
    loop {
        let page = slot.scan(range.clone(), ScanOptions::default()).await?;
        if let Some(last) = page.entries.last() {
            range.start = [&last.key[..], &[0]].concat().into();
        }
        all.extend(page.entries);
        if !page.more {
            return Ok(all);
        }
    }
}
