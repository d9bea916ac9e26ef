//! Carries out operations on tables: typed inputs in, typed outputs or errors out.
//!
//! This is the list of what is built. An operation that is not here answers that it is not known.

mod endpoints;
mod errors;
pub(super) mod values;

#[allow(clippy::wildcard_imports)] // nearly every input and output is named here
use super::generated::*;
use super::streams::generated::DynamoDbStreamsService;
use crate::aws::caller::Caller;
use crate::aws::codec::ApiError;

type Answer<T> = Result<T, ApiError>;

/// Who asks, and where.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    pub(crate) caller: Caller,
    /// Host and port, as the client wrote them.
    pub(crate) host: Option<String>,
}

/// The tables of one request.
#[derive(Clone, Debug)]
pub(crate) struct DynamoDb {}

impl DynamoDbService for DynamoDb {
    type Context = Requester;

    async fn describe_endpoints(
        &self,
        requester: &Requester,
        _: DescribeEndpointsRequest,
    ) -> Answer<DescribeEndpointsResponse> {
        endpoints::describe(requester)
    }
}

impl DynamoDbStreamsService for DynamoDb {
    type Context = Requester;
}
