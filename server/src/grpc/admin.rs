//! `millstream.v1.Admin`, on the admin port: what that port has over HTTP, by the same handlers and with the same guards.
//!
//! Health and reflection are there as well. Calls of other services are not: what of the port may be reached from where
//! is decided for each port by itself.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use millstream_engine::SnapshotSource;
use millstream_proto::convert::message_of_timestamp;
use millstream_proto::v1;
use millstream_runtime::SharedClock;
use prost::Message;
use tonic::Status;

use super::admin_messages::{change, fault, fault_rule, reading, status_of};
use super::deadline::timeout;
use super::front::{is_grpc, misplaced};
use super::health::HealthService;
use super::messages::{Messages, prefix};
use super::reflection::Reflection;
use super::reply::{self, End, Piece, expired};
use super::single;
use crate::admin::{Admin, Load, Pieces, STALL_LIMIT, TestApi};
use crate::aws::reception::Reception;
use crate::http::Handler;
use crate::http::body::Reply;

/// Serves the admin port, in gRPC and otherwise.
#[derive(Debug)]
pub(crate) struct AdminFront {
    admin: Admin,
    health: HealthService,
    reflection: Reflection,
    reception: Reception,
}

impl Handler for AdminFront {
    async fn handle(&self, request: Request<Incoming>) -> Response<Reply> {
        if !is_grpc(request.headers()) {
            return self.admin.handle(request).await;
        }
        let (parts, body) = request.into_parts();
        if let Some(status) = misplaced(&parts) {
            let mut response = Response::new(Reply::default());
            *response.status_mut() = status;
            return response;
        }
        let path = parts.uri.path().trim_start_matches('/').to_owned();
        let deadline = match timeout(&parts) {
            Ok(deadline) => deadline,
            Err(status) => return reply::failure(&status),
        };
        match path.split_once('/').unwrap_or((&path, "")) {
            (AdminFront::NAME, method) => {
                let answer = self.answer(method, &parts.headers, deadline, body).await;
                answer.unwrap_or_else(|status| reply::failure(&status))
            }
            (HealthService::NAME, method) => {
                self.health.answer(method, deadline, body, &self.reception).await
            }
            (name, method) if Reflection::NAMES.contains(&name) => {
                self.reflection.answer(method, deadline, body)
            }
            _ => reply::failure(&unknown(&path)),
        }
    }
}

fn unknown(path: &str) -> Status {
    Status::unimplemented(format!("There is no call {path} on the admin port."))
}

impl AdminFront {
    pub(crate) const NAME: &str = "millstream.v1.Admin";

    pub(crate) fn new(admin: Admin, reception: Reception) -> Self {
        let health = HealthService { health: admin.health.clone(), services: &[Self::NAME] };
        let reflection = Reflection::new(|name| name == Self::NAME, &reception);
        Self { admin, health, reflection, reception }
    }

    async fn answer(
        &self,
        method: &str,
        headers: &HeaderMap,
        deadline: Option<Duration>,
        body: Incoming,
    ) -> Result<Response<Reply>, Status> {
        let clock = &self.reception.clock;
        match method {
            "SaveSnapshot" => {
                self.request::<v1::SaveSnapshotRequest>(body).await?;
                let saved = self.test_api(headers)?.save().await.map_err(status_of)?;
                Ok(reply::streamed(pieces(saved), deadline, clock))
            }
            "LoadSnapshot" => {
                let messages = Messages::new(body, self.reception.budget.clone(), clock.clone());
                let source = Source { messages, clock: clock.clone() };
                let loaded = self.test_api(headers)?.load(source).await.map_err(status_of)?;
                Ok(message(&load_response(loaded)))
            }
            method => {
                let work = self.answer_unary(method, headers, body);
                match deadline {
                    None => work.await,
                    Some(limit) => clock.timeout(limit, work).await.unwrap_or_else(|| Err(expired())),
                }
            }
        }
    }

