//! A member as a test sees it.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream;
use millstream_proto::v1::consumers_client::ConsumersClient;
use millstream_proto::v1::join_request::Request;
use millstream_proto::v1::join_response::Response;
use millstream_proto::v1::{
    CheckpointRequest, Checkpointed, InitialPosition, JoinRequest, JoinResponse, JoinStart, LeaveRequest,
    ReleaseRequest, ShardAssigned, ShardRevocation,
};
use millstream_runtime::{Clock, SystemClock};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tonic::{Status, Streaming};

use super::World;
use crate::{PATIENCE, transport};

/// By how much time passes for each millisecond of the machine's.
const QUICKER: u32 = 20;
const MILLI: Duration = Duration::from_millis(1);

pub(super) struct Member {
    requests: Option<UnboundedSender<JoinRequest>>,
    responses: Streaming<JoinResponse>,
    /// The shards that it has, by assignment.
    pub(super) shards: HashMap<i64, String>,
}

/// What a member was told, as far as tests look at it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    Joined { worker: String },
    Assigned(ShardAssigned),
    Records { shard: String, assignment: i64, data: Vec<String>, last: String },
    Checkpointed(Checkpointed),
    Refused { assignment: i64, reason: i32 },
    Ended { assignment: i64, shard: String },
    Requested { shard: String, assignment: i64 },
    Revoked { shard: String, reason: ShardRevocation },
    Stopped { shard: String, why: String },
}

pub(super) fn start() -> JoinStart {
    JoinStart {
        streams: vec!["orders".to_owned()],
        application_name: Some("billing".to_owned()),
        initial_position: Some(InitialPosition::TrimHorizon.into()),
        failover_time_millis: Some(60_000),
        ..JoinStart::default()
    }
}

impl World {
    /// The future's output, while leases are held and looked at by a clock that goes quickly.
    pub(crate) async fn while_time_passes<F: Future>(&self, future: F) -> F::Output {
        let machine = SystemClock::shared();
        let passing = async {
            loop {
                machine.sleep(MILLI).await;
                self.clock.advance(QUICKER * MILLI);
            }
        };
        tokio::select! {
            biased;
            output = machine.timeout(PATIENCE, future) => output.expect("it takes too long"),
            () = passing => unreachable!(),
        }
    }

    /// Lets so much time pass.
    pub(super) async fn wait(&self, time: Duration) {
        let until = self.clock.monotonic() + time;
        self.while_time_passes(self.clock.sleep_until(until)).await;
    }
}

impl Member {
    pub(super) async fn call(world: &World, first: Option<Request>) -> Self {
        let member = Self::call_silently(world).await;
        member.requests.as_ref().unwrap().send(JoinRequest { request: first }).unwrap();
        member
    }

    /// A call that says nothing yet.
    pub(super) async fn call_silently(world: &World) -> Self {
        let origin = world.url("http").parse().unwrap();
        let mut client = ConsumersClient::with_origin(transport(), origin);
        let (requests, receiver) = unbounded_channel();
        let sent =
            stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
        let responses = client.join(sent).await.unwrap().into_inner();
        Self { requests: Some(requests), responses, shards: HashMap::new() }
    }

    /// Joins, and is told so.
    pub(super) async fn join(world: &World, start: JoinStart) -> Self {
        let mut member = Self::call(world, Some(Request::Start(start))).await;
        let joined = world.while_time_passes(member.next()).await.unwrap();
        assert!(matches!(joined, Some(Heard::Joined { .. })), "{joined:?}");
        member
    }

    pub(super) fn say(&self, request: Request) {
        let request = JoinRequest { request: Some(request) };
        self.requests.as_ref().unwrap().send(request).unwrap();
    }

    pub(super) fn say_nothing(&self) {
        self.requests.as_ref().unwrap().send(JoinRequest { request: None }).unwrap();
    }

    pub(super) fn checkpoint(&self, assignment: i64, number: &str) {
        self.say(Request::Checkpoint(CheckpointRequest {
            assignment_id: Some(assignment),
            sequence_number: Some(number.to_owned()),
            ..CheckpointRequest::default()
        }));
    }

    pub(super) fn end_shard(&self, assignment: i64) {
        let (assignment_id, shard_end) = (Some(assignment), Some(true));
        self.say(Request::Checkpoint(CheckpointRequest { assignment_id, shard_end, ..Default::default() }));
    }

