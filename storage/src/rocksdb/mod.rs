//! A slot on RocksDB: one machine, one slot.
//!
//! Before RocksDB opens, [`genesis`] takes the directory into possession, and [`log_end`] judges what a power
//! cut left of the log. Then a writer thread orders batches and puts them into the write-ahead log; small ones it makes
//! durable itself, larger ones a sync thread does, as a group, while the next batch is being written; a keeper thread
//! notes in the [`anchor`](crate::anchor) how far that has come. RocksDB shows a write as soon as it is in its memtable, so [`pending`] hides what is not
//! durable yet. RocksDB is named nowhere outside this folder.

mod database;
mod export;
mod genesis;
mod health;
mod keeper;
mod log_end;
mod log_format;
mod options;
mod pending;
mod recent;
mod reclaim;
mod runway;
mod scan;
mod slot;
mod space;
mod syncer;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use millstream_runtime::TaskSet;

use crate::error::{Error, Result};
use crate::slot::{Backend, Slot, SlotId};

pub use options::Settings;
use slot::RocksSlot;

/// A directory with one slot, number 0.
#[derive(Clone, Debug)]
pub struct RocksBackend {
    directory: PathBuf,
    settings: Settings,
}

impl RocksBackend {
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, settings: Settings) -> Self {
        Self { directory: directory.into(), settings }
    }
}

#[async_trait]
impl Backend for RocksBackend {
    async fn open(&self, slot: SlotId, expected_epoch: Option<u64>) -> Result<Arc<dyn Slot>> {
        if slot != SlotId(0) {
            return Err(Error::Failed { reason: format!("an embedded store has no slot {}", slot.0) });
        }
        let (directory, settings) = (self.directory.clone(), self.settings.clone());
        let slot = TaskSet::blocking(move || RocksSlot::open(directory, &settings, expected_epoch))
            .await
            .unwrap_or(Err(Error::Closed))?;
        Ok(Arc::new(slot))
    }
}
