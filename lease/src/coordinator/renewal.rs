//! Keeping leases, finding those that were assigned, and saying that one is alive.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::Shared;
use super::events::Event;
use super::ownership::{Held, Ownership};
use crate::error::{Error, Result};
use crate::names::LeaseKey;
use crate::row::Row;
use crate::store::{Cas, Lost};
use crate::worker::WorkerReport;

impl Shared {
    /// Renews whatever is held, at most so many at once. What fails is renewed next time, or lapses.
    pub(super) async fn renew_all(self: &Arc<Self>) {
        let held: Vec<_> = self.held.lock().values().map(|held| Ownership::new(self, held)).collect();
        let limit = self.settings.renewal_interval();
        let renew = async |ownership: Ownership| {
            // A reply that does not come must not keep others waiting. The write may still be made, which is found out.
            match self.parts.clock.timeout(limit, ownership.renew()).await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(lease = %ownership.key(), %error, "a renewal failed"),
                None => tracing::warn!(lease = %ownership.key(), "a renewal took too long"),
            }
        };
        stream::iter(held).map(renew).buffer_unordered(self.settings.requests_max).collect::<()>().await;
    }

    /// Looks for leases that are this worker's and that it does not have yet.
    pub(super) async fn discover(self: &Arc<Self>) {
        if self.is_withdrawn() {
            return;
        }
        let keys = match self.parts.store.keys_of(&self.settings.worker).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(%error, "new leases cannot be looked for");
                return;
            }
        };
        let new: Vec<_> = {
            let held = self.held.lock();
            keys.into_iter().filter(|key| !held.contains_key(key)).collect()
        };
        let claim = async |key: LeaseKey| {
            if let Err(error) = self.claim(&key).await {
                tracing::warn!(lease = %key, %error, "a new lease cannot be had");
            }
        };
        stream::iter(new).map(claim).buffer_unordered(self.settings.requests_max).collect::<()>().await;
    }

    /// Makes an assigned lease one's own by renewing it: from then on others count anew. One that another worker still
    /// hands over is left to it.
    async fn claim(self: &Arc<Self>, key: &LeaseKey) -> Result<()> {
        let me = &self.settings.worker;
        let Some(lease) = self.parts.store.get(key).await? else { return Ok(()) };
        if lease.owner.as_ref() != Some(me) || lease.is_in_handoff() || lease.is_finished() {
            return Ok(());
        }
        let sent_at = self.parts.clock.monotonic();
        let Cas::Applied(lease) = self.parts.store.renew(&lease, me, None).await? else { return Ok(()) };
        let held = Arc::new(Held::new(self, lease, sent_at));
        let ownership = Ownership::new(self, &held);
        self.held.lock().insert(key.clone(), held);
        if self.tasks.is_stopping() || self.is_withdrawn() {
            return ownership.give_back().await;
        }
        self.events.push(Event::Gained(ownership));
        Ok(())
    }

    /// Drops an ownership that is over.
    pub(super) fn forget(&self, over: &Arc<Held>) {
        let mut held = self.held.lock();
        if held.get(over.key()).is_some_and(|held| Arc::ptr_eq(held, over)) {
            held.remove(over.key());
        }
    }

    /// Writes that this worker lives, and how busy it is.
    pub(super) async fn report(self: &Arc<Self>) {
        let mut last = self.last_report.lock().await;
        if self.tasks.is_stopping() || self.is_withdrawn() {
            return;
        }
        let now_secs = self.parts.clock.now().as_secs();
        // It must differ from the last one even if the wall clock was set back.
        let updated_secs = last.as_ref().map_or(now_secs, |last| now_secs.max(last.updated_secs + 1));
        let report = WorkerReport {
            worker: self.settings.worker.clone(),
            updated_secs,
            metrics: self.metrics.lock().clone(),
            unknown: last.as_ref().map_or_else(Row::new, |last| last.unknown.clone()),
        };
        match self.parts.store.report(last.as_ref(), &report).await {
            Ok(Cas::Applied(written)) => *last = Some(written),
            Ok(Cas::Lost(Lost::Gone)) => *last = None,
            // An earlier life of this worker, or one whose reply was lost; if it is neither, two workers have one name.
            Ok(Cas::Lost(Lost::Changed(found))) => {
                if last.is_some() {
                    tracing::warn!(worker = %self.settings.worker, "somebody else reports under this worker's name");
                }
                let next = WorkerReport { updated_secs: updated_secs.max(found.updated_secs + 1), ..report };
                if let Ok(Cas::Applied(written)) = self.parts.store.report(Some(&found), &next).await {
                    *last = Some(written);
                }
            }
            Err(error) => tracing::warn!(%error, "this worker cannot report"),
        }
    }

    /// Releases what was assigned to this worker and never claimed. What is in handoff to it goes to somebody else when
    /// its holder finds no report of this worker.
    pub(super) async fn decline_assigned(&self) {
        let declined = async {
            for key in self.parts.store.keys_of(&self.settings.worker).await? {
                if !self.held.lock().contains_key(&key) {
                    self.decline(&key).await?;
                }
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = declined.await {
            tracing::warn!(%error, "leases that were not begun stay until they expire");
        }
    }

    async fn decline(&self, key: &LeaseKey) -> Result<()> {
        let Some(lease) = self.parts.store.get(key).await? else { return Ok(()) };
        let is_mine = lease.owner.as_ref() == Some(&self.settings.worker) && !lease.is_in_handoff();
        if is_mine && !lease.is_finished() {
            // Lost means that somebody else has it already.
            let _ = self.parts.store.release(&lease).await?;
        }
        Ok(())
    }

    /// Removes the report of a worker that stops, so that it is given nothing any more.
    pub(super) async fn retire_report(&self) {
        if let Some(last) = self.last_report.lock().await.take()
            && let Err(error) = self.parts.store.delete_report(&last).await
        {
            tracing::warn!(%error, "this worker's report stays until it is too old");
        }
    }
}
