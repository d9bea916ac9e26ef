//! Whether the peer of an HTTP/2 connection is still there, for those who want to know.
//!
//! Most do not: a subscriber that is stopped in a debugger should find its subscription where it left it. But what a
//! member of a group holds must go to others when its machine is gone, which no packet would tell of. So peers are pinged
//! while somebody watches, and never otherwise: the clock of the pings stands still until then.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use millstream_runtime::clock::Sleep;
use millstream_runtime::{Clock, SystemClock};
use parking_lot::Mutex;

/// Between two pings, while nothing else comes.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(5);
/// From a ping to its answer, which is not its reader's work but its transport's.
pub(super) const PING_LIMIT: Duration = Duration::from_secs(15);
/// Between two looks whether somebody watches.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Of one connection; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Liveness(Arc<AtomicUsize>);

/// Has the peer pinged until it is dropped; a connection whose peer does not answer is ended.
#[derive(Debug)]
pub(crate) struct Watching(Liveness);

impl Liveness {
    pub(crate) fn watch(&self) -> Watching {
        self.0.fetch_add(1, Ordering::Relaxed);
        Watching(self.clone())
    }

    fn is_watched(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// By which hyper pings. It goes by the machine's time, whatever clock the server has: the peer is elsewhere.
pub(super) struct PingTimer {
    liveness: Liveness,
    clock: Arc<SystemClock>,
    /// At the clock's beginning, as hyper counts.
    origin: Instant,
}

impl PingTimer {
    pub(super) fn new(liveness: Liveness) -> Self {
        let clock = Arc::new(SystemClock::default());
        #[allow(clippy::disallowed_methods)] // an instant is how hyper wants to be told
        let origin = Instant::now();
        Self { liveness, clock, origin }
    }

    fn pause(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let alarm = Mutex::new(self.clock.sleep(duration));
        Box::pin(Pause { liveness: self.liveness.clone(), clock: self.clock.clone(), alarm })
    }
}

impl fmt::Debug for PingTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PingTimer").field(&self.liveness).finish()
    }
}

impl hyper::rt::Timer for PingTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.pause(duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.pause(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.origin + self.clock.monotonic()
    }
}

/// Ends when its time is over and somebody watches. The lock is nobody else's: hyper wants to share it.
struct Pause {
    liveness: Liveness,
    clock: Arc<SystemClock>,
    alarm: Mutex<Sleep>,
}

impl hyper::rt::Sleep for Pause {}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock();
        loop {
            ready!(alarm.as_mut().poll(context));
            if self.liveness.is_watched() {
                return Poll::Ready(());
            }
            *alarm = self.clock.sleep(LOOK_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use hyper::rt::Timer;

    use super::*;

    #[tokio::test]
    async fn time_stands_still_until_somebody_watches() {
        let liveness = Liveness::default();
        let timer = PingTimer::new(liveness.clone());
        let now = timer.now();
        assert!(timer.sleep_until(now).now_or_never().is_none(), "nobody watches");
        let watching = liveness.watch();
        timer.sleep_until(now).await;
        assert!(timer.sleep(Duration::from_secs(60)).now_or_never().is_none());
        drop(watching);
        assert!(timer.sleep_until(now).now_or_never().is_none());
    }
}
