//! The janitor: removes what has expired and what belonged to deleted streams.
//!
//! Nobody waits for it. What it has yet to remove is hidden already: expired records by the trim horizon,
//! deleted streams because they are not in the catalog.
//!
//! A shard leaves in two steps. First its data goes and storage forgets its mark; and only when that is anchored, what
//! says that it is not missed. In between a crash would bring the mark back. How long that takes is asked of storage
//! and not of a clock, for the engine's can be moved.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use millstream_model::Timestamp;
use millstream_storage::{KeyRange, Priority, WriteSet};

use crate::engine::{Engine, Grave, Inner};
use crate::error::{Error, Result};
use crate::keyspace::consumer_row::consumer_key;
use crate::keyspace::tail_row::{LogEnd, tail_key};
use crate::keyspace::{self, ShardUid, StreamUid, record_key, shard_row, stream_prefix, time_index};
use crate::recovery::{decode_block, scan_all};
use crate::shard::Shard;
use crate::shard::reader::index_entry_before;
use crate::stream::{Phase, Shards, Stream};

/// Above every key.
const KEYS_END: &[u8] = &[u8::MAX; 32];
/// A shard is trimmed when so much of its retention has expired since the last time: often enough to give
/// space back steadily, seldom enough that range deletes stay few.
const TRIM_STEPS: u32 = 48;

impl Engine {
    pub(crate) async fn tidy_up_until_stopped(&self) {
        let inner = &self.inner;
        loop {
            let pause = inner.next_deletion().map_or(inner.settings.trim_interval, |due| {
                Duration::from_millis(due.millis_since(inner.now())).min(inner.settings.trim_interval)
            });
            tokio::select! {
                biased;
                () = inner.tasks().stopping() => return,
                () = inner.clock.sleep(pause) => {}
                () = inner.janitor.notified() => {}
            }
            if let Err(error) = self.tidy_up().await {
                tracing::warn!(%error, "expired data could not be removed yet");
            }
        }
    }

    /// One round: deletions that are over, data of deleted streams, expired records. A shard that cannot be
    /// trimmed, because it is damaged say, does not keep the others from it; the first error is told.
    pub(crate) async fn tidy_up(&self) -> Result<()> {
        let inner = &self.inner;
        inner.bury_the_gone().await?;
        inner.forget_gone_consumers().await?;
        inner.remove_buried().await?;
        let mut outcome = Ok(());
        for stream in inner.catalog.all() {
            let horizon = stream.meta().horizon(inner.now());
            for shard in stream.shards().all.values() {
                let tidied = match shard.is_expired(horizon) {
                    true => inner.remove_expired(&stream, shard).await,
                    false => inner.trim(&stream, shard, horizon).await,
                };
                outcome = outcome.and(tidied);
            }
        }
        outcome
    }
}

impl Inner {
    /// When the next deletion that is under way will be over.
    fn next_deletion(&self) -> Option<Timestamp> {
        let streams = self.catalog.all();
        let due = streams.iter().filter_map(|stream| match stream.meta().phase {
            Phase::Deleting(span) => Some(span.until),
            _ => None,
        });
        due.min()
    }

    async fn bury_the_gone(&self) -> Result<()> {
        let mut control = self.control.lock().await;
        for stream in self.catalog.all() {
            if stream.meta().status(self.now()).is_none() {
                self.bury(&mut control, &stream).await?;
            }
        }
        Ok(())
    }

    async fn forget_gone_consumers(&self) -> Result<()> {
        let _control = self.control.lock().await;
        for stream in self.catalog.all() {
            for consumer in stream.consumers.all() {
                if !consumer.meta().may_be_forgotten(self.now()) {
                    continue;
                }
                let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
                writes.delete(consumer_key(stream.uid, &consumer.arn.name));
                self.slot.commit(writes).await?.durable().await?;
                stream.consumers.remove(&consumer);
            }
        }
        Ok(())
    }

