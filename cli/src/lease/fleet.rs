//! Who works for an application, and who leads: what workers say of themselves, beside what they do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millstream_lease::WorkerId;
use millstream_lease::expiry::WorkerWatch;
use millstream_lease::leader::Lock;
use millstream_lease::worker::WorkerReport;
use serde::Serialize;

use super::application::Application;
use super::failure::LeaseFailure;
use super::sighting::Sighting;

/// KCL gives nothing to a worker that has not reported for this long.
const REPORT_PATIENCE: Duration = Duration::from_secs(60);

/// The workers of an application at one moment.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    pub(super) workers: BTreeMap<WorkerId, Member>,
    pub(super) reports: Vec<WorkerReport>,
    pub(super) lock: Option<Lock>,
    /// Whether leases are given away by a leader (KCL 3.x), and not taken by each worker for itself.
    pub(super) is_led: bool,
}

/// One worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member {
    /// It has reported within a minute, or renewed a lease while it was watched.
    pub(super) is_alive: bool,
    /// How long ago it reported, by this machine's clock and its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reported_secs_ago: Option<u64>,
    /// Leases that it holds or is about to get.
    pub(super) leases: usize,
}

impl Fleet {
    pub(super) async fn of(application: &Application, seen: &Sighting) -> Result<Self, LeaseFailure> {
        let clock = &application.clock;
        let asked_at = clock.monotonic();
        let reports = application.reports().await?;
        let answered_at = clock.monotonic();
        let lock = application.lock().await?;
        let looks: Vec<_> =
            reports.iter().map(|report| (report.worker.clone(), report.updated_secs)).collect();
        let mut watch = WorkerWatch::default();
        watch.observe(&looks, asked_at, answered_at, clock.now(), REPORT_PATIENCE);
        let alive = reports.iter().filter(|report| watch.is_alive(&report.worker, REPORT_PATIENCE));
        let alive = alive.map(|report| report.worker.clone()).collect();
        Ok(Self::new(seen, reports, &alive, lock, clock.now()))
    }

    /// `reporting` are those whose reports are recent; `now` is the wall clock's.
    pub(super) fn new(
        seen: &Sighting,
        reports: Vec<WorkerReport>,
        reporting: &BTreeSet<WorkerId>,
        lock: Option<Lock>,
        now: Duration,
    ) -> Self {
        let mut workers: BTreeMap<WorkerId, Member> = BTreeMap::new();
        for report in &reports {
            let ago = now.as_secs().saturating_sub(report.updated_secs);
            let member = workers.entry(report.worker.clone()).or_default();
            (member.reported_secs_ago, member.is_alive) = (Some(ago), reporting.contains(&report.worker));
        }
        let live = seen.listing.leases.iter().filter(|lease| !lease.is_finished());
        for worker in live.flat_map(|lease| lease.owner.iter().chain(&lease.checkpoint_owner)) {
            workers.entry(worker.clone()).or_default().leases += 1;
        }
        for worker in seen.renewing() {
            workers.entry(worker).or_default().is_alive = true;
        }
        let is_led = lock.is_some() || !reports.is_empty();
        Self { workers, reports, lock, is_led }
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = &WorkerId> {
        self.workers.iter().filter(|(_, member)| member.is_alive).map(|(worker, _)| worker)
    }

    pub(super) fn is_alive(&self, worker: &WorkerId) -> bool {
        self.workers.get(worker).is_some_and(|member| member.is_alive)
    }
}
