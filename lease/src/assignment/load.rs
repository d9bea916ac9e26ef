//! As much load for each worker: what machines report, or the throughput of the leases.
//!
//! The load of a lease is not known, its throughput is; so a worker's load is taken to come from its leases in
//! proportion to their throughput. A lease moves only if its taker ends below where its giver began: the sum of squares
//! falls with each move, so balancing comes to an end.

use std::collections::BTreeSet;

use millstream_runtime::{Entropy, SeededEntropy};

use super::{AssignmentSettings, BalanceBy, How, Move, Reason, Snapshot, available, how_held, overdue};
use crate::assignment::{LeaseState, LeaseView};
use crate::names::WorkerId;
use crate::store::Compare;

const THROUGHPUT: &str = "throughput";

/// A worker, as it will be once the moves planned so far are made.
#[derive(Clone, Debug)]
struct Standing<'a> {
    id: &'a WorkerId,
    leases: usize,
    throughput: f64,
    /// In the metric that is being looked at.
    load: f64,
    max: Option<f64>,
}

/// The fleet in one metric.
#[derive(Clone, Debug)]
struct Fleet<'a> {
    metric: &'a str,
    workers: Vec<Standing<'a>>,
    /// Load for each unit of throughput, over the whole fleet.
    load_per_throughput: f64,
}

pub(super) fn plan(snapshot: &Snapshot, settings: &AssignmentSettings) -> Vec<Move> {
    let weights = Weights::of(snapshot);
    let mut fleets = fleets(snapshot, settings, &weights);
    let mut moves = overdue(snapshot);
    for (lease, reason) in available(snapshot) {
        let Some(index) = roomiest(&fleets, settings, weights.of_lease(lease)) else { break };
        let to = fleets[0].workers[index].id.clone();
        fleets.iter_mut().for_each(|fleet| fleet.give(index, weights.of_lease(lease)));
        moves.push(Move {
            lease: lease.key.clone(),
            from: lease.checkpoint_owner.clone().or_else(|| lease.owner.clone()),
            to,
            how: How::Assign(Compare::OwnerAndCounter),
            reason,
        });
    }
    if snapshot.run.is_multiple_of(settings.balance_every.max(1)) {
        // Metrics may pull in different directions: only the one that asks for most is followed in a run.
        let plans = fleets.iter().map(|fleet| balance(snapshot, settings, &weights, fleet.clone()));
        let most = plans.max_by(|(_, a), (_, b)| a.total_cmp(b));
        moves.extend(most.map(|(moves, _)| moves).unwrap_or_default());
    }
    moves
}

/// How heavy leases are: their throughput, the mean where it is not known, and all alike where nothing is known.
struct Weights {
    unknown: f64,
    all_alike: bool,
}

impl Weights {
    fn of(snapshot: &Snapshot) -> Self {
        let known: Vec<_> = snapshot.leases.iter().filter_map(|lease| lease.throughput_kbps).collect();
        let sum: f64 = known.iter().sum();
        #[allow(clippy::cast_precision_loss)] // a number of leases
        let unknown = if sum > 0.0 { sum / known.len() as f64 } else { 1.0 };
        Self { unknown, all_alike: sum <= 0.0 }
    }

    fn of_lease(&self, lease: &LeaseView) -> f64 {
        if self.all_alike { 1.0 } else { lease.throughput_kbps.unwrap_or(self.unknown) }
    }
}

/// The fleet in each metric that all workers report; in throughput alone where there is none.
fn fleets<'a>(snapshot: &'a Snapshot, settings: &AssignmentSettings, weights: &Weights) -> Vec<Fleet<'a>> {
    let able: Vec<_> = snapshot.workers.iter().filter(|worker| !worker.is_failing).collect();
    // Leases must go somewhere, even if no worker knows its load.
    let able = if able.is_empty() { snapshot.workers.iter().collect() } else { able };
    let standing = |id: &'a WorkerId| {
        let mine =
            snapshot.leases.iter().filter(|lease| lease.owner.as_ref() == Some(id) && lease.state.is_taken());
        let (mut leases, mut throughput) = (0, 0.0);
        for lease in mine {
            leases += 1;
            throughput += weights.of_lease(lease);
        }
        Standing { id, leases, throughput, load: throughput, max: None }
    };
    let standings: Vec<_> = able.iter().map(|worker| standing(&worker.id)).collect();
    let metrics: BTreeSet<&str> = match settings.balance_by {
        BalanceBy::WorkerLoad => {
            let names = able.first().into_iter().flat_map(|worker| worker.loads.keys());
            let everywhere = |name: &&String| able.iter().all(|worker| worker.loads.contains_key(*name));
            names.filter(everywhere).map(String::as_str).collect()
        }
        _ => BTreeSet::new(),
    };
    if metrics.is_empty() {
        return vec![Fleet { metric: THROUGHPUT, workers: standings, load_per_throughput: 1.0 }];
    }
    let in_metric = |metric: &'a str| {
        let mut workers = standings.clone();
        for (worker, view) in workers.iter_mut().zip(&able) {
            if let Some(load) = view.loads.get(metric) {
                (worker.load, worker.max) = (load.value, load.operating_max);
            }
        }
        let throughput: f64 = workers.iter().map(|worker| worker.throughput).sum();
        let load: f64 = workers.iter().map(|worker| worker.load).sum();
        let load_per_throughput = if throughput > 0.0 { load / throughput } else { 0.0 };
        Fleet { metric, workers, load_per_throughput }
    };
    metrics.into_iter().map(in_metric).collect()
}

