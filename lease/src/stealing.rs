//! How workers of KCL 1.x and 2.x share leases: each decides for itself and takes, whoever has it.
//!
//! For fleets in which such workers run beside ours, and for a fleet whose leader is gone. A victim learns of it when
//! its next write is refused, so what it had in work is processed twice.

use std::collections::BTreeMap;

use millstream_runtime::{Entropy, SeededEntropy};

use crate::assignment::{LeaseState, LeaseView};
use crate::names::{LeaseKey, WorkerId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StealingSettings {
    pub leases_per_worker_max: usize,
    /// How many leases are taken from a worker that still has them, at one time. 0: none.
    pub steals_max: usize,
}

impl Default for StealingSettings {
    fn default() -> Self {
        Self { leases_per_worker_max: usize::MAX, steals_max: 1 }
    }
}

/// A lease to take, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    pub lease: LeaseKey,
    pub reason: TakeReason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeReason {
    /// Nobody has it, or whoever had it is silent.
    Available,
    /// Its owner has more than its share.
    Stolen { from: WorkerId, has: usize, target: usize },
}

/// What `me` should take. Finished leases need nobody.
#[must_use]
pub fn plan(me: &WorkerId, leases: &[LeaseView], settings: StealingSettings, seed: u64) -> Vec<Take> {
    let live: Vec<&LeaseView> = leases.iter().filter(|lease| lease.state != LeaseState::Finished).collect();
    let is_free =
        |lease: &&LeaseView| matches!(lease.state, LeaseState::Unowned | LeaseState::Expired { .. });
    let (mut free, held): (Vec<&LeaseView>, Vec<&LeaseView>) = live.iter().copied().partition(is_free);
    let mut counts = BTreeMap::from([(me, 0_usize)]);
    for owner in held.iter().filter_map(|lease| lease.owner.as_ref()) {
        *counts.entry(owner).or_default() += 1;
    }
    let mine = counts.get(me).copied().unwrap_or(0);
    let target = live.len().div_ceil(counts.len()).max(1).min(settings.leases_per_worker_max);
    let needed = target.saturating_sub(mine);
    let random = SeededEntropy::new(seed);
    if !free.is_empty() {
        shuffle(&mut free, &random);
        let take = |lease: &&LeaseView| Take { lease: lease.key.clone(), reason: TakeReason::Available };
        return free.iter().take(needed).map(take).collect();
    }
    let most = counts.iter().filter(|(worker, _)| **worker != me).max_by_key(|(_, count)| **count);
    let Some((from, has)) = most.map(|(worker, has)| (*worker, *has)) else { return Vec::new() };
    // Above its share it gives up the excess; just at it one, if we lack more than one.
    let gives = if has > target { has - target } else { usize::from(has == target && needed > 1) };
    let mut theirs: Vec<&LeaseView> = held
        .into_iter()
        .filter(|lease| lease.owner.as_ref() == Some(from) && lease.state == LeaseState::Held)
        .collect();
    shuffle(&mut theirs, &random);
    let reason = || TakeReason::Stolen { from: from.clone(), has, target };
    let steal = |lease: &&LeaseView| Take { lease: lease.key.clone(), reason: reason() };
    theirs.iter().take(needed.min(gives).min(settings.steals_max)).map(steal).collect()
}

fn shuffle<T>(items: &mut [T], random: &dyn Entropy) {
    for last in (1..items.len()).rev() {
        let bound = u64::try_from(last + 1).unwrap_or(u64::MAX);
        let chosen = usize::try_from(random.next_u64() % bound).unwrap_or(0);
        items.swap(last, chosen);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fleet(owners: &[Option<usize>]) -> Vec<LeaseView> {
        let view = |(number, owner): (usize, &Option<usize>)| LeaseView {
            key: format!("shard-{number:03}").parse().unwrap(),
            owner: owner.map(worker),
            checkpoint_owner: None,
            throughput_kbps: None,
            state: if owner.is_some() { LeaseState::Held } else { LeaseState::Unowned },
        };
        owners.iter().enumerate().map(view).collect()
    }

    fn worker(number: usize) -> WorkerId {
        format!("worker-{number}").parse().unwrap()
    }

    #[test]
    fn what_is_free_is_taken_before_anything_is_stolen() {
        let leases = fleet(&[Some(0), Some(0), Some(0), Some(0), None]);
        let takes = plan(&worker(1), &leases, StealingSettings::default(), 1);
        assert_eq!(takes.len(), 1);
        assert_eq!(takes[0].reason, TakeReason::Available);
        let leases = fleet(&[Some(0), Some(0), Some(0), Some(0)]);
        let takes = plan(&worker(1), &leases, StealingSettings::default(), 1);
        let stolen = TakeReason::Stolen { from: worker(0), has: 4, target: 2 };
        assert_eq!(takes.iter().map(|take| &take.reason).collect::<Vec<_>>(), [&stolen]);
        let none = StealingSettings { steals_max: 0, ..StealingSettings::default() };
        assert!(plan(&worker(1), &leases, none, 1).is_empty());
    }

    proptest! {
        /// Workers that take turns come to rest, with every lease owned and all shares within two of each other.
        #[test]
        fn taking_turns_ends(
            owners in proptest::collection::vec(proptest::option::of(0_usize..4), 1..30),
            seed: u64,
        ) {
            let mut leases = fleet(&owners);
            let mut quiet = 0;
            for turn in 0..400_usize {
                let me = worker(turn % 4);
                let takes = plan(&me, &leases, StealingSettings::default(), seed.wrapping_add(turn as u64));
                quiet = if takes.is_empty() { quiet + 1 } else { 0 };
                for take in takes {
                    let lease = leases.iter_mut().find(|lease| lease.key == take.lease).unwrap();
                    prop_assert!(lease.owner.as_ref() != Some(&me), "takes what it has");
                    (lease.owner, lease.state) = (Some(me.clone()), LeaseState::Held);
                }
            }
            prop_assert!(quiet >= 4, "still moving after 400 turns");
            prop_assert!(leases.iter().all(|lease| lease.owner.is_some()));
            let share = |number| leases.iter().filter(|lease| lease.owner == Some(worker(number))).count();
            let shares: Vec<_> = (0..4).map(share).collect();
            let spread = shares.iter().max().unwrap() - shares.iter().min().unwrap();
            prop_assert!(spread <= 2, "{shares:?}");
        }
    }
}
