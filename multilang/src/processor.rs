//! The record processor of a shard: a child process, asked one thing at a time.
//!
//! What goes wrong with a child is the end of it: it is killed, and the shard is read anew behind its last checkpoint, for
//! another one. Whatever a child had in work and did not checkpoint comes again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millstream_consumer_sdk::{
    Batch, BoxError, Checkpoint, Checkpointer, Initialization, LossReason, ProcessorLost, RecordProcessor,
    ShardOfStream,
};
use tokio::sync::Semaphore;

use crate::child::{Child, Failure, Nursery};
use crate::protocol::{FromChild, Refusal, Request, WantedCheckpoint, checkpoint_reply};

/// What the processors of a daemon share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) nursery: Nursery,
    /// For how long a child may be silent that something is asked of.
    pub(crate) silence_limit: Option<Duration>,
    /// A call that takes longer is worth a warning.
    pub(crate) slow: Option<Duration>,
    /// Calls that may be under way at once.
    pub(crate) calls: Option<Semaphore>,
}

#[derive(Debug)]
pub(crate) struct ShardProcessor {
    shared: Arc<Shared>,
    shard: String,
    child: Option<Child>,
    /// The last record that this child was given.
    delivered: Option<Checkpoint>,
}

impl ShardProcessor {
    pub(crate) fn new(shared: Arc<Shared>, shard: &ShardOfStream) -> Self {
        Self { shared, shard: shard.shard.to_string(), child: None, delivered: None }
    }

    /// One request, to its status. After a failure there is no child.
    async fn call(
        &mut self,
        request: Request<'_>,
        checkpointer: Option<&Checkpointer>,
    ) -> Result<(), BoxError> {
        let shared = self.shared.clone();
        let _permit = match &shared.calls {
            // It is never closed.
            Some(calls) => calls.acquire().await.ok(),
            None => None,
        };
        let Some(child) = &mut self.child else {
            return Err(ProcessorLost("there is no child process".to_owned()).into());
        };
        let begun_at = shared.nursery.clock.monotonic();
        let called = converse(child, request, checkpointer, shared.silence_limit, &self.shard).await;
        let took = shared.nursery.clock.monotonic().saturating_sub(begun_at);
        if shared.slow.is_some_and(|limit| took > limit) {
            let (shard, action) = (&self.shard, request.action());
            tracing::warn!(shard, action, took_millis = took.as_millis(), "a call took long");
        }
        self.kept(called)
    }

    /// A child that failed is not asked again.
    fn kept(&mut self, result: Result<(), Failure>) -> Result<(), BoxError> {
        result.map_err(|failure| {
            self.child = None;
            ProcessorLost(failure.to_string()).into()
        })
    }

    fn dismiss(&mut self) {
        if let Some(child) = self.child.take() {
            child.dismiss();
        }
    }
}

/// Asks, and makes the checkpoints that the child wants, until it says that it is done.
async fn converse(
    child: &mut Child,
    request: Request<'_>,
    checkpointer: Option<&Checkpointer>,
    limit: Option<Duration>,
    shard: &str,
) -> Result<(), Failure> {
    let action = request.action();
    child.ask(&request, limit).await?;
    loop {
        match child.answer(action, limit).await? {
            FromChild::Status { response_for } if response_for == action => return Ok(()),
            FromChild::Status { response_for } => {
                return Err(Failure::WrongStatus { action, got: response_for });
            }
            FromChild::Checkpoint(wanted) => {
                let refusal = checkpoint(&wanted, checkpointer, shard).await.err();
                child.reply(&checkpoint_reply(&wanted, refusal), limit).await?;
            }
        }
    }
}

async fn checkpoint(
    wanted: &WantedCheckpoint,
    checkpointer: Option<&Checkpointer>,
    shard: &str,
) -> Result<(), Refusal> {
    let Some(checkpointer) = checkpointer else {
        tracing::warn!(shard, "a child process wants a checkpoint where there can be none");
        return Err(Refusal::InvalidState);
    };
    let made = match &wanted.sequence_number {
        None => checkpointer.checkpoint().await,
        Some(number) => {
            let number = number.parse().map_err(|_| Refusal::IllegalArgument)?;
            let sub_sequence = wanted.sub_sequence.as_deref().unwrap_or("0").parse();
            let sub_sequence = sub_sequence.map_err(|_| Refusal::IllegalArgument)?;
            checkpointer.checkpoint_to(Checkpoint::at(number, sub_sequence)).await
        }
    };
    made.map_err(|error| {
        tracing::warn!(shard, %error, "a checkpoint was not made");
        Refusal::from(&error)
    })
}

#[async_trait]
impl RecordProcessor for ShardProcessor {
    async fn initialize(&mut self, start: &Initialization) -> Result<(), BoxError> {
        let started = self.shared.nursery.start(&self.shard);
        self.child = Some(started.map_err(|failure| ProcessorLost(failure.to_string()))?);
        let shard = self.shard.clone();
        self.call(Request::Initialize { shard: &shard, from: &start.checkpoint }, None).await
    }

    async fn process_records(&mut self, batch: &Batch, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        if let Some(last) = batch.records.last() {
            self.delivered = Some(last.checkpoint());
        }
        self.call(Request::ProcessRecords(batch), Some(checkpointer)).await
    }

    async fn lease_lost(&mut self, _: &LossReason) {
        if self.child.is_some()
            && let Err(error) = self.call(Request::LeaseLost, None).await
        {
            tracing::warn!(shard = self.shard, %error, "a child process was not told that its lease is lost");
        }
        self.dismiss();
    }

    async fn shard_ended(&mut self, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        self.call(Request::ShardEnded, Some(checkpointer)).await?;
        // The end of the shard is stored next: what is not checkpointed by now would never come again.
        if self.delivered.as_ref().is_some_and(|last| *last > checkpointer.checkpointed()) {
            return self.kept(Err(Failure::NoCheckpoint));
        }
        self.dismiss();
        Ok(())
    }

    async fn shutdown_requested(&mut self, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        if self.child.is_none() {
            return Ok(());
        }
        self.call(Request::ShutdownRequested, Some(checkpointer)).await?;
        // As in KCL: after it has checkpointed, a child is told that its lease is gone.
        self.call(Request::LeaseLost, None).await?;
        self.dismiss();
        Ok(())
    }
}
