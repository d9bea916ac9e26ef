use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

const STRATEGIES: [BalanceBy; 3] = [BalanceBy::LeaseCount, BalanceBy::Throughput, BalanceBy::WorkerLoad];

fn worker(number: usize) -> WorkerId {
    format!("worker-{number}").parse().unwrap()
}

/// Processor time that a unit of throughput costs in these tests.
const CPU_PER_KBPS: f64 = 0.01;

fn fleet(workers: usize, leases: &[(Option<usize>, Option<f64>)]) -> Snapshot {
    let view = |(number, (owner, throughput_kbps)): (usize, &(Option<usize>, Option<f64>))| LeaseView {
        key: format!("shard-{number:03}").parse().unwrap(),
        owner: owner.map(worker),
        checkpoint_owner: None,
        throughput_kbps: *throughput_kbps,
        state: if owner.is_some() { LeaseState::Held } else { LeaseState::Unowned },
    };
    let mut snapshot = Snapshot {
        workers: (0..workers)
            .map(|number| WorkerView { id: worker(number), loads: BTreeMap::new(), is_failing: false })
            .collect(),
        leases: leases.iter().enumerate().map(view).collect(),
        run: 0,
        seed: 0,
    };
    measure(&mut snapshot);
    snapshot
}

/// Every worker's processor is as busy as its leases make it.
fn measure(snapshot: &mut Snapshot) {
    for worker in &mut snapshot.workers {
        let mine = snapshot.leases.iter().filter(|lease| lease.owner.as_ref() == Some(&worker.id));
        let throughput: f64 = mine.filter_map(|lease| lease.throughput_kbps).sum();
        let load = LoadView { value: throughput * CPU_PER_KBPS, operating_max: Some(100.0) };
        worker.loads = BTreeMap::from([("C".to_owned(), load)]);
    }
}

/// Carries moves out, as if every handoff ended at once.
fn apply(snapshot: &mut Snapshot, moves: &[Move]) {
    for made in moves {
        let lease = snapshot.leases.iter_mut().find(|lease| lease.key == made.lease).unwrap();
        (lease.owner, lease.checkpoint_owner) = (Some(made.to.clone()), None);
        lease.state = LeaseState::Held;
    }
    measure(snapshot);
    snapshot.run += 1;
    snapshot.seed += 1;
}

fn counts(snapshot: &Snapshot) -> Vec<usize> {
    let of = |id: &WorkerId| snapshot.leases.iter().filter(|lease| lease.owner.as_ref() == Some(id)).count();
    snapshot.workers.iter().map(|worker| of(&worker.id)).collect()
}

fn throughputs(snapshot: &Snapshot) -> Vec<f64> {
    let of = |id: &WorkerId| {
        let mine = snapshot.leases.iter().filter(|lease| lease.owner.as_ref() == Some(id));
        mine.filter_map(|lease| lease.throughput_kbps).sum()
    };
    snapshot.workers.iter().map(|worker| of(&worker.id)).collect()
}

fn settings(balance_by: BalanceBy) -> AssignmentSettings {
    AssignmentSettings { balance_by, ..AssignmentSettings::default() }
}

#[test]
fn a_new_worker_gets_its_share_by_handoff() {
    let mut snapshot = fleet(3, &[(Some(0), None); 9]);
    let moves = plan(&snapshot, &settings(BalanceBy::LeaseCount));
    assert_eq!(moves.len(), 6);
    assert!(moves.iter().all(|made| made.how == How::Handoff && made.from == Some(worker(0))));
    assert_eq!(moves[0].reason, Reason::Count { giver: 9, taker: 0 });
    apply(&mut snapshot, &moves);
    assert_eq!(counts(&snapshot), [3, 3, 3]);
}

#[test]
fn the_longest_abandoned_goes_first_where_room_is_short() {
    let mut snapshot = fleet(1, &[(Some(9), None), (Some(9), None), (None, None)]);
    for (lease, secs) in snapshot.leases.iter_mut().zip([11, 12]) {
        lease.state = LeaseState::Expired { unchanged_for: Duration::from_secs(secs) };
    }
    for strategy in STRATEGIES {
        let settings = AssignmentSettings { leases_per_worker_max: 2, ..settings(strategy) };
        let moves = plan(&snapshot, &settings);
        let keys: Vec<_> = moves.iter().map(|made| made.lease.as_str()).collect();
        assert_eq!(keys, ["shard-002", "shard-001"], "{strategy:?}");
        assert_eq!(moves[1].how, How::Assign(Compare::OwnerAndCounter));
    }
}

