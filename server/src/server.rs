//! The running server: storage, engine and both ports, from start to a clean end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use millstream_engine::Engine;
use millstream_runtime::{AdjustableClock, SharedClock, SharedEntropy, TaskSet};
use millstream_storage::memory::MemoryBackend;
#[cfg(feature = "rocksdb")]
use millstream_storage::rocksdb::RocksBackend;
use millstream_storage::{Backend, SlotId};

use crate::admin::{Admin, Health, TestApi};
use crate::aws::kinesis::service::Kinesis;
use crate::aws::router::Router;
use crate::http::body::BodyBudget;
use crate::http::listener::Listener;
use crate::http::tls::{self, TlsError};
use crate::master_key::{MasterKeyError, MasterKeys, Secrets};
use crate::metrics::Metrics;
use crate::settings::{InvalidSettings, Settings, StorageKind};

/// How long requests that are under way at the end may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{0}")]
    Settings(#[from] InvalidSettings),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
    #[error("{0}")]
    Tls(#[from] TlsError),
    #[error("{0}")]
    MasterKey(#[from] MasterKeyError),
    #[error("{0}")]
    Storage(#[from] millstream_storage::Error),
    #[error("{0}")]
    Engine(#[from] millstream_engine::Error),
    #[error("this program was built without storage on disk")]
    NoDisk,
    #[error("storage failed: {0}")]
    StorageFailed(String),
    #[error("a task failed that the server cannot do without")]
    Task,
}

/// A server that answers requests. Dropping it without [`Server::stop`] leaves the rest to the runtime.
#[derive(Debug)]
pub struct Server {
    engine: Engine,
    tasks: TaskSet,
    clock: SharedClock,
    /// What the engine goes by. It follows `clock` until a test moves it.
    engine_clock: AdjustableClock,
    address: SocketAddr,
    admin_address: SocketAddr,
}

impl Server {
    /// Opens the store and both ports. When it returns, requests are answered.
    pub async fn start(
        settings: &Settings,
        secrets: &Secrets,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self, ServerError> {
        settings.check()?;
        let keys = Arc::new(MasterKeys::read(settings, secrets, entropy.clone())?);
        // First the ports: a second server on the same one should fail before it touches the store.
        let listener = bind(settings.listen).await?;
        let admin_listener = bind(settings.admin_listen).await?;
        let (address, admin_address) = (listener.address(), admin_listener.address());
        let slot = backend(settings)?.open(SlotId(0), None).await?;
        let engine_clock = AdjustableClock::following(clock.clone());
        let engine =
            Engine::open(slot, settings.engine(), engine_clock.shared(), entropy.clone(), keys).await?;
        let directory = (settings.storage == StorageKind::Rocksdb).then_some(settings.data_dir.as_path());
        let tls = tls::acceptor(&settings.tls, directory)?;

        let tasks = TaskSet::default();
        let health = Health { engine: engine.clone() };
        let (metrics, requests) = Metrics::new(engine.clone());
        let router = Router::new(
            Kinesis { engine: engine.clone() },
            health.clone(),
            BodyBudget::new(settings.memory.bodies_mib * 1024 * 1024, clock.clone()),
            requests,
            clock.clone(),
            &*entropy,
            settings.account_id()?,
        );
        listener.start(Arc::new(router), Some(tls), clock.clone(), &tasks);
        let test_api = TestApi::new(settings.has_test_api(), engine_clock.clone(), clock.clone());
        admin_listener.start(Arc::new(Admin { health, metrics, test_api }), None, clock.clone(), &tasks);
        Ok(Self { engine, tasks, clock, engine_clock, address, admin_address })
    }

    /// Where the AWS APIs are.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Runs until `shutdown` resolves, then stops cleanly; or until something fails that nothing works
    /// without.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        tokio::select! {
            () = shutdown => self.stop().await,
            reason = self.engine.storage_failed() => Err(ServerError::StorageFailed(reason)),
            () = self.tasks.stopping() => Err(ServerError::Task),
        }
    }

    /// Takes no more requests, finishes those under way, makes everything durable and closes the store.
    pub async fn stop(self) -> Result<(), ServerError> {
        // First, so that connections are not held open by what consumers are brought.
        self.engine.end_subscriptions();
        self.tasks.shutdown();
        if !self.tasks.join(&*self.clock, DRAIN_LIMIT).await {
            tracing::warn!("connections were still open at the end");
        }
        // The engine's own limit on its end must pass.
        self.engine_clock.unfreeze();
        Ok(self.engine.close().await?)
    }
}

async fn bind(address: SocketAddr) -> Result<Listener, ServerError> {
    Listener::bind(address).await.map_err(|error| ServerError::Listen { address, error })
}

fn backend(settings: &Settings) -> Result<Box<dyn Backend>, ServerError> {
    match settings.storage {
        #[cfg(feature = "rocksdb")]
        StorageKind::Rocksdb => {
            Ok(Box::new(RocksBackend::new(settings.data_dir.join("store"), settings.storage())))
        }
        #[cfg(not(feature = "rocksdb"))]
        StorageKind::Rocksdb => Err(ServerError::NoDisk),
        StorageKind::Memory => Ok(Box::new(MemoryBackend::new())),
    }
}
