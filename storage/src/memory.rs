//! A slot in memory: for servers that shall forget, and for tests that want to see every step.
//!
//! Same promises as the others except that durable data lives only as long as the [`MemoryBackend`]. With
//! [`MemoryBackend::manual`] nothing becomes durable until the test says so, and a crash can be staged.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{oneshot, watch};

use crate::commit::{Commit, Durable};
use crate::error::{Error, Result};
use crate::export::Export;
use crate::slot::{Backend, Entries, Entry, FIRST_KEY, KeyRange, Marks, ScanOptions, Slot, SlotId};
use crate::write_set::{Change, WriteSet};

/// Keeps what is durable across opens of its slots.
#[derive(Clone, Debug, Default)]
pub struct MemoryBackend {
    slots: Arc<Mutex<HashMap<SlotId, Arc<Stored>>>>,
    manual: bool,
}

/// What survives an owner.
#[derive(Debug, Default)]
struct Stored {
    entries: RwLock<BTreeMap<Bytes, Bytes>>,
    marks: Mutex<Marks>,
    /// What a crash leaves of the marks, while that is not all of them.
    anchor: Mutex<Option<Marks>>,
    epoch: Mutex<u64>,
}

impl Stored {
    fn change(&self, changes: Vec<Change>) {
        let mut entries = self.entries.write();
        for change in changes {
            match change {
                Change::Append { key, value } | Change::Put { key, value } => entries.insert(key, value),
                Change::Delete { key } => entries.remove(&key),
            };
        }
    }
}

impl MemoryBackend {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Commits become durable only by [`MemorySlot::sync`].
    #[must_use]
    pub fn manual() -> Self {
        Self { manual: true, ..Self::default() }
    }

    /// While on, marks of the slots there are become durable without being anchored: who opens one that was not
    /// closed finds the marks of before. Once off, the next commit anchors all.
    pub fn hold_anchors(&self, on: bool) {
        for stored in self.slots.lock().values() {
            *stored.anchor.lock() = on.then(|| stored.marks.lock().clone());
        }
    }