#[test]
fn an_overdue_handoff_ends_where_it_was_going() {
    let mut snapshot = fleet(2, &[(Some(1), None)]);
    snapshot.leases[0].checkpoint_owner = Some(worker(0));
    snapshot.leases[0].state = LeaseState::InHandoff;
    assert_eq!(plan(&snapshot, &settings(BalanceBy::LeaseCount)), []);
    snapshot.leases[0].state = LeaseState::HandoffOverdue { waited: Duration::from_secs(31) };
    for strategy in STRATEGIES {
        let moves = plan(&snapshot, &settings(strategy));
        assert_eq!((moves.len(), &moves[0].to), (1, &worker(1)));
        assert_eq!(moves[0].how, How::Assign(Compare::Owner));
    }
}

#[test]
fn a_busy_worker_is_relieved_and_the_reason_says_by_what() {
    let leases: Vec<_> = (0..8).map(|number| (Some(usize::from(number >= 6)), Some(100.0))).collect();
    let moves = plan(&fleet(2, &leases), &settings(BalanceBy::WorkerLoad));
    assert_eq!(moves.len(), 1, "60 % of the excess of 200 is one lease and a bit: {moves:?}");
    let Reason::Load { metric, giver, mean } = &moves[0].reason else { panic!("{moves:?}") };
    assert_eq!((metric.as_str(), *giver, *mean), ("C", 6.0, 4.0));
    assert_eq!(moves[0].reason.to_string(), "its holder's C is 6.0, the mean 4.0");
}

#[test]
fn nothing_is_decided_by_a_worker_whose_load_cannot_be_read() {
    let mut snapshot = fleet(2, &[(None, Some(1.0)); 4]);
    snapshot.workers[0].is_failing = true;
    let moves = plan(&snapshot, &settings(BalanceBy::WorkerLoad));
    assert!(moves.len() == 4 && moves.iter().all(|made| made.to == worker(1)));
}

#[test]
fn balance_waits_for_its_turn() {
    let mut snapshot = fleet(2, &[(Some(0), Some(10.0)); 6]);
    for (run, moves) in [(0, true), (1, false), (2, false), (3, true)] {
        snapshot.run = run;
        assert_eq!(!plan(&snapshot, &settings(BalanceBy::Throughput)).is_empty(), moves, "run {run}");
    }
}

/// Sums of throughput depend on the order of their terms, in the last digit.
#[test]
fn what_two_even_workers_have_beyond_each_other_stays_where_it_is() {
    let finished = [261.949_191_175_600_84, 671.237_268_690_462_2, 946.050_237_499_934_4].map(Some);
    let mut leases: Vec<_> = finished.map(|throughput| (Some(2), throughput)).to_vec();
    leases.push((Some(0), Some(232.947_121_716_926_97)));
    leases.extend((0..6).map(|number| (Some(number % 2), None)));
    let mut snapshot = fleet(2, &leases);
    snapshot.leases[..3].iter_mut().for_each(|lease| lease.state = LeaseState::Finished);
    let mut moved = 0;
    for _ in 0..30 {
        let moves = plan(&snapshot, &settings(BalanceBy::WorkerLoad));
        moved += moves.len();
        apply(&mut snapshot, &moves);
    }
    assert!(moved <= 1, "{moved} moves");
}

prop_compose! {
    fn snapshots()(
        workers in 1_usize..7,
        leases in vec((option::of(0_usize..9), option::of(prop_oneof![Just(0.0), 1.0..1000.0_f64])), 0..40),
        states in vec(0_u8..12, 40),
        seed: u64,
    ) -> Snapshot {
        let mut snapshot = fleet(workers, &leases);
        snapshot.seed = seed >> 1;
        let long = Duration::from_secs(40);
        for (lease, state) in snapshot.leases.iter_mut().zip(states) {
            // Owners beyond the fleet are workers that died or that do not report.
            match state {
                0 if lease.owner.is_some() => lease.state = LeaseState::Expired { unchanged_for: long },
                1 => lease.state = LeaseState::Finished,
                2 if lease.owner.is_some() => {
                    lease.checkpoint_owner = Some(worker(8));
                    lease.state = LeaseState::HandoffOverdue { waited: long };
                }
                _ => {}
            }
        }
        snapshot
    }
}

