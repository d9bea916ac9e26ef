//! PutRecord and PutRecords: route, admit, number, and wait until it is durable.

mod checks;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use millstream_model::{HashKey, SequenceNumber, ShardId, StreamArn, limits as aws};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::capacity::Distribution;
use crate::committer::Group;
use crate::engine::{Engine, Found, Inner, PERMIT_BYTES, not_found};
use crate::error::{Error, Result};
use crate::monitoring::ShardMetric;
use crate::routing::Routing;
use crate::shard::Shard;
use crate::shard::writer::Refused;
use crate::stream::StreamStatus;
use checks::{check_ordering, check_partition_key, check_partition_keys, check_record_size};

/// One record to store.
#[derive(Clone, Debug)]
pub struct PutEntry {
    /// UTF-8, 1 to 256 characters; checked by whoever knows the wire. Empty if none was sent, which only a stream
    /// takes that spreads its records by itself.
    pub partition_key: Bytes,
    /// Replaces the partition key's hash for routing.
    pub explicit_hash_key: Option<HashKey>,
    pub data: Bytes,
}

impl PutEntry {
    fn size(&self) -> usize {
        self.data.len() + self.partition_key.len()
    }

    fn hash_key(&self) -> HashKey {
        self.explicit_hash_key.unwrap_or_else(|| HashKey::of_partition_key(&self.partition_key))
    }
}

/// A record that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub shard_id: ShardId,
    pub sequence_number: SequenceNumber,
    /// The record lies in storage encrypted.
    pub encrypted: bool,
}

/// Why one entry of several was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutFailure {
    /// Its shard is over the limit; the text is AWS's.
    Throttled(String),
    /// Ours or the disk's fault.
    Internal,
}

impl Engine {
    /// How the stream's records find their shard: evenly, and explicit hash keys say nothing. Fails as a put would if
    /// it is the stream that is wrong; AWS looks for it before it looks at hash keys.
    pub fn distribution(&self, arn: &StreamArn) -> Result<Distribution> {
        Ok(self.inner.find_writable(arn)?.meta.capacity.distribution)
    }

    /// Stores one record. `ordering` is the caller's SequenceNumberForOrdering.
    pub async fn put_record(
        &self,
        arn: &StreamArn,
        entry: PutEntry,
        ordering: Option<&str>,
        dry_run: bool,
    ) -> Result<Receipt> {
        let (writable, found) = self.inner.look_before_a_put(arn)?;
        check_partition_key(&entry, &found)?;
        if let Some(ordering) = ordering {
            check_ordering(&found, ordering)?;
        }
        check_record_size(&entry, &found)?;
        writable?;
        found.stream.keys.for_writing()?;
        if dry_run {
            self.inner.check_room(&found, &entry)?;
            return Err(dry_run_passed());
        }
        let room = self.inner.reserve(entry.size()).await?;
        let mut put = Put::new(&self.inner, &found, std::slice::from_ref(&entry), room);
        put.append_all().await;
        let [outcome] = put.finish().await?.try_into().map_err(|_| internal())?;
        let counters = &found.stream.counters;
        match outcome {
            Ok(receipt) => {
                counters.put_record_success.add(1);
                Ok(receipt)
            }
            Err(PutFailure::Throttled(text)) => Err(Error::ProvisionedThroughputExceeded(text)),
            Err(PutFailure::Internal) => Err(internal()),
        }
    }

    /// Stores records; each fares for itself. Records of one shard keep their order.
    pub async fn put_records(
        &self,
        arn: &StreamArn,
        entries: &[PutEntry],
        dry_run: bool,
    ) -> Result<Vec<std::result::Result<Receipt, PutFailure>>> {
        let (writable, found) = self.inner.look_before_a_put(arn)?;
        check_partition_keys(entries, &found)?;
        let bytes = entries.iter().map(PutEntry::size).sum();
        if bytes > aws::PUT_RECORDS_BYTES_MAX {
            return Err(Error::InvalidArgument("Records size exceeds 10 MB limit".to_owned()));
        }
        entries.iter().try_for_each(|entry| check_record_size(entry, &found))?;
        writable?;
        found.stream.keys.for_writing()?;
        if dry_run {
            return Err(dry_run_passed());
        }
        let room = self.inner.reserve(bytes).await?;
        let mut put = Put::new(&self.inner, &found, entries, room);
        put.append_all().await;
        let outcomes = put.finish().await?;
        count(&found, &outcomes);
        Ok(outcomes)
    }
}

impl Inner {
    /// Whether records are taken at present, and the stream. An engine that retires forgets its streams before it
    /// takes no more records, so whoever looks in this order is told that the stream is gone.
    fn look_before_a_put(&self, arn: &StreamArn) -> Result<(Result<()>, Found)> {
        let writable = self.committer.check();
        Ok((writable, self.find_writable(arn)?))
    }

