//! Reading ahead of a subscriber who is behind: while some blocks are sent, the next ones are read.
//!
//! Each reader holds two pages at most, and there are only so many readers at a time, see [`Desks`]. Who finds no desk
//! free reads as everybody does, a reply at a time. What is read was durable before the reading began.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, MaybeDone, maybe_done};
use millstream_storage::Slot;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Result;
use crate::keyspace::tail_row::LogEnd;
use crate::record_block::{RecordBlock, StoredBlock};
use crate::shard::Shard;
use crate::shard::stored::StoredBlocks;

/// Read at once, if a block is not larger: two of the largest events. One reader was so brought 594 to 602 MB/s, where
/// reading and sending in turns, a page for each event, brought 261 to 307 (4 GiB in one shard, two runs each).
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Readers of an engine.
const DESKS: usize = 16;

/// Places for readers.
#[derive(Clone, Debug)]
pub(crate) struct Desks(Arc<Semaphore>);

impl Default for Desks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(DESKS)))
    }
}

impl Desks {
    /// A desk until it is dropped, if one is free.
    pub(super) fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }
}

/// A reader at its desk.
pub(super) struct Ahead {
    slot: Arc<dyn Slot>,
    shard: Arc<Shard>,
    /// The block taken last, if it was given back.
    given_back: Option<RecordBlock>,
    blocks: VecDeque<StoredBlock>,
    reading: Option<MaybeDone<BoxFuture<'static, Result<Page>>>>,
    _desk: OwnedSemaphorePermit,
}

struct Page {
    blocks: Vec<StoredBlock>,
    /// Where the next page begins, if there is one.
    next: Option<StoredBlocks>,
}

impl Ahead {
    /// Begins to read from the block on in which the index is.
    pub(super) fn begin(
        desk: OwnedSemaphorePermit,
        slot: Arc<dyn Slot>,
        shard: Arc<Shard>,
        index: u64,
    ) -> Self {
        let mut ahead =
            Self { slot, shard, given_back: None, blocks: VecDeque::new(), reading: None, _desk: desk };
        ahead.read(StoredBlocks::starting_at(index));
        ahead
    }

    /// The next block, once it is read. `None` when all is read that was durable when this last looked. Nothing is lost
    /// if this is given up and called again.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBlock>> {
        while self.given_back.is_none() && self.blocks.is_empty() {
            let Some(reading) = &mut self.reading else { return Ok(None) };
            reading.await;
            let Some(MaybeDone::Done(page)) = self.reading.take() else { return Ok(None) };
            let page = page?;
            self.blocks.extend(page.blocks);
            if let Some(next) = page.next {
                self.read(next);
            }
        }
        self.ready()
    }

    /// The next block if it is read.
    pub(super) fn ready(&mut self) -> Result<Option<RecordBlock>> {
        if let Some(block) = self.given_back.take() {
            return Ok(Some(block));
        }
        let Some(block) = self.blocks.front() else { return Ok(None) };
        // One that cannot be opened stays, so that what comes before it can be given out first.
        let opened = self.shard.read_block(block.clone())?;
        self.blocks.pop_front();
        Ok(Some(opened))
    }

    /// It will be the next one again.
    pub(super) fn give_back(&mut self, block: RecordBlock) {
        self.given_back = Some(block);
    }

    fn read(&mut self, from: StoredBlocks) {
        let end = self.shard.tail.lock().end();
        let mut reading = maybe_done(page(self.slot.clone(), self.shard.clone(), from, end).boxed());
        // Storage sets to work when it is asked the first time; the reply is looked at when it is wanted.
        let _ = (&mut reading).now_or_never();
        self.reading = Some(reading);
    }
}

/// The next blocks of a log which was durable up to `end` when this was called.
async fn page(slot: Arc<dyn Slot>, shard: Arc<Shard>, mut from: StoredBlocks, end: LogEnd) -> Result<Page> {
    let (mut blocks, more) = from.next_page(&*slot, &shard, PAGE_BYTES).await?;
    let read = blocks.len();
    // What storage holds behind the end came in the meantime, or is of a write that was not answered yet.
    blocks.truncate(blocks.partition_point(|block| block.header().first_index() < end.index));
    if more && blocks.len() == read {
        return Ok(Page { blocks, next: Some(from) });
    }
    from.check_end(&*slot, &shard, end).await?;
    Ok(Page { blocks, next: None })
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ahead({} blocks)", self.blocks.len() + usize::from(self.given_back.is_some()))
    }
}