    async fn remove_buried(&self) -> Result<()> {
        let graves = self.control.lock().await.graves.clone();
        if graves.is_empty() {
            return Ok(());
        }
        let marks = self.slot.marks();
        let marked: HashSet<_> =
            marks.keys().filter_map(|name| ShardUid::of_mark(name)).map(ShardUid::stream).collect();
        for Grave { uid, emptied } in graves {
            match emptied {
                Some(position) if !self.is_anchored(position) => {}
                Some(_) if !marked.contains(&uid) => {
                    let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
                    writes.delete(stream_prefix(keyspace::GRAVE, uid));
                    self.slot.commit(writes).await?.durable().await?;
                    self.control.lock().await.graves.retain(|grave| grave.uid != uid);
                }
                // Also if its shards were marked once more since.
                _ => {
                    let emptied = Some(self.remove_data(uid).await?);
                    let mut control = self.control.lock().await;
                    let buried = control.graves.iter_mut().filter(|grave| grave.uid == uid);
                    buried.for_each(|grave| grave.emptied = emptied);
                }
            }
        }
        Ok(())
    }

    /// Whether the marks are as this commit left them, or newer, even after a crash.
    fn is_anchored(&self, position: u64) -> bool {
        self.slot.watch().borrow().anchored >= position
    }

    /// Gives the position of a commit behind all that it did.
    async fn remove_data(&self, uid: StreamUid) -> Result<u64> {
        self.forget_marks(uid).await?;
        let tags = [
            keyspace::RECORD_BLOCK,
            keyspace::DATA_KEY,
            keyspace::TIME_INDEX,
            keyspace::TAIL,
            keyspace::CONSUMER,
            keyspace::SHARD,
        ];
        for tag in tags {
            self.slot.trim(&stream_prefix(tag, uid), KEYS_END).await?;
        }
        // The trims are durable with this.
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        writes.put(stream_prefix(keyspace::GRAVE, uid), Bytes::new());
        self.commit_at(writes).await
    }

    /// Commits and gives the position, once all of it is durable.
    async fn commit_at(&self, writes: WriteSet) -> Result<u64> {
        let commit = self.slot.commit(writes).await?;
        let position = commit.position();
        commit.durable().await?;
        Ok(position)
    }

    /// Forgets how far the shards of a deleted stream had come. That was done when it was deleted, but records
    /// on their way then have noted it again, and so has a crash. Before the shards' rows go, for a retry
    /// needs them.
    async fn forget_marks(&self, uid: StreamUid) -> Result<()> {
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        for row in scan_all(&*self.slot, KeyRange::prefix(&stream_prefix(keyspace::SHARD, uid))).await? {
            let (_, state) = shard_row::decode(&row.key, &row.value)?;
            writes.mark(ShardUid::new(uid, state.meta.index).mark_name(), Bytes::new());
        }
        let marks = self.slot.marks().into_keys();
        let stale = marks.filter(|name| ShardUid::of_mark(name).is_some_and(|shard| shard.stream() == uid));
        stale.for_each(|name| writes.mark(name, Bytes::new()));
        writes.put(stream_prefix(keyspace::GRAVE, uid), Bytes::new());
        self.slot.commit(writes).await?.durable().await?;
        Ok(())
    }

    /// Lets no record into a deleted stream's shards any more, and waits for those on their way.
    pub(crate) async fn close_shards(&self, stream: &Stream) {
        let shards = stream.shards();
        shards.all.values().for_each(|shard| shard.writer.lock().shut(&stream.arn));
        stream.resharded.notify_waiters();
        for shard in shards.all.values() {
            // Durable, or failed together with all that was under way: in either case nothing of it is any more.
            let _ = self.settled(shard).await;
        }
        shards.all.values().for_each(|shard| shard.grown.notify_waiters());
    }

