//! Looks at every on-demand stream once a minute, remembers what was asked of it, and makes it larger or smaller.
//!
//! Rates are averages of a minute, the finest that CloudWatch shows. What writers were refused counts as well, up to
//! twice what a shard takes: a stream that is throttled grows, and one that is retried without end does not run away.
//! Without on-demand streams nothing wakes up. What is seen of single shards is kept in memory alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_model::{ShardIndex, limits as aws};
use millstream_storage::Priority;

use super::ShardCapacity;
use super::decision::{Kind, Observed, Snapshot, Step, decide};
use super::demand::{Demand, Rate};
use crate::engine::{Engine, Found, Inner};
use crate::error::Result;
use crate::routing::Routing;
use crate::stream::{Mode, Stream, StreamMeta, StreamStatus};

/// Between two looks. Growth takes a look to be noticed and each doubling another one, which stays well within
/// [`aws::ON_DEMAND_GROWS_WITHIN`].
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// A stream is made smaller at most this often, and only by shards that were seen for so long. AWS publishes no
/// figure; with a day, what comes back every day is not split and merged in turn.
const SHRINK_INTERVAL: Duration = Duration::from_secs(24 * 3600);

const _: () = assert!(LOOK_INTERVAL.as_secs() * 10 <= aws::ON_DEMAND_GROWS_WITHIN.as_secs());

/// What is seen of a stream from one look to the next. Times are monotonic.
#[derive(Debug)]
pub(crate) struct Watch {
    since: Duration,
    shards: HashMap<ShardIndex, Seen>,
    /// The highest rate that was seen and is not persisted yet: shards count from zero after each look, and what they
    /// had counted must not be lost when a change fails.
    unsaved: Rate,
}

/// What was seen of a shard.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Duration,
    /// Begin of the 24 hours that `highest` is of.
    day: Duration,
    highest: Rate,
    highest_before: Rate,
}

impl Engine {
    pub(crate) async fn scale_until_stopped(&self) {
        let inner = &self.inner;
        loop {
            let is_any_on_demand = inner.catalog.all().iter().any(|stream| stream.is_on_demand());
            tokio::select! {
                biased;
                () = inner.tasks().stopping() => return,
                () = inner.clock.sleep(LOOK_INTERVAL), if is_any_on_demand => self.scale_on_demand().await,
                () = inner.on_demand_began.notified(), if !is_any_on_demand => {}
            }
        }
    }

    /// One look at every on-demand stream. One that cannot be changed at present does not keep the others from it.
    pub(crate) async fn scale_on_demand(&self) {
        let inner = &self.inner;
        for stream in inner.catalog.all().into_iter().filter(|stream| stream.is_on_demand()) {
            if let Err(error) = inner.scale(&stream).await {
                tracing::warn!(stream = %stream.arn, %error, "an on-demand stream could not be scaled yet");
            }
        }
    }
}

impl Inner {
    async fn scale(&self, stream: &Arc<Stream>) -> Result<()> {
        let _control = self.control.lock().await;
        let (now, meta) = (self.now(), stream.meta());
        let capacity = ShardCapacity::of(&self.settings.limits);
        let is_active = meta.status(now) == Some(StreamStatus::Active);
        if !is_active || meta.mode != Mode::OnDemand || capacity.is_unlimited() {
            return Ok(());
        }
        let found = Found { stream: stream.clone(), meta, status: StreamStatus::Active, now };
        let Some(shards) = stream.look(capacity, self.clock.monotonic()) else { return Ok(()) };
        let mut demand = found.meta.capacity.demand.clone();
        demand.note(now, stream.unsaved_rate());
        let snapshot = self.snapshot(&found, &demand, capacity, shards);
        let steps = decide(&snapshot);
        if !steps.is_empty() {
            self.carry_out(&found, &steps, demand).await?;
        } else if demand != found.meta.capacity.demand {
            self.change(&found, Priority::Normal, |meta| meta.capacity.demand = demand).await?;
        }
        stream.forget_unsaved_rate();
        Ok(())
    }

    fn snapshot(
        &self,
        found: &Found,
        demand: &Demand,
        capacity: ShardCapacity,
        shards: Vec<Observed>,
    ) -> Snapshot {
        let open = u32::try_from(shards.len()).unwrap_or(u32::MAX);
        let shards_max = self.on_demand_shards_max().min(open.saturating_add(self.shards_left(found)));
        if shards_max <= open && shards.iter().any(|shard| capacity.load_permille(shard.rate) > 1000) {
            tracing::warn!(stream = %found.stream.arn, open, "an on-demand stream is as large as it may become");
        }
        Snapshot {
            shards,
            capacity,
            peak: demand.peak(found.now),
            warm_shards: match found.meta.capacity.warm_mib {
                0 => 0,
                mib => capacity.shards_for_mib(mib),
            },
            shards_max,
            may_shrink: demand.scaled.is_none_or(|scaled| scaled.plus(SHRINK_INTERVAL) <= found.now),
        }
    }

    /// Shards that an on-demand stream may grow to.
    pub(crate) fn on_demand_shards_max(&self) -> u32 {
        let limits = &self.settings.limits;
        let most = limits.on_demand_mib_per_second_max;
        let most = most.map_or(u32::MAX, |mib| ShardCapacity::of(limits).shards_for_mib(mib));
        most.min(aws::SHARDS_PER_STREAM_MAX)
    }

