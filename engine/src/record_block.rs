//! The unit of storage: a run of consecutive records of one shard, with a header and a checksum.
//!
//! ```text
//! offset  bytes  field
//!      0      1  format version, 1
//!      1      1  flags: 0x01 if the records are encrypted; an unknown one is refused
//!      2      4  key id: the epoch of the data key that encrypts the records, 0 for none
//!      6      4  CRC-32 of everything before and after this field, as it is stored
//!     10      8  index of the first record, the part of its sequence number that rises
//!     18      8  offset of the first record: how many records the shard held before it
//!     26      8  base time: arrival of the first record, milliseconds since the epoch
//!     34      4  number of records, at least 1
//!    (38      8  arrival of the last record, if the records are encrypted)
//!     38      …  records; if encrypted, from 46 on and followed by a tag of 16 bytes
//! ```
//! Numbers are big-endian. A record is: milliseconds since the record before it (varint), length of the
//! partition key (varint), length of the data (varint), partition key, data.
//!
//! Indexes may skip (after a restart), offsets never do: that is how a reader notices a missing block.
//!
//! In memory all records are in clear: a [`RecordBlock`]. What lies in storage is a [`StoredBlock`] until it was
//! opened. A block holds records of one kind only, so it says of each of them whether it was encrypted.

mod stored;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use millstream_model::Timestamp;

use crate::encryption::data_key::DataKey;

pub use stored::StoredBlock;

pub(crate) const FORMAT_VERSION: u8 = 1;
pub(crate) const ENCRYPTED: u8 = 0x01;
pub(crate) const HEADER_BYTES: usize = 38;
const ENCRYPTED_HEADER_BYTES: usize = 46;
pub(crate) const CHECKSUM: std::ops::Range<usize> = 6..10;
const LAST_ARRIVAL: std::ops::Range<usize> = 38..46;
/// A varint of 64 bits, twice a varint of 32.
const RECORD_OVERHEAD_BYTES_MAX: usize = 20;

/// A block whose records can be read.
#[derive(Clone, Debug)]
pub struct RecordBlock {
    header: BlockHeader,
    /// Header and records, in clear. This is what is stored only if there is no key.
    bytes: Bytes,
    /// What encrypts the block in storage.
    key: Option<Arc<DataKey>>,
}

/// Where in its shard a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    first_index: u64,
    first_offset: u64,
    base_time: Timestamp,
    count: u32,
}

/// What is wrong with bytes that should be a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    #[error("the block is cut off")]
    Short,
    #[error("the block has format version {0}, which this program does not read")]
    Version(u8),
    #[error("the block has unknown flags {0:#04x}")]
    Flags(u8),
    #[error("the block's checksum is wrong")]
    Checksum,
    #[error("the block's records do not fill it")]
    Layout,
    #[error("the block is encrypted")]
    Encrypted,
    #[error("the block is not what was encrypted for its place with its key")]
    Unauthentic,
    #[error("the block is too long to be encrypted")]
    TooLong,
}

/// A record inside a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    pub index: u64,
    pub arrival: Timestamp,
    pub partition_key: Bytes,
    pub data: Bytes,
}

impl BlockHeader {
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first_index
    }

    /// The index after the last record's.
    #[must_use]
    pub fn end_index(&self) -> u64 {
        self.first_index + u64::from(self.count)
    }

    #[must_use]
    pub fn first_offset(&self) -> u64 {
        self.first_offset
    }

    /// The offset after the last record's.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.first_offset + u64::from(self.count)
    }

    /// When the first record arrived; no record of the block arrived before.
    #[must_use]
    pub fn base_time(&self) -> Timestamp {
        self.base_time
    }
}

impl RecordBlock {
    #[must_use]
    pub fn header(&self) -> &BlockHeader {
        &self.header
    }

    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.header.first_index()
    }

    /// The index after the last record's.
    #[must_use]
    pub fn end_index(&self) -> u64 {
        self.header.end_index()
    }

    /// When the first record arrived; no record of the block arrived before.
    #[must_use]
    pub fn base_time(&self) -> Timestamp {
        self.header.base_time()
    }

    /// Header and records, in clear: the block as it is stored if it is not encrypted.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Bytes that the block takes in memory, and within a few in storage.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the records are encrypted in storage.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.key.is_some()
    }

    /// The records in order, sharing the block's memory.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records {
            block: &self.bytes,
            at: header_bytes(self.is_encrypted()),
            index: self.header.first_index,
            left: self.header.count,
            time: self.header.base_time.as_millis(),
        }
    }
}

fn header_bytes(encrypted: bool) -> usize {
    if encrypted { ENCRYPTED_HEADER_BYTES } else { HEADER_BYTES }
}

