//! The tables that requests are for. They are kept beside the engine's streams, through the engine's own slot; so when
//! the content of the store is replaced, and the engine with it, the tables are too. Whoever serves a request asks for
//! the present ones, and does not keep them.
//!
//! One task follows the engine: it closes the tables of one that is retired, and opens others beside its successor. What
//! the old ones still write meanwhile does not pass the retired engine's slot.

use std::convert::Infallible;
use std::time::Duration;

use millstream_engine::{Engine, LiveEngine};
use millstream_runtime::{OnFailure, SharedClock, SharedEntropy, TaskSet};
use millstream_table::{Error, Settings, Tables};
use tokio::sync::watch;

use crate::deliveries::Deliveries;

/// How long the end waits for the tables, which by themselves give up sooner what does not end.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Clones are handles to the same place.
#[derive(Clone, Debug)]
pub(crate) struct LiveTables {
    opener: TablesOpener,
    present: watch::Sender<Present>,
    tasks: TaskSet,
}

#[derive(Clone, Debug)]
enum Present {
    /// Those beside this engine, or why they could not be opened. It may not be the present one any more.
    Beside(Engine, Result<Tables, Error>),
    Closed,
}

/// Tables, with what works on them until they are closed.
#[derive(Debug)]
struct OpenTables {
    tables: Tables,
    deliveries: Deliveries,
}

/// What tables are opened with.
#[derive(Clone, Debug)]
pub(crate) struct TablesOpener {
    pub(crate) settings: Settings,
    /// Has the streams that get the tables' changes.
    pub(crate) engine: LiveEngine,
    /// What the tables go by.
    pub(crate) clock: SharedClock,
    pub(crate) machine_clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
}

impl LiveTables {
    /// Opens the tables beside the engine, and from then on beside each that comes after it.
    pub(crate) async fn open(beside: Engine, opener: TablesOpener) -> Result<Self, Error> {
        let open = opener.open(&beside).await?;
        let present = watch::Sender::new(Present::Beside(beside.clone(), Ok(open.tables.clone())));
        let live = Self { opener, present, tasks: TaskSet::default() };
        let follower = live.clone();
        live.tasks.spawn("tables", OnFailure::Shutdown, async move {
            follower.follow(beside, open).await;
            Ok::<_, Infallible>(())
        });
        Ok(live)
    }

    /// The tables for one request. Waits while they are being opened.
    ///
    /// # Errors
    /// [`Error::Unavailable`] whenever there is no engine, and what stood in the way when the tables were opened.
    pub(crate) async fn current(&self) -> Result<Tables, Error> {
        let mut present = self.present.subscribe();
        loop {
            let engine = self.opener.engine.current().await;
            let engine = engine.map_err(|error| Error::Unavailable(error.to_string()))?;
            match &*present.borrow_and_update() {
                Present::Beside(other, tables) if other.is(&engine) => return tables.clone(),
                Present::Beside(..) => {}
                Present::Closed => return Err(shutting_down()),
            }
            // Until then the engine may have been replaced once more.
            present.changed().await.map_err(|_| shutting_down())?;
        }
    }