    /// The stream, if records can be put into it: to writers, one that is being created or deleted is not
    /// there.
    fn find_writable(&self, arn: &StreamArn) -> Result<Found> {
        let found = self.find(arn)?;
        match found.status {
            StreamStatus::Active | StreamStatus::Updating => Ok(found),
            StreamStatus::Creating | StreamStatus::Deleting => Err(not_found(arn)),
        }
    }

    /// Fails as a put would if the record is over its shard's limit. Nothing is taken of the limit.
    fn check_room(&self, found: &Found, entry: &PutEntry) -> Result<()> {
        let shards = found.stream.shards();
        // While its shard is being replaced, a put waits for those that have all of their limits left.
        let turn = match found.meta.capacity.distribution {
            Distribution::UserPartitionKey => None,
            Distribution::Auto => Some(found.stream.turns.load(Ordering::Relaxed)),
        };
        let Some(place) = route(&shards.routing, entry, turn) else { return Ok(()) };
        let (shard, size) = (shards.routing.shard_at(place), entry.size() as u64);
        let (limits, now) = (&self.settings.limits, self.clock.monotonic());
        let StreamArn { account, name, .. } = &found.stream.arn;
        let admitted = shard.writer.lock().limits.check(limits, found.meta.burst(), now, size);
        admitted.map_err(|_| Error::shard_rate(&shard.id(), name, account))
    }

    /// Waits until there is room for so many bytes on their way to the disk.
    async fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        let most = self.settings.in_flight_bytes_max / PERMIT_BYTES;
        let permits = (bytes / PERMIT_BYTES + 1).min(most).min(Semaphore::MAX_PERMITS);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        let permit = self.room.clone().acquire_many_owned(permits).await;
        permit.map_err(|_| Error::Unavailable("the server is shutting down".to_owned()))
    }
}

type Outcome = std::result::Result<Receipt, PutFailure>;

/// The entries of one call on their way through the shards.
struct Put<'a> {
    inner: &'a Inner,
    found: &'a Found,
    entries: &'a [PutEntry],
    outcomes: Vec<Option<Outcome>>,
    /// The groups that entries joined, each with the entries it holds.
    groups: Vec<(Arc<Group>, Vec<usize>)>,
    refused: Option<Error>,
    /// What was reserved for entries that are not in a group yet.
    room: OwnedSemaphorePermit,
    /// The first entry's turn, where records take turns among the shards.
    turn: Option<usize>,
}

impl<'a> Put<'a> {
    fn new(inner: &'a Inner, found: &'a Found, entries: &'a [PutEntry], room: OwnedSemaphorePermit) -> Self {
        let outcomes = vec![None; entries.len()];
        let turn = match found.meta.capacity.distribution {
            Distribution::UserPartitionKey => None,
            Distribution::Auto => Some(found.stream.turns.fetch_add(entries.len(), Ordering::Relaxed)),
        };
        Self { inner, found, entries, outcomes, groups: Vec::new(), refused: None, room, turn }
    }

    /// Appends every entry to its shard. Where a shard is being replaced, waits for those that replace it.
    async fn append_all(&mut self) {
        let mut left = self.append_some(0..self.entries.len());
        self.hand_room_over(&left);
        while !left.is_empty() {
            let mut resharded = pin!(self.found.stream.resharded.notified());
            // Listens before it tries again, so as not to miss a change in between.
            resharded.as_mut().enable();
            left = self.append_some(left.into_iter());
            self.hand_room_over(&left);
            if !left.is_empty() {
                resharded.await;
            }
        }
    }

    /// Hands the group that was joined last the room that was reserved for all but the entries left. From here on the
    /// caller may stop waiting, which must not free what is still queued.
    fn hand_room_over(&mut self, left: &[usize]) {
        let Some((group, _)) = self.groups.iter().rfind(|(_, places)| !places.is_empty()) else { return };
        let bytes: usize = left.iter().map(|place| self.entries[*place].size()).sum();
        let handed = self.room.num_permits().saturating_sub(bytes / PERMIT_BYTES);
        if let Some(room) = self.room.split(handed) {
            group.hold(room);
        }
    }

    /// Appends entries shard by shard, so that each is locked once. Gives back those whose shard hands its hash
    /// keys over.
    fn append_some(&mut self, places: impl Iterator<Item = usize>) -> Vec<usize> {
        let shards = self.found.stream.shards();
        let turn = |place| self.turn.map(|first| first.wrapping_add(place));
        let routed = places.map(|place| (route(&shards.routing, &self.entries[place], turn(place)), place));
        let mut routed: Vec<_> = routed.collect();
        // Stable by entry, so that the records of a shard keep their order.
        routed.sort_unstable();
        let mut left = Vec::new();
        for of_one_shard in routed.chunk_by(|(shard, _), (next, _)| shard == next) {
            let Some(shard) = of_one_shard[0].0 else { continue };
            let places = of_one_shard.iter().map(|(_, place)| *place);
            match self.append(shards.routing.shard_at(shard), places.clone()) {
                Ok(()) => {}
                Err(Refused::HandedOver) => left.extend(places),
                Err(Refused::Failed(error)) => self.refused = Some(error),
            }
        }
        left
    }

