//! The unit of storage: a run of consecutive records of one shard, with a header and a checksum.
//!
//! ```text
//! offset  bytes  field
//!      0      1  format version, 1
//!      1      1  flags: none defined yet; an unknown one is refused (compression and encryption come here)
//!      2      4  key id: which data key encrypts the body, 0 for none
//!      6      4  CRC-32 of everything before and after this field
//!     10      8  index of the first record, the part of its sequence number that rises
//!     18      8  offset of the first record: how many records the shard held before it
//!     26      8  base time: arrival of the first record, milliseconds since the epoch
//!     34      4  number of records, at least 1
//!     38      …  records
//! ```
//! Numbers are big-endian. A record is: milliseconds since the record before it (varint), length of the
//! partition key (varint), length of the data (varint), partition key, data.
//!
//! Indexes may skip (after a restart), offsets never do: that is how a reader notices a missing block.

use bytes::{Buf, BufMut, Bytes};
use millstream_model::Timestamp;

pub(crate) const FORMAT_VERSION: u8 = 1;
pub(crate) const HEADER_BYTES: usize = 38;
pub(crate) const CHECKSUM: std::ops::Range<usize> = 6..10;
const COUNT: std::ops::Range<usize> = 34..38;
/// A varint of 64 bits, twice a varint of 32.
const RECORD_OVERHEAD_BYTES_MAX: usize = 20;

/// A block whose checksum was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordBlock {
    header: Header,
    bytes: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
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
}

/// A record inside a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    pub index: u64,
    pub arrival: Timestamp,
    pub partition_key: Bytes,
    pub data: Bytes,
}

impl RecordBlock {
    /// Reads and verifies a stored block.
    pub fn decode(bytes: Bytes) -> Result<Self, BlockError> {
        let header = bytes.get(..HEADER_BYTES).ok_or(BlockError::Short)?;
        if header[0] != FORMAT_VERSION {
            return Err(BlockError::Version(header[0]));
        }
        if checksum(&bytes) != (&header[CHECKSUM]).get_u32() {
            return Err(BlockError::Checksum);
        }
        if header[1] != 0 {
            return Err(BlockError::Flags(header[1]));
        }
        let mut fields = &header[CHECKSUM.end..];
        let header = Header {
            first_index: fields.get_u64(),
            first_offset: fields.get_u64(),
            base_time: Timestamp::from_millis(fields.get_u64()),
            count: fields.get_u32(),
        };
        let counts_on = |from: u64| from.checked_add(header.count.into()).is_some();
        if header.count == 0 || !counts_on(header.first_index) || !counts_on(header.first_offset) {
            return Err(BlockError::Layout);
        }
        Ok(Self { header, bytes })
    }

    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.header.first_index
    }

    /// The index after the last record's.
    #[must_use]
    pub fn end_index(&self) -> u64 {
        self.header.first_index + u64::from(self.header.count)
    }

    #[must_use]
    pub fn first_offset(&self) -> u64 {
        self.header.first_offset
    }

    /// The offset after the last record's.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.header.first_offset + u64::from(self.header.count)
    }

    /// When the first record arrived; no record of the block arrived before.
    #[must_use]
    pub fn base_time(&self) -> Timestamp {
        self.header.base_time
    }

    /// The records in order, sharing the block's memory.
    #[must_use]
    pub fn records(&self) -> Records<'_> {
        Records {
            block: &self.bytes,
            at: HEADER_BYTES,
            index: self.header.first_index,
            left: self.header.count,
            time: self.header.base_time.as_millis(),
        }
    }
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
    header: Header,
    last_time: u64,
}

impl BlockBuilder {
    /// An empty block; `capacity_bytes` is how large it is expected to grow.
    #[must_use]
    pub fn new(first_index: u64, first_offset: u64, capacity_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + capacity_bytes);
        bytes.put_bytes(0, HEADER_BYTES);
        let header = Header { first_index, first_offset, base_time: Timestamp::EPOCH, count: 0 };
        Self { bytes, header, last_time: 0 }
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

