//! A stream in memory that takes records, splits and merges its shards, throttles, and fails as a test asks for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_client::aggregation::{Deaggregation, MemberPolicy};
use millstream_client::{Acknowledgement, EntryOutcome, Error, NewRecord, Record, Result, Shard};
use millstream_model::{HashKey, HashKeyRange, ShardId, Timestamp};
use millstream_runtime::{Clock, Entropy, ManualClock, SeededEntropy, TokenBucket};
use parking_lot::Mutex;

#[derive(Clone, Debug)]
pub(crate) struct FakeStream(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) clock: ManualClock,
    pub(crate) chance: SeededEntropy,
    pub(crate) state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) shards: Vec<Held>,
    /// What listings show, which may be older.
    pub(crate) listed: Vec<Shard>,
    written: u64,
    pub(crate) weather: Weather,
    /// What the next calls fail with, before anything is stored.
    pub(crate) refusals: VecDeque<Error>,
    /// Rises with each crash: what was under way then is not answered.
    pub(crate) life: u64,
    pub(crate) down_until: Duration,
    /// Every call of `put_records`: when it came, and its records.
    pub(crate) calls: Vec<(Duration, Vec<NewRecord>)>,
    pub(crate) calls_in_flight: usize,
    pub(crate) calls_in_flight_max: usize,
    pub(crate) listings: usize,
    /// Stores every record in the first open shard, wherever it belongs.
    pub(crate) spreads: bool,
    /// A call with such a record is refused as a whole.
    pub(crate) poison: Option<Bytes>,
}

/// What may go wrong with a call, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) latency_max: Duration,
    pub(crate) lost_requests: u64,
    pub(crate) lost_replies: u64,
    /// Calls that are never answered, half of them after storing.
    pub(crate) hanging: u64,
    /// Single records that fail.
    pub(crate) failing_entries: u64,
    pub(crate) failing_listings: u64,
    /// Records a second of each shard; 0 does not limit.
    pub(crate) quota: u64,
}

#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) shard: Shard,
    pub(crate) records: Vec<Record>,
    bucket: TokenBucket,
}

/// A user record as a consumer finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) shard: ShardId,
    pub(crate) sequence_number: u64,
    pub(crate) sub_sequence_number: u64,
    pub(crate) partition_key: String,
    pub(crate) data: Bytes,
}

fn number(value: u64) -> millstream_client::SequenceNumber {
    value.to_string().parse().unwrap()
}

impl FakeStream {
    pub(crate) fn new(clock: &ManualClock, shards: u32, seed: u64) -> Self {
        let state = State {
            shards: Vec::new(),
            listed: Vec::new(),
            written: 1_000,
            weather: Weather::default(),
            refusals: VecDeque::new(),
            life: 0,
            down_until: Duration::ZERO,
            calls: Vec::new(),
            calls_in_flight: 0,
            calls_in_flight_max: 0,
            listings: 0,
            spreads: false,
            poison: None,
        };
        let chance = SeededEntropy::new(seed);
        let stream = Self(Arc::new(Inner { clock: clock.clone(), chance, state: Mutex::new(state) }));
        stream.replace(&[], &HashKeyRange::uniform(shards).collect::<Vec<_>>());
        stream.publish();
        stream
    }

    pub(crate) fn weather(&self, weather: Weather) {
        let now = self.0.clock.monotonic();
        let mut state = self.0.state.lock();
        if weather.quota != state.weather.quota {
            for held in &mut state.shards {
                held.bucket = bucket(weather.quota, now);
            }
        }
        state.weather = weather;
    }

    /// The next calls of `put_records` fail so, and store nothing.
    pub(crate) fn refuse(&self, errors: impl IntoIterator<Item = Error>) {
        self.0.state.lock().refusals.extend(errors);
    }

    /// The service is gone for a while; what it has stored is not.
    pub(crate) fn crash(&self, outage: Duration) {
        let mut state = self.0.state.lock();
        state.life += 1;
        state.down_until = self.0.clock.monotonic() + outage;
    }

    pub(crate) fn open_shards(&self) -> Vec<ShardId> {
        let state = self.0.state.lock();
        state.shards.iter().filter(|held| held.shard.is_open()).map(|held| held.shard.id).collect()
    }

    /// In the middle of its range. Listings show it once it is published.
    pub(crate) fn split(&self, shard: ShardId) {
        let range = self.range(shard);
        let middle = range.start().0 + (range.end().0 - range.start().0) / 2;
        let low = HashKeyRange::new(range.start(), HashKey(middle)).unwrap();
        let high = HashKeyRange::new(HashKey(middle + 1), range.end()).unwrap();
        self.replace(&[shard], &[low, high]);
    }

    /// With the open shard above it, if there is one.
    pub(crate) fn merge_up(&self, shard: ShardId) {
        let range = self.range(shard);
        let above = |id: &ShardId| range.end().0.checked_add(1) == Some(self.range(*id).start().0);
        let Some(above) = self.open_shards().into_iter().find(above) else { return };
        let merged = HashKeyRange::new(range.start(), self.range(above).end()).unwrap();
        self.replace(&[shard, above], &[merged]);
    }

    /// Listings show the shards as they are.
    pub(crate) fn publish(&self) {
        let mut state = self.0.state.lock();
        state.listed = state.shards.iter().map(|held| held.shard.clone()).collect();
    }

    pub(crate) fn range(&self, shard: ShardId) -> HashKeyRange {
        self.0.state.lock().shards[shard.index() as usize].shard.hash_key_range
    }

