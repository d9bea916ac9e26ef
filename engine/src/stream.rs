//! A stream: what is known of it, its life cycle, its shards, and the routing table over them.
//!
//! A phase such as CREATING ends by the clock, not by a task: whoever looks asks with the present time. So
//! nothing has to be resumed after a restart, and no delay means no task.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use millstream_model::{ShardId, ShardIndex, Span, StreamArn, Timestamp, limits};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::capacity::StreamCapacity;
use crate::capacity::scaler::Watch;
use crate::consumer::Consumers;
use crate::encryption::keyring::Keyring;
use crate::encryption::state::Encryption;
use crate::engine::not_found;
use crate::error::{Error, Result};
use crate::keyspace::StreamUid;
use crate::limits::Burst;
use crate::metrics::StreamCounters;
use crate::monitoring::ShardMetricSet;
use crate::rolling_day::RollingDay;
use crate::routing::Routing;
use crate::shard::{ChildShard, Shard};

/// How a stream's capacity is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As many shards as were asked for.
    #[default]
    Provisioned,
    OnDemand,
}

impl Mode {
    /// The name in AWS's messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "Provisioned",
            Self::OnDemand => "On-Demand",
        }
    }
}

/// A stream's state as Kinesis shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStatus {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl StreamStatus {
    /// The name on the wire and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

/// What a stream is doing, as it is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Steady,
    Creating(Span),
    Updating(Span),
    /// Gone at its end.
    Deleting(Span),
}

/// What is persisted of a stream, apart from its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamMeta {
    pub(crate) uid: StreamUid,
    pub(crate) created: Timestamp,
    pub(crate) mode: Mode,
    pub(crate) phase: Phase,
    pub(crate) retention_hours: u32,
    /// Records from before stay hidden even if the retention is raised.
    pub(crate) horizon_floor: Timestamp,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) record_kib_max: u32,
    /// Index of the next shard that is made. Indexes are never used twice.
    pub(crate) next_shard: ShardIndex,
    /// When the shard count was updated.
    pub(crate) count_updates: RollingDay,
    /// What each shard counts for itself.
    pub(crate) monitored: ShardMetricSet,
    /// Who else may do what with the stream, as it was given; whoever gave it had it checked.
    pub(crate) policy: Option<String>,
    /// How much the stream takes, apart from its mode and its shards.
    pub(crate) capacity: StreamCapacity,
    pub(crate) encryption: Encryption,
}

impl StreamMeta {
    /// `None` once a deletion is over: the stream is gone.
    pub(crate) fn status(&self, now: Timestamp) -> Option<StreamStatus> {
        match self.phase {
            Phase::Creating(span) if span.is_on(now) => Some(StreamStatus::Creating),
            Phase::Updating(span) if span.is_on(now) => Some(StreamStatus::Updating),
            Phase::Deleting(span) if span.is_on(now) => Some(StreamStatus::Deleting),
            Phase::Deleting(_) => None,
            Phase::Steady | Phase::Creating(_) | Phase::Updating(_) => Some(StreamStatus::Active),
        }
    }

    /// A change was made, which shows as UPDATING for so long.
    pub(crate) fn begin_update(&mut self, now: Timestamp, delay: Duration) {
        if let Some(span) = Span::starting(now, delay) {
            self.phase = Phase::Updating(span);
        }
    }

    /// Records that arrived before are not shown.
    pub(crate) fn horizon(&self, now: Timestamp) -> Timestamp {
        let retention = Duration::from_secs(u64::from(self.retention_hours) * 3600);
        now.minus(retention).max(self.horizon_floor)
    }

    pub(crate) fn record_bytes_max(&self) -> usize {
        self.record_kib_max as usize * 1024
    }

    /// What a shard takes at once.
    pub(crate) fn burst(&self) -> Burst {
        match self.record_bytes_max() > limits::RECORD_BYTES_MAX {
            true => Burst::LargeRecords,
            false => Burst::OneSecond,
        }
    }
}

/// A stream in memory.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) arn: StreamArn,
    pub(crate) uid: StreamUid,
    pub(crate) counters: StreamCounters,
    pub(crate) consumers: Consumers,
    /// Shared with all shards.
    pub(crate) keys: Arc<Keyring>,
    meta: RwLock<Arc<StreamMeta>>,
    shards: RwLock<Arc<Shards>>,
    /// Wakes puts whose shard is being replaced: others take its hash keys now, or it does again.
    pub(crate) resharded: Notify,
    /// What the growth of an on-demand stream goes by; absent for others.
    pub(crate) watch: Mutex<Option<Box<Watch>>>,
    /// How many records took turns among the shards, where these are not found by key.
    pub(crate) turns: AtomicUsize,
}

/// All shards that are not removed, by index, and who among the open ones takes what.
#[derive(Debug)]
pub(crate) struct Shards {
    pub(crate) all: BTreeMap<ShardIndex, Arc<Shard>>,
    pub(crate) routing: Routing,
}

impl Shards {
    pub(crate) fn new(all: BTreeMap<ShardIndex, Arc<Shard>>) -> Self {
        Self::without(all, &[])
    }

