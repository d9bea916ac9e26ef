//! The fake as a `StreamApi`: what a producer calls, and what it does not, which says so.

use async_trait::async_trait;
use millstream_client::{
    EntryOutcome, Error, NewRecord, Page, PageToken, Result, Shard, ShardFilter, StreamApi, StreamRef,
};

use crate::fake::FakeStream;

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
