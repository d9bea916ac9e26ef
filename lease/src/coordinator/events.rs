//! What a worker's user is told, in order.
//!
//! The queue needs no bound of its own: a loss takes back what was not yet told of the same ownership, so there are at
//! most a few events for each lease.

use std::collections::VecDeque;
use std::fmt;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ownership::Ownership;
use crate::names::WorkerId;

#[derive(Clone, Debug)]
pub enum Event {
    /// The shard is this worker's to process from the lease's checkpoint on.
    Gained(Ownership),
    /// It is not any more. Checkpoints are refused from now on.
    Lost { ownership: Ownership, reason: LossReason },
    /// Another worker is to go on with it: finish what is in work, checkpoint, give it back.
    HandoffRequested { ownership: Ownership, to: Option<WorkerId> },
}

/// How a lease was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// Somebody else has it.
    Taken { by: Option<WorkerId> },
    /// It could not be renewed in time, or this process stood still: somebody else may have it.
    Lapsed,
    /// It was not handed over in time.
    HandoffTimedOut,
    /// The row was removed.
    Removed,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { by: Some(worker) } => write!(f, "it went to {worker}"),
            Self::Taken { by: None } => write!(f, "it was taken back"),
            Self::Lapsed => write!(f, "it was not renewed in time"),
            Self::HandoffTimedOut => write!(f, "it was not handed over in time"),
            Self::Removed => write!(f, "it was removed"),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Events {
    waiting: Mutex<VecDeque<Event>>,
    arrived: Notify,
}

impl Events {
    pub(super) fn push(&self, event: Event) {
        let mut waiting = self.waiting.lock();
        if let Event::Lost { ownership, .. } = &event {
            let untold = |event: &Event| matches!(event, Event::Gained(gained) if gained == ownership);
            let was_untold = waiting.iter().any(untold);
            waiting.retain(|event| match event {
                Event::Gained(other) | Event::HandoffRequested { ownership: other, .. } => other != ownership,
                Event::Lost { .. } => true,
            });
            if was_untold {
                return;
            }
        }
        waiting.push_back(event);
        drop(waiting);
        self.arrived.notify_one();
    }

    pub(super) async fn next(&self) -> Event {
        loop {
            if let Some(event) = self.waiting.lock().pop_front() {
                return event;
            }
            self.arrived.notified().await;
        }
    }
}
