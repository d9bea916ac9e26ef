//! Carries out operations on the engine: typed inputs in, typed outputs or errors out.
//!
//! This is the list of what is built. An operation that is not here answers that it is not built yet.

mod account;
mod capacity;
mod consumers;
mod encryption;
mod errors;
mod failing_entries;
mod monitoring;
pub(crate) mod names;
mod policies;
mod positions;
mod records;
mod shards;
mod streams;
mod subscriptions;
mod tags;

use std::sync::Arc;

use millstream_engine::Engine;
use millstream_runtime::SharedClock;

#[allow(clippy::wildcard_imports)] // nearly every input and output is named here
use super::generated::*;
use crate::aws::caller::Caller;
use crate::aws::codec::ApiError;
use crate::aws::event_stream::EventStream;
use crate::faults::Faults;

pub(crate) use self::subscriptions::Audible;

type Answer<T> = Result<T, ApiError>;

/// Kinesis on an engine.
#[derive(Clone, Debug)]
pub(crate) struct Kinesis {
    pub(crate) engine: Engine,
    pub(crate) faults: Arc<Faults>,
    /// The machine's, which goes on whatever becomes of the engine's.
    pub(crate) clock: SharedClock,
}

impl KinesisService for Kinesis {
    type Context = Caller;

    async fn create_stream(&self, caller: &Caller, input: CreateStreamInput) -> Answer<()> {
        streams::create(&self.engine, caller, input).await
    }

    async fn delete_stream(&self, caller: &Caller, input: DeleteStreamInput) -> Answer<()> {
        streams::delete(&self.engine, caller, input).await
    }

    async fn describe_stream(
        &self,
        caller: &Caller,
        input: DescribeStreamInput,
    ) -> Answer<DescribeStreamOutput> {
        streams::describe(&self.engine, caller, &input)
    }

    async fn describe_stream_summary(
        &self,
        caller: &Caller,
        input: DescribeStreamSummaryInput,
    ) -> Answer<DescribeStreamSummaryOutput> {
        streams::describe_summary(&self.engine, caller, &input)
    }

    async fn list_streams(&self, caller: &Caller, input: ListStreamsInput) -> Answer<ListStreamsOutput> {
        streams::list(&self.engine, caller, &input)
    }

    async fn describe_limits(&self, caller: &Caller, _: DescribeLimitsInput) -> Answer<DescribeLimitsOutput> {
        account::describe_limits(&self.engine, caller)
    }

    async fn describe_account_settings(
        &self,
        caller: &Caller,
        _: DescribeAccountSettingsInput,
    ) -> Answer<DescribeAccountSettingsOutput> {
        account::describe(&self.engine, caller)
    }

    async fn update_account_settings(
        &self,
        caller: &Caller,
        input: UpdateAccountSettingsInput,
    ) -> Answer<UpdateAccountSettingsOutput> {
        account::update(&self.engine, caller, input).await
    }

    async fn update_stream_mode(&self, _: &Caller, input: UpdateStreamModeInput) -> Answer<()> {
        capacity::update_mode(&self.engine, input).await
    }

    async fn update_stream_warm_throughput(
        &self,
        caller: &Caller,
        input: UpdateStreamWarmThroughputInput,
    ) -> Answer<UpdateStreamWarmThroughputOutput> {
        capacity::update_warm_throughput(&self.engine, caller, input).await
    }

    async fn update_max_record_size(&self, caller: &Caller, input: UpdateMaxRecordSizeInput) -> Answer<()> {
        capacity::update_max_record_size(&self.engine, caller, input).await
    }

    async fn update_stream_record_distribution_strategy(
        &self,
        _: &Caller,
        input: UpdateStreamRecordDistributionStrategyInput,
    ) -> Answer<()> {
        capacity::update_distribution(&self.engine, input).await
    }

    async fn increase_stream_retention_period(
        &self,
        caller: &Caller,
        input: IncreaseStreamRetentionPeriodInput,
    ) -> Answer<()> {
        let stream = names::stream_of!(caller, input)?;
        Ok(self.engine.increase_retention(&stream, input.retention_period_hours.into()).await?)
    }

    async fn decrease_stream_retention_period(
        &self,
        caller: &Caller,
        input: DecreaseStreamRetentionPeriodInput,
    ) -> Answer<()> {
        let stream = names::stream_of!(caller, input)?;
        Ok(self.engine.decrease_retention(&stream, input.retention_period_hours.into()).await?)
    }

    async fn start_stream_encryption(
        &self,
        caller: &Caller,
        input: StartStreamEncryptionInput,
    ) -> Answer<()> {
        encryption::start(&self.engine, caller, input).await
    }

    async fn stop_stream_encryption(&self, caller: &Caller, input: StopStreamEncryptionInput) -> Answer<()> {
        encryption::stop(&self.engine, caller, input).await
    }

