//! A worker of the consumer SDK: settings and lines are those of tests/clients/kcl.
//!
//! APPLICATION, STREAM, WORKER and ENDPOINT are needed. RETRIEVAL is `polling` or `fan-out`. FAILOVER_MILLIS shortens all
//! that depends on it, and QUICK whatever else makes a worker wait. SIGTERM stops it gracefully.

// A worker that cannot run has nobody to tell but the test that waits for it.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::time::Duration;

use millstream_consumer_sdk::{
    AwsSettings, Batch, BoxError, Checkpointer, Consumer, ConsumerSettings, InitialPosition, Initialization,
    LossReason, RecordProcessor, Retrieval, async_trait,
};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

/// Prints what it is told, and checkpoints after every batch, so that a graceful end repeats nothing.
struct Processor {
    shard: String,
}

fn say(line: &Value) {
    println!("{line}");
}

impl Processor {
    fn about(&self, event: &str) -> Value {
        json!({ "event": event, "shard": self.shard })
    }

    async fn checkpoint(&self, checkpointer: &Checkpointer) {
        if let Err(error) = checkpointer.checkpoint().await {
            // Whoever lost the lease meanwhile may not: that is how it should be.
            let mut line = self.about("not checkpointed");
            line["why"] = error.to_string().into();
            say(&line);
        }
    }
}

#[async_trait]
impl RecordProcessor for Processor {
    async fn initialize(&mut self, start: &Initialization) -> Result<(), BoxError> {
        let mut line = self.about("initialized");
        line["from"] = start.checkpoint.to_string().into();
        say(&line);
        Ok(())
    }

    async fn process_records(&mut self, batch: &Batch, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        for record in &batch.records {
            let mut line = self.about("record");
            line["key"] = record.partition_key.to_string().into();
            line["data"] = String::from_utf8_lossy(&record.data).into();
            line["sequence_number"] = record.sequence_number.to_string().into();
            line["sub_sequence_number"] = record.sub_sequence.into();
            say(&line);
        }
        self.checkpoint(checkpointer).await;
        Ok(())
    }

    async fn lease_lost(&mut self, _: &LossReason) {
        say(&self.about("lost"));
    }

    async fn shard_ended(&mut self, _: &Checkpointer) -> Result<(), BoxError> {
        say(&self.about("ended"));
        Ok(())
    }

    async fn shutdown_requested(&mut self, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        self.checkpoint(checkpointer).await;
        say(&self.about("shutdown requested"));
        Ok(())
    }
}

fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn configure(settings: &mut ConsumerSettings) {
    if told("RETRIEVAL").as_deref() != Some("fan-out") {
        settings.retrieval = Retrieval::Polling;
        settings.idle_time_between_reads = Duration::from_millis(250);
    }
    if let Some(millis) = told("FAILOVER_MILLIS").and_then(|millis| millis.parse().ok()) {
        settings.failover_time = Duration::from_millis(millis);
    }
    if told("QUICK").is_some() {
        settings.shard_sync_interval = Duration::from_secs(1);
        settings.parent_shard_poll_interval = Duration::from_millis(500);
    }
}

async fn run() -> Result<(), BoxError> {
    let aws = AwsSettings { endpoint_url: told("ENDPOINT"), ..AwsSettings::default() };
    let (stream, application) = (told("STREAM").ok_or("STREAM")?, told("APPLICATION").ok_or("APPLICATION")?);
    let consumer = Consumer::on_aws(&aws, stream.parse()?, &application)
        .await?
        .worker(told("WORKER").ok_or("WORKER")?.parse()?)
        .initial_position(InitialPosition::TrimHorizon)
        .settings(configure)
        .build(|shard| Processor { shard: shard.shard.to_string() })?;
    let mut asked = signal(SignalKind::terminate())?;
    say(&json!({ "event": "started" }));
    let ended = consumer.run(async move { asked.recv().await.unwrap_or_default() }).await?;
    say(&json!({ "event": "stopped", "graceful": ended.unfinished.is_empty() }));
    Ok(())
}

fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}
