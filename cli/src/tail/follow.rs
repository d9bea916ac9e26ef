//! Reads all shards of a stream and hands their records out as one sequence.
//!
//! Each shard is read at the pace that the service allows and a page ahead; which shards may be read is the
//! lineage's business, which record comes next the merge's. Throttles and lost connections are dealt with
//! below this, in the client; an iterator that got too old is renewed here.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use millstream_client::aggregation::{Deaggregation, UserRecord, UserRecords};
use millstream_client::{
    Error, Next, RecordPage, Shard, ShardFilter, ShardIterator, StartingPosition, StreamApi, StreamRef,
};
use millstream_model::limits::GET_RECORDS_ENTRIES_MAX;
use millstream_model::{ShardId, Timestamp};

use super::lineage::Lineage;
use super::merge::{After, Merge, cost};
use super::start::Start;
use crate::connection::Surroundings;
use crate::exit::Failure;
use crate::output::{Output, warn};

/// Between two reads of a shard: the service allows five a second to all readers together.
const READ_INTERVAL: Duration = Duration::from_millis(220);
/// Between two reads of a shard that has been quiet, out of regard for other readers.
const QUIET_INTERVAL: Duration = Duration::from_secs(1);
/// Records that were read and not shown.
const BUFFER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Reads in flight at once.
const READS_MAX: usize = 32;
/// What a record is taken to cost before one has been seen: much, so that first pages are small.
const RECORD_COST_GUESS: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct TailSettings {
    pub(crate) from: Start,
    pub(crate) follow: bool,
    /// Whether containers are shown as the user records in them.
    pub(crate) deaggregate: bool,
    /// Records to be shown, user records where these are.
    pub(crate) records_max: u64,
}

/// Shows a record: writes it to the buffer.
pub(crate) trait Show: FnMut(ShardId, &UserRecord, &mut Vec<u8>) -> Result<(), Failure> {}

impl<T: FnMut(ShardId, &UserRecord, &mut Vec<u8>) -> Result<(), Failure>> Show for T {}

pub(crate) struct Tail<'a> {
    api: Arc<dyn StreamApi>,
    stream: &'a StreamRef,
    surroundings: &'a Surroundings,
    settings: TailSettings,
    lineage: Lineage,
    merge: Merge,
    /// What is left of the container that is being shown.
    opened: Option<(ShardId, UserRecords)>,
    /// The shards that are being read and have not been read to their end.
    cursors: BTreeMap<ShardId, Cursor>,
    /// Where shards that existed at the start begin; later ones begin at their beginning.
    beginnings: BTreeMap<ShardId, StartingPosition>,
    reads: FuturesUnordered<Pin<Box<dyn Future<Output = Read> + Send>>>,
    record_cost: usize,
}

/// A shard that is being read.
#[derive(Debug)]
struct Cursor {
    /// Where to go on when there is no iterator, or it is too old.
    position: StartingPosition,
    iterator: Option<ShardIterator>,
    /// When it was last read; never at first.
    read_at: Option<Duration>,
    interval: Duration,
    is_out: bool,
}

impl Cursor {
    /// When it may be read again.
    fn due(&self) -> Duration {
        self.read_at.map_or(Duration::ZERO, |read_at| read_at + self.interval)
    }
}

/// What a read of one shard brought.
struct Read {
    shard: ShardId,
    limit: usize,
    page: Result<RecordPage, Error>,
}

impl<'a> Tail<'a> {
    /// A tail that begins with the shards that `settings.from` selected.
    pub(crate) fn new(
        api: Arc<dyn StreamApi>,
        stream: &'a StreamRef,
        surroundings: &'a Surroundings,
        settings: TailSettings,
        shards: &[Shard],
    ) -> Self {
        let mut lineage = Lineage::default();
        let mut beginnings = BTreeMap::new();
        for shard in shards.iter().filter(|shard| settings.from.wants(shard)) {
            beginnings.insert(shard.id, settings.from.position(shard.id));
            lineage.add(shard.id, shard.parents());
        }
        Self {
            api,
            stream,
            surroundings,
            settings,
            lineage,
            merge: Merge::new(BUFFER_BYTES_MAX),
            opened: None,
            cursors: BTreeMap::new(),
            beginnings,
            reads: FuturesUnordered::new(),
            record_cost: RECORD_COST_GUESS,
        }
    }

