use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;

const SECOND: Duration = Duration::from_secs(1);
const START: Duration = Duration::from_secs(1_700_000_000);

fn clock() -> (ManualClock, AdjustableClock) {
    let followed = ManualClock::starting_at(START);
    (followed.clone(), AdjustableClock::following(followed.shared()))
}

fn is_over(sleep: &mut Sleep) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(sleep).poll(&mut context) == Poll::Ready(())
}

#[test]
fn follows_until_it_is_moved() {
    let (followed, clock) = clock();
    followed.advance(SECOND);
    followed.jump_to(SECOND * 7);
    assert_eq!((clock.now(), clock.monotonic()), (SECOND * 7, SECOND));
}

#[test]
fn time_that_passes_at_once_passes_for_both_readings() {
    let (followed, clock) = clock();
    clock.advance(SECOND * 300);
    followed.advance(SECOND);
    assert_eq!((clock.now(), clock.monotonic()), (START + SECOND * 301, SECOND * 301));
    assert_eq!(clock.read(), Reading { now: clock.now(), monotonic: clock.monotonic(), frozen: false });
}

#[test]
fn set_back_it_does_not_undo_what_has_passed() {
    let (followed, clock) = clock();
    clock.set(START + SECOND * 50);
    clock.set(START - SECOND * 50);
    followed.advance(SECOND);
    assert_eq!((clock.now(), clock.monotonic()), (START - SECOND * 49, SECOND * 51));
}

#[test]
fn several_changes_are_one_step_and_a_refused_one_is_none() {
    let (followed, clock) = clock();
    followed.advance(SECOND);
    // Back by 50 seconds and then forward by 20, for which time has passed.
    let change = |reading: Reading, followed: Reading| {
        assert_eq!((reading.now, followed.now), (START + SECOND, START + SECOND));
        let moved = reading.at(START - SECOND * 49).advanced(SECOND * 20);
        Ok::<_, ()>(Reading { frozen: true, ..moved })
    };
    clock.change(change).unwrap();
    let expected = Reading { now: START - SECOND * 29, monotonic: SECOND * 21, frozen: true };
    assert_eq!(clock.read(), expected);
    assert_eq!(clock.change(|_, _| Err("no")), Err("no"));
    // The monotonic reading falls for nobody.
    clock.change(|reading, _| Ok::<_, ()>(Reading { monotonic: SECOND, ..reading })).unwrap();
    assert_eq!(clock.read(), expected);
}

#[test]
fn frozen_it_stands_until_it_is_moved_or_let_go() {
    let (followed, clock) = clock();
    clock.freeze();
    followed.advance(SECOND * 10);
    assert_eq!((clock.now(), clock.monotonic()), (START, Duration::ZERO));
    clock.advance(SECOND);
    assert_eq!((clock.now(), clock.monotonic()), (START + SECOND, SECOND));
    clock.unfreeze();
    followed.advance(SECOND);
    assert_eq!((clock.now(), clock.monotonic()), (START + SECOND * 2, SECOND * 2));
}

#[test]
fn reset_it_shows_the_time_of_the_followed_clock() {
    let (followed, clock) = clock();
    clock.advance(SECOND * 100);
    clock.freeze();
    clock.reset();
    followed.advance(SECOND);
    assert_eq!((clock.now(), clock.monotonic()), (START + SECOND, SECOND * 101));
    // It was standing: what passed meanwhile has passed.
    clock.freeze();
    followed.advance(SECOND);
    clock.reset();
    assert_eq!((clock.now(), clock.monotonic()), (START + SECOND * 2, SECOND * 102));
}

#[test]
fn sleepers_wake_when_the_moved_clock_says_so() {
    let (followed, clock) = clock();
    let mut sleep = clock.sleep(SECOND * 10);
    assert!(!is_over(&mut sleep));
    followed.advance(SECOND * 4);
    clock.advance(SECOND * 5);
    assert!(!is_over(&mut sleep));
    clock.set(START - SECOND);
    assert!(!is_over(&mut sleep), "that time was set back brings nothing nearer");
    clock.advance(SECOND);
    assert!(is_over(&mut sleep));
}

#[test]
fn a_deadline_stays_when_the_clock_is_moved_before_the_sleep() {
    let (_, clock) = clock();
    let deadline = clock.monotonic() + SECOND * 5;
    clock.advance(SECOND * 4);
    let mut sleep = clock.sleep_until(deadline);
    assert!(!is_over(&mut sleep));
    clock.advance(SECOND);
    assert!(is_over(&mut sleep) && is_over(&mut clock.sleep_until(deadline)));
}

