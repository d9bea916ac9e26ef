//! The tables that requests are for. The content of the store can be replaced, and the tables with it: so whoever
//! serves a request asks for the present ones, and does not keep them.

use std::sync::Arc;

use millstream_engine::LiveEngine;
use millstream_runtime::{SharedClock, SharedEntropy};
use millstream_storage::Slot;
use millstream_table::{Error, Settings, Tables};
use tokio::sync::watch;

use crate::aws::codec::{ApiError, ProtocolError};
use crate::deliveries::Deliveries;

/// Clones are handles to the same place.
#[derive(Clone, Debug)]
pub(crate) struct LiveTables {
    present: watch::Sender<Present>,
}

#[derive(Clone, Debug)]
enum Present {
    Open(OpenTables),
    /// Over in a moment, so whoever comes may wait.
    BeingReplaced,
    Closed,
}

/// Tables, with what works on them until they are closed.
#[derive(Clone, Debug)]
pub(crate) struct OpenTables {
    tables: Tables,
    deliveries: Deliveries,
}

/// Opens the tables of a store, at the start and whenever its content was replaced.
#[derive(Clone, Debug)]
pub(crate) struct TablesOpener {
    pub(crate) slot: Arc<dyn Slot>,
    pub(crate) settings: Settings,
    /// Has the streams that get the tables' changes.
    pub(crate) engine: LiveEngine,
    /// What the tables go by.
    pub(crate) clock: SharedClock,
    pub(crate) machine_clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
}

impl TablesOpener {
    pub(crate) async fn open(&self) -> Result<OpenTables, Error> {
        let Self { slot, settings, engine, clock, machine_clock, entropy } = self;
        let tables = Tables::open(slot.clone(), settings.clone(), clock.clone(), entropy.clone()).await?;
        let deliveries =
            Deliveries::start(tables.clone(), engine.clone(), machine_clock.clone(), entropy.clone());
        Ok(OpenTables { tables, deliveries })
    }
}

impl OpenTables {
    /// When it returns, nothing is written by them or by what worked on them.
    async fn close(&self) {
        self.deliveries.stop().await;
        self.tables.close().await;
    }
}

impl LiveTables {
    pub(crate) fn new(tables: OpenTables) -> Self {
        Self { present: watch::Sender::new(Present::Open(tables)) }
    }

    /// The tables for one request. Waits while they are being replaced.
    pub(crate) async fn current(&self) -> Result<Tables, ApiError> {
        let mut present = self.present.subscribe();
        let settled = present.wait_for(|present| !matches!(present, Present::BeingReplaced)).await;
        match settled.as_deref() {
            Ok(Present::Open(open)) => Ok(open.tables.clone()),
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

    pub(crate) fn put(&self, tables: OpenTables) {
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
    use crate::master_key::{MasterKeys, Secrets};
    use crate::settings::{Settings as ServerSettings, StorageKind};

    async fn opener() -> TablesOpener {
        let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000)).shared();
        let entropy = SeededEntropy::shared(7);
        let settings = ServerSettings { storage: StorageKind::Memory, ..ServerSettings::default() };
        let keys = Arc::new(MasterKeys::read(&settings, &Secrets::none(), entropy.clone()).unwrap());
        let engine = LiveEngine::open(slot.clone(), settings.engine(), clock.clone(), entropy.clone(), keys);
        let (engine, settings) = (engine.await.unwrap(), settings.tables());
        TablesOpener { slot, settings, engine, machine_clock: clock.clone(), clock, entropy }
    }

    #[tokio::test]
    async fn requests_wait_for_the_tables_that_replace_others() {
        let opener = opener().await;
        let live = LiveTables::new(opener.open().await.unwrap());
        assert!(live.current().await.is_ok());
        live.take().await;
        let mut waiting = std::pin::pin!(live.current());
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(waiting.as_mut().poll(&mut context), Poll::Pending));
        live.put(opener.open().await.unwrap());
        assert!(waiting.await.is_ok());
        live.close().await;
        assert_eq!(live.current().await.unwrap_err().status(), 503);
    }
}
