//! EnableEnhancedMonitoring and DisableEnhancedMonitoring, and what the shards have counted.

use millstream_model::{ShardId, StreamArn};
use millstream_storage::Priority;

use crate::call_limits::Call;
use crate::engine::{Engine, Inner};
use crate::error::Result;
use crate::monitoring::{ShardMetricSet, ShardMetrics};

/// What a stream's shards counted before a call, and count since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitoringChange {
    pub before: ShardMetricSet,
    pub after: ShardMetricSet,
}

/// What the shards of one stream have counted since they began to.
#[derive(Clone, Debug)]
pub struct MonitoredShards {
    pub stream: StreamArn,
    /// The others are 0.
    pub monitored: ShardMetricSet,
    pub shards: Vec<(ShardId, ShardMetrics)>,
}

impl Engine {
    /// Lets each shard of the stream count these as well.
    pub async fn enable_monitoring(
        &self,
        arn: &StreamArn,
        metrics: ShardMetricSet,
    ) -> Result<MonitoringChange> {
        self.inner.admit(Call::EnableEnhancedMonitoring, arn)?;
        self.change_monitoring(arn, move |monitored| monitored.with(metrics)).await
    }

    /// Forgets what the shards counted of these.
    pub async fn disable_monitoring(
        &self,
        arn: &StreamArn,
        metrics: ShardMetricSet,
    ) -> Result<MonitoringChange> {
        self.inner.admit(Call::DisableEnhancedMonitoring, arn)?;
        self.change_monitoring(arn, move |monitored| monitored.without(metrics)).await
    }

    /// The counts of every stream that is monitored.
    #[must_use]
    pub fn shard_metrics(&self) -> Vec<MonitoredShards> {
        let (now, streams) = (self.inner.now(), self.inner.catalog.all());
        let monitored = streams.iter().filter(|stream| !stream.meta().monitored.is_empty());
        let counted = monitored.map(|stream| {
            let meta = stream.meta();
            let shards = stream.shards();
            let shards = shards.unexpired(meta.horizon(now));
            MonitoredShards {
                stream: stream.arn.clone(),
                monitored: meta.monitored,
                shards: shards.map(|shard| (shard.id(), shard.counters.read())).collect(),
            }
        });
        counted.collect()
    }

    async fn change_monitoring(
        &self,
        arn: &StreamArn,
        change: impl FnOnce(ShardMetricSet) -> ShardMetricSet + Send + 'static,
    ) -> Result<MonitoringChange> {
        let arn = arn.clone();
        self.carry_through("change of what is monitored", |engine| async move {
            engine.inner.change_monitoring(&arn, change).await
        })
        .await
    }
}

impl Inner {
    async fn change_monitoring(
        &self,
        arn: &StreamArn,
        change: impl FnOnce(ShardMetricSet) -> ShardMetricSet,
    ) -> Result<MonitoringChange> {
        let _control = self.control.lock().await;
        let found = self.find_active(arn)?;
        let before = found.meta.monitored;
        let after = change(before);
        if after != before {
            self.change(&found, Priority::Normal, |meta| meta.monitored = after).await?;
            found.stream.shards().all.values().for_each(|shard| shard.counters.retain(after));
        }
        Ok(MonitoringChange { before, after })
    }
}
