//! What there is at one moment: the row, the workers and what they believe, the leader, and what is under way.

pub(crate) type Worker = u8;
pub(crate) type Time = u8;

pub(crate) const WORKERS: [Worker; 2] = [0, 1];
pub(crate) const FAILOVER: Time = 2;
pub(crate) const HANDOFF_TIMEOUT: Time = 2;
/// Positions of a shard of two records: the last is its end.
pub(crate) const SHARD_END: u8 = 2;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
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
pub(crate) struct Protocol {
    pub(crate) mutant: Mutant,
    pub(crate) ticks: Time,
    pub(crate) counter_max: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) owner: Option<Worker>,
    pub(crate) checkpoint_owner: Option<Worker>,
    pub(crate) counter: u8,
    pub(crate) checkpoint: u8,
    /// Written by the mutant that believes in other machines' clocks; 0 otherwise.
    pub(crate) stamp: Time,
}

impl Row {
    pub(crate) fn holder(&self) -> Option<Worker> {
        self.checkpoint_owner.or(self.owner)
    }
}

/// What a worker believes to have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) counter: u8,
    pub(crate) checkpoint: u8,
    pub(crate) valid_until: Time,
    pub(crate) renewed_at: Time,
    pub(crate) in_handoff: bool,
    pub(crate) deadline: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    Claim {
        counter: u8,
    },
    Renew {
        counter: u8,
        in_handoff: bool,
    },
    Checkpoint {
        counter: u8,
        in_handoff: bool,
        to: u8,
    },
    GiveBack {
        counter: u8,
        in_handoff: bool,
    },
    /// Who was to have the lease is gone.
    GiveToAnybody {
        counter: u8,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InFlight {
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
pub(crate) struct WorkerState {
    pub(crate) held: Option<Held>,
    pub(crate) in_flight: Option<InFlight>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Order {
    pub(crate) seen: Row,
    pub(crate) to: Worker,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Assign,
    Force,
    Handoff,
}

/// What the leader saw last, and since when it looks like that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Leader {
    pub(crate) seen: Option<Row>,
    pub(crate) holder_since: Time,
    pub(crate) handoff_since: Time,
    pub(crate) looked_at: Time,
    pub(crate) order: Option<Order>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: Time,
    pub(crate) row: Row,
    pub(crate) workers: [WorkerState; 2],
    pub(crate) leader: Leader,
    pub(crate) child_exists: bool,
    pub(crate) child_is_read: bool,
    /// A write was made that should have been refused.
    pub(crate) breach: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
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
    pub(crate) fn is_valid(&self, worker: Worker) -> bool {
        self.workers[usize::from(worker)].held.as_ref().is_some_and(|held| self.now < held.valid_until)
    }
}

impl State {
    /// Whether a reply is on its way that looks like this.
    pub(crate) fn answered(&self, looks: impl Fn(&Request, bool) -> bool) -> bool {
        self.workers.iter().any(|worker| match &worker.in_flight {
            Some(InFlight::Answered { request, applied, .. }) => looks(request, *applied),
            _ => false,
        })
    }
}
