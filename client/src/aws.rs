//! [`StreamApi`] over the AWS wire, against AWS and whatever speaks like it.
//!
//! Each call is one attempt with one time limit: the SDK's retries are off, [`crate::retry`] has them. The
//! stream's internal id, which some endpoints return, is never sent back: the SDK would go to AWS with it
//! whatever the endpoint.

mod convert;
mod credentials;
pub(crate) mod failure;
mod fan_out;
mod http;
mod put_records;
mod settings;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Builder, StalledStreamProtectionConfig};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::types;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use millstream_model::{ConsumerArn, ConsumerName, ShardId, StreamArn, StreamName};
use millstream_runtime::SharedClock;

pub use self::credentials::{CredentialsFrom, Keys, Role};
#[cfg(feature = "grpc")]
pub(crate) use self::http::CONNECT_TIMEOUT;
pub use self::settings::{AwsService, AwsSettings};
use crate::api::{
    Capacity, EntryOutcome, NewRecord, NewStream, Next, Page, PageToken, RecordPage, SequenceNumber, Shard,
    ShardFilter, ShardIterator, StartingPosition, StreamApi, StreamConsumer, StreamListing, StreamRef,
    StreamSummary, Subscription, one_each,
};
use crate::error::{Error, Result};
pub use aws_config::SdkConfig;

/// Time for one attempt: 10 MiB take a while on a slow line, and a hung server must still be noticed.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to one endpoint, as one caller, in one region.
#[derive(Debug)]
pub struct AwsStreamApi {
    client: Client,
    clock: SharedClock,
    endpoint_url: Option<String>,
}

impl AwsStreamApi {
    /// Resolves the settings; no request is sent to the service yet.
    pub async fn connect(settings: &AwsSettings, clock: SharedClock) -> Result<Self> {
        let resolved = settings.resolve(AwsService::Kinesis).await?;
        let config = Builder::from(&resolved.config)
            .behavior_version(BehaviorVersion::latest())
            .http_client(resolved.http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Ok(Self { client: Client::from_conf(config), clock, endpoint_url: resolved.endpoint_url })
    }

    /// The endpoint that was configured, or `None` for AWS's own.
    #[must_use]
    pub fn endpoint_url(&self) -> Option<&str> {
        self.endpoint_url.as_deref()
    }

    /// One attempt of one operation.
    async fn call<T, E>(&self, sent: impl Future<Output = Sent<T, E>> + Send) -> Result<T>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match self.clock.timeout(ATTEMPT_TIMEOUT, sent).await {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(failure::of_call(error)),
            None => Err(Error::TimedOut(ATTEMPT_TIMEOUT)),
        }
    }
}

type Sent<T, E> = std::result::Result<T, SdkError<E, HttpResponse>>;

/// Names the stream in a request builder by name or ARN, whichever the caller gave.
macro_rules! for_stream {
    ($builder:expr, $stream:expr) => {
        match $stream {
            StreamRef::Name(name) => $builder.stream_name(name.as_str()),
            StreamRef::Arn(arn) => $builder.stream_arn(arn.to_string()),
        }
    };
}

#[async_trait]
impl StreamApi for AwsStreamApi {
    async fn create_stream(&self, stream: &NewStream) -> Result<()> {
        let request = self.client.create_stream().stream_name(stream.name.as_str());
        let (mode, request) = match stream.capacity {
            Capacity::Provisioned { shards } => {
                let shards = i32::try_from(shards).unwrap_or(i32::MAX);
                (types::StreamMode::Provisioned, request.shard_count(shards))
            }
            Capacity::OnDemand => (types::StreamMode::OnDemand, request),
        };
        let mode = types::StreamModeDetails::builder().stream_mode(mode).build();
        let mode = mode.map_err(|error| Error::Unsendable(error.to_string()))?;
        // An empty map of tags is not a valid one.
        let tags = (!stream.tags.is_empty()).then(|| stream.tags.clone().into_iter().collect());
        self.call(request.stream_mode_details(mode).set_tags(tags).send()).await?;
        Ok(())
    }

    async fn delete_stream(&self, stream: &StreamRef, with_consumers: bool) -> Result<()> {
        let request = for_stream!(self.client.delete_stream(), stream);
        self.call(request.enforce_consumer_deletion(with_consumers).send()).await?;
        Ok(())
    }

    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary> {
        let request = for_stream!(self.client.describe_stream_summary(), stream);
        let reply = self.call(request.send()).await?;
        let summary = reply.stream_description_summary;
        convert::summary(&summary.ok_or_else(|| convert::missing("StreamDescriptionSummary"))?)
    }

    /// Pages by name, which every endpoint knows; page tokens came later.
    async fn list_streams(&self, after: Option<&StreamName>) -> Result<Page<StreamListing, StreamName>> {
        let request =
            self.client.list_streams().set_exclusive_start_stream_name(after.map(ToString::to_string));
        let reply = self.call(request.send()).await?;
        let items = match reply.stream_summaries {
            Some(summaries) if summaries.len() == reply.stream_names.len() => {
                summaries.iter().map(convert::listing).collect::<Result<Vec<_>>>()?
            }
            _ => reply.stream_names.iter().map(|name| convert::bare_listing(name)).collect::<Result<_>>()?,
        };
        let last = items.last().map(|listing| listing.name.clone());
        Ok(Page { items, next: last.filter(|_| reply.has_more_streams) })
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        after: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        let request = self.client.list_shards();
        // A token stands for the stream and the filter too, and must come alone.
        let request = match after {
            Some(token) => request.next_token(&token.0),
            None if filter == ShardFilter::FromTrimHorizon => for_stream!(request, stream),
            None => for_stream!(request, stream).shard_filter(convert::shard_filter(filter)?),
        };
        let reply = self.call(Box::pin(request.send())).await?;
        let items = reply.shards.unwrap_or_default().iter().map(convert::shard).collect::<Result<_>>()?;
        Ok(Page { items, next: reply.next_token.map(PageToken) })
    }

