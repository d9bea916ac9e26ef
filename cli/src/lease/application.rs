//! An application, as its tables show it: leases, workers' reports, the leader's lock.
//!
//! Reports and lock are in the lease table since KCL 3.5 and in tables of their own before; both places are read, and
//! a table that is not there holds nothing. Before KCL 3.0 there were neither reports nor a lock.

use std::sync::Arc;
use std::time::Duration;

use millstream_lease::leader::Lock;
use millstream_lease::store::dynamodb::DynamoDbStore;
use millstream_lease::store::{Layout, Listing};
use millstream_lease::worker::WorkerReport;
use millstream_lease::{Error, Lease, LeaseKey, LeaseStore};
use millstream_runtime::SharedClock;

use super::failure::LeaseFailure;
use crate::connection::{SHORT_PATIENCE, TableConfig};

/// Between two attempts to read.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub(super) struct Application {
    pub(super) name: String,
    pub(super) clock: SharedClock,
    /// Everything in one table.
    leases: Arc<dyn LeaseStore>,
    /// The same leases, with reports and lock in tables of their own.
    older: Arc<dyn LeaseStore>,
}

impl Application {
    pub(super) fn connect(config: &TableConfig, name: &str, clock: &SharedClock) -> Self {
        let store = |layout| Arc::new(DynamoDbStore::connect(config, layout, clock.clone()));
        Self::over(name, store(Layout::single(name)), store(Layout::three(name)), clock.clone())
    }

    pub(super) fn over(
        name: &str,
        leases: Arc<dyn LeaseStore>,
        older: Arc<dyn LeaseStore>,
        clock: SharedClock,
    ) -> Self {
        Self { name: name.to_owned(), clock, leases, older }
    }

    /// For writes, which are one attempt.
    pub(super) fn store(&self) -> &dyn LeaseStore {
        self.leases.as_ref()
    }

    pub(super) async fn list(&self) -> Result<Listing, LeaseFailure> {
        self.asked(async || self.leases.list().await).await
    }

    pub(super) async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseFailure> {
        self.asked(async || self.leases.get(key).await).await
    }

    /// The lease of that key, or of that shard if only one stream has it.
    pub(super) async fn find(&self, lease: &str) -> Result<Lease, LeaseFailure> {
        let missing = || LeaseFailure::NoSuchLease { table: self.name.clone(), lease: lease.to_owned() };
        let key: LeaseKey = lease.parse().map_err(|_| missing())?;
        if let Some(found) = self.get(&key).await? {
            return Ok(found);
        }
        let leases = self.list().await?.leases;
        let mut found: Vec<_> = leases.into_iter().filter(|found| found.shard().as_str() == lease).collect();
        match found.pop() {
            None => Err(missing()),
            Some(only) if found.is_empty() => Ok(only),
            Some(last) => {
                let keys = found.into_iter().chain([last]).map(|lease| lease.key).collect();
                Err(LeaseFailure::Ambiguous { shard: lease.to_owned(), keys })
            }
        }
    }

    /// What workers reported, wherever they do.
    pub(super) async fn reports(&self) -> Result<Vec<WorkerReport>, LeaseFailure> {
        let mut reports = self.asked(async || self.leases.reports().await).await?;
        reports.extend(self.asked(async || if_there(self.older.reports().await)).await?);
        Ok(reports)
    }

    /// The leader's lock, wherever it is.
    pub(super) async fn lock(&self) -> Result<Option<Lock>, LeaseFailure> {
        match self.asked(async || self.leases.lock().await).await? {
            Some(lock) => Ok(Some(lock)),
            None => self.asked(async || if_there(self.older.lock().await)).await,
        }
    }

    /// Asks until there is an answer or patience ends.
    async fn asked<T>(
        &self,
        ask: impl AsyncFn() -> millstream_lease::error::Result<T>,
    ) -> Result<T, LeaseFailure> {
        let until = self.clock.monotonic() + SHORT_PATIENCE;
        loop {
            match ask().await {
                Err(error) if error.is_retryable() && self.clock.monotonic() < until => {
                    self.clock.sleep(RETRY_INTERVAL).await;
                }
                answer => return Ok(answer?),
            }
        }
    }
}

/// What a table holds that need not be there.
fn if_there<T: Default>(answer: millstream_lease::error::Result<T>) -> millstream_lease::error::Result<T> {
    match answer {
        Err(Error::TableMissing(_)) => Ok(T::default()),
        answer => answer,
    }
}
