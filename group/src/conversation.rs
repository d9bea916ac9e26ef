//! What a member says, for as long as it is one: checkpoints are stored, and everything else is told to whom it concerns.
//!
//! Nothing here waits for the client to read: what is to be answered is kept, one answer a shard where that can be, and no
//! request is read while too much is. So a client that asks and never reads is not read from.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use millstream_consumer_sdk::CheckpointError;
use millstream_lease::{Checkpoint, Position};
use millstream_proto::v1;
use millstream_proto::v1::join_response::Response;
use millstream_runtime::SharedClock;
use tokio::sync::watch;

use crate::assignment::{Acknowledged, Assignment};
use crate::error::{Error, Result};
use crate::processor::Shared;
use crate::request::Request;
use crate::start::invalid;

/// Between two heartbeats.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);
/// Answers that wait for the client to read.
const ANSWERS_WAITING_MAX: usize = 64;
/// Tries to store a checkpoint.
const STORE_TRIES: u32 = 5;
const STORE_WAIT: Duration = Duration::from_millis(200);

type Stored = (Arc<Assignment>, Checkpoint, Result<(), CheckpointError>);

pub(crate) struct Conversation<R> {
    /// `None` once the client says no more.
    requests: Option<R>,
    shared: Arc<Shared>,
    /// Has the worker give back what it has, and end.
    leave: watch::Sender<bool>,
    stores: FuturesUnordered<BoxFuture<'static, Stored>>,
    answers: Answers,
    /// Why the call ends, unless the member leaves.
    failure: Option<Error>,
}

/// Answers that wait for room, in order.
#[derive(Debug, Default)]
struct Answers(VecDeque<Response>);

impl Answers {
    /// A later checkpoint of a shard says all that an earlier one does.
    fn push(&mut self, answer: Response) {
        if let Response::Checkpointed(new) = &answer {
            for waiting in &mut self.0 {
                if let Response::Checkpointed(old) = waiting
                    && old.assignment_id == new.assignment_id
                {
                    old.clone_from(new);
                    return;
                }
            }
        }
        self.0.push_back(answer);
    }

    fn has_room(&self) -> bool {
        self.0.len() < ANSWERS_WAITING_MAX
    }
}

impl<R: Stream<Item = Result<v1::JoinRequest>> + Send + Unpin> Conversation<R> {
    pub(crate) fn new(requests: R, shared: Arc<Shared>, leave: watch::Sender<bool>) -> Self {
        let (stores, answers) = (FuturesUnordered::new(), Answers::default());
        Self { requests: Some(requests), shared, leave, stores, answers, failure: None }
    }

    /// Goes on until it is dropped. When there is nobody to talk to any more, the worker is told to leave.
    pub(crate) async fn run(&mut self, stopping: impl Future<Output = Error> + Send) -> Infallible {
        let mut stopping = Box::pin(stopping);
        let clock = self.shared.clock.clone();
        let mut heartbeat = clock.sleep(HEARTBEAT);
        loop {
            let shared = self.shared.clone();
            let (is_here, reads) = (!*shared.is_gone.borrow(), self.answers.has_room());
            tokio::select! {
                biased;
                error = &mut stopping, if is_here => self.end(Some(error)),
                () = shared.outbox.closed(), if is_here => self.end(None),
                Some(stored) = self.stores.next() => self.answer_stored(stored),
                slot = shared.outbox.reserve(), if is_here && !self.answers.0.is_empty() => {
                    if let (Ok(slot), Some(answer)) = (slot, self.answers.0.pop_front()) {
                        slot.send(v1::JoinResponse { response: Some(answer) });
                    }
                }
                () = &mut heartbeat => {
                    heartbeat = clock.sleep(HEARTBEAT);
                    // Without room for it there is something to read.
                    let _ = shared.outbox.try_send(response(Response::Heartbeat(v1::Heartbeat {})));
                }
                request = next(&mut self.requests), if is_here && reads => self.hear(request),
            }
        }
    }

    /// What is left to be told when the worker has ended, and why the call ends.
    pub(crate) async fn finish(mut self) -> Result<()> {
        while let Some(answer) = self.answers.0.pop_front() {
            self.shared.tell(answer).await;
        }
        self.failure.map_or(Ok(()), Err)
    }

    /// The client is told nothing that it would have to answer, and everything is given back.
    fn end(&mut self, failure: Option<Error>) {
        self.requests = None;
        self.failure = self.failure.take().or(failure);
        self.shared.is_gone.send_replace(true);
        self.leave.send_replace(true);
    }

    fn hear(&mut self, request: Option<Result<v1::JoinRequest>>) {
        let request = match request {
            None => return self.end(None),
            Some(request) => request.and_then(Request::read),
        };
        match request {
            Ok(Request::Checkpoint { assignment, to }) => self.checkpoint(assignment, &to),
            Ok(Request::ShardEnd { assignment }) => self.end_shard(assignment),
            Ok(Request::Release { assignment }) => self.release(assignment),
            Ok(Request::Leave) => {
                self.leave.send_replace(true);
            }
            Err(error) => self.end(Some(error)),
        }
    }