    async fn put_records(&self, stream: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        let body = Bytes::from(put_records::body(stream, records));
        let request = for_stream!(self.client.put_records().set_records(Some(Vec::new())), stream);
        let request = request.customize().mutate_request(move |request| {
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body.clone());
        });
        let reply = self.call(request.send()).await?;
        let outcomes = reply.records.iter().map(convert::outcome).collect::<Result<_>>()?;
        one_each(outcomes, records)
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        let (kind, number, time) = convert::position(from);
        let request = for_stream!(self.client.get_shard_iterator(), stream)
            .shard_id(shard.to_string())
            .shard_iterator_type(kind)
            .set_starting_sequence_number(number.map(SequenceNumber::to_string))
            .set_timestamp(time);
        let reply = self.call(request.send()).await?;
        reply.shard_iterator.map(ShardIterator).ok_or_else(|| convert::missing("ShardIterator"))
    }

    async fn get_records(
        &self,
        stream: &StreamRef,
        iterator: &ShardIterator,
        limit: usize,
    ) -> Result<RecordPage> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let request = self.client.get_records().shard_iterator(&iterator.0).limit(limit);
        // The iterator names the stream. Its ARN matters only to reach the stream of another account.
        let request = match stream {
            StreamRef::Name(_) => request,
            StreamRef::Arn(arn) => request.stream_arn(arn.to_string()),
        };
        let reply = self.call(request.send()).await?;
        let next = match reply.next_shard_iterator {
            Some(iterator) => Next::Iterator(ShardIterator(iterator)),
            None => {
                let children = reply.child_shards.unwrap_or_default();
                Next::ShardEnd { children: children.iter().map(convert::child_shard).collect::<Result<_>>()? }
            }
        };
        let behind = reply.millis_behind_latest.unwrap_or(0);
        Ok(RecordPage {
            records: reply.records.into_iter().map(convert::record).collect::<Result<_>>()?,
            next,
            millis_behind_latest: u64::try_from(behind).unwrap_or(0),
        })
    }

    async fn register_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let request = self.client.register_stream_consumer().stream_arn(stream.to_string());
        let reply = self.call(request.consumer_name(name.as_str()).send()).await?;
        let consumer = reply.consumer.ok_or_else(|| convert::missing("Consumer"))?;
        fan_out::consumer(&consumer.consumer_arn, &consumer.consumer_status)
    }

    async fn describe_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let request = self.client.describe_stream_consumer().stream_arn(stream.to_string());
        let reply = self.call(request.consumer_name(name.as_str()).send()).await?;
        let consumer = reply.consumer_description.ok_or_else(|| convert::missing("ConsumerDescription"))?;
        fan_out::consumer(&consumer.consumer_arn, &consumer.consumer_status)
    }

    async fn subscribe_to_shard(
        &self,
        consumer: &ConsumerArn,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        let (kind, number, time) = convert::position(from);
        let position = types::StartingPosition::builder()
            .r#type(kind)
            .set_sequence_number(number.map(SequenceNumber::to_string))
            .set_timestamp(time)
            .build()
            .map_err(|error| Error::Unsendable(error.to_string()))?;
        let request = self.client.subscribe_to_shard().consumer_arn(consumer.to_string());
        let request = request.shard_id(shard.to_string()).starting_position(position);
        let reply = self.call(Box::pin(request.send())).await?;
        Ok(Box::new(fan_out::WireSubscription(reply)))
    }

    async fn increase_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        let request = for_stream!(self.client.increase_stream_retention_period(), stream);
        self.call(request.retention_period_hours(wire_hours(hours)).send()).await?;
        Ok(())
    }

    async fn decrease_retention(&self, stream: &StreamRef, hours: u32) -> Result<()> {
        let request = for_stream!(self.client.decrease_stream_retention_period(), stream);
        self.call(request.retention_period_hours(wire_hours(hours)).send()).await?;
        Ok(())
    }

    async fn add_tags(&self, stream: &StreamRef, tags: &BTreeMap<String, String>) -> Result<()> {
        let request = for_stream!(self.client.add_tags_to_stream(), stream);
        self.call(request.set_tags(Some(tags.clone().into_iter().collect())).send()).await?;
        Ok(())
    }

    async fn remove_tags(&self, stream: &StreamRef, keys: &[String]) -> Result<()> {
        let request = for_stream!(self.client.remove_tags_from_stream(), stream);
        self.call(request.set_tag_keys(Some(keys.to_vec())).send()).await?;
        Ok(())
    }

    async fn list_tags(
        &self,
        stream: &StreamRef,
        after: Option<&str>,
    ) -> Result<Page<(String, String), String>> {
        let request = for_stream!(self.client.list_tags_for_stream(), stream);
        let request = request.set_exclusive_start_tag_key(after.map(str::to_owned));
        let reply = self.call(request.send()).await?;
        let items: Vec<_> =
            reply.tags.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect();
        let last = items.last().map(|(key, _)| key.clone());
        Ok(Page { items, next: last.filter(|_| reply.has_more_tags) })
    }
}

fn wire_hours(hours: u32) -> i32 {
    i32::try_from(hours).unwrap_or(i32::MAX)
}
