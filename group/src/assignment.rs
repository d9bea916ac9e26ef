//! The possession of a shard, as both sides of a call see it: its processor sends, the member's requests acknowledge.
//!
//! Of each shard one checkpoint is stored at a time, and what is asked for meanwhile is put together: a client may
//! acknowledge every record and costs the lease table no more than one that does so now and then.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use millstream_consumer_sdk::DetachedCheckpointer;
use millstream_lease::Checkpoint;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::window::Window;

/// The shards that a member has.
#[derive(Debug, Default)]
pub(crate) struct Assignments {
    by_id: Mutex<HashMap<i64, Arc<Assignment>>>,
    last_id: AtomicI64,
}

#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) id: i64,
    state: watch::Sender<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    window: Window,
    /// There from the first batch on.
    checkpointer: Option<DetachedCheckpointer>,
    /// To be stored next.
    wanted: Option<Checkpoint>,
    is_storing: bool,
    end: End,
    handoff: Handoff,
}

/// The end of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There may be more records.
    Ahead,
    Told,
    Acknowledged,
}

/// Giving a shard back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handoff {
    None,
    Requested,
    Released,
}

/// What follows an acknowledgement.
#[derive(Debug)]
pub(crate) enum Acknowledged {
    /// Nobody stores checkpoints of this shard at the moment, so somebody has to.
    Store,
    /// It is stored with those before it.
    Joins,
    OutOfRange,
}

impl State {
    /// Whether everything that was sent is acknowledged, and whatever is to be stored is.
    fn is_settled(&self) -> bool {
        self.window.is_settled() && !self.is_storing
    }
}

impl Assignments {
    /// A shard begins behind `from`.
    pub(crate) fn begin(&self, window_bytes: usize, from: Checkpoint) -> Arc<Assignment> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let state = State {
            window: Window::new(window_bytes, from),
            checkpointer: None,
            wanted: None,
            is_storing: false,
            end: End::Ahead,
            handoff: Handoff::None,
        };
        let assignment = Arc::new(Assignment { id, state: watch::Sender::new(state) });
        self.by_id.lock().insert(id, assignment.clone());
        assignment
    }

    pub(crate) fn get(&self, id: i64) -> Option<Arc<Assignment>> {
        self.by_id.lock().get(&id).cloned()
    }

    /// Whether there ever was one of this id.
    pub(crate) fn was_begun(&self, id: i64) -> bool {
        (1..=self.last_id.load(Ordering::Relaxed)).contains(&id)
    }

    pub(crate) fn end(&self, id: i64) {
        self.by_id.lock().remove(&id);
    }
}

impl Assignment {
    /// Checkpoints can be made from now on.
    pub(crate) fn attach(&self, checkpointer: impl FnOnce() -> DetachedCheckpointer) {
        self.state.send_if_modified(|state| {
            if state.checkpointer.is_none() {
                state.checkpointer = Some(checkpointer());
            }
            false
        });
    }

    /// Waits until a message of so many bytes may be sent.
    pub(crate) async fn room(&self, bytes: usize) {
        self.wait(|state| state.window.has_room(bytes)).await;
    }

    pub(crate) fn sent(&self, last: Checkpoint, bytes: usize) {
        self.state.send_modify(|state| state.window.sent(last, bytes));
    }

    pub(crate) fn acknowledge(&self, to: &Checkpoint) -> Acknowledged {
        let mut acknowledged = Acknowledged::OutOfRange;
        self.state.send_if_modified(|state| {
            if !state.window.acknowledge(to) {
                return false;
            }
            state.wanted = Some(to.clone());
            acknowledged = if state.is_storing { Acknowledged::Joins } else { Acknowledged::Store };
            state.is_storing = true;
            true
        });
        acknowledged
    }

