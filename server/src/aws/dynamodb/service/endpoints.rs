//! Where the service is: for clients that ask it, which is where they are already.

use super::{Answer, Requester};
use crate::aws::dynamodb::generated::{DescribeEndpointsResponse, Endpoint};

/// How long clients may remember it: a day.
const CACHE_MINUTES: i64 = 1440;

pub(super) fn describe(requester: &Requester) -> Answer<DescribeEndpointsResponse> {
    let own = || format!("dynamodb.{}.amazonaws.com", requester.caller.region);
    let address = requester.host.clone().unwrap_or_else(own);
    let endpoint = Endpoint { address: address.into(), cache_period_in_minutes: CACHE_MINUTES };
    Ok(DescribeEndpointsResponse { endpoints: vec![endpoint] })
}
