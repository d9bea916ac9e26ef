//! Files, a stream, a checkpoint and a clock, and lives of agents on them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millstream_agent::settings::{FlowSettings, InitialPosition};
use millstream_agent::{AgentSettings, Components, Error, run_with};
use millstream_client::aws::AwsSettings;
use millstream_runtime::{Clock, ManualClock, OnFailure, SeededEntropy, TaskSet};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::store::MemoryStore;
use crate::stream::FakeStream;
use crate::tree::Tree;

/// Yields after which nothing goes on without the clock.
const SETTLE: u32 = 24;
const STEP: Duration = Duration::from_millis(10);

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) tree: Tree,
    pub(crate) stream: FakeStream,
    pub(crate) store: MemoryStore,
    pub(crate) settings: AgentSettings,
    seed: u64,
}

/// An agent that runs. It crashes when the runtime that it is in is dropped.
pub(crate) struct Life {
    stop: Option<oneshot::Sender<()>>,
    ended: Arc<Mutex<Option<Result<(), Error>>>>,
    clock: ManualClock,
}

/// A flow of `/logs/app.log*` from the start of files, quick in all it does.
pub(crate) fn flow() -> FlowSettings {
    let files = vec!["/logs/app.log*".parse().unwrap()];
    FlowSettings {
        initial_position: InitialPosition::Start,
        buffer_age: Duration::from_millis(50),
        ..FlowSettings::new("app", files, "orders".parse().unwrap())
    }
}

impl World {
    pub(crate) fn new(seed: u64, keeps_births: bool) -> Self {
        let clock = ManualClock::starting_at(Duration::from_secs(1_700_000_000));
        let settings = AgentSettings {
            kinesis: AwsSettings::default(),
            checkpoint_file: PathBuf::from("memory"),
            checkpoint_interval: Duration::from_millis(500),
            checkpoint_retention: Duration::from_secs(7 * 24 * 3600),
            status_interval: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(10),
            flows: vec![flow()],
        };
        Self {
            tree: Tree::new(&clock, keeps_births),
            stream: FakeStream::new(&clock, seed),
            store: MemoryStore::default(),
            settings,
            clock,
            seed,
        }
    }

    pub(crate) fn flow(&mut self) -> &mut FlowSettings {
        &mut self.settings.flows[0]
    }

    /// Starts an agent in the runtime that this is called in.
    pub(crate) fn start(&self) -> Life {
        let (stop, stopped) = oneshot::channel::<()>();
        let ended: Arc<Mutex<Option<Result<(), Error>>>> = Arc::default();
        let components = Components {
            api: Arc::new(self.stream.clone()),
            files: Arc::new(self.tree.clone()),
            checkpoints: Arc::new(self.store.clone()),
            clock: self.clock.shared(),
            entropy: SeededEntropy::shared(self.seed),
        };
        let (settings, tell) = (self.settings.clone(), ended.clone());
        TaskSet::default().spawn("an agent", OnFailure::Log, async move {
            let shutdown = async {
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let result = run_with(settings, components, shutdown).await;
            *tell.lock() = Some(result);
            Ok::<_, std::convert::Infallible>(())
        });
        Life { stop: Some(stop), ended, clock: self.clock.clone() }
    }

    /// Runs one agent in a runtime of its own while `during` does something; what is left of it crashes.
    pub(crate) fn live<T>(&self, during: impl AsyncFnOnce(&mut Life) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut life = self.start();
            during(&mut life).await
        })
    }

    /// Data of all records so far, as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = |(_, data): (String, bytes::Bytes)| String::from_utf8(data.to_vec()).unwrap();
        self.stream.read().into_iter().map(text).collect()
    }
}

impl Life {
    /// Lets so much time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        let end = self.clock.monotonic() + time;
        loop {
            for _ in 0..SETTLE {
                tokio::task::yield_now().await;
            }
            if self.clock.monotonic() >= end {
                return;
            }
            self.clock.advance(STEP);
        }
    }

    pub(crate) async fn seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn stop(&mut self) -> Result<(), Error> {
        let _ = self.stop.take().map(|stop| stop.send(()));
        for _ in 0..60 {
            self.seconds(1).await;
            if let Some(result) = self.ended.lock().take() {
                return result;
            }
        }
        panic!("it does not end");
    }

    /// How it has ended, if it has.
    pub(crate) fn ended(&self) -> Option<Result<(), Error>> {
        self.ended.lock().take()
    }
}
