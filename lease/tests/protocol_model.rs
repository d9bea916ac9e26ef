//! The protocol of leases, checked exhaustively within a bound: two workers and a leader on one lease and its child,
//! every request delivered late, lost, or not at all, and everybody paused at any moment.
//!
//! Time passes in ticks that are the same for all (monotonic clocks run at one rate), whatever is under way. The bound
//! is the number of ticks and the greatest counter. Each mutant is the protocol with one rule broken, and the checker
//! has to find out what goes wrong; so the rules are all needed, and the invariants notice.

#![allow(clippy::panic)] // the lints spare test functions alone

use stateright::{Checker, HasDiscoveries, Model, Property};

type Worker = u8;
type Time = u8;

const WORKERS: [Worker; 2] = [0, 1];
const FAILOVER: Time = 2;
const HANDOFF_TIMEOUT: Time = 2;
/// Positions of a shard of two records: the last is its end.
const SHARD_END: u8 = 2;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mutant {
    None,
    RenewWithoutCompare,
    ExpiryByForeignClock,
    CheckpointWithoutFence,
    TransferBeforeDrain,
    AssignWithoutCounter,
    HolderIgnoresPatience,
    ClaimWithoutRenewal,
    ValidFromReply,
    ChildWithoutWait,
}

#[derive(Clone, Debug)]
struct Protocol {
    mutant: Mutant,
    ticks: Time,
    counter_max: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    owner: Option<Worker>,
    checkpoint_owner: Option<Worker>,
    counter: u8,
    checkpoint: u8,
    /// Written by the mutant that believes in other machines' clocks; 0 otherwise.
    stamp: Time,
}

impl Row {
    fn holder(&self) -> Option<Worker> {
        self.checkpoint_owner.or(self.owner)
    }
}

