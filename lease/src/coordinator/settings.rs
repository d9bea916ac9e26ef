//! The rhythm of a worker. Everything follows from the failover time unless it is set otherwise.

use std::time::Duration;

use crate::assignment::AssignmentSettings;
use crate::names::{StreamIdentifier, WorkerId};
use crate::shard_sync::InitialPosition;

/// KCL's margin for renewals to arrive.
const EPSILON: Duration = Duration::from_millis(25);

/// How a worker behaves. All workers of a fleet should have the same failover and handoff times.
#[derive(Clone, Debug, PartialEq)]
pub struct CoordinatorSettings {
    pub worker: WorkerId,
    /// How long a lease may go without renewal before others may have it.
    pub failover: Duration,
    /// How often a worker asks for leases that were assigned to it.
    pub discovery_interval: Duration,
    /// How often the leader looks at the table, and once more when a lease is about to expire. A crashed worker's
    /// leases have new holders after the failover time, a look and a discovery.
    pub look_interval: Duration,
    /// How long the lock lasts without a heartbeat. KCL waits for as long as the lock's row says.
    pub leader_lease: Duration,
    /// How often the leader renews the lock and others read it. Who finds the same lock for one and a half of these
    /// begins to watch the leases, so that a crash of the leader costs others no more than three of these.
    pub heartbeat_interval: Duration,
    /// How long a holder may take to hand a lease over.
    pub handoff_timeout: Duration,
    pub report_interval: Duration,
    /// A worker that has not reported for this long gets nothing.
    pub report_patience: Duration,
    /// A report that was not renewed for this long is removed.
    pub report_retention: Duration,
    /// How often shards are compared with leases where nothing seems to be missing.
    pub shard_sync_interval: Duration,
    /// How often finished leases are looked for.
    pub cleanup_interval: Duration,
    /// Requests to the table that one task has under way at once.
    pub requests_max: usize,
    pub initial_position: InitialPosition,
    /// The streams, where the table serves many; empty where it serves one.
    pub streams: Vec<StreamIdentifier>,
    pub assignment: AssignmentSettings,
}

impl CoordinatorSettings {
    /// KCL's figures where they are a matter of agreement between workers, quicker ones where they are not.
    #[must_use]
    pub fn new(worker: WorkerId) -> Self {
        Self::with_failover(worker, Duration::from_secs(10))
    }

    #[must_use]
    pub fn with_failover(worker: WorkerId, failover: Duration) -> Self {
        Self {
            worker,
            failover,
            discovery_interval: failover / 25,
            look_interval: failover * 2 / 25,
            leader_lease: failover / 2,
            heartbeat_interval: failover / 25,
            handoff_timeout: Duration::from_secs(30),
            report_interval: Duration::from_secs(30),
            report_patience: Duration::from_secs(60),
            report_retention: Duration::from_secs(24 * 3_600),
            shard_sync_interval: Duration::from_secs(60),
            cleanup_interval: Duration::from_secs(60),
            requests_max: 20,
            initial_position: InitialPosition::default(),
            streams: Vec::new(),
            assignment: AssignmentSettings::default(),
        }
    }

    /// Three times in each failover time, a little less apart.
    pub(super) fn renewal_interval(&self) -> Duration {
        (self.failover / 3).saturating_sub(EPSILON).max(Duration::from_millis(1))
    }

    /// How long a renewal lets its holder go on.
    pub(super) fn validity(&self) -> Duration {
        self.failover.saturating_sub(EPSILON)
    }
}