    /// Fails if there is an engine, but no tables could be opened beside it.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match &*self.present.borrow() {
            Present::Beside(_, Err(error)) => Err(error.clone()),
            Present::Beside(_, Ok(_)) | Present::Closed => Ok(()),
        }
    }

    /// Resolves when no engine is followed any more: at the end, or because something failed inside.
    pub(crate) async fn stopping(&self) {
        self.tasks.stopping().await;
    }

    /// Makes what is on its way durable and takes no more. The store stays open.
    pub(crate) async fn close(&self) {
        self.tasks.shutdown();
        if !self.tasks.join(&*self.opener.machine_clock, CLOSE_LIMIT).await {
            tracing::warn!("the tables were still being closed at the end");
        }
    }

    async fn follow(self, mut engine: Engine, open: OpenTables) {
        let mut open = Some(open);
        while self.unless_stopping(self.opener.engine.retired(&engine)).await.is_some() {
            // Soon, and not when there is another: a snapshot takes long to be written.
            if let Some(open) = open.take() {
                open.close().await;
            }
            let successor = self.unless_stopping(self.opener.engine.successor(&engine)).await;
            let Some(successor) = successor.flatten() else { break };
            let Some(opened) = self.unless_stopping(self.opener.open(&successor)).await else { break };
            if let Err(error) = &opened {
                tracing::error!(%error, "the tables cannot be opened");
            }
            let tables = opened.as_ref().map(|open| open.tables.clone()).map_err(Clone::clone);
            self.present.send_replace(Present::Beside(successor.clone(), tables));
            (engine, open) = (successor, opened.ok());
        }
        self.present.send_replace(Present::Closed);
        if let Some(open) = open {
            open.close().await;
        }
    }

    async fn unless_stopping<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.tasks.stopping() => None,
            done = work => Some(done),
        }
    }
}

