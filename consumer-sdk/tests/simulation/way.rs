//! What stands between one worker and everything else: a wire on which requests and replies are late or lost, and a
//! clock that stands still while the worker does and whose date may be wrong.
//!
//! A worker that is frozen goes on where it was, whatever happened meanwhile: what it had sent was carried out, and no
//! reply and no timer reaches it before it is thawed. A worker that is dead stays so.

use std::sync::Arc;
use std::time::Duration;

use millstream_runtime::clock::Sleep;
use millstream_runtime::{Clock, ManualClock, SharedClock};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::dice::Dice;

/// One way of a request or a reply, at most.
const LATENCY_MAX_MS: u64 = 30;
/// After which a worker knows that something was lost.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Life {
    #[default]
    Running,
    Frozen,
    Dead,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Requests do not arrive.
    LoseRequests,
    /// Requests are carried out, and nobody hears of it.
    LoseReplies,
}

/// Clones are the same way.
#[derive(Clone, Debug)]
pub(crate) struct Way(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: ManualClock,
    dice: Mutex<Dice>,
    state: Mutex<(Life, Fault)>,
    /// Wakes in the order of waiting, which a channel that is watched does not.
    changed: Notify,
    /// Seconds by which the worker's date is wrong.
    date_error: Mutex<i64>,
}

impl Way {
    pub(crate) fn new(clock: &ManualClock, dice: Dice) -> Self {
        Self(Arc::new(Inner {
            clock: clock.clone(),
            dice: Mutex::new(dice),
            state: Mutex::default(),
            changed: Notify::new(),
            date_error: Mutex::default(),
        }))
    }

    pub(crate) fn set_life(&self, life: Life) {
        self.0.state.lock().0 = life;
        self.0.changed.notify_waiters();
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        self.0.state.lock().1 = fault;
        self.0.changed.notify_waiters();
    }

    pub(crate) fn set_date_error(&self, secs: i64) {
        *self.0.date_error.lock() = secs;
    }

    /// What the worker tells the time by.
    pub(crate) fn clock(&self) -> SharedClock {
        Arc::new(WorkerClock(self.clone()))
    }

    /// Resolves when the worker runs: at once, later, or never.
    pub(crate) async fn running(&self) {
        self.until(|(life, _)| life == Life::Running).await;
    }

    /// Resolves when something is wrong with the wire, which ends connections.
    pub(crate) async fn broken(&self) {
        self.until(|(_, fault)| fault != Fault::None).await;
    }

    async fn until(&self, is_so: impl Fn((Life, Fault)) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if is_so(*self.0.state.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn fault(&self) -> Fault {
        self.0.state.lock().1
    }

    /// Has something carried out on the other side. `None` if the request or the reply was lost.
    pub(crate) async fn call<T>(&self, carry_out: impl Future<Output = T>) -> Option<T> {
        self.running().await;
        self.travel().await;
        let reply = match self.fault() {
            Fault::LoseRequests => None,
            Fault::None | Fault::LoseReplies => Some(carry_out),
        };
        let reply = match reply {
            Some(carry_out) => Some(carry_out.await),
            None => None,
        };
        self.travel().await;
        let reply = reply.filter(|_| self.fault() != Fault::LoseReplies);
        if reply.is_none() {
            self.0.clock.sleep(PATIENCE).await;
        }
        self.running().await;
        reply
    }

    async fn travel(&self) {
        let millis = self.0.dice.lock().below(LATENCY_MAX_MS + 1);
        self.0.clock.sleep(Duration::from_millis(millis)).await;
    }
}

#[derive(Debug)]
struct WorkerClock(Way);

impl Clock for WorkerClock {
    fn now(&self) -> Duration {
        let error = *self.0.0.date_error.lock();
        let (now, by) = (self.0.0.clock.now(), Duration::from_secs(error.unsigned_abs()));
        if error < 0 { now.saturating_sub(by) } else { now + by }
    }

    fn monotonic(&self) -> Duration {
        self.0.0.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.monotonic() + duration)
    }

    fn sleep_until(&self, deadline: Duration) -> Sleep {
        let (sleep, way) = (self.0.0.clock.sleep_until(deadline), self.0.clone());
        Box::pin(async move {
            sleep.await;
            way.running().await;
        })
    }
}
