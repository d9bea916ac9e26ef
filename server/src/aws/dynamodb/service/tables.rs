//! Tables themselves: made, described, listed, deleted; and what an account may have.

use std::collections::BTreeMap;

use millstream_table::{CreateTable, NAMES_MAX, Tables};

use super::{Answer, descriptions, names, schemas, validation};
use crate::aws::caller::Caller;
use crate::aws::dynamodb::generated::{
    CreateTableInput, CreateTableOutput, DeleteTableInput, DeleteTableOutput, DescribeLimitsOutput,
    DescribeTableInput, DescribeTableOutput, ListTablesInput, ListTablesOutput, Tag,
};
use crate::aws::policy::{self, Subject};

pub(super) async fn create(
    tables: &Tables,
    caller: &Caller,
    input: CreateTableInput,
) -> Answer<CreateTableOutput> {
    if input.vector_indexes.is_some() {
        return Err(validation(
            "One or more parameter values were invalid: Vector indexes are not supported",
        ));
    }
    let arn = names::table(caller, &input.table_name)?;
    let policy = input.resource_policy.map(|text| checked_policy(&arn, text.into())).transpose()?;
    let call = CreateTable {
        attributes: schemas::attributes(input.attribute_definitions),
        keys: schemas::keys(input.key_schema.unwrap_or_default()),
        local_indexes: input
            .local_secondary_indexes
            .map(|all| all.into_iter().map(schemas::local_index).collect()),
        global_indexes: input
            .global_secondary_indexes
            .map(|all| all.into_iter().map(schemas::global_index).collect()),
        billing: input.billing_mode.map(schemas::billing),
        throughput: input.provisioned_throughput.as_ref().map(schemas::units),
        limits: schemas::limits(input.on_demand_throughput.as_ref()),
        warm: input.warm_throughput.as_ref().map(schemas::warm),
        stream: input.stream_specification.as_ref().map(schemas::stream),
        encryption: input.sse_specification.map(schemas::encryption).transpose()?,
        tags: tags(input.tags.unwrap_or_default()),
        class: input.table_class.map(schemas::class),
        deletion_protection: input.deletion_protection_enabled.unwrap_or_default(),
        policy,
        arn,
    };
    let described = tables.create_table(call).await?;
    Ok(CreateTableOutput { table_description: Some(descriptions::table(&described)) })
}

fn tags(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key.into(), tag.value.into())).collect()
}

/// Actions that a policy of a table may name.
const POLICY_ACTIONS: &[&str] = &[
    "BatchGetItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "CreateTable",
    "DeleteItem",
    "DeleteResourcePolicy",
    "DeleteTable",
    "DescribeContinuousBackups",
    "DescribeKinesisStreamingDestination",
    "DescribeTable",
    "DescribeTimeToLive",
    "DisableKinesisStreamingDestination",
    "EnableKinesisStreamingDestination",
    "GetItem",
    "GetResourcePolicy",
    "ListTagsOfResource",
    "PutItem",
    "PutResourcePolicy",
    "Query",
    "Scan",
    "TagResource",
    "UntagResource",
    "UpdateContinuousBackups",
    "UpdateItem",
    "UpdateKinesisStreamingDestination",
    "UpdateTable",
    "UpdateTimeToLive",
];

/// A policy that may be a table's.
pub(super) fn checked_policy(arn: &millstream_table::TableArn, text: String) -> Answer<String> {
    let subject = Subject { service: "dynamodb", actions: POLICY_ACTIONS, arn: arn.to_string() };
    match policy::check(&text, &subject) {
        Ok(()) => Ok(text),
        Err(fault) => Err(validation(format!("Invalid policy document: {fault}"))),
    }
}

pub(super) fn describe(
    tables: &Tables,
    caller: &Caller,
    input: &DescribeTableInput,
) -> Answer<DescribeTableOutput> {
    let described = tables.describe_table(&names::table(caller, &input.table_name)?)?;
    Ok(DescribeTableOutput { table: Some(descriptions::table(&described)) })
}

pub(super) async fn delete(
    tables: &Tables,
    caller: &Caller,
    input: &DeleteTableInput,
) -> Answer<DeleteTableOutput> {
    let described = tables.delete_table(&names::table(caller, &input.table_name)?).await?;
    Ok(DeleteTableOutput { table_description: Some(descriptions::deleted_table(&described)) })
}

pub(super) fn list(tables: &Tables, caller: &Caller, input: &ListTablesInput) -> Answer<ListTablesOutput> {
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(NAMES_MAX);
    let start = input.exclusive_start_table_name.as_deref();
    let page = tables.list_tables(&caller.account, &caller.region, start, limit);
    Ok(ListTablesOutput {
        table_names: Some(page.names.iter().map(|name| name.as_str().into()).collect()),
        last_evaluated_table_name: page.last.map(|name| name.as_str().into()),
    })
}

pub(super) fn describe_limits(tables: &Tables) -> DescribeLimitsOutput {
    let limits = tables.describe_limits();
    let (account, table) =
        (i64::try_from(limits.account_units_max).ok(), i64::try_from(limits.table_units_max).ok());
    DescribeLimitsOutput {
        account_max_read_capacity_units: account,
        account_max_write_capacity_units: account,
        table_max_read_capacity_units: table,
        table_max_write_capacity_units: table,
    }
}
