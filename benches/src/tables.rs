//! The table that a benchmark makes for itself, and the few calls that make it, fill it and delete it.
//!
//! Like those on streams, these calls are not measured, and are patient.

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::streams::{ACTIVE_LIMIT, ACTIVE_POLL, ATTEMPTS_MAX, Caller, decode};
use crate::wire::{Connection, Operation};

/// As many as a BatchWriteItem takes.
const BATCH_ITEMS: usize = 25;
const LOAD_CONNECTIONS: usize = 8;

impl Caller {
    /// Makes a lease table, with `leaseKey` for its key, and waits until it can be used.
    pub(crate) async fn create_lease_table(&self, name: &str) -> Result<(), Error> {
        let mut connection = self.connection();
        let request = json!({
            "TableName": name,
            "KeySchema": [{ "AttributeName": "leaseKey", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "leaseKey", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        self.call(&mut connection, Operation::CreateTable, &request).await?;
        let deadline = self.clock.monotonic() + ACTIVE_LIMIT;
        loop {
            let reply = self.call(&mut connection, Operation::DescribeTable, &table(name)).await?;
            let reply: DescribeTableReply = decode(Operation::DescribeTable, &reply)?;
            if reply.table.table_status == "ACTIVE" {
                return Ok(());
            }
            if self.clock.monotonic() >= deadline {
                return Err(Error::TableNotActive(name.to_owned()));
            }
            self.clock.sleep(ACTIVE_POLL).await;
        }
    }

    /// Minds no table that is not there.
    pub(crate) async fn delete_table(&self, name: &str) -> Result<(), Error> {
        match self.call(&mut self.connection(), Operation::DeleteTable, &table(name)).await {
            Err(Error::Refused { kind, .. }) if kind == "ResourceNotFoundException" => Ok(()),
            deleted => deleted.map(|_| ()),
        }
    }

    /// Puts items over several connections.
    pub(crate) async fn put_items(&self, name: &str, items: &[Value]) -> Result<(), Error> {
        let share = items.len().div_ceil(LOAD_CONNECTIONS).max(1);
        let loaders = items.chunks(share).map(|share| async move {
            let mut connection = self.connection();
            for batch in share.chunks(BATCH_ITEMS) {
                self.put_batch(&mut connection, name, batch).await?;
            }
            Ok(())
        });
        try_join_all(loaders).await.map(drop)
    }

    async fn put_batch(&self, connection: &mut Connection, name: &str, items: &[Value]) -> Result<(), Error> {
        let puts: Vec<_> = items.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
        let mut left = json!({ name: puts });
        for attempt in 0..ATTEMPTS_MAX {
            let request = json!({ "RequestItems": left });
            let reply = self.call(connection, Operation::BatchWriteItem, &request).await?;
            let reply: BatchWriteItemReply = decode(Operation::BatchWriteItem, &reply)?;
            if reply.unprocessed_items.is_empty() {
                return Ok(());
            }
            left = Value::Object(reply.unprocessed_items);
            self.be_patient(attempt).await;
        }
        Err(Error::Refused {
            operation: Operation::BatchWriteItem.name(),
            kind: "UnprocessedItems".to_owned(),
            message: format!("there are still some after {ATTEMPTS_MAX} attempts"),
        })
    }
}

fn table(name: &str) -> Value {
    json!({ "TableName": name })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeTableReply {
    table: TableDescription,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableDescription {
    table_status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchWriteItemReply {
    #[serde(default)]
    unprocessed_items: serde_json::Map<String, Value>,
}