    async fn trim(&self, stream: &Stream, shard: &Arc<Shard>, horizon: Timestamp) -> Result<()> {
        let step = Duration::from_secs(u64::from(stream.meta().retention_hours) * 3600) / TRIM_STEPS;
        let end = {
            let tail = shard.tail.lock();
            if tail.is_emptied() || tail.end().offset == 0 || horizon <= tail.trimmed_to().plus(step) {
                return Ok(());
            }
            tail.end()
        };
        if end.last_arrival < horizon {
            self.trim_all(shard, end).await?;
        } else if let Some(entry) = index_entry_before(&*self.slot, shard, horizon).await? {
            let below = record_key::record_key(shard.uid(), entry.first_index);
            self.note_begin(shard, &below).await?;
            self.slot.trim(&record_key::prefix(shard.uid()), &below).await?;
            let below = time_index::time_key(shard.uid(), entry.time);
            self.slot.trim(&time_index::prefix(shard.uid()), &below).await?;
        }
        shard.tail.lock().set_trimmed_to(horizon);
        Ok(())
    }

    /// A closed shard of which nothing is kept any more: first its records go, then what storage knows of it, and
    /// last, when that is anchored, the shard itself.
    async fn remove_expired(&self, stream: &Stream, shard: &Arc<Shard>) -> Result<()> {
        let forgotten = shard.forgotten.get().copied();
        match forgotten {
            None => {
                let end = shard.tail.lock().end();
                self.trim_all(shard, end).await?;
                let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
                writes.mark(shard.uid().mark_name(), Bytes::new());
                // A batch that only forgets would not be written.
                writes.put(tail_key(shard.uid()), end.encode());
                let _ = shard.forgotten.set(self.commit_at(writes).await?);
                Ok(())
            }
            Some(position) if !self.is_anchored(position) => Ok(()),
            Some(_) => {
                let _control = self.control.lock().await;
                let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
                writes.delete(shard_row::shard_key(stream.uid, shard.meta().index));
                writes.delete(tail_key(shard.uid()));
                self.slot.commit(writes).await?.durable().await?;
                let mut all = stream.shards().all.clone();
                all.remove(&shard.meta().index);
                stream.set_shards(Shards::new(all));
                Ok(())
            }
        }
    }

    /// Notes that the log begins with this block from now on, so that a reader can tell blocks that were
    /// trimmed from blocks that were lost.
    async fn note_begin(&self, shard: &Shard, key: &[u8]) -> Result<()> {
        let Some(block) = self.slot.get(key).await? else {
            return self.check_trimmed(shard, key).await;
        };
        let block = decode_block(key, block)?;
        let block = block.header();
        let (index, offset, last_arrival) = (block.first_index(), block.first_offset(), block.base_time());
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        writes.put(tail_key(shard.uid()), LogEnd { index, offset, last_arrival }.encode());
        self.slot.commit(writes).await?.durable().await.map_err(Error::from)
    }

    /// An entry of the time index may outlive its block, when a crash came between the trims of the two.
    async fn check_trimmed(&self, shard: &Shard, key: &[u8]) -> Result<()> {
        let begin = self.slot.get(&tail_key(shard.uid())).await?.and_then(|row| LogEnd::decode(&row));
        match begin {
            Some(begin) if record_key::record_key(shard.uid(), begin.index) > key => Ok(()),
            _ => Err(keyspace::corrupt("a block of the time index is missing", key)),
        }
    }

    /// Everything has expired. Notes where the log goes on, for its blocks will not say it any more.
    async fn trim_all(&self, shard: &Shard, end: LogEnd) -> Result<()> {
        let mut writes = WriteSet::new().with_priority(Priority::Reclaim);
        writes.put(tail_key(shard.uid()), end.encode());
        self.slot.commit(writes).await?.durable().await?;
        // Records that came meanwhile have higher indexes and stay.
        let below = record_key::record_key(shard.uid(), end.index);
        self.slot.trim(&record_key::prefix(shard.uid()), &below).await?;
        // The last record's own entry too. One of a newer block in the same millisecond is no loss: the index
        // is sparse.
        let below = time_index::time_key(shard.uid(), end.last_arrival.plus(Duration::from_millis(1)));
        self.slot.trim(&time_index::prefix(shard.uid()), &below).await?;
        shard.tail.lock().set_emptied(end);
        Ok(())
    }
}