    /// It may be on its way when the shard goes, and is then about nothing.
    fn release(&mut self, id: i64) {
        let assignments = &self.shared.assignments;
        let is_in_place = match assignments.get(id) {
            Some(assignment) => assignment.release(),
            None => assignments.was_begun(id),
        };
        if !is_in_place {
            self.end(Some(invalid("Only a shard that was requested can be released.")));
        }
    }

    fn checkpoint(&mut self, id: i64, to: &Checkpoint) {
        let Some(assignment) = self.shared.assignments.get(id) else {
            return self.answers.push(not_ours(id, to));
        };
        match assignment.acknowledge(to) {
            Acknowledged::Store => self.store(assignment),
            Acknowledged::Joins => {}
            Acknowledged::OutOfRange => {
                let text =
                    "It lies before what was acknowledged, or behind what was sent, or in another shard.";
                self.answers.push(refused(id, to, v1::CheckpointRefusal::OutOfRange, text.to_owned()));
            }
        }
    }

    fn end_shard(&mut self, id: i64) {
        let end = Checkpoint::SHARD_END;
        match self.shared.assignments.get(id) {
            None => self.answers.push(not_ours(id, &end)),
            Some(assignment) if assignment.acknowledge_end() => {}
            Some(_) => {
                let text = "The shard has not ended.".to_owned();
                self.answers.push(refused(id, &end, v1::CheckpointRefusal::OutOfRange, text));
            }
        }
    }

    /// Stores what is wanted of a shard, if anything is.
    fn store(&mut self, assignment: Arc<Assignment>) {
        if let Some((to, checkpointer)) = assignment.next_to_store() {
            let clock = self.shared.clock.clone();
            self.stores.push(Box::pin(async move {
                let stored = persist(&clock, || checkpointer.checkpoint_to(to.clone())).await;
                (assignment, to, stored)
            }));
        }
    }

    fn answer_stored(&mut self, (assignment, to, stored): Stored) {
        self.answers.push(match stored {
            Ok(()) => checkpointed(assignment.id, &to),
            Err(error) => {
                let reason = match error {
                    CheckpointError::OutOfBounds { .. } => v1::CheckpointRefusal::OutOfRange,
                    CheckpointError::Store(_) => v1::CheckpointRefusal::Unavailable,
                    CheckpointError::LeaseLost(_) | CheckpointError::Over | CheckpointError::NotPending => {
                        v1::CheckpointRefusal::LeaseLost
                    }
                };
                refused(assignment.id, &to, reason, error.to_string())
            }
        });
        self.store(assignment);
    }
}

/// The next request, also none; never, once the client says no more.
async fn next<R: Stream + Unpin>(requests: &mut Option<R>) -> Option<R::Item> {
    match requests {
        Some(requests) => requests.next().await,
        None => std::future::pending().await,
    }
}

/// Once more where that can help.
async fn persist<F>(clock: &SharedClock, mut store: impl FnMut() -> F + Send) -> Result<(), CheckpointError>
where
    F: Future<Output = Result<(), CheckpointError>> + Send,
{
    for _ in 1..STORE_TRIES {
        match store().await {
            Err(error) if error.is_retryable() => clock.sleep(STORE_WAIT).await,
            stored => return stored,
        }
    }
    store().await
}

fn response(response: Response) -> v1::JoinResponse {
    v1::JoinResponse { response: Some(response) }
}

/// The numbers of a checkpoint; none for the end of a shard.
fn numbers(of: &Checkpoint) -> (String, i64) {
    let number = match &of.position {
        Position::At(number) => number.to_string(),
        _ => String::new(),
    };
    (number, i64::try_from(of.sub_sequence).unwrap_or(i64::MAX))
}

fn checkpointed(assignment_id: i64, at: &Checkpoint) -> Response {
    let (sequence_number, sub_sequence_number) = numbers(at);
    Response::Checkpointed(v1::Checkpointed { assignment_id, sequence_number, sub_sequence_number })
}

fn refused(assignment_id: i64, at: &Checkpoint, reason: v1::CheckpointRefusal, message: String) -> Response {
    let (sequence_number, sub_sequence_number) = numbers(at);
    let reason = reason.into();
    Response::CheckpointRefused(v1::CheckpointRefused {
        assignment_id,
        sequence_number,
        sub_sequence_number,
        reason,
        message,
    })
}

fn not_ours(id: i64, at: &Checkpoint) -> Response {
    let text = "The shard is not this member's any more.".to_owned();
    refused(id, at, v1::CheckpointRefusal::LeaseLost, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Checkpoint {
        Checkpoint::at(number.to_string().parse().unwrap(), 0)
    }

    #[test]
    fn answers_that_nobody_reads_stay_few() {
        let mut answers = Answers::default();
        for number in 0..1_000 {
            answers.push(checkpointed(1, &at(number)));
            answers.push(checkpointed(2, &at(number)));
        }
        assert_eq!(answers.0, [checkpointed(1, &at(999)), checkpointed(2, &at(999))]);
        assert!(answers.has_room());
        while answers.has_room() {
            answers.push(not_ours(3, &at(1)));
        }
        assert_eq!(answers.0.len(), ANSWERS_WAITING_MAX);
    }
}
