//! Reads a snapshot into keys where it waits until it is whole and was tried.

use async_trait::async_trait;
use bytes::Bytes;
use millstream_runtime::Entropy;
use millstream_storage::{Commit, Marks, Slot, WriteSet};

use super::format::{Decoder, Frame, Pair};
use super::staged::StagedSlot;
use crate::encryption::vault::Vault;
use crate::error::{Error, SnapshotError};
use crate::keyspace::replacement_row::{is_content, staged_key, staged_mark_key};
use crate::recovery::recover;

type Result<T> = std::result::Result<T, SnapshotError>;

/// Where the bytes of a snapshot come from.
#[async_trait]
pub trait SnapshotSource: Send {
    /// The next bytes; `None` behind the last ones. An error, in words for whoever loads it, means that no more
    /// will come though more was to.
    async fn next(&mut self) -> Option<std::result::Result<Bytes, String>>;
}

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// When the snapshot was saved, in milliseconds since the Unix epoch, by the clock of its engine.
    pub made_millis: u64,
    pub entries: u64,
    pub bytes: u64,
}

/// A snapshot that is being read.
#[derive(Debug)]
pub(crate) struct Staging<'a> {
    slot: &'a dyn Slot,
    decoder: Decoder,
    marks: Marks,
    loaded: Loaded,
    last_key: Bytes,
    /// The batch before; while it is on its way to the disk, the next is read.
    last: Option<Commit>,
}

impl<'a> Staging<'a> {
    /// Nothing may be staged yet.
    pub(crate) fn new(slot: &'a dyn Slot) -> Self {
        Self {
            slot,
            decoder: Decoder::default(),
            marks: Marks::new(),
            loaded: Loaded { made_millis: 0, entries: 0, bytes: 0 },
            last_key: Bytes::new(),
            last: None,
        }
    }

    /// Takes the next bytes of the snapshot, and waits while the disk is behind.
    pub(crate) async fn push(&mut self, bytes: Bytes) -> Result<()> {
        self.decoder.push(&bytes);
        while let Some(frame) = self.decoder.next()? {
            match frame {
                Frame::Begin { made_millis } => self.loaded.made_millis = made_millis,
                Frame::Marks(marks) => {
                    let mut writes = WriteSet::new();
                    marks
                        .iter()
                        .for_each(|(name, value)| writes.append(staged_mark_key(name), value.clone()));
                    self.marks.extend(marks);
                    self.write(writes).await?;
                }
                Frame::Entries(entries) => self.stage(entries).await?,
                Frame::End { .. } => {}
            }
        }
        Ok(())
    }

    /// All has come. Fails if that is no whole snapshot, or not one that an engine can be opened on.
    pub(crate) async fn finish(mut self, entropy: &dyn Entropy, vault: &Vault) -> Result<Loaded> {
        self.loaded.bytes = self.decoder.finish()?;
        if let Some(last) = self.last.take() {
            last.durable().await?;
        }
        let staged = StagedSlot { slot: self.slot, marks: self.marks };
        let recovered = recover(&staged, entropy, vault).await.map_err(|error| match error {
            // The disk's fault, and not the snapshot's.
            error @ Error::Unavailable(_) => SnapshotError::Engine(error),
            error => SnapshotError::Unusable(error),
        })?;
        // A store that is there opens all the same and says so; what is there is not given up for such a one.
        let mut streams = recovered.streams.iter();
        streams.try_for_each(|stream| stream.keys.check()).map_err(SnapshotError::Unusable)?;
        Ok(self.loaded)
    }

    async fn stage(&mut self, entries: Vec<Pair>) -> Result<()> {
        let mut writes = WriteSet::new();
        for (key, value) in entries {
            if !is_content(&key) || key <= self.last_key {
                return Err(SnapshotError::Damaged(format!(
                    "the key {} does not belong where it stands",
                    key.escape_ascii()
                )));
            }
            writes.append(staged_key(&key), value);
            self.loaded.entries += 1;
            self.last_key = key;
        }
        self.write(writes).await
    }

    async fn write(&mut self, writes: WriteSet) -> Result<()> {
        if let Some(last) = self.last.take() {
            last.durable().await?;
        }
        if !writes.is_empty() {
            self.last = Some(self.slot.commit(writes).await?);
        }
        Ok(())
    }
}
