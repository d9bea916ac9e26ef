//! The fake as a `StreamApi`: what a producer calls, and what it does not, which says so.

use std::collections::BTreeMap;

use async_trait::async_trait;
use millstream_client::{
    EntryOutcome, Error, NewRecord, NewStream, Page, PageToken, RecordPage, Result, Shard, ShardFilter,
    ShardIterator, StartingPosition, StreamApi, StreamConsumer, StreamListing, StreamRef, StreamSummary,
    Subscription,
};
use millstream_model::{ConsumerArn, ConsumerName, ShardId, StreamArn, StreamName};

use crate::fake::FakeStream;

fn unused<T>() -> Result<T> {
    Err(Error::Validation("no producer calls this".to_owned()))
}

#[async_trait]
impl StreamApi for FakeStream {
    async fn put_records(&self, _: &StreamRef, records: &[NewRecord]) -> Result<Vec<EntryOutcome>> {
        let in_flight = InFlight::new(self.clone());
        let answer = self.answer(records).await;
        drop(in_flight);
        answer
    }

    async fn list_shards(
        &self,
        _: &StreamRef,
        filter: ShardFilter,
        after: Option<&PageToken>,
    ) -> Result<Page<Shard>> {
        assert!(matches!(filter, ShardFilter::AtLatest | ShardFilter::FromTrimHorizon));
        let fails = self.0.state.lock().weather.failing_listings;
        if self.happens(fails) {
            return Err(Error::AccessDenied("not today".to_owned()));
        }
        let mut state = self.0.state.lock();
        state.listings += 1;
        let shows = |shard: &&Shard| filter == ShardFilter::FromTrimHorizon || shard.is_open();
        let listed: Vec<_> = state.listed.iter().filter(shows).cloned().collect();
        // Pages of three.
        let from: usize = after.map_or(0, |token| token.0.parse().unwrap());
        let until = (from + 3).min(listed.len());
        let next = (until < listed.len()).then(|| PageToken(until.to_string()));
        Ok(Page { items: listed.get(from..until).unwrap_or_default().to_vec(), next })
    }

    async fn create_stream(&self, _: &NewStream) -> Result<()> {
        unused()
    }
    async fn delete_stream(&self, _: &StreamRef, _: bool) -> Result<()> {
        unused()
    }
    async fn describe_stream_summary(&self, _: &StreamRef) -> Result<StreamSummary> {
        unused()
    }
    async fn list_streams(&self, _: Option<&StreamName>) -> Result<Page<StreamListing, StreamName>> {
        unused()
    }
    async fn get_shard_iterator(
        &self,
        _: &StreamRef,
        _: ShardId,
        _: &StartingPosition,
    ) -> Result<ShardIterator> {
        unused()
    }
    async fn get_records(&self, _: &StreamRef, _: &ShardIterator, _: usize) -> Result<RecordPage> {
        unused()
    }
    async fn register_stream_consumer(&self, _: &StreamArn, _: &ConsumerName) -> Result<StreamConsumer> {
        unused()
    }
    async fn describe_stream_consumer(&self, _: &StreamArn, _: &ConsumerName) -> Result<StreamConsumer> {
        unused()
    }
    async fn subscribe_to_shard(
        &self,
        _: &ConsumerArn,
        _: ShardId,
        _: &StartingPosition,
    ) -> Result<Box<dyn Subscription>> {
        unused()
    }
    async fn increase_retention(&self, _: &StreamRef, _: u32) -> Result<()> {
        unused()
    }
    async fn decrease_retention(&self, _: &StreamRef, _: u32) -> Result<()> {
        unused()
    }
    async fn add_tags(&self, _: &StreamRef, _: &BTreeMap<String, String>) -> Result<()> {
        unused()
    }
    async fn remove_tags(&self, _: &StreamRef, _: &[String]) -> Result<()> {
        unused()
    }
    async fn list_tags(&self, _: &StreamRef, _: Option<&str>) -> Result<Page<(String, String), String>> {
        unused()
    }
}

/// Counts a call for as long as somebody waits for it.
struct InFlight(FakeStream);

impl InFlight {
    fn new(stream: FakeStream) -> Self {
        let mut state = stream.0.state.lock();
        state.calls_in_flight += 1;
        state.calls_in_flight_max = state.calls_in_flight_max.max(state.calls_in_flight);
        drop(state);
        Self(stream)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.state.lock().calls_in_flight -= 1;
    }
}
