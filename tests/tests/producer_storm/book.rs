//! What was told of each record, and what is found of it: three bytes a record, so that there may be many millions.

use std::collections::BTreeMap;
use std::fmt;

use millstream_client::aggregation::Deaggregation;
use millstream_client::{Error, Record};
use millstream_model::{HashKey, HashKeyRange, Timestamp};
use millstream_producer_sdk::{PutError, Receipt};
use millstream_tests::wire::{StoredRecord, Wire};
use serde_json::{Value, json};

const KEYS: usize = 1_000;
/// Every so many records are looked for at the place that their receipts name.
const PLACES_EVERY: usize = 997;
/// Of a hundred records so many may fail: no more was broken that is not mended.
const FAILED_MAX_PERCENT: usize = 2;

/// A record of this test: those of a key are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    index: usize,
}

impl Id {
    pub(crate) fn of(index: usize) -> Self {
        Self { index }
    }

    pub(crate) fn key(self) -> String {
        format!("key-{}", self.key_index())
    }

    pub(crate) fn text(self) -> String {
        self.index.to_string()
    }

    fn key_index(self) -> usize {
        self.index % KEYS
    }

    fn read(data: &[u8]) -> Self {
        Self { index: std::str::from_utf8(data).unwrap().parse().unwrap() }
    }
}

/// A shard of the stream, open or closed.
struct Shard {
    id: String,
    range: HashKeyRange,
}

#[derive(Debug, PartialEq, Eq)]
struct Place {
    shard: String,
    sequence_number: String,
    sub_sequence_number: u64,
}

/// Everything about all records.
#[derive(Debug)]
pub(crate) struct Book {
    /// By record, how often it is there at least and at most.
    least: Vec<u8>,
    most: Vec<u8>,
    found: Vec<u8>,
    /// Whether it was found in a shard that its key belongs to.
    is_at_home: Vec<bool>,
    /// By key, the last record that was found at home for the first time.
    last: Vec<Option<usize>>,
    keys: Vec<HashKey>,
    /// Where some of them are said to be, and have not been found yet.
    places: BTreeMap<usize, Place>,
    /// By error, how many records failed.
    failed: BTreeMap<String, usize>,
    containers: usize,
}

/// What was found in the end.
#[derive(Debug)]
pub(crate) struct Summary {
    acknowledged: usize,
    repeated: usize,
    containers: usize,
    failed: BTreeMap<String, usize>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, repeated, containers, failed } = self;
        write!(
            f,
            "{acknowledged} acknowledged, {repeated} repetitions in {containers} containers, failed: {failed:?}"
        )
    }
}

impl Book {
    pub(crate) fn of(records: usize) -> Self {
        Self {
            least: vec![0; records],
            most: vec![0; records],
            found: vec![0; records],
            is_at_home: vec![false; records],
            last: vec![None; KEYS],
            keys: (0..KEYS).map(|index| HashKey::of_partition_key(Id::of(index).key())).collect(),
            places: BTreeMap::new(),
            failed: BTreeMap::new(),
            containers: 0,
        }
    }

    /// What the producer says of a record.
    pub(crate) fn told(&mut self, id: Id, outcome: &Result<Receipt, PutError>) {
        let bounded = |copies: usize| u8::try_from(copies).unwrap_or(u8::MAX);
        match outcome {
            Ok(receipt) => {
                let copies = receipt.copies();
                assert!(*copies.start() >= 1, "{id:?}: {receipt:?}");
                self.least[id.index] = bounded(*copies.start());
                self.most[id.index] = bounded(*copies.end());
                if id.index.is_multiple_of(PLACES_EVERY) {
                    let place = Place {
                        shard: receipt.shard().to_string(),
                        sequence_number: receipt.sequence_number().to_string(),
                        sub_sequence_number: receipt.sub_sequence_number(),
                    };
                    self.places.insert(id.index, place);
                }
            }
            Err(error) => {
                self.most[id.index] = bounded(error.copies_max());
                *self.failed.entry(kind(error)).or_default() += 1;
            }
        }
    }

