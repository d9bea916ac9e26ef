//! The daemon: a consumer whose record processors are child processes.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millstream_client::aws::AwsService;
use millstream_consumer_sdk::{CheckpointPolicy, Consumer, ShardState, StatusHandle};
use millstream_lease::store::Layout;
use millstream_lease::store::dynamodb::DynamoDbStore;
use millstream_runtime::{SharedClock, SharedEntropy, TaskSet};
use tokio::sync::Semaphore;

use crate::child::Nursery;
use crate::error::{Error, Result};
use crate::processor::{ShardProcessor, Shared};
use crate::settings::DaemonSettings;

/// Between two looks at the shards.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// For children to end that were dismissed.
const LAST_BREATH: Duration = Duration::from_secs(6);

/// Ends what is left of the children when the daemon does, also when it is dropped.
struct EndTasks(TaskSet);

impl Drop for EndTasks {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

/// Runs until `shutdown` resolves and every shard was given back, or the grace has passed.
///
/// # Errors
/// If the program, the stream or the lease table cannot be used, or when every shard of this worker has stopped.
pub async fn run(
    settings: DaemonSettings,
    clock: SharedClock,
    entropy: SharedEntropy,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    runnable(settings.command.first().map_or("", String::as_str))?;
    let api = millstream_client::connect(&settings.kinesis, clock.clone()).await?;
    let table = settings.dynamodb.sdk_config(AwsService::DynamoDb).await?;
    let store = Arc::new(DynamoDbStore::connect(&table, Layout::single(&settings.table), clock.clone()));
    let tasks = TaskSet::default();
    let end_tasks = EndTasks(tasks.clone());
    let shared = Arc::new(Shared {
        nursery: Nursery { command: settings.command.into(), clock: clock.clone(), tasks: tasks.clone() },
        silence_limit: settings.silence_limit,
        slow: settings.slow_call,
        calls: settings.calls_max.map(Semaphore::new),
    });
    let mut builder = Consumer::builder(api, settings.stream.clone(), &settings.application)
        .lease_store(store)
        .surroundings(clock.clone(), entropy)
        .settings(|consumer| {
            *consumer = settings.consumer;
            // Programs make their own, and rely on it.
            consumer.checkpoints = CheckpointPolicy::Manual;
        });
    if let Some(worker) = settings.worker {
        builder = builder.worker(worker);
    }
    let consumer = builder.build(move |shard| ShardProcessor::new(shared.clone(), shard))?;
    let (status, worker) = (consumer.status(), consumer.worker().clone());
    tracing::info!(%worker, application = settings.application, stream = %settings.stream, "the daemon runs");
    let mut is_stuck = false;
    let stop = async {
        tokio::select! {
            () = shutdown => tracing::info!("stopping: shards are given back"),
            () = all_stopped(&status, &clock) => is_stuck = true,
        }
    };
    let ended = consumer.run(stop).await;
    tasks.join(clock.as_ref(), LAST_BREATH).await;
    drop(end_tasks);
    for shard in &ended?.unfinished {
        tracing::warn!(shard = %shard.shard, "the shard was not given back in time; it is processed again from its last checkpoint");
    }
    if is_stuck { Err(Error::AllStopped) } else { Ok(()) }
}

/// Resolves when nothing is left to be done here. Whoever watches over the daemon should notice.
async fn all_stopped(status: &StatusHandle, clock: &SharedClock) {
    loop {
        clock.sleep(LOOK_INTERVAL).await;
        let shards = status.snapshot().shards;
        let is_stopped = |state: &ShardState| matches!(state, ShardState::Stopped { .. });
        if !shards.is_empty() && shards.iter().all(|shard| is_stopped(&shard.state)) {
            tracing::error!("all shards of this worker are stopped; the daemon ends");
            return;
        }
    }
}

/// Whether a program can be started at all: better said once than by every shard, again and again.
fn runnable(program: &str) -> Result<()> {
    let wrong =
        |reason: &str| Err(Error::Executable { program: program.to_owned(), reason: reason.to_owned() });
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![PathBuf::from(program)]
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|directory| directory.join(OsStr::new(program))).collect()
    };
    let is_there = |path: &PathBuf| path.is_file();
    let may_run = |path: &Path| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    match candidates.iter().any(|path| may_run(path)) {
        true => Ok(()),
        false if candidates.iter().any(is_there) => wrong("the file is not executable"),
        false if program.contains('/') => wrong("there is no such file"),
        false => wrong("there is no such program in PATH"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_run_is_named() {
        assert!(runnable("sh").is_ok());
        assert!(runnable("/bin/sh").is_ok());
        for program in ["no-such-program", "/etc/passwd", "./nowhere", "", "/tmp"] {
            let error = runnable(program).unwrap_err().to_string();
            assert!(error.contains(&format!("{program:?}")), "{error}");
        }
    }
}
