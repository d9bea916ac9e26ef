//! A worker's way to the table, on which requests and replies can be held up or lost, and on which every checkpoint is
//! checked.

use std::sync::Arc;

use async_trait::async_trait;
use millstream_lease::row::{Row, Value};
use millstream_lease::store::memory::MemoryTable;
use millstream_lease::store::{Change, Changes, Expected, KeyPage, Outcome, Page, Part, RowTable, Table};
use millstream_lease::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Requests do not arrive.
    LoseRequests,
    /// Requests are carried out, and nobody hears of it.
    LoseReplies,
}

/// The state of the way, and what was seen on it.
#[derive(Debug, Default)]
pub(crate) struct Way {
    pub(crate) fault: Mutex<Fault>,
    pub(crate) frozen: Mutex<bool>,
    pub(crate) thawed: Notify,
    pub(crate) checkpoints: Mutex<u64>,
    /// What should not have happened, in words.
    pub(crate) breaches: Mutex<Vec<String>>,
}

#[derive(Debug)]
pub(crate) struct FaultyTable {
    pub(crate) worker: String,
    pub(crate) inner: MemoryTable,
    pub(crate) way: Arc<Way>,
}

impl FaultyTable {
    async fn stand_still(&self) {
        loop {
            let thawed = self.way.thawed.notified();
            if !*self.way.frozen.lock() {
                return;
            }
            thawed.await;
        }
    }

    async fn request(&self) -> Result<()> {
        self.stand_still().await;
        match *self.way.fault.lock() {
            Fault::LoseRequests => Err(Error::Unavailable("the request was lost".to_owned())),
            _ => Ok(()),
        }
    }

    async fn reply<T>(&self, reply: Result<T>) -> Result<T> {
        self.stand_still().await;
        match *self.way.fault.lock() {
            Fault::LoseReplies => Err(Error::Unavailable("the reply was lost".to_owned())),
            _ => reply,
        }
    }

    /// Checks a write that was made.
    fn check(&self, key: &str, before: Option<&Row>, changes: &Changes, after: &Row) {
        let checkpoints =
            changes.iter().any(|(name, change)| name == "checkpoint" && matches!(change, Change::Put(_)));
        if !checkpoints {
            return;
        }
        *self.way.checkpoints.lock() += 1;
        let text = |row: &Row, name: &str| match row.get(name) {
            Some(Value::S(text)) => Some(text.clone()),
            _ => None,
        };
        let holder = text(after, "checkpointOwner").or_else(|| text(after, "leaseOwner"));
        if holder.as_ref() != Some(&self.worker) {
            let breach = format!("{} checkpoints {key}, which {holder:?} has", self.worker);
            self.way.breaches.lock().push(breach);
        }
        let number = |row: &Row| text(row, "checkpoint").and_then(|text| text.parse::<u64>().ok());
        if before.and_then(number) > number(after) {
            self.way.breaches.lock().push(format!("{} takes {key} back", self.worker));
        }
    }
}

#[async_trait]
impl RowTable for FaultyTable {
    async fn ensure(&self, table: &Table, owner_index: bool) -> Result<()> {
        self.inner.ensure(table, owner_index).await
    }

    async fn get(&self, table: &Table, key: &str) -> Result<Option<Row>> {
        self.request().await?;
        let reply = self.inner.get(table, key).await;
        self.reply(reply).await
    }

    async fn put(&self, table: &Table, row: Row, expected: Expected) -> Result<Outcome> {
        self.request().await?;
        let reply = self.inner.put(table, row, expected).await;
        self.reply(reply).await
    }

    async fn update(
        &self,
        table: &Table,
        key: &str,
        expected: Expected,
        changes: Changes,
    ) -> Result<Outcome> {
        self.request().await?;
        let before = self.inner.get(table, key).await?;
        let reply = self.inner.update(table, key, expected, changes.clone()).await;
        if let Ok(Outcome::Applied(after)) = &reply {
            self.check(key, before.as_ref(), &changes, after);
        }
        self.reply(reply).await
    }

    async fn delete(&self, table: &Table, key: &str, expected: Expected) -> Result<Outcome> {
        self.request().await?;
        let reply = self.inner.delete(table, key, expected).await;
        self.reply(reply).await
    }

    async fn parts(&self, table: &Table) -> Result<u32> {
        self.inner.parts(table).await
    }

    async fn scan(&self, table: &Table, part: Part, after: Option<Row>) -> Result<Page> {
        self.request().await?;
        let reply = self.inner.scan(table, part, after).await;
        self.reply(reply).await
    }

    async fn query_owner(&self, table: &Table, owner: &str, after: Option<Row>) -> Result<KeyPage> {
        self.request().await?;
        let reply = self.inner.query_owner(table, owner, after).await;
        self.reply(reply).await
    }
}
