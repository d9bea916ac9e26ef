//! What a leader does: look at the table, and carry out what the plans say.
//!
//! A follower that sees the leader silent begins to look as well, so that it knows whose leases are abandoned when it
//! becomes leader. Until that can be, which is two minutes where the leader was a Java worker, it takes its share of
//! what is free by itself.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use millstream_runtime::Entropy;

use super::{CoordinatorSettings, Shared};
use crate::assignment::{self, How, Move, Snapshot};
use crate::error::{Error, Result};
use crate::expiry::{Availability, LeaseWatch, WorkerWatch};
use crate::handoff::HandoffWatch;
use crate::leader::Election;
use crate::lease::Lease;
use crate::shard_sync::HoleWatch;
use crate::stealing::{self, StealingSettings};
use crate::store::{Cas, Compare, Listing};
use crate::worker::WorkerReport;

/// What a leader remembers from look to look.
#[derive(Debug)]
pub(super) struct Leading {
    leases: LeaseWatch,
    workers: WorkerWatch,
    handoffs: HandoffWatch,
    pub(super) holes: Vec<HoleWatch>,
    runs: u64,
    pub(super) synced_at: Option<Duration>,
    pub(super) cleaned_at: Option<Duration>,
}

impl Leading {
    pub(super) fn new(settings: &CoordinatorSettings) -> Self {
        Self {
            leases: LeaseWatch::default(),
            workers: WorkerWatch::default(),
            handoffs: HandoffWatch::new(settings.handoff_timeout),
            holes: vec![HoleWatch::default(); settings.streams.len().max(1)],
            runs: 0,
            synced_at: None,
            cleaned_at: None,
        }
    }
}

/// What a worker does with what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Leads,
    /// Nobody leads, and nobody can lead yet.
    TakesItsShare,
    Watches,
}

