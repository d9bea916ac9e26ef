//! What a table's Kinesis stream has yet to get, for whoever carries it there.
//!
//! A change is kept from the write that made it until [`Tables::delivered`] says that the stream has it. So the
//! position of the carrier is what is left, and after a crash some changes are carried again: at least once, in
//! their order, for each table. While a stream cannot be reached changes are kept, up to the 24 hours after which
//! AWS gives up as well.

use std::time::Duration;

use millstream_storage::{KeyRange, ScanOptions};

use crate::arn::TableArn;
use crate::change_log::Change;
use crate::error::{Error, Result};
use crate::keyspace::change_row::{self, outbox_key, sequence_of};
use crate::keyspace::{OUTBOX, Sequence, TableUid, corrupt, table_prefix};
use crate::meta::{KinesisDestination, Precision};
use crate::stream::record::{event_id, size};
use crate::stream::shards::sequence_number;
use crate::tables::{Inner, Tables};

/// How long a change waits for one that was begun before it, between two looks.
const RECHECK_INTERVAL: Duration = Duration::from_millis(10);

/// Changes for one Kinesis stream, in the order in which it is to get them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub table: TableArn,
    pub stream_arn: String,
    pub precision: Precision,
    /// At least one.
    pub changes: Vec<DeliveredChange>,
    uid: TableUid,
    last: Sequence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredChange {
    /// The same for a change that is carried twice, and in a stream of the table's own.
    pub event_id: String,
    pub sequence_number: String,
    pub size_bytes: u64,
    /// With both images.
    pub change: Change,
}

impl Tables {
    /// The tables that feed a Kinesis stream now.
    pub fn tables_with_destination(&self) -> Vec<TableArn> {
        let now = self.inner.now();
        let tables = self.inner.catalog.all();
        let fed = tables.iter().filter(|table| {
            let meta = table.meta();
            meta.status(now).is_some() && meta.is_fed_to_kinesis()
        });
        fed.map(|table| table.arn.clone()).collect()
    }

    /// Waits until a table begins to feed a Kinesis stream, if none has since this last returned. For one carrier;
    /// tells it `false` when the tables are being closed.
    pub async fn destination_enabled(&self) -> bool {
        tokio::select! {
            biased;
            () = self.inner.tasks.stopping() => false,
            () = self.inner.carrier.notified() => true,
        }
    }

    /// The first changes that the table's Kinesis stream has yet to get; waits until there are any. `None` when the
    /// table feeds no stream, or does not any more. The same ones again until [`Self::delivered`] is called.
    pub async fn next_for_destination(
        &self,
        arn: &TableArn,
        options: ScanOptions,
    ) -> Result<Option<Delivery>> {
        let inner = &self.inner;
        loop {
            let Ok(found) = inner.find(arn) else { return Ok(None) };
            let grown = found.table.grown.notified();
            tokio::pin!(grown);
            // From here on nothing is missed.
            grown.as_mut().enable();
            let Ok(found) = inner.find(arn) else { return Ok(None) };
            let Some(destination) = fed(&found.meta.destinations) else { return Ok(None) };
            // Before the scan: what becomes durable after it was asked for may have a place that was passed.
            let end = inner.sequences.end();
            if let Some(delivery) = inner.delivery(arn, found.table.uid, destination, end, options).await? {
                return Ok(Some(delivery));
            }
            let is_held_back = inner.has_behind(found.table.uid, end).await?;
            tokio::select! {
                biased;
                () = inner.tasks.stopping() => {
                    return Err(Error::Unavailable("the server is shutting down".to_owned()));
                }
                () = grown => {}
                () = inner.clock.sleep(RECHECK_INTERVAL), if is_held_back => {}
            }
        }
    }

    /// The Kinesis stream has got these changes: they are carried no more.
    pub async fn delivered(&self, delivery: &Delivery) -> Result<()> {
        let below = outbox_key(delivery.uid, delivery.last.saturating_add(1));
        Ok(self.inner.slot.trim(&table_prefix(OUTBOX, delivery.uid), &below).await?)
    }
}

/// The destination that gets what happens now, of which there is one at the most.
fn fed(destinations: &[KinesisDestination]) -> Option<&KinesisDestination> {
    destinations.iter().find(|one| one.is_fed())
}

impl Inner {
    async fn delivery(
        &self,
        table: &TableArn,
        uid: TableUid,
        destination: &KinesisDestination,
        end: Sequence,
        options: ScanOptions,
    ) -> Result<Option<Delivery>> {
        let range = KeyRange::new(outbox_key(uid, 0), outbox_key(uid, end));
        let page = self.slot.scan(range, ScanOptions { reverse: false, ..options }).await?;
        let (mut changes, mut last) = (Vec::with_capacity(page.entries.len()), 0);
        for entry in page.entries {
            let sequence = sequence_of(&entry.key).ok_or_else(|| corrupt("a change's key", &entry.key))?;
            let change = change_row::decode(&entry.key, &entry.value)?;
            changes.push(DeliveredChange {
                event_id: event_id(uid, sequence),
                sequence_number: sequence_number(sequence),
                size_bytes: size(&change),
                change,
            });
            last = sequence;
        }
        let delivery = Delivery {
            table: table.clone(),
            stream_arn: destination.stream_arn.clone(),
            precision: destination.precision,
            changes,
            uid,
            last,
        };
        Ok((!delivery.changes.is_empty()).then_some(delivery))
    }

    /// Whether there are changes that have to wait for others.
    async fn has_behind(&self, uid: TableUid, end: Sequence) -> Result<bool> {
        let range = KeyRange::new(outbox_key(uid, end), outbox_key(uid, Sequence::MAX));
        let options = ScanOptions { entries_max: 1, ..ScanOptions::default() };
        Ok(!self.slot.scan(range, options).await?.entries.is_empty())
    }
}
