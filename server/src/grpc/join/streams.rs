//! The streams of this server as a worker in it reads them: no wire, and the same limits, faults and errors as on one.
//!
//! Only what consumers need is here; the rest of the trait is left out.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytestring::ByteString;
use millstream_client::{
    ChildShard, ConsumerStatus, Error, Next, Page, PageToken, Record, RecordPage, Result, Shard, ShardFilter,
    ShardIterator, StartingPosition, StreamApi, StreamConsumer, StreamMode, StreamRef, StreamStatus,
    StreamSummary, Subscription,
};
use millstream_engine::{
    ConsumerDescription, ConsumerKey, Engine, GetRecords, ListShards, RegisterConsumer, ShardDescription,
    ShardsFrom,
};
use millstream_model::{ConsumerArn, ConsumerName, ShardId, StreamArn};

use super::failure::to_client;
use super::subscription::LocalSubscription;
use crate::aws::caller::Caller;
use crate::aws::codec::ApiError;
use crate::aws::kinesis::front::KinesisFront;
use crate::aws::kinesis::generated::{
    DescribeStreamConsumerInput, DescribeStreamSummaryInput, GetRecordsInput, GetShardIteratorInput, Input,
    ListShardsInput, RegisterStreamConsumerInput, ShardIteratorType, StartingPosition as WirePosition,
    SubscribeToShardInput,
};

/// Data and keys of one reply. What was read waits in memory until the member has room for it.
const REPLY_BYTES_MAX: usize = 1024 * 1024;
const BYTES_PER_KIB: usize = 1024;

/// The streams that a caller means.
#[derive(Clone, Debug)]
pub(super) struct LocalStreams {
    pub(super) kinesis: KinesisFront,
    pub(super) caller: Caller,
}

impl LocalStreams {
    fn arn(&self, stream: &StreamRef) -> StreamArn {
        match stream {
            StreamRef::Arn(arn) => arn.clone(),
            StreamRef::Name(name) => self.caller.stream(name.clone()),
        }
    }

    /// The engine for one call, which is delayed or refused where that was asked for.
    async fn engine(&self, input: Input) -> Result<Engine> {
        self.kinesis.interfere(&self.caller, &input).await.map_err(|error| to_client(&error))?;
        self.kinesis.engine.current().await.map_err(refused)
    }
}

fn refused(error: millstream_engine::Error) -> Error {
    to_client(&ApiError::from(error))
}

#[allow(clippy::needless_pass_by_value)] // so that it can be given to `map`
fn text(shown: impl ToString) -> ByteString {
    shown.to_string().into()
}

#[async_trait]
impl StreamApi for LocalStreams {
    async fn describe_stream_summary(&self, stream: &StreamRef) -> Result<StreamSummary> {
        let arn = self.arn(stream);
        let stream_arn = Some(text(&arn));
        let input = DescribeStreamSummaryInput { stream_arn, ..Default::default() };
        let engine = self.engine(Input::DescribeStreamSummary(input)).await?;
        engine.describe_stream_summary(&arn).map(summary).map_err(refused)
    }

    async fn list_shards(
        &self,
        stream: &StreamRef,
        filter: ShardFilter,
        after: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        let arn = self.arn(stream);
        let input = ListShardsInput { stream_arn: Some(text(&arn)), ..Default::default() };
        let engine = self.engine(Input::ListShards(input)).await?;
        let from = match after {
            Some(token) => ShardsFrom::Token(&token.0),
            None => {
                ShardsFrom::Start { arn: &arn, filter: selects(filter), after: None, stream_created: None }
            }
        };
        let page = engine.list_shards(ListShards { from, shards_max: None }).map_err(refused)?;
        let items = page.shards.iter().map(shard).collect::<Result<_>>()?;
        Ok(Page { items, next: page.next_token.map(PageToken) })
    }

    async fn get_shard_iterator(
        &self,
        stream: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        let arn = self.arn(stream);
        let input = GetShardIteratorInput {
            stream_arn: Some(text(&arn)),
            shard_id: text(shard),
            ..Default::default()
        };
        let engine = self.engine(Input::GetShardIterator(input)).await?;
        let iterator = engine.get_shard_iterator(&arn, &shard.to_string(), &start(from), false).await;
        iterator.map(ShardIterator).map_err(refused)
    }

    async fn get_records(&self, _: &StreamRef, iterator: &ShardIterator, limit: usize) -> Result<RecordPage> {
        let input = GetRecordsInput { shard_iterator: text(&iterator.0), ..Default::default() };
        let engine = self.engine(Input::GetRecords(input)).await?;
        let call = GetRecords {
            iterator: &iterator.0,
            records_max: Some(limit),
            bytes_max: Some(REPLY_BYTES_MAX),
            stream: None,
            dry_run: false,
        };
        let page = engine.get_records(call).await.map_err(refused)?;
        let next = match page.next_iterator {
            Some(iterator) => Next::Iterator(ShardIterator(iterator)),
            None => Next::ShardEnd { children: page.children.iter().map(child).collect() },
        };
        Ok(RecordPage {
            records: page.records.into_iter().map(record).collect::<Result<_>>()?,
            next,
            millis_behind_latest: page.millis_behind_latest,
        })
    }

