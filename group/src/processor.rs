//! The record processor of a shard: what it is called for is sent to the client, and it waits for what the client says.
//!
//! It returns early whenever its time with the shard comes to its end. Checkpoints are the client's alone, so that what
//! was not acknowledged comes again, whatever a call returned.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millstream_consumer_sdk::{
    Batch, BoxError, Checkpointer, Initialization, LossReason, RecordProcessor, ShardOfStream,
};
use millstream_proto::v1;
use millstream_proto::v1::join_response::Response;
use millstream_runtime::SharedClock;
use tokio::sync::{mpsc, watch};

use crate::assignment::{Assignment, Assignments};
use crate::delivery::{MESSAGE_BYTES_MAX, message, portions};

/// How long what a client has said may take to be stored before its shard goes on.
const LAST_STORE_LIMIT: Duration = Duration::from_secs(2);

/// What the processors of a member and its requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) assignments: Assignments,
    pub(crate) outbox: mpsc::Sender<v1::JoinResponse>,
    /// Whether the client can still say anything.
    pub(crate) is_gone: watch::Sender<bool>,
    pub(crate) clock: SharedClock,
    pub(crate) records_max: usize,
    pub(crate) window_bytes: usize,
    /// How long a client may take to finish a shard that goes elsewhere.
    pub(crate) patience: Duration,
}

impl Shared {
    /// Resolves when the client says no more.
    pub(crate) async fn gone(&self) {
        // The sender is here.
        let _ = self.is_gone.subscribe().wait_for(|is_gone| *is_gone).await;
    }

    /// Sends when there is room. Nobody waits for a client that is gone.
    pub(crate) async fn tell(&self, response: Response) {
        let message = v1::JoinResponse { response: Some(response) };
        tokio::select! {
            biased;
            // Who takes them may be gone as well.
            _ = self.outbox.send(message) => {}
            () = self.gone() => {}
        }
    }
}

/// Of the time that giving a shard back may take, what is the client's: the rest is for what has to be written.
pub(crate) fn clients_part(time: Duration) -> Duration {
    time * 8 / 10
}

#[derive(Debug)]
pub(crate) struct ShardProcessor {
    shared: Arc<Shared>,
    shard: ShardOfStream,
    assignment: Option<Arc<Assignment>>,
}

impl ShardProcessor {
    pub(crate) fn new(shared: Arc<Shared>, shard: &ShardOfStream) -> Self {
        Self { shared, shard: shard.clone(), assignment: None }
    }

    /// Sends a batch as the window has room for it. Never ends for a client that is gone.
    async fn deliver(&self, assignment: &Assignment, batch: &Batch) {
        let shared = &self.shared;
        let bytes_max = MESSAGE_BYTES_MAX.min(shared.window_bytes);
        for portion in portions(&batch.records, shared.records_max, bytes_max) {
            assignment.room(portion.bytes).await;
            let (Some(last), Ok(slot)) = (portion.last(), shared.outbox.reserve().await) else {
                return std::future::pending().await;
            };
            // Before it is sent, so that no acknowledgement comes first.
            assignment.sent(last, portion.bytes);
            let response = Response::Records(v1::RecordsDelivered {
                assignment_id: assignment.id,
                records: portion.records.iter().map(message).collect(),
                millis_behind_latest: i64::try_from(batch.millis_behind_latest).unwrap_or(i64::MAX),
            });
            slot.send(v1::JoinResponse { response: Some(response) });
        }
    }

    async fn revoke(&self, assignment: &Assignment, reason: v1::ShardRevocation) {
        self.shared.assignments.end(assignment.id);
        let revoked = v1::ShardRevoked { assignment_id: assignment.id, reason: reason.into() };
        self.shared.tell(Response::ShardRevoked(revoked)).await;
    }

