//! Who waits for what became of records.
//!
//! The records that were put into one container share a [`Batch`]: one allocation, one lock that is rarely contended,
//! and one outcome as a rule. Where they part ways, because the stream was resharded, each keeps its place in its
//! batch, and its outcome is noted there. Every record gets exactly one outcome.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{PutError, Undelivered};
use crate::flushes::Flushes;
use crate::receipt::{Delivery, End, Receipt};

/// A record that was taken, and what becomes of it: a future. Dropping it recalls nothing.
#[derive(Debug)]
#[must_use = "what became of the record is told here alone"]
pub struct Pending {
    batch: Arc<Batch>,
    index: u32,
    /// Where in the batch its waker is.
    waker: Option<usize>,
    asked: Duration,
    admitted: Duration,
}

/// The records that were put into one container at first.
#[derive(Debug)]
pub(crate) struct Batch {
    /// What became of all of them, if they have stayed together.
    together: OnceLock<Arc<Delivery>>,
    state: Mutex<State>,
    flushes: Arc<Flushes>,
    /// Which flushes wait for it.
    epoch: u64,
}

#[derive(Debug, Default)]
struct State {
    /// What became of those that have parted, with their places in their last containers.
    apart: BTreeMap<u32, (Arc<Delivery>, u64)>,
    /// Records without an outcome, once they have parted.
    left: Option<u32>,
    wakers: Vec<Option<Waker>>,
}

/// A record's place in the batch that it came in.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) batch: Arc<Batch>,
    pub(crate) index: u32,
}

impl Batch {
    pub(crate) fn new(flushes: &Arc<Flushes>) -> Arc<Self> {
        let epoch = flushes.enter();
        Arc::new(Self { together: OnceLock::new(), state: Mutex::default(), flushes: flushes.clone(), epoch })
    }

    /// The future of a record at a place.
    pub(crate) fn pending(self: &Arc<Self>, index: u32, asked: Duration, admitted: Duration) -> Pending {
        Pending { batch: self.clone(), index, waker: None, asked, admitted }
    }

    /// All records have the same outcome.
    pub(crate) fn settle(&self, delivery: &Arc<Delivery>) {
        // It is known before wakers are taken, so that nobody leaves one behind; and it is set once.
        let _ = self.together.set(delivery.clone());
        let wakers = std::mem::take(&mut self.state.lock().wakers);
        self.flushes.leave(self.epoch);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// From now on each of the `members` records gets an outcome of its own.
    pub(crate) fn part(self: &Arc<Self>, members: u32) -> impl Iterator<Item = Ticket> {
        self.state.lock().left = Some(members);
        (0..members).map(|index| Ticket { batch: self.clone(), index })
    }
}

impl Ticket {
    /// The record has its outcome; `place` is its place in the container that it was in last.
    pub(crate) fn settle(&self, delivery: &Arc<Delivery>, place: u64) {
        let mut state = self.batch.state.lock();
        state.apart.insert(self.index, (delivery.clone(), place));
        let left = state.left.unwrap_or(1).saturating_sub(1);
        state.left = Some(left);
        // Who waits for another one of the batch is woken in vain. It is seldom, and spares each waker its place.
        let wakers: Vec<_> = state.wakers.iter_mut().filter_map(Option::take).collect();
        drop(state);
        if left == 0 {
            self.batch.flushes.leave(self.batch.epoch);
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Pending {
    fn outcome(&self, delivery: Arc<Delivery>, place: u64) -> Result<Receipt, PutError> {
        match delivery.end.clone() {
            End::Stored(stored) => Ok(Receipt::new(delivery, stored, place, self.asked, self.admitted)),
            End::Rejected(error) => {
                Err(PutError::Rejected { error, undelivered: Undelivered::new(delivery) })
            }
            End::Expired => Err(PutError::Expired(Undelivered::new(delivery))),
            End::Abandoned => Err(PutError::Abandoned(Undelivered::new(delivery))),
        }
    }
}

impl Future for Pending {
    type Output = Result<Receipt, PutError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Most have their outcome when they are first asked, which then takes no lock.
        if let Some(delivery) = self.batch.together.get() {
            return Poll::Ready(self.outcome(delivery.clone(), u64::from(self.index)));
        }
        let mut state = self.batch.state.lock();
        let own = state.apart.get(&self.index).cloned();
        let together = || Some((self.batch.together.get()?.clone(), u64::from(self.index)));
        if let Some((delivery, place)) = own.or_else(together) {
            drop(state);
            return Poll::Ready(self.outcome(delivery, place));
        }
        let known = self.waker.and_then(|at| state.wakers.get_mut(at).map(|waker| (at, waker)));
        let at = match known {
            Some((at, waker)) => {
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    *waker = Some(context.waker().clone());
                }
                at
            }
            None => {
                state.wakers.push(Some(context.waker().clone()));
                state.wakers.len() - 1
            }
        };
        drop(state);
        self.waker = Some(at);
        Poll::Pending
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // A waker that stayed would keep its task in memory, and one that waits in a loop would leave many.
        if let Some(at) = self.waker
            && let Some(waker) = self.batch.state.lock().wakers.get_mut(at)
        {
            *waker = None;
        }
    }
}
