//! A stream in memory: shards that split and merge, iterators, subscriptions, and faults that a test asks for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use millstream_client::{
    ChildShard, ConsumerStatus, Error, Next, Page, PageToken, Record, RecordPage, Result, Shard, ShardFilter,
    ShardIterator, StartingPosition, StreamApi, StreamConsumer, StreamRef, StreamStatus, StreamSummary,
    Subscription, SubscriptionEvent, Then,
};
use millstream_model::{ConsumerArn, ConsumerName, HashKey, HashKeyRange, ShardId, StreamArn, Timestamp};
use millstream_runtime::{Clock, ManualClock};
use parking_lot::Mutex;
use tokio::sync::Notify;

pub(crate) const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";

#[derive(Clone, Debug)]
pub(crate) struct FakeStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: ManualClock,
    state: Mutex<State>,
    /// Something was written, closed or ended.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    created: Timestamp,
    shards: Vec<Held>,
    written: u64,
    consumers: BTreeMap<String, u64>,
    consumers_max: usize,
    /// Subscriptions of earlier ones have ended.
    generation: u64,
    /// What the next reads fail with.
    faults: Vec<Error>,
    pub(crate) subscriptions: usize,
}

#[derive(Debug)]
struct Held {
    shard: Shard,
    records: Vec<Record>,
}

fn number(value: u64) -> millstream_client::SequenceNumber {
    value.to_string().parse().unwrap()
}

fn missing<T>(what: impl fmt::Display) -> Result<T> {
    Err(Error::ResourceNotFound(format!("{what} is not there")))
}

impl FakeStream {
    pub(crate) fn new(clock: &ManualClock, shards: u32) -> Self {
        let mut state = State {
            created: Timestamp::from_unix(clock.now()),
            shards: Vec::new(),
            written: 0,
            consumers: BTreeMap::new(),
            consumers_max: 20,
            generation: 0,
            faults: Vec::new(),
            subscriptions: 0,
        };
        state.open(shards);
        Self(Arc::new(Inner { clock: clock.clone(), state: Mutex::new(state), changed: Notify::new() }))
    }

    /// Writes one record to each open shard and gives their numbers.
    pub(crate) fn put_everywhere(&self) -> Vec<u64> {
        let open: Vec<_> = self.open_shards();
        open.into_iter().map(|shard| self.put(shard)).collect()
    }

    pub(crate) fn put(&self, shard: u32) -> u64 {
        self.put_data(shard, None)
    }

    /// Its number, unless there is other data to be written.
    pub(crate) fn put_data(&self, shard: u32, data: Option<Bytes>) -> u64 {
        let mut state = self.0.state.lock();
        state.written += 1;
        let value = state.written;
        let record = Record {
            sequence_number: number(value),
            approximate_arrival: Timestamp::from_unix(self.0.clock.now()),
            partition_key: "key".to_owned(),
            data: data.unwrap_or_else(|| value.to_string().into_bytes().into()),
        };
        let held = &mut state.shards[shard as usize];
        assert!(held.shard.is_open());
        held.records.push(record);
        drop(state);
        self.0.changed.notify_waiters();
        value
    }

    pub(crate) fn open_shards(&self) -> Vec<u32> {
        let state = self.0.state.lock();
        state.shards.iter().filter(|held| held.shard.is_open()).map(|held| held.shard.id.index()).collect()
    }

    pub(crate) fn split(&self, shard: u32) {
        let range = self.0.state.lock().shards[shard as usize].shard.hash_key_range;
        let middle = range.start().0 + (range.end().0 - range.start().0) / 2;
        let left = HashKeyRange::new(range.start(), HashKey(middle)).unwrap();
        let right = HashKeyRange::new(HashKey(middle + 1), range.end()).unwrap();
        self.replace(&[shard], &[left, right]);
    }

    /// Of two neighbours, the lower one first.
    pub(crate) fn merge(&self, low: u32, high: u32) {
        let range = |shard: u32| self.0.state.lock().shards[shard as usize].shard.hash_key_range;
        let merged = HashKeyRange::new(range(low).start(), range(high).end()).unwrap();
        self.replace(&[low, high], &[merged]);
    }