    /// Shards that the stream's account may still open in its region.
    fn shards_left(&self, found: &Found) -> u32 {
        let Some(most) = self.settings.limits.shards_per_account else { return u32::MAX };
        let (open, _) = self.used(&found.stream.arn.account, &found.stream.arn.region);
        most.saturating_sub(u32::try_from(open).unwrap_or(u32::MAX))
    }

    async fn carry_out(&self, found: &Found, steps: &[Step], mut demand: Demand) -> Result<()> {
        let mut planner = found.planner();
        for step in steps {
            match step.kind {
                Kind::Split(at) => planner.split(at),
                Kind::Merge(lower, upper) => planner.merge(lower, upper),
            }
        }
        let before = found.open_shards();
        demand.scaled = Some(found.now);
        let note = |meta: &mut StreamMeta| meta.capacity.demand = demand;
        self.reshard(found, &planner.finish(), note).await?;
        let (after, first) = (found.open_shards(), &steps[0].reason);
        tracing::info!(stream = %found.stream.arn, before, after, "an on-demand stream was scaled: {first}");
        Ok(())
    }
}

impl Stream {
    pub(crate) fn is_on_demand(&self) -> bool {
        self.meta().mode == Mode::OnDemand
    }

    /// What every open shard was offered since the last look, in the order of their hash keys. `None` when that was
    /// just now, or never.
    fn look(&self, capacity: ShardCapacity, now: Duration) -> Option<Vec<Observed>> {
        let mut watch = self.watch.lock();
        let Some(watch) = watch.as_mut() else {
            *watch = Some(self.begin_watch(now));
            return None;
        };
        let elapsed = now.saturating_sub(watch.since);
        let is_due = elapsed >= LOOK_INTERVAL / 2;
        is_due.then(|| watch.observe(&self.shards().routing, capacity, now, elapsed))
    }

    /// What all open shards together were offered since the last look, which may be just now, or at an earlier one
    /// that nothing came of, if that was more.
    pub(crate) fn glance(&self, capacity: ShardCapacity, now: Duration) -> Rate {
        let mut watch = self.watch.lock();
        let watch = watch.get_or_insert_with(|| self.begin_watch(now));
        let elapsed = now.saturating_sub(watch.since).max(LOOK_INTERVAL);
        watch.observe(&self.shards().routing, capacity, now, elapsed);
        watch.unsaved
    }

    fn unsaved_rate(&self) -> Rate {
        self.watch.lock().as_ref().map(|watch| watch.unsaved).unwrap_or_default()
    }

    /// What was seen is part of the stream's row. A glance does not say so: what it saw is noted again at the next
    /// look, which changes nothing, or, if nothing came of the glance, for the first time.
    fn forget_unsaved_rate(&self) {
        if let Some(watch) = self.watch.lock().as_mut() {
            watch.unsaved = Rate::default();
        }
    }

    /// Counts from now on.
    pub(crate) fn watch_anew(&self, now: Duration) {
        *self.watch.lock() = Some(self.begin_watch(now));
    }

    fn begin_watch(&self, now: Duration) -> Box<Watch> {
        for shard in self.shards().routing.open() {
            shard.writer.lock().limits.take_offered();
        }
        Box::new(Watch { since: now, shards: HashMap::new(), unsaved: Rate::default() })
    }
}

impl Watch {
    fn observe(
        &mut self,
        routing: &Routing,
        capacity: ShardCapacity,
        now: Duration,
        elapsed: Duration,
    ) -> Vec<Observed> {
        self.since = now;
        let mut before = std::mem::take(&mut self.shards);
        let observed = routing.open().map(|shard| {
            let offered = shard.writer.lock().limits.take_offered();
            let rate = Rate::within(offered.bytes, offered.records, elapsed);
            let rate = capacity.bound(rate, aws::ON_DEMAND_HEADROOM);
            let index = shard.meta().index;
            let mut seen = before.remove(&index).unwrap_or_else(|| Seen::since(now.saturating_sub(elapsed)));
            seen.note(now, rate);
            self.shards.insert(index, seen);
            Observed { range: shard.meta().range, rate, day_peak: seen.day_peak(now) }
        });
        let observed: Vec<_> = observed.collect();
        self.unsaved = self.unsaved.max(total(&observed));
        observed
    }
}

impl Seen {
    fn since(first: Duration) -> Self {
        Self { first, day: first, highest: Rate::default(), highest_before: Rate::default() }
    }

    fn note(&mut self, now: Duration, rate: Rate) {
        if now.saturating_sub(self.day) >= SHRINK_INTERVAL {
            (self.day, self.highest_before) = (now, std::mem::take(&mut self.highest));
        }
        self.highest = self.highest.max(rate);
    }

    fn day_peak(&self, now: Duration) -> Option<Rate> {
        let was_seen_for = now.saturating_sub(self.first);
        (was_seen_for >= SHRINK_INTERVAL).then(|| self.highest.max(self.highest_before))
    }
}

fn total(shards: &[Observed]) -> Rate {
    shards.iter().fold(Rate::default(), |total, shard| total.plus(shard.rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_remembered_for_a_day_at_least() {
        let hour = Duration::from_secs(3600);
        let rate = |bytes| Rate { bytes, records: 0 };
        let mut seen = Seen::since(hour);
        seen.note(hour, rate(9));
        assert_eq!(seen.day_peak(hour * 24), None);
        assert_eq!(seen.day_peak(hour * 25), Some(rate(9)));
        seen.note(hour * 25, rate(3));
        assert_eq!(seen.day_peak(hour * 48), Some(rate(9)));
        seen.note(hour * 49, rate(1));
        assert_eq!(seen.day_peak(hour * 49), Some(rate(3)));
    }
}
