//! A store with the engine that works on it now. The store's content can be replaced as a whole, by nothing
//! or by a snapshot, while requests come in.
//!
//! An engine knows one content. To replace it, the engine is retired, the content is exchanged below, and a
//! new engine is opened on it; so nothing that an engine holds in memory must be undone. Whoever serves
//! requests asks for the present engine each time and does not keep it.

mod gate;
mod replacement;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millstream_runtime::{SharedClock, SharedEntropy, TaskSet};
use millstream_storage::{Marks, Slot};
use tokio::sync::{Mutex, watch};

use crate::encryption::source::KeySource;
use crate::encryption::vault::Vault;
use crate::engine::Engine;
use crate::error::{Error, Result, SnapshotError};
use crate::settings::Settings;
use crate::snapshot::{Loaded, Saved, SnapshotSource, Staging};
pub(crate) use gate::Gate;

/// How long a clean stop waits for a replacement, which goes on at the next start.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Clones are handles to the same store.
#[derive(Clone, Debug)]
pub struct LiveEngine {
    store: Arc<Store>,
}

#[derive(Debug)]
struct Store {
    slot: Arc<dyn Slot>,
    settings: Settings,
    clock: SharedClock,
    entropy: SharedEntropy,
    keys: Arc<dyn KeySource>,
    present: watch::Sender<Present>,
    /// Held by whoever replaces the content, or gathers what is to replace it.
    replacing: Arc<Mutex<()>>,
    /// By a snapshot, which may take long.
    loading: AtomicBool,
    tasks: TaskSet,
}

/// What requests find.
#[derive(Clone, Debug)]
enum Present {
    Open(Opened),
    /// Over in a moment, so whoever comes may wait.
    BeingReset,
    /// Takes as long as it takes to write the content.
    BeingLoaded,
    /// Neither the old content nor the new one is there.
    Broken(Error),
    Closed,
}

#[derive(Clone, Debug)]
struct Opened {
    engine: Engine,
    gate: Arc<Gate>,
}

/// What the content is replaced by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nothing,
    Staged,
}

impl LiveEngine {
    /// Reads what the slot holds and starts working on it; first goes on with a replacement that a crash
    /// interrupted.
    pub async fn open(
        slot: Arc<dyn Slot>,
        settings: Settings,
        clock: SharedClock,
        entropy: SharedEntropy,
        keys: Arc<dyn KeySource>,
    ) -> Result<Self> {
        let marks = replacement::resume(&*slot, &|| false).await?;
        let store = Store {
            slot,
            settings,
            clock,
            entropy,
            keys,
            present: watch::Sender::new(Present::Closed),
            replacing: Arc::default(),
            loading: AtomicBool::new(false),
            tasks: TaskSet::default(),
        };
        store.open_engine(marks).await?;
        Ok(Self { store: Arc::new(store) })
    }

    /// The engine for one request. Waits while a reset is under way.
    pub async fn current(&self) -> Result<Engine> {
        if let Some(present) = self.try_current() {
            return present;
        }
        let mut present = self.store.present.subscribe();
        let settled = present.wait_for(|present| !matches!(present, Present::BeingReset)).await;
        settled.map_or_else(|_| Err(shutting_down()), |present| present.engine())
    }

    /// The present engine, where waiting is not worth while: `None` during a reset.
    #[must_use]
    pub fn try_current(&self) -> Option<Result<Engine>> {
        match &*self.store.present.borrow() {
            Present::BeingReset => None,
            present => Some(present.engine()),
        }
    }

    /// Resolves as soon as this engine is being retired, or the store is closed: what others keep beside it has had
    /// its time.
    pub async fn retired(&self, engine: &Engine) {
        let mut present = self.store.present.subscribe();
        let is_retired = |present: &Present| match present {
            Present::Open(opened) => !opened.engine.is(engine),
            Present::BeingReset | Present::BeingLoaded | Present::Broken(_) | Present::Closed => true,
        };
        // That nobody would say so any more means the same.
        let _ = present.wait_for(is_retired).await;
    }

