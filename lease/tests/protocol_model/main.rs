//! The protocol of leases, checked exhaustively within a bound: two workers and a leader on one lease and its child,
//! every request delivered late, lost, or not at all, and everybody paused at any moment.
//!
//! Time passes in ticks that are the same for all (monotonic clocks run at one rate), whatever is under way. The bound
//! is the number of ticks and the greatest counter. Each mutant is the protocol with one rule broken, and the checker
//! has to find out what goes wrong; so the rules are all needed, and the invariants notice.

#![allow(clippy::panic)] // the lints spare test functions alone

mod effects;
mod moves;
mod state;

use stateright::{Checker, HasDiscoveries, Model, Property};

use self::state::{Action, Leader, Mutant, Order, Protocol, Request, Row, SHARD_END, State, WORKERS, What};

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
            Property::sometimes("a lease whose next owner is gone is left to anybody", |_, state: &State| {
                state.answered(|request, applied| applied && matches!(request, Request::GiveToAnybody { .. }))
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
