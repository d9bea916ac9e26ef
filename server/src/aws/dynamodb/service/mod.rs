//! Carries out operations on tables: typed inputs in, typed outputs or errors out.
//!
//! This is the list of what is built. An operation that is not here answers that it is not known.

mod batches;
mod changes;
mod consumed;
mod descriptions;
mod destinations;
mod endpoints;
mod errors;
mod items;
mod names;
mod parameters;
mod reads;
mod schemas;
pub(crate) mod streams;
mod tables;
mod tags;
mod transactions;
mod upkeep;
pub(crate) mod values;

use std::borrow::Cow;

use millstream_engine::LiveEngine;
use millstream_table::Tables;

#[allow(clippy::wildcard_imports)] // nearly every input and output is named here
use super::generated::*;
use super::streams::generated::{self as of_streams, DynamoDbStreamsService};
use crate::aws::caller::Caller;
use crate::aws::codec::{ApiError, ProtocolError};

type Answer<T> = Result<T, ApiError>;

/// Who asks, and where.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    pub(crate) caller: Caller,
    /// Host and port, as the client wrote them.
    pub(crate) host: Option<String>,
}

/// The table service for one request.
#[derive(Clone, Debug)]
pub(crate) struct DynamoDb {
    pub(crate) tables: Tables,
    /// Has the streams to which tables may feed their changes.
    pub(crate) engine: LiveEngine,
}

impl DynamoDbService for DynamoDb {
    type Context = Requester;

    async fn create_table(&self, by: &Requester, input: CreateTableInput) -> Answer<CreateTableOutput> {
        tables::create(&self.tables, &by.caller, input).await
    }

    async fn describe_table(&self, by: &Requester, input: DescribeTableInput) -> Answer<DescribeTableOutput> {
        tables::describe(&self.tables, &by.caller, &input)
    }

    async fn delete_table(&self, by: &Requester, input: DeleteTableInput) -> Answer<DeleteTableOutput> {
        tables::delete(&self.tables, &by.caller, &input).await
    }

    async fn list_tables(&self, by: &Requester, input: ListTablesInput) -> Answer<ListTablesOutput> {
        tables::list(&self.tables, &by.caller, &input)
    }

    async fn describe_limits(&self, _: &Requester, _: DescribeLimitsInput) -> Answer<DescribeLimitsOutput> {
        Ok(tables::describe_limits(&self.tables))
    }

    async fn describe_endpoints(
        &self,
        by: &Requester,
        _: DescribeEndpointsRequest,
    ) -> Answer<DescribeEndpointsResponse> {
        endpoints::describe(by)
    }

    async fn get_item(&self, by: &Requester, input: GetItemInput) -> Answer<GetItemOutput> {
        items::get(&self.tables, &by.caller, input).await
    }

    async fn put_item(&self, by: &Requester, input: PutItemInput) -> Answer<PutItemOutput> {
        items::put(&self.tables, &by.caller, input).await
    }

    async fn update_item(&self, by: &Requester, input: UpdateItemInput) -> Answer<UpdateItemOutput> {
        items::update(&self.tables, &by.caller, input).await
    }

    async fn delete_item(&self, by: &Requester, input: DeleteItemInput) -> Answer<DeleteItemOutput> {
        items::delete(&self.tables, &by.caller, input).await
    }

    async fn query(&self, by: &Requester, input: QueryInput) -> Answer<QueryOutput> {
        reads::query(&self.tables, &by.caller, input).await
    }

    async fn scan(&self, by: &Requester, input: ScanInput) -> Answer<ScanOutput> {
        reads::scan(&self.tables, &by.caller, input).await
    }

    async fn tag_resource(&self, _: &Requester, input: TagResourceInput) -> Answer<()> {
        tags::add(&self.tables, input).await
    }

    async fn untag_resource(&self, _: &Requester, input: UntagResourceInput) -> Answer<()> {
        tags::remove(&self.tables, input).await
    }

    async fn list_tags_of_resource(
        &self,
        _: &Requester,
        input: ListTagsOfResourceInput,
    ) -> Answer<ListTagsOfResourceOutput> {
        tags::list(&self.tables, &input)
    }

    async fn update_table(&self, by: &Requester, input: UpdateTableInput) -> Answer<UpdateTableOutput> {
        changes::update(&self.tables, &by.caller, input).await
    }

    async fn batch_get_item(&self, by: &Requester, input: BatchGetItemInput) -> Answer<BatchGetItemOutput> {
        batches::get(&self.tables, &by.caller, input).await
    }