    /// As [`Backend::open`], with the slot's own type.
    pub fn open_slot(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<MemorySlot>> {
        let stored = self.slots.lock().entry(slot).or_default().clone();
        let mut epoch = stored.epoch.lock();
        if let Some(expected) = expected_epoch.filter(|expected| *expected != *epoch) {
            return Err(Error::Fenced { expected, found: *epoch });
        }
        *epoch += 1;
        let mut marks = stored.marks.lock();
        if let Some(anchor) = &*stored.anchor.lock() {
            marks.clone_from(anchor);
        }
        let (epoch, marks_at_open) = (*epoch, marks.clone());
        Ok(Arc::new(MemorySlot {
            stored: stored.clone(),
            epoch,
            marks_at_open,
            manual: self.manual,
            ordered: Mutex::default(),
            durable: watch::Sender::default(),
            ended: watch::Sender::default(),
        }))
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn open(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<dyn Slot>> {
        Ok(self.open_slot(slot, expected_epoch)?)
    }
}

/// See the module's description.
#[derive(Debug)]
pub struct MemorySlot {
    stored: Arc<Stored>,
    epoch: u64,
    marks_at_open: Marks,
    manual: bool,
    ordered: Mutex<Ordered>,
    durable: watch::Sender<Durable>,
    ended: watch::Sender<Option<Error>>,
}

/// Batches that have their place and wait for durability, oldest first.
#[derive(Debug, Default)]
struct Ordered {
    position: u64,
    closed: bool,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    position: u64,
    writes: WriteSet,
    outcome: oneshot::Sender<Result<()>>,
}

impl MemorySlot {
    /// Makes all that is ordered durable.
    pub fn sync(&self) {
        self.sync_locked(&mut self.ordered.lock());
    }

    /// Loses all that is ordered but not durable, as a power cut would, and closes the slot.
    pub fn crash(&self) {
        self.crash_keeping(0);
    }

    /// As [`Self::crash`], but for so many batches, the oldest, which had come to the disk already. Nobody is told, and
    /// their marks were not noted.
    pub fn crash_keeping(&self, batches: usize) {
        let mut ordered = self.ordered.lock();
        ordered.closed = true;
        let mut waiting = std::mem::take(&mut ordered.waiting);
        waiting.truncate(batches);
        waiting.into_iter().for_each(|kept| self.stored.change(kept.writes.changes));
        self.ended.send_replace(Some(Error::Closed));
    }

    fn sync_locked(&self, ordered: &mut Ordered) {
        for Waiting { position, writes, outcome } in ordered.waiting.drain(..) {
            self.stored.change(writes.changes);
            let mut marks = self.stored.marks.lock();
            for (name, value) in writes.marks {
                if value.is_empty() {
                    marks.remove(&name)
                } else {
                    marks.insert(name, value)
                };
            }
            drop(marks);
            let is_anchored = self.stored.anchor.lock().is_none();
            self.durable.send_modify(|durable| {
                durable.position = position;
                if is_anchored {
                    durable.anchored = position;
                }
            });
            // Whoever committed may have stopped waiting.
            let _ = outcome.send(Ok(()));
        }
    }

    fn check_expects(&self, ordered: &Ordered, writes: &WriteSet) -> Result<()> {
        for expect in &writes.expects {
            let newest = ordered.waiting.iter().rev().flat_map(|waiting| waiting.writes.changes.iter().rev());
            let value = match newest.into_iter().find(|change| change.key() == &expect.key) {
                Some(change) => change.value().cloned(),
                None => self.stored.entries.read().get(&expect.key).cloned(),
            };
            if value != expect.value {
                return Err(Error::Conflict { key: expect.key.clone() });
            }
        }
        Ok(())
    }

    fn check_open(&self) -> Result<()> {
        if self.ordered.lock().closed { Err(Error::Closed) } else { Ok(()) }
    }
}

#[async_trait]
impl Slot for MemorySlot {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    async fn commit(&self, writes: WriteSet) -> Result<Commit> {
        self.verify_owner().await?;
        let mut ordered = self.ordered.lock();
        if ordered.closed {
            return Err(Error::Closed);
        }
        self.check_expects(&ordered, &writes)?;
        ordered.position += 1;
        let (position, (outcome, receiver)) = (ordered.position, oneshot::channel());
        ordered.waiting.push_back(Waiting { position, writes, outcome });
        if !self.manual {
            self.sync_locked(&mut ordered);
        }
        Ok(Commit::new(position, receiver))
    }

    fn watch(&self) -> watch::Receiver<Durable> {
        self.durable.subscribe()
    }

    fn ended(&self) -> watch::Receiver<Option<Error>> {
        self.ended.subscribe()
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.check_open()?;
        Ok(self.stored.entries.read().get(key).cloned())
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Entries> {
        self.check_open()?;
        if range.start >= range.end {
            return Ok(Entries::default());
        }
        let entries = self.stored.entries.read();
        let in_range = entries.range(range.start..range.end);
        if options.reverse { Ok(page(in_range.rev(), options)) } else { Ok(page(in_range, options)) }
    }

    async fn trim(&self, prefix: &[u8], below: &[u8]) -> Result<()> {
        self.check_open()?;
        let mut entries = self.stored.entries.write();
        entries.retain(|key, _| !(key.starts_with(prefix) && key.as_ref() < below));
        Ok(())
    }

    fn marks_at_open(&self) -> &Marks {
        &self.marks_at_open
    }

    fn marks(&self) -> Marks {
        self.stored.marks.lock().clone()
    }

    /// Commits wait while the entries, not their bytes, are copied: about 0.1 s for a million.
    async fn export(&self) -> Result<Export> {
        self.check_open()?;
        // Before the entries, so that none of them is missing that a mark speaks of.
        let marks = self.marks();
        let entries = self.stored.entries.read();
        let from = Bytes::from_static(FIRST_KEY);
        let entry = |(key, value): (&Bytes, &Bytes)| Entry { key: key.clone(), value: value.clone() };
        let held: Vec<_> = entries.range(from..).map(entry).collect();
        drop(entries);
        Ok(Export::held(marks, held.into_iter()))
    }

    async fn verify_owner(&self) -> Result<()> {
        let found = *self.stored.epoch.lock();
        if found == self.epoch { Ok(()) } else { Err(Error::Fenced { expected: self.epoch, found }) }
    }

    async fn close(&self) -> Result<()> {
        let mut ordered = self.ordered.lock();
        self.sync_locked(&mut ordered);
        if !std::mem::replace(&mut ordered.closed, true)
            && let Some(anchor) = &mut *self.stored.anchor.lock()
        {
            anchor.clone_from(&self.stored.marks.lock());
        }
        self.durable.send_modify(|durable| durable.anchored = durable.position);
        self.ended.send_replace(Some(Error::Closed));
        Ok(())
    }
}

fn page<'a>(entries: impl Iterator<Item = (&'a Bytes, &'a Bytes)>, options: ScanOptions) -> Entries {
    let mut page = Entries::default();
    let mut bytes = 0;
    for (key, value) in entries {
        if page.entries.len() == options.entries_max.max(1) || bytes >= options.bytes_max {
            page.more = true;
            break;
        }
        bytes += key.len() + value.len();
        page.entries.push(Entry { key: key.clone(), value: value.clone() });
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::run(|| async { MemoryBackend::new() }).await;
    }

    #[tokio::test]
    async fn marks_that_are_not_anchored_are_those_of_before_unless_the_slot_is_closed() {
        let backend = MemoryBackend::new();
        let slot = backend.open_slot(SlotId(0), None).unwrap();
        let mark = |value: &'static str| {
            let mut writes = WriteSet::new();
            writes.put("k", value);
            writes.mark("m", value);
            writes
        };
        slot.commit(mark("1")).await.unwrap().durable().await.unwrap();
        backend.hold_anchors(true);
        slot.commit(mark("2")).await.unwrap().durable().await.unwrap();
        assert_eq!(slot.marks(), [("m".into(), "2".into())].into());
        let (position, anchored) = {
            let durable = slot.watch();
            let durable = durable.borrow();
            (durable.position, durable.anchored)
        };
        assert_eq!((position, anchored), (2, 1));
        let slot = backend.open_slot(SlotId(0), None).unwrap();
        assert_eq!(slot.get(b"k").await.unwrap(), Some("2".into()));
        assert_eq!(*slot.marks_at_open(), [("m".into(), "1".into())].into());
        slot.commit(mark("3")).await.unwrap().durable().await.unwrap();
        slot.close().await.unwrap();
        let slot = backend.open_slot(SlotId(0), None).unwrap();
        assert_eq!(*slot.marks_at_open(), [("m".into(), "3".into())].into());
    }

    #[tokio::test]
    async fn shows_nothing_before_it_is_durable_and_loses_it_in_a_crash() {
        let backend = MemoryBackend::manual();
        let slot = backend.open_slot(SlotId(0), None).unwrap();
        let mut writes = WriteSet::new();
        writes.put("a", "1");
        let first = slot.commit(writes.clone()).await.unwrap();
        assert_eq!(slot.get(b"a").await.unwrap(), None);
        slot.sync();
        first.durable().await.unwrap();
        assert_eq!(slot.get(b"a").await.unwrap(), Some("1".into()));
        writes.put("a", "2");
        let second = slot.commit(writes).await.unwrap();
        slot.crash();
        assert_eq!(second.durable().await, Err(Error::Closed));
        let slot = backend.open_slot(SlotId(0), None).unwrap();
        assert_eq!(slot.get(b"a").await.unwrap(), Some("1".into()));

        let mut pending = Vec::new();
        for value in ["3", "4", "5"] {
            let mut writes = WriteSet::new();
            writes.put("a", value);
            writes.mark("m", value);
            pending.push(slot.commit(writes).await.unwrap());
        }
        slot.crash_keeping(2);
        for commit in pending {
            assert_eq!(commit.durable().await, Err(Error::Closed));
        }
        let slot = backend.open_slot(SlotId(0), None).unwrap();
        assert_eq!(slot.get(b"a").await.unwrap(), Some("4".into()));
        assert_eq!(*slot.marks_at_open(), [].into());
    }
}
