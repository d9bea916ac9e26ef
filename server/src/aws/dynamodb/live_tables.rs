//! The tables that requests are for. The content of the store can be replaced, and the tables with it: so whoever
//! serves a request asks for the present ones, and does not keep them.

use std::sync::Arc;

use millstream_runtime::{SharedClock, SharedEntropy};
use millstream_storage::Slot;
use millstream_table::{Error, Settings, Tables};
use tokio::sync::watch;

use crate::aws::codec::{ApiError, ProtocolError};

/// Clones are handles to the same place.
#[derive(Clone, Debug)]
pub(crate) struct LiveTables {
    present: watch::Sender<Present>,
}

#[derive(Clone, Debug)]
enum Present {
    Open(Tables),
    /// Over in a moment, so whoever comes may wait.
    BeingReplaced,
    Closed,
}

/// Opens the tables of a store, at the start and whenever its content was replaced.
#[derive(Clone, Debug)]
pub(crate) struct TablesOpener {
    pub(crate) slot: Arc<dyn Slot>,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
}

impl TablesOpener {
    pub(crate) async fn open(&self) -> Result<Tables, Error> {
        let Self { slot, clock, entropy } = self;
        Tables::open(slot.clone(), Settings::default(), clock.clone(), entropy.clone()).await
    }
}

impl LiveTables {
    pub(crate) fn new(tables: Tables) -> Self {
        Self { present: watch::Sender::new(Present::Open(tables)) }
    }

    /// The tables for one request. Waits while they are being replaced.
    pub(crate) async fn current(&self) -> Result<Tables, ApiError> {
        let mut present = self.present.subscribe();
        let settled = present.wait_for(|present| !matches!(present, Present::BeingReplaced)).await;
        match settled.as_deref() {
            Ok(Present::Open(tables)) => Ok(tables.clone()),
            _ => Err(ApiError::new(ProtocolError::ServiceUnavailable, "the server is shutting down")),
        }
    }

    /// Gives the present tables up: requests wait from now on for [`Self::put`], and nothing is written by them when
    /// this returns.
    pub(crate) async fn take(&self) {
        if let Present::Open(tables) = self.present.send_replace(Present::BeingReplaced) {
            tables.close().await;
        }
    }

    pub(crate) fn put(&self, tables: Tables) {
        self.present.send_replace(Present::Open(tables));
    }

    /// Makes what is on its way durable and takes no more. The store stays open.
    pub(crate) async fn close(&self) {
        if let Present::Open(tables) = self.present.send_replace(Present::Closed) {
            tables.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use millstream_runtime::{ManualClock, SeededEntropy};
    use millstream_storage::memory::MemoryBackend;
    use millstream_storage::{Backend, SlotId};

    use super::*;

    async fn tables() -> Tables {
        let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000)).shared();
        Tables::open(slot, Settings::default(), clock, SeededEntropy::shared(7)).await.unwrap()
    }

    #[tokio::test]
    async fn requests_wait_for_the_tables_that_replace_others() {
        let live = LiveTables::new(tables().await);
        assert!(live.current().await.is_ok());
        live.take().await;
        let mut waiting = std::pin::pin!(live.current());
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(waiting.as_mut().poll(&mut context), Poll::Pending));
        live.put(tables().await);
        assert!(waiting.await.is_ok());
        live.close().await;
        assert_eq!(live.current().await.unwrap_err().status(), 503);
    }
}