    /// Has the client finish what it was sent. False where the lease was lost meanwhile.
    async fn finish(&self, assignment: &Assignment, checkpointer: &Checkpointer) -> bool {
        let shared = &self.shared;
        let left = checkpointer.time_left().map(clients_part);
        let patience = left.map_or(shared.patience, |left| left.min(shared.patience));
        let finished = async {
            if !assignment.is_settled() && !*shared.is_gone.borrow() {
                assignment.request();
                let timeout_millis = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
                let requested = v1::ShardRequested { assignment_id: assignment.id, timeout_millis };
                let done = async {
                    shared.tell(Response::ShardRequested(requested)).await;
                    assignment.done().await;
                };
                tokio::select! {
                    () = done => {}
                    () = shared.gone() => {}
                    () = shared.clock.sleep(patience) => {}
                }
            }
            shared.clock.timeout(LAST_STORE_LIMIT, assignment.stored()).await;
        };
        tokio::select! {
            biased;
            () = finished => true,
            _ = checkpointer.lost() => false,
        }
    }
}

#[async_trait]
impl RecordProcessor for ShardProcessor {
    async fn initialize(&mut self, start: &Initialization) -> Result<(), BoxError> {
        let checkpoint = &start.checkpoint;
        let assignment = self.shared.assignments.begin(self.shared.window_bytes, checkpoint.clone());
        let assigned = v1::ShardAssigned {
            assignment_id: assignment.id,
            stream: self.shard.stream.to_string(),
            shard_id: self.shard.shard.to_string(),
            checkpoint: checkpoint.position.to_string(),
            checkpoint_sub_sequence_number: i64::try_from(checkpoint.sub_sequence).unwrap_or(i64::MAX),
            epoch: i64::try_from(start.epoch).unwrap_or(i64::MAX),
        };
        self.assignment = Some(assignment);
        self.shared.tell(Response::ShardAssigned(assigned)).await;
        Ok(())
    }

    async fn process_records(&mut self, batch: &Batch, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        let Some(assignment) = &self.assignment else { return Err("the shard was not begun".into()) };
        assignment.attach(|| checkpointer.detached());
        tokio::select! {
            biased;
            // What was not sent is not acknowledged either, and comes again elsewhere.
            () = checkpointer.interrupted() => {}
            () = self.deliver(assignment, batch) => {}
        }
        Ok(())
    }

    async fn shard_stopped(&mut self, why: &str) {
        if let Some(assignment) = &self.assignment {
            let stopped = v1::ShardStopped { assignment_id: assignment.id, message: why.to_owned() };
            self.shared.tell(Response::ShardStopped(stopped)).await;
        }
    }

    async fn lease_lost(&mut self, _: &LossReason) {
        if let Some(assignment) = &self.assignment {
            self.revoke(assignment, v1::ShardRevocation::LeaseLost).await;
        }
    }

    async fn shard_ended(&mut self, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        let Some(assignment) = &self.assignment else { return Err("the shard was not begun".into()) };
        assignment.attach(|| checkpointer.detached());
        assignment.tell_end();
        let acknowledged = async {
            let ended = v1::ShardEnded { assignment_id: assignment.id };
            self.shared.tell(Response::ShardEnded(ended)).await;
            assignment.end_acknowledged().await;
            assignment.stored().await;
        };
        tokio::select! {
            biased;
            () = acknowledged => {}
            () = checkpointer.interrupted() => return Err("its end is not acknowledged".into()),
        }
        self.revoke(assignment, v1::ShardRevocation::Ended).await;
        Ok(())
    }

    async fn shutdown_requested(&mut self, checkpointer: &Checkpointer) -> Result<(), BoxError> {
        let Some(assignment) = &self.assignment else { return Ok(()) };
        let is_kept = self.finish(assignment, checkpointer).await;
        let reason = if is_kept { v1::ShardRevocation::GivenBack } else { v1::ShardRevocation::LeaseLost };
        self.revoke(assignment, reason).await;
        Ok(())
    }
}

impl Drop for ShardProcessor {
    fn drop(&mut self) {
        if let Some(assignment) = &self.assignment {
            self.shared.assignments.end(assignment.id);
        }
    }
}