proptest! {
    #[test]
    fn every_plan_is_sound(
        snapshot in snapshots(), strategy in 0_usize..3, arriving in vec(any::<bool>(), 40),
    ) {
        let mut snapshot = snapshot;
        for (lease, _) in snapshot.leases.iter_mut().zip(arriving).filter(|(_, arriving)| *arriving) {
            if lease.state == LeaseState::Held {
                lease.state = LeaseState::Arriving;
            }
        }
        let settings = settings(STRATEGIES[strategy]);
        let moves = plan(&snapshot, &settings);
        let keys: BTreeSet<_> = moves.iter().map(|made| &made.lease).collect();
        prop_assert_eq!(keys.len(), moves.len(), "a lease moves twice");
        for made in &moves {
            let lease = snapshot.leases.iter().find(|lease| lease.key == made.lease).unwrap();
            prop_assert!(snapshot.has_worker(&made.to), "to a worker that is not there");
            prop_assert!(lease.state != LeaseState::Finished && lease.state != LeaseState::InHandoff);
            if made.how == How::Handoff {
                prop_assert!(lease.owner.as_ref() != Some(&made.to), "to whom it belongs");
                prop_assert_eq!(&made.from, &lease.owner);
                prop_assert_eq!(lease.state, LeaseState::Held);
            }
            prop_assert!(!made.reason.to_string().is_empty());
        }
        for lease in &snapshot.leases {
            let free = matches!(lease.state, LeaseState::Unowned | LeaseState::Expired { .. });
            prop_assert!(!free || keys.contains(&lease.key), "nobody gets {}", lease.key);
        }
    }

    #[test]
    fn plans_come_to_rest(snapshot in snapshots(), strategy in 0_usize..3) {
        let settings = settings(STRATEGIES[strategy]);
        let mut snapshot = snapshot;
        let (mut quiet, mut moved) = (0, 0);
        for _ in 0..400 {
            let moves = plan(&snapshot, &settings);
            quiet = if moves.is_empty() { quiet + 1 } else { 0 };
            moved += moves.len();
            // Balance has its turn in every third run.
            if quiet >= 6 {
                break;
            }
            apply(&mut snapshot, &moves);
        }
        prop_assert!(quiet >= 6, "still moving");
        prop_assert!(moved <= snapshot.leases.len() * 12, "{moved} moves for {} leases", snapshot.leases.len());
        if settings.balance_by == BalanceBy::LeaseCount {
            // Leases of workers that are not there to give are left alone.
            let counts = counts(&snapshot);
            let finished = |index: usize| snapshot.leases.iter().filter(|lease| {
                lease.owner == Some(worker(index)) && lease.state == LeaseState::Finished
            }).count();
            let live: Vec<_> = counts.iter().enumerate().map(|(index, count)| count - finished(index)).collect();
            let spread = live.iter().max().unwrap() - live.iter().min().unwrap();
            prop_assert!(spread <= 1, "{live:?}");
        }
    }

    /// With leases that all weigh alike, throughput ends as even as counts can be, but for the threshold.
    #[test]
    fn even_leases_end_even(workers in 1_usize..6, leases in 1_usize..40, owners in vec(0_usize..6, 40)) {
        let leases: Vec<_> = (0..leases).map(|index| (Some(owners[index] % workers), Some(50.0))).collect();
        let mut snapshot = fleet(workers, &leases);
        for _ in 0..200 {
            let moves = plan(&snapshot, &settings(BalanceBy::Throughput));
            apply(&mut snapshot, &moves);
        }
        let loads = throughputs(&snapshot);
        let mean = loads.iter().sum::<f64>() / loads.len() as f64;
        for load in &loads {
            prop_assert!((load - mean).abs() <= (mean * 0.1).max(50.0), "{loads:?}");
        }
    }
}
