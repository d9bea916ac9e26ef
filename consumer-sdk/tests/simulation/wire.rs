//! A worker's stream service: the engine, behind the worker's way.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use millstream_client::{
    ChildShard, ConsumerStatus, Error, Next, Page, PageToken, Record, RecordPage, Result, Shard, ShardFilter,
    ShardIterator, StartingPosition, StreamApi, StreamConsumer, StreamRef, StreamStatus, StreamSummary,
    Subscription, SubscriptionEvent, Then,
};
use millstream_engine::{self as engine, ConsumerDescription, ConsumerKey, Engine, GetRecords};
use millstream_model::{ConsumerArn, ConsumerName, IssuedNumber, SequenceNumber, ShardId, StreamArn};

use super::server::{Server, arn};
use super::way::Way;

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) server: Server,
    pub(crate) way: Way,
    /// How many records of a page do not arrive, for the control.
    pub(crate) drops_last_record: bool,
}

fn lost() -> Error {
    Error::ConnectionLost("no reply came".to_owned())
}

fn refused(error: engine::Error) -> Error {
    use engine::Error as Cause;
    match error {
        Cause::ResourceNotFound(text) => Error::ResourceNotFound(text),
        Cause::ResourceInUse(text) => Error::ResourceInUse(text),
        Cause::LimitExceeded(text) => Error::LimitExceeded(text),
        Cause::InvalidArgument(text) => Error::InvalidArgument(text),
        Cause::Validation(text) => Error::Validation(text),
        Cause::ProvisionedThroughputExceeded(text) => Error::ProvisionedThroughputExceeded(text),
        Cause::ExpiredIterator(text) => Error::ExpiredIterator(text),
        Cause::ExpiredNextToken(text) => Error::ExpiredNextToken(text),
        Cause::Unavailable(message) => Error::ServiceUnavailable { status: 503, message },
        other => Error::InternalFailure(other.to_string()),
    }
}

fn number(number: SequenceNumber) -> IssuedNumber {
    number.to_string().parse().unwrap()
}

fn record(record: millstream_model::Record) -> Record {
    Record {
        sequence_number: number(record.sequence_number),
        approximate_arrival: record.approximate_arrival,
        partition_key: String::from_utf8(record.partition_key.to_vec()).unwrap(),
        data: record.data,
    }
}

fn children(children: Vec<engine::ChildShard>) -> Vec<ChildShard> {
    let child = |child: engine::ChildShard| ChildShard {
        id: child.id,
        parents: child.parents,
        hash_key_range: child.range,
    };
    children.into_iter().map(child).collect()
}

fn start(from: &StartingPosition) -> engine::StartingPosition {
    use engine::StartingPosition as Start;
    match from {
        StartingPosition::TrimHorizon => Start::TrimHorizon,
        StartingPosition::Latest => Start::Latest,
        StartingPosition::AtSequenceNumber(number) => Start::AtSequenceNumber(number.to_string()),
        StartingPosition::AfterSequenceNumber(number) => Start::AfterSequenceNumber(number.to_string()),
        StartingPosition::AtTimestamp(time) => Start::AtTimestamp(*time),
    }
}

fn consumer(found: ConsumerDescription) -> StreamConsumer {
    let status = match found.status {
        engine::ConsumerStatus::Creating => ConsumerStatus::Creating,
        engine::ConsumerStatus::Active => ConsumerStatus::Active,
        engine::ConsumerStatus::Deleting => ConsumerStatus::Deleting,
    };
    StreamConsumer { arn: found.arn, status }
}

impl Wire {
    /// Has the engine do something, if a request reaches it and the reply comes back.
    async fn call<T>(&self, work: impl AsyncFnOnce(&Engine) -> engine::Result<T>) -> Result<T> {
        let carry_out = async {
            match self.server.running() {
                Some(running) => work(&running.engine).await.map_err(refused),
                None => Err(Error::Unreachable("nobody listens".to_owned())),
            }
        };
        self.way.call(carry_out).await.unwrap_or_else(|| Err(lost()))
    }
}

struct Pushed {
    way: Way,
    inner: engine::Subscription,
    drops_last_record: bool,
}

impl fmt::Debug for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushed").finish_non_exhaustive()
    }
}