    /// The next engine that is open and not this one; `None` once the store is closed.
    pub async fn successor(&self, of: &Engine) -> Option<Engine> {
        let mut present = self.store.present.subscribe();
        let settled = present.wait_for(|present| match present {
            Present::Open(Opened { engine, .. }) => !engine.is(of),
            Present::Closed => true,
            Present::BeingReset | Present::BeingLoaded | Present::Broken(_) => false,
        });
        settled.await.ok()?.engine().ok()
    }

    /// Removes everything, as if the store had just been made. Requests that are under way find no stream any
    /// more; those that come meanwhile wait for the few milliseconds that it takes.
    ///
    /// `between` is called when the old content is given up and before there is a new engine: the place to set back
    /// what the new engine begins with, such as its clock.
    ///
    /// # Errors
    /// While a snapshot is being loaded, or when storage fails; then a later reset may succeed.
    pub async fn reset(
        &self,
        between: impl FnOnce() + Send + 'static,
    ) -> std::result::Result<(), SnapshotError> {
        if self.store.loading.load(Ordering::SeqCst) {
            return Err(SnapshotError::Busy);
        }
        // Another reset is over in a moment.
        let guard = self.store.replacing.clone().lock_owned().await;
        self.run("reset", move |store| async move {
            let _guard = guard;
            Ok(store.replace(By::Nothing, Present::BeingReset, between).await?)
        })
        .await
    }

    /// Begins to copy everything as it is at one moment, while requests go on. Storage in memory makes commits
    /// wait while it lists its entries, 0.1 s for a million of them; on disk nobody waits.
    pub async fn save_snapshot(&self) -> std::result::Result<Saved, SnapshotError> {
        let engine = self.current().await?;
        Ok(Saved::begin(&*engine.inner.slot, self.store.clock.now()).await?)
    }

    /// Replaces everything by a snapshot. It is read and checked to its end beside the present content, with
    /// requests going on; if it is not whole, or breaks off, nothing changes. Then requests fail as
    /// [`Error::Unavailable`] until it is written where it belongs.
    ///
    /// Goes on, to its end or to that of the source, if the caller stops waiting.
    ///
    /// # Errors
    /// When another one is being loaded, when the snapshot is not whole, or when storage fails.
    pub async fn load_snapshot(
        &self,
        source: impl SnapshotSource + 'static,
    ) -> std::result::Result<Loaded, SnapshotError> {
        let Ok(guard) = self.store.replacing.clone().try_lock_owned() else {
            return Err(SnapshotError::Busy);
        };
        // At once, so that no reset comes to wait for this, and then wipes out what was loaded.
        self.store.loading.store(true, Ordering::SeqCst);
        self.run("snapshot", move |store| async move {
            let _guard = guard;
            let loaded = store.load(source).await;
            store.loading.store(false, Ordering::SeqCst);
            loaded
        })
        .await
    }

    /// Resolves, with the reason, when storage does nothing more: the process should end.
    pub async fn storage_failed(&self) -> String {
        let mut ended = self.store.slot.ended();
        let why = ended.wait_for(Option::is_some).await;
        why.ok()
            .and_then(|why| why.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| "storage is gone".to_owned())
    }

    /// Takes no more records, makes those on their way durable, and closes the slot.
    pub async fn close(&self) -> Result<()> {
        let store = &self.store;
        store.tasks.shutdown();
        if !store.tasks.join(&*store.clock, CLOSE_LIMIT).await {
            tracing::warn!("the content was still being replaced at the end; the next start goes on with it");
        }
        match store.present.send_replace(Present::Closed) {
            Present::Open(Opened { engine, .. }) => engine.close().await,
            _ => Ok(store.slot.close().await?),
        }
    }

    /// Runs to its end even if the caller stops waiting.
    async fn run<T, F>(
        &self,
        name: &'static str,
        work: impl FnOnce(Arc<Store>) -> F,
    ) -> std::result::Result<T, SnapshotError>
    where
        T: Send + 'static,
        F: Future<Output = std::result::Result<T, SnapshotError>> + Send + 'static,
    {
        let carried = self.store.tasks.carry_through(name, work(self.store.clone())).await;
        carried.unwrap_or_else(|| Err(shutting_down().into()))
    }
}