    async fn answer_unary(
        &self,
        method: &str,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Response<Reply>, Status> {
        match method {
            "GetMetrics" => {
                self.request::<v1::GetMetricsRequest>(body).await?;
                return Ok(message(&v1::GetMetricsResponse { text: self.admin.metrics.show() }));
            }
            "GetInitScripts" => {
                self.request::<v1::GetInitScriptsRequest>(body).await?;
                return Ok(message(&self.init_scripts()));
            }
            _ => {}
        }
        let test_api = self.test_api(headers)?;
        Ok(match method {
            "GetClock" => {
                self.request::<v1::GetClockRequest>(body).await?;
                message(&v1::GetClockResponse { clock: Some(reading(&test_api.clocks.show())) })
            }
            "ChangeClock" => {
                let change = change(&self.request(body).await?).map_err(status_of)?;
                test_api.clocks.change(&change).map_err(status_of)?;
                message(&v1::ChangeClockResponse { clock: Some(reading(&test_api.clocks.show())) })
            }
            "ListFaults" => {
                self.request::<v1::ListFaultsRequest>(body).await?;
                let faults = test_api.faults.list().into_iter().map(fault).collect();
                message(&v1::ListFaultsResponse { faults })
            }
            "AddFaults" => {
                let v1::AddFaultsRequest { rules } = self.request(body).await?;
                let texts = rules.into_iter().map(fault_rule).collect();
                let made = test_api.add_faults(texts).map_err(status_of)?;
                message(&v1::AddFaultsResponse { faults: made.into_iter().map(fault).collect() })
            }
            "RemoveFault" => {
                let v1::RemoveFaultRequest { id } = self.request(body).await?;
                let left = test_api.remove_fault(&id.to_string()).map_err(status_of)?;
                message(&v1::RemoveFaultResponse { faults: left.into_iter().map(fault).collect() })
            }
            "ClearFaults" => {
                self.request::<v1::ClearFaultsRequest>(body).await?;
                test_api.faults.clear();
                message(&v1::ClearFaultsResponse {})
            }
            "Reset" => {
                self.request::<v1::ResetRequest>(body).await?;
                message(&v1::ResetResponse { took_ms: test_api.reset().await.map_err(status_of)? })
            }
            _ => return Err(unknown(&format!("{}/{method}", Self::NAME))),
        })
    }

    fn test_api(&self, headers: &HeaderMap) -> Result<&TestApi, Status> {
        let test_api = &self.admin.test_api;
        test_api.admit(headers).map_err(status_of)?;
        Ok(test_api)
    }

    async fn request<M: Message + Default>(&self, body: Incoming) -> Result<M, Status> {
        let message = single::receive(&self.reception, body).await?;
        M::decode(message.bytes).map_err(|error| Status::invalid_argument(error.to_string()))
    }

    fn init_scripts(&self) -> v1::GetInitScriptsResponse {
        let shown = self.admin.init.show();
        let scripts = shown.scripts.into_iter().map(|script| v1::InitScript {
            name: script.name,
            state: script.state.to_owned(),
            exit_code: script.exit_code,
            took_ms: script.took_ms,
        });
        v1::GetInitScriptsResponse { finished: shown.finished, scripts: scripts.collect() }
    }
}

fn message(message: &impl Message) -> Response<Reply> {
    reply::message(&message.encode_to_vec(), None)
}

fn load_response(loaded: Load) -> v1::LoadSnapshotResponse {
    let Load { saved_ms, entries, bytes, took_ms } = loaded;
    let saved = message_of_timestamp(millstream_model::Timestamp::from_millis(saved_ms));
    v1::LoadSnapshotResponse { saved: Some(saved), entries, bytes, took_ms }
}

/// The pieces of a snapshot as messages.
fn pieces(saved: Pieces) -> impl Stream<Item = Piece> + Send {
    stream::unfold(Some(saved), |saved| async {
        let mut saved = saved?;
        match saved.recv().await {
            Some(Ok(Some(data))) => {
                let message = v1::SaveSnapshotResponse { data }.encode_to_vec();
                let piece = [&prefix(message.len()), message.as_slice()].concat();
                Some((Ok(Bytes::from(piece)), Some(saved)))
            }
            Some(Ok(None)) => None,
            Some(Err(error)) => Some((Err(End::Status(Status::aborted(error.to_string()))), None)),
            None => {
                let text = "The snapshot could not be sent to its end.";
                Some((Err(End::Status(Status::aborted(text))), None))
            }
        }
    })
}

/// The pieces in the messages of a call.
struct Source {
    messages: Messages,
    clock: SharedClock,
}

#[async_trait]
impl SnapshotSource for Source {
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        let Some(message) = self.clock.timeout(STALL_LIMIT, self.messages.next()).await else {
            return Some(Err(format!("nothing came for {} s", STALL_LIMIT.as_secs())));
        };
        match message {
            Ok(None) => None,
            Ok(Some(message)) => {
                let piece = v1::LoadSnapshotRequest::decode(message.bytes);
                Some(piece.map(|piece| piece.data).map_err(|error| error.to_string()))
            }
            Err(status) => Some(Err(status.message().to_owned())),
        }
    }
}
