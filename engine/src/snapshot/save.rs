//! A snapshot in the making.

use std::time::Duration;

use bytes::Bytes;
use millstream_storage::{Entry, Export, Slot};

use super::format::{Encoder, Frame};
use crate::error::{Result, SnapshotError};
use crate::keyspace::replacement_row::{is_content, split_marks};

/// The bytes of a snapshot, piece by piece. Dropping it ends the making.
#[derive(Debug)]
pub struct Saved {
    encoder: Encoder,
    export: Export,
    made_millis: u64,
    entries: u64,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Begin,
    Marks,
    Entries,
    Nothing,
}

impl Saved {
    /// The content as it is when this returns.
    pub(crate) async fn begin(slot: &dyn Slot, now: Duration) -> Result<Self> {
        let export = slot.export().await?;
        let made_millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { encoder: Encoder::default(), export, made_millis, entries: 0, next: Next::Begin })
    }

    /// The next piece, of 1 MiB or a little more; `None` behind the last one.
    pub async fn next(&mut self) -> std::result::Result<Option<Bytes>, SnapshotError> {
        match self.next {
            Next::Begin => {
                self.next = Next::Marks;
                Ok(Some(self.encoder.encode(&Frame::Begin { made_millis: self.made_millis })))
            }
            Next::Marks => {
                self.next = Next::Entries;
                let (marks, _) = split_marks(std::mem::take(&mut self.export.marks));
                Ok(Some(self.encoder.encode(&Frame::Marks(marks.into_iter().collect()))))
            }
            Next::Entries => self.next_entries().await,
            Next::Nothing => Ok(None),
        }
    }

    async fn next_entries(&mut self) -> std::result::Result<Option<Bytes>, SnapshotError> {
        while let Some(page) = self.export.next_page().await? {
            let content = page.into_iter().filter(|entry| is_content(&entry.key));
            let pairs: Vec<_> = content.map(|Entry { key, value }| (key, value)).collect();
            if !pairs.is_empty() {
                self.entries += pairs.len() as u64;
                return Ok(Some(self.encoder.encode(&Frame::Entries(pairs))));
            }
        }
        self.next = Next::Nothing;
        Ok(Some(self.encoder.encode(&Frame::End { entries: self.entries })))
    }
}