/// The worker with most room to the mean in its tightest metric, that may take `weight` more.
fn roomiest(fleets: &[Fleet<'_>], settings: &AssignmentSettings, weight: f64) -> Option<usize> {
    let tightest = |index: usize| {
        let relative = fleets.iter().map(|fleet| {
            let (load, mean) = (fleet.workers[index].load, fleet.mean());
            if mean > 0.0 { load / mean } else { 0.0 }
        });
        relative.fold(0.0_f64, f64::max)
    };
    let first = fleets.first()?;
    let candidates =
        (0..first.workers.len()).filter(|index| first.workers[*index].can_take(settings, weight));
    candidates.min_by(|a, b| {
        tightest(*a).total_cmp(&tightest(*b)).then(first.workers[*a].leases.cmp(&first.workers[*b].leases))
    })
}

impl Standing<'_> {
    fn can_take(&self, settings: &AssignmentSettings, weight: f64) -> bool {
        self.leases < settings.leases_per_worker_max
            && self.throughput + weight <= settings.throughput_kbps_max
    }
}

impl Fleet<'_> {
    fn mean(&self) -> f64 {
        let sum: f64 = self.workers.iter().map(|worker| worker.load).sum();
        #[allow(clippy::cast_precision_loss)] // a number of workers
        let count = self.workers.len() as f64;
        sum / count
    }

    /// The worker at `index` gets `weight` more.
    fn give(&mut self, index: usize, weight: f64) {
        let more = weight * self.load_per_throughput;
        if let Some(worker) = self.workers.get_mut(index) {
            worker.leases += 1;
            worker.throughput += weight;
            worker.load += more;
        }
    }
}

/// The moves that one metric asks for, and how much throughput they move.
fn balance(
    snapshot: &Snapshot,
    settings: &AssignmentSettings,
    weights: &Weights,
    mut fleet: Fleet<'_>,
) -> (Vec<Move>, f64) {
    let mean = fleet.mean();
    let random = SeededEntropy::new(snapshot.seed);
    let (mut moves, mut moved_in_all) = (Vec::new(), 0.0);
    for (giver, reason) in givers(&fleet, settings, mean) {
        let worker = fleet.workers[giver].clone();
        let excess = ((worker.load - mean) / worker.load).max(0.0);
        let mut budget = worker.throughput * excess * settings.dampening_percent / 100.0;
        let mut leases = movable(snapshot, worker.id, &random);
        let mut overshoot = settings.overshoot;
        while let Some((lease, taker)) =
            choose(&mut leases, &fleet, giver, Limits { budget, mean, overshoot }, settings, weights)
        {
            overshoot = false;
            let weight = weights.of_lease(lease);
            let load = if worker.throughput > 0.0 { worker.load * weight / worker.throughput } else { 0.0 };
            moves.push(Move {
                lease: lease.key.clone(),
                from: Some(worker.id.clone()),
                to: fleet.workers[taker].id.clone(),
                how: how_held(settings),
                reason: reason.clone(),
            });
            fleet.give(taker, weight);
            let gave = &mut fleet.workers[giver];
            gave.leases -= 1;
            gave.throughput -= weight;
            gave.load -= load;
            budget -= weight;
            moved_in_all += weight;
            if budget <= 0.0 {
                break;
            }
        }
    }
    (moves, moved_in_all)
}