#[async_trait]
impl Subscription for Pushed {
    async fn next_event(&mut self) -> Result<Option<SubscriptionEvent>> {
        self.way.running().await;
        let event = tokio::select! {
            biased;
            () = self.way.broken() => return Err(lost()),
            event = self.inner.next() => event,
        };
        self.way.running().await;
        let Some(event) = event.transpose().map_err(refused)? else { return Ok(None) };
        let mut records: Vec<_> = event.parts.iter().flat_map(engine::Part::records).map(record).collect();
        if self.drops_last_record {
            records.pop();
        }
        let then = match event.continuation {
            Some(last) => Then::ContinueAfter(number(last)),
            None => Then::ShardEnd { children: children(event.children) },
        };
        Ok(Some(SubscriptionEvent { records, then, millis_behind_latest: event.millis_behind_latest }))
    }
}

#[async_trait]
impl StreamApi for Wire {
    async fn describe_stream_summary(&self, _: &StreamRef) -> Result<StreamSummary> {
        let found = self.call(async |engine| engine.describe_stream_summary(&arn())).await?;
        Ok(StreamSummary {
            name: found.arn.name.clone(),
            arn: found.arn,
            status: StreamStatus::Active,
            mode: None,
            created: found.created,
            retention_hours: found.retention_hours,
            open_shards: u32::try_from(found.open_shards).unwrap(),
            consumers: u32::try_from(found.consumers).unwrap(),
            encryption_key: None,
            record_bytes_max: 1 << 20,
        })
    }

    async fn list_shards(
        &self,
        _: &StreamRef,
        filter: ShardFilter,
        _: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        use engine::ShardFilter as Filter;
        let filter = match filter {
            ShardFilter::FromTrimHorizon => Filter::FromTrimHorizon,
            ShardFilter::AtTrimHorizon => Filter::AtTrimHorizon,
            ShardFilter::AtLatest => Filter::AtLatest,
            ShardFilter::AtTimestamp(time) => Filter::AtTimestamp(time),
            ShardFilter::FromTimestamp(time) => Filter::FromTimestamp(time),
            ShardFilter::AfterShard(shard) => Filter::AfterShardId(shard.to_string()),
        };
        let arn = arn();
        let from = engine::ShardsFrom::Start { arn: &arn, filter, after: None, stream_created: None };
        let page = self
            .call(async |engine| engine.list_shards(engine::ListShards { from, shards_max: None }))
            .await?;
        assert_eq!(page.next_token, None, "there are not that many");
        let shard = |found: engine::ShardDescription| Shard {
            id: found.id,
            parent: found.parent,
            adjacent_parent: found.adjacent_parent,
            hash_key_range: found.range,
            starting_sequence_number: number(found.starting_sequence_number),
            ending_sequence_number: found.ending_sequence_number.map(number),
        };
        Ok(Page { items: page.shards.into_iter().map(shard).collect(), next: None })
    }

    async fn get_shard_iterator(
        &self,
        _: &StreamRef,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<ShardIterator> {
        let (shard, start) = (shard.to_string(), start(from));
        let call = async |engine: &Engine| engine.get_shard_iterator(&arn(), &shard, &start, false).await;
        Ok(ShardIterator(self.call(call).await?))
    }

    async fn get_records(&self, _: &StreamRef, iterator: &ShardIterator, limit: usize) -> Result<RecordPage> {
        let call = GetRecords {
            iterator: &iterator.0,
            records_max: Some(limit),
            bytes_max: None,
            stream: None,
            dry_run: false,
        };
        let page = self.call(async |engine| engine.get_records(call).await).await?;
        let mut records: Vec<_> = page.records.into_iter().map(record).collect();
        if self.drops_last_record {
            records.pop();
        }
        let next = match page.next_iterator {
            Some(next) => Next::Iterator(ShardIterator(next)),
            None => Next::ShardEnd { children: children(page.children) },
        };
        Ok(RecordPage { records, next, millis_behind_latest: page.millis_behind_latest })
    }

    async fn register_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let call =
            engine::RegisterConsumer { stream: stream.clone(), name: name.clone(), tags: BTreeMap::new() };
        self.call(async |engine| engine.register_consumer(call).await).await.map(consumer)
    }

    async fn describe_stream_consumer(
        &self,
        stream: &StreamArn,
        name: &ConsumerName,
    ) -> Result<StreamConsumer> {
        let key = ConsumerKey::Name(stream, name);
        self.call(async |engine| engine.describe_consumer(key)).await.map(consumer)
    }

    async fn subscribe_to_shard(
        &self,
        consumer: &ConsumerArn,
        shard: ShardId,
        from: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        let shard = shard.to_string();
        let call = engine::Subscribe { consumer, shard_id: &shard, start: start(from), dry_run: false };
        let inner = self.call(async |engine| engine.subscribe(call).await).await?;
        let (way, drops_last_record) = (self.way.clone(), self.drops_last_record);
        Ok(Box::new(Pushed { way, inner, drops_last_record }))
    }
}
