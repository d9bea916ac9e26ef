//! A worker's lease table: that of the server, behind the worker's way. Every row that a worker wrote is shown to the
//! ledger.

use std::sync::Arc;

use async_trait::async_trait;
use millstream_lease::row::Row;
use millstream_lease::store::embedded::{EmbeddedStore, EmbeddedTable};
use millstream_lease::store::{Change, Changes, Expected, KeyPage, Outcome, Page, Part, RowTable, Table};
use millstream_lease::{Error, Result};
use millstream_runtime::TaskSet;

use super::ledger::Ledger;
use super::server::Server;
use super::way::Way;

#[derive(Debug)]
pub(crate) struct Leases {
    pub(crate) server: Server,
    pub(crate) way: Way,
    pub(crate) worker: String,
    pub(crate) ledger: Arc<Ledger>,
    /// What goes on there without the worker.
    pub(crate) on_server: TaskSet,
}

impl Leases {
    async fn call<T>(&self, work: impl AsyncFnOnce(&EmbeddedTable) -> Result<T>) -> Result<T> {
        self.way.call(async { work(self.leases()?.table()).await }).await.unwrap_or_else(no_reply)
    }

    /// What has reached the server is carried out and seen, even if the worker crashes meanwhile.
    async fn call_through<T: Send + 'static, W>(
        &self,
        work: impl FnOnce(Arc<EmbeddedStore>) -> W + Send,
    ) -> Result<T>
    where
        W: Future<Output = Result<T>> + Send + 'static,
    {
        let carry_out = async {
            let work = work(self.leases()?);
            self.on_server.carry_through("update of a lease", work).await.unwrap_or_else(no_reply)
        };
        self.way.call(carry_out).await.unwrap_or_else(no_reply)
    }

    fn leases(&self) -> Result<Arc<EmbeddedStore>> {
        let nobody = || Error::Unavailable("nobody listens".to_owned());
        Ok(self.server.running().ok_or_else(nobody)?.leases)
    }
}

fn no_reply<T>() -> Result<T> {
    Err(Error::Unavailable("no reply came".to_owned()))
}

#[async_trait]
impl RowTable for Leases {
    async fn ensure(&self, table: &Table, owner_index: bool) -> Result<()> {
        self.call(async |leases| leases.ensure(table, owner_index).await).await
    }

    async fn get(&self, table: &Table, key: &str) -> Result<Option<Row>> {
        self.call(async |leases| leases.get(table, key).await).await
    }

    async fn put(&self, table: &Table, row: Row, expected: Expected) -> Result<Outcome> {
        self.call(async |leases| leases.put(table, row, expected).await).await
    }

    async fn update(
        &self,
        table: &Table,
        key: &str,
        expected: Expected,
        changes: Changes,
    ) -> Result<Outcome> {
        let is_checkpoint =
            changes.iter().any(|(name, change)| name == "checkpoint" && matches!(change, Change::Put(_)));
        let (ledger, worker) = (self.ledger.clone(), self.worker.clone());
        let (table, key) = (table.clone(), key.to_owned());
        let work = |leases: Arc<EmbeddedStore>| async move {
            let outcome = leases.table().update(&table, &key, expected, changes).await;
            if let Ok(Outcome::Applied(row)) = &outcome {
                ledger.row_written(&worker, &key, row, is_checkpoint);
            }
            outcome
        };
        self.call_through(work).await
    }

    async fn delete(&self, table: &Table, key: &str, expected: Expected) -> Result<Outcome> {
        self.call(async |leases| leases.delete(table, key, expected).await).await
    }

    async fn parts(&self, table: &Table) -> Result<u32> {
        self.call(async |leases| leases.parts(table).await).await
    }

    async fn scan(&self, table: &Table, part: Part, after: Option<Row>) -> Result<Page> {
        self.call(async |leases| leases.scan(table, part, after).await).await
    }

    async fn query_owner(&self, table: &Table, owner: &str, after: Option<Row>) -> Result<KeyPage> {
        self.call(async |leases| leases.query_owner(table, owner, after).await).await
    }
}