    async fn register_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let input = RegisterStreamConsumerInput {
            stream_arn: text(stream),
            consumer_name: text(name),
            ..Default::default()
        };
        let engine = self.engine(Input::RegisterStreamConsumer(input)).await?;
        let (stream, name) = (stream.clone(), name.clone());
        let call = RegisterConsumer { stream, name, tags: BTreeMap::new() };
        engine.register_consumer(call).await.map(consumer).map_err(refused)
    }

    async fn describe_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let input = DescribeStreamConsumerInput {
            stream_arn: Some(text(stream)),
            consumer_name: Some(text(name)),
            ..Default::default()
        };
        let engine = self.engine(Input::DescribeStreamConsumer(input)).await?;
        engine.describe_consumer(ConsumerKey::Name(stream, name)).map(consumer).map_err(refused)
    }

    async fn subscribe_to_shard(
        &self,
        consumer: &ConsumerArn,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        let input = SubscribeToShardInput {
            consumer_arn: text(consumer),
            shard_id: text(shard),
            starting_position: wire_position(from),
            ..Default::default()
        };
        let begun = self.kinesis.subscribe(&self.caller, input).await;
        let (events, cut) = begun.map_err(|error| to_client(&error))?;
        Ok(Box::new(LocalSubscription::new(events, cut)))
    }
}

fn summary(stream: millstream_engine::StreamDescription) -> StreamSummary {
    use millstream_engine::{Mode, StreamStatus as Status};
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    StreamSummary {
        name: stream.arn.name.clone(),
        status: match stream.status {
            Status::Creating => StreamStatus::Creating,
            Status::Active => StreamStatus::Active,
            Status::Updating => StreamStatus::Updating,
            Status::Deleting => StreamStatus::Deleting,
        },
        mode: Some(match stream.mode {
            Mode::Provisioned => StreamMode::Provisioned,
            Mode::OnDemand => StreamMode::OnDemand,
        }),
        created: stream.created,
        retention_hours: stream.retention_hours,
        open_shards: count(stream.open_shards),
        consumers: count(stream.consumers),
        encryption_key: stream.kms_key_id,
        record_bytes_max: stream.record_kib_max as usize * BYTES_PER_KIB,
        arn: stream.arn,
    }
}

fn selects(filter: ShardFilter) -> millstream_engine::ShardFilter {
    use millstream_engine::ShardFilter as Filter;
    match filter {
        ShardFilter::FromTrimHorizon => Filter::FromTrimHorizon,
        ShardFilter::AtTrimHorizon => Filter::AtTrimHorizon,
        ShardFilter::AtLatest => Filter::AtLatest,
        ShardFilter::AtTimestamp(time) => Filter::AtTimestamp(time),
        ShardFilter::FromTimestamp(time) => Filter::FromTimestamp(time),
        ShardFilter::AfterShard(id) => Filter::AfterShardId(id.to_string()),
    }
}

/// A number of the model as clients carry it.
#[allow(clippy::needless_pass_by_value)] // so that it can be given to `map`
pub(super) fn number(number: impl ToString) -> Result<millstream_client::SequenceNumber> {
    let text = number.to_string();
    text.parse().map_err(|_| Error::UnreadableReply(format!("{text:?} is no sequence number")))
}

fn shard(shard: &ShardDescription) -> Result<Shard> {
    Ok(Shard {
        id: shard.id,
        parent: shard.parent,
        adjacent_parent: shard.adjacent_parent,
        hash_key_range: shard.range,
        starting_sequence_number: number(shard.starting_sequence_number)?,
        ending_sequence_number: shard.ending_sequence_number.map(number).transpose()?,
    })
}

pub(super) fn child(child: &millstream_engine::ChildShard) -> ChildShard {
    ChildShard { id: child.id, parents: child.parents.clone(), hash_key_range: child.range }
}

/// The data are shared. Partition keys are text from their taking on; were one not, the rest of the record would still be
/// of more use than none.
pub(super) fn record(record: millstream_model::Record) -> Result<Record> {
    Ok(Record {
        sequence_number: number(record.sequence_number)?,
        approximate_arrival: record.approximate_arrival,
        partition_key: String::from_utf8_lossy(&record.partition_key).into_owned(),
        data: record.data,
    })
}

fn start(from: &StartingPosition) -> millstream_engine::StartingPosition {
    use millstream_engine::StartingPosition as Start;
    match from {
        StartingPosition::TrimHorizon => Start::TrimHorizon,
        StartingPosition::Latest => Start::Latest,
        StartingPosition::AtSequenceNumber(number) => Start::AtSequenceNumber(number.to_string()),
        StartingPosition::AfterSequenceNumber(number) => Start::AfterSequenceNumber(number.to_string()),
        StartingPosition::AtTimestamp(time) => Start::AtTimestamp(*time),
    }
}

fn wire_position(from: &StartingPosition) -> WirePosition {
    use ShardIteratorType as Kind;
    let (kind, number, timestamp) = match from {
        StartingPosition::TrimHorizon => (Kind::TrimHorizon, None, None),
        StartingPosition::Latest => (Kind::Latest, None, None),
        StartingPosition::AtSequenceNumber(number) => (Kind::AtSequenceNumber, Some(number), None),
        StartingPosition::AfterSequenceNumber(number) => (Kind::AfterSequenceNumber, Some(number), None),
        StartingPosition::AtTimestamp(time) => (Kind::AtTimestamp, None, Some(*time)),
    };
    WirePosition { kind, sequence_number: number.map(text), timestamp }
}

fn consumer(described: ConsumerDescription) -> StreamConsumer {
    use millstream_engine::ConsumerStatus as Status;
    let status = match described.status {
        Status::Creating => ConsumerStatus::Creating,
        Status::Active => ConsumerStatus::Active,
        Status::Deleting => ConsumerStatus::Deleting,
    };
    StreamConsumer { arn: described.arn, status }
}