    /// The next checkpoint to be stored. When there is none, who stores them is done.
    pub(crate) fn next_to_store(&self) -> Option<(Checkpoint, DetachedCheckpointer)> {
        let mut next = None;
        self.state.send_modify(|state| {
            next = state.wanted.take().zip(state.checkpointer.clone());
            state.is_storing = next.is_some();
        });
        next
    }

    pub(crate) fn tell_end(&self) {
        self.state.send_modify(|state| state.end = End::Told);
    }

    /// False where the end was not told.
    pub(crate) fn acknowledge_end(&self) -> bool {
        self.state.send_if_modified(|state| {
            let is_told = state.end != End::Ahead;
            if is_told {
                state.end = End::Acknowledged;
                state.window.acknowledge_all();
            }
            is_told
        })
    }

    pub(crate) async fn end_acknowledged(&self) {
        self.wait(|state| state.end == End::Acknowledged).await;
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.state.borrow().is_settled()
    }

    pub(crate) fn request(&self) {
        self.state.send_modify(|state| state.handoff = Handoff::Requested);
    }

    /// False where the shard was not requested.
    pub(crate) fn release(&self) -> bool {
        self.state.send_if_modified(|state| {
            let is_requested = state.handoff != Handoff::None;
            if is_requested {
                state.handoff = Handoff::Released;
            }
            is_requested
        })
    }

    /// Waits until the client has done with what was sent.
    pub(crate) async fn done(&self) {
        self.wait(|state| state.is_settled() || state.handoff == Handoff::Released).await;
    }

    /// Waits until nothing is being stored.
    pub(crate) async fn stored(&self) {
        self.wait(|state| !state.is_storing).await;
    }

    async fn wait(&self, is_so: impl FnMut(&State) -> bool) {
        // The sender is here.
        let _ = self.state.subscribe().wait_for(is_so).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn at(number: u64) -> Checkpoint {
        Checkpoint::at(number.to_string().parse().unwrap(), 0)
    }

    #[test]
    fn a_slow_shard_waits_alone() {
        let assignments = Assignments::default();
        let (slow, other) = (assignments.begin(10, at(0)), assignments.begin(10, at(0)));
        assert_ne!(slow.id, other.id);
        slow.sent(at(1), 10);
        assert!(slow.room(1).now_or_never().is_none());
        assert!(other.room(1).now_or_never().is_some());
        assert!(matches!(slow.acknowledge(&at(1)), Acknowledged::Store));
        assert!(slow.room(1).now_or_never().is_some());
    }

    #[test]
    fn what_is_asked_for_while_one_is_stored_is_stored_as_one() {
        let assignment = Assignments::default().begin(100, at(0));
        for number in 1..=4 {
            assignment.sent(at(number), 1);
        }
        assert!(matches!(assignment.acknowledge(&at(1)), Acknowledged::Store));
        assert!(matches!(assignment.acknowledge(&at(2)), Acknowledged::Joins));
        assert!(matches!(assignment.acknowledge(&at(3)), Acknowledged::Joins));
        assert!(matches!(assignment.acknowledge(&at(5)), Acknowledged::OutOfRange));
        assert_eq!(assignment.state.borrow().wanted, Some(at(3)));
        // Without a processor there is nothing to store with.
        assert!(assignment.next_to_store().is_none());
        assert!(matches!(assignment.acknowledge(&at(4)), Acknowledged::Store));
    }

    #[test]
    fn an_end_is_acknowledged_once_it_was_told_and_a_shard_released_once_it_was_requested() {
        let assignment = Assignments::default().begin(100, at(0));
        assignment.sent(at(1), 1);
        assert!(!assignment.acknowledge_end() && !assignment.release());
        assert!(assignment.done().now_or_never().is_none());
        assignment.tell_end();
        assert!(assignment.end_acknowledged().now_or_never().is_none());
        assert!(assignment.acknowledge_end() && assignment.is_settled());
        assert!(assignment.end_acknowledged().now_or_never().is_some());
        assignment.request();
        assert!(assignment.release() && assignment.done().now_or_never().is_some());
    }
}
