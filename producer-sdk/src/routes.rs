//! Which lane a record belongs to, and what becomes of lanes when shards are replaced.
//!
//! Whoever pushes holds the routes for reading, and they are replaced while nobody does; so no record is pushed into a
//! lane that is not looked at any more, and what was in the lanes of old shards is in those of new ones before anything
//! is put behind it.

use std::sync::Arc;
use std::time::Duration;

use millstream_model::{HashKey, HashKeyRange, ShardId};
use parking_lot::Mutex;

use crate::lane::{Filling, Lane};
use crate::limiter::Limiter;
use crate::metrics::ShardMetrics;
use crate::parcel::Parcel;
use crate::settings::{Order, ProducerSettings};
use crate::shard_map::ShardMap;

/// One shard, as a producer sees it.
#[derive(Debug)]
pub(crate) struct ShardLanes {
    /// `None` where the shards of the stream cannot be known: then one stands for all of them.
    pub(crate) id: Option<ShardId>,
    range: HashKeyRange,
    pub(crate) filling: Filling,
    pub(crate) limiter: Option<Mutex<Limiter>>,
    pub(crate) lanes: Box<[Mutex<Lane>]>,
    pub(crate) metrics: ShardMetrics,
}

/// The shards of the stream, in the order of their ranges, which leave nothing out.
#[derive(Debug)]
pub(crate) struct Routes {
    map: Option<ShardMap>,
    starts: Vec<HashKey>,
    pub(crate) shards: Vec<Arc<ShardLanes>>,
}

impl ShardLanes {
    fn new(
        id: Option<ShardId>,
        range: HashKeyRange,
        settings: &ProducerSettings,
        stream: &str,
        now: Duration,
    ) -> Self {
        let filling = Filling {
            // Where the shard is not known, a container's members might belong to many.
            aggregates: settings.aggregation_enabled && id.is_some(),
            count_max: settings.aggregation_max_count,
            size_max: settings.aggregation_max_size,
            buffered_time: settings.record_max_buffered_time,
            grace: settings.grace(),
            ttl: settings.record_ttl,
        };
        let is_ordered = settings.order != Order::None;
        Self {
            id,
            range,
            filling,
            limiter: id.map(|_| Mutex::new(Limiter::new(settings.rate_limit, now))),
            lanes: (0..settings.lanes()).map(|_| Mutex::new(Lane::new(is_ordered))).collect(),
            metrics: ShardMetrics::new(stream, id),
        }
    }

    /// The place among the lanes of a record with this partition key and hash key.
    pub(crate) fn lane_of(&self, partition_key: &str, hash_key: HashKey, is_explicit: bool) -> usize {
        let lanes = self.lanes.len();
        if lanes == 1 {
            return 0;
        }
        // An explicit hash key says nothing about which records have the same partition key.
        let key = if is_explicit { HashKey::of_partition_key(partition_key) } else { hash_key };
        usize::try_from(key.0 % lanes as u128).unwrap_or(0)
    }
}

impl Routes {
    /// The shards of a map, or one that stands for all where there is none.
    pub(crate) fn new(
        map: Option<ShardMap>,
        settings: &ProducerSettings,
        stream: &str,
        now: Duration,
    ) -> Self {
        let shards = match &map {
            Some(map) => map
                .open()
                .iter()
                .map(|&(id, range)| Arc::new(ShardLanes::new(Some(id), range, settings, stream, now)))
                .collect(),
            None => vec![Arc::new(ShardLanes::new(None, HashKeyRange::FULL, settings, stream, now))],
        };
        Self::of(map, shards)
    }

    fn of(map: Option<ShardMap>, shards: Vec<Arc<ShardLanes>>) -> Self {
        let starts = shards.iter().map(|shard| shard.range.start()).collect();
        Self { map, starts, shards }
    }

    /// The index of the shard that a hash key belongs to.
    fn index_of(&self, key: HashKey) -> usize {
        // The first shard begins at 0.
        self.starts.partition_point(|start| *start <= key).saturating_sub(1)
    }

    pub(crate) fn shard_of(&self, key: HashKey) -> Option<&Arc<ShardLanes>> {
        self.shards.get(self.index_of(key))
    }

    /// The range of a shard, open or closed, if it is known.
    pub(crate) fn range_of(&self, shard: ShardId) -> Option<HashKeyRange> {
        self.map.as_ref()?.range_of(shard)
    }

    pub(crate) fn is_open(&self, shard: ShardId) -> bool {
        self.shards.iter().any(|lanes| lanes.id == Some(shard))
    }

    /// Hands the members of a parcel to the lanes that they belong to now.
    pub(crate) fn distribute(&self, parcel: Parcel, hand_over: impl Fn(&mut Lane, Parcel)) {
        let lanes = self.shards.first().map_or(1, |shard| shard.lanes.len());
        let place = |hash_key: HashKey, partition_key: &str| {
            let index = self.index_of(hash_key);
            let lane = self.shards.get(index).map_or(0, |shard| shard.lane_of(partition_key, hash_key, true));
            index * lanes + lane
        };
        for (place, part) in parcel.split_by(place) {
            if let Some(shard) = self.shards.get(place / lanes) {
                hand_over(&mut shard.lanes[place % lanes].lock(), part);
            }
        }
    }

    /// Goes over to another map. What waited for shards that are not in it waits for those that are.
    pub(crate) fn replace(
        &mut self,
        mut map: ShardMap,
        settings: &ProducerSettings,
        stream: &str,
        now: Duration,
    ) {
        if let Some(before) = &self.map {
            map.succeed(before);
            if map.is_like(before) {
                self.map = Some(map);
                return;
            }
        }
        let is_kept = |shard: &ShardLanes| shard.id.is_some_and(|id| map.open().contains(&(id, shard.range)));
        let (kept, retired): (Vec<_>, Vec<_>) = self.shards.drain(..).partition(|shard| is_kept(shard));
        let shards = map.open().iter().map(|&(id, range)| {
            let same = kept.iter().find(|shard| shard.id == Some(id));
            same.cloned().unwrap_or_else(|| Arc::new(ShardLanes::new(Some(id), range, settings, stream, now)))
        });
        let shards: Vec<_> = shards.collect();
        *self = Self::of(Some(map), shards);
        self.inherit(&retired, now);
    }

    fn inherit(&self, retired: &[Arc<ShardLanes>], now: Duration) {
        for old in retired {
            let (first, last) = (self.index_of(old.range.start()), self.index_of(old.range.end()));
            let heirs = &self.shards[first..=last];
            for (index, lane) in old.lanes.iter().enumerate() {
                let mut lane = lane.lock();
                let parcels = lane.retire(now, &old.filling);
                for heir in heirs {
                    heir.lanes[index].lock().follow(&lane);
                }
                for parcel in parcels {
                    match heirs {
                        // Nothing was split, so nothing need be looked into.
                        [heir] => heir.lanes[index].lock().inherit(parcel),
                        _ => self.distribute(parcel, Lane::inherit),
                    }
                }
            }
        }
    }

    /// Ends all lanes, and gives what was in them.
    pub(crate) fn retire(&mut self, now: Duration) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for shard in &self.shards {
            for lane in &shard.lanes {
                parcels.extend(lane.lock().retire(now, &shard.filling));
            }
        }
        parcels
    }
}
