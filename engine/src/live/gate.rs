//! A slot that can be taken away from whoever uses it.
//!
//! Each engine on a store works through a gate of its own. When the content is replaced, the gate is closed
//! first: whatever the engine of the old content still does, nothing of it reaches the new one.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use millstream_storage::{
    Commit, Durable, Entries, Error, Export, KeyRange, Marks, Result, ScanOptions, Slot, WriteSet,
};
use tokio::sync::{RwLock, RwLockReadGuard, watch};

#[derive(Debug)]
pub(crate) struct Gate {
    slot: Arc<dyn Slot>,
    /// As of when the content was there first; the slot's own may speak of one before.
    marks_at_open: Marks,
    open: RwLock<bool>,
}

impl Gate {
    pub(crate) fn new(slot: Arc<dyn Slot>, marks_at_open: Marks) -> Self {
        Self { slot, marks_at_open, open: RwLock::new(true) }
    }

    /// Waits for the calls that are under way; later ones fail.
    pub(crate) async fn shut(&self) {
        *self.open.write().await = false;
    }

    async fn pass(&self) -> Result<RwLockReadGuard<'_, bool>> {
        let open = self.open.read().await;
        if *open { Ok(open) } else { Err(Error::Closed) }
    }
}

#[async_trait]
impl Slot for Gate {
    fn epoch(&self) -> u64 {
        self.slot.epoch()
    }

    async fn commit(&self, writes: WriteSet) -> Result<Commit> {
        let _passing = self.pass().await?;
        self.slot.commit(writes).await
    }

    async fn store(&self, writes: WriteSet) -> Result<()> {
        let _passing = self.pass().await?;
        self.slot.store(writes).await
    }

    fn watch(&self) -> watch::Receiver<Durable> {
        self.slot.watch()
    }

    fn ended(&self) -> watch::Receiver<Option<Error>> {
        self.slot.ended()
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let _passing = self.pass().await?;
        self.slot.get(key).await
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Entries> {
        let _passing = self.pass().await?;
        self.slot.scan(range, options).await
    }

    async fn trim(&self, prefix: &[u8], below: &[u8]) -> Result<()> {
        let _passing = self.pass().await?;
        self.slot.trim(prefix, below).await
    }

    fn marks_at_open(&self) -> &Marks {
        &self.marks_at_open
    }

    fn marks(&self) -> Marks {
        self.slot.marks()
    }

    async fn export(&self) -> Result<Export> {
        let _passing = self.pass().await?;
        self.slot.export().await
    }

    async fn verify_owner(&self) -> Result<()> {
        self.slot.verify_owner().await
    }

    async fn close(&self) -> Result<()> {
        self.slot.close().await
    }
}

#[cfg(test)]
mod tests {
    use millstream_storage::memory::MemoryBackend;
    use millstream_storage::{Backend, SlotId, contract};

    use super::*;

    #[derive(Debug)]
    struct Gated(MemoryBackend);

    #[async_trait]
    impl Backend for Gated {
        async fn open(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<dyn Slot>> {
            let slot = self.0.open(slot, expected_epoch).await?;
            let marks = slot.marks_at_open().clone();
            Ok(Arc::new(Gate::new(slot, marks)))
        }
    }

    #[tokio::test]
    async fn keeps_the_contract_while_it_is_open() {
        contract::run(|| async { Gated(MemoryBackend::new()) }).await;
    }

    #[tokio::test]
    async fn nothing_passes_once_it_is_shut() {
        let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
        let gate = Gate::new(slot.clone(), Marks::new());
        gate.shut().await;
        let mut writes = WriteSet::new();
        writes.put("k", "v");
        assert!(matches!(gate.commit(writes.clone()).await, Err(Error::Closed)));
        assert!(matches!(gate.store(writes).await, Err(Error::Closed)));
        assert_eq!(gate.get(b"k").await, Err(Error::Closed));
        assert_eq!(gate.trim(b"k", b"z").await, Err(Error::Closed));
        assert!(gate.export().await.is_err());
        assert_eq!(slot.get(b"k").await, Ok(None));
    }
}
