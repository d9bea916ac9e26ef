//! The running server: storage, engine and both ports, from start to a clean end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use millstream_engine::LiveEngine;
use millstream_runtime::{AdjustableClock, SharedClock, SharedEntropy, TaskSet};
use millstream_storage::memory::MemoryBackend;
#[cfg(feature = "rocksdb")]
use millstream_storage::rocksdb::RocksBackend;
use millstream_storage::{Backend, SlotId};

use crate::admin::{Admin, Clocks, Health, Saves, TestApi};
use crate::aws::caller::Caller;
use crate::aws::cloudwatch::front::CloudWatchFront;
use crate::aws::dynamodb::front::DynamoDbFront;
use crate::aws::dynamodb::live_tables::{LiveTables, TablesOpener};
use crate::aws::kinesis::front::KinesisFront;
use crate::aws::query::QueryFront;
use crate::aws::reception::Reception;
use crate::aws::request_id::RequestIds;
use crate::aws::router::Router;
use crate::faults::Faults;
use crate::grpc::{AdminFront, Groups, GrpcFront, HealthService, Reflection};
use crate::http::body::BodyBudget;
use crate::http::listener::Listener;
use crate::http::tls::{self, TlsError};
use crate::init::{InitScripts, MakeError, Surroundings, UnreadableScripts, reachable};
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
    #[error("{0}")]
    Tables(#[from] millstream_table::Error),
    #[error("{0}")]
    InitScripts(#[from] UnreadableScripts),
    #[error("{0}")]
    InitialStreams(#[from] MakeError),
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
    engine: LiveEngine,
    tables: LiveTables,
    init: Arc<InitScripts>,
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
        let init = InitScripts::read(settings.init_dir.as_deref())?;
        let keys = Arc::new(MasterKeys::read(settings, secrets, entropy.clone())?);
        // First the ports: a second server on the same one should fail before it touches the store.
        let listener = bind(settings.listen).await?;
        let admin_listener = bind(settings.admin_listen).await?;
        let (address, admin_address) = (listener.address(), admin_listener.address());
        let slot = backend(settings)?.open(SlotId(0), None).await?;
        let engine_clock = AdjustableClock::following(clock.clone());
        let engine =
            LiveEngine::open(slot, settings.engine(), engine_clock.shared(), entropy.clone(), keys).await?;
        let opener = TablesOpener {
            settings: settings.tables(),
            engine: engine.clone(),
            clock: engine_clock.shared(),
            machine_clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let tables = LiveTables::open(engine.current().await?, opener).await?;
        let directory = (settings.storage == StorageKind::Rocksdb).then_some(settings.data_dir.as_path());
        let tls = tls::acceptor(&settings.tls, directory)?;

        let initial_streams = settings.initial_streams()?;
        initial_streams.make(&engine).await?;

        let tasks = TaskSet::default();
        let health = Health { engine: engine.clone(), tables: tables.clone(), init: init.clone() };
        let faults = Faults::new(settings.faults, clock.clone(), entropy.clone());
        let (metrics, requests, reported) = Metrics::new(engine.clone());
        let reception = Reception {
            budget: BodyBudget::new(settings.memory.bodies_mib * 1024 * 1024, clock.clone()),
            faults: faults.clone(),
            clock: clock.clone(),
            default_account: settings.account_id()?,
            ids: Arc::new(RequestIds::new(&*entropy)),
            tasks: tasks.clone(),
        };
        let kinesis = KinesisFront { engine: engine.clone(), reception: reception.clone() };
        let dynamodb =
            DynamoDbFront { tables: tables.clone(), engine: engine.clone(), reception: reception.clone() };
        let groups =
            Groups::new(kinesis.clone(), tables.clone(), entropy, usize::from(settings.memory.group_members));
        let router = Router {
            grpc: grpc_front(settings, &kinesis, &dynamodb, &health, groups)?,
            kinesis,
            dynamodb,
            cloudwatch: CloudWatchFront { reception: reception.clone(), reported },
            query: QueryFront { reception: reception.clone() },
            health: health.clone(),
            metrics: requests,
            clock: clock.clone(),
        };
        listener.start(Arc::new(router), Some(tls), clock.clone(), &tasks);
        let test_api = TestApi {
            enabled: settings.has_test_api(),
            engine: engine.clone(),
            tables: tables.clone(),
            clocks: Clocks { engine: engine_clock.clone(), machine: clock.clone() },
            faults,
            initial_streams,
            saves: Saves::default(),
            tasks: tasks.clone(),
        };
        let admin = AdminFront::new(Admin { health, metrics, init: init.clone(), test_api }, reception);
        admin_listener.start(Arc::new(admin), None, clock.clone(), &tasks);
        init.start(surroundings(settings, address, admin_address), clock.clone(), &tasks);
        Ok(Self { engine, tables, init, tasks, clock, engine_clock, address, admin_address })
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

    /// Whether the scripts that are run at the start have ended.
    #[must_use]
    pub fn is_initialized(&self) -> bool {
        self.init.is_finished()
    }

    /// Resolves when the scripts that are run at the start have ended.
    pub fn initialized(&self) -> impl Future<Output = ()> + use<> {
        let init = self.init.clone();
        async move { init.finished().await }
    }

    /// Runs until `shutdown` resolves, then stops cleanly; or until something fails that nothing works
    /// without.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        tokio::select! {
            () = shutdown => self.stop().await,
            reason = self.engine.storage_failed() => Err(ServerError::StorageFailed(reason)),
            () = self.tasks.stopping() => Err(ServerError::Task),
            () = self.tables.stopping() => Err(ServerError::Task),
        }
    }

    /// Takes no more requests, finishes those under way, makes everything durable and closes the store.
    pub async fn stop(self) -> Result<(), ServerError> {
        // First, so that connections are not held open by what consumers are brought.
        if let Some(Ok(engine)) = self.engine.try_current() {
            engine.end_subscriptions();
        }
        self.tasks.shutdown();
        if !self.tasks.join(&*self.clock, DRAIN_LIMIT).await {
            tracing::warn!("connections were still open at the end");
        }
        // The engine's own limit on its end must pass.
        self.engine_clock.unfreeze();
        self.tables.close().await;
        Ok(self.engine.close().await?)
    }
}

fn grpc_front(
    settings: &Settings,
    kinesis: &KinesisFront,
    tables: &DynamoDbFront,
    health: &Health,
    groups: Groups,
) -> Result<GrpcFront, ServerError> {
    Ok(GrpcFront {
        kinesis: kinesis.clone(),
        tables: tables.clone(),
        groups,
        default_caller: Caller { account: settings.account_id()?, region: settings.region()? },
        health: HealthService { health: health.clone(), services: &HealthService::FOR_CLIENTS },
        reflection: Reflection::new(|name| name != AdminFront::NAME, &kinesis.reception),
    })
}

async fn bind(address: SocketAddr) -> Result<Listener, ServerError> {
    Listener::bind(address).await.map_err(|error| ServerError::Listen { address, error })
}

fn surroundings(settings: &Settings, address: SocketAddr, admin_address: SocketAddr) -> Surroundings {
    Surroundings {
        endpoint: format!("http://{}", reachable(address)),
        admin: format!("http://{}", reachable(admin_address)),
        region: settings.region.clone(),
    }
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
