//! Which shards there are: listed at the start, by time, and whenever an answer names a shard that is not known.
//!
//! One task lists, so there is one listing at a time, however many records ask for it.

use std::time::Duration;

use millstream_client::{Error, Shard, ShardFilter, StreamApi, StreamRef};
use millstream_runtime::Backoff;

use super::Pipeline;
use crate::shard_map::{NoMap, ShardMap};

/// Between two listings; a reshard changes many shards, and each may be missed by many records.
const REFRESH_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// Waits after a listing that failed, or that did not show what it was made for.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(5) };
/// How long one listing may take.
const LISTING_LIMIT: Duration = Duration::from_secs(30);

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
enum NotListed {
    #[error(transparent)]
    Failed(#[from] Error),
    #[error(transparent)]
    Inconsistent(#[from] NoMap),
    #[error("no listing within {} s", LISTING_LIMIT.as_secs())]
    TimedOut,
}

/// The map at the start; `None` where the service does not let shards be listed: then records are put one by one.
///
/// # Errors
/// If the stream cannot be used.
pub(crate) async fn first_map(api: &dyn StreamApi, stream: &StreamRef) -> Result<Option<ShardMap>, Error> {
    match api.all_shards(stream, ShardFilter::AtLatest).await {
        Ok(shards) => Ok(map_of(&shards, stream)),
        Err(error @ (Error::AccessDenied(_) | Error::Refused { .. })) => {
            tracing::warn!(%stream, %error, "shards cannot be listed, so records are not aggregated");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A stream in the midst of being resharded has no map for a moment.
fn map_of(shards: &[Shard], stream: &StreamRef) -> Option<ShardMap> {
    ShardMap::new(shards).inspect_err(|error| tracing::warn!(%stream, %error, "no shard map yet")).ok()
}

impl Pipeline {
    /// Keeps the map up to date until the producer ends.
    pub(super) async fn keep_map(&self) {
        let mut fruitless = 0;
        let mut next = self.settings.shard_map_refresh_interval;
        loop {
            tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                () = self.map_wanted.notified() => {}
                () = self.clock.sleep(next) => {}
            }
            let listed = tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                listed = self.list() => listed,
            };
            // A stream that is being resharded has a map before long.
            let mut is_urgent = matches!(listed, Err(NotListed::Inconsistent(_)));
            match listed {
                Ok(map) => self.adopt(map),
                Err(error) => tracing::warn!(stream = %self.stream_label, %error, "shards cannot be listed"),
            }
            is_urgent |= self.expire_strayed(self.clock.monotonic());
            fruitless = if is_urgent { fruitless + 1 } else { 0 };
            next = if is_urgent {
                BACKOFF.delay(fruitless, self.entropy.next_u64()).max(REFRESH_INTERVAL_MIN)
            } else {
                self.settings.shard_map_refresh_interval
            };
            tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                () = self.clock.sleep(REFRESH_INTERVAL_MIN) => {}
            }
        }
    }

    async fn list(&self) -> Result<ShardMap, NotListed> {
        // A shard that something landed in may be closed by now, and is not among the open ones then.
        let is_any_lost = !self.strayed.lock().is_empty();
        let filter = if is_any_lost { ShardFilter::FromTrimHorizon } else { ShardFilter::AtLatest };
        let listed = self.clock.timeout(LISTING_LIMIT, self.api.all_shards(&self.stream, filter)).await;
        let shards = listed.ok_or(NotListed::TimedOut)??;
        Ok(ShardMap::new(&shards)?)
    }

    fn adopt(&self, map: ShardMap) {
        let now = self.clock.monotonic();
        let mut routes = self.routes.write();
        if self.tasks.is_stopping() {
            return;
        }
        routes.replace(map, &self.settings, &self.stream_label, now);
        self.stray_again(&routes);
        drop(routes);
        self.woken.notify_one();
    }
}
