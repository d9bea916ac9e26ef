//! A stream of one shard in memory that is slow, loses calls and replies, throttles, and refuses.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use millstream_client::aggregation::Deaggregation;
use millstream_client::{
    Acknowledgement, EntryOutcome, Error, NewRecord, Page, PageToken, Record, Result, Shard, ShardFilter,
    StreamApi, StreamRef,
};
use millstream_model::{HashKeyRange, ShardId, Timestamp};
use millstream_runtime::{Clock, Entropy, ManualClock, SeededEntropy};
use parking_lot::Mutex;

#[derive(Clone, Debug)]
pub(crate) struct FakeStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: ManualClock,
    chance: SeededEntropy,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    weather: Weather,
    /// Every call fails so.
    outage: Option<Error>,
    /// A record with such data is refused.
    poison: Option<Bytes>,
}

/// What may go wrong with a call, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) latency_max: Duration,
    pub(crate) lost_requests: u64,
    pub(crate) lost_replies: u64,
    pub(crate) failing_entries: u64,
    pub(crate) throttled_entries: u64,
}

impl FakeStream {
    pub(crate) fn new(clock: &ManualClock, seed: u64) -> Self {
        let chance = SeededEntropy::new(seed);
        Self(Arc::new(Inner { clock: clock.clone(), chance, state: Mutex::default() }))
    }

    pub(crate) fn weather(&self, weather: Weather) {
        self.0.state.lock().weather = weather;
    }

    pub(crate) fn outage(&self, outage: Option<Error>) {
        self.0.state.lock().outage = outage;
    }

    pub(crate) fn poison(&self, data: &'static str) {
        self.0.state.lock().poison = Some(Bytes::from_static(data.as_bytes()));
    }

    /// Keys and data of all user records, in the order of storage.
    pub(crate) fn read(&self) -> Vec<(String, Bytes)> {
        let records = self.0.state.lock().records.clone();
        let members = records.into_iter().flat_map(|record| Deaggregation::default().take_apart(record));
        members
            .map(|member| member.unwrap())
            .map(|member| (member.partition_key.to_string(), member.data))
            .collect()
    }

    /// Records of the stream, however many each holds.
    pub(crate) fn stored(&self) -> usize {
        self.0.state.lock().records.len()
    }

    fn random(&self, below: u64) -> u64 {
        (&self.0.chance as &dyn Entropy).next_u64() % below.max(1)
    }

    fn happens(&self, thousandths: u64) -> bool {
        self.random(1_000) < thousandths
    }

    fn store(&self, record: &NewRecord, weather: Weather) -> EntryOutcome {
        if self.happens(weather.failing_entries) {
            return Err(Error::InternalFailure("Internal Service Failure".to_owned()));
        }
        if self.happens(weather.throttled_entries) {
            return Err(Error::ProvisionedThroughputExceeded("Rate exceeded for shard".to_owned()));
        }
        let mut state = self.0.state.lock();
        let sequence_number: millstream_client::SequenceNumber =
            (state.records.len() + 1000).to_string().parse().unwrap();
        state.records.push(Record {
            sequence_number: sequence_number.clone(),
            approximate_arrival: Timestamp::from_unix(self.0.clock.now()),
            partition_key: record.partition_key.clone(),
            data: record.data.clone(),
        });
        Ok(Acknowledgement { shard: ShardId::new(0).unwrap(), sequence_number })
    }
}

#[async_trait]
impl StreamApi for FakeStream {
    async fn put_records(&self, _: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        let (weather, outage, poison) = {
            let state = self.0.state.lock();
            (state.weather, state.outage.clone(), state.poison.clone())
        };
        let half = u64::try_from(weather.latency_max.as_micros()).unwrap() / 2;
        self.0.clock.sleep(Duration::from_micros(self.random(half + 1))).await;
        if let Some(error) = outage {
            return Err(error);
        }
        if self.happens(weather.lost_requests) {
            return Err(Error::ConnectionLost("on the way there".to_owned()));
        }
        if records.iter().any(|record| Some(&record.data) == poison.as_ref()) {
            return Err(Error::Validation("1 validation error detected".to_owned()));
        }
        let outcomes = records.iter().map(|record| self.store(record, weather)).collect();
        self.0.clock.sleep(Duration::from_micros(self.random(half + 1))).await;
        if self.happens(weather.lost_replies) {
            return Err(Error::ConnectionLost("on the way back".to_owned()));
        }
        Ok(outcomes)
    }

    async fn list_shards(&self, _: &StreamRef, _: ShardFilter, _: Option<&PageToken>) -> Result<Page<Shard>> {
        if let Some(error) = self.0.state.lock().outage.clone() {
            return Err(error);
        }
        let shard = Shard {
            id: ShardId::new(0).unwrap(),
            parent: None,
            adjacent_parent: None,
            hash_key_range: HashKeyRange::uniform(1).next().unwrap(),
            starting_sequence_number: "1".parse().unwrap(),
            ending_sequence_number: None,
        };
        Ok(Page { items: vec![shard], next: None })
    }
}