    pub(super) fn release(&self, assignment: i64) {
        self.say(Request::Release(ReleaseRequest { assignment_id: Some(assignment) }));
    }

    pub(super) fn leave(&self) {
        self.say(Request::Leave(LeaveRequest {}));
    }

    /// Ends its requests.
    pub(super) fn close(&mut self) {
        self.requests = None;
    }

    /// What it is told next, heartbeats left out; `None` when the call has ended well.
    pub(super) async fn next(&mut self) -> Result<Option<Heard>, Status> {
        loop {
            let Some(JoinResponse { response }) = self.responses.message().await? else { return Ok(None) };
            if let Some(heard) = self.heard(response.expect("every response says something")) {
                return Ok(Some(heard));
            }
        }
    }

    /// Whether what it is told next is a heartbeat.
    pub(super) async fn is_heartbeat_next(&mut self) -> bool {
        let response = self.responses.message().await.unwrap().expect("the call goes on").response;
        matches!(response, Some(Response::Heartbeat(_)))
    }

    fn heard(&mut self, response: Response) -> Option<Heard> {
        let shard =
            |id: i64| self.shards.get(&id).cloned().unwrap_or_else(|| panic!("{id} was not assigned"));
        Some(match response {
            Response::Joined(joined) => Heard::Joined { worker: joined.worker_id },
            Response::ShardAssigned(assigned) => {
                self.shards.insert(assigned.assignment_id, assigned.shard_id.clone());
                Heard::Assigned(assigned)
            }
            Response::Records(delivered) => Heard::Records {
                shard: shard(delivered.assignment_id),
                assignment: delivered.assignment_id,
                last: delivered.records.last().expect("a record").sequence_number.clone(),
                data: delivered
                    .records
                    .iter()
                    .map(|record| String::from_utf8_lossy(&record.data).into_owned())
                    .collect(),
            },
            Response::Checkpointed(at) => Heard::Checkpointed(at),
            Response::CheckpointRefused(refused) => {
                Heard::Refused { assignment: refused.assignment_id, reason: refused.reason }
            }
            Response::ShardEnded(ended) => {
                Heard::Ended { assignment: ended.assignment_id, shard: shard(ended.assignment_id) }
            }
            Response::ShardRequested(requested) => Heard::Requested {
                shard: shard(requested.assignment_id),
                assignment: requested.assignment_id,
            },
            Response::ShardRevoked(revoked) => {
                let reason = revoked.reason();
                let shard = self.shards.remove(&revoked.assignment_id).expect("a shard that it has");
                Heard::Revoked { shard, reason }
            }
            Response::ShardStopped(stopped) => {
                Heard::Stopped { shard: shard(stopped.assignment_id), why: stopped.message }
            }
            Response::Heartbeat(_) => return None,
        })
    }

    /// Hears until something is what is waited for, and gives that.
    pub(super) async fn until<T>(&mut self, world: &World, mut wanted: impl FnMut(&Heard) -> Option<T>) -> T {
        let heard = async {
            loop {
                let heard = self.next().await.unwrap().expect("the call goes on");
                if let Some(found) = wanted(&heard) {
                    return found;
                }
            }
        };
        world.while_time_passes(heard).await
    }

    pub(super) async fn assigned(&mut self, world: &World) -> ShardAssigned {
        self.until(world, |heard| match heard {
            Heard::Assigned(assigned) => Some(assigned.clone()),
            _ => None,
        })
        .await
    }

    /// Hears and acknowledges records until it has heard so many, and gives their data.
    pub(super) async fn process(&mut self, world: &World, count: usize) -> Vec<String> {
        let mut all = Vec::new();
        while all.len() < count {
            let (assignment, last, data) = self
                .until(world, |heard| match heard {
                    Heard::Records { assignment, last, data, .. } => {
                        Some((*assignment, last.clone(), data.clone()))
                    }
                    _ => None,
                })
                .await;
            self.checkpoint(assignment, &last);
            all.extend(data);
        }
        all
    }

    /// How the call ends, with what it is told before.
    pub(super) async fn end(mut self, world: &World) -> (Vec<Heard>, Result<(), Status>) {
        let mut all = Vec::new();
        let ended = world
            .while_time_passes(async {
                loop {
                    match self.next().await {
                        Ok(Some(heard)) => all.push(heard),
                        Ok(None) => return Ok(()),
                        Err(status) => return Err(status),
                    }
                }
            })
            .await;
        (all, ended)
    }
}
