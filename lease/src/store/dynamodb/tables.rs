//! Making tables and the index, as KCL makes them, and waiting until they can be used.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::operation::update_table::UpdateTableError;
use aws_sdk_dynamodb::types::builders::CreateGlobalSecondaryIndexActionBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexDescription,
    GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType, Projection, ProjectionType,
    ProvisionedThroughput, ScalarAttributeType, TableDescription, TableStatus,
};

use super::{DynamoDbTable, failure};
use crate::error::{Error, Result};
use crate::row::attribute::{LEASE_KEY, LEASE_OWNER};
use crate::store::table::{OWNER_INDEX, Table};

/// Between two looks at a table that is being made. A server nearby is quicker than AWS.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// KCL's patience with a new table and with a new index.
const TABLE_PATIENCE: Duration = Duration::from_secs(600);
const INDEX_PATIENCE: Duration = Duration::from_secs(3_600);

impl DynamoDbTable {
    /// `None` for a table that is not there.
    pub(super) async fn describe(&self, table: &Table) -> Result<Option<TableDescription>> {
        let request = self.client.describe_table().table_name(&table.name);
        match self.attempt(Box::pin(request.send())).await {
            Ok(reply) => Ok(reply.table),
            Err(error) => match error.as_ref().and_then(|error| error.as_service_error()) {
                Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
                _ => Err(failure::of_call(table, error.as_ref())),
            },
        }
    }

    pub(super) async fn ensure_table(&self, table: &Table) -> Result<()> {
        if self.describe(table).await?.is_none() {
            self.create_table(table).await?;
        }
        // A table that is being changed can be used.
        let usable = |described: &TableDescription| {
            matches!(described.table_status, Some(TableStatus::Active | TableStatus::Updating))
        };
        self.wait(table, TABLE_PATIENCE, usable).await
    }

    async fn create_table(&self, table: &Table) -> Result<()> {
        let request = self
            .client
            .create_table()
            .table_name(&table.name)
            .attribute_definitions(text_attribute(table.key_attribute)?)
            .key_schema(key_element(table.key_attribute, KeyType::Hash)?)
            .billing_mode(BillingMode::PayPerRequest);
        match self.attempt(Box::pin(request.send())).await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_ref().and_then(|error| error.as_service_error()) {
                // Another worker makes it.
                Some(CreateTableError::ResourceInUseException(_)) => Ok(()),
                _ => Err(failure::of_call(table, error.as_ref())),
            },
        }
    }

    pub(super) async fn ensure_owner_index(&self, table: &Table) -> Result<()> {
        let described = self.describe(table).await?;
        if described.as_ref().and_then(owner_index).is_none() {
            self.create_owner_index(table, described.as_ref()).await?;
        }
        let usable = |described: &TableDescription| {
            owner_index(described).is_some_and(|index| index.index_status == Some(IndexStatus::Active))
        };
        self.wait(table, INDEX_PATIENCE, usable).await
    }

    async fn create_owner_index(&self, table: &Table, described: Option<&TableDescription>) -> Result<()> {
        let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = CreateGlobalSecondaryIndexAction::builder()
            .index_name(OWNER_INDEX)
            .key_schema(key_element(LEASE_OWNER, KeyType::Hash)?)
            .key_schema(key_element(LEASE_KEY, KeyType::Range)?)
            .projection(projection);
        let index = with_throughput_of(described, index)?.build().map_err(unsendable)?;
        let request = self
            .client
            .update_table()
            .table_name(&table.name)
            .attribute_definitions(text_attribute(LEASE_OWNER)?)
            .attribute_definitions(text_attribute(LEASE_KEY)?)
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(index).build());
        match self.attempt(Box::pin(request.send())).await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_ref().and_then(|error| error.as_service_error()) {
                // Another worker makes it.
                Some(
                    UpdateTableError::ResourceInUseException(_) | UpdateTableError::LimitExceededException(_),
                ) => Ok(()),
                _ => Err(failure::of_call(table, error.as_ref())),
            },
        }
    }

    async fn wait(
        &self,
        table: &Table,
        patience: Duration,
        usable: impl Fn(&TableDescription) -> bool,
    ) -> Result<()> {
        let begun_at = self.clock.monotonic();
        let mut wait = FIRST_WAIT;
        while !self.describe(table).await?.as_ref().is_some_and(&usable) {
            if self.clock.monotonic().saturating_sub(begun_at) > patience {
                return Err(Error::Unavailable(format!("table {} does not become active", table.name)));
            }
            self.clock.sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        Ok(())
    }
}

fn owner_index(described: &TableDescription) -> Option<&GlobalSecondaryIndexDescription> {
    described.global_secondary_indexes().iter().find(|index| index.index_name() == Some(OWNER_INDEX))
}

/// An index of a provisioned table needs a throughput of its own: the table's.
fn with_throughput_of(
    described: Option<&TableDescription>,
    index: CreateGlobalSecondaryIndexActionBuilder,
) -> Result<CreateGlobalSecondaryIndexActionBuilder> {
    let Some(described) = described else { return Ok(index) };
    let mode = described.billing_mode_summary.as_ref().and_then(|summary| summary.billing_mode.as_ref());
    let units = described.provisioned_throughput.as_ref();
    let units = units.and_then(|units| units.read_capacity_units.zip(units.write_capacity_units));
    match (mode, units) {
        (None | Some(BillingMode::Provisioned), Some((reads, writes))) if reads > 0 && writes > 0 => {
            let units =
                ProvisionedThroughput::builder().read_capacity_units(reads).write_capacity_units(writes);
            Ok(index.provisioned_throughput(units.build().map_err(unsendable)?))
        }
        _ => Ok(index),
    }
}

fn text_attribute(name: &str) -> Result<AttributeDefinition> {
    let definition =
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
    definition.map_err(unsendable)
}

fn key_element(name: &str, kind: KeyType) -> Result<KeySchemaElement> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(unsendable)
}

fn unsendable(error: impl std::fmt::Display) -> Error {
    Error::Refused { code: "ConstructionFailure".to_owned(), message: error.to_string() }
}
