//! Who writes an item: one at a time, from the look at the old item until the new one is durable.
//!
//! There is an entry for each item that somebody writes or waits for, and no other; so their number is bounded
//! by that of requests. Whoever needs several locks takes them in the order of their names, so that nobody waits
//! for somebody who waits for him.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

type Place = Arc<tokio::sync::Mutex<()>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct ItemLocks(Arc<Mutex<HashMap<Bytes, Place>>>);

/// The right to write an item, until it is dropped. Also while it is still waited for, which may end at any time.
#[derive(Debug)]
pub(crate) struct ItemGuard {
    locks: ItemLocks,
    name: Bytes,
    held: Option<OwnedMutexGuard<()>>,
}

impl ItemLocks {
    pub(crate) async fn lock(&self, name: Bytes) -> ItemGuard {
        let place = self.0.lock().entry(name.clone()).or_default().clone();
        let mut guard = ItemGuard { locks: self.clone(), name, held: None };
        guard.held = Some(place.lock_owned().await);
        guard
    }

    /// `None` if somebody has the lock.
    pub(crate) fn try_lock(&self, name: Bytes) -> Option<ItemGuard> {
        let place = self.0.lock().entry(name.clone()).or_default().clone();
        let mut guard = ItemGuard { locks: self.clone(), name, held: None };
        guard.held = Some(place.try_lock_owned().ok()?);
        Some(guard)
    }

    /// All of these; a name may be there several times.
    pub(crate) async fn lock_all(&self, mut names: Vec<Bytes>) -> Vec<ItemGuard> {
        names.sort_unstable();
        names.dedup();
        let mut guards = Vec::with_capacity(names.len());
        for name in names {
            guards.push(self.lock(name).await);
        }
        guards
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Drop for ItemGuard {
    fn drop(&mut self) {
        self.held = None;
        let mut places = self.locks.0.lock();
        // Whoever waits holds the place too, and took it while nobody else could look at the map.
        if places.get(&self.name).is_some_and(|place| Arc::strong_count(place) == 1) {
            places.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use millstream_runtime::{OnFailure, TaskSet};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn one_at_a_time_and_nothing_is_left() {
        let (locks, tasks, inside) = (ItemLocks::default(), TaskSet::default(), Arc::new(AtomicU32::new(0)));
        for turn in 0..200_u32 {
            let (locks, inside) = (locks.clone(), inside.clone());
            tasks.spawn("locks", OnFailure::Log, async move {
                let names = [turn % 3, (turn + 1) % 3].map(|name| Bytes::from(name.to_string()));
                let _guards = locks.lock_all(names.to_vec()).await;
                // Of three names any two sets of two have one in common.
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, std::convert::Infallible>(())
            });
        }
        let clock = millstream_runtime::SystemClock::default();
        assert!(tasks.join(&clock, std::time::Duration::from_secs(20)).await);
        assert!(!tasks.is_stopping());
        assert_eq!(inside.load(Ordering::SeqCst), 0);
        assert_eq!(locks.len(), 0);
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_nothing() {
        let locks = ItemLocks::default();
        let name = Bytes::from_static(b"a");
        let held = locks.lock(name.clone()).await;
        {
            let mut waiting = Box::pin(locks.lock(name.clone()));
            tokio::select! {
                biased;
                _ = &mut waiting => unreachable!(),
                () = std::future::ready(()) => {}
            }
            drop(held);
            assert_eq!(locks.len(), 1);
        }
        assert_eq!(locks.len(), 0);
    }
}
