//! What is staged, seen as the store that it will be, so that it can be tried before the present content goes.
//!
//! It can only be read: a snapshot that would have to be mended when it is opened is none.

use async_trait::async_trait;
use bytes::Bytes;
use millstream_storage::{
    Commit, Durable, Entries, Entry, Error, Export, KeyRange, Marks, Result, ScanOptions, Slot, WriteSet,
};
use tokio::sync::watch;

use crate::keyspace::replacement_row::staged_key;

#[derive(Debug)]
pub(super) struct StagedSlot<'a> {
    pub(super) slot: &'a dyn Slot,
    /// Those that came with the content.
    pub(super) marks: Marks,
}

#[async_trait]
impl Slot for StagedSlot<'_> {
    fn epoch(&self) -> u64 {
        self.slot.epoch()
    }

    async fn commit(&self, _: WriteSet) -> Result<Commit> {
        Err(Error::Failed { reason: "rows of it are missing".to_owned() })
    }

    fn watch(&self) -> watch::Receiver<Durable> {
        self.slot.watch()
    }

    fn ended(&self) -> watch::Receiver<Option<Error>> {
        self.slot.ended()
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.slot.get(&staged_key(key)).await
    }

    async fn scan(&self, range: KeyRange, options: ScanOptions) -> Result<Entries> {
        let range = KeyRange::new(staged_key(&range.start), staged_key(&range.end));
        let Entries { entries, more } = self.slot.scan(range, options).await?;
        let unstaged = |Entry { key, value }: Entry| Entry { key: key.slice(1..), value };
        Ok(Entries { entries: entries.into_iter().map(unstaged).collect(), more })
    }

    async fn trim(&self, _: &[u8], _: &[u8]) -> Result<()> {
        Err(Error::Failed { reason: "it can only be read".to_owned() })
    }

    fn marks_at_open(&self) -> &Marks {
        &self.marks
    }

    fn marks(&self) -> Marks {
        self.marks.clone()
    }

    async fn export(&self) -> Result<Export> {
        Err(Error::Failed { reason: "it can only be read in parts".to_owned() })
    }

    async fn verify_owner(&self) -> Result<()> {
        self.slot.verify_owner().await
    }

    /// It is not this one's to close.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
