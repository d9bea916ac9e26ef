//! The handle to all tables: opens them, runs the background tasks, finds tables.
//!
//! What can be asked of it is in [`crate::operations`]. The slot is shared with whoever else keeps something in
//! it, and so is its group commit; closing the tables does not close it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use millstream_model::Timestamp;
use millstream_runtime::{OnFailure, SharedClock, SharedEntropy, TaskSet};
use millstream_storage::Slot;
use tokio::sync::{Mutex, Notify, OwnedRwLockReadGuard};

use crate::arn::TableArn;
use crate::catalog::Catalog;
use crate::change_log::Sequences;
use crate::consumed::{Access, Consumed};
use crate::error::{Error, Result};
use crate::item_locks::ItemLocks;
use crate::keyspace::store_row::StoreRow;
use crate::live_table::LiveTable;
use crate::meta::{Status, TableMeta};
use crate::recovery::{Grave, Recovered, recover};
use crate::settings::{Settings, ThroughputLimits};
use crate::stream::orphans::Orphans;

/// How long a clean stop waits for writes that are on their way.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// The tables of a store; clones are handles to the same ones.
#[derive(Clone, Debug)]
pub struct Tables {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) slot: Arc<dyn Slot>,
    pub(crate) settings: Settings,
    pub(crate) clock: SharedClock,
    pub(crate) entropy: SharedEntropy,
    pub(crate) catalog: Catalog,
    pub(crate) orphans: Orphans,
    pub(crate) locks: ItemLocks,
    pub(crate) sequences: Sequences,
    /// Tables are made, changed and deleted one at a time.
    pub(crate) control: Mutex<Control>,
    /// Wakes the janitor before its time.
    pub(crate) janitor: Notify,
    /// Wakes whoever fills new indexes.
    pub(crate) filler: Notify,
    /// Wakes whoever carries changes to Kinesis streams, for a table that begins to feed one.
    pub(crate) carrier: Notify,
    pub(crate) tasks: TaskSet,
}

/// What changes of tables need besides the tables.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) store: StoreRow,
    pub(crate) graves: Vec<Grave>,
}

impl Tables {
    /// Reads what the slot holds and starts working on it.
    pub async fn open(
        slot: Arc<dyn Slot>,
        settings: Settings,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Result<Self> {
        let Recovered { store, tables, graves, orphans: left } = recover(&*slot).await?;
        let (catalog, orphans) = (Catalog::default(), Orphans::default());
        tables.into_iter().for_each(|table| catalog.insert(Arc::new(table)));
        orphans.insert(left);
        let inner = Arc::new(Inner {
            sequences: Sequences::new(store.openings),
            control: Mutex::new(Control { store, graves }),
            locks: ItemLocks::default(),
            janitor: Notify::new(),
            filler: Notify::new(),
            carrier: Notify::new(),
            tasks: TaskSet::default(),
            slot,
            settings,
            clock,
            entropy,
            catalog,
            orphans,
        });
        // Whatever a stop interrupted goes on at once.
        inner.janitor.notify_one();
        inner.filler.notify_one();
        let tables = Self { inner };
        tables.start("table janitor", |tables| async move { tables.tidy_up_until_stopped().await });
        tables.start("index filler", |tables| async move { tables.fill_until_stopped().await });
        tables.start("recount", |tables| async move { tables.recount_until_stopped().await });
        tables.start("expiry of items", |tables| async move { tables.expire_until_stopped().await });
        tables.start("keeper of streams", |tables| async move { tables.keep_streams_until_stopped().await });
        Ok(tables)
    }

    /// Takes no more writes and waits for those on their way. The slot stays open.
    pub async fn close(&self) {
        self.inner.tasks.shutdown();
        let is_quiet = self.inner.tasks.join(&*self.inner.clock, CLOSE_LIMIT).await;
        let saved = match is_quiet {
            true => self.inner.save_last_counts().await,
            false => {
                tracing::warn!("items were still being written when the tables were closed");
                self.inner.save_counts().await
            }
        };
        if let Err(error) = saved {
            tracing::debug!(%error, "the counts of items were not saved");
        }
    }

    fn start<F>(&self, name: &'static str, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let work = work(self.clone());
        self.inner.tasks.spawn(name, OnFailure::Shutdown, async move {
            work.await;
            Ok::<_, Infallible>(())
        });
    }

    /// Carries a change out even if whoever asked for it goes away in between: what is on disk and what is in
    /// memory must not differ.
    pub(crate) async fn carry_through<T, F>(
        &self,
        name: &'static str,
        change: impl FnOnce(Self) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let carried = self.inner.tasks.carry_through(name, change(self.clone())).await;
        carried.unwrap_or_else(|| Err(Error::Unavailable("the server is shutting down".to_owned())))
    }
}

/// A table as it was found at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) table: Arc<LiveTable>,
    pub(crate) meta: Arc<TableMeta>,
    pub(crate) status: Status,
    pub(crate) now: Timestamp,
}

