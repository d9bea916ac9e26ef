//! The decoders of this crate as a fuzzer sees them: any bytes in, and a panic where a promise is broken.

#![allow(clippy::expect_used, clippy::missing_panics_doc)] // panics are what a fuzzer looks for

use std::sync::Arc;

use base64_simd::STANDARD as BASE64;
use bytes::Bytes;
use millstream_model::Timestamp;
use millstream_runtime::SeededEntropy;
use prost::Message;

use crate::encryption::data_key::DataKey;
use crate::keyspace::store_row::StoreRow;
use crate::keyspace::tail_row::LogEnd;
use crate::keyspace::{
    ShardUid, account_row, consumer_row, data_key_row, record_key, shard_row, stream_row, time_index,
};
use crate::operations::consumers::ConsumersToken;
use crate::operations::list::{ShardsToken, StreamsToken, decode_filter, encode_token};
use crate::record_block::{
    self, BlockBuilder, CHECKSUM, ENCRYPTED, FORMAT_VERSION, HEADER_BYTES, StoredBlock,
};
use crate::token::{ITERATOR, PREFIX, Page, Sealer};

/// A record block: as it is, and with a version and a checksum that let it through to its records.
pub fn block(bytes: &[u8]) {
    check_block(bytes.to_vec());
    let mut bytes = bytes.to_vec();
    if bytes.len() >= HEADER_BYTES {
        for (flags, epoch) in [(0, 0), (ENCRYPTED, 1)] {
            (bytes[0], bytes[1]) = (FORMAT_VERSION, flags);
            bytes[2..6].copy_from_slice(&u32::to_be_bytes(epoch));
            let checksum = record_block::checksum(&bytes);
            bytes[CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
            check_block(bytes.clone());
        }
    }
}

fn check_block(bytes: Vec<u8>) {
    let Ok(stored) = StoredBlock::decode(bytes.into()) else { return };
    let last_arrival = stored.last_arrival();
    if let Some(epoch) = stored.epoch() {
        // Nobody forges a block.
        let key = Arc::new(DataKey::new(epoch, &[7; 32]));
        assert!(last_arrival.is_ok() && stored.decrypt(key, ShardUid(1)).is_err());
        return;
    }
    let block = stored.into_clear().expect("a block in clear");
    let Ok(records) = block.records().collect::<Result<Vec<_>, _>>() else { return };
    assert_eq!(block.end_index() - block.first_index(), records.len() as u64);
    let (first_offset, end_offset) = (block.header().first_offset(), block.header().end_offset());
    assert_eq!(end_offset - first_offset, records.len() as u64);
    assert_eq!(last_arrival.ok(), records.last().map(|record| record.arrival));
    let mut again = BlockBuilder::new(block.first_index(), first_offset, block.size());
    for record in &records {
        again.push(record.arrival, &record.partition_key, &record.data);
    }
    let again = StoredBlock::decode(again.seal().bytes().clone()).expect("what was written can be read");
    let again = again.into_clear().expect("a block in clear");
    // What was not asked of the first record is its distance to the block's time.
    let again: Vec<_> = again.records().map(|record| record.expect("a record")).collect();
    assert_eq!(again, records);
}

/// Rows and keys of the engine. The first byte says how many belong to the key.
pub fn rows(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first() else { return };
    let (key, row) = rest.split_at(usize::from(*length).min(rest.len()));
    if let Ok((arn, meta)) = stream_row::decode(key, row) {
        let again = stream_row::decode(&stream_row::stream_key(&arn), &stream_row::encode(&meta));
        assert_eq!(again, Ok((arn, meta)));
    }
    if let Ok((stream, state)) = shard_row::decode(key, row) {
        let again = shard_row::decode(&shard_row::shard_key(stream, state.meta.index), &state.encode());
        assert_eq!(again, Ok((stream, state)));
    }
    if let Ok((account, region, commitment)) = account_row::decode(key, row) {
        let again = account_row::decode(
            &account_row::account_key(&account, &region),
            &account_row::encode(commitment),
        );
        assert_eq!(again, Ok((account, region, commitment)));
    }
    if let Ok((stream, name, meta)) = consumer_row::decode(key, row) {
        let again =
            consumer_row::decode(&consumer_row::consumer_key(stream, &name), &consumer_row::encode(&meta));
        assert_eq!(again, Ok((stream, name, meta)));
    }
    if let Ok((stream, epoch, wrapped)) = data_key_row::decode(key, row) {
        let again = data_key_row::decode(&data_key_row::data_key_key(stream, epoch), &wrapped.encode());
        assert_eq!(again, Ok((stream, epoch, wrapped)));
    }
    if let Some(end) = LogEnd::decode(row) {
        assert_eq!(end.encode(), row);
    }
    if let Ok(store) = StoreRow::decode(row) {
        assert_eq!(StoreRow::decode(store.encode_to_vec().as_slice()), Ok(store));
    }
    if let Some(index) = time_index::decode(row) {
        assert_eq!(time_index::encode(index), row);
    }
    let _ = (record_key::first_index(key), time_index::time(key));
}

/// Iterators and page tokens: as text, and sealed, as if the bytes had been written by a server.
pub fn tokens(bytes: &[u8]) {
    let sealer = Sealer::new(&[7; 32], SeededEntropy::shared(1)).expect("a key of 32 bytes");
    let now = Timestamp::EPOCH;
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Nobody guesses a token.
        assert!(sealer.open_iterator(text, now).is_err());
        assert!(sealer.open_page::<ShardsToken>(text, now).is_err());
    }
    let sealed = |kind| sealer.seal(kind, bytes).expect("bytes can be sealed");
    let iterator = BASE64.encode_to_string([&PREFIX[..], &sealed(ITERATOR)].concat());
    if let Ok(token) = sealer.open_iterator(&iterator, now) {
        let again = sealer.seal_iterator(&token, 1).expect("a token can be sealed");
        assert_eq!(sealer.open_iterator(&again, token.issued), Ok(token));
    }
    let page = |kind| BASE64.encode_to_string(sealed(kind));
    if let Ok(token) = sealer.open_page::<StreamsToken>(&page(StreamsToken::KIND), now) {
        let again = sealer.seal_page(&token, now).expect("a page can be sealed");
        assert_eq!(sealer.open_page(&again, now), Ok(token));
    }
    if let Ok(token) = sealer.open_page::<ConsumersToken>(&page(ConsumersToken::KIND), now) {
        let again = sealer.seal_page(&token, now).expect("a page can be sealed");
        assert_eq!(sealer.open_page(&again, now), Ok(token));
    }
    if let Ok(token) = sealer.open_page::<ShardsToken>(&page(ShardsToken::KIND), now)
        && let Some(filter) = decode_filter(&token)
    {
        let again = encode_token(token.stream_uid, &filter, token.after.clone());
        assert_eq!(decode_filter(&again), Some(filter));
    }
}

/// A block for a fuzzer to begin with.
#[must_use]
pub fn sample_block() -> Bytes {
    let mut block = BlockBuilder::new(7, 5, 64);
    block.push(Timestamp::from_millis(1000), b"a", b"data");
    block.push(Timestamp::from_millis(71_000), "key-é".as_bytes(), b"");
    block.seal().bytes().clone()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            block(&bytes);
            rows(&bytes);
            tokens(&bytes);
        }

        #[test]
        fn changed_blocks_are_read_without_harm(at in 0_usize..100, byte: u8, end in 0_usize..100) {
            let mut bytes = sample_block().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(end.max(HEADER_BYTES));
            block(&bytes);
        }
    }
}