/// What a worker believes to have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    counter: u8,
    checkpoint: u8,
    valid_until: Time,
    renewed_at: Time,
    in_handoff: bool,
    deadline: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Request {
    Claim { counter: u8 },
    Renew { counter: u8, in_handoff: bool },
    Checkpoint { counter: u8, in_handoff: bool, to: u8 },
    GiveBack { counter: u8, in_handoff: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum InFlight {
    Sent {
        request: Request,
        at: Time,
    },
    /// The row afterwards, or what stood in the way.
    Answered {
        request: Request,
        at: Time,
        applied: bool,
        row: Row,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct WorkerState {
    held: Option<Held>,
    in_flight: Option<InFlight>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Order {
    seen: Row,
    to: Worker,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum What {
    Assign,
    Force,
    Handoff,
}

/// What the leader saw last, and since when it looks like that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Leader {
    seen: Option<Row>,
    holder_since: Time,
    handoff_since: Time,
    looked_at: Time,
    order: Option<Order>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    now: Time,
    row: Row,
    workers: [WorkerState; 2],
    leader: Leader,
    child_exists: bool,
    child_is_read: bool,
    /// A write was made that should have been refused.
    breach: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    Tick,
    Send(Worker, Request),
    Deliver(Worker),
    Receive(Worker),
    LoseReply(Worker),
    Lapse(Worker),
    CreateChild(Worker),
    ReadChild,
    Look,
    Order(Worker, What),
    DeliverOrder,
}

impl State {
    fn is_valid(&self, worker: Worker) -> bool {
        self.workers[usize::from(worker)].held.as_ref().is_some_and(|held| self.now < held.valid_until)
    }
}

impl State {
    /// Whether a reply is on its way that looks like this.
    fn answered(&self, looks: impl Fn(&Request, bool) -> bool) -> bool {
        self.workers.iter().any(|worker| match &worker.in_flight {
            Some(InFlight::Answered { request, applied, .. }) => looks(request, *applied),
            _ => false,
        })
    }
}

impl Protocol {
    fn new(mutant: Mutant) -> Self {
        Self { mutant, ticks: 3, counter_max: 5 }
    }

    fn worker_actions(&self, state: &State, worker: Worker, actions: &mut Vec<Action>) {
        let me = &state.workers[usize::from(worker)];
        match &me.in_flight {
            Some(InFlight::Sent { .. }) => {
                actions.push(Action::Deliver(worker));
                return;
            }
            Some(InFlight::Answered { .. }) => {
                actions.extend([Action::Receive(worker), Action::LoseReply(worker)]);
                return;
            }
            None => {}
        }
        let Some(held) = &me.held else {
            let row = &state.row;
            let mine = row.owner == Some(worker) && row.checkpoint_owner.is_none();
            if mine && row.checkpoint < SHARD_END {
                actions.push(Action::Send(worker, Request::Claim { counter: row.counter }));
            }
            return;
        };
        if !state.is_valid(worker) {
            actions.push(Action::Lapse(worker));
            return;
        }
        let (counter, in_handoff) = (held.counter, held.in_handoff);
        actions.push(Action::Send(worker, Request::Renew { counter, in_handoff }));
        actions.push(Action::Send(worker, Request::GiveBack { counter, in_handoff }));
        let to = held.checkpoint + 1;
        if to < SHARD_END || (to == SHARD_END && state.child_exists) {
            actions.push(Action::Send(worker, Request::Checkpoint { counter, in_handoff, to }));
        }
        if to == SHARD_END && !state.child_exists {
            actions.push(Action::CreateChild(worker));
        }
    }

    fn leader_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let leader = &state.leader;
        if leader.order.is_some() {
            actions.push(Action::DeliverOrder);
        }
        if leader.seen.as_ref() != Some(&state.row) || leader.looked_at != state.now {
            actions.push(Action::Look);
        }
        let Some(seen) = leader.seen.as_ref().filter(|seen| seen.checkpoint < SHARD_END) else { return };
        if leader.order.is_some() {
            return;
        }
        let silent = if self.mutant == Mutant::ExpiryByForeignClock {
            // Three ticks fast.
            (leader.looked_at + 3).saturating_sub(seen.stamp)
        } else {
            leader.looked_at - leader.holder_since
        };
        let free = seen.holder().is_none() || silent > FAILOVER;
        let overdue =
            seen.checkpoint_owner.is_some() && leader.looked_at - leader.handoff_since > HANDOFF_TIMEOUT;
        for to in WORKERS {
            if free && seen.holder() != Some(to) {
                actions.push(Action::Order(to, What::Assign));
            } else if overdue && seen.owner == Some(to) {
                actions.push(Action::Order(to, What::Force));
            } else if !free && seen.checkpoint_owner.is_none() && seen.owner != Some(to) {
                actions.push(Action::Order(to, What::Handoff));
            }
        }
    }

    fn send(&self, state: &mut State, worker: Worker, request: Request) {
        let now = state.now;
        let me = &mut state.workers[usize::from(worker)];
        if matches!(request, Request::GiveBack { .. }) && self.mutant != Mutant::TransferBeforeDrain {
            me.held = None;
        }
        if let (Request::Claim { counter }, Mutant::ClaimWithoutRenewal) = (&request, self.mutant) {
            me.held = Some(Held {
                counter: *counter,
                checkpoint: state.row.checkpoint,
                valid_until: now + FAILOVER,
                renewed_at: now,
                in_handoff: false,
                deadline: None,
            });
            return;
        }
        me.in_flight = Some(InFlight::Sent { request, at: now });
    }

    /// The table's side: compares, and writes.
    fn deliver(&self, state: &mut State, worker: Worker) {
        let index = usize::from(worker);
        let Some(InFlight::Sent { request, at }) = state.workers[index].in_flight.clone() else { return };
        let row = &mut state.row;
        let holds = |row: &Row, counter: u8, in_handoff: bool| {
            let owner = if in_handoff {
                row.checkpoint_owner == Some(worker)
            } else {
                row.owner == Some(worker) && row.checkpoint_owner.is_none()
            };
            row.counter == counter && owner
        };
        let applied = match request {
            Request::Claim { counter } => holds(row, counter, false),
            Request::Renew { counter, in_handoff } => {
                self.mutant == Mutant::RenewWithoutCompare || holds(row, counter, in_handoff)
            }
            Request::Checkpoint { counter, in_handoff, .. } => {
                self.mutant == Mutant::CheckpointWithoutFence || holds(row, counter, in_handoff)
            }
            Request::GiveBack { counter, in_handoff } => holds(row, counter, in_handoff),
        };
        if applied {
            match request {
                Request::Claim { .. } | Request::Renew { .. } => {}
                Request::Checkpoint { to, .. } => {
                    state.breach |= row.holder() != Some(worker) || to < row.checkpoint;
                    state.breach |= row.checkpoint == SHARD_END;
                    row.checkpoint = to;
                }
                Request::GiveBack { in_handoff: true, .. } => {
                    row.checkpoint_owner = None;
                }
                Request::GiveBack { in_handoff: false, .. } => row.owner = None,
            }
            row.counter += 1;
            if self.mutant == Mutant::ExpiryByForeignClock {
                row.stamp = state.now;
            }
        }
        let row = state.row.clone();
        state.workers[index].in_flight = Some(InFlight::Answered { request, at, applied, row });
    }

    /// The worker's side: what a reply means to it.
    fn receive(&self, state: &mut State, worker: Worker) {
        let now = state.now;
        let me = &mut state.workers[usize::from(worker)];
        let Some(InFlight::Answered { request, at, applied, row }) = me.in_flight.take() else { return };
        let valid_from = if self.mutant == Mutant::ValidFromReply { now } else { at };
        match (&request, applied) {
            (Request::GiveBack { .. }, _) => me.held = None,
            (Request::Claim { .. }, true) => {
                me.held = Some(Held {
                    counter: row.counter,
                    checkpoint: row.checkpoint,
                    valid_until: valid_from + FAILOVER,
                    renewed_at: at,
                    in_handoff: false,
                    deadline: None,
                });
            }
            (Request::Claim { .. }, false) => {}
            (Request::Renew { .. } | Request::Checkpoint { .. }, true) => {
                if let Some(held) = &mut me.held {
                    let until = valid_from + FAILOVER;
                    held.valid_until = held.deadline.map_or(until, |deadline| until.min(deadline));
                    held.counter = row.counter;
                    held.checkpoint = row.checkpoint;
                    if !held.in_handoff {
                        held.renewed_at = at;
                    }
                }
            }
            (Request::Renew { .. } | Request::Checkpoint { .. }, false) => {
                self.refused(me, worker, &row);
            }
        }
        if me.held.as_ref().is_some_and(|held| held.checkpoint == SHARD_END) {
            me.held = None;
        }
    }

    /// Adopts what this worker may have left itself, or a handoff request; gives up otherwise.
    fn refused(&self, me: &mut WorkerState, worker: Worker, row: &Row) {
        let Some(held) = &mut me.held else { return };
        let ours = row.holder() == Some(worker) && (held.counter..=held.counter + 1).contains(&row.counter);
        if !ours {
            me.held = None;
            return;
        }
        held.counter = row.counter;
        held.checkpoint = row.checkpoint;
        if row.checkpoint_owner.is_some() && !held.in_handoff {
            held.in_handoff = true;
            if self.mutant != Mutant::HolderIgnoresPatience {
                let deadline = held.renewed_at + HANDOFF_TIMEOUT;
                held.deadline = Some(deadline);
                held.valid_until = held.valid_until.min(deadline);
            }
        }
    }

    fn look(state: &mut State) {
        let (now, row) = (state.now, state.row.clone());
        let leader = &mut state.leader;
        let same_holder = leader
            .seen
            .as_ref()
            .is_some_and(|seen| seen.holder() == row.holder() && seen.counter == row.counter);
        if !same_holder {
            leader.holder_since = now;
        }
        let same_handoff = leader
            .seen
            .as_ref()
            .is_some_and(|seen| (seen.owner, seen.checkpoint_owner) == (row.owner, row.checkpoint_owner));
        if !same_handoff {
            leader.handoff_since = now;
        }
        leader.looked_at = now;
        leader.seen = Some(row);
    }

    fn deliver_order(&self, state: &mut State) {
        let Some(Order { seen, to, what }) = state.leader.order.take() else { return };
        let row = &mut state.row;
        let owners = (row.owner, row.checkpoint_owner) == (seen.owner, seen.checkpoint_owner);
        let counter = row.counter == seen.counter || self.mutant == Mutant::AssignWithoutCounter;
        match what {
            What::Assign if owners && counter => {
                (row.owner, row.checkpoint_owner) = (Some(to), None);
                row.counter += 1;
            }
            What::Force if owners => {
                row.checkpoint_owner = None;
                row.counter += 1;
            }
            What::Handoff if owners => {
                row.checkpoint_owner = row.owner;
                row.owner = Some(to);
            }
            _ => return,
        }
        if self.mutant == Mutant::ExpiryByForeignClock {
            row.stamp = state.now;
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        // Assigned and not claimed yet.
        let row = Row { owner: Some(0), checkpoint_owner: None, counter: 0, checkpoint: 0, stamp: 0 };
        vec![State {
            now: 0,
            row,
            workers: Default::default(),
            leader: Leader::default(),
            child_exists: false,
            child_is_read: false,
            breach: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        for worker in WORKERS {
            self.worker_actions(state, worker, actions);
        }
        self.leader_actions(state, actions);
        let ready = state.row.checkpoint == SHARD_END || self.mutant == Mutant::ChildWithoutWait;
        if state.child_exists && ready && !state.child_is_read {
            actions.push(Action::ReadChild);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.now += 1,
            Action::Send(worker, request) => self.send(&mut state, worker, request),
            Action::Deliver(worker) => self.deliver(&mut state, worker),
            Action::Receive(worker) => self.receive(&mut state, worker),
            Action::LoseReply(worker) => state.workers[usize::from(worker)].in_flight = None,
            Action::Lapse(worker) => state.workers[usize::from(worker)].held = None,
            Action::CreateChild(_) => state.child_exists = true,
            Action::ReadChild => state.child_is_read = true,
            Action::Look => Self::look(&mut state),
            Action::Order(to, what) => {
                let seen = state.leader.seen.clone()?;
                state.leader.order = Some(Order { seen, to, what });
            }
            Action::DeliverOrder => self.deliver_order(&mut state),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(EXCLUSIVE, |_, state: &State| {
                !WORKERS.iter().all(|worker| state.is_valid(*worker))
            }),
            Property::always(FENCED, |_, state: &State| !state.breach),
            Property::always(ORDERED, |_, state: &State| {
                !state.child_is_read || state.row.checkpoint == SHARD_END
            }),
            Property::sometimes("a dead worker's lease goes to another", |_, state: &State| {
                let takes = |order: &Order| order.what == What::Assign && order.seen == state.row;
                state.row.holder().is_some() && state.leader.order.as_ref().is_some_and(takes)
            }),
            Property::sometimes("a lease is handed over", |_, state: &State| {
                state.answered(|request, applied| {
                    applied && matches!(request, Request::GiveBack { in_handoff: true, .. })
                })
            }),
            Property::sometimes("a write is refused", |_, state: &State| {
                state.answered(|_, applied| !applied)
            }),
            Property::sometimes("the child is read", |_, state: &State| state.child_is_read),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.now <= self.ticks && state.row.counter <= self.counter_max
    }
}

const EXCLUSIVE: &str = "no two workers may process at once";
const FENCED: &str = "only the holder's checkpoints are made, and none goes back or behind the end";
const ORDERED: &str = "a child is read after its parent's end";

#[test]
fn the_protocol_keeps_its_invariants() {
    let checker = Protocol::new(Mutant::None).checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
    assert!(checker.unique_state_count() > 10_000, "the bound is too small to mean anything");
}

/// The invariant that breaks with a rule, and nothing else.
fn killed(mutant: Mutant, invariant: &'static str) {
    let failures = HasDiscoveries::AnyOf([invariant].into());
    let checker = Protocol::new(mutant).checker().threads(2).finish_when(failures).spawn_dfs().join();
    let found = checker.discovery(invariant);
    assert!(found.is_some(), "{mutant:?} survives: {} states", checker.unique_state_count());
}

#[test]
fn a_renewal_that_does_not_compare_is_found_out() {
    killed(Mutant::RenewWithoutCompare, EXCLUSIVE);
}

#[test]
fn expiry_by_another_machines_clock_is_found_out() {
    killed(Mutant::ExpiryByForeignClock, EXCLUSIVE);
}

#[test]
fn a_checkpoint_without_a_fence_is_found_out() {
    killed(Mutant::CheckpointWithoutFence, FENCED);
}

#[test]
fn a_transfer_before_the_work_is_done_is_found_out() {
    killed(Mutant::TransferBeforeDrain, EXCLUSIVE);
}

#[test]
fn an_assignment_that_overlooks_a_renewal_is_found_out() {
    killed(Mutant::AssignWithoutCounter, EXCLUSIVE);
}

#[test]
fn a_holder_that_outlasts_the_leaders_patience_is_found_out() {
    killed(Mutant::HolderIgnoresPatience, EXCLUSIVE);
}

#[test]
fn a_claim_that_others_cannot_see_is_found_out() {
    killed(Mutant::ClaimWithoutRenewal, EXCLUSIVE);
}

#[test]
fn a_validity_counted_from_the_reply_is_found_out() {
    killed(Mutant::ValidFromReply, EXCLUSIVE);
}

#[test]
fn a_child_read_too_early_is_found_out() {
    killed(Mutant::ChildWithoutWait, ORDERED);
}
