//! Waiting until a point in time, finely enough to pace requests.
//!
//! Timers of the asynchronous runtime tick once a millisecond, which at a thousand requests a second is as
//! long as the wait itself and would be measured as latency. A `timerfd` fires within some microseconds and
//! costs no spinning. Tests, and systems without it, sleep on the clock instead.

use std::io;
use std::time::Duration;

use millstream_runtime::SharedClock;

/// One waiter's alarm. Must be made inside an asynchronous runtime.
#[derive(Debug)]
pub(crate) struct Alarm {
    clock: SharedClock,
    #[cfg(target_os = "linux")]
    timer: Option<tokio::io::unix::AsyncFd<rustix::fd::OwnedFd>>,
}

impl Alarm {
    /// As fine as the system allows; for the machine's own clock.
    pub(crate) fn precise(clock: SharedClock) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
            use tokio::io::{Interest, unix::AsyncFd};

            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            // Deprecated for types that may close their descriptor early, which an `OwnedFd` does not.
            #[allow(deprecated)]
            let timer = Some(AsyncFd::with_interest(timer, Interest::READABLE)?);
            Ok(Self { clock, timer })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self { clock })
    }

    /// As the clock sleeps; a manual clock can move it.
    #[cfg(test)]
    pub(crate) fn by_clock(clock: SharedClock) -> Self {
        Self {
            clock,
            #[cfg(target_os = "linux")]
            timer: None,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Returns at `deadline` (monotonic) or shortly after, never before.
    pub(crate) async fn until(&mut self, deadline: Duration) -> io::Result<()> {
        loop {
            let left = deadline.saturating_sub(self.now());
            if left.is_zero() {
                return Ok(());
            }
            self.wait(left).await?;
        }
    }

    async fn wait(&mut self, duration: Duration) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer {
            use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

            let it_value = Timespec::try_from(duration).map_err(io::Error::other)?;
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            // Setting it anew also takes back a firing that nobody waited for.
            timerfd_settime(
                timer.get_ref(),
                TimerfdTimerFlags::empty(),
                &Itimerspec { it_interval, it_value },
            )?;
            timer.readable().await?.clear_ready();
            return Ok(());
        }
        self.clock.sleep(duration).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use millstream_runtime::{ManualClock, SystemClock};

    use super::*;

    #[tokio::test]
    async fn waits_on_a_manual_clock() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let mut alarm = Alarm::by_clock(clock.shared());
        let deadline = Duration::from_millis(5);
        let wait = alarm.until(deadline);
        let advance = async {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(3));
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(2));
        };
        tokio::join!(wait, advance).0.unwrap();
        assert_eq!(alarm.now(), deadline);
    }

    #[tokio::test]
    async fn never_returns_early() {
        let clock = SystemClock::shared();
        let mut alarm = Alarm::precise(clock).unwrap();
        for micros in [0, 1, 50, 700, 2_500] {
            let deadline = alarm.now() + Duration::from_micros(micros);
            alarm.until(deadline).await.unwrap();
            assert!(alarm.now() >= deadline);
        }
    }
}
