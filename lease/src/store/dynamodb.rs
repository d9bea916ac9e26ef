//! Lease tables in DynamoDB and whatever speaks like it, by the calls that KCL makes.
//!
//! Conditions and changes go as KCL sends them, in DynamoDB's older parameters (`Expected`, `AttributeUpdates`), so
//! that what serves KCL serves us. One call is one attempt with one time limit; retrying belongs to who calls.

mod convert;
mod failure;
mod tables;

use std::error::Error as StdError;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use millstream_runtime::SharedClock;

use self::convert::{changes, expected, item, row};
use super::table::{Changes, Expected, KeyPage, OWNER_INDEX, Outcome, Page, Part, RowTable, Table};
use super::{Layout, TableStore};
use crate::error::{Error, Result};
use crate::row::attribute::{LEASE_KEY, LEASE_OWNER};
use crate::row::{Row, Value};

/// Time for one attempt. A lease that cannot be renewed within it is as good as lost.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// A part of a parallel scan reads about this much (KCL's figure).
const PART_BYTES: i64 = 200 * 1024 * 1024;
const PARTS_MAX: u32 = 32;

/// A lease store in DynamoDB.
pub type DynamoDbStore = TableStore<DynamoDbTable>;

impl DynamoDbStore {
    /// `config`, a service's or what all services share, says where the service is and who is asking; retries and time
    /// limits are ours. No request is sent.
    #[must_use]
    pub fn connect(config: impl Into<Builder>, layout: Layout, clock: SharedClock) -> Self {
        let config = config
            .into()
            .behavior_version(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self::over(DynamoDbTable { client: Client::from_conf(config), clock }, layout)
    }
}

/// Tables of one endpoint, as one caller, in one region.
#[derive(Debug)]
pub struct DynamoDbTable {
    client: Client,
    clock: SharedClock,
}

type Sent<T, E> = std::result::Result<T, SdkError<E, HttpResponse>>;

impl DynamoDbTable {
    /// One attempt of one operation on a table.
    async fn call<T, E>(&self, table: &Table, sent: impl Future<Output = Sent<T, E>> + Send) -> Result<T>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match self.attempt(sent).await {
            Ok(reply) => Ok(reply),
            Err(error) => Err(failure::of_call(table, error.as_ref())),
        }
    }

    /// One attempt; `Err(None)` when no reply came in time.
    async fn attempt<T, E>(
        &self,
        sent: impl Future<Output = Sent<T, E>> + Send,
    ) -> std::result::Result<T, Option<SdkError<E, HttpResponse>>> {
        match self.clock.timeout(ATTEMPT_TIMEOUT, sent).await {
            Some(reply) => reply.map_err(Some),
            None => Err(None),
        }
    }

    /// What stood in the way of a write. Older endpoints do not send the row along.
    async fn refused(
        &self,
        table: &Table,
        key: &str,
        found: Option<std::collections::HashMap<String, AttributeValue>>,
    ) -> Result<Outcome> {
        match found.filter(|found| !found.is_empty()) {
            Some(found) => Ok(Outcome::Refused(Some(row(found)))),
            None => Ok(Outcome::Refused(self.get(table, key).await?)),
        }
    }
}

fn key_value(key: &str) -> AttributeValue {
    AttributeValue::S(key.to_owned())
}

#[async_trait]
impl RowTable for DynamoDbTable {
    async fn ensure(&self, table: &Table, owner_index: bool) -> Result<()> {
        self.ensure_table(table).await?;
        if owner_index {
            self.ensure_owner_index(table).await?;
        }
        Ok(())
    }

    async fn get(&self, table: &Table, key: &str) -> Result<Option<Row>> {
        let request = self.client.get_item().table_name(&table.name);
        let request = request.key(table.key_attribute, key_value(key)).consistent_read(true);
        Ok(self.call(table, Box::pin(request.send())).await?.item.map(row))
    }