    /// The same, but no record goes to shards that are about to close.
    pub(crate) fn without(all: BTreeMap<ShardIndex, Arc<Shard>>, closing: &[Arc<Shard>]) -> Self {
        let closing: HashSet<_> = closing.iter().map(|shard| shard.uid()).collect();
        let open = all.values().filter(|shard| shard.closed().is_none() && !closing.contains(&shard.uid()));
        let routing = Routing::new(open.cloned());
        Self { all, routing }
    }

    /// Those of whose records some may still be kept.
    pub(crate) fn unexpired(&self, horizon: Timestamp) -> impl Iterator<Item = &Arc<Shard>> {
        self.all.values().filter(move |shard| !shard.is_expired(horizon))
    }

    /// The shards that took over from a closed one; empty for an open one.
    pub(crate) fn children_of(&self, parent: ShardIndex) -> Vec<ChildShard> {
        // A child is younger than its parents.
        let younger = self.all.range(parent..).map(|(_, shard)| shard);
        let children = younger.filter(|shard| shard.meta().lineage.parents().any(|of| of == parent));
        children.map(|shard| shard.as_child()).collect()
    }
}

impl Stream {
    pub(crate) fn new(
        arn: StreamArn,
        meta: StreamMeta,
        keys: Arc<Keyring>,
        shards: BTreeMap<ShardIndex, Arc<Shard>>,
    ) -> Self {
        Self {
            arn,
            uid: meta.uid,
            counters: StreamCounters::default(),
            consumers: Consumers::default(),
            keys,
            meta: RwLock::new(Arc::new(meta)),
            shards: RwLock::new(Arc::new(Shards::new(shards))),
            resharded: Notify::new(),
            watch: Mutex::default(),
            turns: AtomicUsize::new(0),
        }
    }

    /// The shards that took over from a closed one. There are always some, unless the closed one expires right now, so
    /// that its heirs are roots already; then it is gone itself.
    pub(crate) fn heirs_of(&self, closed: &Shard) -> Result<Vec<ChildShard>> {
        let heirs = self.shards().children_of(closed.meta().index);
        if heirs.is_empty() { Err(Error::no_such_shard(closed.id(), &self.arn)) } else { Ok(heirs) }
    }

    /// Ends what consumers are being brought, for good: the stream is being deleted.
    pub(crate) fn end_subscriptions(&self) {
        let gone = not_found(&self.arn);
        self.consumers.all().iter().for_each(|consumer| consumer.places.close(&gone, &Some(gone.clone())));
    }

    pub(crate) fn meta(&self) -> Arc<StreamMeta> {
        self.meta.read().clone()
    }

    /// Shows what has been persisted.
    pub(crate) fn set_meta(&self, meta: StreamMeta) {
        *self.meta.write() = Arc::new(meta);
    }

    pub(crate) fn shards(&self) -> Arc<Shards> {
        self.shards.read().clone()
    }

    /// Routes records by these shards from now on.
    pub(crate) fn set_shards(&self, shards: Shards) {
        *self.shards.write() = Arc::new(shards);
    }

    /// The shard, unless there is none or it has expired.
    pub(crate) fn shard(&self, id: ShardId, horizon: Timestamp) -> Option<Arc<Shard>> {
        let shard = self.shards.read().all.get(&id.index()).cloned();
        shard.filter(|shard| !shard.is_expired(horizon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(phase: Phase) -> StreamMeta {
        StreamMeta {
            uid: 1,
            created: Timestamp::EPOCH,
            mode: Mode::Provisioned,
            phase,
            retention_hours: 24,
            horizon_floor: Timestamp::EPOCH,
            tags: BTreeMap::new(),
            record_kib_max: 1024,
            next_shard: 1,
            count_updates: RollingDay::default(),
            monitored: ShardMetricSet::EMPTY,
            policy: None,
            capacity: StreamCapacity::default(),
            encryption: Encryption::default(),
        }
    }

    #[test]
    fn phases_end_by_the_clock() {
        let until = Timestamp::from_millis(100);
        let (before, at) = (Timestamp::from_millis(99), until);
        let span = Span { since: Timestamp::EPOCH, until };
        let creating = meta(Phase::Creating(span));
        assert_eq!(creating.status(before), Some(StreamStatus::Creating));
        assert_eq!(creating.status(at), Some(StreamStatus::Active));
        let deleting = meta(Phase::Deleting(span));
        assert_eq!(deleting.status(before), Some(StreamStatus::Deleting));
        assert_eq!(deleting.status(at), None);
    }

    #[test]
    fn the_horizon_never_falls_below_its_floor() {
        let day = Duration::from_secs(24 * 3600);
        let now = Timestamp::EPOCH.plus(day * 10);
        let mut meta = meta(Phase::Steady);
        assert_eq!(meta.horizon(now), Timestamp::EPOCH.plus(day * 9));
        meta.retention_hours = 24 * 7;
        meta.horizon_floor = Timestamp::EPOCH.plus(day * 9);
        assert_eq!(meta.horizon(now), Timestamp::EPOCH.plus(day * 9));
        assert_eq!(meta.horizon(now.plus(day * 7)), Timestamp::EPOCH.plus(day * 10));
    }
}
