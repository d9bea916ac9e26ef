//! What a leader saw, as the plans need it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::expiry::{Availability, LeaseWatch};
use crate::handoff::HandoffWatch;
use crate::lease::Lease;
use crate::names::{LeaseKey, WorkerId};
use crate::worker::WorkerReport;

/// Everything that a plan is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Workers that live, each once.
    pub workers: Vec<WorkerView>,
    pub leases: Vec<LeaseView>,
    /// How many plans were made before this one.
    pub run: u64,
    /// Where leases are drawn at random, this decides.
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct WorkerView {
    pub id: WorkerId,
    /// By metric. Empty where a worker reports nothing about its machine.
    pub loads: BTreeMap<String, LoadView>,
    /// Its load cannot be read, so nothing is decided by it.
    pub is_failing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadView {
    pub value: f64,
    pub operating_max: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LeaseView {
    pub key: LeaseKey,
    pub owner: Option<WorkerId>,
    pub checkpoint_owner: Option<WorkerId>,
    pub throughput_kbps: Option<f64>,
    pub state: LeaseState,
}

/// Whether and why a lease may be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    Held,
    /// Given to its owner, who was not seen to renew it yet. It stays there until then: whoever does not know yet that
    /// it has a lease would not hear that it is to hand it over either.
    Arriving,
    /// On its way, within its time.
    InHandoff,
    HandoffOverdue {
        waited: Duration,
    },
    Unowned,
    Expired {
        unchanged_for: Duration,
    },
    /// At the end of its shard: nobody needs it.
    Finished,
}

impl LeaseState {
    /// Whether the lease is its owner's, or about to be.
    pub(super) fn is_taken(self) -> bool {
        match self {
            Self::Held | Self::Arriving | Self::InHandoff | Self::HandoffOverdue { .. } => true,
            Self::Unowned | Self::Expired { .. } | Self::Finished => false,
        }
    }
}

impl Snapshot {
    /// From a listing that both watches have observed, and the reports of workers that live.
    #[must_use]
    pub fn new(
        leases: &[Lease],
        watch: (&LeaseWatch, Duration),
        handoffs: &HandoffWatch,
        reports: &[&WorkerReport],
        smoothing: f64,
    ) -> Self {
        let (watch, failover) = watch;
        let leases = leases.iter().map(|lease| LeaseView {
            key: lease.key.clone(),
            owner: lease.owner.clone(),
            checkpoint_owner: lease.checkpoint_owner.clone(),
            throughput_kbps: lease.throughput_kbps,
            state: state(lease, (watch, failover), handoffs),
        });
        let workers = reports.iter().map(|report| WorkerView {
            id: report.worker.clone(),
            loads: loads(report, smoothing),
            is_failing: report.is_failing(),
        });
        Self { workers: workers.collect(), leases: leases.collect(), run: 0, seed: 0 }
    }

    pub(super) fn has_worker(&self, id: &WorkerId) -> bool {
        self.workers.iter().any(|worker| worker.id == *id)
    }
}

fn state(lease: &Lease, (watch, failover): (&LeaseWatch, Duration), handoffs: &HandoffWatch) -> LeaseState {
    if lease.is_finished() {
        return LeaseState::Finished;
    }
    match watch.availability(lease, failover) {
        Availability::Unowned => LeaseState::Unowned,
        Availability::Expired { unchanged_for } => LeaseState::Expired { unchanged_for },
        Availability::Held if lease.is_in_handoff() => match handoffs.overdue(&lease.key) {
            Some(waited) => LeaseState::HandoffOverdue { waited },
            None => LeaseState::InHandoff,
        },
        Availability::Held if watch.has_renewed(&lease.key) => LeaseState::Held,
        Availability::Held => LeaseState::Arriving,
    }
}

fn loads(report: &WorkerReport, smoothing: f64) -> BTreeMap<String, LoadView> {
    let loads = report.metrics.iter().filter_map(|(name, metric)| {
        let value = metric.smoothed(smoothing)?;
        Some((name.clone(), LoadView { value, operating_max: metric.operating_max }))
    });
    loads.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;

    #[test]
    fn a_lease_can_be_moved_once_its_owner_was_seen_to_have_it() {
        let (mut watch, handoffs) = (LeaseWatch::default(), HandoffWatch::default());
        let mut states = [5, 5, 6].into_iter().zip(1..).map(|(counter, second)| {
            let mut lease = Lease::new("shard".parse().unwrap(), Checkpoint::LATEST);
            (lease.owner, lease.counter) = ("a".parse().ok(), counter);
            let (leases, at) = ([lease], Duration::from_secs(second));
            watch.observe(&leases, at, at);
            let snapshot = Snapshot::new(&leases, (&watch, Duration::from_secs(10)), &handoffs, &[], 0.5);
            snapshot.leases[0].state
        });
        assert!(states.by_ref().eq([LeaseState::Arriving, LeaseState::Arriving, LeaseState::Held]));
    }
}
