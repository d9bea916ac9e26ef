//! All flows of an agent, and the checkpoint that they share.

mod ledger;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use millstream_client::StreamApi;
use millstream_client::aws::AwsStreamApi;
use millstream_producer_sdk::{Producer, ProducerSettings};
use millstream_runtime::{Backoff, OnFailure, SharedClock, SharedEntropy, TaskSet};
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub(crate) use self::ledger::Ledger;
use crate::checkpoint::{CheckpointFile, CheckpointStore};
use crate::error::{Error, Result};
use crate::figures::Figures;
use crate::files::{DiskFiles, Files};
use crate::flow::{Flow, Surroundings};
use crate::settings::{AgentSettings, FlowSettings};

/// No record expires while the stream is at its limit or away: ten years.
const RECORD_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Between two attempts to find a stream.
const STREAM_WAIT: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(30) };
/// Beyond the time that flows have for their ends.
const LAST_BREATH: Duration = Duration::from_secs(5);

/// What an agent is made of beside its settings.
#[derive(Clone, Debug)]
pub struct Components {
    pub api: Arc<dyn StreamApi>,
    pub files: Arc<dyn Files>,
    pub checkpoints: Arc<dyn CheckpointStore>,
    pub clock: SharedClock,
    pub entropy: SharedEntropy,
}

/// Ends the tasks of the agent when it ends, also when it is dropped.
struct EndTasks(TaskSet);

impl Drop for EndTasks {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

/// Runs on the files of this machine until `shutdown` resolves; then waits for what is on its way.
///
/// # Errors
/// If the checkpoint is in use or damaged, the service is not configured, or the last checkpoint cannot be written.
pub async fn run(
    settings: AgentSettings,
    clock: SharedClock,
    entropy: SharedEntropy,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let checkpoints = Arc::new(CheckpointFile::open(&settings.checkpoint_file)?);
    let api = Arc::new(AwsStreamApi::connect(&settings.kinesis, clock.clone()).await?);
    let components = Components { api, files: Arc::new(DiskFiles), checkpoints, clock, entropy };
    run_with(settings, components, shutdown).await
}

/// Runs on whatever it is given. Dropping it ends it as a crash would.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    settings: AgentSettings,
    components: Components,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let ledger = Arc::new(Ledger::load(components.checkpoints.clone()).await?);
    let tasks = TaskSet::default();
    let end_tasks = EndTasks(tasks.clone());
    let failure: Arc<Mutex<Option<Error>>> = Arc::default();
    let mut figures = Vec::new();
    for flow in &settings.flows {
        let of_flow: Arc<Figures> = Arc::default();
        figures.push((flow.name.clone(), of_flow.clone()));
        let with = Surroundings {
            files: components.files.clone(),
            ledger: ledger.clone(),
            figures: of_flow,
            clock: components.clock.clone(),
            entropy: components.entropy.clone(),
            shutdown_timeout: settings.shutdown_timeout,
            retention: settings.checkpoint_retention,
        };
        start(flow.clone(), with, &components, &tasks, &failure);
    }
    keep(&ledger, &components, settings.checkpoint_interval, &tasks);
    if !settings.status_interval.is_zero() {
        report(figures.clone(), &components, settings.status_interval, &tasks);
    }
    tracing::info!(flows = settings.flows.len(), checkpoint = %settings.checkpoint_file.display(), "the agent runs");
    tokio::select! {
        () = shutdown => tracing::info!("stopping: what is on its way is waited for"),
        () = tasks.stopping() => {}
    }
    tasks.shutdown();
    let have_ended = tasks.join(components.clock.as_ref(), settings.shutdown_timeout + LAST_BREATH).await;
    drop(end_tasks);
    say(&figures);
    ledger.save().await.map_err(Error::LastCheckpoint)?;
    match failure.lock().take() {
        Some(error) => Err(error),
        None if !have_ended => Err(Error::Broken),
        None => Ok(()),
    }
}

