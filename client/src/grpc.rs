//! [`StreamApi`] over Millstream's gRPC.
//!
//! Each call is one attempt with one time limit, as over the AWS wire; a refusal is the same [`Error`] on either, told by
//! the exception's name in the status' details. All calls share one connection of HTTP/2.

mod convert;
mod failure;
mod fan_out;
mod transport;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use millstream_model::{ConsumerArn, ConsumerName, ShardId, StreamArn, StreamName};
use millstream_proto::v1;
use millstream_proto::v1::records_client::RecordsClient;
use millstream_proto::v1::streams_client::StreamsClient;
use millstream_runtime::SharedClock;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

use self::transport::{Reach, Transport};
use crate::api::{
    Capacity, EntryOutcome, NewRecord, NewStream, Next, Page, PageToken, RecordPage, Shard, ShardFilter,
    ShardIterator, StartingPosition, StreamApi, StreamConsumer, StreamListing, StreamRef, StreamSummary,
    Subscription, one_each,
};
use crate::aws::{AwsService, AwsSettings};
use crate::error::{Error, Result};

/// Time for one attempt, as over the AWS wire.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// GetRecords answers with 10 MiB of data at most, and what stands around them.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Whether a URL asks for this transport.
pub(crate) fn is_grpc(url: &str) -> bool {
    url.starts_with("grpc://") || url.starts_with("grpcs://")
}

/// A connection to one server, in one region.
#[derive(Clone)]
pub struct GrpcStreamApi {
    streams: StreamsClient<Transport>,
    records: RecordsClient<Transport>,
    region: MetadataValue<Ascii>,
    clock: SharedClock,
    endpoint_url: String,
}

impl GrpcStreamApi {
    /// Of the settings, the endpoint, the region and whom to trust count; the server knows no keys yet. No request is
    /// sent to the service.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the endpoint is no URL, or certificates cannot be read.
    pub async fn connect(settings: &AwsSettings, clock: SharedClock) -> Result<Self> {
        let url = settings.endpoint_url(AwsService::Kinesis).unwrap_or_default();
        let region = settings.region_of_stand_in().await;
        let region = MetadataValue::try_from(region.as_str())
            .map_err(|_| Error::Configuration(format!("{region:?} is not the name of a region")))?;
        let (transport, origin) = Transport::to(&url, settings)?;
        let streams = StreamsClient::with_origin(transport.clone(), origin.clone());
        let records = RecordsClient::with_origin(transport, origin);
        Ok(Self {
            streams,
            records: records.max_decoding_message_size(ANSWER_BYTES_MAX),
            region,
            clock,
            endpoint_url: url,
        })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(millstream_proto::REGION, self.region.clone());
        request
    }

    /// One attempt of one call.
    async fn call<T>(&self, sent: impl Future<Output = Sent<T>> + Send) -> Result<T> {
        match self.clock.timeout(ATTEMPT_TIMEOUT, sent).await {
            Some(Ok(reply)) => Ok(reply.into_inner()),
            Some(Err(status)) => Err(failure::of_status(&status)),
            None => Err(Error::TimedOut(ATTEMPT_TIMEOUT)),
        }
    }
}

impl fmt::Debug for GrpcStreamApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcStreamApi").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

type Sent<T> = std::result::Result<tonic::Response<T>, tonic::Status>;

/// Calls a method of a service once. The clients are handles to the same connection and cheap to clone.
macro_rules! call {
    ($api:expr, $service:ident.$method:ident($message:expr)) => {{
        let (mut client, request) = ($api.$service.clone(), $api.request($message));
        $api.call(Box::pin(async move { client.$method(request).await })).await
    }};
}

