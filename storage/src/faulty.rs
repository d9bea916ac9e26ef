//! A slot that misbehaves on request, around any other slot.
//!
//! Tests hand out a [`Faults`] and switch faults on while the wrapped slot is in use. With none switched on
//! it keeps the whole contract.

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::commit::{Commit, Durable};
use crate::error::{Error, Result};
use crate::export::Export;
use crate::slot::{Backend, Entries, KeyRange, Marks, ScanOptions, Slot, SlotId};
use crate::write_set::{Priority, WriteSet};

/// The switches; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    switches: Mutex<Switches>,
    let_go: Notify,
}

#[derive(Debug, Default)]
struct Switches {
    disk_full: bool,
    commits_held: bool,
    scanned_bytes: usize,
    next_commits: Option<Error>,
    commits_uncertain: bool,
    next_reads: Option<Error>,
    scan_drops_entry: Option<usize>,
    scan_flips_bit: Option<usize>,
}

impl Faults {
    /// While on, commits of normal priority are refused for want of space.
    pub fn disk_full(&self, on: bool) {
        self.0.switches.lock().disk_full = on;
    }

    /// While on, commits of normal priority wait before they are ordered. Others overtake them.
    pub fn hold_commits(&self, on: bool) {
        self.0.switches.lock().commits_held = on;
        self.0.let_go.notify_waiters();
    }

    /// Until cleared with `None`, every commit fails like this before it is ordered.
    pub fn fail_commits(&self, error: Option<Error>) {
        self.0.switches.lock().next_commits = error;
    }

    /// While on, commits get their place and become durable as any other, and nobody is told: they fail as
    /// [`Error::Uncertain`].
    pub fn answer_uncertain(&self, on: bool) {
        self.0.switches.lock().commits_uncertain = on;
    }

    /// Until cleared with `None`, every read fails like this.
    pub fn fail_reads(&self, error: Option<Error>) {
        self.0.switches.lock().next_reads = error;
    }

    /// Scans leave out the entry at this place of every page, as a store that lost it would.
    pub fn drop_scanned_entry(&self, place: Option<usize>) {
        self.0.switches.lock().scan_drops_entry = place;
    }

    /// Scans change one bit in the middle of the value at this place of every page.
    pub fn flip_scanned_bit(&self, place: Option<usize>) {
        self.0.switches.lock().scan_flips_bit = place;
    }

    /// Bytes of keys and values that scans have given out.
    #[must_use]
    pub fn scanned_bytes(&self) -> usize {
        self.0.switches.lock().scanned_bytes
    }

    fn check_read(&self) -> Result<()> {
        self.0.switches.lock().next_reads.clone().map_or(Ok(()), Err)
    }

    async fn pass(&self, writes: &WriteSet) {
        loop {
            let mut let_go = pin!(self.0.let_go.notified());
            // Listens before it looks, so as not to miss the change in between.
            let_go.as_mut().enable();
            if writes.priority != Priority::Normal || !self.0.switches.lock().commits_held {
                return;
            }
            let_go.await;
        }
    }

    fn check_commit(&self, writes: &WriteSet) -> Result<()> {
        let switches = self.0.switches.lock();
        if switches.disk_full && writes.priority == Priority::Normal {
            return Err(Error::NoSpace { free: 0, needed: writes.size() as u64 });
        }
        switches.next_commits.clone().map_or(Ok(()), Err)
    }

    fn spoil(&self, page: &mut Entries) {
        let mut switches = self.0.switches.lock();
        let bytes = page.entries.iter().map(|entry| entry.key.len() + entry.value.len());
        switches.scanned_bytes += bytes.sum::<usize>();
        if let Some(entry) = switches.scan_flips_bit.and_then(|place| page.entries.get_mut(place)) {
            let mut value = entry.value.to_vec();
            let middle = value.len() / 2;
            if let Some(byte) = value.get_mut(middle) {
                *byte ^= 1;
            }
            entry.value = value.into();
        }
        if let Some(place) = switches.scan_drops_entry.filter(|place| *place < page.entries.len()) {
            page.entries.remove(place);
        }
    }
}

