//! As many leases for each worker, within one.

use std::collections::BTreeMap;

use super::{AssignmentSettings, How, Move, Reason, Snapshot, available, how_held, overdue};
use crate::assignment::{LeaseState, LeaseView};
use crate::names::WorkerId;
use crate::store::Compare;

/// The leases that each worker has or is about to get.
struct Counts<'a> {
    by_worker: BTreeMap<&'a WorkerId, usize>,
    max: usize,
}

pub(super) fn plan(snapshot: &Snapshot, settings: &AssignmentSettings) -> Vec<Move> {
    let mut counts = Counts::of(snapshot, settings.leases_per_worker_max);
    let mut moves = overdue(snapshot);
    for (lease, reason) in available(snapshot) {
        let Some(to) = counts.least().filter(|(_, has)| *has < counts.max).map(|(worker, _)| worker) else {
            break;
        };
        counts.add(to);
        moves.push(Move {
            lease: lease.key.clone(),
            from: lease.checkpoint_owner.clone().or_else(|| lease.owner.clone()),
            to: to.clone(),
            how: How::Assign(Compare::OwnerAndCounter),
            reason,
        });
    }
    moves.extend(balance(snapshot, settings, counts));
    moves
}

/// From whoever has most to whoever has least, until they differ by one.
fn balance<'a>(snapshot: &'a Snapshot, settings: &AssignmentSettings, mut counts: Counts<'a>) -> Vec<Move> {
    let mut movable: BTreeMap<&WorkerId, Vec<&LeaseView>> = BTreeMap::new();
    for lease in snapshot.leases.iter().filter(|lease| lease.state == LeaseState::Held) {
        if let Some(owner) = &lease.owner {
            movable.entry(owner).or_default().push(lease);
        }
    }
    let mut moves = Vec::new();
    loop {
        let Some((taker, least)) = counts.least() else { return moves };
        // Whoever has most may have nothing that can move now; then the next one gives.
        let giver = counts.most_first().into_iter().find_map(|(giver, has)| {
            let uneven = has >= least + 2 && least < counts.max;
            let lease = movable.get_mut(giver).filter(|_| uneven)?.pop()?;
            Some((giver, has, lease))
        });
        let Some((giver, has, lease)) = giver else { return moves };
        counts.remove(giver);
        counts.add(taker);
        moves.push(Move {
            lease: lease.key.clone(),
            from: Some(giver.clone()),
            to: taker.clone(),
            how: how_held(settings),
            reason: Reason::Count { giver: has, taker: least },
        });
    }
}

impl<'a> Counts<'a> {
    fn of(snapshot: &'a Snapshot, max: usize) -> Self {
        let mut by_worker: BTreeMap<_, _> = snapshot.workers.iter().map(|worker| (&worker.id, 0)).collect();
        for lease in &snapshot.leases {
            let has = lease.state.is_taken();
            if let Some(count) = lease.owner.as_ref().filter(|_| has).and_then(|id| by_worker.get_mut(id)) {
                *count += 1;
            }
        }
        Self { by_worker, max }
    }

    fn least(&self) -> Option<(&'a WorkerId, usize)> {
        self.by_worker.iter().map(|(worker, count)| (*worker, *count)).min_by_key(|(_, count)| *count)
    }

    fn most_first(&self) -> Vec<(&'a WorkerId, usize)> {
        let mut all: Vec<_> = self.by_worker.iter().map(|(worker, count)| (*worker, *count)).collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        all
    }

    fn add(&mut self, worker: &WorkerId) {
        if let Some(count) = self.by_worker.get_mut(worker) {
            *count += 1;
        }
    }

    fn remove(&mut self, worker: &WorkerId) {
        if let Some(count) = self.by_worker.get_mut(worker) {
            *count = count.saturating_sub(1);
        }
    }
}