/// Starts a flow, and beside it its producer, which may take its time to find the stream.
fn start(
    settings: FlowSettings,
    with: Surroundings,
    components: &Components,
    tasks: &TaskSet,
    failure: &Arc<Mutex<Option<Error>>>,
) {
    let (tell, starting) = oneshot::channel();
    let (finding, components, failure) = (settings.clone(), components.clone(), failure.clone());
    let stopping = tasks.clone();
    tasks.spawn("agent: stream", OnFailure::Shutdown, async move {
        tokio::select! {
            () = stopping.stopping() => Ok(()),
            found = producer(&finding, &components) => match found {
                Ok(producer) => {
                    // Nobody listens if the agent has ended.
                    let _ = tell.send(producer);
                    Ok(())
                }
                Err(error) => {
                    let reason = error.to_string();
                    failure.lock().get_or_insert(error);
                    Err(reason)
                }
            },
        }
    });
    let known = with.ledger.known(&settings.name);
    let flow = Flow::new(settings, with, known, starting);
    let inside = tasks.clone();
    tasks.spawn("agent: flow", OnFailure::Shutdown, async move {
        flow.run(inside).await;
        Ok::<_, Infallible>(())
    });
}

/// Waits for the stream for as long as it takes: it may be made later, or the service be away for now.
async fn producer(flow: &FlowSettings, components: &Components) -> Result<Producer> {
    let mut attempt = 0;
    loop {
        let Components { api, clock, entropy, .. } = components.clone();
        let builder = Producer::builder(api, flow.stream.clone()).order(flow.order);
        let builder = builder.settings(|producer| configure(producer, flow));
        match builder.surroundings(clock.clone(), entropy.clone()).start().await {
            Ok(producer) => return Ok(producer),
            Err(millstream_producer_sdk::Error::Configuration(reason)) => {
                return Err(Error::Flow { flow: flow.name.clone(), reason });
            }
            Err(error @ millstream_producer_sdk::Error::Stream { .. }) => {
                let wait = STREAM_WAIT.base / 2 + STREAM_WAIT.delay(attempt, entropy.next_u64());
                tracing::error!(flow = flow.name, %error, ?wait, "the stream cannot be used; it is tried again");
                clock.sleep(wait).await;
                attempt += 1;
            }
        }
    }
}

fn configure(producer: &mut ProducerSettings, flow: &FlowSettings) {
    producer.aggregation_enabled = flow.aggregate;
    producer.max_user_record_size = flow.record_bytes_max;
    producer.collection_max_count = flow.buffer_records;
    producer.collection_max_size = flow.buffer_bytes;
    producer.record_max_buffered_time = flow.buffer_age;
    producer.outstanding_records_max = flow.outstanding_records_max;
    producer.outstanding_bytes_max = flow.outstanding_bytes_max;
    producer.record_ttl = RECORD_TTL;
}

/// Writes the checkpoint whenever it has changed.
fn keep(ledger: &Arc<Ledger>, components: &Components, interval: Duration, tasks: &TaskSet) {
    let (ledger, clock, stopping) = (ledger.clone(), components.clock.clone(), tasks.clone());
    tasks.spawn("agent: checkpoint", OnFailure::Shutdown, async move {
        loop {
            tokio::select! {
                () = stopping.stopping() => return Ok::<_, Infallible>(()),
                () = clock.sleep(interval) => {}
            }
            if let Err(error) = ledger.save().await {
                tracing::error!(%error, "the checkpoint cannot be written; what is acknowledged meanwhile would be put again");
            }
        }
    });
}

fn report(
    figures: Vec<(String, Arc<Figures>)>,
    components: &Components,
    interval: Duration,
    tasks: &TaskSet,
) {
    let (clock, stopping) = (components.clock.clone(), tasks.clone());
    tasks.spawn("agent: status", OnFailure::Log, async move {
        loop {
            tokio::select! {
                () = stopping.stopping() => return Ok::<_, Infallible>(()),
                () = clock.sleep(interval) => say(&figures),
            }
        }
    });
}

fn say(figures: &[(String, Arc<Figures>)]) {
    for (flow, figures) in figures {
        tracing::info!(flow, "progress: {figures}");
    }
}
