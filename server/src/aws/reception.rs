//! What every front needs to take a request in: room for its body, the caller's account, faults, ids, and
//! when the server stops.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Body;
use millstream_model::AccountId;
use millstream_runtime::{SharedClock, TaskSet};

use super::codec::ApiError;
use super::request_id::RequestIds;
use crate::faults::{Faults, Target, Verdict};
use crate::http::body::{BodyBudget, BodyError, Received};

#[derive(Clone, Debug)]
pub(crate) struct Reception {
    pub(crate) budget: BodyBudget,
    pub(crate) faults: Arc<Faults>,
    /// The machine's, which goes on whatever becomes of the engine's.
    pub(crate) clock: SharedClock,
    /// Owns what an access key that is no account's id asks for.
    pub(crate) default_account: AccountId,
    pub(crate) ids: Arc<RequestIds>,
    /// Answers without an end of their own end when these are to.
    pub(crate) tasks: TaskSet,
}

impl Reception {
    /// Reads a body, or gives the status of the answer to one that cannot be read.
    pub(crate) async fn receive<B>(&self, body: B) -> Result<Received, StatusCode>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        self.budget.receive(body).await.map_err(|error| match error {
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow | BodyError::Broken => StatusCode::REQUEST_TIMEOUT,
        })
    }

    /// Delays or refuses a call where that was asked for.
    pub(super) async fn interfere(&self, target: &Target) -> Result<(), ApiError> {
        let Verdict { delay, failure } = self.faults.on_call(target);
        self.wait(delay).await;
        failure.map_or(Ok(()), |failure| Err(failure.answer(target)))
    }

    async fn wait(&self, delay: Duration) {
        self.faults.wait(delay).await;
    }
}