#[async_trait]
impl StreamApi for GrpcStreamApi {
    async fn create_stream(&self, stream: &NewStream) -> Result<()> {
        let (mode, shard_count) = match stream.capacity {
            Capacity::Provisioned { shards } => {
                (v1::StreamMode::Provisioned, Some(i32::try_from(shards).unwrap_or(i32::MAX)))
            }
            Capacity::OnDemand => (v1::StreamMode::OnDemand, None),
        };
        let message = v1::CreateStreamRequest {
            stream_name: Some(stream.name.to_string()),
            shard_count,
            stream_mode_details: Some(v1::StreamModeDetails { stream_mode: Some(mode.into()) }),
            tags: stream.tags.clone().into_iter().collect(),
            ..Default::default()
        };
        call!(self, streams.create_stream(message))?;
        Ok(())
    }

    async fn delete_stream(&self, stream: &StreamRef, with_consumers: bool) -> Result<()> {
        let (stream_name, stream_arn) = convert::named(stream);
        let enforce_consumer_deletion = Some(with_consumers);
        let message = v1::DeleteStreamRequest { stream_name, stream_arn, enforce_consumer_deletion };
        call!(self, streams.delete_stream(message))?;
        Ok(())
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary> {
        let (stream_name, stream_arn) = convert::named(stream);
        let message = v1::DescribeStreamSummaryRequest { stream_name, stream_arn };
        let reply = call!(self, streams.describe_stream_summary(message))?;
        convert::summary(&convert::required("stream_description_summary", reply.stream_description_summary)?)
    }

    async fn list_streams(&self, after: Option<&StreamName>) -> Result<Page<StreamListing, StreamName>> {
        let exclusive_start_stream_name = after.map(ToString::to_string);
        let message = v1::ListStreamsRequest { exclusive_start_stream_name, ..Default::default() };
        let reply = call!(self, streams.list_streams(message))?;
        let items = reply.stream_summaries.iter().map(convert::listing).collect::<Result<Vec<_>>>()?;
        let last = items.last().map(|listing| listing.name.clone());
        Ok(Page { items, next: last.filter(|_| reply.has_more_streams) })
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        after: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        // A token stands for the stream and the filter too, and must come alone.
        let message = match after {
            Some(token) => v1::ListShardsRequest { next_token: Some(token.0.clone()), ..Default::default() },
            None => {
                let (stream_name, stream_arn) = convert::named(stream);
                let shard_filter = convert::shard_filter(filter);
                v1::ListShardsRequest { stream_name, stream_arn, shard_filter, ..Default::default() }
            }
        };
        let reply = call!(self, streams.list_shards(message))?;
        let items = reply.shards.iter().map(convert::shard).collect::<Result<_>>()?;
        Ok(Page { items, next: reply.next_token.map(PageToken) })
    }

    async fn put_records(&self, stream: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        let (stream_name, stream_arn) = convert::named(stream);
        let entries = records.iter().map(convert::entry).collect();
        let message = v1::PutRecordsRequest { records: entries, stream_name, stream_arn, dry_run: None };
        let reply = call!(self, records.put_records(message))?;
        let outcomes = reply.records.iter().map(convert::outcome).collect::<Result<_>>()?;
        one_each(outcomes, records)
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        let (stream_name, stream_arn) = convert::named(stream);
        let v1::StartingPosition { r#type, sequence_number, timestamp } = convert::position(from);
        let message = v1::GetShardIteratorRequest {
            stream_name,
            stream_arn,
            shard_id: Some(shard.to_string()),
            shard_iterator_type: r#type,
            starting_sequence_number: sequence_number,
            timestamp,
            dry_run: None,
        };
        let reply = call!(self, records.get_shard_iterator(message))?;
        Ok(ShardIterator(convert::required("shard_iterator", reply.shard_iterator)?))
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<RecordPage> {
        // The iterator names the stream. Its ARN matters only to reach the stream of another account.
        let (_, stream_arn) = convert::named(stream);
        let message = v1::GetRecordsRequest {
            shard_iterator: Some(iterator.0.clone()),
            limit: Some(i32::try_from(limit).unwrap_or(i32::MAX)),
            stream_arn,
            dry_run: None,
        };
        let reply = call!(self, records.get_records(message))?;
        let next = match reply.next_shard_iterator {
            Some(iterator) => Next::Iterator(ShardIterator(iterator)),
            None => Next::ShardEnd {
                children: reply.child_shards.iter().map(convert::child_shard).collect::<Result<_>>()?,
            },
        };
        Ok(RecordPage {
            records: reply.records.into_iter().map(convert::record).collect::<Result<_>>()?,
            next,
            millis_behind_latest: u64::try_from(reply.millis_behind_latest.unwrap_or(0)).unwrap_or(0),
        })
    }

    async fn register_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let message = v1::RegisterStreamConsumerRequest {
            stream_arn: Some(stream.to_string()),
            consumer_name: Some(name.to_string()),
            ..Default::default()
        };
        let reply = call!(self, streams.register_stream_consumer(message))?;
        let consumer = convert::required("consumer", reply.consumer)?;
        convert::consumer(&consumer.consumer_arn, consumer.consumer_status())
    }

    async fn describe_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let message = v1::DescribeStreamConsumerRequest {
            stream_arn: Some(stream.to_string()),
            consumer_name: Some(name.to_string()),
            ..Default::default()
        };
        let reply = call!(self, streams.describe_stream_consumer(message))?;
        let consumer = convert::required("consumer_description", reply.consumer_description)?;
        convert::consumer(&consumer.consumer_arn, consumer.consumer_status())
    }

    async fn subscribe_to_shard(
        &self,
        consumer: &ConsumerArn,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        let message = v1::SubscribeRequest {
            consumer_arn: Some(consumer.to_string()),
            shard_id: Some(shard.to_string()),
            starting_position: Some(convert::position(from)),
            dry_run: None,
        };
        let events = call!(self, records.subscribe(message))?;
        Ok(Box::new(fan_out::GrpcSubscription(events)))
    }

    async fn increase_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        let (stream_name, stream_arn) = convert::named(stream);
        let retention_period_hours = Some(convert::wire_hours(hours));
        let message =
            v1::IncreaseStreamRetentionPeriodRequest { stream_name, retention_period_hours, stream_arn };
        call!(self, streams.increase_stream_retention_period(message))?;
        Ok(())
    }

