use proptest::prelude::*;

use super::*;
use crate::encryption::Epoch;
use crate::keyspace::ShardUid;

type Input = (u64, String, Vec<u8>);

const SHARD: ShardUid = ShardUid(3 << 32 | 9);

fn key(epoch: u32, byte: u8) -> Arc<DataKey> {
    Arc::new(DataKey::new(Epoch::new(epoch).unwrap(), &[byte; 32]))
}

fn build(first_index: u64, first_offset: u64, records: &[Input], key: Option<Arc<DataKey>>) -> RecordBlock {
    let mut builder = BlockBuilder::with_key(first_index, first_offset, 0, key);
    let mut time = 1_000;
    for (delay, partition_key, data) in records {
        time += delay;
        builder.push(Timestamp::from_millis(time), partition_key.as_bytes(), data);
    }
    builder.seal()
}

fn sample(key: Option<Arc<DataKey>>) -> RecordBlock {
    let records = [(0, "a".into(), vec![1; 300]), (9, "key-é".into(), vec![]), (70_000, "b".into(), vec![2])];
    build(7, 5, &records, key)
}

fn stored(block: &RecordBlock) -> Vec<u8> {
    block.to_stored(SHARD).unwrap().to_vec()
}

fn open(bytes: Vec<u8>, key: &Arc<DataKey>, shard: ShardUid) -> Result<RecordBlock, BlockError> {
    StoredBlock::decode(bytes.into())?.decrypt(key.clone(), shard)
}

fn read(block: &RecordBlock) -> Vec<BlockRecord> {
    block.records().map(Result::unwrap).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn knows_its_place_in_the_shard() {
    for key in [None, Some(key(1, 7))] {
        let block = StoredBlock::decode(stored(&sample(key.clone())).into()).unwrap();
        assert_eq!(block.last_arrival(), Ok(Timestamp::from_millis(71_009)));
        assert_eq!(block.epoch(), key.map(|key| key.epoch()));
        let header = block.header();
        assert_eq!((header.first_index(), header.end_index()), (7, 10));
        assert_eq!((header.first_offset(), header.end_offset()), (5, 8));
        assert_eq!(header.base_time(), Timestamp::from_millis(1_000));
    }
    let last = sample(None).records().last().unwrap().unwrap();
    assert_eq!((last.index, last.arrival.as_millis()), (9, 71_009));
}

#[test]
fn refuses_versions_and_flags_it_does_not_know() {
    let decode = |bytes: &[u8]| StoredBlock::decode(bytes.to_vec().into());
    let mut bytes = stored(&sample(None));
    bytes[0] = 2;
    assert_eq!(decode(&bytes), Err(BlockError::Version(2)));
    (bytes[0], bytes[1]) = (1, 4);
    assert_eq!(decode(&bytes), Err(BlockError::Checksum));
    write_checksum(&mut bytes);
    assert_eq!(decode(&bytes), Err(BlockError::Flags(4)));
    // Encrypted with no key, and in clear with one.
    for (flags, epoch) in [(ENCRYPTED, 0), (0, 1)] {
        (bytes[1], bytes[5]) = (flags, epoch);
        write_checksum(&mut bytes);
        assert_eq!(decode(&bytes), Err(BlockError::Flags(flags)));
    }
}

/// The bytes of version 1, so that a change of the format cannot go unnoticed.
#[test]
fn the_format_stays_as_it_is() {
    let block = build(1, 0, &[(5, "k".into(), b"data".to_vec())], None);
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
    assert_eq!(stored(&block), expected.concat());
    assert_eq!(checksum(block.bytes()), 0xfb4d_f81f);
}

#[test]
fn the_encrypted_format_stays_as_it_is() {
    let block = build(1, 0, &[(5, "k".into(), b"data".to_vec())], Some(key(2, 7)));
    let bytes = stored(&block);
    let header = [
        &[1, 1, 0, 0, 0, 2][..],
        &checksum(&bytes).to_be_bytes(),
        &[0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 0, 0, 0, 3, 237],
        &[0, 0, 0, 1],
        &[0, 0, 0, 0, 0, 0, 3, 237],
    ];
    assert_eq!(bytes[..46], header.concat());
    assert_eq!(bytes.len(), 46 + 8 + 16);
    assert_eq!(checksum(&bytes), 0x33d8_fda5);
}

/// A checksum is no proof of sense: whoever wrote the bytes may have been wrong.
#[test]
fn numbers_that_run_over_their_width_are_refused() {
    for (first_index, first_offset) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX - 1, 0)] {
        let mut builder = BlockBuilder::new(first_index, first_offset, 16);
        builder.push(Timestamp::EPOCH, b"k", b"a");
        builder.push(Timestamp::EPOCH, b"k", b"b");
        let sealed = builder.seal().bytes;
        assert_eq!(StoredBlock::decode(sealed), Err(BlockError::Layout), "{first_index} {first_offset}");
    }
}

#[test]
fn an_encrypted_block_shows_nothing_of_its_records() {
    let records = [(0, "partition-key-of-a-customer".into(), b"what nobody is to read".to_vec())];
    let (clear, encrypted) = (build(1, 0, &records, None), build(1, 0, &records, Some(key(1, 7))));
    assert!(contains(&stored(&clear), b"nobody") && contains(&stored(&clear), b"customer"));
    let bytes = stored(&encrypted);
    for length in 4..8 {
        for part in b"partition-key-of-a-customerwhat nobody is to read".windows(length) {
            assert!(!contains(&bytes, part), "{}", part.escape_ascii());
        }
    }
    assert!(StoredBlock::decode(bytes.into()).unwrap().into_clear().is_err());
}