    /// Writes header and checksum. The builder must not be empty.
    #[must_use]
    pub fn seal(mut self) -> RecordBlock {
        debug_assert!(!self.is_empty(), "an empty block has no place in a log");
        let mut fields = &mut self.bytes[..HEADER_BYTES];
        fields.put_u8(FORMAT_VERSION);
        fields.put_u8(0);
        fields.put_u32(0);
        fields.put_u32(0);
        fields.put_u64(self.header.first_index);
        fields.put_u64(self.header.first_offset);
        fields.put_u64(self.header.base_time.as_millis());
        self.bytes[COUNT].copy_from_slice(&self.header.count.to_be_bytes());
        let checksum = checksum(&self.bytes);
        self.bytes[CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
        RecordBlock { header: self.header, bytes: self.bytes.into() }
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Input = (u64, String, Vec<u8>);

    fn build(first_index: u64, first_offset: u64, records: &[Input]) -> RecordBlock {
        let mut builder = BlockBuilder::new(first_index, first_offset, 0);
        let mut time = 1_000;
        for (delay, partition_key, data) in records {
            time += delay;
            builder.push(Timestamp::from_millis(time), partition_key.as_bytes(), data);
        }
        builder.seal()
    }

    fn sample() -> RecordBlock {
        build(
            7,
            5,
            &[(0, "a".into(), vec![1; 300]), (9, "key-é".into(), vec![]), (70_000, "b".into(), vec![2])],
        )
    }

    #[test]
    fn knows_its_place_in_the_shard() {
        let block = RecordBlock::decode(sample().bytes().clone()).unwrap();
        assert_eq!((block.first_index(), block.end_index()), (7, 10));
        assert_eq!((block.first_offset(), block.end_offset()), (5, 8));
        assert_eq!(block.base_time(), Timestamp::from_millis(1_000));
        let last = block.records().last().unwrap().unwrap();
        assert_eq!((last.index, last.arrival.as_millis()), (9, 71_009));
    }

    #[test]
    fn refuses_versions_and_flags_it_does_not_know() {
        let mut bytes = sample().bytes().to_vec();
        bytes[0] = 2;
        assert_eq!(RecordBlock::decode(bytes.clone().into()), Err(BlockError::Version(2)));
        (bytes[0], bytes[1]) = (1, 4);
        assert_eq!(RecordBlock::decode(bytes.clone().into()), Err(BlockError::Checksum));
        let valid_checksum = checksum(&bytes);
        bytes[CHECKSUM].copy_from_slice(&valid_checksum.to_be_bytes());
        assert_eq!(RecordBlock::decode(bytes.into()), Err(BlockError::Flags(4)));
    }

    /// The bytes of version 1, so that a change of the format cannot go unnoticed.
    #[test]
    fn the_format_stays_as_it_is() {
        let block = build(1, 0, &[(5, "k".into(), b"data".to_vec())]);
        let expected = [
            &[1, 0, 0, 0, 0, 0][..],
            &checksum(block.bytes()).to_be_bytes(),
            &[0, 0, 0, 0, 0, 0, 0, 1],
            &[0, 0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 3, 237],
            &[0, 0, 0, 1],
            &[0, 1, 4],
            b"kdata",
        ];
        assert_eq!(block.bytes().as_ref(), expected.concat());
        assert_eq!(checksum(block.bytes()), 0xfb4d_f81f);
    }

    /// A checksum is no proof of sense: whoever wrote the bytes may have been wrong.
    #[test]
    fn numbers_that_run_over_their_width_are_refused() {
        for (first_index, first_offset) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX - 1, 0)] {
            let mut builder = BlockBuilder::new(first_index, first_offset, 16);
            builder.push(Timestamp::EPOCH, b"k", b"a");
            builder.push(Timestamp::EPOCH, b"k", b"b");
            let sealed = builder.seal().bytes;
            assert_eq!(RecordBlock::decode(sealed), Err(BlockError::Layout), "{first_index} {first_offset}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(first_index in 0_u64..1 << 62, first_offset in 0_u64..1 << 62,
                       records in prop::collection::vec((0_u64..1 << 40, ".{1,40}", prop::collection::vec(any::<u8>(), 0..400)), 1..40)) {
            let decoded = RecordBlock::decode(build(first_index, first_offset, &records).bytes().clone()).unwrap();
            prop_assert_eq!(decoded.records().count(), records.len());
            let mut time = 1_000;
            for ((record, (delay, partition_key, data)), place) in decoded.records().zip(&records).zip(0..) {
                let record = record.unwrap();
                time += delay;
                prop_assert_eq!(record.index, first_index + place);
                prop_assert_eq!(record.arrival.as_millis(), time);
                prop_assert_eq!(record.partition_key.as_ref(), partition_key.as_bytes());
                prop_assert_eq!(record.data.as_ref(), data.as_slice());
            }
        }

        #[test]
        fn one_changed_bit_is_noticed(bit in 0_usize..10_000) {
            let mut bytes = sample().bytes().to_vec();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(RecordBlock::decode(bytes.into()).is_err());
        }

        /// Whatever stands behind a right checksum, reading it neither panics nor runs past the block.
        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if bytes.len() >= HEADER_BYTES {
                (bytes[0], bytes[1]) = (FORMAT_VERSION, 0);
                let valid_checksum = checksum(&bytes);
                bytes[CHECKSUM].copy_from_slice(&valid_checksum.to_be_bytes());
            }
            if let Ok(block) = RecordBlock::decode(bytes.into()) {
                let _ = block.records().count();
            }
        }
    }
}
