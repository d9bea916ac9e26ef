//! Who should have which lease: a pure decision of the leader, from what it saw to moves, each with its reason.
//!
//! First whatever nobody has is given to somebody; then the fleet is balanced, by counts or by load. A move is planned
//! only if it makes the fleet more even, so that plans carried out again and again come to an end. Where a worker gives
//! up a lease that it works on, the move is a handoff.

mod count;
mod load;
mod snapshot;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use crate::names::{LeaseKey, WorkerId};
use crate::store::Compare;

pub use self::snapshot::{LeaseState, LeaseView, LoadView, Snapshot, WorkerView};

/// How a fleet is balanced. The defaults are KCL's.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignmentSettings {
    pub balance_by: BalanceBy,
    /// No worker is given more.
    pub leases_per_worker_max: usize,
    /// No worker is given leases beyond this throughput, in KiB a second.
    pub throughput_kbps_max: f64,
    /// Workers further than this from the mean are out of balance, in percent of it.
    pub rebalance_threshold_percent: f64,
    /// Of what a worker has too much, how much it gives up in one run, in percent. Less than all, because load is known
    /// with a lag.
    pub dampening_percent: f64,
    /// Where no lease is small enough, move the smallest that still makes things better.
    pub overshoot: bool,
    /// Load is balanced in every n-th run, from 1; leases without an owner are given away in each.
    pub balance_every: u64,
    /// Weight of a new sample in a worker's load, 0 to 1.
    pub smoothing: f64,
    /// Let the holder finish before a lease moves.
    pub graceful: bool,
}

impl Default for AssignmentSettings {
    fn default() -> Self {
        Self {
            balance_by: BalanceBy::WorkerLoad,
            leases_per_worker_max: usize::MAX,
            throughput_kbps_max: f64::INFINITY,
            rebalance_threshold_percent: 10.0,
            dampening_percent: 60.0,
            overshoot: true,
            balance_every: 3,
            smoothing: 0.5,
            graceful: true,
        }
    }
}

/// What is to be even among workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceBy {
    /// The number of leases, within one.
    LeaseCount,
    /// The throughput of the leases.
    Throughput,
    /// What workers report of their machines; throughput where they report nothing.
    WorkerLoad,
}

/// A lease that should go to another worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub lease: LeaseKey,
    /// Who holds it, if anybody does.
    pub from: Option<WorkerId>,
    pub to: WorkerId,
    pub how: How,
    pub reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Assign(Compare),
    Handoff,
}

/// Why a lease should move.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    Unowned,
    /// Its holder has not renewed it for this long.
    Expired {
        unchanged_for: Duration,
    },
    /// Its holder was asked to hand it over this long ago.
    HandoffOverdue {
        waited: Duration,
    },
    /// The giver has more leases than the taker, by two or more.
    Count {
        giver: usize,
        taker: usize,
    },
    /// The giver's load lies above the fleet's mean.
    Load {
        metric: String,
        giver: f64,
        mean: f64,
    },
    /// The giver's load lies above what it may be.
    OperatingRange {
        metric: String,
        giver: f64,
        max: f64,
    },
    /// The taker's load lies below the fleet's mean; the giver's is the greatest.
    IdleWorker {
        metric: String,
        taker: f64,
        mean: f64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unowned => write!(f, "it has no owner"),
            Self::Expired { unchanged_for } => {
                write!(f, "its holder has not renewed it for {:.1} s", unchanged_for.as_secs_f64())
            }
            Self::HandoffOverdue { waited } => {
                write!(f, "its holder has not handed it over within {:.1} s", waited.as_secs_f64())
            }
            Self::Count { giver, taker } => {
                write!(f, "its holder has {giver} leases and the new owner {taker}")
            }
            Self::Load { metric, giver, mean } => {
                write!(f, "its holder's {metric} is {giver:.1}, the mean {mean:.1}")
            }
            Self::OperatingRange { metric, giver, max } => {
                write!(f, "its holder's {metric} is {giver:.1} and should be at most {max:.1}")
            }
            Self::IdleWorker { metric, taker, mean } => {
                write!(f, "the new owner's {metric} is {taker:.1}, the mean {mean:.1}")
            }
        }
    }
}

/// The moves that the fleet needs now, at most one for each lease.
#[must_use]
pub fn plan(snapshot: &Snapshot, settings: &AssignmentSettings) -> Vec<Move> {
    if snapshot.workers.is_empty() {
        return Vec::new();
    }
    match settings.balance_by {
        BalanceBy::LeaseCount => count::plan(snapshot, settings),
        BalanceBy::Throughput | BalanceBy::WorkerLoad => load::plan(snapshot, settings),
    }
}

/// How a lease moves that its holder works on.
fn how_held(settings: &AssignmentSettings) -> How {
    if settings.graceful { How::Handoff } else { How::Assign(Compare::Owner) }
}

/// What nobody works on, the longest abandoned first, with the reason.
fn available(snapshot: &Snapshot) -> Vec<(&LeaseView, Reason)> {
    let mut found: Vec<_> = snapshot
        .leases
        .iter()
        .filter_map(|lease| match lease.state {
            LeaseState::Unowned => Some((lease, Reason::Unowned)),
            LeaseState::Expired { unchanged_for } => Some((lease, Reason::Expired { unchanged_for })),
            _ => None,
        })
        .collect();
    let silence = |reason: &Reason| match reason {
        Reason::Expired { unchanged_for } => *unchanged_for,
        _ => Duration::MAX,
    };
    found.sort_by(|(a, why_a), (b, why_b)| {
        silence(why_b).cmp(&silence(why_a)).then_with(|| a.key.cmp(&b.key))
    });
    found
}

/// Handoffs that took too long end with the lease at whom it was promised to, if that worker is still there.
fn overdue(snapshot: &Snapshot) -> Vec<Move> {
    let moves = snapshot.leases.iter().filter_map(|lease| {
        let LeaseState::HandoffOverdue { waited } = lease.state else { return None };
        let to = lease.owner.clone().filter(|to| snapshot.has_worker(to))?;
        let how = How::Assign(Compare::Owner);
        let from = lease.checkpoint_owner.clone();
        Some(Move { lease: lease.key.clone(), from, to, how, reason: Reason::HandoffOverdue { waited } })
    });
    moves.collect()
}
