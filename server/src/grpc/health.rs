//! `grpc.health.v1.Health`: whether the server can do its work, by the same questions as the admin port's.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use hyper::Response;
use hyper::body::Incoming;
use prost::Message;
use tonic::Status;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::messages::prefix;
use super::reflection::Reflection;
use super::reply::{self, Piece};
use super::single;
use crate::admin::Health;
use crate::aws::reception::Reception;
use crate::http::body::Reply;

/// How often it is looked whether there is something new to tell.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct HealthService {
    pub(crate) health: Health,
    /// What may be asked after besides the server as a whole, and this service and reflection, which each port has.
    pub(crate) services: &'static [&'static str],
}

impl HealthService {
    pub(super) const NAME: &str = "grpc.health.v1.Health";

    /// The services of the port for clients.
    pub(crate) const FOR_CLIENTS: [&str; 5] = [
        "millstream.v1.Consumers",
        "millstream.v1.Records",
        "millstream.v1.Streams",
        "millstream.v1.TableStreams",
        "millstream.v1.Tables",
    ];

    fn knows(&self, service: &str) -> bool {
        service.is_empty()
            || service == Self::NAME
            || self.services.contains(&service)
            || Reflection::NAMES.contains(&service)
    }

    pub(super) async fn answer(
        &self,
        method: &str,
        deadline: Option<Duration>,
        body: Incoming,
        reception: &Reception,
    ) -> Response<Reply> {
        let asked = match asked(body, reception).await {
            Ok(asked) => asked,
            Err(status) => return reply::failure(&status),
        };
        let is_known = self.knows(&asked.service);
        match (method, is_known) {
            ("Check", true) => reply::message(&message(status(&self.health)), None),
            ("Check", false) => reply::failure(&Status::not_found(format!("There is no {}.", asked.service))),
            ("Watch", _) => {
                let statuses = statuses(self.health.clone(), is_known, reception.clone());
                let until_stopped = reply::until_stopped(statuses, reception.tasks.clone());
                reply::streamed(until_stopped, deadline, &reception.clock)
            }
            _ => reply::failure(&Status::unimplemented(format!("There is no call {}/{method}.", Self::NAME))),
        }
    }
}

async fn asked(body: Incoming, reception: &Reception) -> Result<HealthCheckRequest, Status> {
    let message = single::receive(reception, body).await?;
    HealthCheckRequest::decode(message.bytes).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn status(health: &Health) -> ServingStatus {
    if health.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn message(status: ServingStatus) -> Vec<u8> {
    HealthCheckResponse { status: status.into() }.encode_to_vec()
}

/// The status now, and each time that it has changed. A server that stops serves nobody any more.
fn statuses(health: Health, is_known: bool, reception: Reception) -> impl Stream<Item = Piece> + Send {
    stream::unfold((health, reception, None), move |(health, reception, told)| async move {
        let Reception { clock, tasks, .. } = &reception;
        loop {
            let now = match (is_known, tasks.is_stopping()) {
                (true, false) => status(&health),
                (true, true) => ServingStatus::NotServing,
                (false, _) => ServingStatus::ServiceUnknown,
            };
            if told != Some(now) {
                let message = message(now);
                let piece = Bytes::from([&prefix(message.len()), message.as_slice()].concat());
                return Some((Ok(piece), (health, reception, Some(now))));
            }
            tokio::select! {
                () = clock.sleep(LOOK_INTERVAL) => {}
                () = tasks.stopping(), if !tasks.is_stopping() => {}
            }
        }
    })
}
