//! How often something was done within the last 24 hours, for the limits that AWS counts so.

use std::time::Duration;

use millstream_model::Timestamp;

/// When it was done, the oldest first. Holds no more than the limit, and nothing when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RollingDay(pub(crate) Vec<Timestamp>);

const DAY: Duration = Duration::from_secs(24 * 3600);

impl RollingDay {
    /// The times with one more. `None` when `limit` of them lie less than 24 hours back.
    pub(crate) fn admit(&self, limit: Option<u32>, now: Timestamp) -> Option<Self> {
        let Some(limit) = limit else { return Some(Self::default()) };
        // One that lies in the future, because the clock was set back, counts as well.
        let mut recent: Vec<_> = self.0.iter().copied().filter(|time| now < time.plus(DAY)).collect();
        if recent.len() >= limit as usize {
            return None;
        }
        recent.push(now);
        Some(Self(recent))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_later_there_is_room_again() {
        let at = |hours: u64| Timestamp::EPOCH.plus(Duration::from_secs(hours * 3600));
        let mut day = RollingDay::default();
        for hour in [0, 1] {
            day = day.admit(Some(2), at(hour)).unwrap();
        }
        assert_eq!(day.admit(Some(2), at(23)), None);
        assert_eq!(day.admit(Some(2), at(24)), Some(RollingDay(vec![at(1), at(24)])));
        assert_eq!(day.admit(None, at(2)), Some(RollingDay::default()));
        assert_eq!(RollingDay::default().admit(Some(0), at(0)), None);
    }

    proptest! {
        #[test]
        fn no_day_has_more(limit in 1_u32..6, steps in prop::collection::vec(0_u64..20 * 3600, 1..60)) {
            let (mut day, mut now, mut done) = (RollingDay::default(), Timestamp::EPOCH, Vec::new());
            for step in steps {
                now = now.plus(Duration::from_secs(step));
                let recent = done.iter().filter(|time: &&Timestamp| now < time.plus(DAY)).count();
                let admitted = day.admit(Some(limit), now);
                prop_assert_eq!(admitted.is_some(), recent < limit as usize);
                if let Some(admitted) = admitted {
                    day = admitted;
                    done.push(now);
                }
                prop_assert!(day.0.len() <= limit as usize);
            }
        }
    }
}
