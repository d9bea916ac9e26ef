//! What is set on tables beside their schema: expiry of items, point-in-time recovery, resource policies.

use millstream_table::{ContinuousBackups, ExpiryStatus, Tables};

use super::tables::checked_policy;
use super::{Answer, names, parameters};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, DeleteResourcePolicyInput,
    DeleteResourcePolicyOutput, DescribeContinuousBackupsInput, DescribeContinuousBackupsOutput,
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, GetResourcePolicyInput, GetResourcePolicyOutput,
    PointInTimeRecoveryDescription, PointInTimeRecoveryStatus, PutResourcePolicyInput,
    PutResourcePolicyOutput, TimeToLiveDescription, TimeToLiveStatus, UpdateContinuousBackupsInput,
    UpdateContinuousBackupsOutput, UpdateTimeToLiveInput, UpdateTimeToLiveOutput,
};

pub(super) async fn update_expiry(
    tables: &Tables,
    caller: &Caller,
    input: UpdateTimeToLiveInput,
) -> Answer<UpdateTimeToLiveOutput> {
    let table = names::table(caller, &input.table_name)?;
    let specification = input.time_to_live_specification;
    tables
        .update_time_to_live(&table, specification.enabled, specification.attribute_name.to_string())
        .await?;
    Ok(UpdateTimeToLiveOutput { time_to_live_specification: Some(specification) })
}

pub(super) fn describe_expiry(
    tables: &Tables,
    caller: &Caller,
    input: &DescribeTimeToLiveInput,
) -> Answer<DescribeTimeToLiveOutput> {
    let described = tables.describe_time_to_live(&names::table(caller, &input.table_name)?)?;
    let status = match described.status {
        ExpiryStatus::Enabling => TimeToLiveStatus::Enabling,
        ExpiryStatus::Enabled => TimeToLiveStatus::Enabled,
        ExpiryStatus::Disabling => TimeToLiveStatus::Disabling,
        ExpiryStatus::Disabled => TimeToLiveStatus::Disabled,
    };
    let description = TimeToLiveDescription {
        time_to_live_status: Some(status),
        attribute_name: described.attribute.map(Into::into),
    };
    Ok(DescribeTimeToLiveOutput { time_to_live_description: Some(description) })
}

pub(super) async fn update_backups(
    tables: &Tables,
    caller: &Caller,
    input: UpdateContinuousBackupsInput,
) -> Answer<UpdateContinuousBackupsOutput> {
    let table = names::table(caller, &input.table_name)?;
    let specification = input.point_in_time_recovery_specification;
    let days = specification.recovery_period_in_days.and_then(|days| u32::try_from(days).ok());
    let enabled = specification.point_in_time_recovery_enabled;
    let backups = tables.update_continuous_backups(&table, enabled, days).await?;
    Ok(UpdateContinuousBackupsOutput { continuous_backups_description: Some(described(&backups)) })
}

pub(super) fn describe_backups(
    tables: &Tables,
    caller: &Caller,
    input: &DescribeContinuousBackupsInput,
) -> Answer<DescribeContinuousBackupsOutput> {
    let backups = tables.describe_continuous_backups(&names::table(caller, &input.table_name)?)?;
    Ok(DescribeContinuousBackupsOutput { continuous_backups_description: Some(described(&backups)) })
}

fn described(backups: &ContinuousBackups) -> ContinuousBackupsDescription {
    let recovery = match backups.recovery {
        None => PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Disabled),
            ..PointInTimeRecoveryDescription::default()
        },
        Some(window) => PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Enabled),
            recovery_period_in_days: i32::try_from(window.days).ok(),
            earliest_restorable_date_time: Some(window.earliest),
            latest_restorable_date_time: Some(window.latest),
        },
    };
    ContinuousBackupsDescription {
        continuous_backups_status: ContinuousBackupsStatus::Enabled,
        point_in_time_recovery_description: Some(recovery),
    }
}

pub(super) async fn put_policy(
    tables: &Tables,
    input: PutResourcePolicyInput,
) -> Answer<PutResourcePolicyOutput> {
    let table = names::resource(&input.resource_arn)?;
    let text = checked_policy(&table, input.policy.into())?;
    let revision = tables.put_policy(&table, text, parameters::text(input.expected_revision_id)).await?;
    Ok(PutResourcePolicyOutput { revision_id: Some(revision.into()) })
}

pub(super) fn policy(tables: &Tables, input: &GetResourcePolicyInput) -> Answer<GetResourcePolicyOutput> {
    let policy = tables.policy(&names::resource(&input.resource_arn)?)?;
    Ok(GetResourcePolicyOutput {
        policy: Some(policy.text.into()),
        revision_id: Some(policy.revision.into()),
    })
}

pub(super) async fn delete_policy(
    tables: &Tables,
    input: DeleteResourcePolicyInput,
) -> Answer<DeleteResourcePolicyOutput> {
    let table = names::resource(&input.resource_arn)?;
    let revision = tables.delete_policy(&table, parameters::text(input.expected_revision_id)).await?;
    Ok(DeleteResourcePolicyOutput { revision_id: revision.map(Into::into) })
}