#[test]
fn sleepers_are_held_while_it_is_frozen() {
    let (followed, clock) = clock();
    let mut sleep = clock.sleep(SECOND);
    assert!(!is_over(&mut sleep));
    clock.freeze();
    followed.advance(SECOND * 100);
    assert!(!is_over(&mut sleep));
    clock.unfreeze();
    assert!(!is_over(&mut sleep));
    followed.advance(SECOND);
    assert!(is_over(&mut sleep));
    assert!(is_over(&mut clock.sleep(Duration::ZERO)), "no time is over at once");
}

#[tokio::test]
async fn a_move_wakes_a_task_that_sleeps() {
    let (_followed, clock) = clock();
    let sleeping = clock.sleep(SECOND * 300);
    let (_, ()) = tokio::join!(
        async {
            tokio::task::yield_now().await;
            clock.advance(SECOND * 300);
        },
        sleeping
    );
}

#[test]
fn the_end_of_time_is_no_panic() {
    let (followed, clock) = clock();
    clock.set(Duration::MAX);
    clock.advance(Duration::MAX);
    followed.advance(SECOND);
    assert!(clock.now() >= Duration::from_secs(u64::MAX));
    assert!(!is_over(&mut clock.sleep(Duration::MAX)) || clock.monotonic() >= Duration::from_secs(u64::MAX));
    clock.set(Duration::ZERO);
    clock.freeze();
    clock.reset();
    assert_eq!(clock.now(), START + SECOND);
}

/// What may happen to a clock and to the one that it follows.
#[derive(Clone, Copy, Debug)]
enum Event {
    Passes(u64),
    FollowedJumps(u64),
    Advance(u64),
    Set(u64),
    Freeze,
    Unfreeze,
    Reset,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..100_u64).prop_map(Event::Passes),
        (0..10_000_u64).prop_map(Event::FollowedJumps),
        (0..1_000_u64).prop_map(Event::Advance),
        (0..10_000_u64).prop_map(Event::Set),
        Just(Event::Freeze),
        Just(Event::Unfreeze),
        Just(Event::Reset),
    ]
}

proptest! {
    #[test]
    fn the_monotonic_reading_never_falls_and_sleepers_keep_to_it(
        events in prop::collection::vec(any_event(), 1..40), naps in prop::collection::vec(0..3_000_u64, 1..5),
    ) {
        let (followed, clock) = clock();
        let nap = |secs: &u64| (Duration::from_secs(*secs), clock.sleep(Duration::from_secs(*secs)), false);
        let mut sleepers: Vec<_> = naps.iter().map(nap).collect();
        for event in events {
            let before = clock.read();
            match event {
                Event::Passes(secs) => followed.advance(Duration::from_secs(secs)),
                Event::FollowedJumps(secs) => followed.jump_to(Duration::from_secs(secs)),
                Event::Advance(secs) => clock.advance(Duration::from_secs(secs)),
                Event::Set(secs) => clock.set(Duration::from_secs(secs)),
                Event::Freeze => clock.freeze(),
                Event::Unfreeze => clock.unfreeze(),
                Event::Reset => clock.reset(),
            }
            let after = clock.read();
            let passed = after.monotonic.checked_sub(before.monotonic);
            prop_assert!(passed.is_some(), "{:?} after {:?}", after, before);
            match event {
                Event::Passes(_) | Event::FollowedJumps(_) if before.frozen => prop_assert_eq!(after, before),
                Event::Passes(secs) => prop_assert_eq!(passed, Some(Duration::from_secs(secs))),
                Event::FollowedJumps(_) => prop_assert_eq!(passed, Some(Duration::ZERO)),
                Event::Advance(secs) => {
                    prop_assert_eq!((passed, after.now), (Some(Duration::from_secs(secs)), before.now + Duration::from_secs(secs)));
                }
                Event::Set(secs) => {
                    prop_assert_eq!(after.now, Duration::from_secs(secs));
                    prop_assert_eq!(passed, Some(after.now.saturating_sub(before.now)));
                }
                Event::Freeze => prop_assert_eq!(after, Reading { frozen: true, ..before }),
                Event::Unfreeze => prop_assert_eq!(after, Reading { frozen: false, ..before }),
                Event::Reset => prop_assert_eq!((after.now, after.frozen), (followed.now(), false)),
            }
            for (nap, sleep, over) in sleepers.iter_mut().filter(|(_, _, over)| !over) {
                *over = is_over(sleep);
                prop_assert_eq!(*over, clock.monotonic() >= *nap);
            }
        }
    }
}
