//! What can happen next: every step that a worker or the leader could take now.

use super::state::{
    Action, FAILOVER, HANDOFF_TIMEOUT, InFlight, Mutant, Protocol, Request, SHARD_END, State, WORKERS, What,
    Worker,
};

impl Protocol {
    pub(crate) fn new(mutant: Mutant) -> Self {
        Self { mutant, ticks: 3, counter_max: 5 }
    }

    pub(crate) fn worker_actions(&self, state: &State, worker: Worker, actions: &mut Vec<Action>) {
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
        if in_handoff {
            actions.push(Action::Send(worker, Request::GiveToAnybody { counter }));
        }
        let to = held.checkpoint + 1;
        if to < SHARD_END || (to == SHARD_END && state.child_exists) {
            actions.push(Action::Send(worker, Request::Checkpoint { counter, in_handoff, to }));
        }
        if to == SHARD_END && !state.child_exists {
            actions.push(Action::CreateChild(worker));
        }
    }

    pub(crate) fn leader_actions(&self, state: &State, actions: &mut Vec<Action>) {
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
}
