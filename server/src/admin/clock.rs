//! `/admin/clock`: shows the engine's clock, and moves it.
//!
//! Only the engine goes by this clock: retention, iterators, limits, states of streams. Deadlines of
//! connections and what requests took are measured by the machine's own.

use std::time::Duration;

use millstream_runtime::clock::Reading;
use millstream_runtime::{AdjustableClock, SharedClock};
use serde::{Deserialize, Serialize};

use super::answer::Refusal;

/// 2400-01-01. Sequence numbers are good for another 77 years, so that retention and all that counts from the
/// present still fits.
const LATEST_MILLIS: u64 = 13_569_465_600_000;

/// What is to become of the clock, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Change {
    /// Back to the machine's time, and running.
    pub(crate) reset: bool,
    /// To this wall time.
    pub(crate) set: Option<Moment>,
    pub(crate) advance_ms: Option<u64>,
    /// Stands still, or goes on.
    pub(crate) frozen: Option<bool>,
}

/// RFC 3339, or milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Moment {
    Millis(u64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    now: String,
    pub(crate) now_ms: u64,
    /// How far it is ahead of the machine's clock; negative when it is behind.
    pub(crate) ahead_ms: i64,
    pub(crate) frozen: bool,
}

/// The engine's clock and the machine's.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    pub(crate) engine: AdjustableClock,
    pub(crate) machine: SharedClock,
}

impl Clocks {
    pub(crate) fn show(&self) -> Shown {
        let Reading { now, frozen, .. } = self.engine.read();
        let (now_ms, machine_ms) = (millis(now), millis(self.machine.now()));
        let difference = i128::from(now_ms) - i128::from(machine_ms);
        Shown {
            now: rfc3339(now_ms),
            now_ms,
            ahead_ms: i64::try_from(difference).unwrap_or(i64::MAX),
            frozen,
        }
    }

    /// Changes the clock as asked, in one step, or not at all.
    pub(crate) fn change(&self, change: &Change) -> Result<(), Refusal> {
        if *change == Change::default() {
            return Err(Refusal::bad_request(
                "Nothing was asked for: give one or more of set, advance_ms, frozen and reset.",
            ));
        }
        let set = change.set.as_ref().map(Moment::millis).transpose()?;
        let is_moved = set.is_some() || change.advance_ms.is_some();
        self.engine.change(|mut reading, machine| {
            if change.reset {
                reading = reading.reset_to(machine);
            }
            if let Some(millis) = set {
                reading = reading.at(Duration::from_millis(millis));
            }
            if let Some(millis) = change.advance_ms {
                reading = reading.advanced(Duration::from_millis(millis));
            }
            if is_moved && reading.now > Duration::from_millis(LATEST_MILLIS) {
                let latest = rfc3339(LATEST_MILLIS);
                let text = format!("The clock can be moved to {latest} and no further.");
                return Err(Refusal::bad_request(text));
            }
            Ok(Reading { frozen: change.frozen.unwrap_or(reading.frozen), ..reading })
        })
    }
}

impl Moment {
    fn millis(&self) -> Result<u64, Refusal> {
        let text = match self {
            Self::Millis(millis) => return Ok(*millis),
            Self::Text(text) => text,
        };
        let time: jiff::Timestamp = text.parse().map_err(|error| {
            Refusal::bad_request(format!(
                "{text:?} is no time: give one like 2026-01-31T12:00:00Z or milliseconds since 1970 ({error})."
            ))
        })?;
        u64::try_from(time.as_millisecond())
            .map_err(|_| Refusal::bad_request(format!("{text} is before 1970, where time begins here.")))
    }
}

fn millis(since_epoch: Duration) -> u64 {
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn rfc3339(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use millstream_runtime::{Clock, ManualClock};

    use super::*;

    fn clocks() -> (ManualClock, Clocks) {
        let machine = ManualClock::starting_at(Duration::from_millis(1_700_000_000_123));
        let engine = AdjustableClock::following(machine.shared());
        (machine.clone(), Clocks { engine, machine: machine.shared() })
    }

    fn change(clocks: &Clocks, json: &str) -> Result<Shown, String> {
        let change = serde_json::from_str(json).map_err(|error| error.to_string())?;
        clocks.change(&change).map_err(|refusal| format!("{refusal:?}"))?;
        Ok(clocks.show())
    }

    #[test]
    fn the_clock_is_shown_and_moved() {
        let (machine, clocks) = clocks();
        let at =
            |now: &str, now_ms, ahead_ms, frozen| Shown { now: now.to_owned(), now_ms, ahead_ms, frozen };
        assert_eq!(clocks.show(), at("2023-11-14T22:13:20.123Z", 1_700_000_000_123, 0, false));
        let moved = change(&clocks, r#"{"advance_ms": 300000, "frozen": true}"#).unwrap();
        assert_eq!(moved, at("2023-11-14T22:18:20.123Z", 1_700_000_300_123, 300_000, true));
        machine.advance(Duration::from_secs(1));
        assert_eq!(clocks.show().ahead_ms, 299_000);
        let set = change(&clocks, r#"{"set": "2020-01-01T01:00:00.5+01:00", "frozen": false}"#).unwrap();
        assert_eq!((set.now.as_str(), set.frozen), ("2020-01-01T00:00:00.500Z", false));
        assert_eq!(change(&clocks, r#"{"set": 7}"#).unwrap().now_ms, 7);
        assert_eq!(change(&clocks, r#"{"reset": true}"#).unwrap().ahead_ms, 0);
        assert_eq!(change(&clocks, r#"{"reset": true, "advance_ms": 5}"#).unwrap().ahead_ms, 5);
    }

    /// A clock that goes on whenever it is looked at.
    #[derive(Debug)]
    struct Restless(ManualClock);

    impl Clock for Restless {
        fn now(&self) -> Duration {
            self.0.advance(Duration::from_millis(1));
            self.0.now()
        }

        fn monotonic(&self) -> Duration {
            self.0.monotonic()
        }

        fn sleep(&self, duration: Duration) -> millstream_runtime::clock::Sleep {
            self.0.sleep(duration)
        }
    }

    #[test]
    fn no_time_passes_between_the_members_of_a_change() {
        let restless = Restless(ManualClock::starting_at(Duration::from_secs(1_700_000_000)));
        let machine: SharedClock = std::sync::Arc::new(restless);
        let engine = AdjustableClock::following(machine.clone());
        let clocks = Clocks { engine, machine };
        let shown = change(&clocks, r#"{"set": 1800000000000, "advance_ms": 5, "frozen": true}"#).unwrap();
        assert_eq!((shown.now_ms, shown.frozen), (1_800_000_000_005, true));
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let (_machine, clocks) = clocks();
        for (json, word) in [
            ("{}", "Nothing was asked for"),
            (r#"{"sett": 1}"#, "unknown field"),
            (r#"{"set": "tomorrow"}"#, "is no time"),
            (r#"{"set": "1969-12-31T23:59:59Z"}"#, "before 1970"),
            (r#"{"set": -1}"#, "did not match"),
            (r#"{"set": "2400-01-01T00:00:00Z", "advance_ms": 1}"#, "no further"),
            (r#"{"frozen": true, "advance_ms": 18446744073709551615}"#, "no further"),
        ] {
            let error = change(&clocks, json).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
            assert_eq!((clocks.engine.now(), clocks.show().frozen), (clocks.machine.now(), false));
        }
        let latest = change(&clocks, r#"{"set": "2400-01-01T00:00:00Z"}"#).unwrap();
        assert_eq!(latest.now_ms, LATEST_MILLIS);
    }
}