    fn replace(&self, parents: &[u32], ranges: &[HashKeyRange]) {
        let mut state = self.0.state.lock();
        state.written += 1;
        let at = number(state.written);
        for parent in parents {
            state.shards[*parent as usize].shard.ending_sequence_number = Some(at.clone());
        }
        let parent = |index: usize| parents.get(index).and_then(|parent| ShardId::new(*parent));
        for range in ranges {
            let id = ShardId::new(u32::try_from(state.shards.len()).unwrap()).unwrap();
            let shard = Shard {
                id,
                parent: parent(0),
                adjacent_parent: parent(1),
                hash_key_range: *range,
                starting_sequence_number: at.clone(),
                ending_sequence_number: None,
            };
            state.shards.push(Held { shard, records: Vec::new() });
        }
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// Deletes the stream and creates another one of its name.
    pub(crate) fn recreate(&self, shards: u32) {
        let mut state = self.0.state.lock();
        state.created = Timestamp::from_unix(self.0.clock.now()).plus(Duration::from_millis(1));
        state.shards.clear();
        state.consumers.clear();
        state.generation += 1;
        state.open(shards);
        drop(state);
        self.0.changed.notify_waiters();
    }

    pub(crate) fn allow_consumers(&self, max: usize) {
        self.0.state.lock().consumers_max = max;
    }

    pub(crate) fn end_subscriptions(&self) {
        self.0.state.lock().generation += 1;
        self.0.changed.notify_waiters();
    }

    /// Fails the next reads with these, the last one first.
    pub(crate) fn fail_reads(&self, errors: Vec<Error>) {
        self.0.state.lock().faults = errors;
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.0.state.lock().subscriptions
    }
}

impl State {
    fn open(&mut self, shards: u32) {
        for (index, range) in HashKeyRange::uniform(shards).enumerate() {
            let shard = Shard {
                id: ShardId::new(u32::try_from(index).unwrap()).unwrap(),
                parent: None,
                adjacent_parent: None,
                hash_key_range: range,
                starting_sequence_number: number(0),
                ending_sequence_number: None,
            };
            self.shards.push(Held { shard, records: Vec::new() });
        }
    }

    fn fault(&mut self) -> Result<()> {
        self.faults.pop().map_or(Ok(()), Err)
    }

    /// The index of the first record from a position on.
    fn find(&self, shard: ShardId, from: &StartingPosition) -> Result<usize> {
        let Some(held) = self.shards.get(shard.index() as usize) else { return missing(shard) };
        let records = &held.records;
        let first = |is: &dyn Fn(&Record) -> bool| records.iter().position(is).unwrap_or(records.len());
        Ok(match from {
            StartingPosition::TrimHorizon => 0,
            StartingPosition::Latest => records.len(),
            StartingPosition::AtSequenceNumber(number) => first(&|record| record.sequence_number >= *number),
            StartingPosition::AfterSequenceNumber(number) => {
                first(&|record| record.sequence_number > *number)
            }
            StartingPosition::AtTimestamp(time) => first(&|record| record.approximate_arrival >= *time),
        })
    }

    /// At most three records from an index on, and the children if there will be no more.
    fn page(&self, shard: ShardId, from: usize) -> Result<(Vec<Record>, Option<Vec<ChildShard>>, u64)> {
        let Some(held) = self.shards.get(shard.index() as usize) else { return missing(shard) };
        let from = from.min(held.records.len());
        let end = held.records.len().min(from + 3);
        let is_last = end == held.records.len();
        let children = (is_last && !held.shard.is_open()).then(|| self.children(shard));
        Ok((held.records[from..end].to_vec(), children, u64::from(!is_last)))
    }

