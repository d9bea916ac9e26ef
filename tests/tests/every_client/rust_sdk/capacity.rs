//! How much streams take, and the account.

use aws_sdk_kinesis::Client as Sdk;
use aws_sdk_kinesis::types::{
    MinimumThroughputBillingCommitmentInput, MinimumThroughputBillingCommitmentInputStatus,
    MinimumThroughputBillingCommitmentOutput, RecordDistributionStrategy, StreamMode, StreamModeDetails,
};
use serde_json::{Value, json};

use super::given::Given;
use super::{reply, shown};
use millstream_tests::told::Reply;

const COMMITMENT: &str = "MinimumThroughputBillingCommitment";

pub(crate) async fn carry_out(sdk: &Sdk, operation: &str, given: Given<'_>) -> Option<Reply> {
    let arn = given.text("StreamARN");
    Some(match operation {
        "DescribeLimits" => reply(sdk.describe_limits().send().await, |answer| {
            json!({
                "ShardLimit": answer.shard_limit,
                "OpenShardCount": answer.open_shard_count,
                "OnDemandStreamCount": answer.on_demand_stream_count,
                "OnDemandStreamCountLimit": answer.on_demand_stream_count_limit,
            })
        }),
        "DescribeAccountSettings" => reply(sdk.describe_account_settings().send().await, |answer| {
            settings(answer.minimum_throughput_billing_commitment.as_ref())
        }),
        "UpdateAccountSettings" => {
            let wanted = given.members(COMMITMENT).map(commitment);
            let call = sdk.update_account_settings().set_minimum_throughput_billing_commitment(wanted);
            reply(call.send().await, |answer| settings(answer.minimum_throughput_billing_commitment.as_ref()))
        }
        "UpdateStreamMode" => {
            let details = given.members("StreamModeDetails").map(mode);
            let call = sdk.update_stream_mode().set_stream_arn(arn).set_stream_mode_details(details);
            reply(call.send().await, |_| json!({}))
        }
        "UpdateStreamWarmThroughput" => {
            let call = sdk.update_stream_warm_throughput().set_stream_name(given.text("StreamName"));
            reply(
                call.set_warm_throughput_mibps(given.number("WarmThroughputMiBps")).send().await,
                |answer| {
                    json!({
                        "StreamName": answer.stream_name,
                        "StreamARN": answer.stream_arn,
                        "WarmThroughput": answer.warm_throughput.as_ref().map(shown::warm),
                    })
                },
            )
        }
        "UpdateMaxRecordSize" => {
            let call = sdk.update_max_record_size().set_stream_arn(arn);
            reply(call.set_max_record_size_in_kib(given.number("MaxRecordSizeInKiB")).send().await, |_| {
                json!({})
            })
        }
        "UpdateStreamRecordDistributionStrategy" => {
            let strategy = given.text("RecordDistributionStrategy");
            let strategy = strategy.map(|name| RecordDistributionStrategy::from(name.as_str()));
            let call = sdk.update_stream_record_distribution_strategy().set_stream_arn(arn);
            reply(call.set_record_distribution_strategy(strategy).send().await, |_| json!({}))
        }
        _ => return None,
    })
}

fn commitment(given: Given<'_>) -> MinimumThroughputBillingCommitmentInput {
    let status = given.text("Status");
    let status = status.map(|name| MinimumThroughputBillingCommitmentInputStatus::from(name.as_str()));
    MinimumThroughputBillingCommitmentInput::builder().set_status(status).build().unwrap()
}

fn settings(commitment: Option<&MinimumThroughputBillingCommitmentOutput>) -> Value {
    let shown = commitment.map(|commitment| {
        json!({
            "Status": commitment.status.to_string(),
            "StartedAt": shown::time(commitment.started_at.as_ref()),
            "EndedAt": shown::time(commitment.ended_at.as_ref()),
            "EarliestAllowedEndAt": shown::time(commitment.earliest_allowed_end_at.as_ref()),
        })
    });
    json!({ COMMITMENT: shown })
}

fn mode(given: Given<'_>) -> StreamModeDetails {
    let mode = given.text("StreamMode").map(|mode| StreamMode::from(mode.as_str()));
    StreamModeDetails::builder().set_stream_mode(mode).build().unwrap()
}