    async fn batch_write_item(
        &self,
        by: &Requester,
        input: BatchWriteItemInput,
    ) -> Answer<BatchWriteItemOutput> {
        batches::write(&self.tables, &by.caller, input).await
    }

    async fn transact_get_items(
        &self,
        by: &Requester,
        input: TransactGetItemsInput,
    ) -> Answer<TransactGetItemsOutput> {
        transactions::get(&self.tables, &by.caller, input).await
    }

    async fn transact_write_items(
        &self,
        by: &Requester,
        input: TransactWriteItemsInput,
    ) -> Answer<TransactWriteItemsOutput> {
        transactions::write(&self.tables, &by.caller, input).await
    }

    async fn update_time_to_live(
        &self,
        by: &Requester,
        input: UpdateTimeToLiveInput,
    ) -> Answer<UpdateTimeToLiveOutput> {
        upkeep::update_expiry(&self.tables, &by.caller, input).await
    }

    async fn describe_time_to_live(
        &self,
        by: &Requester,
        input: DescribeTimeToLiveInput,
    ) -> Answer<DescribeTimeToLiveOutput> {
        upkeep::describe_expiry(&self.tables, &by.caller, &input)
    }

    async fn update_continuous_backups(
        &self,
        by: &Requester,
        input: UpdateContinuousBackupsInput,
    ) -> Answer<UpdateContinuousBackupsOutput> {
        upkeep::update_backups(&self.tables, &by.caller, input).await
    }

    async fn describe_continuous_backups(
        &self,
        by: &Requester,
        input: DescribeContinuousBackupsInput,
    ) -> Answer<DescribeContinuousBackupsOutput> {
        upkeep::describe_backups(&self.tables, &by.caller, &input)
    }

    async fn enable_kinesis_streaming_destination(
        &self,
        by: &Requester,
        input: KinesisStreamingDestinationInput,
    ) -> Answer<KinesisStreamingDestinationOutput> {
        destinations::enable(&self.tables, &self.engine, &by.caller, input).await
    }

    async fn disable_kinesis_streaming_destination(
        &self,
        by: &Requester,
        input: KinesisStreamingDestinationInput,
    ) -> Answer<KinesisStreamingDestinationOutput> {
        destinations::disable(&self.tables, &by.caller, input).await
    }

    async fn update_kinesis_streaming_destination(
        &self,
        by: &Requester,
        input: UpdateKinesisStreamingDestinationInput,
    ) -> Answer<UpdateKinesisStreamingDestinationOutput> {
        destinations::update(&self.tables, &by.caller, input).await
    }

    async fn describe_kinesis_streaming_destination(
        &self,
        by: &Requester,
        input: DescribeKinesisStreamingDestinationInput,
    ) -> Answer<DescribeKinesisStreamingDestinationOutput> {
        destinations::describe(&self.tables, &by.caller, input)
    }

    async fn put_resource_policy(
        &self,
        _: &Requester,
        input: PutResourcePolicyInput,
    ) -> Answer<PutResourcePolicyOutput> {
        upkeep::put_policy(&self.tables, input).await
    }

    async fn get_resource_policy(
        &self,
        _: &Requester,
        input: GetResourcePolicyInput,
    ) -> Answer<GetResourcePolicyOutput> {
        upkeep::policy(&self.tables, &input)
    }

    async fn delete_resource_policy(
        &self,
        _: &Requester,
        input: DeleteResourcePolicyInput,
    ) -> Answer<DeleteResourcePolicyOutput> {
        upkeep::delete_policy(&self.tables, input).await
    }
}

impl DynamoDbStreamsService for DynamoDb {
    type Context = Requester;

    async fn list_streams(
        &self,
        by: &Requester,
        input: of_streams::ListStreamsInput,
    ) -> Answer<of_streams::ListStreamsOutput> {
        streams::list(&self.tables, &by.caller, &input)
    }

    async fn describe_stream(
        &self,
        _: &Requester,
        input: of_streams::DescribeStreamInput,
    ) -> Answer<of_streams::DescribeStreamOutput> {
        streams::describe(&self.tables, input).await
    }

    async fn get_shard_iterator(
        &self,
        _: &Requester,
        input: of_streams::GetShardIteratorInput,
    ) -> Answer<of_streams::GetShardIteratorOutput> {
        streams::iterator(&self.tables, input).await
    }

    async fn get_records(
        &self,
        _: &Requester,
        input: of_streams::GetRecordsInput,
    ) -> Answer<of_streams::GetRecordsOutput> {
        streams::records(&self.tables, input).await
    }
}

fn validation(text: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(ProtocolError::Validation, text)
}
