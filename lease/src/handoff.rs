//! Giving a lease to another worker without anything being processed twice.
//!
//! The leader names the next owner and leaves the counter; the holder learns of it when a renewal is refused, finishes
//! what it has in work, and transfers. Whoever takes too long loses the lease: the leader waits by its own clock from
//! when it saw the request made, the holder counts from before it can have been made, so that it stops first.

use std::collections::HashMap;
use std::time::Duration;

use crate::lease::Lease;
use crate::names::{LeaseKey, WorkerId};

/// The leader's side: since when it has seen each handoff under way.
#[derive(Clone, Debug, Default)]
pub struct HandoffWatch {
    seen: HashMap<LeaseKey, Seen>,
    asked_at: Duration,
    timeout: Duration,
}

#[derive(Clone, Debug)]
struct Seen {
    from: WorkerId,
    to: Option<WorkerId>,
    since: Duration,
}

impl HandoffWatch {
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, ..Self::default() }
    }

    /// Notes the handoffs of a listing that was asked for and answered at these times of the monotonic clock.
    pub fn observe(&mut self, leases: &[Lease], asked_at: Duration, answered_at: Duration) {
        let mut before = std::mem::take(&mut self.seen);
        self.asked_at = asked_at;
        for lease in leases {
            let Some(from) = lease.checkpoint_owner.clone() else { continue };
            let same = before.remove(&lease.key).filter(|old| old.from == from && old.to == lease.owner);
            let since = same.map_or(answered_at, |old| old.since);
            self.seen.insert(lease.key.clone(), Seen { from, to: lease.owner.clone(), since });
        }
    }

    /// For how long a handoff is under way, if that is too long.
    #[must_use]
    pub fn overdue(&self, key: &LeaseKey) -> Option<Duration> {
        let waited = self.asked_at.saturating_sub(self.seen.get(key)?.since);
        (waited > self.timeout).then_some(waited)
    }
}

/// The holder's side: until when it may go on with a lease that it was asked for.
///
/// `renewed_at` is when the last renewal was sent that no handoff stood against: the request was made after that, so
/// a leader's patience ends later than this.
#[must_use]
pub fn holder_deadline(renewed_at: Duration, timeout: Duration) -> Duration {
    renewed_at.saturating_add(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;

    fn moving(to: &str) -> Lease {
        let mut lease = Lease::new("shard".parse().unwrap(), Checkpoint::LATEST);
        lease.owner = Some(to.parse().unwrap());
        lease.checkpoint_owner = Some("old".parse().unwrap());
        lease
    }

    #[test]
    fn patience_begins_when_the_handoff_is_seen_and_anew_for_another() {
        let secs = Duration::from_secs;
        let mut watch = HandoffWatch::new(secs(30));
        let key = moving("new").key;
        watch.observe(&[moving("new")], secs(1000), secs(1000));
        watch.observe(&[moving("new")], secs(1030), secs(1030));
        assert_eq!(watch.overdue(&key), None);
        watch.observe(&[moving("new")], secs(1031), secs(1031));
        assert_eq!(watch.overdue(&key), Some(secs(31)));
        watch.observe(&[moving("newer")], secs(1032), secs(1032));
        assert_eq!(watch.overdue(&key), None);
        let mut done = moving("newer");
        done.checkpoint_owner = None;
        watch.observe(&[done], secs(2000), secs(2000));
        assert_eq!(watch.overdue(&key), None);
    }

    #[test]
    fn the_holder_stops_before_the_leader_acts() {
        let secs = Duration::from_secs;
        // Renewed at 10, asked for at 11 at the earliest; the leader saw it made at 11 at the earliest.
        let leader_acts = secs(11) + secs(30);
        assert!(holder_deadline(secs(10), secs(30)) < leader_acts);
    }
}