    async fn list_shards(&self, caller: &Caller, input: ListShardsInput) -> Answer<ListShardsOutput> {
        shards::list(&self.engine, caller, &input)
    }

    async fn split_shard(&self, caller: &Caller, input: SplitShardInput) -> Answer<()> {
        shards::split(&self.engine, caller, input).await
    }

    async fn merge_shards(&self, caller: &Caller, input: MergeShardsInput) -> Answer<()> {
        shards::merge(&self.engine, caller, input).await
    }

    async fn update_shard_count(
        &self,
        caller: &Caller,
        input: UpdateShardCountInput,
    ) -> Answer<UpdateShardCountOutput> {
        shards::update_count(&self.engine, caller, input).await
    }

    async fn put_record(&self, caller: &Caller, input: PutRecordInput) -> Answer<PutRecordOutput> {
        records::put_record(&self.engine, caller, input).await
    }

    async fn put_records(&self, caller: &Caller, input: PutRecordsInput) -> Answer<PutRecordsOutput> {
        failing_entries::put_records(self, caller, input).await
    }

    async fn get_shard_iterator(
        &self,
        caller: &Caller,
        input: GetShardIteratorInput,
    ) -> Answer<GetShardIteratorOutput> {
        records::get_shard_iterator(&self.engine, caller, input).await
    }

    async fn get_records(&self, _: &Caller, input: GetRecordsInput) -> Answer<GetRecordsOutput> {
        records::get_records(&self.engine, input).await
    }

    async fn register_stream_consumer(
        &self,
        _: &Caller,
        input: RegisterStreamConsumerInput,
    ) -> Answer<RegisterStreamConsumerOutput> {
        consumers::register(&self.engine, input).await
    }

    async fn deregister_stream_consumer(
        &self,
        _: &Caller,
        input: DeregisterStreamConsumerInput,
    ) -> Answer<()> {
        consumers::deregister(&self.engine, input).await
    }

    async fn describe_stream_consumer(
        &self,
        _: &Caller,
        input: DescribeStreamConsumerInput,
    ) -> Answer<DescribeStreamConsumerOutput> {
        consumers::describe(&self.engine, &input)
    }

    async fn list_stream_consumers(
        &self,
        _: &Caller,
        input: ListStreamConsumersInput,
    ) -> Answer<ListStreamConsumersOutput> {
        consumers::list(&self.engine, &input)
    }

    async fn subscribe_to_shard(&self, _: &Caller, input: SubscribeToShardInput) -> Answer<EventStream> {
        subscriptions::subscribe(self, input).await
    }

    async fn add_tags_to_stream(&self, caller: &Caller, input: AddTagsToStreamInput) -> Answer<()> {
        tags::add(&self.engine, caller, input).await
    }

    async fn remove_tags_from_stream(&self, caller: &Caller, input: RemoveTagsFromStreamInput) -> Answer<()> {
        tags::remove(&self.engine, caller, input).await
    }

    async fn list_tags_for_stream(
        &self,
        caller: &Caller,
        input: ListTagsForStreamInput,
    ) -> Answer<ListTagsForStreamOutput> {
        tags::list(&self.engine, caller, &input)
    }

    async fn tag_resource(&self, caller: &Caller, input: TagResourceInput) -> Answer<()> {
        tags::tag_resource(&self.engine, caller, input).await
    }

    async fn untag_resource(&self, caller: &Caller, input: UntagResourceInput) -> Answer<()> {
        tags::untag_resource(&self.engine, caller, input).await
    }

    async fn list_tags_for_resource(
        &self,
        caller: &Caller,
        input: ListTagsForResourceInput,
    ) -> Answer<ListTagsForResourceOutput> {
        tags::list_of_resource(&self.engine, caller, &input)
    }

    async fn put_resource_policy(&self, caller: &Caller, input: PutResourcePolicyInput) -> Answer<()> {
        policies::put(&self.engine, caller, input).await
    }

    async fn get_resource_policy(
        &self,
        caller: &Caller,
        input: GetResourcePolicyInput,
    ) -> Answer<GetResourcePolicyOutput> {
        policies::get(&self.engine, caller, &input)
    }

    async fn delete_resource_policy(&self, caller: &Caller, input: DeleteResourcePolicyInput) -> Answer<()> {
        policies::delete(&self.engine, caller, &input).await
    }

    async fn enable_enhanced_monitoring(
        &self,
        caller: &Caller,
        input: EnableEnhancedMonitoringInput,
    ) -> Answer<EnhancedMonitoringOutput> {
        monitoring::enable(&self.engine, caller, input).await
    }

    async fn disable_enhanced_monitoring(
        &self,
        caller: &Caller,
        input: DisableEnhancedMonitoringInput,
    ) -> Answer<EnhancedMonitoringOutput> {
        monitoring::disable(&self.engine, caller, input).await
    }
}

/// A number as the wire wants it; ours stay far below the end of its range.
fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