#[test]
fn an_encrypted_block_opens_in_its_own_place_only() {
    let (block, right) = (sample(Some(key(1, 7))), key(1, 7));
    assert_eq!(read(&open(stored(&block), &right, SHARD).unwrap()), read(&block));
    for elsewhere in [ShardUid(3 << 32 | 8), ShardUid(4 << 32 | 9)] {
        assert_eq!(open(stored(&block), &right, elsewhere).unwrap_err(), BlockError::Unauthentic);
    }
    // Moved within its shard, with a header and a checksum that fit the new place.
    for place in [10..18, 18..26, 26..34, LAST_ARRIVAL] {
        let mut bytes = stored(&block);
        bytes[place.end - 1] ^= 1;
        write_checksum(&mut bytes);
        assert_eq!(open(bytes, &right, SHARD).unwrap_err(), BlockError::Unauthentic, "{place:?}");
    }
    // Said to be of another epoch, even if that one's key were the same.
    let mut bytes = stored(&block);
    bytes[5] = 2;
    write_checksum(&mut bytes);
    assert_eq!(open(bytes, &key(2, 7), SHARD).unwrap_err(), BlockError::Unauthentic);
    assert_eq!(open(stored(&block), &key(1, 8), SHARD).unwrap_err(), BlockError::Unauthentic);
}

#[test]
fn equal_records_in_two_places_are_encrypted_differently() {
    let records = [(0, "k".into(), vec![5; 64])];
    let bodies: std::collections::HashSet<_> = (0..8)
        .flat_map(|index| [ShardUid(9), ShardUid(10)].map(|shard| (index, shard)))
        .map(|(index, shard)| {
            let block = build(index, index, &records, Some(key(1, 7)));
            block.to_stored(shard).unwrap()[ENCRYPTED_HEADER_BYTES..].to_vec()
        })
        .collect();
    assert_eq!(bodies.len(), 16);
}

fn any_records() -> impl Strategy<Value = Vec<Input>> {
    prop::collection::vec((0_u64..1 << 40, ".{1,40}", prop::collection::vec(any::<u8>(), 0..400)), 1..40)
}

proptest! {
    #[test]
    fn round_trips(first_index in 0_u64..1 << 62, first_offset in 0_u64..1 << 62, records in any_records(),
                   epoch in prop::option::of(1_u32..), shard: u64) {
        let (key, shard) = (epoch.map(|epoch| key(epoch, 7)), ShardUid(shard));
        let block = build(first_index, first_offset, &records, key.clone());
        let stored = StoredBlock::decode(block.to_stored(shard).unwrap()).unwrap();
        let last_arrival = stored.last_arrival();
        let decoded = match key {
            None => stored.into_clear().unwrap(),
            Some(key) => stored.decrypt(key, shard).unwrap(),
        };
        prop_assert_eq!(decoded.bytes(), block.bytes());
        prop_assert_eq!(decoded.is_encrypted(), epoch.is_some());
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
        prop_assert_eq!(last_arrival, Ok(Timestamp::from_millis(time)));
    }

    #[test]
    fn one_changed_bit_is_noticed(bit in 0_usize..10_000, encrypted: bool) {
        let mut bytes = stored(&sample(encrypted.then(|| key(1, 7))));
        let bit = bit % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(StoredBlock::decode(bytes.into()).is_err());
    }

    /// Whoever changes an encrypted block can make the checksum fit, and is noticed all the same.
    #[test]
    fn one_changed_bit_of_an_encrypted_block_is_noticed_whatever_the_checksum(bit in 0_usize..10_000) {
        let key = key(1, 7);
        let mut bytes = stored(&sample(Some(key.clone())));
        let bit = bit % (bytes.len() * 8);
        prop_assume!(!CHECKSUM.contains(&(bit / 8)));
        bytes[bit / 8] ^= 1 << (bit % 8);
        write_checksum(&mut bytes);
        prop_assert!(open(bytes, &key, SHARD).is_err());
    }

    #[test]
    fn a_cut_block_is_refused(end in 0_usize..400, encrypted: bool) {
        let key = key(1, 7);
        let mut bytes = stored(&sample(encrypted.then(|| key.clone())));
        bytes.truncate(end.min(bytes.len() - 1));
        prop_assert!(StoredBlock::decode(bytes.clone().into()).is_err());
        if bytes.len() >= HEADER_BYTES {
            write_checksum(&mut bytes);
            let opened = StoredBlock::decode(bytes.into());
            prop_assert!(!encrypted || opened.and_then(|block| block.decrypt(key, SHARD)).is_err());
        }
    }

    /// Whatever stands behind a right checksum, reading it neither panics nor runs past the block.
    #[test]
    fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..200), encrypted: bool) {
        if bytes.len() >= HEADER_BYTES {
            (bytes[0], bytes[1]) = (FORMAT_VERSION, u8::from(encrypted));
            bytes[2..6].copy_from_slice(&[0, 0, 0, u8::from(encrypted)]);
            write_checksum(&mut bytes);
        }
        if let Ok(block) = StoredBlock::decode(bytes.into()) {
            let _ = block.last_arrival();
            match block.epoch() {
                None => drop(block.into_clear().unwrap().records().count()),
                Some(_) => prop_assert!(block.decrypt(key(1, 7), SHARD).is_err()),
            }
        }
    }
}