/// Opens slots of `inner` behind the same switches.
#[derive(Debug)]
pub struct FaultyBackend<B> {
    pub inner: B,
    pub faults: Faults,
}

#[async_trait]
impl<B: Backend> Backend for FaultyBackend<B> {
    async fn open(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<dyn Slot>> {
        let inner = self.inner.open(slot, expected_epoch).await?;
        Ok(Arc::new(FaultySlot { inner, faults: self.faults.clone() }))
    }
}

#[derive(Debug)]
struct FaultySlot {
    inner: Arc<dyn Slot>,
    faults: Faults,
}

#[async_trait]
impl Slot for FaultySlot {
    fn epoch(&self) -> u64 {
        self.inner.epoch()
    }

    async fn commit(&self, writes: WriteSet) -> Result<Commit> {
        self.faults.pass(&writes).await;
        self.faults.check_commit(&writes)?;
        let commit = self.inner.commit(writes).await?;
        if self.faults.0.switches.lock().commits_uncertain {
            return Err(Error::Uncertain { reason: "planned".to_owned() });
        }
        Ok(commit)
    }

    fn watch(&self) -> watch::Receiver<Durable> {
        self.inner.watch()
    }

    fn ended(&self) -> watch::Receiver<Option<Error>> {
        self.inner.ended()
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.faults.check_read()?;
        self.inner.get(key).await
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Entries> {
        self.faults.check_read()?;
        let mut page = self.inner.scan(range, options).await?;
        self.faults.spoil(&mut page);
        Ok(page)
    }

    async fn trim(&self, prefix: &[u8], below: &[u8]) -> Result<()> {
        self.inner.trim(prefix, below).await
    }

    fn marks_at_open(&self) -> &Marks {
        self.inner.marks_at_open()
    }

    fn marks(&self) -> Marks {
        self.inner.marks()
    }

    async fn export(&self) -> Result<Export> {
        self.faults.check_read()?;
        self.inner.export().await
    }

    async fn verify_owner(&self) -> Result<()> {
        self.inner.verify_owner().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;
    use crate::memory::MemoryBackend;

    #[tokio::test]
    async fn keeps_the_contract_while_no_fault_is_on() {
        contract::run(|| async { FaultyBackend { inner: MemoryBackend::new(), faults: Faults::default() } })
            .await;
    }

    #[tokio::test]
    async fn misbehaves_as_told() {
        let faults = Faults::default();
        let backend = FaultyBackend { inner: MemoryBackend::new(), faults: faults.clone() };
        let slot = backend.open(SlotId(0), None).await.unwrap();
        let mut writes = WriteSet::new();
        writes.put("a", "1");
        writes.put("b", "2");
        slot.commit(writes.clone()).await.unwrap().durable().await.unwrap();

        faults.disk_full(true);
        assert!(matches!(slot.commit(writes.clone()).await, Err(Error::NoSpace { .. })));
        assert!(slot.commit(writes.with_priority(Priority::Reclaim)).await.is_ok());
        faults.disk_full(false);
        let mut doubtful = WriteSet::new();
        doubtful.put("z", "there");
        faults.answer_uncertain(true);
        assert!(matches!(slot.commit(doubtful).await, Err(Error::Uncertain { .. })));
        assert_eq!(slot.get(b"z").await, Ok(Some("there".into())));
        faults.answer_uncertain(false);
        faults.drop_scanned_entry(Some(0));
        faults.flip_scanned_bit(Some(1));
        let page = slot.scan(KeyRange::new("a", "z"), ScanOptions::default()).await.unwrap();
        assert_eq!(page.entries.len(), 1);
        assert_eq!(page.entries[0].value, Bytes::from("3"));
        faults.fail_reads(Some(Error::Closed));
        assert_eq!(slot.get(b"a").await, Err(Error::Closed));
    }
}
