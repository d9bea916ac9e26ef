//! `08 ‖ stream uid u32 ‖ epoch u32` → a data key of a stream, wrapped by the master key.
//!
//! Removed with its stream. The row says which master key wrapped it, so that a wrong master key is not taken for
//! damage.

use bytes::{BufMut, Bytes};
use millstream_storage::KeyRange;
use prost::Message;

use super::{DATA_KEY, StreamUid, corrupt, stream_prefix};
use crate::Result;
use crate::encryption::master_key::Fingerprint;
use crate::encryption::{Epoch, KEY_BYTES, NONCE_BYTES, TAG_BYTES};

/// A data key that nobody can use without the master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) nonce: [u8; NONCE_BYTES],
    pub(crate) key: [u8; KEY_BYTES + TAG_BYTES],
}

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(bytes = "bytes", tag = "1")]
    fingerprint: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    nonce: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    key: Bytes,
}

pub(crate) fn data_key_key(stream: StreamUid, epoch: Epoch) -> Bytes {
    let mut key = stream_prefix(DATA_KEY, stream).to_vec();
    key.put_u32(epoch.get());
    key.into()
}

pub(crate) fn all() -> KeyRange {
    KeyRange::prefix(&[DATA_KEY])
}

/// The stream, its epoch, and the key that belongs to both.
pub(crate) fn decode(key: &[u8], row: &[u8]) -> Result<(StreamUid, Epoch, WrappedKey)> {
    try_decode(key, row).ok_or_else(|| corrupt("a data key's row", key))
}

impl WrappedKey {
    pub(crate) fn encode(&self) -> Bytes {
        let row = Row {
            fingerprint: Bytes::copy_from_slice(&self.fingerprint.0),
            nonce: Bytes::copy_from_slice(&self.nonce),
            key: Bytes::copy_from_slice(&self.key),
        };
        row.encode_to_vec().into()
    }
}

fn try_decode(key: &[u8], row: &[u8]) -> Option<(StreamUid, Epoch, WrappedKey)> {
    let (stream, epoch) = key.get(1..9)?.split_at(4);
    let row = Row::decode(row).ok()?;
    let wrapped = WrappedKey {
        fingerprint: Fingerprint(row.fingerprint.as_ref().try_into().ok()?),
        nonce: row.nonce.as_ref().try_into().ok()?,
        key: row.key.as_ref().try_into().ok()?,
    };
    let epoch = Epoch::new(u32::from_be_bytes(epoch.try_into().ok()?))?;
    Some((u32::from_be_bytes(stream.try_into().ok()?), epoch, wrapped))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(stream: u32, epoch in 1_u32.., fingerprint: [u8; 16], nonce: [u8; 12], key in prop::collection::vec(any::<u8>(), 48)) {
            let epoch = Epoch::new(epoch).unwrap();
            let wrapped = WrappedKey { fingerprint: Fingerprint(fingerprint), nonce, key: key.try_into().unwrap() };
            prop_assert_eq!(decode(&data_key_key(stream, epoch), &wrapped.encode()), Ok((stream, epoch, wrapped)));
        }

        #[test]
        fn other_bytes_are_refused(key in prop::collection::vec(any::<u8>(), 0..12), row in prop::collection::vec(any::<u8>(), 0..90)) {
            let _ = decode(&key, &row);
        }
    }
}