    fn replace(&self, parents: &[ShardId], ranges: &[HashKeyRange]) {
        let now = self.0.clock.monotonic();
        let mut state = self.0.state.lock();
        state.written += 1;
        let at = number(state.written);
        for parent in parents {
            state.shards[parent.index() as usize].shard.ending_sequence_number = Some(at.clone());
        }
        for range in ranges {
            let shard = Shard {
                id: ShardId::new(u32::try_from(state.shards.len()).unwrap()).unwrap(),
                parent: parents.first().copied(),
                adjacent_parent: parents.get(1).copied(),
                hash_key_range: *range,
                starting_sequence_number: at.clone(),
                ending_sequence_number: None,
            };
            let bucket = bucket(state.weather.quota, now);
            state.shards.push(Held { shard, records: Vec::new(), bucket });
        }
    }

    /// What consumers read that treat members of other shards so, in the order of storage of the whole stream.
    pub(crate) fn read(&self, policy: MemberPolicy) -> Vec<Found> {
        let state = self.0.state.lock();
        let mut found = Vec::new();
        for held in &state.shards {
            let how = Deaggregation { policy, range: Some(held.shard.hash_key_range) };
            for record in &held.records {
                let sequence_number = record.sequence_number.as_str().parse().unwrap();
                for member in how.take_apart(record.clone()) {
                    let member = member.expect("a member that can be read");
                    found.push(Found {
                        shard: held.shard.id,
                        sequence_number,
                        sub_sequence_number: member.sub_sequence_number,
                        partition_key: member.partition_key.to_string(),
                        data: member.data,
                    });
                }
            }
        }
        found.sort_by_key(|found| (found.sequence_number, found.sub_sequence_number));
        found
    }

    /// Happens in so many of a thousand cases.
    pub(crate) fn happens(&self, thousandths: u64) -> bool {
        self.random(1_000) < thousandths
    }

    pub(crate) fn random(&self, below: u64) -> u64 {
        (&self.0.chance as &dyn Entropy).next_u64() % below.max(1)
    }

    /// One call, with whatever goes wrong on the way.
    pub(crate) async fn answer(&self, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        let clock = &self.0.clock;
        let (weather, life) = {
            let mut state = self.0.state.lock();
            state.calls.push((clock.monotonic(), records.to_vec()));
            (state.weather, state.life)
        };
        let half = || {
            let micros = u64::try_from(weather.latency_max.as_micros()).unwrap() / 2;
            clock.sleep(Duration::from_micros(self.random(micros + 1)))
        };
        half().await;
        if clock.monotonic() < self.0.state.lock().down_until {
            return Err(Error::Unreachable("nobody is there".to_owned()));
        }
        if self.happens(weather.lost_requests) || self.0.state.lock().life != life {
            return Err(Error::ConnectionLost("on the way there".to_owned()));
        }
        let hangs = self.happens(weather.hanging);
        if hangs && self.happens(500) {
            std::future::pending::<()>().await;
        }
        if let Some(error) = self.0.state.lock().refusals.pop_front() {
            return Err(error);
        }
        let poison = self.0.state.lock().poison.clone();
        if records.iter().any(|record| Some(&record.data) == poison.as_ref()) {
            return Err(Error::Validation("1 validation error detected".to_owned()));
        }
        let outcomes = self.store(records);
        if hangs {
            std::future::pending::<()>().await;
        }
        half().await;
        if self.happens(weather.lost_replies) || self.0.state.lock().life != life {
            return Err(Error::ConnectionLost("on the way back".to_owned()));
        }
        Ok(outcomes)
    }

    /// Stores the records of a call in an order of its own.
    fn store(&self, records: &[NewRecord]) -> Vec<EntryOutcome> {
        let mut outcomes: Vec<Option<EntryOutcome>> = records.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..records.len()).collect();
        while !left.is_empty() {
            let next = usize::try_from(self.random(left.len() as u64)).unwrap();
            let index = left.swap_remove(next);
            outcomes[index] = Some(self.store_one(&records[index]));
        }
        outcomes.into_iter().map(Option::unwrap).collect()
    }

    fn store_one(&self, record: &NewRecord) -> EntryOutcome {
        if self.happens(self.0.state.lock().weather.failing_entries) {
            return Err(Error::InternalFailure("Internal Service Failure".to_owned()));
        }
        let now = self.0.clock.monotonic();
        let key = record.explicit_hash_key;
        let key = key.unwrap_or_else(|| HashKey::of_partition_key(&record.partition_key));
        let mut state = self.0.state.lock();
        let spreads = state.spreads;
        let is_its =
            |held: &Held| held.shard.is_open() && (spreads || held.shard.hash_key_range.contains(key));
        let index = state.shards.iter().position(is_its).expect("every hash key has an open shard");
        state.written += 1;
        let sequence_number = number(state.written);
        let is_limited = state.weather.quota > 0;
        let held = &mut state.shards[index];
        if is_limited && held.bucket.take(now, 1).is_err() {
            return Err(Error::ProvisionedThroughputExceeded("Rate exceeded for shard".to_owned()));
        }
        held.records.push(Record {
            sequence_number: sequence_number.clone(),
            approximate_arrival: Timestamp::from_unix(self.0.clock.now()),
            partition_key: record.partition_key.clone(),
            data: record.data.clone(),
        });
        Ok(Acknowledgement { shard: held.shard.id, sequence_number })
    }
}

fn bucket(quota: u64, now: Duration) -> TokenBucket {
    TokenBucket::new(quota.max(1), quota.max(1), now)
}