    async fn put(&self, table: &Table, new: Row, wanted: Expected) -> Result<Outcome> {
        let Some(Value::S(key)) = new.get(table.key_attribute).cloned() else {
            return Err(Error::Misuse("a row to be put has no key"));
        };
        let request = self
            .client
            .put_item()
            .table_name(&table.name)
            .set_item(Some(item(new.clone())))
            .set_expected(Some(expected(wanted)))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        match self.attempt(Box::pin(request.send())).await {
            Ok(_) => Ok(Outcome::Applied(new)),
            Err(error) => match error.as_ref().and_then(SdkError::as_service_error) {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    self.refused(table, &key, failed.item.clone()).await
                }
                _ => Err(failure::of_call(table, error.as_ref())),
            },
        }
    }

    async fn update(&self, table: &Table, key: &str, wanted: Expected, made: Changes) -> Result<Outcome> {
        let request = self
            .client
            .update_item()
            .table_name(&table.name)
            .key(table.key_attribute, key_value(key))
            .set_expected(Some(expected(wanted)))
            .set_attribute_updates(Some(changes(made)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        match self.attempt(Box::pin(request.send())).await {
            Ok(reply) => Ok(Outcome::Applied(row(reply.attributes.unwrap_or_default()))),
            Err(error) => match error.as_ref().and_then(SdkError::as_service_error) {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    self.refused(table, key, failed.item.clone()).await
                }
                _ => Err(failure::of_call(table, error.as_ref())),
            },
        }
    }

    async fn delete(&self, table: &Table, key: &str, wanted: Expected) -> Result<Outcome> {
        let request = self
            .client
            .delete_item()
            .table_name(&table.name)
            .key(table.key_attribute, key_value(key))
            .set_expected(Some(expected(wanted)))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        match self.attempt(Box::pin(request.send())).await {
            Ok(reply) => Ok(Outcome::Applied(row(reply.attributes.unwrap_or_default()))),
            Err(error) => match error.as_ref().and_then(SdkError::as_service_error) {
                Some(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                    self.refused(table, key, failed.item.clone()).await
                }
                _ => Err(failure::of_call(table, error.as_ref())),
            },
        }
    }

    async fn parts(&self, table: &Table) -> Result<u32> {
        let described = self.describe(table).await?;
        let bytes = described.and_then(|table| table.table_size_bytes).unwrap_or(0);
        let parts = u32::try_from(bytes / PART_BYTES).unwrap_or(PARTS_MAX);
        Ok((parts + 1).min(PARTS_MAX))
    }

    async fn scan(&self, table: &Table, part: Part, after: Option<Row>) -> Result<Page> {
        let request = self.client.scan().table_name(&table.name).set_exclusive_start_key(after.map(item));
        let segment = i32::try_from(part.number).ok().zip(i32::try_from(part.of).ok());
        let request = match segment {
            Some((segment, of)) if of > 1 => request.segment(segment).total_segments(of),
            _ => request,
        };
        let reply = self.call(table, Box::pin(request.send())).await?;
        let rows = reply.items.unwrap_or_default().into_iter().map(row).collect();
        Ok(Page { rows, next: reply.last_evaluated_key.filter(|key| !key.is_empty()).map(row) })
    }

    async fn query_owner(&self, table: &Table, owner: &str, after: Option<Row>) -> Result<KeyPage> {
        let request = self
            .client
            .query()
            .table_name(&table.name)
            .index_name(OWNER_INDEX)
            .key_condition_expression(format!("{LEASE_OWNER} = :{LEASE_OWNER}"))
            .expression_attribute_values(format!(":{LEASE_OWNER}"), key_value(owner))
            .set_exclusive_start_key(after.map(item));
        let reply = self.call(table, Box::pin(request.send())).await?;
        let key = |found: std::collections::HashMap<String, AttributeValue>| match found.get(LEASE_KEY) {
            Some(AttributeValue::S(key)) => Some(key.clone()),
            _ => None,
        };
        let keys = reply.items.unwrap_or_default().into_iter().filter_map(key).collect();
        Ok(KeyPage { keys, next: reply.last_evaluated_key.filter(|key| !key.is_empty()).map(row) })
    }
}

#[cfg(test)]
mod tests;
