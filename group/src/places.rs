//! How many members there may be, and that each has a name of its own.
//!
//! Two workers of one name would take each other's leases for their own. So who brings the name of a member that is here
//! ends that one, and begins once it has given back what it had: most likely it is the same client, whose last connection
//! nobody saw break.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::SharedClock;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::error::{Error, Result};

/// How long a newcomer waits for the member of its name.
const DEPARTURE_LIMIT: Duration = Duration::from_secs(10);

/// Places for the members of all groups. Clones are the same places.
#[derive(Clone, Debug)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    members_max: usize,
    room: Arc<Semaphore>,
    named: Mutex<HashMap<String, Occupied>>,
    clock: SharedClock,
}

#[derive(Debug)]
struct Occupied {
    newcomer: watch::Sender<bool>,
    /// Its sender is gone when the member is.
    left: watch::Receiver<()>,
}

/// A member's place, free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    name: Option<Named>,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Named {
    places: Places,
    name: String,
    newcomer: watch::Receiver<bool>,
    _left: watch::Sender<()>,
}

impl Places {
    /// Places for so many members.
    #[must_use]
    pub fn new(members_max: usize, clock: SharedClock) -> Self {
        let room = Arc::new(Semaphore::new(members_max));
        Self(Arc::new(Inner { members_max, room, named: Mutex::default(), clock }))
    }

    /// A place for one more member, which has a `name` if it brought one.
    ///
    /// # Errors
    /// [`Error::Full`], and [`Error::Replaced`] where the member of that name does not leave.
    pub async fn enter(&self, name: Option<String>) -> Result<Seat> {
        let room = self.0.room.clone().try_acquire_owned().map_err(|_| Error::Full(self.0.members_max))?;
        let name = match name {
            None => None,
            Some(name) => {
                let named = self.0.clock.timeout(DEPARTURE_LIMIT, self.name(&name)).await;
                Some(named.ok_or(Error::Replaced)?)
            }
        };
        Ok(Seat { name, _room: room })
    }

    /// Waits until nobody else has the name.
    async fn name(&self, name: &str) -> Named {
        loop {
            let mut left = {
                let mut named = self.0.named.lock();
                match named.get(name) {
                    Some(occupied) => {
                        occupied.newcomer.send_replace(true);
                        occupied.left.clone()
                    }
                    None => {
                        let (newcomer, is_replaced) = watch::channel(false);
                        let (leave, left) = watch::channel(());
                        named.insert(name.to_owned(), Occupied { newcomer, left });
                        let (places, name) = (self.clone(), name.to_owned());
                        return Named { places, name, newcomer: is_replaced, _left: leave };
                    }
                }
            };
            // Nothing is ever sent: this waits for the sender to be dropped.
            while left.changed().await.is_ok() {}
        }
    }
}

impl Seat {
    /// Resolves when somebody else joins by this member's name.
    pub fn replaced(&self) -> impl Future<Output = Error> + Send + use<> {
        let newcomer = self.name.as_ref().map(|named| named.newcomer.clone());
        async move {
            if let Some(mut newcomer) = newcomer
                && newcomer.wait_for(|is_there| *is_there).await.is_ok()
            {
                return Error::Replaced;
            }
            std::future::pending().await
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.places.0.named.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use millstream_runtime::ManualClock;

    use super::*;

    fn places(max: usize) -> (ManualClock, Places) {
        let clock = ManualClock::starting_at(Duration::ZERO);
        (clock.clone(), Places::new(max, clock.shared()))
    }

    #[tokio::test]
    async fn there_are_so_many_places_and_each_is_free_again() {
        let (_, places) = places(2);
        let (first, _second) = (places.enter(None).await.unwrap(), places.enter(None).await.unwrap());
        assert_eq!(places.enter(None).await.unwrap_err(), Error::Full(2));
        drop(first);
        assert!(places.enter(None).await.is_ok());
    }

    #[tokio::test]
    async fn who_brings_a_name_that_is_taken_ends_its_holder_and_waits_for_it() {
        let (clock, places) = places(5);
        let name = || Some("billing/worker".to_owned());
        let first = places.enter(name()).await.unwrap();
        let mut replaced = Box::pin(first.replaced());
        assert!(replaced.as_mut().now_or_never().is_none());
        let mut second = Box::pin(places.enter(name()));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(replaced.await, Error::Replaced);
        drop(first);
        let second = second.await.unwrap();
        assert!(second.replaced().now_or_never().is_none());
        let mut third = Box::pin(places.enter(name()));
        assert!(third.as_mut().now_or_never().is_none());
        clock.advance(DEPARTURE_LIMIT);
        assert!(matches!(third.await, Err(Error::Replaced)));
    }
}
