//! Which parcels go into which call, and when.
//!
//! One task looks at all lanes whenever something has become due, a call has ended, or a lane has filled up. A call is
//! made once it is worth it: when it is full, when a lane has much waiting, or when something is due; then whatever
//! else is ready goes with it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millstream_runtime::RetryAfter;

use super::sending::{Call, Entry};
use super::{Pipeline, nanos};
use crate::lane::{Readiness, earlier};
use crate::parcel::Parcel;
use crate::receipt::End;
use crate::routes::{Routes, ShardLanes};

impl Pipeline {
    /// Dispatches until the producer ends.
    pub(super) async fn dispatch(self: Arc<Self>) {
        loop {
            // Whoever pushes from here on wakes this task, until it is known when it wakes by itself.
            self.next_look.store(u64::MAX, Ordering::SeqCst);
            let wake = self.call_what_is_due();
            self.next_look.store(wake.map_or(u64::MAX, nanos), Ordering::SeqCst);
            let sleep = async {
                match wake {
                    Some(wake) => self.clock.sleep_until(wake).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                () = self.woken.notified() => {}
                () = sleep => {}
            }
        }
    }

    /// Begins the calls that should be made now. Says when to look again, if nothing happens before.
    fn call_what_is_due(self: &Arc<Self>) -> Option<Duration> {
        let routes = self.routes.read();
        loop {
            let now = self.clock.monotonic();
            let (ready, expired) = self.look(&routes, now);
            for (shard, parcel) in expired {
                shard.metrics.expired(parcel.members());
                self.settle(parcel, End::Expired, now);
            }
            #[allow(clippy::cast_precision_loss)] // a budget of records
            self.metrics.pending.set(self.outstanding().records as f64);
            let is_worth_it = ready.is_pressing
                || ready.count >= self.settings.collection_max_count
                || ready.bytes >= self.settings.collection_max_size;
            let is_free = self.calls_in_flight.load(Ordering::SeqCst) < self.settings.max_connections;
            if !ready.is_ready || !is_worth_it || !is_free {
                return ready.wake;
            }
            let entries = self.gather(&routes, now);
            if entries.is_empty() {
                return ready.wake;
            }
            self.calls_in_flight.fetch_add(1, Ordering::SeqCst);
            Call::new(self.clone(), entries).begin();
        }
    }

    /// What all lanes together have to send, and what has expired in them.
    fn look(&self, routes: &Routes, now: Duration) -> (Readiness, Vec<(Arc<ShardLanes>, Parcel)>) {
        let (mut ready, mut expired) = (Readiness::default(), Vec::new());
        let mut gone = Vec::new();
        for shard in &routes.shards {
            let of_shard = self.look_at(shard, now, &mut gone);
            expired.extend(gone.drain(..).map(|parcel| (shard.clone(), parcel)));
            ready.wake = earlier(ready.wake, of_shard.wake);
            ready.is_ready |= of_shard.is_ready;
            ready.is_pressing |= of_shard.is_pressing;
            ready.count += of_shard.count;
            ready.bytes += of_shard.bytes;
        }
        (ready, expired)
    }

    fn look_at(&self, shard: &ShardLanes, now: Duration, expired: &mut Vec<Parcel>) -> Readiness {
        let mut of_shard = Readiness::default();
        for lane in &shard.lanes {
            let mut lane = lane.lock();
            lane.expire(now, self.settings.record_ttl, expired);
            let of_lane = lane.look(now, &shard.filling);
            of_shard.wake = earlier(of_shard.wake, of_lane.wake);
            of_shard.is_ready |= of_lane.is_ready;
            of_shard.is_pressing |= of_lane.is_pressing;
            of_shard.count += of_lane.count;
            of_shard.bytes += of_lane.bytes;
        }
        if !of_shard.is_ready {
            return of_shard;
        }
        let limited = shard.limiter.as_ref().and_then(|limiter| limiter.lock().check(now).err());
        match limited {
            Some(RetryAfter(wait)) => {
                let wake = earlier(of_shard.wake, Some(now + wait));
                Readiness { wake, ..Readiness::default() }
            }
            None => of_shard,
        }
    }

    /// Takes what goes into one call.
    fn gather(&self, routes: &Routes, now: Duration) -> Vec<Entry> {
        let (count_max, bytes_max) = (self.settings.collection_max_count, self.settings.collection_max_size);
        let mut entries: Vec<Entry> = Vec::new();
        let (mut bytes, mut company_max) = (0, usize::MAX);
        let shards = &routes.shards;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % shards.len().max(1);
        for shard in shards[turn..].iter().chain(&shards[..turn]) {
            for (index, lane) in shard.lanes.iter().enumerate() {
                let mut lane = lane.lock();
                while shard.limiter.as_ref().is_none_or(|limiter| limiter.lock().check(now).is_ok()) {
                    let with_it = entries.len() + 1;
                    let fits = |parcel: &Parcel| {
                        let company_max = company_max.min(parcel.company_max);
                        with_it == 1 || (with_it <= company_max && bytes + parcel.size <= bytes_max)
                    };
                    let Some(parcel) = lane.take(now, fits) else { break };
                    bytes += parcel.size;
                    company_max = company_max.min(parcel.company_max);
                    if let Some(limiter) = &shard.limiter {
                        limiter.lock().charge(now, parcel.size);
                    }
                    entries.push(Entry { shard: shard.clone(), lane: index, parcel });
                    if entries.len() >= count_max {
                        return entries;
                    }
                }
            }
        }
        entries
    }
}