impl Shared {
    /// Takes or keeps the lock if that can be.
    pub(super) async fn elect(self: &Arc<Self>) {
        let parts = &self.parts;
        let mut election = self.election.lock().await;
        if self.is_withdrawn() {
            return;
        }
        let was_leader = election.is_leader(parts.clock.monotonic());
        match election.run_once(parts.store.as_ref(), parts.clock.as_ref(), parts.entropy.as_ref()).await {
            Ok(true) if !was_leader => {
                tracing::info!(worker = %self.settings.worker, "leads the fleet");
                self.look_now.notify_one();
            }
            // Whoever may have to follow begins to watch at once.
            Ok(_) if self.is_suspicious(&election) => self.look_now.notify_one(),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the leader's lock cannot be reached");
                if let Error::TableMissing(_) = error {
                    self.table_gone.send_replace(Some(error));
                }
            }
        }
    }

    fn is_suspicious(&self, election: &Election) -> bool {
        election.silent_for() >= self.settings.heartbeat_interval * 3 / 2
    }

    /// Looks, and acts if this worker leads. Gives the time at which the next lease expires that is not renewed until
    /// then.
    pub(super) async fn lead(self: &Arc<Self>) -> Option<Duration> {
        if self.is_withdrawn() {
            return None;
        }
        let now = self.parts.clock.monotonic();
        let role = {
            let election = self.election.lock().await;
            match (election.is_leader(now), election.misses_its_leader()) {
                (true, _) => Role::Leads,
                (false, true) => Role::TakesItsShare,
                (false, false) if self.is_suspicious(&election) => Role::Watches,
                (false, false) => return None,
            }
        };
        match self.look(role).await {
            Ok(expiry) => expiry,
            Err(error) => {
                tracing::warn!(%error, "the lease table cannot be looked at");
                None
            }
        }
    }

    async fn look(self: &Arc<Self>, role: Role) -> Result<Option<Duration>> {
        let (store, clock) = (&self.parts.store, &self.parts.clock);
        let mut leading = self.leading.lock().await;
        let asked_at = clock.monotonic();
        let Listing { mut leases, bad } = store.list().await?;
        let answered_at = clock.monotonic();
        bad.iter().for_each(|bad| tracing::warn!(%bad, "a lease cannot be read"));
        leading.leases.observe(&leases, asked_at, answered_at);
        leading.handoffs.observe(&leases, asked_at, answered_at);
        let expiry = leading.leases.next_expiry(self.settings.failover);
        let reports = self.look_at_workers(&mut leading).await?;
        self.suspect(&mut leading, &leases);
        match role {
            Role::Leads => {}
            Role::TakesItsShare => {
                self.take_share(&leading, &leases).await;
                return Ok(expiry);
            }
            Role::Watches => return Ok(expiry),
        }
        if self.sync_shards(&mut leading, &leases).await {
            leases = store.list().await?.leases;
        }
        self.assign(&mut leading, &leases, &reports).await;
        self.clean_up(&mut leading, &leases).await;
        self.remove_old_reports(&leading, &reports).await;
        Ok(expiry)
    }

    /// Whoever lets a lease expire would let the next one expire as well.
    fn suspect(&self, leading: &mut Leading, leases: &[Lease]) {
        for lease in leases {
            let expired = matches!(
                leading.leases.availability(lease, self.settings.failover),
                Availability::Expired { .. }
            );
            let holder = lease.holder().filter(|holder| **holder != self.settings.worker);
            if let Some(holder) = holder.filter(|_| expired) {
                leading.workers.suspect(holder.clone());
            }
        }
    }

    async fn look_at_workers(&self, leading: &mut Leading) -> Result<Vec<WorkerReport>> {
        let clock = &self.parts.clock;
        let asked_at = clock.monotonic();
        let reports = self.parts.store.reports().await?;
        let looks: Vec<_> =
            reports.iter().map(|report| (report.worker.clone(), report.updated_secs)).collect();
        let patience = self.settings.report_patience;
        leading.workers.observe(&looks, asked_at, clock.monotonic(), clock.now(), patience);
        Ok(reports)
    }

    async fn assign(&self, leading: &mut Leading, leases: &[Lease], reports: &[WorkerReport]) {
        let settings = &self.settings;
        let alive =
            |report: &&WorkerReport| leading.workers.is_alive(&report.worker, settings.report_patience);
        let reports: Vec<_> = reports.iter().filter(alive).collect();
        let smoothing = settings.assignment.smoothing;
        let watch = (&leading.leases, settings.failover);
        let mut snapshot = Snapshot::new(leases, watch, &leading.handoffs, &reports, smoothing);
        snapshot.run = leading.runs;
        snapshot.seed = <dyn Entropy>::next_u64(self.parts.entropy.as_ref());
        leading.runs += 1;
        let moves = assignment::plan(&snapshot, &settings.assignment);
        let carry_out = async |planned: Move| {
            let Some(seen) = leases.iter().find(|lease| lease.key == planned.lease) else { return };
            self.carry_out(seen, &planned).await;
        };
        stream::iter(moves).map(carry_out).buffer_unordered(settings.requests_max).collect::<()>().await;
    }

    /// What nobody has is taken, as workers of KCL 1.x and 2.x do. Nothing is taken from anybody: that can wait for a
    /// leader.
    async fn take_share(&self, leading: &Leading, leases: &[Lease]) {
        let settings = &self.settings.assignment;
        let watch = (&leading.leases, self.settings.failover);
        let snapshot = Snapshot::new(leases, watch, &leading.handoffs, &[], settings.smoothing);
        let leases_per_worker_max = settings.leases_per_worker_max;
        let stealing = StealingSettings { leases_per_worker_max, steals_max: 0 };
        let seed = <dyn Entropy>::next_u64(self.parts.entropy.as_ref());
        let me = &self.settings.worker;
        for take in stealing::plan(me, &snapshot.leases, stealing, seed) {
            let Some(seen) = leases.iter().find(|lease| lease.key == take.lease) else { continue };
            match self.parts.store.assign(seen, me, Compare::OwnerAndCounter).await {
                Ok(Cas::Applied(_)) => {
                    tracing::info!(lease = %take.lease, "a lease is taken, as nobody leads");
                    self.discover_now.notify_one();
                }
                Ok(Cas::Lost(_)) => {}
                Err(error) => tracing::warn!(lease = %take.lease, %error, "a lease could not be taken"),
            }
        }
    }

    async fn carry_out(&self, seen: &Lease, planned: &Move) {
        let store = &self.parts.store;
        let written = match planned.how {
            How::Assign(compare) => store.assign(seen, &planned.to, compare).await,
            How::Handoff => store.request_handoff(seen, &planned.to).await,
        };
        let (lease, to, reason) = (&planned.lease, &planned.to, &planned.reason);
        match written {
            Ok(Cas::Applied(_)) => {
                let from = planned.from.as_ref().map(tracing::field::display);
                tracing::info!(%lease, from, %to, %reason, "a lease moves");
                if *to == self.settings.worker {
                    self.discover_now.notify_one();
                }
            }
            Ok(Cas::Lost(_)) => tracing::debug!(%lease, %to, %reason, "a lease changed before it could move"),
            Err(error) => tracing::warn!(%lease, %to, %reason, %error, "a lease could not be moved"),
        }
    }

    async fn remove_old_reports(&self, leading: &Leading, reports: &[WorkerReport]) {
        for report in reports {
            let silent = leading.workers.silent_for(&report.worker).unwrap_or_default();
            if silent > self.settings.report_retention
                && let Err(error) = self.parts.store.delete_report(report).await
            {
                tracing::warn!(worker = %report.worker, %error, "an old report cannot be removed");
            }
        }
    }
}
