//! Join: a member of a consumer group, whose leases and records are those of this server.
//!
//! The member is a task of the server's own, so that its leases are given back when its client is gone. Here are its
//! frames, its place among others, and how its call ends; what a member does is the business of the crate `group`.

mod failure;
mod streams;
mod subscription;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use millstream_group::{Error, Parts, Places, RESPONSES_WAITING_MAX, Seat, Start, Stop, join};
use millstream_lease::store::Layout;
use millstream_lease::store::embedded::{EmbeddedStore, Place};
use millstream_proto::v1;
use millstream_runtime::{OnFailure, SharedEntropy};
use parking_lot::Mutex;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

use self::failure::status_of;
use self::streams::LocalStreams;
use super::messages::{Messages, framed};
use super::reply::{Piece, STOPPING};
use super::status::of_error;
use crate::aws::caller::Caller;
use crate::aws::codec::{ApiError, ProtocolError};
use crate::aws::dynamodb::live_tables::LiveTables;
use crate::aws::kinesis::front::KinesisFront;
use crate::http::keep_alive::Watching;

/// From the beginning of a call to its first message.
const START_LIMIT: Duration = Duration::from_secs(10);

const REPLACED: &str = "The content of the server is replaced.";

/// The members of all groups.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    kinesis: KinesisFront,
    tables: LiveTables,
    entropy: SharedEntropy,
    places: Places,
}

/// What is still to come of a call.
enum Answer {
    Responses(
        mpsc::Receiver<v1::JoinResponse>,
        oneshot::Receiver<Result<(), Status>>,
        /// Its leases must not be kept for a client that is gone.
        Option<Watching>,
    ),
    Over,
}

/// What was wrong with a request, beyond what a member knows of.
type Broken = Arc<Mutex<Option<Status>>>;

impl Groups {
    pub(crate) const PATH: &str = "millstream.v1.Consumers/Join";

    /// `members_max` of all groups at once.
    pub(crate) fn new(
        kinesis: KinesisFront,
        tables: LiveTables,
        entropy: SharedEntropy,
        members_max: usize,
    ) -> Self {
        let places = Places::new(members_max, kinesis.reception.clock.clone());
        Self { kinesis, tables, entropy, places }
    }

    /// What the client is told, to its end.
    pub(super) fn answer(
        &self,
        caller: Caller,
        messages: Messages,
        watching: Option<Watching>,
    ) -> impl Stream<Item = Piece> + Send + use<> {
        let (outbox, responses) = mpsc::channel(RESPONSES_WAITING_MAX);
        let (tell, told) = oneshot::channel();
        let member = self.clone().carry_out(caller, messages, outbox);
        self.kinesis.reception.tasks.spawn("member of a group", OnFailure::Log, async move {
            // Whoever asked may be gone.
            let _ = tell.send(Box::pin(member).await);
            Ok::<_, Infallible>(())
        });
        stream::unfold(Answer::Responses(responses, told, watching), |answer| async move {
            let Answer::Responses(mut responses, told, watching) = answer else { return None };
            if let Some(response) = responses.recv().await {
                return Some((Ok(framed(&response).freeze()), Answer::Responses(responses, told, watching)));
            }
            match told.await {
                Ok(Ok(())) => None,
                Ok(Err(status)) => Some((Err(status.into()), Answer::Over)),
                Err(_) => {
                    let failure = of_error(&ApiError::bare(ProtocolError::InternalFailure));
                    Some((Err(failure.into()), Answer::Over))
                }
            }
        })
    }

    async fn carry_out(
        self,
        caller: Caller,
        mut messages: Messages,
        outbox: mpsc::Sender<v1::JoinResponse>,
    ) -> Result<(), Status> {
        let first = tokio::select! {
            first = self.first(&mut messages) => first?,
            () = outbox.closed() => return Ok(()),
            () = self.kinesis.reception.tasks.stopping() => return Err(status_of(Error::Unavailable(STOPPING))),
        };
        let start = Start::read(first).map_err(status_of)?;
        let seat = self.places.enter(name_of(&caller, &start)).await.map_err(status_of)?;
        let broken = Broken::default();
        let requests = pin!(requests(messages, broken.clone()));
        let joined = self.join(caller, start, requests, outbox, &seat).await;
        joined.map_err(|error| broken.lock().take().unwrap_or_else(|| status_of(error)))
    }

    async fn first(&self, messages: &mut Messages) -> Result<v1::JoinRequest, Status> {
        let clock = &self.kinesis.reception.clock;
        let first = clock.timeout(START_LIMIT, messages.next()).await;
        let late = || Status::deadline_exceeded("There was no start within ten seconds.");
        match first.ok_or_else(late)?? {
            Some(message) => read(&message.bytes),
            None => Err(status_of(Error::InvalidArgument("The call has no start.".to_owned()))),
        }
    }

    async fn join(
        &self,
        caller: Caller,
        start: Start,
        requests: impl Stream<Item = Result<v1::JoinRequest, Error>> + Send + Unpin,
        outbox: mpsc::Sender<v1::JoinResponse>,
        seat: &Seat,
    ) -> Result<(), Error> {
        let engine = self.kinesis.engine.current().await.map_err(|_| Error::Unavailable(STOPPING))?;
        start.check_moment(engine.now())?;
        let tables = self.tables.current().await.map_err(|_| Error::Unavailable(STOPPING))?;
        let clock = self.kinesis.reception.clock.clone();
        let place = Place { account: caller.account.clone(), region: caller.region.clone() };
        let store = EmbeddedStore::new(tables, place, Layout::single(start.application()), clock.clone());
        let parts = Parts {
            api: Arc::new(LocalStreams { kinesis: self.kinesis.clone(), caller }),
            store: Arc::new(store),
            clock,
            entropy: self.entropy.clone(),
        };
        let stop = async {
            tokio::select! {
                () = self.kinesis.reception.tasks.stopping() => Stop::GiveBack(Error::Unavailable(STOPPING)),
                error = seat.replaced() => Stop::GiveBack(error),
                () = self.kinesis.engine.retired(&engine) => Stop::Abandon(Error::Unavailable(REPLACED)),
            }
        };
        join(start, parts, requests, outbox, stop).await
    }
}

/// What tells a member from all others, if it brings a name.
fn name_of(Caller { account, region }: &Caller, start: &Start) -> Option<String> {
    let worker = start.worker()?;
    // None of these but the last one has a slash.
    Some(format!("{account}/{region}/{}/{worker}", start.application()))
}

fn read(bytes: &[u8]) -> Result<v1::JoinRequest, Status> {
    v1::JoinRequest::decode(bytes)
        .map_err(|error| status_of(Error::InvalidArgument(format!("The message cannot be read: {error}."))))
}

/// The requests behind the first one.
fn requests(messages: Messages, broken: Broken) -> impl Stream<Item = Result<v1::JoinRequest, Error>> + Send {
    stream::unfold(Some(messages), move |messages| {
        let broken = broken.clone();
        async move {
            let mut messages = messages?;
            let request = match messages.next().await {
                Ok(None) => return None,
                Ok(Some(message)) => read(&message.bytes),
                Err(status) => Err(status),
            };
            match request {
                Ok(request) => Some((Ok(request), Some(messages))),
                Err(status) => {
                    let error = Error::BrokenOff(status.message().to_owned());
                    broken.lock().get_or_insert(status);
                    Some((Err(error), None))
                }
            }
        }
    })
}
