//! A member of a group, from its first request to its last answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::Stream;
use millstream_client::StreamApi;
use millstream_consumer_sdk::{Consumer, ConsumerBuilder, ConsumerSettings, LeaseStore};
use millstream_proto::v1;
use millstream_proto::v1::join_response::Response;
use millstream_runtime::{SharedClock, SharedEntropy};
use tokio::sync::{mpsc, watch};

use crate::assignment::Assignments;
use crate::conversation::{Conversation, HEARTBEAT};
use crate::error::{Error, Result};
use crate::processor::{ShardProcessor, Shared, clients_part};
use crate::start::Start;

/// Messages that may wait for the client's transport: a mebibyte or two, unless records are large.
pub const RESPONSES_WAITING_MAX: usize = 4;

/// Where the member's streams and leases are, and its surroundings.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The streams.
    pub api: Arc<dyn StreamApi>,
    /// The application's leases.
    pub store: Arc<dyn LeaseStore>,
    /// By which leases are held.
    pub clock: SharedClock,
    /// Of workers without a name, and of waits.
    pub entropy: SharedEntropy,
}

/// Why a call is to end that the client did not end.
#[derive(Clone, Debug)]
pub enum Stop {
    /// Everything is given back first, at the client's last checkpoints.
    GiveBack(Error),
    /// There is nothing that could be written any more. As a crash would.
    Abandon(Error),
}

/// Makes a client a member of its group, until it leaves, is gone, or `stop` resolves. Responses go to `outbox`, which
/// holds [`RESPONSES_WAITING_MAX`] at most; when its receiver is gone, so is the client. `requests` are those behind the
/// first one.
///
/// # Errors
/// If the streams or the lease table cannot be used or are gone, a request is wrong, or the call was stopped.
pub async fn join(
    start: Start,
    parts: Parts,
    requests: impl Stream<Item = Result<v1::JoinRequest>> + Send + Unpin,
    outbox: mpsc::Sender<v1::JoinResponse>,
    stop: impl Future<Output = Stop> + Send,
) -> Result<()> {
    let shared = Arc::new(Shared {
        assignments: Assignments::default(),
        outbox,
        is_gone: watch::Sender::new(false),
        clock: parts.clock.clone(),
        records_max: start.records_max,
        window_bytes: start.window_bytes,
        patience: clients_part(start.handoff),
    });
    let consumer = consumer(&start, &parts, shared.clone())?;
    let (abandon, mut abandoned) = watch::channel(None);
    let stopping = async move {
        match stop.await {
            Stop::GiveBack(error) => error,
            Stop::Abandon(error) => {
                abandon.send_replace(Some(error.clone()));
                error
            }
        }
    };
    let (leave, mut leaving) = watch::channel(false);
    let worker = consumer.worker().to_string();
    let work = async {
        // Whoever is told that it has joined has streams and a lease table.
        consumer.check().await?;
        tracing::info!(application = start.application, worker, "a member joined");
        shared.tell(joined(&start, worker.clone())).await;
        let asked = async move {
            // Who asks lives as long as this does.
            let _ = leaving.wait_for(|is_leaving| *is_leaving).await;
        };
        let ended = consumer.run(asked).await?;
        for shard in ended.unfinished {
            tracing::warn!(worker, shard = %shard.shard, "a shard was not given back in time");
        }
        Ok::<_, Error>(())
    };
    let abandoned = async move {
        match abandoned.wait_for(Option::is_some).await.map(|error| error.clone()) {
            Ok(Some(error)) => error,
            _ => std::future::pending().await,
        }
    };
    let mut conversation = Conversation::new(requests, shared.clone(), leave);
    let worked: Result<()> = tokio::select! {
        biased;
        worked = Box::pin(work) => worked,
        error = abandoned => Err(error),
        never = conversation.run(stopping) => match never {},
    };
    tracing::info!(application = start.application, worker, "a member left");
    if worked.is_err() {
        // Whoever waits for the client would wait in vain.
        shared.is_gone.send_replace(true);
    }
    let ended = conversation.finish().await;
    worked.and(ended)
}

fn consumer(start: &Start, parts: &Parts, shared: Arc<Shared>) -> Result<Consumer> {
    let mut streams = start.streams.iter().cloned();
    let Some(first) = streams.next() else { return Err(Error::Failed) };
    let builder = Consumer::builder(parts.api.clone(), first, &start.application)
        .lease_store(parts.store.clone())
        .surroundings(parts.clock.clone(), parts.entropy.clone())
        .settings(|settings: &mut ConsumerSettings| start.apply_to(settings));
    let builder = streams.fold(builder, ConsumerBuilder::and_stream);
    let builder = match &start.worker {
        Some(worker) => builder.worker(worker.clone()),
        None => builder,
    };
    Ok(builder.build(move |shard| ShardProcessor::new(shared.clone(), shard))?)
}

fn joined(start: &Start, worker_id: String) -> Response {
    let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
    Response::Joined(v1::Joined {
        worker_id,
        lease_table: start.application.clone(),
        failover_time_millis: millis(start.failover),
        handoff_timeout_millis: millis(start.handoff),
        records_max: number(start.records_max),
        window_bytes: number(start.window_bytes),
        heartbeat_millis: millis(HEARTBEAT),
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
