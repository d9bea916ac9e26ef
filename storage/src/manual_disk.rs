//! Memory as a disk that turns when it is told to, for tests of what survives a power cut.
//!
//! It keeps a hand on the slot that was opened last. What is not synced when the power is cut is gone, but for as many
//! batches as the test wants to have come to the disk by themselves. Which faults there are besides is
//! [`faulty`](crate::faulty)'s matter.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::error::Result;
use crate::memory::{MemoryBackend, MemorySlot};
use crate::slot::{Backend, Slot, SlotId};

#[derive(Debug)]
pub struct ManualDisk {
    memory: MemoryBackend,
    opened: Mutex<Option<Arc<MemorySlot>>>,
}

impl Default for ManualDisk {
    fn default() -> Self {
        Self { memory: MemoryBackend::manual(), opened: Mutex::default() }
    }
}

impl ManualDisk {
    /// Makes durable what was committed so far.
    pub fn sync(&self) {
        if let Some(slot) = &*self.opened.lock() {
            slot.sync();
        }
    }

    /// As [`MemorySlot::crash_keeping`].
    pub fn cut_power(&self, kept: usize) {
        if let Some(slot) = &*self.opened.lock() {
            slot.crash_keeping(kept);
        }
    }

    /// As [`MemoryBackend::hold_anchors`].
    pub fn hold_anchors(&self, on: bool) {
        self.memory.hold_anchors(on);
    }

    /// Turns until the work is done, for what is done while nothing else goes on.
    pub async fn while_syncing<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::task::yield_now() => self.sync(),
            }
        }
    }
}

#[async_trait]
impl Backend for ManualDisk {
    async fn open(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<dyn Slot>> {
        let opened = self.memory.open_slot(slot, expected_epoch)?;
        *self.opened.lock() = Some(opened.clone());
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_set::WriteSet;

    #[tokio::test]
    async fn what_is_not_synced_is_gone_with_the_power() {
        let disk = ManualDisk::default();
        let slot = disk.open(SlotId(0), None).await.unwrap();
        let put = |key: &'static str| {
            let mut writes = WriteSet::new();
            writes.put(key, "v");
            slot.commit(writes)
        };
        disk.while_syncing(async { put("synced").await.unwrap().durable().await.unwrap() }).await;
        let kept = put("kept").await.unwrap();
        let lost = put("lost").await.unwrap();
        disk.cut_power(1);
        assert!(kept.durable().await.is_err() && lost.durable().await.is_err(), "nobody was told");
        let slot = disk.open(SlotId(0), None).await.unwrap();
        let found = |key: &'static str| {
            let slot = slot.clone();
            async move { slot.get(key.as_bytes()).await.unwrap().is_some() }
        };
        assert_eq!((found("synced").await, found("kept").await, found("lost").await), (true, true, false));
    }
}
