//! Carries a plan out: the old shards stop taking records, what they took becomes durable, the new shards are made,
//! and then the stream routes by them.
//!
//! Records that come in between wait for a moment (two syncs of the disk); those of other shards do not. If the new
//! shards are not stored, the old ones take records again and nothing has happened; while storage does not know whether
//! they are, everybody waits.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use millstream_model::{ShardIndex, Timestamp};
use millstream_storage::WriteSet;

use super::plan::Plan;
use crate::engine::{Found, Inner};
use crate::error::Result;
use crate::keyspace::shard_row::{ShardState, shard_key};
use crate::keyspace::stream_row::{self, stream_key};
use crate::shard::Shard;
use crate::stream::{Shards, Stream, StreamMeta};

impl Inner {
    /// Replaces shards as planned, and changes what else is to change with it. The caller holds the control lock
    /// and sees to it that this runs to its end.
    pub(crate) async fn reshard(
        &self,
        found: &Found,
        plan: &Plan,
        change: impl FnOnce(&mut StreamMeta),
    ) -> Result<()> {
        let stream = &found.stream;
        let shards = stream.shards();
        let closing: Vec<_> =
            plan.closing.iter().filter_map(|index| shards.all.get(index).cloned()).collect();
        let handed_over = HandedOver { stream, closing: &closing };
        let at = self.stop_taking(&closing).await?;
        let created = |parent: ShardIndex| shards.all.get(&parent).map_or(at, |shard| shard.meta().created);
        let opening = plan.open_at(at, created);
        let mut meta = StreamMeta::clone(&stream.meta());
        change(&mut meta);
        meta.next_shard = plan.next_shard;
        meta.begin_update(found.now, self.settings.delays.update);
        self.persist(stream, &meta, &closing, &opening, at).await?;
        handed_over.for_good();
        stream.set_meta(meta);
        show(stream, &shards, &closing, &opening, at);
        Ok(())
    }

    /// When it returns, all that the shards took is durable and they take no more. Gives the moment of the change,
    /// before which every record of theirs arrived.
    async fn stop_taking(&self, closing: &[Arc<Shard>]) -> Result<Timestamp> {
        closing.iter().for_each(|shard| shard.writer.lock().hand_over());
        let mut last = Timestamp::EPOCH;
        for shard in closing {
            self.settled(shard).await?;
            last = last.max(shard.tail.lock().end().last_arrival);
        }
        Ok(self.now().max(last))
    }

    /// Waits until all records that a shard was given are durable. Fails when storage does.
    pub(crate) async fn settled(&self, shard: &Shard) -> Result<()> {
        loop {
            let mut grown = pin!(shard.grown.notified());
            // Listens before it looks, so as not to miss what happens in between.
            grown.as_mut().enable();
            self.committer.check()?;
            if shard.is_settled() {
                return Ok(());
            }
            grown.await;
        }
    }

    async fn persist(
        &self,
        stream: &Stream,
        meta: &StreamMeta,
        closing: &[Arc<Shard>],
        opening: &[ShardState],
        at: Timestamp,
    ) -> Result<()> {
        let mut writes = WriteSet::new();
        writes.put(stream_key(&stream.arn), stream_row::encode(meta));
        for shard in closing {
            let closed = ShardState { meta: *shard.meta(), closed: Some(at) };
            writes.put(shard_key(stream.uid, shard.meta().index), closed.encode());
        }
        for state in opening {
            writes.put(shard_key(stream.uid, state.meta.index), state.encode());
            let shard = Shard::new(stream.uid, state.meta, stream.keys.clone());
            writes.mark(shard.uid().mark_name(), shard.tail.lock().end().encode());
        }
        self.store_change(writes).await
    }
}

/// The moment of the change, to everybody at once.
fn show(stream: &Stream, before: &Shards, closing: &[Arc<Shard>], opening: &[ShardState], at: Timestamp) {
    let mut all: BTreeMap<_, _> = before.all.clone();
    for state in opening {
        let shard = Shard::new(stream.uid, state.meta, stream.keys.clone());
        if let Some(closed) = state.closed {
            shard.set_closed(closed);
        }
        all.insert(state.meta.index, Arc::new(shard));
    }
    // First the children: whoever sees a closed shard finds those that took over.
    stream.set_shards(Shards::without(all, closing));
    for shard in closing {
        shard.set_closed(at);
    }
    stream.resharded.notify_waiters();
}

/// Shards that take no record for now. Unless it is for good, they do again when this is dropped.
struct HandedOver<'a> {
    stream: &'a Stream,
    closing: &'a [Arc<Shard>],
}

impl HandedOver<'_> {
    fn for_good(mut self) {
        self.closing = &[];
    }
}

impl Drop for HandedOver<'_> {
    fn drop(&mut self) {
        if self.closing.is_empty() {
            return;
        }
        for shard in self.closing {
            shard.writer.lock().take_back();
        }
        self.stream.resharded.notify_waiters();
    }
}
