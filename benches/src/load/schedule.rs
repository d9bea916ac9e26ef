//! When requests should be sent.
//!
//! All connections of a load share one schedule. Whoever is free takes the next turn and waits for its time,
//! or is already late. A turn that was taken late keeps its intended time, so a target that stalls is
//! charged with the requests that would have been sent meanwhile (no coordinated omission).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Alarm;
use crate::error::Error;
use crate::measure::Window;

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// A connection sends as soon as it has its reply.
    Closed,
    /// So many a second over all connections, whatever the target does; `at_once` at a time, which come evenly.
    Open { per_second: f64, at_once: u64 },
}

/// The turns of one window. It is given with every call, since it begins only when all are ready.
#[derive(Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    taken: AtomicU64,
}

impl Schedule {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, taken: AtomicU64::new(0) }
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Waits for the next turn and returns when it should be sent; `None` when the window is over.
    pub(crate) async fn turn(&self, window: Window, alarm: &mut Alarm) -> Result<Option<Duration>, Error> {
        let now = alarm.now();
        if now >= window.until {
            return Ok(None);
        }
        let Pace::Open { per_second, at_once } = self.pace else { return Ok(Some(now)) };
        let intended = intended(window, self.taken.fetch_add(1, Ordering::Relaxed), per_second, at_once);
        if intended >= window.until {
            return Ok(None);
        }
        alarm.until(intended).await?;
        Ok(Some(intended))
    }

    /// The intended times of turns that were due before the end and that nobody came to take. To be asked
    /// when the load is over.
    pub(crate) fn unsent(&self, window: Window) -> Vec<Duration> {
        let Pace::Open { per_second, at_once } = self.pace else { return Vec::new() };
        let left = self.taken.load(Ordering::Relaxed)..;
        let due = left.map(|turn| intended(window, turn, per_second, at_once));
        due.take_while(|due| *due < window.until).collect()
    }
}

/// From the start, not from the turn before, so that rounding does not add up.
fn intended(window: Window, turn: u64, per_second: f64, at_once: u64) -> Duration {
    let first = turn - turn % at_once.max(1);
    window.start + Duration::from_secs_f64(first as f64 / per_second)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millstream_runtime::ManualClock;

    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const TEN_A_SECOND: Pace = Pace::Open { per_second: 10.0, at_once: 1 };

    fn two_seconds() -> Window {
        Window::starting_at(Duration::ZERO, millis(500), millis(1500))
    }

    #[tokio::test]
    async fn turns_come_at_their_time() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let mut alarm = Alarm::by_clock(clock.shared());
        let schedule = Schedule::new(TEN_A_SECOND);
        assert_eq!(schedule.turn(two_seconds(), &mut alarm).await.unwrap(), Some(Duration::ZERO));
        let wait = schedule.turn(two_seconds(), &mut alarm);
        let advance = async { clock.advance(millis(100)) };
        let (turn, ()) = tokio::join!(wait, advance);
        assert_eq!(turn.unwrap(), Some(millis(100)));
    }

    #[tokio::test]
    async fn a_stall_does_not_move_the_turns_behind_it() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let mut alarm = Alarm::by_clock(clock.shared());
        let schedule = Schedule::new(TEN_A_SECOND);
        assert_eq!(schedule.turn(two_seconds(), &mut alarm).await.unwrap(), Some(Duration::ZERO));
        clock.advance(millis(350)); // the target took that long
        for expected in [100, 200, 300] {
            assert_eq!(schedule.turn(two_seconds(), &mut alarm).await.unwrap(), Some(millis(expected)));
        }
    }

    #[tokio::test]
    async fn turns_are_shared_and_end_with_the_window() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let schedule = Arc::new(Schedule::new(TEN_A_SECOND));
        clock.advance(millis(1_999));
        let (mut one, mut two) = (Alarm::by_clock(clock.shared()), Alarm::by_clock(clock.shared()));
        let mut turns = Vec::new();
        for _ in 0..10 {
            turns.push(schedule.turn(two_seconds(), &mut one).await.unwrap().unwrap());
            turns.push(schedule.turn(two_seconds(), &mut two).await.unwrap().unwrap());
        }
        assert_eq!(turns, (0..20).map(|turn| millis(turn * 100)).collect::<Vec<_>>());
        assert_eq!(schedule.turn(two_seconds(), &mut one).await.unwrap(), None);
        assert!(schedule.unsent(two_seconds()).is_empty());
    }

    #[tokio::test]
    async fn turns_may_come_several_at_once() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let mut alarm = Alarm::by_clock(clock.shared());
        let schedule = Schedule::new(Pace::Open { per_second: 10.0, at_once: 5 });
        clock.advance(millis(700));
        for expected in [0, 0, 0, 0, 0, 500, 500, 500, 500, 500] {
            assert_eq!(schedule.turn(two_seconds(), &mut alarm).await.unwrap(), Some(millis(expected)));
        }
    }

    #[tokio::test]
    async fn what_a_slow_target_kept_from_being_sent_is_counted() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let mut alarm = Alarm::by_clock(clock.shared());
        let schedule = Schedule::new(TEN_A_SECOND);
        schedule.turn(two_seconds(), &mut alarm).await.unwrap();
        clock.advance(millis(2_000));
        assert_eq!(schedule.turn(two_seconds(), &mut alarm).await.unwrap(), None);
        let unsent = schedule.unsent(two_seconds());
        assert_eq!(unsent, (1..20).map(|turn| millis(turn * 100)).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_closed_loop_sends_at_once_until_the_end() {
        let clock = ManualClock::starting_at(Duration::ZERO);
        let mut alarm = Alarm::by_clock(clock.shared());
        let window = Window::starting_at(Duration::ZERO, Duration::ZERO, millis(10));
        let schedule = Schedule::new(Pace::Closed);
        clock.advance(millis(9));
        assert_eq!(schedule.turn(window, &mut alarm).await.unwrap(), Some(millis(9)));
        clock.advance(millis(1));
        assert_eq!(schedule.turn(window, &mut alarm).await.unwrap(), None);
        assert!(schedule.unsent(window).is_empty());
    }
}
