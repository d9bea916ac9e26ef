//! A clock that can be moved while others read it and sleep by it.
//!
//! It follows another clock, at a distance that whoever holds an [`AdjustableClock`] may change; it may also
//! stand still. Wall time can be moved either way. The monotonic reading goes along when wall time is moved
//! forward, for then time has passed, and stays where it is when wall time is moved back: it never falls.
//! Until it is first moved, both readings are those of the clock that it follows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::{Clock, SharedClock, Sleep};

/// Clones are handles to the same clock.
#[derive(Clone, Debug)]
pub struct AdjustableClock {
    inner: Arc<Inner>,
}

/// Both readings of a clock at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Time since the Unix epoch.
    pub now: Duration,
    pub monotonic: Duration,
    /// It stands still.
    pub frozen: bool,
}

#[derive(Debug)]
struct Inner {
    followed: SharedClock,
    course: RwLock<Course>,
    /// Tells sleepers that their time may have come.
    moved: watch::Sender<()>,
}

/// How the readings follow.
#[derive(Clone, Copy, Debug)]
enum Course {
    Running { now: Ahead, monotonic: Ahead },
    Frozen { now: Duration, monotonic: Duration },
}

/// Nanoseconds from one reading to another, which may be the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ahead(i128);

/// Durations hold this many nanoseconds and a bit; what is beyond stays here.
const NANOS_MAX: i128 = u64::MAX as i128 * 1_000_000_000;

impl AdjustableClock {
    /// A clock that follows `followed` without a distance.
    #[must_use]
    pub fn following(followed: SharedClock) -> Self {
        let course = Course::Running { now: Ahead(0), monotonic: Ahead(0) };
        let inner = Inner { followed, course: RwLock::new(course), moved: watch::Sender::default() };
        Self { inner: Arc::new(inner) }
    }

    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    /// Both readings, which belong together.
    #[must_use]
    pub fn read(&self) -> Reading {
        let course = self.inner.course.read();
        course.after(self.inner.followed())
    }

    /// Lets so much time pass at once. Wakes whoever sleeps until then.
    pub fn advance(&self, by: Duration) {
        self.move_to(|reading, _| reading.advanced(by));
    }

    /// Sets wall time, since the Unix epoch. Forward, this is [`Self::advance`] by the difference.
    pub fn set(&self, now: Duration) {
        self.move_to(|reading, _| reading.at(now));
    }

    /// Stands still from now on, until it is moved or let go.
    pub fn freeze(&self) {
        self.move_to(|reading, _| Reading { frozen: true, ..reading });
    }

    /// Goes on from where it stands, at the pace of the clock that it follows.
    pub fn unfreeze(&self) {
        self.move_to(|reading, _| Reading { frozen: false, ..reading });
    }

    /// Shows the wall time of the clock that it follows, and goes on with it. The monotonic reading keeps
    /// what it is ahead.
    pub fn reset(&self) {
        self.move_to(Reading::reset_to);
    }

    /// Moves to what `change` makes of this clock's reading and of the followed one's, in one step: nobody reads
    /// or sleeps by anything in between. A monotonic reading below the present one is raised to it.
    ///
    /// # Errors
    /// Those of `change`; then nothing has changed.
    pub fn change<E>(&self, change: impl FnOnce(Reading, Reading) -> Result<Reading, E>) -> Result<(), E> {
        let mut course = self.inner.course.write();
        let followed = self.inner.followed();
        let before = course.after(followed);
        let Reading { now, monotonic, frozen } = change(before, followed)?;
        let monotonic = monotonic.max(before.monotonic);
        *course = if frozen {
            Course::Frozen { now, monotonic }
        } else {
            Course::Running {
                now: Ahead::between(followed.now, now),
                monotonic: Ahead::between(followed.monotonic, monotonic),
            }
        };
        drop(course);
        self.inner.moved.send_replace(());
        Ok(())
    }

    fn move_to(&self, to: impl FnOnce(Reading, Reading) -> Reading) {
        let Ok(()) = self.change(|reading, followed| Ok::<_, Infallible>(to(reading, followed)));
    }
}

impl Reading {
    /// With this wall time. Forward, the time in between has passed for the monotonic reading too.
    #[must_use]
    pub fn at(self, now: Duration) -> Self {
        let passed = now.saturating_sub(self.now);
        Self { now, monotonic: self.monotonic.saturating_add(passed), ..self }
    }

    #[must_use]
    pub fn advanced(self, by: Duration) -> Self {
        self.at(self.now.saturating_add(by))
    }

    /// With the wall time of another clock, and running.
    #[must_use]
    pub fn reset_to(self, followed: Self) -> Self {
        Self { frozen: false, ..self.at(followed.now) }
    }
}

impl Course {
    fn after(&self, followed: Reading) -> Reading {
        match *self {
            Self::Running { now, monotonic } => Reading {
                now: now.after(followed.now),
                monotonic: monotonic.after(followed.monotonic),
                frozen: false,
            },
            Self::Frozen { now, monotonic } => Reading { now, monotonic, frozen: true },
        }
    }
}

impl Inner {
    fn followed(&self) -> Reading {
        Reading { now: self.followed.now(), monotonic: self.followed.monotonic(), frozen: false }
    }

    fn now(&self) -> Duration {
        match *self.course.read() {
            Course::Running { now, .. } => now.after(self.followed.now()),
            Course::Frozen { now, .. } => now,
        }
    }

    fn monotonic(&self) -> Duration {
        match *self.course.read() {
            Course::Running { monotonic, .. } => monotonic.after(self.followed.monotonic()),
            Course::Frozen { monotonic, .. } => monotonic,
        }
    }

    /// Resolves once the monotonic reading is at `deadline`, by itself or because it was moved.
    async fn sleep_until(&self, deadline: Duration, mut moved: watch::Receiver<()>) {
        loop {
            let reading = {
                let course = self.course.read();
                // What is moved after this reading wakes this sleeper again.
                moved.mark_unchanged();
                course.after(self.followed())
            };
            let left = deadline.saturating_sub(reading.monotonic);
            if left.is_zero() {
                return;
            }
            let time_passes = async {
                if reading.frozen {
                    std::future::pending::<()>().await;
                }
                self.followed.sleep(left).await;
            };
            tokio::select! {
                () = time_passes => {}
                // The sender lives as long as this clock, which this sleeper holds.
                _ = moved.changed() => {}
            }
        }
    }
}

impl Clock for AdjustableClock {
    fn now(&self) -> Duration {
        self.inner.now()
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.inner.monotonic().saturating_add(duration))
    }

    fn sleep_until(&self, deadline: Duration) -> Sleep {
        let inner = self.inner.clone();
        let moved = inner.moved.subscribe();
        Box::pin(async move { inner.sleep_until(deadline, moved).await })
    }
}

impl Ahead {
    fn between(from: Duration, to: Duration) -> Self {
        let nanos = |reading: Duration| i128::try_from(reading.as_nanos()).unwrap_or(NANOS_MAX);
        Self(nanos(to) - nanos(from))
    }

    /// The reading so far after `from`; the end of time where there is none.
    fn after(self, from: Duration) -> Duration {
        if self.0 == 0 {
            return from;
        }
        let from = i128::try_from(from.as_nanos()).unwrap_or(NANOS_MAX);
        let nanos = from.saturating_add(self.0).clamp(0, NANOS_MAX);
        let (secs, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        Duration::new(u64::try_from(secs).unwrap_or(u64::MAX), u32::try_from(nanos).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
