//! What all flows have put, and its way to the disk.

use std::io;
use std::sync::Arc;

use millstream_runtime::TaskSet;
use parking_lot::Mutex;

use crate::checkpoint::{Checkpoint, CheckpointStore, Entry, decode, encode};
use crate::error::{Error, Result};

#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    /// Held while it is written, so that an older state never follows a newer one.
    writing: tokio::sync::Mutex<()>,
    store: Arc<dyn CheckpointStore>,
}

#[derive(Debug)]
struct State {
    checkpoint: Checkpoint,
    is_saved: bool,
}

impl Ledger {
    /// Reads what was saved.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if that is not whole.
    pub(crate) async fn load(store: Arc<dyn CheckpointStore>) -> Result<Self> {
        let failure = |error| Error::File { path: store.name(), error };
        let loading = store.clone();
        let loaded = carried(store.blocks(), move || loading.load()).await.map_err(failure)?;
        let checkpoint = match loaded {
            Some(bytes) => {
                decode(&bytes).map_err(|reason| Error::Checkpoint { path: store.name(), reason })?
            }
            None => Checkpoint::new(),
        };
        let state = Mutex::new(State { checkpoint, is_saved: true });
        Ok(Self { state, writing: tokio::sync::Mutex::new(()), store })
    }

    /// What was saved of a flow; `None` if it never ran.
    pub(crate) fn known(&self, flow: &str) -> Option<Vec<Entry>> {
        self.state.lock().checkpoint.get(flow).cloned()
    }

    /// How far a flow is now.
    pub(crate) fn note(&self, flow: &str, entries: Vec<Entry>) {
        let mut state = self.state.lock();
        let before = state.checkpoint.insert(flow.to_owned(), entries);
        if before.as_ref() != state.checkpoint.get(flow) {
            state.is_saved = false;
        }
    }

    /// Makes what was noted durable.
    pub(crate) async fn save(&self) -> io::Result<()> {
        let _writing = self.writing.lock().await;
        let bytes = {
            let mut state = self.state.lock();
            if state.is_saved {
                return Ok(());
            }
            state.is_saved = true;
            encode(&state.checkpoint)
        };
        let store = self.store.clone();
        let saved = carried(self.store.blocks(), move || store.save(&bytes)).await;
        if saved.is_err() {
            self.state.lock().is_saved = false;
        }
        saved
    }
}

async fn carried<T: Send + 'static>(
    blocks: bool,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if !blocks {
        return work();
    }
    let done = TaskSet::blocking(work).await;
    done.unwrap_or_else(|| Err(io::Error::other("the call was broken off")))
}