/// Who should give something up, and why.
fn givers(fleet: &Fleet<'_>, settings: &AssignmentSettings, mean: f64) -> Vec<(usize, Reason)> {
    let metric = fleet.metric.to_owned();
    let threshold = settings.rebalance_threshold_percent / 100.0;
    let over = |(index, worker): (usize, &Standing<'_>)| {
        let (giver, metric) = (worker.load, metric.clone());
        match worker.max {
            Some(max) if giver > max => Some((index, Reason::OperatingRange { metric, giver, max })),
            _ if giver > mean * (1.0 + threshold) => Some((index, Reason::Load { metric, giver, mean })),
            _ => None,
        }
    };
    let mut givers: Vec<_> = fleet.workers.iter().enumerate().filter_map(over).collect();
    let by_load = |a: usize, b: usize| fleet.workers[a].load.total_cmp(&fleet.workers[b].load);
    givers.sort_by(|(a, _), (b, _)| by_load(*b, *a));
    if givers.is_empty() {
        let all = 0..fleet.workers.len();
        let idle = all.clone().min_by(|a, b| by_load(*a, *b));
        let idle =
            idle.map(|index| fleet.workers[index].load).filter(|load| *load < mean * (1.0 - threshold));
        let busiest = all.max_by(|a, b| by_load(*a, *b));
        givers.extend(
            busiest.zip(idle).map(|(busiest, taker)| (busiest, Reason::IdleWorker { metric, taker, mean })),
        );
    }
    givers
}

/// The leases that a worker can give up, in random order.
fn movable<'a>(snapshot: &'a Snapshot, worker: &WorkerId, random: &dyn Entropy) -> Vec<&'a LeaseView> {
    let mine = snapshot
        .leases
        .iter()
        .filter(|lease| lease.state == LeaseState::Held && lease.owner.as_ref() == Some(worker));
    let mut drawn: Vec<_> = mine.map(|lease| (random.next_u64(), lease)).collect();
    drawn.sort_by(|(a, first), (b, second)| a.cmp(b).then_with(|| first.key.cmp(&second.key)));
    drawn.into_iter().map(|(_, lease)| lease).collect()
}

/// By more than the rounding of sums that were added up in different orders: a lease would move to and fro for ever
/// between workers that are even without it.
fn is_clearly_less(a: f64, b: f64) -> bool {
    const ROUNDING: f64 = 1e-9;
    a < b * (1.0 - ROUNDING)
}

/// How far one worker's relief may go.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Throughput that is still to be moved.
    budget: f64,
    /// No taker is loaded above this.
    mean: f64,
    /// Whether a lease may go that fits neither: only if nothing else would move.
    overshoot: bool,
}

/// The next lease to give up, taken out of `leases`, and who gets it: one that fits into what is to be moved, or else
/// the lightest one.
fn choose<'a>(
    leases: &mut Vec<&'a LeaseView>,
    fleet: &Fleet<'_>,
    giver: usize,
    limits: Limits,
    settings: &AssignmentSettings,
    weights: &Weights,
) -> Option<(&'a LeaseView, usize)> {
    let takes = |lease: &LeaseView, up_to: f64| {
        let weight = weights.of_lease(lease);
        taker(fleet, giver, weight, up_to, settings)
    };
    let fits = leases.iter().enumerate().find_map(|(place, lease)| {
        let fits = weights.of_lease(lease) <= limits.budget;
        takes(lease, limits.mean).filter(|_| fits).map(|taker| (place, taker))
    });
    let lightest = || {
        let by_weight = |a: &&LeaseView, b: &&LeaseView| weights.of_lease(a).total_cmp(&weights.of_lease(b));
        let (place, lease) = leases.iter().enumerate().min_by(|(_, a), (_, b)| by_weight(a, b))?;
        takes(lease, f64::INFINITY).map(|taker| (place, taker))
    };
    let (place, taker) = fits.or_else(|| limits.overshoot.then(lightest).flatten())?;
    Some((leases.swap_remove(place), taker))
}

/// The least loaded worker, if it ends below where the giver stands, within its own range, and not above `up_to`.
fn taker(
    fleet: &Fleet<'_>,
    giver: usize,
    weight: f64,
    up_to: f64,
    settings: &AssignmentSettings,
) -> Option<usize> {
    let others = fleet
        .workers
        .iter()
        .enumerate()
        .filter(|(index, worker)| *index != giver && worker.can_take(settings, weight));
    let (index, least) = others.min_by(|(_, a), (_, b)| a.load.total_cmp(&b.load))?;
    let (from, after) = (&fleet.workers[giver], least.load + weight * fleet.load_per_throughput);
    // Leases without any throughput weigh nothing; for them the counts must become more even.
    let evens = if weight > 0.0 {
        after < from.load && is_clearly_less(least.throughput + weight, from.throughput)
    } else {
        least.leases + 1 < from.leases
    };
    let within = after <= up_to && least.max.is_none_or(|max| after <= max);
    (evens && within).then_some(index)
}
