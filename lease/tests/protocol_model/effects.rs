//! What a step does: the table's side, the worker's and the leader's.

use super::state::{
    FAILOVER, HANDOFF_TIMEOUT, Held, InFlight, Mutant, Order, Protocol, Request, Row, SHARD_END, State, What,
    Worker, WorkerState,
};

impl Protocol {
    pub(crate) fn send(&self, state: &mut State, worker: Worker, request: Request) {
        let now = state.now;
        let me = &mut state.workers[usize::from(worker)];
        let gives_up = matches!(request, Request::GiveBack { .. } | Request::GiveToAnybody { .. });
        if gives_up && self.mutant != Mutant::TransferBeforeDrain {
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
    pub(crate) fn deliver(&self, state: &mut State, worker: Worker) {
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
            Request::GiveToAnybody { counter } => holds(row, counter, true),
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
                Request::GiveToAnybody { .. } => (row.owner, row.checkpoint_owner) = (None, None),
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
    pub(crate) fn receive(&self, state: &mut State, worker: Worker) {
        let now = state.now;
        let me = &mut state.workers[usize::from(worker)];
        let Some(InFlight::Answered { request, at, applied, row }) = me.in_flight.take() else { return };
        let valid_from = if self.mutant == Mutant::ValidFromReply { now } else { at };
        match (&request, applied) {
            (Request::GiveBack { .. } | Request::GiveToAnybody { .. }, _) => me.held = None,
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
    pub(crate) fn refused(&self, me: &mut WorkerState, worker: Worker, row: &Row) {
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

    pub(crate) fn look(state: &mut State) {
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

    pub(crate) fn deliver_order(&self, state: &mut State) {
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