impl Present {
    fn engine(&self) -> Result<Engine> {
        match self {
            Self::Open(Opened { engine, .. }) => Ok(engine.clone()),
            Self::BeingReset | Self::BeingLoaded => {
                Err(Error::Unavailable("a snapshot is being loaded".to_owned()))
            }
            Self::Broken(error) => Err(Error::Unavailable(format!(
                "replacing the content failed half-way; reset, load a snapshot, or start again: {error}"
            ))),
            Self::Closed => Err(shutting_down()),
        }
    }
}

impl Store {
    async fn load(&self, mut source: impl SnapshotSource) -> std::result::Result<Loaded, SnapshotError> {
        replacement::clear_staged(&*self.slot).await.map_err(SnapshotError::from)?;
        let staged = self.stage(&mut source).await;
        let loaded = match staged {
            Ok(loaded) => loaded,
            Err(error) => {
                if let Err(error) = replacement::clear_staged(&*self.slot).await {
                    tracing::warn!(%error, "what was read of a snapshot is removed at the next start");
                }
                return Err(error);
            }
        };
        self.replace(By::Staged, Present::BeingLoaded, || ()).await?;
        Ok(loaded)
    }

    async fn stage(&self, source: &mut impl SnapshotSource) -> std::result::Result<Loaded, SnapshotError> {
        let mut staging = Staging::new(&*self.slot);
        loop {
            if self.tasks.is_stopping() {
                return Err(shutting_down().into());
            }
            tokio::select! {
                () = self.tasks.stopping() => {}
                chunk = source.next() => match chunk {
                    Some(chunk) => staging.push(chunk.map_err(SnapshotError::BrokenOff)?).await?,
                    None => {
                        let vault = Vault::new(self.keys.clone(), self.entropy.clone());
                        return staging.finish(&*self.entropy, &vault).await;
                    }
                },
            }
        }
    }

    /// Exchanges the content and the engine on it. `meanwhile` is what requests find; `between` is called once nothing
    /// brings the old content back.
    async fn replace(&self, by: By, meanwhile: Present, between: impl FnOnce() + Send) -> Result<()> {
        let old = self.present.send_replace(meanwhile);
        if let Present::Open(Opened { engine, gate }) = &old {
            engine.retire(gate).await;
        }
        if let Err(error) = replacement::begin(&*self.slot, by == By::Staged).await {
            // Nothing has changed but that the engine is gone.
            return match old {
                Present::Open(_) => self.open_engine(content_marks(&*self.slot)).await.and(Err(error)),
                old => {
                    self.present.send_replace(old);
                    Err(error)
                }
            };
        }
        between();
        let replaced = replacement::finish(&*self.slot, &|| self.tasks.is_stopping()).await;
        let opened = match replaced {
            Ok(marks) => self.open_engine(marks).await,
            Err(error) => Err(error),
        };
        opened.inspect_err(|error| self.break_down(error))
    }

    async fn open_engine(&self, marks: Marks) -> Result<()> {
        let gate = Arc::new(Gate::new(self.slot.clone(), marks));
        let Self { settings, clock, entropy, keys, .. } = self;
        let engine =
            Engine::open(gate.clone(), settings.clone(), clock.clone(), entropy.clone(), keys.clone());
        let engine = engine.await.inspect_err(|error| self.break_down(error))?;
        self.present.send_replace(Present::Open(Opened { engine, gate }));
        Ok(())
    }

    fn break_down(&self, error: &Error) {
        tracing::error!(%error, "the store's content could not be replaced");
        self.present.send_replace(Present::Broken(error.clone()));
    }
}

/// The marks that are durable now, for an engine that takes up what another left.
fn content_marks(slot: &dyn Slot) -> Marks {
    crate::keyspace::replacement_row::split_marks(slot.marks()).0
}

fn shutting_down() -> Error {
    Error::Unavailable("the server is shutting down".to_owned())
}