    async fn decrease_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        let (stream_name, stream_arn) = convert::named(stream);
        let retention_period_hours = Some(convert::wire_hours(hours));
        let message =
            v1::DecreaseStreamRetentionPeriodRequest { stream_name, retention_period_hours, stream_arn };
        call!(self, streams.decrease_stream_retention_period(message))?;
        Ok(())
    }

    async fn add_tags(&self, stream: &StreamRef, tags: &BTreeMap<String, String>) -> Result<()> {
        let (stream_name, stream_arn) = convert::named(stream);
        let tags = tags.clone().into_iter().collect();
        call!(
            self,
            streams.add_tags_to_stream(v1::AddTagsToStreamRequest { stream_name, tags, stream_arn })
        )?;
        Ok(())
    }

    async fn remove_tags(&self, stream: &StreamRef, keys: &[String]) -> Result<()> {
        let (stream_name, stream_arn) = convert::named(stream);
        let message = v1::RemoveTagsFromStreamRequest { stream_name, tag_keys: keys.to_vec(), stream_arn };
        call!(self, streams.remove_tags_from_stream(message))?;
        Ok(())
    }

    async fn list_tags(
        &self,
        stream: &StreamRef,
        after: Option<&str>,
    ) -> Result<Page<(String, String), String>> {
        let (stream_name, stream_arn) = convert::named(stream);
        let exclusive_start_tag_key = after.map(str::to_owned);
        let message = v1::ListTagsForStreamRequest {
            stream_name,
            exclusive_start_tag_key,
            stream_arn,
            ..Default::default()
        };
        let reply = call!(self, streams.list_tags_for_stream(message))?;
        let items: Vec<_> =
            reply.tags.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect();
        let last = items.last().map(|(key, _)| key.clone());
        Ok(Page { items, next: last.filter(|_| reply.has_more_tags) })
    }
}