    /// Shows records until there are no more, enough were shown, or `stop` resolves.
    pub(crate) async fn run(
        mut self,
        output: &mut Output,
        show: &mut impl Show,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let mut stop = std::pin::pin!(stop);
        let mut left = self.settings.records_max;
        loop {
            while left > 0
                && let Some((shard, record)) = self.next_record()
            {
                show(shard, &record, output.buffer())?;
                output.relieve().await?;
                left -= 1;
            }
            self.open_ready();
            if left == 0 || self.lineage.is_done() {
                return output.flush().await;
            }
            // Nothing more can be shown before the next read: whoever looks on gets it all now.
            output.flush().await?;
            self.start_reads(left);
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = &mut stop => return Err(Failure::Interrupted),
                Some(read) = self.reads.next() => self.take(read)?,
                () = self.surroundings.clock.sleep(wake.unwrap_or_default()), if wake.is_some() => {}
            }
        }
    }

    /// The next record to be shown. A member of a container that cannot be read is told of and passed over.
    fn next_record(&mut self) -> Option<(ShardId, UserRecord)> {
        loop {
            if let Some((shard, records)) = &mut self.opened {
                match records.next() {
                    Some(Ok(record)) => return Some((*shard, record)),
                    Some(Err(broken)) => warn(&format!("{shard}: {broken}")),
                    None => self.opened = None,
                }
                continue;
            }
            let (shard, record) = self.merge.pop()?;
            if !self.settings.deaggregate {
                return Some((shard, record.into()));
            }
            self.opened = Some((shard, Deaggregation::default().take_apart(record)));
        }
    }

    /// Ends the shards of which everything is shown and begins those that may follow.
    fn open_ready(&mut self) {
        for shard in self.merge.take_drained() {
            self.lineage.end(shard);
        }
        for shard in self.lineage.take_ready() {
            let position = self.beginnings.remove(&shard).unwrap_or(StartingPosition::TrimHorizon);
            let cursor =
                Cursor { position, iterator: None, read_at: None, interval: READ_INTERVAL, is_out: false };
            self.cursors.insert(shard, cursor);
            self.merge.add(shard);
        }
    }

    /// Starts the reads that are due, the longest due first, as long as there is room for what they bring.
    fn start_reads(&mut self, left: u64) {
        if self.merge.is_full() {
            return;
        }
        let now = self.surroundings.clock.monotonic();
        let share = BUFFER_BYTES_MAX / 2 / self.cursors.len().max(1);
        let limit = (share / self.record_cost).clamp(1, GET_RECORDS_ENTRIES_MAX);
        let limit = limit.min(usize::try_from(left).unwrap_or(usize::MAX));
        let has_room = |shard: ShardId| self.merge.bytes_of(shard) < share;
        let due = self.cursors.iter_mut().filter(|(_, cursor)| !cursor.is_out && cursor.due() <= now);
        let mut due: Vec<_> = due.filter(|(shard, _)| has_room(**shard)).collect();
        due.sort_unstable_by_key(|(_, cursor)| cursor.due());
        for (&shard, cursor) in due.into_iter().take(READS_MAX.saturating_sub(self.reads.len())) {
            cursor.is_out = true;
            cursor.read_at = Some(now);
            let started = Timestamp::from_unix(self.surroundings.clock.now());
            let (iterator, position) = (cursor.iterator.take(), cursor.position.clone());
            if position == StartingPosition::Latest {
                // Should the first iterator get too old, everything since it was made counts.
                cursor.position = StartingPosition::AtTimestamp(started);
            }
            let (api, stream) = (self.api.clone(), self.stream.clone());
            self.reads.push(Box::pin(async move {
                let page = read_page(api.as_ref(), &stream, shard, iterator, &position, limit).await;
                Read { shard, limit, page }
            }));
        }
    }

    fn take(&mut self, read: Read) -> Result<(), Failure> {
        let Read { shard, limit, page } = read;
        let Some(cursor) = self.cursors.get_mut(&shard) else { return Ok(()) };
        cursor.is_out = false;
        let page = match page {
            Ok(page) => page,
            // The next read makes a new one.
            Err(Error::ExpiredIterator(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if let Some(last) = page.records.last() {
            cursor.position = StartingPosition::AfterSequenceNumber(last.sequence_number.clone());
            cursor.interval = READ_INTERVAL;
            self.record_cost = page.records.iter().map(cost).sum::<usize>().div_ceil(page.records.len());
        } else {
            cursor.interval = (cursor.interval * 2).min(QUIET_INTERVAL);
        }
        // Some endpoints always say that nothing is behind; a full page does not believe them.
        let caught_up = page.millis_behind_latest == 0 && page.records.len() < limit;
        let after = match page.next {
            Next::Iterator(_) if caught_up && !self.settings.follow => After::Ended,
            Next::Iterator(iterator) => {
                cursor.iterator = Some(iterator);
                if caught_up { After::CaughtUp } else { After::Behind }
            }
            Next::ShardEnd { children } => {
                children.into_iter().for_each(|child| self.lineage.add(child.id, child.parents));
                After::Ended
            }
        };
        if after == After::Ended {
            self.cursors.remove(&shard);
        } else if after == After::Behind {
            cursor.interval = READ_INTERVAL;
        }
        self.merge.push(shard, page.records, after);
        Ok(())
    }

    /// How long until the next read is due, if one waits for its time alone.
    fn next_wake(&self) -> Option<Duration> {
        let now = self.surroundings.clock.monotonic();
        let resting = self.cursors.values().filter(|cursor| !cursor.is_out && cursor.due() > now);
        resting.map(|cursor| cursor.due() - now).min()
    }
}

/// Reads one page, with a new iterator if there is none, and finds the children of a shard that ends.
async fn read_page(
    api: &dyn StreamApi,
    stream: &StreamRef,
    shard: ShardId,
    iterator: Option<ShardIterator>,
    position: &StartingPosition,
    limit: usize,
) -> Result<RecordPage, Error> {
    let iterator = match iterator {
        Some(iterator) => iterator,
        None => api.get_shard_iterator(stream, shard, position).await?,
    };
    let mut page = api.get_records(stream, &iterator, limit).await?;
    if let Next::ShardEnd { children } = &mut page.next
        && children.is_empty()
    {
        // Endpoints older than this field tell a shard's children only in the list.
        let shards = api.all_shards(stream, ShardFilter::FromTrimHorizon).await?;
        let of_this = shards.into_iter().filter(|child| child.parents().any(|parent| parent == shard));
        children.extend(of_this.map(|child| millstream_client::ChildShard {
            id: child.id,
            parents: child.parents().collect(),
            hash_key_range: child.hash_key_range,
        }));
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