/// A table whose items are about to be written: nobody changes what such a write consists of.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) found: Found,
    pub(crate) gate: OwnedRwLockReadGuard<()>,
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.clock.now())
    }

    pub(crate) fn now_micros(&self) -> u64 {
        u64::try_from(self.clock.now().as_micros()).unwrap_or(u64::MAX)
    }

    /// The table, in whatever state it is, as long as it is not gone. For what is done to tables.
    pub(crate) fn find(&self, arn: &TableArn) -> Result<Found> {
        let not_found = || {
            Error::ResourceNotFound(format!("Requested resource not found: Table: {} not found", arn.name))
        };
        self.look(arn).ok_or_else(not_found)
    }

    /// The table, if items in it can be read. For what is done to items.
    pub(crate) fn find_active(&self, arn: &TableArn) -> Result<Found> {
        let found = self.look(arn).filter(Found::has_items);
        found.ok_or_else(|| Error::ResourceNotFound("Requested resource not found".to_owned()))
    }

    /// As [`Self::find_active`], for whoever is going to write items.
    pub(crate) async fn enter(&self, arn: &TableArn) -> Result<Entered> {
        let gate = self.find_active(arn)?.table.gate.clone().read_owned().await;
        // It may have changed, or gone, while it was waited for; the name may even be another table's.
        let found = self.find_active(arn)?;
        match Arc::ptr_eq(&found.table.gate, OwnedRwLockReadGuard::rwlock(&gate)) {
            true => Ok(Entered { found, gate }),
            false => Err(Error::ResourceNotFound("Requested resource not found".to_owned())),
        }
    }

    fn look(&self, arn: &TableArn) -> Option<Found> {
        let table = self.catalog.by_arn(arn)?;
        let (meta, now) = (table.meta(), self.now());
        let status = meta.status(now)?;
        Some(Found { table, meta, status, now })
    }

    /// Fails if the table, or the global index of that name, has no capacity left.
    pub(crate) fn admit(&self, found: &Found, access: Access, index: Option<&str>) -> Result<()> {
        match self.settings.throughput {
            ThroughputLimits::Off => Ok(()),
            ThroughputLimits::Aws => {
                let (now, table) = (self.clock.monotonic(), &found.table);
                table.buckets.check(now, &table.arn, &found.meta, access, index)
            }
        }
    }

    /// Takes what an operation consumed from the capacity of the table and its indexes, or fails if one of them
    /// has none left.
    pub(crate) fn charge(&self, table: &LiveTable, meta: &TableMeta, consumed: &Consumed) -> Result<()> {
        match self.settings.throughput {
            ThroughputLimits::Off => Ok(()),
            ThroughputLimits::Aws => table.buckets.charge(self.clock.monotonic(), meta, consumed),
        }
    }
}

impl Found {
    fn has_items(&self) -> bool {
        matches!(self.status, Status::Active | Status::Updating)
    }
}
