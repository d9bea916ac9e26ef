//! What belongs to an account in a region: its quotas and its settings.

use millstream_engine::{CommitmentDescription, CommitmentStatus, Engine};

use super::{Answer, count};
use crate::aws::caller::Caller;
use crate::aws::kinesis::generated::{
    DescribeAccountSettingsOutput, DescribeLimitsOutput, MinimumThroughputBillingCommitmentInputStatus,
    MinimumThroughputBillingCommitmentOutput, MinimumThroughputBillingCommitmentOutputStatus,
    UpdateAccountSettingsInput, UpdateAccountSettingsOutput,
};

pub(super) fn describe_limits(engine: &Engine, caller: &Caller) -> Answer<DescribeLimitsOutput> {
    let limits = engine.describe_limits(&caller.account, &caller.region)?;
    Ok(DescribeLimitsOutput {
        shard_limit: count(limits.shards_max),
        open_shard_count: count(limits.open_shards),
        on_demand_stream_count: count(limits.on_demand_streams),
        on_demand_stream_count_limit: count(limits.on_demand_streams_max),
        // There are no channels here, and none can be made.
        channel_count: Some(0),
        channel_count_limit: Some(0),
    })
}

pub(super) fn describe(engine: &Engine, caller: &Caller) -> Answer<DescribeAccountSettingsOutput> {
    let settings = engine.describe_account_settings(&caller.account, &caller.region)?;
    Ok(DescribeAccountSettingsOutput { minimum_throughput_billing_commitment: Some(commitment(settings)) })
}

pub(super) async fn update(
    engine: &Engine,
    caller: &Caller,
    input: UpdateAccountSettingsInput,
) -> Answer<UpdateAccountSettingsOutput> {
    let is_committed = match input.minimum_throughput_billing_commitment.status {
        MinimumThroughputBillingCommitmentInputStatus::Enabled => true,
        MinimumThroughputBillingCommitmentInputStatus::Disabled => false,
    };
    let settings = engine.update_account_settings(&caller.account, &caller.region, is_committed).await?;
    Ok(UpdateAccountSettingsOutput { minimum_throughput_billing_commitment: Some(commitment(settings)) })
}

fn commitment(settings: CommitmentDescription) -> MinimumThroughputBillingCommitmentOutput {
    MinimumThroughputBillingCommitmentOutput {
        status: match settings.status {
            CommitmentStatus::Disabled => MinimumThroughputBillingCommitmentOutputStatus::Disabled,
            CommitmentStatus::Enabled => MinimumThroughputBillingCommitmentOutputStatus::Enabled,
            CommitmentStatus::EnabledUntilEarliestAllowedEnd => {
                MinimumThroughputBillingCommitmentOutputStatus::EnabledUntilEarliestAllowedEnd
            }
        },
        started_at: settings.started_at,
        ended_at: settings.ended_at,
        earliest_allowed_end_at: settings.earliest_allowed_end_at,
    }
}
