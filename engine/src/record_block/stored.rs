//! A block as it lies in storage: the way there and back.
//!
//! An encrypted block is bound to its place and its header: to the shard, the first index, offset, times, count and
//! epoch. One that was moved, or given another header, does not open, whatever its checksum says. What this does not
//! show is a block in clear that somebody put there instead: encryption keeps secrets, and whoever can write to the
//! disk can do worse.
//!
//! The nonce is the block's place in its stream: the shard's index and the index of the first record. A data key
//! belongs to one stream, and a shard gives an index once: every opening of a store has indexes of its own, and after
//! a failed commit those that were on their way are skipped. What remains are copies, as a directory or a snapshot: a
//! nonce comes back when a copy and its original both go on, or when a copy of a store that was opened more often
//! crashes before anything of the shard is durable in it. For these there is SIV: who has both ciphertexts learns
//! whether they are of the same bytes, and nothing more.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use millstream_model::Timestamp;

use super::{
    BlockError, BlockHeader, CHECKSUM, ENCRYPTED, ENCRYPTED_HEADER_BYTES, FORMAT_VERSION, HEADER_BYTES,
    LAST_ARRIVAL, RecordBlock, checksum, write_checksum,
};
use crate::encryption::data_key::DataKey;
use crate::encryption::{Epoch, NONCE_BYTES, TAG_BYTES};
use crate::keyspace::ShardUid;

/// A block whose checksum was verified. Its records may be encrypted, its header never is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    header: BlockHeader,
    epoch: Option<Epoch>,
    bytes: Bytes,
}

impl StoredBlock {
    /// Reads and verifies a block.
    pub fn decode(bytes: Bytes) -> Result<Self, BlockError> {
        let header = bytes.get(..HEADER_BYTES).ok_or(BlockError::Short)?;
        if header[0] != FORMAT_VERSION {
            return Err(BlockError::Version(header[0]));
        }
        if checksum(&bytes) != (&header[CHECKSUM]).get_u32() {
            return Err(BlockError::Checksum);
        }
        let epoch = Epoch::new((&header[2..6]).get_u32());
        match (header[1], epoch) {
            (0, None) => {}
            (ENCRYPTED, Some(_)) if bytes.len() < ENCRYPTED_HEADER_BYTES + TAG_BYTES => {
                return Err(BlockError::Short);
            }
            (ENCRYPTED, Some(_)) => {}
            (flags, _) => return Err(BlockError::Flags(flags)),
        }
        let mut fields = &header[CHECKSUM.end..];
        let header = BlockHeader {
            first_index: fields.get_u64(),
            first_offset: fields.get_u64(),
            base_time: Timestamp::from_millis(fields.get_u64()),
            count: fields.get_u32(),
        };
        let counts_on = |from: u64| from.checked_add(header.count.into()).is_some();
        if header.count == 0 || !counts_on(header.first_index) || !counts_on(header.first_offset) {
            return Err(BlockError::Layout);
        }
        Ok(Self { header, epoch, bytes })
    }

    #[must_use]
    pub fn header(&self) -> &BlockHeader {
        &self.header
    }

    /// The data key that the block is encrypted with, if it is.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// When the last record arrived. Needs no key, so that a log's end is known before any is at hand.
    pub(crate) fn last_arrival(&self) -> Result<Timestamp, BlockError> {
        if self.epoch.is_some() {
            let millis = (&self.bytes[LAST_ARRIVAL]).get_u64();
            return Ok(Timestamp::from_millis(millis));
        }
        let block = RecordBlock { header: self.header, bytes: self.bytes.clone(), key: None };
        block.records().last().ok_or(BlockError::Layout)?.map(|record| record.arrival)
    }

    /// A block that is not encrypted.
    pub fn into_clear(self) -> Result<RecordBlock, BlockError> {
        match self.epoch {
            None => Ok(RecordBlock { header: self.header, bytes: self.bytes, key: None }),
            Some(_) => Err(BlockError::Encrypted),
        }
    }

    /// A block of this shard that is encrypted with this key.
    pub(crate) fn decrypt(self, key: Arc<DataKey>, shard: ShardUid) -> Result<RecordBlock, BlockError> {
        let body_end = self.bytes.len() - TAG_BYTES;
        let (stored, tag) = self.bytes.split_at(body_end);
        let tag = tag.try_into().map_err(|_| BlockError::Short)?;
        let mut bytes = stored.to_vec();
        let (header, body) = bytes.split_at_mut(ENCRYPTED_HEADER_BYTES);
        let along = associated_data(shard, header);
        key.decrypt(nonce(shard, &self.header), &along, body, tag).map_err(|_| BlockError::Unauthentic)?;
        // As it was before it was encrypted.
        bytes[CHECKSUM].fill(0);
        Ok(RecordBlock { header: self.header, bytes: bytes.into(), key: Some(key) })
    }
}

impl RecordBlock {
    /// The block as it goes to storage.
    pub(crate) fn to_stored(&self, shard: ShardUid) -> Result<Bytes, BlockError> {
        let Some(key) = &self.key else { return Ok(self.bytes.clone()) };
        let mut stored = Vec::with_capacity(self.bytes.len() + TAG_BYTES);
        stored.extend_from_slice(&self.bytes);
        let (header, body) = stored.split_at_mut(ENCRYPTED_HEADER_BYTES);
        let along = associated_data(shard, header);
        let tag = key.encrypt(nonce(shard, &self.header), &along, body);
        stored.extend_from_slice(&tag.map_err(|_| BlockError::TooLong)?);
        write_checksum(&mut stored);
        Ok(stored.into())
    }
}

fn nonce(shard: ShardUid, header: &BlockHeader) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    let mut fields = &mut nonce[..];
    fields.put_u32(shard.index());
    fields.put_u64(header.first_index);
    nonce
}

/// The shard, which names its stream too, and the header up to the records, without the checksum.
fn associated_data(shard: ShardUid, header: &[u8]) -> Vec<u8> {
    [&shard.0.to_be_bytes(), &header[..CHECKSUM.start], &header[CHECKSUM.end..]].concat()
}
