//! Fleets of real coordinators on one lease table, a clock that stands still until it is moved, and faults by seed:
//! crashes, freezes longer than the failover time, partitions with lost requests and lost replies, jumps of the wall
//! clock. At every step no two workers may think that a lease is theirs, and no checkpoint but the holder's is made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the lints spare test functions alone

mod fleet;
mod table;

use std::time::Duration;

use millstream_lease::assignment::BalanceBy;
use millstream_runtime::{Entropy, SeededEntropy};

use self::fleet::{FAILOVER, Fleet, STEP};

#[tokio::test]
async fn a_fleet_shares_its_leases_evenly() {
    for balance_by in [BalanceBy::LeaseCount, BalanceBy::Throughput, BalanceBy::WorkerLoad] {
        let mut fleet = Fleet::new(12, balance_by, 1);
        fleet.add_worker();
        fleet.run(Duration::from_secs(20)).await;
        assert_eq!(fleet.counts(), [12]);
        fleet.add_worker();
        fleet.add_worker();
        fleet.run(Duration::from_secs(60)).await;
        assert_eq!(fleet.counts(), [4, 4, 4], "{balance_by:?}");
        assert_eq!(fleet.handed_over_by_force(), 0);
        assert!(fleet.checkpoints() > 100);
    }
}

#[tokio::test]
async fn a_crashed_workers_leases_have_new_holders_in_time() {
    for seed in 0..6 {
        let mut fleet = Fleet::new(12, BalanceBy::LeaseCount, seed);
        for _ in 0..3 {
            fleet.add_worker();
        }
        fleet.run(Duration::from_secs(60)).await;
        let leader = fleet.leader().await.expect("somebody leads");
        let crashes_leader = seed % 2 == 0;
        let victim = if crashes_leader { leader } else { (leader + 1) % 3 };
        // At any point of its rhythm.
        fleet.run(Duration::from_millis(700) * u32::try_from(seed).unwrap()).await;
        fleet.crash(victim);
        let took = fleet.run_until_all_owned(Duration::from_secs(60)).await;
        let bound = FAILOVER + Duration::from_secs(if crashes_leader { 5 } else { 2 }) + STEP;
        assert!(
            took <= bound,
            "{took:?} after the crash of a {}",
            if crashes_leader { "leader" } else { "worker" }
        );
    }
}

#[tokio::test]
async fn a_worker_that_stops_hands_everything_over() {
    let mut fleet = Fleet::new(9, BalanceBy::LeaseCount, 3);
    for _ in 0..3 {
        fleet.add_worker();
    }
    fleet.run(Duration::from_secs(60)).await;
    fleet.stop(0).await;
    let took = fleet.run_until_all_owned(Duration::from_secs(30)).await;
    assert!(took <= Duration::from_secs(7), "{took:?}");
}

/// What was on its way to it stays where it is, or goes to somebody else as soon as it is free.
#[tokio::test]
async fn a_worker_that_stops_leaves_nothing_that_is_handed_to_it() {
    for seed in 0..8 {
        let mut fleet = Fleet::new(9, BalanceBy::LeaseCount, seed);
        fleet.add_worker();
        fleet.add_worker();
        fleet.run(Duration::from_secs(60)).await;
        fleet.add_worker();
        while fleet.in_handoff_to(2).await == 0 {
            fleet.run(STEP).await;
        }
        // At any point of the handoffs.
        fleet.run(STEP * u32::try_from(seed).unwrap()).await;
        fleet.stop(2).await;
        let begun = fleet.counts();
        fleet.run(Duration::from_secs(5)).await;
        let took = fleet.run_until_all_owned(Duration::from_secs(30)).await;
        assert_eq!(took, Duration::ZERO, "seed {seed}, {begun:?} at first");
    }
}

/// Its lock keeps others from leading for two minutes; they need not be idle for so long.
#[tokio::test]
async fn workers_take_their_share_when_their_leader_is_gone() {
    let mut fleet = Fleet::new(6, BalanceBy::LeaseCount, 5);
    fleet.abandoned_by_its_leader().await;
    fleet.add_worker();
    fleet.add_worker();
    let took = fleet.run_until_all_owned(Duration::from_secs(115)).await;
    assert!(took <= Duration::from_secs(65), "{took:?}");
    assert_eq!(fleet.leader().await, None);
    fleet.run(Duration::from_secs(120)).await;
    assert!(fleet.leader().await.is_some());
    assert_eq!(fleet.counts(), [3, 3]);
}

#[tokio::test]
async fn a_frozen_worker_knows_that_it_lost() {
    let mut fleet = Fleet::new(6, BalanceBy::LeaseCount, 4);
    fleet.add_worker();
    fleet.add_worker();
    fleet.run(Duration::from_secs(60)).await;
    fleet.freeze(0);
    fleet.run(FAILOVER + Duration::from_secs(8)).await;
    assert_eq!(fleet.counts()[0], 0, "its guards lapsed though nobody told it");
    assert_eq!(fleet.counts()[1], 6);
    fleet.thaw(0);
    fleet.run(Duration::from_secs(90)).await;
    assert_eq!(fleet.counts(), [3, 3]);
}

/// Any faults in any order; then they stop, and every shard is processed again.
async fn storm(seed: u64) {
    let chance = SeededEntropy::new(seed);
    let random = |below: u64| usize::try_from((&chance as &dyn Entropy).next_u64() % below).unwrap();
    let mut fleet = Fleet::new(8, BalanceBy::LeaseCount, seed);
    for _ in 0..4 {
        fleet.add_worker();
    }
    for _ in 0..60 {
        fleet.run(Duration::from_millis(200 + 100 * random(40) as u64)).await;
        let worker = random(4);
        match random(9) {
            0 => fleet.freeze(worker),
            1 | 2 => fleet.thaw(worker),
            3 => fleet.lose_requests(worker),
            4 => fleet.lose_replies(worker),
            5 | 6 => fleet.heal(worker),
            7 => fleet.jump_wall_clock(random(20 * 365 * 24 * 3600) as u64),
            _ => {
                fleet.crash(worker);
                fleet.restart(worker);
            }
        }
    }
    for worker in 0..4 {
        fleet.thaw(worker);
        fleet.heal(worker);
    }
    let took = fleet.run_until_all_owned(Duration::from_secs(120)).await;
    assert!(took < Duration::from_secs(120), "seed {seed}: not everything is owned");
    fleet.run(Duration::from_secs(90)).await;
    assert_eq!(fleet.counts(), [2, 2, 2, 2], "seed {seed}");
    assert!(fleet.checkpoints() > 20, "seed {seed}: only {} checkpoints", fleet.checkpoints());
}

#[tokio::test]
async fn no_fault_makes_two_holders() {
    for seed in 0..40 {
        storm(seed).await;
    }
}
