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
                // What DynamoDB says of a key that is not the table's.
                Err(Error::Refused { message, .. }) if message.contains("does not match the schema") => {
                    return Err(LeaseFailure::NotOfLeases(self.name.clone()));
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

#[cfg(test)]
mod tests {
    use millstream_lease::row::Row;
    use millstream_lease::store::memory::MemoryTable;
    use millstream_lease::{Cas, Checkpoint, MemoryStore, StreamOfLease};

    use super::*;
    use crate::fake::JumpingClock;

    /// The leases are there, and the tables of KCL 3.0 only if asked for.
    async fn application(is_older: bool) -> Application {
        let table = MemoryTable::default();
        let (single, three) = (Layout::single("app"), Layout::three("app"));
        single.tables().for_each(|wanted| table.make(wanted));
        if is_older {
            three.tables().for_each(|wanted| table.make(wanted));
        }
        let store = |layout| -> Arc<dyn LeaseStore> { Arc::new(MemoryStore::over(table.clone(), layout)) };
        let clock: SharedClock = Arc::new(JumpingClock::default());
        Application::over("app", store(single), store(three), clock)
    }

    async fn add(application: &Application, lease: &Lease) {
        assert!(application.store().create(lease).await.unwrap().is_applied());
    }

    #[tokio::test]
    async fn a_lease_is_found_by_its_key_and_by_its_shard() {
        let application = application(false).await;
        for stream in ["1:orders:0", "1:flights:0", "1:orders-2:0"] {
            let stream: millstream_lease::StreamIdentifier = stream.parse().unwrap();
            let shards =
                if stream.stream == "flights" { &["shardId-1", "shardId-2"][..] } else { &["shardId-1"] };
            for shard in shards {
                let shard: millstream_lease::ShardName = shard.parse().unwrap();
                let mut lease = Lease::new(stream.lease_key(&shard), Checkpoint::LATEST);
                lease.stream = Some(StreamOfLease { stream: stream.clone(), shard });
                add(&application, &lease).await;
            }
        }
        let key = |found: Result<Lease, LeaseFailure>| found.unwrap().key.to_string();
        assert_eq!(key(application.find("1:orders:0:shardId-1").await), "1:orders:0:shardId-1");
        assert_eq!(key(application.find("shardId-2").await), "1:flights:0:shardId-2");
        let ambiguous = application.find("shardId-1").await.unwrap_err();
        assert!(matches!(&ambiguous, LeaseFailure::Ambiguous { keys, .. } if keys.len() == 3), "{ambiguous}");
        assert_eq!(application.find("shardId-3").await.unwrap_err().code(), 4);
    }

    #[tokio::test]
    async fn reports_and_lock_are_found_wherever_they_are() {
        let report = WorkerReport {
            worker: "w".parse().unwrap(),
            updated_secs: 5,
            metrics: std::collections::BTreeMap::new(),
            unknown: Row::new(),
        };
        let lock = Lock {
            owner: report.worker.clone(),
            lease_duration: Duration::from_secs(120),
            version: "v".to_owned(),
            is_released: false,
            unknown: Row::new(),
        };
        for is_older in [false, true] {
            let application = application(is_older).await;
            assert!(application.reports().await.unwrap().is_empty());
            assert_eq!(application.lock().await.unwrap(), None);
            let store = if is_older { &application.older } else { &application.leases };
            assert!(matches!(store.report(None, &report).await, Ok(Cas::Applied(_))));
            assert!(matches!(store.acquire_lock(None, &lock).await, Ok(Cas::Applied(_))));
            assert_eq!(application.reports().await.unwrap(), std::slice::from_ref(&report));
            assert_eq!(application.lock().await.unwrap().unwrap().owner, report.worker);
        }
    }
}