/// Iterates over a block's records. A record that does not fit its block ends it with an error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    block: &'a Bytes,
    at: usize,
    index: u64,
    left: u32,
    time: u64,
}

impl Iterator for Records<'_> {
    type Item = Result<BlockRecord, BlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let record = self.read();
        self.left = if record.is_some() { self.left - 1 } else { 0 };
        Some(record.ok_or(BlockError::Layout))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl Records<'_> {
    fn read(&mut self) -> Option<BlockRecord> {
        let mut rest = self.block.get(self.at..)?;
        let before = rest.len();
        self.time = self.time.checked_add(get_varint(&mut rest)?)?;
        let key_bytes = usize::try_from(get_varint(&mut rest)?).ok()?;
        let data_bytes = usize::try_from(get_varint(&mut rest)?).ok()?;
        let key_at = self.at + (before - rest.len());
        let data_at = key_at.checked_add(key_bytes)?;
        let end = data_at.checked_add(data_bytes)?;
        if end > self.block.len() {
            return None;
        }
        let record = BlockRecord {
            index: self.index,
            arrival: Timestamp::from_millis(self.time),
            partition_key: self.block.slice(key_at..data_at),
            data: self.block.slice(data_at..end),
        };
        self.at = end;
        self.index += 1;
        Some(record)
    }
}

/// Packs records into a block.
#[derive(Debug)]
pub struct BlockBuilder {
    bytes: Vec<u8>,
    header: BlockHeader,
    last_time: u64,
    key: Option<Arc<DataKey>>,
}

impl BlockBuilder {
    /// An empty block; `capacity_bytes` is how large it is expected to grow.
    #[must_use]
    pub fn new(first_index: u64, first_offset: u64, capacity_bytes: usize) -> Self {
        Self::with_key(first_index, first_offset, capacity_bytes, None)
    }

    /// An empty block that is encrypted in storage, if there is a key.
    pub(crate) fn with_key(
        first_index: u64,
        first_offset: u64,
        capacity_bytes: usize,
        key: Option<Arc<DataKey>>,
    ) -> Self {
        let header_bytes = header_bytes(key.is_some());
        let mut bytes = Vec::with_capacity(header_bytes + capacity_bytes);
        bytes.put_bytes(0, header_bytes);
        let header = BlockHeader { first_index, first_offset, base_time: Timestamp::EPOCH, count: 0 };
        Self { bytes, header, last_time: 0, key }
    }

    /// Adds a record. `arrival` must not lie before the arrival of the record added last.
    pub fn push(&mut self, arrival: Timestamp, partition_key: &[u8], data: &[u8]) {
        if self.header.count == 0 {
            self.header.base_time = arrival;
            self.last_time = arrival.as_millis();
        }
        self.bytes.reserve(RECORD_OVERHEAD_BYTES_MAX + partition_key.len() + data.len());
        put_varint(&mut self.bytes, arrival.as_millis().saturating_sub(self.last_time));
        put_varint(&mut self.bytes, partition_key.len() as u64);
        put_varint(&mut self.bytes, data.len() as u64);
        self.bytes.put_slice(partition_key);
        self.bytes.put_slice(data);
        self.last_time = self.last_time.max(arrival.as_millis());
        self.header.count += 1;
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.header.count == 0
    }

    pub(crate) fn key(&self) -> Option<&Arc<DataKey>> {
        self.key.as_ref()
    }

    /// Writes the header. The builder must not be empty.
    #[must_use]
    pub fn seal(mut self) -> RecordBlock {
        debug_assert!(!self.is_empty(), "an empty block has no place in a log");
        let epoch = self.key.as_ref().map_or(0, |key| key.epoch().get());
        let mut fields = &mut self.bytes[..HEADER_BYTES];
        fields.put_u8(FORMAT_VERSION);
        fields.put_u8(if self.key.is_some() { ENCRYPTED } else { 0 });
        fields.put_u32(epoch);
        fields.put_u32(0);
        fields.put_u64(self.header.first_index);
        fields.put_u64(self.header.first_offset);
        fields.put_u64(self.header.base_time.as_millis());
        fields.put_u32(self.header.count);
        if self.key.is_some() {
            // The checksum follows when the block is encrypted: it is one of what is stored.
            self.bytes[LAST_ARRIVAL].copy_from_slice(&self.last_time.to_be_bytes());
        } else {
            write_checksum(&mut self.bytes);
        }
        RecordBlock { header: self.header, bytes: self.bytes.into(), key: self.key }
    }
}

fn write_checksum(bytes: &mut [u8]) {
    let checksum = checksum(bytes);
    bytes[CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
}

pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..CHECKSUM.start]);
    hasher.update(&bytes[CHECKSUM.end..]);
    hasher.finalize()
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

fn get_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
