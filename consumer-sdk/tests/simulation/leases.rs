//! A worker's lease table: that of the server, behind the worker's way. Every row that a worker wrote is shown to the
//! ledger.

use std::sync::Arc;

use async_trait::async_trait;
use millstream_lease::row::Row;
use millstream_lease::store::embedded::EmbeddedTable;
use millstream_lease::store::{Change, Changes, Expected, KeyPage, Outcome, Page, Part, RowTable, Table};
use millstream_lease::{Error, Result};

use super::ledger::Ledger;
use super::server::Server;
use super::way::Way;

#[derive(Debug)]
pub(crate) struct Leases {
    pub(crate) server: Server,
    pub(crate) way: Way,
    pub(crate) worker: String,
    pub(crate) ledger: Arc<Ledger>,
}

impl Leases {
    async fn call<T>(&self, work: impl AsyncFnOnce(&EmbeddedTable) -> Result<T>) -> Result<T> {
        let carry_out = async {
            match self.server.running() {
                Some(running) => work(running.leases.table()).await,
                None => Err(Error::Unavailable("nobody listens".to_owned())),
            }
        };
        let lost = || Err(Error::Unavailable("no reply came".to_owned()));
        self.way.call(carry_out).await.unwrap_or_else(lost)
    }
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
        self.call(async |leases| {
            let outcome = leases.update(table, key, expected, changes).await;
            if let Ok(Outcome::Applied(row)) = &outcome {
                self.ledger.row_written(&self.worker, key, row, is_checkpoint);
            }
            outcome
        })
        .await
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
