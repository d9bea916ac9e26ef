//! A stream in memory that fails as it is told to, and a clock that jumps, for tests.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use millstream_client::{
    Acknowledgement, ChildShard, EntryOutcome, Error, NewRecord, Next, Page, PageToken, Record, RecordPage,
    SequenceNumber, Shard, ShardFilter, ShardIterator, StartingPosition, StreamApi, StreamRef,
};
use millstream_model::{HashKey, HashKeyRange, ShardId, Timestamp};
use millstream_runtime::Clock;
use millstream_runtime::clock::Sleep;

type Result<T> = std::result::Result<T, Error>;

/// What becomes of one `put_records` call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Stored,
    /// Entries whose place in the call is a multiple of this are throttled.
    Throttled(usize),
    /// Entries whose place in the call is a multiple of this fail, after they were stored.
    FailedAfter(usize),
    Unreachable,
    LostReply,
    Refused,
    /// Stored at once, and the reply takes its time.
    SlowReply,
    /// No reply ever.
    Hangs,
}

/// One stream. Its iterators are `<shard>/<index of the next record>`.
#[derive(Debug)]
pub(crate) struct FakeStream(Mutex<State>);

struct State {
    shards: Vec<FakeShard>,
    fates: Box<dyn FnMut() -> Fate + Send>,
    arrivals: u64,
    /// Fails the next so many reads with an expired iterator.
    expirations: usize,
    page_records: usize,
    always_says_caught_up: bool,
    reads: Vec<ShardId>,
}

struct FakeShard {
    shard: Shard,
    records: Vec<Record>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl FakeStream {
    pub(crate) fn new(shards: u32, fates: impl FnMut() -> Fate + Send + 'static) -> Self {
        let shards = (0..).zip(HashKeyRange::uniform(shards));
        let shards =
            shards.map(|(id, range)| FakeShard { shard: shard(id, range, &[]), records: Vec::new() });
        Self(Mutex::new(State {
            shards: shards.collect(),
            fates: Box::new(fates),
            arrivals: 0,
            expirations: 0,
            page_records: usize::MAX,
            always_says_caught_up: false,
            reads: Vec::new(),
        }))
    }

    /// All records by shard.
    pub(crate) fn log(&self) -> Vec<Vec<Record>> {
        self.0.lock().unwrap().shards.iter().map(|shard| shard.records.clone()).collect()
    }

    /// The shards that were read from, call by call.
    pub(crate) fn reads(&self) -> Vec<ShardId> {
        self.0.lock().unwrap().reads.clone()
    }

    pub(crate) fn set_page_records(&self, records: usize) {
        self.0.lock().unwrap().page_records = records;
    }

    /// As some stand-ins for Kinesis do.
    pub(crate) fn always_say_caught_up(&self) {
        self.0.lock().unwrap().always_says_caught_up = true;
    }

    pub(crate) fn expire(&self, reads: usize) {
        self.0.lock().unwrap().expirations = reads;
    }

    /// Stores a record directly, a millisecond after the one before.
    pub(crate) fn append(&self, key: &str, data: &str) {
        let record = NewRecord {
            partition_key: key.to_owned(),
            explicit_hash_key: None,
            data: data.to_owned().into(),
        };
        self.append_record(&record);
    }

    pub(crate) fn append_record(&self, record: &NewRecord) {
        self.0.lock().unwrap().store(record);
    }

    /// Closes a shard and opens two children of it.
    pub(crate) fn split(&self, parent: u32) {
        let mut state = self.0.lock().unwrap();
        let range = state.close(parent);
        let middle = range.start().0 + (range.end().0 - range.start().0) / 2;
        state.open(HashKeyRange::new(range.start(), HashKey(middle)).unwrap(), &[parent]);
        state.open(HashKeyRange::new(HashKey(middle + 1), range.end()).unwrap(), &[parent]);
    }

    /// Closes two neighbours and opens their child.
    pub(crate) fn merge(&self, lower: u32, upper: u32) {
        let mut state = self.0.lock().unwrap();
        let (start, end) = (state.close(lower).start(), state.close(upper).end());
        state.open(HashKeyRange::new(start, end).unwrap(), &[lower, upper]);
    }
}

impl State {
    fn put(&mut self, fate: Fate, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        let outcome = |(at, record): (usize, &NewRecord)| match fate {
            Fate::Throttled(every) if at % every == 0 => {
                Err(Error::ProvisionedThroughputExceeded("Rate exceeded".to_owned()))
            }
            Fate::FailedAfter(every) if at % every == 0 => {
                self.store(record);
                Err(Error::InternalFailure("Internal Service Failure".to_owned()))
            }
            _ => Ok(self.store(record)),
        };
        match fate {
            Fate::Unreachable => Err(Error::Unreachable("connection refused".to_owned())),
            Fate::Refused => Err(Error::AccessDenied("no".to_owned())),
            Fate::LostReply => {
                records.iter().enumerate().map(outcome).for_each(drop);
                Err(Error::ConnectionLost("connection reset".to_owned()))
            }
            _ => Ok(records.iter().enumerate().map(outcome).collect()),
        }
    }

