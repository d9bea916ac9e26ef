//! Wall time, monotonic time and sleeping, behind one trait.
//!
//! Wall time may jump either way (operators, NTP); whoever needs order uses it only through a maximum of
//! what was seen before. Durations are always measured with the monotonic reading.

mod adjustable;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::oneshot;

pub use adjustable::{AdjustableClock, Reading};

/// A future that resolves when a clock says so.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock shared by everything in a process.
pub type SharedClock = Arc<dyn Clock>;

pub trait Clock: fmt::Debug + Send + Sync {
    /// Time since the Unix epoch.
    fn now(&self) -> Duration;

    /// Time since some fixed point of this process; never falls.
    fn monotonic(&self) -> Duration;

    fn sleep(&self, duration: Duration) -> Sleep;

    /// Sleeps until the monotonic reading is at `deadline`. Whoever holds a deadline asks for this one: between a
    /// reading and a sleep that is counted from it, a clock may be moved.
    fn sleep_until(&self, deadline: Duration) -> Sleep {
        self.sleep(deadline.saturating_sub(self.monotonic()))
    }
}

impl dyn Clock + '_ {
    /// The future's output, or `None` when `limit` passes first.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        let sleep = self.sleep(limit);
        tokio::select! {
            biased;
            output = &mut future => Some(output),
            () = sleep => None,
        }
    }
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self::default())
    }
}

#[allow(clippy::disallowed_methods)] // the one place that reads the machine's clocks
impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

#[allow(clippy::disallowed_methods)] // the one place that reads the machine's clocks
impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until a test moves it.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<ManualState>>,
}

#[derive(Debug)]
struct ManualState {
    now: Duration,
    monotonic: Duration,
    sleepers: BinaryHeap<Reverse<Sleeper>>,
    sleepers_made: u64,
}

/// Ordered by deadline, then by age, so that sleepers wake in a fixed order.
#[derive(Debug)]
struct Sleeper {
    deadline: Duration,
    number: u64,
    wake: oneshot::Sender<()>,
}

impl ManualClock {
    /// Starts at a wall time given since the Unix epoch.
    #[must_use]
    pub fn starting_at(now: Duration) -> Self {
        let state =
            ManualState { now, monotonic: Duration::ZERO, sleepers: BinaryHeap::new(), sleepers_made: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Moves both readings forward and wakes whoever slept until then.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock();
        state.now += by;
        state.monotonic += by;
        while let Some(Reverse(next)) = state.sleepers.peek() {
            if next.deadline > state.monotonic {
                break;
            }
            if let Some(Reverse(sleeper)) = state.sleepers.pop() {
                // The sleeper may have been dropped: nobody to wake.
                let _ = sleeper.wake.send(());
            }
        }
    }

    /// Moves forward to the next moment that somebody sleeps for. False when nobody sleeps.
    ///
    /// A runtime that calls this whenever it has nothing to do lives through hours in seconds, and always in the same
    /// order.
    pub fn advance_to_next(&self) -> bool {
        let by = {
            let mut state = self.state.lock();
            // Who does not wait any more would not be woken.
            while state.sleepers.peek().is_some_and(|Reverse(next)| next.wake.is_closed()) {
                state.sleepers.pop();
            }
            let next = state.sleepers.peek().map(|Reverse(next)| next.deadline);
            next.map(|deadline| deadline.saturating_sub(state.monotonic))
        };
        by.map(|by| self.advance(by)).is_some()
    }

    /// Sets the wall time alone, forward or back, as an operator or NTP would.
    pub fn jump_to(&self, now: Duration) {
        self.state.lock().now = now;
    }

    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        self.state.lock().now
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().monotonic
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.state.lock();
        let deadline = state.monotonic + duration;
        state.sleep_until(deadline)
    }

    fn sleep_until(&self, deadline: Duration) -> Sleep {
        self.state.lock().sleep_until(deadline)
    }
}

impl ManualState {
    fn sleep_until(&mut self, deadline: Duration) -> Sleep {
        let (wake, woken) = oneshot::channel();
        if deadline <= self.monotonic {
            let _ = wake.send(());
        } else {
            let number = self.sleepers_made;
            self.sleepers_made += 1;
            self.sleepers.push(Reverse(Sleeper { deadline, number, wake }));
        }
        Box::pin(async move {
            // The sender lives in the clock until it fires; if the clock is gone, so is time.
            let _ = woken.await;
        })
    }
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        (self.deadline, self.number) == (other.deadline, other.number)
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.deadline, self.number).cmp(&(other.deadline, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn manual_sleepers_wake_when_time_has_come() {
        let clock = ManualClock::starting_at(Duration::from_secs(100));
        let mut sleep = clock.sleep(Duration::from_secs(5));
        clock.advance(Duration::from_secs(4));
        assert!(futures_poll(&mut sleep).await.is_none());
        clock.advance(Duration::from_secs(1));
        sleep.await;
        assert_eq!(clock.now(), Duration::from_secs(105));
    }

    #[tokio::test]
    async fn a_deadline_stays_when_the_clock_is_moved_before_the_sleep() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let deadline = clock.monotonic() + Duration::from_secs(5);
        clock.advance(Duration::from_secs(4));
        let mut sleep = clock.sleep_until(deadline);
        assert!(futures_poll(&mut sleep).await.is_none());
        clock.advance(Duration::from_secs(1));
        assert!(futures_poll(&mut sleep).await.is_some());
        assert!(futures_poll(&mut clock.sleep_until(deadline)).await.is_some());
    }

    #[tokio::test]
    async fn the_next_moment_is_one_that_somebody_waits_for() {
        let clock = ManualClock::starting_at(Duration::from_secs(100));
        assert!(!clock.advance_to_next());
        drop(clock.sleep(Duration::from_secs(1)));
        let slept = clock.sleep(Duration::from_secs(2));
        assert!(clock.advance_to_next());
        slept.await;
        assert_eq!((clock.monotonic(), clock.advance_to_next()), (Duration::from_secs(2), false));
    }

    #[tokio::test]
    async fn a_wall_jump_wakes_nobody() {
        let clock = ManualClock::starting_at(Duration::from_secs(100));
        let mut sleep = clock.sleep(Duration::from_secs(5));
        clock.jump_to(Duration::from_secs(1_000));
        assert!(futures_poll(&mut sleep).await.is_none());
        assert_eq!(clock.monotonic(), Duration::ZERO);
    }

    #[tokio::test]
    async fn timeout_gives_the_output_or_nothing() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let shared = clock.shared();
        assert_eq!(shared.timeout(Duration::from_secs(1), async { 7 }).await, Some(7));
        let never = shared.timeout(Duration::from_secs(1), std::future::pending::<()>());
        clock.advance(Duration::ZERO);
        let mut never = Box::pin(never);
        assert!(futures_poll(&mut never).await.is_none());
        clock.advance(Duration::from_secs(1));
        assert_eq!(never.await, None);
    }

    /// Polls once and gives the output if there is one.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match Pin::new(&mut *future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