    fn append(
        &mut self,
        shard: &Arc<Shard>,
        of_shard: impl Iterator<Item = usize>,
    ) -> std::result::Result<(), Refused> {
        let Inner { settings, committer, clock, .. } = self.inner;
        let (now, monotonic, burst) = (self.inner.now(), clock.monotonic(), self.found.meta.burst());
        let mut joined = Vec::new();
        let mut writer = shard.writer.lock();
        let group = writer.open(shard, committer)?;
        for place in of_shard {
            let entry = &self.entries[place];
            let admitted = writer.limits.admit(&settings.limits, burst, monotonic, entry.size() as u64);
            if admitted.is_err() {
                self.outcomes[place] = Some(Err(self.throttled(shard)));
                continue;
            }
            let appended = writer.append(now, &entry.partition_key, &entry.data);
            if let Some(appended) = appended {
                let sequence_number = shard.sequence_number(appended.index, appended.arrival);
                let encrypted = appended.encrypted;
                self.outcomes[place] = Some(Ok(Receipt { shard_id: shard.id(), sequence_number, encrypted }));
                joined.push(place);
            }
        }
        drop(writer);
        match self.groups.last_mut() {
            Some((last, places)) if Arc::ptr_eq(last, &group) => places.extend(joined),
            _ => self.groups.push((group, joined)),
        }
        Ok(())
    }

    fn throttled(&self, shard: &Shard) -> PutFailure {
        let counters = &self.found.stream.counters;
        counters.write_provisioned_throughput_exceeded.add(1);
        self.found.count(shard, [(ShardMetric::WriteProvisionedThroughputExceeded, 1)]);
        let arn = &self.found.stream.arn;
        PutFailure::Throttled(Error::shard_rate(&shard.id(), &arn.name, &arn.account).to_string())
    }

    /// Waits until everything is durable. Fails as a whole only if nothing was stored or throttled.
    async fn finish(mut self) -> Result<Vec<Outcome>> {
        // A group that none of the entries is in, because all were throttled, may never be committed.
        for (group, places) in self.groups.iter().filter(|(_, places)| !places.is_empty()) {
            if let Err(error) = group.durable().await {
                places.iter().for_each(|place| self.outcomes[*place] = None);
                self.refused = Some(error);
            }
        }
        self.count_incoming();
        match self.refused {
            Some(error) if self.outcomes.iter().all(Option::is_none) => Err(error),
            _ => {
                let outcomes = self.outcomes.into_iter();
                Ok(outcomes.map(|outcome| outcome.unwrap_or(Err(PutFailure::Internal))).collect())
            }
        }
    }

    fn count_incoming(&self) {
        let outcomes = self.entries.iter().zip(&self.outcomes);
        let stored = outcomes.filter(|(_, outcome)| matches!(outcome, Some(Ok(_))));
        let (records, bytes) =
            stored.fold((0, 0), |(records, bytes), (entry, _)| (records + 1, bytes + entry.size() as u64));
        let counters = &self.found.stream.counters;
        counters.incoming_records.add(records);
        counters.incoming_bytes.add(bytes);
        if !self.found.meta.monitored.is_empty() {
            self.count_incoming_by_shard();
        }
    }

    fn count_incoming_by_shard(&self) {
        let mut by_shard: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for (entry, outcome) in self.entries.iter().zip(&self.outcomes) {
            if let Some(Ok(Receipt { shard_id, .. })) = outcome {
                let (records, bytes) = by_shard.entry(shard_id.index()).or_default();
                *records += 1;
                *bytes += entry.size() as u64;
            }
        }
        let shards = self.found.stream.shards();
        for (index, (records, bytes)) in by_shard {
            if let Some(shard) = shards.all.get(&index) {
                let amounts = [(ShardMetric::IncomingRecords, records), (ShardMetric::IncomingBytes, bytes)];
                self.found.count(shard, amounts);
            }
        }
    }
}

/// The place of the shard that takes an entry; `turn` is the entry's, where records take turns.
fn route(routing: &Routing, entry: &PutEntry, turn: Option<usize>) -> Option<usize> {
    match turn {
        None => routing.place_of(entry.hash_key()),
        Some(turn) => turn.checked_rem(routing.open_shards()),
    }
}

fn count(found: &Found, outcomes: &[Outcome]) {
    let counters = &found.stream.counters;
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let throttled =
        outcomes.iter().filter(|outcome| matches!(outcome, Err(PutFailure::Throttled(_)))).count() as u64;
    let total = outcomes.len() as u64;
    counters.put_records_total_records.add(total);
    counters.put_records_successful_records.add(stored);
    counters.put_records_throttled_records.add(throttled);
    counters.put_records_failed_records.add(total - stored - throttled);
    if stored > 0 {
        counters.put_records_success.add(1);
    }
}

fn internal() -> Error {
    Error::Internal("a record was not stored".to_owned())
}

pub(crate) fn dry_run_passed() -> Error {
    Error::DryRun("Request would have succeeded, but DryRun flag is set.".to_owned())
}