    fn children(&self, parent: ShardId) -> Vec<ChildShard> {
        let continues = |held: &&Held| held.shard.parents().any(|of| of == parent);
        let child = |held: &Held| ChildShard {
            id: held.shard.id,
            parents: held.shard.parents().collect(),
            hash_key_range: held.shard.hash_key_range,
        };
        self.shards.iter().filter(continues).map(child).collect()
    }
}

#[derive(Debug)]
struct FakeSubscription {
    stream: FakeStream,
    generation: u64,
    shard: ShardId,
    next: usize,
    has_ended: bool,
}

#[async_trait]
impl Subscription for FakeSubscription {
    async fn next_event(&mut self) -> Result<Option<SubscriptionEvent>> {
        loop {
            let inner = self.stream.0.clone();
            let mut changed = std::pin::pin!(inner.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = inner.state.lock();
                if self.has_ended || state.generation != self.generation {
                    return Ok(None);
                }
                state.fault()?;
                let (records, children, millis_behind_latest) = state.page(self.shard, self.next)?;
                self.next += records.len();
                let last = records.last().map(|record| record.sequence_number.clone());
                let then = match (children, last) {
                    (Some(children), _) => {
                        self.has_ended = true;
                        Some(Then::ShardEnd { children })
                    }
                    (None, last) => last.map(Then::ContinueAfter),
                };
                if let Some(then) = then {
                    return Ok(Some(SubscriptionEvent { records, then, millis_behind_latest }));
                }
            }
            changed.await;
        }
    }
}

#[async_trait]
impl StreamApi for FakeStream {
    async fn describe_stream_summary(&self, _: &StreamRef) -> Result<StreamSummary> {
        let state = self.0.state.lock();
        let arn: StreamArn = ARN.parse().unwrap();
        Ok(StreamSummary {
            name: arn.name.clone(),
            arn,
            status: StreamStatus::Active,
            mode: None,
            created: state.created,
            retention_hours: 24,
            open_shards: 0,
            consumers: 0,
            encryption_key: None,
            record_bytes_max: 1 << 20,
        })
    }

    async fn list_shards(
        &self,
        _: &StreamRef,
        filter: ShardFilter,
        _: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        let state = self.0.state.lock();
        let wanted = |shard: &&Shard| match filter {
            ShardFilter::AtLatest => shard.is_open(),
            // Nothing expires, so what was there first is what was open at the trim horizon.
            ShardFilter::AtTrimHorizon => shard.parent.is_none(),
            _ => true,
        };
        let items = state.shards.iter().map(|held| &held.shard).filter(wanted).cloned().collect();
        Ok(Page { items, next: None })
    }

    async fn get_shard_iterator(
        &self,
        _: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        let mut state = self.0.state.lock();
        state.fault()?;
        let next = state.find(shard, from)?;
        Ok(ShardIterator(format!("{}/{}/{next}", state.created.as_millis(), shard.index())))
    }

    async fn get_records(&self, _: &StreamRef, iterator: &ShardIterator, _: usize) -> Result<RecordPage> {
        let mut state = self.0.state.lock();
        state.fault()?;
        let parts: Vec<u64> = iterator.0.split('/').map(|part| part.parse().unwrap()).collect();
        if parts[0] != state.created.as_millis() {
            return missing("the stream of this iterator");
        }
        let shard = ShardId::new(u32::try_from(parts[1]).unwrap()).unwrap();
        let (records, children, millis_behind_latest) =
            state.page(shard, usize::try_from(parts[2]).unwrap())?;
        let end = parts[2] + records.len() as u64;
        let next = match children {
            Some(children) => Next::ShardEnd { children },
            None => Next::Iterator(ShardIterator(format!("{}/{}/{end}", parts[0], parts[1]))),
        };
        Ok(RecordPage { records, next, millis_behind_latest })
    }

    async fn register_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let mut state = self.0.state.lock();
        if state.consumers.len() >= state.consumers_max {
            return Err(Error::LimitExceeded("too many consumers".to_owned()));
        }
        let created = self.0.clock.now().as_secs();
        state.consumers.insert(name.to_string(), created);
        Ok(consumer(stream, name, created, ConsumerStatus::Creating))
    }

    async fn describe_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        match self.0.state.lock().consumers.get(name.as_str()) {
            Some(created) => Ok(consumer(stream, name, *created, ConsumerStatus::Active)),
            None => missing(name),
        }
    }

    async fn subscribe_to_shard(
        &self,
        consumer: &ConsumerArn,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        let mut state = self.0.state.lock();
        state.fault()?;
        if !state.consumers.contains_key(consumer.name.as_str()) {
            return missing(consumer);
        }
        state.subscriptions += 1;
        let next = state.find(shard, from)?;
        let (stream, generation) = (self.clone(), state.generation);
        Ok(Box::new(FakeSubscription { stream, generation, shard, next, has_ended: false }))
    }
}

fn consumer(
    stream: &StreamArn,
    name: &ConsumerName,
    created_secs: u64,
    status: ConsumerStatus,
) -> StreamConsumer {
    StreamConsumer { arn: ConsumerArn { stream: stream.clone(), name: name.clone(), created_secs }, status }
}