    /// Reads the stream.
    pub(crate) fn read(&mut self, wire: &mut Wire, stream: &str) {
        // By their ids, which rise: parents before children, so that each key's records come in their order.
        for shard in shards(wire, stream) {
            wire.read_after(stream, &shard.id, None, |stored| self.take(&shard, stored)).unwrap();
        }
    }

    fn take(&mut self, shard: &Shard, stored: StoredRecord) {
        let record = Record {
            sequence_number: stored.sequence.parse().unwrap(),
            approximate_arrival: Timestamp::from_millis(0),
            partition_key: stored.partition_key,
            data: stored.data.into(),
        };
        self.containers += 1;
        for member in Deaggregation::default().take_apart(record).map(Result::unwrap) {
            let id = Id::read(&member.data);
            assert_eq!(*member.partition_key, *id.key());
            self.found[id.index] = self.found[id.index].saturating_add(1);
            self.take_at_home(shard, id);
            let place = self.places.get(&id.index);
            if place.is_some_and(|place| {
                place.shard == shard.id
                    && place.sequence_number == member.sequence_number.as_str()
                    && place.sub_sequence_number == member.sub_sequence_number
            }) {
                self.places.remove(&id.index);
            }
        }
    }

    /// The first copies of a key's records are in order in the shards that the key belongs to. Others are of containers
    /// that strayed. What failed and is there all the same may be late.
    fn take_at_home(&mut self, shard: &Shard, id: Id) {
        let is_first = !self.is_at_home[id.index];
        if !shard.range.contains(self.keys[id.key_index()]) || !is_first || self.least[id.index] == 0 {
            return;
        }
        self.is_at_home[id.index] = true;
        let last = self.last[id.key_index()].replace(id.index);
        assert!(last.is_none_or(|last| last < id.index), "{id:?} is behind {last:?} in {}", shard.id);
    }

    /// Compares both.
    pub(crate) fn check(&self) -> Summary {
        for (index, &found) in self.found.iter().enumerate() {
            let (least, most) = (self.least[index], self.most[index]);
            assert!((least..=most).contains(&found), "{index} is there {found} times: {least} to {most}");
            assert_eq!(self.is_at_home[index], least > 0, "{index} is in a shard that it belongs to");
        }
        assert!(self.places.is_empty(), "not where their receipts say: {:?}", self.places);
        let failed: usize = self.failed.values().sum();
        assert!(failed * 100 <= self.found.len() * FAILED_MAX_PERCENT, "{failed} failed: {:?}", self.failed);
        let times: usize = self.found.iter().map(|&found| usize::from(found)).sum();
        let present = self.found.iter().filter(|&&found| found > 0).count();
        Summary {
            acknowledged: self.found.len() - failed,
            repeated: times - present,
            containers: self.containers,
            failed: self.failed.clone(),
        }
    }
}

/// What kind of failure it was; one that nothing here can have caused fails the test.
fn kind(error: &PutError) -> String {
    match error {
        PutError::Rejected { error: Error::Kms { fault, .. }, .. } => format!("rejected: {fault:?}"),
        PutError::Expired(_) => "expired".to_owned(),
        error => panic!("{error:?}"),
    }
}

fn shards(wire: &mut Wire, stream: &str) -> Vec<Shard> {
    let listed = wire.call("ListShards", &json!({ "StreamName": stream })).unwrap();
    assert!(listed["NextToken"].is_null(), "all shards are on one page");
    let mut shards: Vec<_> = listed["Shards"].as_array().unwrap().iter().map(shard).collect();
    shards.sort_by(|one, other| one.id.cmp(&other.id));
    shards
}

fn shard(listed: &Value) -> Shard {
    let key = |name: &str| listed["HashKeyRange"][name].as_str().unwrap().parse().unwrap();
    Shard {
        id: listed["ShardId"].as_str().unwrap().to_owned(),
        range: HashKeyRange::new(key("StartingHashKey"), key("EndingHashKey")).unwrap(),
    }
}
