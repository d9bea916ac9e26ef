//! Resource policies. Only the account that owns a resource may look at its policy or change it.

use bytestring::ByteString;
use millstream_engine::{Engine, Resource};

use super::errors::invalid_argument;
use super::{Answer, names};
use crate::aws::caller::Caller;
use crate::aws::codec::ApiError;
use crate::aws::kinesis::generated::{
    DeleteResourcePolicyInput, Exception, GetResourcePolicyInput, GetResourcePolicyOutput, Operation,
    PutResourcePolicyInput,
};
use crate::aws::policy::{PolicyFault, Subject, check};

/// What other accounts can be allowed to do with a stream.
const STREAM_ACTIONS: &[&str] = &[
    "DescribeStream",
    "DescribeStreamSummary",
    "GetRecords",
    "GetShardIterator",
    "ListShards",
    "PutRecord",
    "PutRecords",
];

/// What other accounts can be allowed to do with a consumer.
const CONSUMER_ACTIONS: &[&str] = &["DescribeStreamConsumer", "SubscribeToShard"];

pub(super) async fn put(engine: &Engine, caller: &Caller, input: PutResourcePolicyInput) -> Answer<()> {
    let resource = owned(caller, &input.resource_arn, Operation::PutResourcePolicy)?;
    let subject = Subject { service: "kinesis", actions: actions(&resource), arn: resource.to_string() };
    check(&input.policy, &subject)?;
    Ok(engine.put_policy(&resource, input.policy.to_string()).await?)
}

pub(super) fn get(
    engine: &Engine,
    caller: &Caller,
    input: &GetResourcePolicyInput,
) -> Answer<GetResourcePolicyOutput> {
    let resource = owned(caller, &input.resource_arn, Operation::GetResourcePolicy)?;
    // AWS answers so where there is none.
    let none = || ByteString::from_static("{}");
    let policy = engine.policy(&resource)?.map_or_else(none, ByteString::from);
    Ok(GetResourcePolicyOutput { policy })
}

pub(super) async fn delete(
    engine: &Engine,
    caller: &Caller,
    input: &DeleteResourcePolicyInput,
) -> Answer<()> {
    let resource = owned(caller, &input.resource_arn, Operation::DeleteResourcePolicy)?;
    Ok(engine.delete_policy(&resource).await?)
}

/// The resource, if it is the caller's: a policy cannot give this away.
fn owned(caller: &Caller, arn: &ByteString, operation: Operation) -> Answer<Resource> {
    let resource = names::resource(caller, arn)?;
    let account = &caller.account;
    if resource.stream().account == *account {
        return Ok(resource);
    }
    let text = format!(
        "User: arn:{}:iam::{account}:root is not authorized to perform: kinesis:{operation} on resource: {resource} \
         because no resource-based policy allows the kinesis:{operation} action",
        caller.region.partition()
    );
    Err(ApiError::new(Exception::AccessDenied, text))
}

fn actions(resource: &Resource) -> &'static [&'static str] {
    match resource {
        Resource::Stream(_) => STREAM_ACTIONS,
        Resource::Consumer(_) => CONSUMER_ACTIONS,
    }
}

impl From<PolicyFault> for ApiError {
    fn from(fault: PolicyFault) -> Self {
        let text = fault.to_string();
        match fault {
            PolicyFault::TooLarge(_) => Self::new(Exception::LimitExceeded, text),
            PolicyFault::Malformed(_) | PolicyFault::Invalid(_) => invalid_argument(text),
        }
    }
}