    fn store(&mut self, record: &NewRecord) -> Acknowledgement {
        self.arrivals += 1;
        let number = number(self.arrivals);
        let key = record.explicit_hash_key;
        let key = key.unwrap_or_else(|| HashKey::of_partition_key(&record.partition_key));
        let home = self
            .shards
            .iter_mut()
            .find(|home| home.shard.is_open() && home.shard.hash_key_range.contains(key));
        let home = home.unwrap();
        home.records.push(Record {
            sequence_number: number.clone(),
            approximate_arrival: Timestamp::from_millis(self.arrivals),
            partition_key: record.partition_key.clone(),
            data: record.data.clone(),
        });
        Acknowledgement { shard: home.shard.id, sequence_number: number }
    }

    fn close(&mut self, index: u32) -> HashKeyRange {
        self.arrivals += 1;
        let ending = number(self.arrivals);
        let closed = &mut self.shards[index as usize].shard;
        closed.ending_sequence_number = Some(ending);
        closed.hash_key_range
    }

    fn open(&mut self, range: HashKeyRange, parents: &[u32]) {
        let id = u32::try_from(self.shards.len()).unwrap();
        self.shards.push(FakeShard { shard: shard(id, range, parents), records: Vec::new() });
    }

    fn children(&self, of: ShardId) -> Vec<ChildShard> {
        let children = self.shards.iter().filter(|child| child.shard.parents().any(|parent| parent == of));
        children
            .map(|child| ChildShard {
                id: child.shard.id,
                parents: child.shard.parents().collect(),
                hash_key_range: child.shard.hash_key_range,
            })
            .collect()
    }
}

fn shard(id: u32, range: HashKeyRange, parents: &[u32]) -> Shard {
    let parent = |at: usize| parents.get(at).and_then(|&id| ShardId::new(id));
    Shard {
        id: ShardId::new(id).unwrap(),
        parent: parent(0),
        adjacent_parent: parent(1),
        hash_key_range: range,
        starting_sequence_number: number(0),
        ending_sequence_number: None,
    }
}

fn number(value: u64) -> SequenceNumber {
    value.to_string().parse().unwrap()
}

#[async_trait]
impl StreamApi for FakeStream {
    async fn put_records(&self, _: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        let fate = (self.0.lock().unwrap().fates)();
        if matches!(fate, Fate::Hangs) {
            std::future::pending::<()>().await;
        }
        let reply = self.0.lock().unwrap().put(fate, records);
        if matches!(fate, Fate::SlowReply) {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        reply
    }

    async fn list_shards(
        &self,
        _: &StreamRef,
        filter: ShardFilter,
        _: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        let state = self.0.lock().unwrap();
        let wanted = |shard: &&FakeShard| filter != ShardFilter::AtLatest || shard.shard.is_open();
        Ok(Page {
            items: state.shards.iter().filter(wanted).map(|shard| shard.shard.clone()).collect(),
            next: None,
        })
    }

    async fn get_shard_iterator(
        &self,
        _: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        let state = self.0.lock().unwrap();
        let records = &state.shards[shard.index() as usize].records;
        let before =
            |first: &dyn Fn(&Record) -> bool| records.iter().position(first).unwrap_or(records.len());
        let next = match from {
            StartingPosition::TrimHorizon => 0,
            StartingPosition::Latest => records.len(),
            StartingPosition::AtSequenceNumber(number) => before(&|record| &record.sequence_number >= number),
            StartingPosition::AfterSequenceNumber(number) => {
                before(&|record| &record.sequence_number > number)
            }
            StartingPosition::AtTimestamp(time) => before(&|record| &record.approximate_arrival >= time),
        };
        Ok(ShardIterator(format!("{}/{next}", shard.index())))
    }

    async fn get_records(&self, _: &StreamRef, iterator: &ShardIterator, limit: usize) -> Result<RecordPage> {
        let mut state = self.0.lock().unwrap();
        if state.expirations > 0 {
            state.expirations -= 1;
            return Err(Error::ExpiredIterator("too old".to_owned()));
        }
        let (index, next) = iterator.0.split_once('/').unwrap();
        let (index, next): (usize, usize) = (index.parse().unwrap(), next.parse().unwrap());
        let home = &state.shards[index];
        let id = home.shard.id;
        let end = home.records.len().min(next + limit.min(state.page_records));
        let is_last = end == home.records.len();
        let page = RecordPage {
            records: home.records[next..end].to_vec(),
            next: if is_last && !home.shard.is_open() {
                Next::ShardEnd { children: state.children(id) }
            } else {
                Next::Iterator(ShardIterator(format!("{index}/{end}")))
            },
            millis_behind_latest: if state.always_says_caught_up { 0 } else { u64::from(!is_last) },
        };
        state.reads.push(id);
        Ok(page)
    }
}

/// Stands still until nothing but sleeping is left to do, then jumps to the end of the sleep.
#[derive(Clone, Debug, Default)]
pub(crate) struct JumpingClock(Arc<Mutex<Duration>>);

impl Clock for JumpingClock {
    fn now(&self) -> Duration {
        Duration::from_secs(1_700_000_000) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let elapsed = self.0.clone();
        let until = self.monotonic() + duration;
        // Polled last in a biased select, so only when the other branches have nothing.
        Box::pin(async move {
            let mut elapsed = elapsed.lock().unwrap();
            *elapsed = until.max(*elapsed);
        })
    }
}
