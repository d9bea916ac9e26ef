//! A checkpoint in memory, which a crash leaves as it was saved last.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use millstream_agent::CheckpointStore;
use parking_lot::Mutex;

#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryStore(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: Option<Vec<u8>>,
    is_failing: bool,
    saves: usize,
}

impl MemoryStore {
    pub(crate) fn fail(&self, is_failing: bool) {
        self.0.lock().is_failing = is_failing;
    }

    pub(crate) fn saves(&self) -> usize {
        self.0.lock().saves
    }

    pub(crate) fn replace(&self, bytes: Option<Vec<u8>>) {
        self.0.lock().bytes = bytes;
    }

    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        self.0.lock().bytes.clone()
    }
}

impl CheckpointStore for MemoryStore {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().bytes.clone())
    }

    fn save(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.is_failing {
            return Err(io::Error::other("the disk is full"));
        }
        state.saves += 1;
        state.bytes = Some(bytes.to_vec());
        Ok(())
    }

    fn name(&self) -> PathBuf {
        "memory".into()
    }

    fn blocks(&self) -> bool {
        false
    }
}