impl TablesOpener {
    async fn open(&self, beside: &Engine) -> Result<OpenTables, Error> {
        let Self { settings, clock, machine_clock, entropy, .. } = self;
        // With the same group commit as the streams.
        let slot = beside.slot();
        let tables = Tables::open(slot, settings.clone(), clock.clone(), entropy.clone()).await?;
        let deliveries =
            Deliveries::start(tables.clone(), beside.clone(), machine_clock.clone(), entropy.clone());
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

fn shutting_down() -> Error {
    Error::Unavailable("the server is shutting down".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;
    use futures_util::FutureExt;
    use millstream_engine::{SnapshotError, SnapshotSource};
    use millstream_runtime::{ManualClock, SeededEntropy};
    use millstream_storage::memory::MemoryBackend;
    use millstream_storage::{Backend, Slot, SlotId, WriteSet};
    use millstream_table::{CreateTable, KeyElement, KeyPart, KeySchemaElement, KeyType};

    use super::*;
    use crate::master_key::{MasterKeys, Secrets};
    use crate::settings::{Settings as ServerSettings, StorageKind};

    /// Rows of tables begin with it. No such row has this key, or is like that.
    const BROKEN_ROW: (&[u8], &[u8]) = (&[0x21, 0xff], b"\xff");

    struct World {
        slot: Arc<dyn Slot>,
        engine: LiveEngine,
        live: LiveTables,
    }

    impl World {
        async fn new() -> Self {
            let slot = MemoryBackend::new().open(SlotId(0), None).await.unwrap();
            let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000)).shared();
            let entropy = SeededEntropy::shared(7);
            let settings = ServerSettings { storage: StorageKind::Memory, ..ServerSettings::default() };
            let keys = Arc::new(MasterKeys::read(&settings, &Secrets::none(), entropy.clone()).unwrap());
            let engine =
                LiveEngine::open(slot.clone(), settings.engine(), clock.clone(), entropy.clone(), keys);
            let engine = engine.await.unwrap();
            let opener = TablesOpener {
                settings: settings.tables(),
                engine: engine.clone(),
                machine_clock: clock.clone(),
                clock,
                entropy,
            };
            let live = LiveTables::open(engine.current().await.unwrap(), opener).await.unwrap();
            Self { slot, engine, live }
        }

        async fn saved(&self) -> Pieces {
            let (mut saved, mut pieces) = (self.engine.save_snapshot().await.unwrap(), Vec::new());
            while let Some(piece) = saved.next().await.unwrap() {
                pieces.push(piece);
            }
            Pieces { pieces: pieces.into_iter(), is_endless: false }
        }
    }

    struct Pieces {
        pieces: std::vec::IntoIter<Bytes>,
        is_endless: bool,
    }

    #[async_trait]
    impl SnapshotSource for Pieces {
        async fn next(&mut self) -> Option<Result<Bytes, String>> {
            match self.pieces.next() {
                None if self.is_endless => std::future::pending().await,
                piece => piece.map(Ok),
            }
        }
    }

    async fn make(tables: &Tables, name: &str) -> Result<(), Error> {
        let arn = format!("arn:aws:dynamodb:us-east-1:123456789012:table/{name}").parse().unwrap();
        let attributes = vec![KeyElement { name: "id".to_owned(), kind: KeyType::S }];
        let keys = vec![KeySchemaElement { name: "id".to_owned(), part: KeyPart::Hash }];
        let call = CreateTable::on_demand(arn, attributes, keys);
        tables.create_table(call).await.map(drop)
    }

    async fn names(live: &LiveTables) -> Vec<String> {
        let (account, region) = ("123456789012".parse().unwrap(), "us-east-1".parse().unwrap());
        let names = live.current().await.unwrap().list_tables(&account, &region, None, 100).names;
        names.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn a_new_engine_has_new_tables_and_the_old_ones_are_closed() {
        let World { engine, live, .. } = World::new().await;
        let first = live.current().await.unwrap();
        make(&first, "orders").await.unwrap();
        for _ in 0..3 {
            engine.reset(|| ()).await.unwrap();
            assert_eq!(names(&live).await, [""; 0]);
        }
        let second = live.current().await.unwrap();
        assert!(make(&first, "late").await.is_err());
        make(&second, "orders").await.unwrap();
        assert_eq!(names(&live).await, ["orders"]);
        live.close().await;
        assert_eq!(make(&second, "late").await, Err(shutting_down()));
        assert_eq!(live.current().await.unwrap_err(), shutting_down());
        assert!(engine.current().await.unwrap().slot().get(b"k").await.is_ok(), "the store is closed");
    }

    #[tokio::test]
    async fn tables_are_there_while_a_snapshot_is_read_and_stay_if_it_is_not_whole() {
        let world = World::new().await;
        make(&world.live.current().await.unwrap(), "saved").await.unwrap();
        let whole = world.saved().await;
        let endless = Pieces { pieces: whole.pieces.clone(), is_endless: true };
        let mut loading = std::pin::pin!(world.engine.load_snapshot(endless));
        assert!(loading.as_mut().now_or_never().is_none());
        let tables = world.live.current().await.unwrap();
        make(&tables, "meanwhile").await.unwrap();
        assert!(loading.as_mut().now_or_never().is_none());
        assert_eq!(names(&world.live).await, ["meanwhile", "saved"]);
        assert!(matches!(world.engine.reset(|| ()).await, Err(SnapshotError::Busy)));
    }

    #[tokio::test]
    async fn a_snapshot_brings_its_tables_or_says_why_not() {
        let world = World::new().await;
        let World { slot, engine, live } = &world;
        make(&live.current().await.unwrap(), "saved").await.unwrap();
        let saved = world.saved().await;
        make(&live.current().await.unwrap(), "later").await.unwrap();
        engine.load_snapshot(saved).await.unwrap();
        assert_eq!(names(live).await, ["saved"]);

        let mut writes = WriteSet::new();
        writes.put(BROKEN_ROW.0, BROKEN_ROW.1);
        slot.commit(writes).await.unwrap().durable().await.unwrap();
        let broken = world.saved().await;
        engine.load_snapshot(broken).await.unwrap();
        let error = live.current().await.unwrap_err();
        assert!(matches!(&error, Error::Internal(text) if text.contains("a table's row")), "{error}");
        assert_eq!(live.check_open(), Err(error));
        engine.reset(|| ()).await.unwrap();
        assert_eq!(names(live).await, [""; 0]);
        assert_eq!(live.check_open(), Ok(()));
    }

    #[tokio::test]
    async fn requests_wait_for_the_tables_beside_a_new_engine_and_fail_without_an_engine() {
        let World { engine, live, .. } = World::new().await;
        let asks = live.clone();
        let between = move || assert!(asks.current().now_or_never().is_none());
        engine.reset(between).await.unwrap();
        assert!(make(&live.current().await.unwrap(), "orders").await.is_ok());
        engine.close().await.unwrap();
        assert_eq!(live.current().await.unwrap_err(), shutting_down());
    }
}
